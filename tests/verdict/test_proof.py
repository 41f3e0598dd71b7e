"""What two performances prove about a verdict, and what the verdict says then."""

from dataclasses import replace

import pytest

from inspector.rules.model import Confidence, Party
from inspector.verdict.model import Verdict
from inspector.verdict.proof import Ending, Says, prove, with_proof

RULE = "resource-missing-authorize"
SERVER = "http://localhost:1/mcp"
REFUSED = Ending(SERVER, False, 401, ("client_1",), RULE, (RULE, "aud-is-client-id"), "initialize: 401")
ACCEPTED = Ending("http://localhost:2/mcp", True, 200, ("http://localhost:2/mcp",), None, (), "tools/list: 200")
VERDICT = Verdict(Party.CLIENT, Confidence.LIKELY, RULE, "The client leaves resource out.")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (REFUSED, ACCEPTED, Says.CONFIRMED),
        (REFUSED, replace(REFUSED, findings=("aud-mismatch",)), Says.REFUTED),
        (REFUSED, replace(REFUSED, findings=("x",), said="tools/call: 403", status=403), Says.CONFIRMED),
        (REFUSED, replace(ACCEPTED, findings=(RULE,)), Says.UNDECIDED),
        (replace(REFUSED, findings=()), ACCEPTED, Says.UNDECIDED),
        (replace(ACCEPTED, findings=(RULE,)), ACCEPTED, Says.CONFIRMED),
        (replace(ACCEPTED, findings=(RULE,)), replace(REFUSED, findings=()), Says.UNDECIDED),
    ],
)
def test_what_is_proved(before: Ending, after: Ending, says: Says) -> None:
    assert prove(RULE, "x", "there", before, after).says is says


def test_the_sentence_says_what_was_changed_and_what_became_of_it() -> None:
    proof = prove(RULE, "resource added on 2 requests", "there", REFUSED, ACCEPTED)
    assert proof.sentence == (
        "Same client, resource added on 2 requests: aud client_1 -> http://localhost:2/mcp, 401 -> 200."
    )


def test_a_client_that_is_not_yet_in_is_told_what_is_left() -> None:
    further = replace(
        REFUSED, findings=("invalid-target",), cause="invalid-target", said="token request: 400", status=400
    )
    assert prove(RULE, "x", "there", REFUSED, further).sentence.endswith("what is left is invalid-target.")


def test_the_same_audience_at_another_server_is_no_difference() -> None:
    one = replace(ACCEPTED, findings=(RULE,))
    other = replace(ACCEPTED, server="http://localhost:3/mcp", audience=("http://localhost:3/mcp",))
    assert "aud" not in prove(RULE, "x", "there", one, other).sentence.replace("audience", "")


def test_a_confirmed_verdict_is_certain_and_says_why() -> None:
    proof = prove(RULE, "resource added", "the reference servers", REFUSED, ACCEPTED)
    told = with_proof(VERDICT, proof)
    assert (told.party, told.confidence, told.cause) == (Party.CLIENT, Confidence.CERTAIN, RULE)
    assert told.summary.startswith(VERDICT.summary)
    assert "Confirmed by performing it again at the reference servers." in told.summary
    assert proof.sentence in told.summary


def test_a_refuted_verdict_is_withdrawn_and_says_why() -> None:
    proof = prove(RULE, "resource added", "there", REFUSED, replace(REFUSED, findings=()))
    told = with_proof(VERDICT, proof)
    assert (told.party, told.confidence, told.cause) == (Party.UNKNOWN, Confidence.GUESS, None)
    assert told.summary.startswith(f"Withdrawn: {RULE}")


def test_a_proof_about_another_finding_leaves_the_verdict() -> None:
    proof = prove("aud-is-client-id", "x", "there", REFUSED, ACCEPTED)
    assert proof.says is Says.CONFIRMED
    assert with_proof(VERDICT, proof) == VERDICT
