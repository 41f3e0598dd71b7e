import json
from urllib.parse import parse_qs, urlencode

import pytest

from addons.callback_relay import CallbackRelay, Destination
from addons.origins import ClientSide
from inspector.session.model import Translation

ORIGIN = "http://127.0.0.1:7710"
SIDE = ClientSide("http", "localhost")
CALLBACK = "http://localhost:33418/callback?x=1"


def register(relay: CallbackRelay, *uris: str, client_id: str = "c") -> list[str]:
    """Register a client through the relay; gives the addresses of ours that the authorization server got to know."""
    sent, _ = relay.registration(json.dumps({"redirect_uris": uris}))
    known = json.loads(sent)["redirect_uris"]
    relay.registered(json.dumps({"client_id": client_id, "redirect_uris": known}))
    return [uri for uri in known if uri.startswith(ORIGIN)]


def ask(relay: CallbackRelay, redirect_uri: str = CALLBACK, state: str = "s", client_id: str = "c") -> str:
    """Send an authorization request through the relay; gives the redirect URI that leaves it."""
    query = urlencode({"client_id": client_id, "redirect_uri": redirect_uri, "state": state})
    return parse_qs(relay.authorization(query, "request.url", SIDE)[0])["redirect_uri"][0]


def path_of(address: str) -> str:
    return address.removeprefix(ORIGIN)


def test_a_registration_names_ours_beside_the_clients_own_and_the_answer_does_not() -> None:
    relay = CallbackRelay(ORIGIN)
    text = '{ "client_name":"x",\n "redirect_uris" : [ "warp://mcp/cb" ] , "grant_types":["a"]}'
    sent, (translation,) = relay.registration(text)
    ours = json.loads(sent)["redirect_uris"][1]
    assert ours.startswith(f"{ORIGIN}/.inspector/callback/")
    assert sent == text.replace('[ "warp://mcp/cb" ]', f'["warp://mcp/cb", "{ours}"]')
    assert translation == Translation("request.body", "redirect_uris", "warp://mcp/cb", f"warp://mcp/cb {ours}")

    answer = '{"client_id":"c", "redirect_uris":["warp://mcp/cb", "OURS"]}'.replace("OURS", ours)
    assert relay.registered(answer)[0] == '{"client_id":"c", "redirect_uris":["warp://mcp/cb"]}'


def test_the_response_is_led_here_and_back() -> None:
    relay = CallbackRelay(ORIGIN)
    (ours,) = register(relay, CALLBACK)
    encoded = f"client_id=c&redirect_uri={CALLBACK.replace('?', '%3F').replace('=', '%3D')}&state=a%2fb&z=+"
    changed, (translation,) = relay.authorization(encoded, "request.url", SIDE)
    assert parse_qs(changed)["redirect_uri"] == [ours]
    assert changed.startswith("client_id=c&redirect_uri=")
    assert changed.endswith("&state=a%2fb&z=+")
    assert translation == Translation("request.url", "redirect_uri", CALLBACK, ours)
    assert relay.takes(path_of(ours))
    assert relay.address(path_of(ours)) == ours
    assert relay.destination(path_of(ours), "code=1&state=a/b") == Destination(CALLBACK, SIDE)
    assert relay.destination(path_of(ours), "code=1") == Destination(CALLBACK, SIDE)
    token = urlencode({"grant_type": "authorization_code", "redirect_uri": CALLBACK})
    assert parse_qs(relay.form(token, SIDE)[0])["redirect_uri"] == [ours]


def test_a_pushed_request_is_an_authorization_request() -> None:
    relay = CallbackRelay(ORIGIN)
    (ours,) = register(relay, CALLBACK)
    pushed = urlencode({"client_id": "c", "redirect_uri": CALLBACK, "state": "p"})
    assert parse_qs(relay.form(pushed, SIDE)[0])["redirect_uri"] == [ours]
    assert relay.destination(path_of(ours), "state=p") == Destination(CALLBACK, SIDE)


def test_clients_of_this_machine_may_change_their_port() -> None:
    relay = CallbackRelay(ORIGIN)
    (ours,) = register(relay, "http://localhost:1000/callback")
    assert ask(relay, "http://localhost:2000/callback", "second") == ours
    assert ask(relay, "http://localhost:3000/callback", "third") == ours
    second = relay.destination(path_of(ours), "state=second")
    assert second is not None
    assert second.redirect_uri == "http://localhost:2000/callback"


@pytest.mark.parametrize(
    ("redirect_uri", "client_id"),
    [
        ("https://evil.example/", "c"),
        ("http://localhost:33418/other", "c"),
        ("http://localhost.evil.example:33418/callback?x=1", "c"),
        (CALLBACK, "unknown"),
        ("", "c"),
    ],
)
def test_only_what_was_registered_through_here_is_relayed(redirect_uri: str, client_id: str) -> None:
    relay = CallbackRelay(ORIGIN)
    register(relay, CALLBACK)
    query = urlencode({"client_id": client_id, "redirect_uri": redirect_uri})
    assert relay.authorization(query, "request.url", SIDE) == (query, [])


def test_a_state_leads_nowhere_but_to_its_own_address() -> None:
    relay = CallbackRelay(ORIGIN)
    ours, theirs = register(relay, "warp://a", "warp://b")
    ask(relay, "warp://a", "s")
    assert relay.destination(path_of(theirs), "state=s") is None
    assert relay.destination("/.inspector/callback/unknown", "state=s") is None
    assert relay.destination(path_of(ours), "state=s") == Destination("warp://a", SIDE)


def test_sign_ins_that_never_end_are_forgotten() -> None:
    relay = CallbackRelay(ORIGIN)
    register(relay, CALLBACK)
    for number in range(1000):
        ask(relay, state=str(number))
    assert len(relay._destinations) == 100


@pytest.mark.parametrize(
    "text", ['{"client_name":"x"}', '{"redirect_uris":[]}', '{"redirect_uris":"x"}', '{"redirect_uris":[1]}', "[]"]
)
def test_a_registration_without_redirect_uris_stays(text: str) -> None:
    relay = CallbackRelay(ORIGIN)
    assert relay.registration(text) == (text, [])
    assert relay.registered(text) == (text, [])
