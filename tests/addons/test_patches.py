import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.legs import Leg
from addons.parts import Parts, differences
from addons.patches import KINDS, Patch, Patches, parse_patch
from inspector.errors import InspectorError
from inspector.session.model import Body, Exchange
from inspector.session.undo import as_client_sent

FORM = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)
JSON = (("Content-Type", "application/json"),)
RESOURCE = "http://localhost:3001/mcp"
ENCODED = "http%3A%2F%2Flocalhost%3A3001%2Fmcp"


def patched(patch: str, leg: Leg, parts: Parts, resource: str = RESOURCE) -> Parts:
    patches = Patches()
    patches.switch_on(patch)
    changed = patches.response(leg, parts, resource) if parts.status else patches.request(leg, parts, resource)
    return changed[-1][1] if changed else parts


def form(body: str) -> Parts:
    return Parts(FORM, body.encode(), path="/token")


def query(path: str) -> Parts:
    return Parts((), b"", path=path)


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        ("add-resource", "grant_type=x&a=%2f+", f"grant_type=x&a=%2f+&resource={ENCODED}"),
        ("add-resource=http://o", "grant_type=x", "grant_type=x&resource=http%3A%2F%2Fo"),
        ("add-resource", "grant_type=x&resource=other", "grant_type=x&resource=other"),
        ("add-resource=authorize:http://o", "grant_type=x", "grant_type=x"),
        ("drop-resource", "resource=a&&x=%2f&res%6furce=b", "&x=%2f"),
        ("fix-resource-slash", f"resource={ENCODED}%2F&x=%2f", f"resource={ENCODED}&x=%2f"),
        ("fix-resource-slash=http://h/", "resource=http%3A%2F%2Fh&x", "resource=http%3A%2F%2Fh%2F&x"),
        ("fix-resource-slash", "resource=http%3A%2F%2Fother%2F", "resource=http%3A%2F%2Fother%2F"),
        ("set-parameter=scope=a b&c", "x=1&scope=&y&scope=z", "x=1&scope=a%20b%26c&y"),
        ("set-parameter=token:scope=a", "x=1", "x=1&scope=a"),
        ("set-parameter=refresh:scope=a", "x=1", "x=1"),
        ("drop-parameter=scope", "x=1&scope=a", "x=1"),
    ],
)
def test_a_form_changes_in_one_place(patch: str, before: str, after: str) -> None:
    assert patched(patch, Leg.TOKEN, form(before)) == form(after)


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        ("add-resource", "/authorize?client_id=c&s=%2f+", f"/authorize?client_id=c&s=%2f+&resource={ENCODED}"),
        ("add-resource", "/authorize?client_id=c&request_uri=u", "/authorize?client_id=c&request_uri=u"),
        ("drop-parameter=state", "/authorize?state=x", "/authorize"),
        ("set-parameter=authorize:prompt=consent", "/authorize", "/authorize?prompt=consent"),
    ],
)
def test_a_query_changes_in_one_place(patch: str, before: str, after: str) -> None:
    assert patched(patch, Leg.AUTHORIZE, query(before)) == query(after)


def test_nothing_is_added_before_metadata_was_seen() -> None:
    assert patched("add-resource", Leg.TOKEN, form("grant_type=x"), resource="") == form("grant_type=x")


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        ("set-parameter=client_name=W", '{"client_name":"x" , "n": 1.50}', '{"client_name":"W" , "n": 1.50}'),
        (
            'set-parameter=grant_types=["authorization_code"]',
            '{"x":1}',
            '{"grant_types": ["authorization_code"], "x":1}',
        ),
        ("drop-parameter=b", '{ "a":1 ,\n "b":[{}], "c":"\\u00e9" }', '{ "a":1 ,\n "c":"\\u00e9" }'),
        ("drop-parameter=b", '{"a": 1, "b": 2}', '{"a": 1}'),
        ("drop-parameter=a", '{ "a": 1 }', "{  }"),
        ("drop-parameter=b", "no JSON", "no JSON"),
    ],
)
def test_a_registration_changes_in_one_member(patch: str, before: str, after: str) -> None:
    changed = patched(patch, Leg.REGISTER, Parts(JSON, before.encode(), path="/register"))
    assert changed.body.decode() == after


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)), st.text())
def test_dropping_a_member_leaves_the_rest(document: dict[str, object], name: str) -> None:
    from addons.json_text import drop_member, set_member

    text = json.dumps(document, indent=1)
    assert json.loads(drop_member(text, name)) == {key: value for key, value in document.items() if key != name}
    assert json.loads(set_member(text, name, "v")) == {**document, name: "v"}


def test_headers_are_set_once_and_dropped_in_any_case() -> None:
    parts = Parts((("Accept", "a"), ("user-agent", "x"), ("User-Agent", "y")), b"", path="/mcp")
    assert patched("set-header=User-Agent=w", Leg.MCP, parts).headers == (("Accept", "a"), ("User-Agent", "w"))
    assert patched("drop-header=USER-AGENT", Leg.MCP, parts).headers == (("Accept", "a"),)
    assert patched("drop-header=token:Accept", Leg.MCP, parts) == parts


@pytest.mark.parametrize(
    ("patch", "leg", "before", "after"),
    [
        ("pkce-methods", Leg.SERVER_METADATA, "{}", '{"code_challenge_methods_supported": ["S256"]}'),
        (
            "pkce-methods",
            Leg.SERVER_METADATA,
            '{"code_challenge_methods_supported": []}',
            '{"code_challenge_methods_supported": []}',
        ),
        ("pkce-methods", Leg.SERVER_METADATA, "<html>", "<html>"),
        ("set-metadata=x=false", Leg.SERVER_METADATA, '{"x": true}', '{"x": false}'),
        ("set-metadata=x=false", Leg.RESOURCE_METADATA, '{"x": true}', '{"x": true}'),
        ("set-metadata=resource-metadata:resource=http://h", Leg.RESOURCE_METADATA, "{}", '{"resource": "http://h"}'),
        ("drop-metadata=x", Leg.SERVER_METADATA, '{"x": true}', "{}"),
    ],
)
def test_documents_change_in_one_member(patch: str, leg: Leg, before: str, after: str) -> None:
    assert patched(patch, leg, Parts(JSON, before.encode(), status=200)).body.decode() == after


@pytest.mark.parametrize(
    ("status", "challenges", "added"),
    [
        (401, (), True),
        (401, (("WWW-Authenticate", "Bearer"),), True),
        (401, (("www-authenticate", 'Bearer Resource_Metadata="u"'),), False),
        (403, (), False),
    ],
)
def test_a_challenge_is_added_to_a_401_without_one(
    status: int, challenges: tuple[tuple[str, str], ...], added: bool
) -> None:
    after = patched("add-challenge=http://h/m", Leg.MCP, Parts(challenges, b"", status=status))
    expected = (("WWW-Authenticate", 'Bearer resource_metadata="http://h/m"'),) if added else ()
    assert after.headers == challenges + expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "There is no wire patch 'nonsense'; there are add-resource, "),
        ("drop-resource=x", "The wire patch drop-resource is written drop-resource."),
        ("set-header=X", "The wire patch set-header is written set-header=NAME=VALUE."),
        ("drop-parameter=a=b", "The wire patch drop-parameter is written drop-parameter=NAME."),
        ("add-challenge", "The wire patch add-challenge is written add-challenge=VALUE."),
        ("set-header=X Y=1", "'X Y' is not the name of a header; "),
        ("set-header=X=a\r\nY: b", "The wire patch set-header takes printable ASCII only."),
    ],
)
def test_what_is_no_patch_is_explained(text: str, says: str) -> None:
    with pytest.raises(InspectorError) as caught:
        parse_patch(text)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    "text",
    ["add-resource", "add-resource=http://h", "add-resource=token:", "set-header=mcp:X=a=b", "drop-metadata=x"],
)
def test_a_patch_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_patch(text)) == text


def test_patches_apply_in_order_and_are_counted_and_switched_off() -> None:
    patches = Patches()
    for text in ("drop-resource", "add-resource=http://h", "set-header=X=1", "set-header=x=2"):
        patches.switch_on(text)
    assert [str(each) for each in patches.active] == ["drop-resource", "add-resource=http://h", "set-header=x=2"]
    steps = patches.request(Leg.TOKEN, form("grant_type=x&resource=o"), RESOURCE)
    assert [patch.name for patch, _ in steps] == ["drop-resource", "add-resource", "set-header"]
    assert steps[-1][1].body == b"grant_type=x&resource=http%3A%2F%2Fh"
    assert patches.applied[Patch("add-resource", None, "", "http://h")] == 1
    assert patches.switch_off("set-header=x=2")
    assert patches.switch_off("add-resource")
    assert not patches.switch_off("add-resource")
    assert [str(each) for each in patches.active] == ["drop-resource"]


def test_every_kind_says_what_it_is_for() -> None:
    assert all(kind.what.endswith(".") and kind.legs for kind in KINDS.values())


@pytest.mark.parametrize(
    ("patch", "leg", "parts"),
    [
        ("add-resource", Leg.TOKEN, form("grant_type=x&a=%2f")),
        ("drop-resource", Leg.TOKEN, form("grant_type=x&resource=r")),
        ("set-parameter=scope=a b", Leg.REFRESH, form("scope=c&grant_type=x")),
        ("drop-parameter=state", Leg.AUTHORIZE, query("/authorize?client_id=c&state=s%2f")),
        ("set-parameter=client_name=W", Leg.REGISTER, Parts(JSON, b'{"client_name": "x"}', path="/r")),
        ("drop-parameter=grant_types", Leg.REGISTER, Parts(JSON, b'{"grant_types": ["a"]}', path="/r")),
        ("set-header=User-Agent=w", Leg.MCP, Parts((("user-agent", "x"),), b"", path="/mcp")),
        ("drop-header=Accept", Leg.MCP, Parts((("Accept", "x"),), b"", path="/mcp")),
    ],
)
def test_what_the_client_sent_can_be_told_from_what_is_recorded(patch: str, leg: Leg, parts: Parts) -> None:
    after = patched(patch, leg, parts)
    assert after != parts
    translations = tuple(differences("request", parts, after, "p"))
    url, body = f"http://h{after.path}", Body.whole(after.body)
    recorded = Exchange(1, "POST", url, after.headers, body, translations=translations)
    sent = as_client_sent(recorded)
    client = Parts(sent.request_headers, sent.request_body.data, path=sent.url.removeprefix("http://h"))
    # At most an escape or the order is another.
    assert not [each for each in differences("request", client, parts, "p") if each.name]
