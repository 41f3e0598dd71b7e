"""What a proxy misses never moves the blame: the verdict on a part of a capture is the same, weaker or unknown."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import chain, combinations, product
from typing import Any

import pytest

from inspector.rules.model import Confidence, Party
from inspector.verdict.analysis import analyse
from inspector.verdict.model import Verdict
from tests.cases.harmless import VARIANTS
from tests.cases.rows import BOTH_LEGS, REFUSED, Changes, Row
from tests.cases.test_rows import ROWS
from tests.rules.changes import recording
from tests.rules.good import ENDPOINT

ENVIRONMENT = "client_01HZENVAUTHKIT0000000000AB"
LEGS = ("challenge", "prm", "as", "register", "authorize", "token", "keys")
"""Exchanges that pass by a proxy: cached discovery, stored registrations and tokens, the browser, the servers' own."""
BODIES = (
    ("prm.lost", "response"),
    ("as.lost", "response"),
    ("register.lost", "response"),
    ("token.lost", "request"),
    ("token.lost", "response"),
    ("initialize.lost", "response"),
)
CERTAINTY = [Confidence.GUESS, Confidence.LIKELY, Confidence.CERTAIN]

RUNS: dict[str, tuple[Party, Changes]] = {
    "good": (Party.NONE, {}),
    "resource left out": (
        Party.CLIENT,
        {**REFUSED, "drop": BOTH_LEGS, "set": {"token.claim.aud": ENVIRONMENT}},
    ),
    "no resource indicators": (Party.CONFIGURATION, {**REFUSED, "set": {"token.claim.aud": ENVIRONMENT}}),
    "resource not registered": (
        Party.CONFIGURATION,
        {"until": "token", "set": {"token.status": 400, "token.json": {"error": "invalid_target"}}},
    ),
    "wrong audience accepted": (
        Party.MCP_SERVER,
        {"drop": [*BOTH_LEGS, "refresh.form.resource"], "set": {"token.claim.aud": ENVIRONMENT}},
    ),
    "code verifier of another request": (
        Party.CLIENT,
        {
            "until": "token",
            "set": {
                "token.form.code_verifier": "a" * 43,
                "token.status": 400,
                "token.json": {"error": "invalid_grant", "error_description": "PKCE verification failed"},
            },
        },
    ),
    "good token refused": (Party.MCP_SERVER, REFUSED),
    "refresh without resource": (
        Party.CLIENT,
        {"refuse": ["again"], "drop": ["refresh.form.resource"], "set": {"refresh.claim.aud": ENVIRONMENT}},
    ),
    "issuer mismatch": (
        Party.AUTHORIZATION_SERVER,
        {"until": "as", "set": {"as.json.issuer": "http://localhost:3002/other"}},
    ),
    "registration off": (
        Party.CONFIGURATION,
        {"until": "register", "set": {"register.status": 404, "register.json": {"error": "not_found"}}},
    ),
    "clock of the authorization server": (
        Party.AUTHORIZATION_SERVER,
        {**REFUSED, "set": {"token.claim.iat": 7200, "token.claim.exp": 10800}},
    ),
    "key that is not published": (
        Party.AUTHORIZATION_SERVER,
        {**REFUSED, "set": {"keys.json.keys": [{"kty": "RSA", "kid": "another", "n": "AQAB", "e": "AQAB"}]}},
    ),
    "client of the revision without resource": (
        Party.CONFIGURATION,
        {
            **REFUSED,
            "drop": BOTH_LEGS,
            "drop_step": ["prm"],
            "set": {
                "as.url": "http://localhost:3001/.well-known/oauth-authorization-server",
                "token.claim.aud": ENVIRONMENT,
                "challenge.sent.params.protocolVersion": "2025-03-26",
                "initialize.sent.params.protocolVersion": "2025-03-26",
            },
        },
    ),
    "no way to register": (Party.CONFIGURATION, {"until": "as", "drop": ["as.json.registration_endpoint"]}),
    "issuer with a slash": (
        Party.CONFIGURATION,
        {"until": "as", "set": {"as.json.issuer": "http://localhost:3002/"}},
    ),
    "issuer promised and not sent": (
        Party.AUTHORIZATION_SERVER,
        {"until": "authorize", "set": {"as.json.authorization_response_iss_parameter_supported": True}},
    ),
    "issuer ignored": (
        Party.CLIENT,
        {"until": "list", "set": {"authorize.location.iss": "https://other.example"}},
    ),
    "more scope not asked for": (
        Party.CLIENT,
        {
            "until": "call",
            "set": {
                "call.status": 403,
                "call.json": {},
                "call.header.www-authenticate": 'Bearer error="insufficient_scope", scope="admin"',
            },
        },
    ),
    "server in front of another issuer": (
        Party.NONE,
        {"issuer": "http://localhost:3001", "set": {"token.claim.iss": "https://tenant.authkit.app"}},
    ),
    "slash of the client": (
        Party.CLIENT,
        {
            **REFUSED,
            "set": dict.fromkeys(
                ["authorize.query.resource", "token.form.resource", "token.claim.aud"], f"{ENDPOINT}/"
            ),
        },
    ),
    "slash of the configured URL": (
        Party.CONFIGURATION,
        {"until": "prm", "set": {"challenge.url": f"{ENDPOINT}/"}},
    ),
}

BOTH_AT_FAULT = {"issuer ignored": Party.AUTHORIZATION_SERVER}
"""Who is left where two are at fault and the part of the one that is named was not captured."""


@pytest.mark.parametrize("name", RUNS)
def test_no_missing_leg_moves_the_blame(name: str) -> None:
    expected, changes = RUNS[name]
    (whole,) = _verdicts(changes)
    assert whole.party is expected, whole.summary
    assert moved_blame(name)[1] == []


def moved_blame(name: str) -> tuple[int, list[tuple[tuple[str, ...], Party, Confidence, str]]]:
    """How many partial captures of a run there are, and those whose verdict is another or a surer one."""
    _, changes = RUNS[name]
    (whole,) = _verdicts(changes)
    parts = list(_parts(changes))
    wrong = [
        (missing, verdict.party, verdict.confidence, verdict.summary)
        for missing, part in parts
        for verdict in _verdicts(part)
        if not _weaker(verdict, whole) and verdict.party is not BOTH_AT_FAULT.get(name)
    ]
    return len(parts), wrong


EXCEPT = {
    # Without the browser leg, a refusal of the published resource is laid to the dashboard: clients that name another
    # one there and the right one afterwards are rarer by far than a resource that was never registered.
    "oh_my_pi_takes_the_resource_of_the_endpoint_url",
    # Without one of its two documents the server publishes something else.
    "only_the_origin_is_a_known_resource",
}


@pytest.mark.parametrize("row", [row for row in ROWS if row.changes.__name__ not in EXCEPT], ids=lambda row: row.name)
def test_no_missing_leg_moves_the_blame_in_a_real_failure(row: Row) -> None:
    changes = row.changes()
    (whole,) = _verdicts(changes)
    missing = changes.get("drop_step", [])
    parts = [{**changes, "drop_step": [*missing, leg]} for leg in LEGS]
    parts += [{**changes, "set": {**changes["set"], path: what}} for path, what in BODIES]
    wrong = [verdict for part in parts for verdict in _verdicts(part) if not _weaker(verdict, whole)]
    assert wrong == []


@pytest.mark.parametrize("name", VARIANTS)
def test_no_missing_leg_makes_a_fault(name: str) -> None:
    changes = VARIANTS[name]
    missing = changes.get("drop_step", [])
    found = [_verdicts({**changes, "drop_step": [*missing, leg]}) for leg in LEGS]
    assert {verdict.party for verdicts in found for verdict in verdicts} <= {Party.NONE, Party.UNKNOWN}


def _weaker(verdict: Verdict, whole: Verdict) -> bool:
    if verdict.party in (Party.UNKNOWN, Party.NONE):
        return True
    return verdict.party is whole.party and CERTAINTY.index(verdict.confidence) <= CERTAINTY.index(whole.confidence)


def _parts(changes: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Changes]]:
    """Every subset of missing legs, and every subset of lost bodies with and without the leg through the browser."""
    never_seen = changes.get("drop_step", [])
    for legs in _subsets(LEGS):
        yield legs, {**changes, "drop_step": [*never_seen, *legs]}
    for lost, browser in product(_subsets(BODIES), ([], ["authorize"])):
        values = {**deepcopy(changes.get("set", {})), **dict(lost)}
        missing = (*browser, *(f"{path} {what}" for path, what in lost))
        yield missing, {**changes, "drop_step": [*never_seen, *browser], "set": values}


def _subsets[Part](parts: tuple[Part, ...]) -> Iterable[tuple[Part, ...]]:
    return chain.from_iterable(combinations(parts, size) for size in range(1, len(parts) + 1))


def _verdicts(changes: Mapping[str, Any]) -> list[Verdict]:
    return [judged.verdict for judged in analyse(recording(changes).values()).runs]
