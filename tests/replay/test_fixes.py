"""For each fault of a client that P0 rules know there is a fix: with it the finding is gone and the outcome another."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from inspector.errors import ReplayFailure
from inspector.reference.profile import Profile as ScriptedClient
from inspector.reference.profile import load_profile
from inspector.reference.settings import DEMO, MCP_URL, Settings
from inspector.replay.fixes import FIXES, add_resource, fix_for, fix_named
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import mirror_of
from inspector.replay.profile import Profile, ProfileStep
from inspector.replay.reenact import proof_of, reenact, what_if
from inspector.rules.model import Confidence, Party
from inspector.rules.registry import find_rule
from inspector.timeline.message import Kind
from inspector.verdict.model import Judged, Verdict
from inspector.verdict.proof import Says, with_proof
from tests.replay.recording import record_client

OTHER = "https://other-server.example/mcp"
COMPLIANT = load_profile("compliant")

type Spoil = Callable[[Profile], Profile]


def legs(
    client: ScriptedClient, authorize: Mapping[str, str | None], token: Mapping[str, str | None]
) -> ScriptedClient:
    """A scripted client with other parameters; None leaves one out."""

    def changed(pairs: tuple[tuple[str, str], ...], by: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
        found = ((name, by.get(name, value)) for name, value in pairs)
        return tuple((name, value) for name, value in found if value is not None)

    return replace(client, authorize=changed(client.authorize, authorize), token=changed(client.token, token))


@dataclass(frozen=True)
class Story:
    """A client that shows a fault, where it is shown, and how the fixed one ends."""

    client: ScriptedClient
    settings: Settings = DEMO
    faults: tuple[str, ...] = ()
    spoil: Spoil | None = None
    gets_in: bool = True
    outcome_changes: bool = True


def each(change: Callable[[ProfileStep], ProfileStep]) -> Spoil:
    """Spoil every step that the change is about."""
    return lambda profile: profile.changed(by=change)


def without_header(step: ProfileStep) -> ProfileStep:
    return replace(step, headers=tuple(pair for pair in step.headers if pair[0] != "Authorization"))


def listing_without_token(step: ProfileStep) -> ProfileStep:
    return without_header(step) if '"tools/list"' in step.body else step


def token_in_query(step: ProfileStep) -> ProfileStep:
    return replace(without_header(step), query=(("access_token", "${access_token}"),)) if step.has_token else step


def old_refresh_token(profile: Profile) -> Profile:
    last = max(n for n, step in enumerate(profile.steps) if step.grant_type == "refresh_token")
    step = profile.steps[last]
    old = tuple((n, "${previous.refresh_token}" if n == "refresh_token" else v) for n, v in step.parameters)
    return replace(profile, steps=(*profile.steps[:last], step.with_parameters(old), *profile.steps[last + 1 :]))


def at_mcp_host(step: ProfileStep) -> ProfileStep:
    return replace(step, url="${mcp_origin}/authorize") if step.leg is Kind.AUTHORIZE else step


def elsewhere_too(step: ProfileStep) -> ProfileStep:
    return replace(step, url="${issuer_origin}/mcp") if '"tools/list"' in step.body else step


def other_redirect_uri(step: ProfileStep) -> ProfileStep:
    if step.leg is not Kind.REGISTER:
        return step
    return replace(step, body=json.dumps(json.loads(step.body) | {"redirect_uris": ["http://127.0.0.1:9/other"]}))


STORIES: dict[str, Story] = {
    "client-skips-protected-resource-metadata": Story(load_profile("legacy-discovery")),
    "client-accepts-mismatched-prm": Story(
        replace(COMPLIANT, checks=("state",)), faults=("prm-resource-other",), gets_in=False
    ),
    "redirect-uri-insecure": Story(replace(COMPLIANT, redirect_uri="http://app.example.com/callback")),
    "resource-missing-authorize": Story(load_profile("warp")),
    "resource-missing-token": Story(load_profile("authorize-leg-only"), outcome_changes=False),
    "resource-missing-refresh": Story(load_profile("refresh-without-resource"), outcome_changes=False),
    "resource-invalid-uri": Story(legs(COMPLIANT, {"resource": "$resource#x"}, {"resource": "$resource#x"})),
    "resource-mismatch-prm": Story(legs(COMPLIANT, {"resource": "$resource/sub"}, {"resource": "$resource/sub"})),
    "resource-trailing-slash": Story(load_profile("trailing-slash")),
    "resource-inconsistent": Story(legs(COMPLIANT, {}, {"resource": OTHER})),
    "pkce-missing": Story(load_profile("no-pkce")),
    "pkce-method-not-s256": Story(load_profile("plain-pkce")),
    "redirect-uri-unregistered": Story(COMPLIANT, spoil=each(other_redirect_uri)),
    "code-verifier-missing": Story(legs(COMPLIANT, {}, {"code_verifier": None})),
    "code-verifier-mismatch": Story(legs(COMPLIANT, {}, {"code_verifier": "x" * 43})),
    "refresh-token-replayed": Story(
        replace(COMPLIANT, calls=("tools/list", "refresh", "refresh", "tools/list")), spoil=old_refresh_token
    ),
    "authorization-header-missing": Story(COMPLIANT, spoil=each(listing_without_token)),
    "token-in-query": Story(COMPLIANT, spoil=each(token_in_query)),
    "wrong-audience-token-sent": Story(
        legs(COMPLIANT, {"resource": OTHER}, {"resource": OTHER}),
        replace(DEMO, resource_indicators=(MCP_URL, OTHER)),
    ),
    "token-sent-to-multiple-servers": Story(COMPLIANT, spoil=each(elsewhere_too)),
    "client-ignores-authorization-servers": Story(COMPLIANT, spoil=each(at_mcp_host)),
}
"""Every rule of priority 0 about a client."""


async def recorded(story: Story) -> Judged:
    """The client of a story as a recording shows it."""
    judged = await record_client(story.client, story.settings, story.faults)
    if story.spoil is None:
        return judged
    profile = story.spoil(completed(profile_of(judged.run)))
    spoilt = replace(profile, steps=tuple(replace(step, outcome="") for step in profile.steps))
    again = await reenact(spoilt, mirror_of(judged.run))
    assert again.judged
    return again.judged


@pytest.mark.parametrize("rule", STORIES)
async def test_with_the_fix_the_finding_is_gone(rule: str) -> None:
    story = STORIES[rule]
    judged = await recorded(story)
    assert rule in {finding.rule for finding in judged.checked.findings}
    fix = fix_for(replace(judged.verdict, cause=rule))
    assert fix is not None
    done = await what_if(judged, fixes=[fix])
    assert rule in done.before.ending.findings, done.before.performance
    assert rule not in done.after.ending.findings
    assert done.after.ending.authorized is story.gets_in, done.after.performance
    assert bool(done.proof.first_difference) is story.outcome_changes
    assert done.proof.says is not Says.REFUTED
    if done.proof.rule == rule:
        assert done.proof.says is Says.CONFIRMED, done.proof
    if rule == judged.verdict.cause:
        assert with_proof(judged.verdict, done.proof).confidence is Confidence.CERTAIN


def test_every_rule_of_a_fix_is_about_clients_or_what_they_were_given() -> None:
    for fix in FIXES:
        for rule in fix.rules:
            declared = find_rule(rule)
            assert declared, rule
            assert declared.party in (Party.CLIENT, Party.CONFIGURATION), rule


def test_no_fix_is_offered_where_no_change_to_the_client_can_help() -> None:
    server = Verdict(Party.MCP_SERVER, Confidence.CERTAIN, "wrong-audience-token-accepted", "")
    assert fix_for(server) is None
    assert fix_for(replace(server, cause=None)) is None


def test_an_unknown_fix_names_the_nearest() -> None:
    with pytest.raises(ReplayFailure, match="did you mean add-resource"):
        fix_named("add-resurce")


async def test_a_change_that_does_not_help_withdraws_the_verdict() -> None:
    judged = await record_client("token-leg-only")
    wrong = replace(judged, verdict=replace(judged.verdict, cause="resource-missing-authorize"))
    mirror = mirror_of(judged.run)
    # An authorization server that knows no such resource refuses the client with and without.
    at_other = replace(mirror, faults=("resource-not-registered",))
    whole = completed(profile_of(judged.run))
    before = await reenact(whole, at_other)
    after = await reenact(add_resource(whole), at_other)
    proof = proof_of(wrong, before, after, [fix_named("add-resource")])
    assert proof.says is Says.REFUTED
    withdrawn = with_proof(wrong.verdict, proof)
    assert (withdrawn.party, withdrawn.cause) == (Party.UNKNOWN, None)
    assert withdrawn.summary.startswith("Withdrawn: resource-missing-authorize")


async def test_a_fault_of_the_server_keeps_out_a_client_that_got_in() -> None:
    judged = await record_client("compliant", replace(DEMO, cimd=False))
    done = await what_if(judged, server_faults=("aud-trailing-slash",))
    assert (done.before.ending.authorized, done.after.ending.authorized) == (True, False)
    assert "aud-canonicalization" in done.after.ending.findings
    assert done.proof.first_difference == "initialize: 200 -> 401 invalid_token"
    assert "the servers with aud-trailing-slash" in done.proof.sentence


async def test_the_sentence_of_proof_says_what_changed_and_what_became_of_it() -> None:
    judged = await record_client("warp")
    done = await what_if(judged, fixes=[fix_named("add-resource")])
    server = done.after.ending.server
    assert done.proof.sentence == (
        f"Same client, resource added on 2 requests: aud {DEMO.environment_client_id} -> {server}, 401 -> 200."
    )
