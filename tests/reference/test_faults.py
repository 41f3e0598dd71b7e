"""Every fault, played for real: the rules it provokes are exactly those that the table names."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from inspector.capture.proxy import ProxySettings, RunningProxy, start_proxy
from inspector.errors import ReferenceFailure
from inspector.reference.authkit.flaws import AuthKitFlaws
from inspector.reference.client import Step, perform
from inspector.reference.fault import Fault, Side
from inspector.reference.faults import FAULTS, fault_named, fault_table, with_faults
from inspector.reference.mcp_server.flaws import ServerFlaws
from inspector.reference.pair import Reference
from inspector.reference.profile import Profile, load_profile
from inspector.reference.settings import DEMO, Settings
from inspector.rules.model import Party
from inspector.rules.registry import all_rules
from inspector.session.reader import Session
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Judged
from tests.reference.verdicts import VERDICTS

type Faults = tuple[str, ...]

AT_ONCE = 4
PATIENT = "forbidden-when-expired"
"""The fault that shows only when time has passed."""

COMBINATIONS: Mapping[Faults, frozenset[str]] = {
    ("any-audience-accepted", "aud-other"): frozenset(
        {"aud-mismatch", "wrong-audience-token-sent", "wrong-audience-token-accepted"}
    ),
    ("challenge-without-error", "aud-missing"): frozenset(
        {"aud-missing", "fresh-token-rejected", "bearer-error-missing-on-rejected-token"}
    ),
    ("expired-accepted", "clock-behind"): frozenset({"expired-token-accepted"}),
    ("keys-never-refetched", "keys-rotated"): frozenset({"fresh-token-rejected"}),
}
"""Rules that need both sides to go wrong, and what else fires then."""


NEEDS_MORE: Mapping[str, tuple[str, ...]] = {
    "a client that does something wrong": (
        "as-discovery-order",
        "authorization-header-missing",
        "cimd-client-id-invalid",
        "cimd-document-client-id-mismatch",
        "client-accepts-issuer-mismatch",
        "client-accepts-mismatched-prm",
        "client-auth-method-mismatch",
        "client-ignores-authorization-servers",
        "client-ignores-resource-metadata-url",
        "client-proceeds-without-pkce-metadata",
        "client-redeems-after-iss-failure",
        "client-rejects-compatible-prm",
        "client-skips-oidc-discovery",
        "client-skips-protected-resource-metadata",
        "code-verifier-mismatch",
        "code-verifier-missing",
        "credential-cross-issuer-reuse",
        "credential-in-url",
        "foreign-issuer-token-sent",
        "id-token-as-access-token",
        "legacy-default-endpoints-used",
        "offline-access-not-offered",
        "pkce-method-not-s256",
        "pkce-missing",
        "prm-probe-order",
        "protocol-version-header-missing",
        "reauthorization-loop",
        "redirect-uri-custom-scheme",
        "redirect-uri-insecure",
        "redirect-uri-unregistered",
        "refresh-token-replayed",
        "refresh-token-to-wrong-party",
        "registration-application-type-missing",
        "registration-priority-order",
        "reregistration-missing-on-issuer-change",
        "resource-inconsistent",
        "resource-invalid-uri",
        "resource-less-specific",
        "resource-mismatch-prm",
        "resource-missing-authorize",
        "resource-missing-refresh",
        "resource-missing-token",
        "resource-not-this-server",
        "resource-repeated",
        "resource-trailing-slash",
        "scope-exceeds-metadata",
        "scope-malformed",
        "scope-not-from-challenge",
        "scope-omitted-though-supported",
        "stale-token-sent",
        "state-missing",
        "step-up-scope-union-missing",
        "token-endpoint-mismatch",
        "token-in-query",
        "token-sent-to-multiple-servers",
    ),
    "a client without a token, at token-checked-once": (
        "session-id-as-authentication",
        "unauthenticated-access-accepted",
    ),
    "a client without a code verifier, at pkce-unchecked": ("pkce-not-enforced",),
    "a client that does not use what it was registered with, at registration-secret-forced": (
        "registration-auth-method-substituted",
    ),
    "a client that tries another authentication method when one is refused": ("as-rejects-own-auth-method",),
    "a client in a browser, at cors-headers-hidden or cors-preflight-refused, or at AuthKit as it is": (
        "cors-actual-response-missing-origin",
        "cors-preflight-failed",
        "cors-www-authenticate-not-exposed",
    ),
    "a server whose own requests are captured": ("token-passthrough",),
    "a server on another machine": ("mcp-endpoint-insecure",),
}
"""Rules that no fault of the servers provokes as long as the client does nothing wrong, by what they need."""


def careful_client() -> Profile:
    """The client that does nothing wrong, known by a document of its own, with a refresh on the way."""
    client = load_profile("cimd")
    return replace(client, calls=(*client.calls, "refresh", "tools/list", "tools/call get-workos-user"))


def outlive_the_token(mcp_url: str) -> Callable[[Step], None]:
    """Lets two seconds pass once the client has been served its list of tools."""
    served = iter([False, True])  # the handshake, and the list

    def pause(step: Step) -> None:
        if step.url == mcp_url and step.status == 200 and next(served, False):
            time.sleep(2)

    return pause


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """One proxy for all faults: each has servers of its own, so each is a run of its own."""
    home = tmp_path_factory.mktemp("inspector")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCP_AUTH_INSPECTOR_HOME", str(home))
        running = start_proxy(ProxySettings(session=home / "faults.mcpauth"))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def judged(proxy: RunningProxy) -> Mapping[Faults, tuple[Judged, ...]]:
    """The runs with no fault, with each one alone, and with each combination."""
    servers: dict[Faults, str] = {}
    limit = asyncio.Semaphore(AT_ONCE)

    async def play(names: Faults) -> None:
        async with limit, Reference(faults=names) as pair:
            servers[names] = pair.mcp_url
            proxy.add_target(pair.mcp_url)
            with suppress(ReferenceFailure):  # the client stops at a URL that is none
                await perform(careful_client(), pair.mcp_url, proxy=proxy.url)

    async def play_all() -> None:
        alone = [(fault.name,) for fault in FAULTS if fault.name != PATIENT]
        await asyncio.gather(*map(play, [(), *alone, *COMBINATIONS]))
        async with Reference(faults=(PATIENT,)) as pair:
            servers[PATIENT,] = pair.mcp_url
            proxy.add_target(pair.mcp_url)
            twice = replace(careful_client(), calls=("tools/list", "tools/list"))
            await perform(twice, pair.mcp_url, proxy=proxy.url, on_step=outlive_the_token(pair.mcp_url))

    asyncio.run(play_all())
    with Session.open(proxy.session) as session:
        runs = analyse(session.exchanges()).runs
    return {names: tuple(each for each in runs if each.run.server_url == url) for names, url in servers.items()}


@pytest.fixture(scope="module")
def fired(judged: Mapping[Faults, tuple[Judged, ...]]) -> Mapping[Faults, frozenset[str]]:
    """The rules that fire in them."""
    return {
        names: frozenset(finding.rule for each in runs for finding in each.checked.findings)
        for names, runs in judged.items()
    }


def test_the_careful_client_gives_no_rule_anything_to_say(fired: Mapping[Faults, frozenset[str]]) -> None:
    assert fired[()] == frozenset()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_provokes_exactly_its_rules(fired: Mapping[Faults, frozenset[str]], fault: Fault) -> None:
    assert sorted(fired[fault.name,]) == sorted(fault.provokes)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_its_verdict(judged: Mapping[Faults, tuple[Judged, ...]], fault: Fault) -> None:
    expected = VERDICTS.get(fault.name, (Party.NONE, ""))
    found = {(each.verdict.party, each.verdict.cause or "") for each in judged[fault.name,]}
    assert found == {expected}


def test_every_verdict_is_about_a_fault_that_exists() -> None:
    assert VERDICTS.keys() <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_some_rules_need_two_faults(fired: Mapping[Faults, frozenset[str]], names: Faults) -> None:
    assert fired[names] == COMBINATIONS[names]


def test_every_rule_is_provoked_or_needs_another_client() -> None:
    provoked = {rule for fault in FAULTS for rule in fault.provokes}.union(*COMBINATIONS.values())
    existing = {rule.id for rule in all_rules()}
    assert provoked - existing == set()
    assert sorted(existing - provoked) == sorted(rule for rules in NEEDS_MORE.values() for rule in rules)


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[2] / "inspector/reference/FAULTS.md").read_text("utf-8")
    assert fault_table() in page


def test_names_are_unique_and_descriptions_are_sentences() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({fault.description for fault in FAULTS}) == len(FAULTS)
    assert all(fault.description[0].isupper() and fault.description.endswith(".") for fault in FAULTS)


def possible(hint: Any, value: Any) -> bool:
    """Whether a field of this type can have this value."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return isinstance(value, get_origin(hint) or hint)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_fields_that_exist_to_values_they_can_have(fault: Fault) -> None:
    flaws = ServerFlaws if fault.side is Side.MCP_SERVER else AuthKitFlaws
    hints = get_type_hints(Settings) | get_type_hints(flaws)
    assert fault.changes
    assert all(possible(hints[name], value) for name, value in fault.changes.items())
    assert with_faults(DEMO, [fault.name]) != DEMO


def test_every_flaw_can_be_chosen() -> None:
    for side, flaws in ((Side.MCP_SERVER, ServerFlaws), (Side.AUTHORIZATION_SERVER, AuthKitFlaws)):
        chosen = [fault.changes for fault in FAULTS if fault.side is side]
        hints = get_type_hints(flaws)
        for field in fields(flaws):
            values = {changes[field.name] for changes in chosen if field.name in changes}
            wanted = set(get_args(hints[field.name])) - {field.default}
            assert values == wanted if wanted else values, field.name


def test_settings_and_flaws_have_no_name_in_common() -> None:
    names = {field.name for field in fields(Settings)}
    assert not names & {field.name for flaws in (ServerFlaws, AuthKitFlaws) for field in fields(flaws)}


def test_faults_combine_unless_they_contradict_each_other() -> None:
    for one, other in combinations(FAULTS, 2):
        names = [one.name, other.name]
        if one.contradicts(other) or other.contradicts(one):
            with pytest.raises(ReferenceFailure, match=f"{one.name}.*contradict|{other.name}.*contradict"):
                with_faults(DEMO, names)
        else:
            assert with_faults(DEMO, names) == with_faults(DEMO, names[::-1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("challenge-absent", "challenge-without-scope"),
        ("prm-absent", "prm-resource-origin"),
        ("prm-resource-origin", "prm-html"),
        ("legacy-server", "prm-root-only"),
        ("aud-missing", "aud-other"),
        ("no-resource-indicators", "resource-not-registered"),
        ("clock-ahead", "clock-behind"),
        ("as-metadata-absent", "issuer-other"),
        ("registration-off", "registration-not-found"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(one: str, other: str) -> None:
    with pytest.raises(ReferenceFailure, match="contradict each other; choose one of them"):
        with_faults(DEMO, [one, other])


def test_a_fault_named_twice_is_one() -> None:
    assert with_faults(DEMO, ["aud-missing", "aud-missing"]) == with_faults(DEMO, ["aud-missing"])


@pytest.mark.parametrize(
    ("name", "advice"), [("aud-mising", "did you mean aud-missing"), ("xyz", "--list-faults"), ("", "--list-faults")]
)
def test_an_unknown_fault_is_refused_with_a_sentence(name: str, advice: str) -> None:
    with pytest.raises(ReferenceFailure, match=advice):
        fault_named(name)
