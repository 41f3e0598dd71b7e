"""What is said when no story fits: the first cause, traced back, or that nothing is wrong."""

from inspector.rules.model import Checked, Confidence, Finding, Party, Place, Severity
from inspector.rules.registry import all_rules, find_rule
from inspector.verdict.judge import judge
from tests.rules.changes import outcome
from tests.rules.good import ENDPOINT


def found(rule: str, severity: Severity, cause: str | None = None) -> Finding:
    declared = find_rule(rule)
    assert declared
    return Finding(
        rule,
        declared.title,
        severity,
        Confidence.LIKELY,
        declared.party,
        "MUST",
        f"{rule} fired.",
        "",
        "",
        (Place(1, "url"),),
        cause,
    )


def test_a_clean_run() -> None:
    seen = outcome({})
    verdict = seen.judged.verdict
    assert (verdict.party, verdict.confidence, verdict.cause) == (Party.NONE, Confidence.CERTAIN, None)
    passed, silent = len(seen.judged.checked.passed), len(seen.judged.checked.not_observed)
    assert passed + silent == len(all_rules())
    assert verdict.summary == f"No fault found: {passed} checks passed, {silent} could not be made."
    (observation,) = verdict.observations
    assert observation.text == "The MCP server accepted the token for tools/call."
    assert observation.step == seen.judged.run.steps[-1].id


def test_what_could_not_be_checked_is_counted() -> None:
    judged = outcome({"until": "list"}).judged
    passed, silent = len(judged.checked.passed), len(judged.checked.not_observed)
    assert silent > 0
    assert judged.verdict.summary == f"No fault found: {passed} checks passed, {silent} could not be made."


def test_warnings_are_counted_and_shown() -> None:
    verdict = outcome({"drop": ["refresh.form.resource"]}).judged.verdict
    assert verdict.party is Party.NONE
    assert verdict.summary.endswith(", 1 warning.")
    assert "refresh request does not say" in verdict.observations[1].text


def test_the_earliest_phase_is_the_first_cause() -> None:
    changes = {"resource": "https://elsewhere.example/mcp", "until": "authorize"}
    verdict = outcome(changes).judged.verdict
    assert (verdict.party, verdict.cause) == (Party.CONFIGURATION, "prm-resource-mismatch")
    assert "The client went on although" in verdict.observations[1].text
    assert f"Expected here: {ENDPOINT}" in verdict.remedies[0].text


def test_an_effect_is_traced_back_to_its_cause() -> None:
    error = {"authorize.location": {"error": "invalid_request", "error_description": "resource is missing"}}
    changes = {"until": "authorize", "drop": ["authorize.query.resource"], "set": error}
    verdict = outcome(changes).judged.verdict
    assert (verdict.party, verdict.cause) == (Party.CLIENT, "resource-missing-authorize")
    assert f"resource={ENDPOINT}" in verdict.remedies[0].text


def test_the_first_cause_may_be_a_warning() -> None:
    run = outcome({"until": "initialize", "refuse": ["initialize"]}).judged.run
    cause = found("resource-less-specific", Severity.WARNING)
    effect = found("wrong-audience-token-sent", Severity.ERROR, cause=cause.rule)
    verdict = judge(run, Checked((effect, cause), (), ()))
    assert verdict.cause == "resource-less-specific"
    assert [observation.text for observation in verdict.observations] == [
        "resource-less-specific fired.",
        "wrong-audience-token-sent fired.",
    ]


def test_causes_that_point_at_each_other_end_somewhere() -> None:
    run = outcome({"until": "initialize"}).judged.run
    one = found("aud-missing", Severity.ERROR, cause="token-iss-mismatch")
    other = found("token-iss-mismatch", Severity.ERROR, cause="aud-missing")
    assert judge(run, Checked((one, other), (), ())).cause in ("aud-missing", "token-iss-mismatch")


def test_a_cause_that_was_not_found_leaves_the_effect() -> None:
    run = outcome({"until": "initialize"}).judged.run
    effect = found("wrong-audience-token-sent", Severity.ERROR, cause="aud-mismatch")
    assert judge(run, Checked((effect,), (), ())).cause == "wrong-audience-token-sent"


def test_what_the_client_got_past_is_not_the_cause() -> None:
    # The challenge says nothing, the client finds the metadata all the same, and ends with a token for nobody.
    changes = {
        "until": "initialize",
        "refuse": ["initialize"],
        "drop": ["challenge.header", "initialize.header"],
        "set": {"token.claim.aud": []},
    }
    verdict = outcome(changes).judged.verdict
    assert (verdict.party, verdict.cause) == (Party.AUTHORIZATION_SERVER, "aud-missing")
    changes["until"] = "challenge"
    verdict = outcome(changes).judged.verdict
    assert (verdict.party, verdict.cause) == (Party.MCP_SERVER, "www-authenticate-missing")


def test_a_token_for_nobody_is_the_clients_where_it_named_no_resource() -> None:
    legs = ["authorize.query.resource", "token.form.resource"]
    changes = {"until": "initialize", "refuse": ["initialize"], "drop": legs, "set": {"token.claim.aud": []}}
    verdict = outcome(changes).judged.verdict
    assert (verdict.party, verdict.cause) == (Party.CLIENT, "resource-missing-authorize")


def test_sign_in_that_works_is_said_to_work() -> None:
    verdict = outcome({"drop": ["authorize.query.resource"]}).judged.verdict
    assert verdict.summary.startswith("Sign-in works, but: ")
    verdict = outcome({"until": "authorize", "drop": ["authorize.query.resource"]}).judged.verdict
    assert not verdict.summary.startswith("Sign-in works")
