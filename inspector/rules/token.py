"""Rules about the token request: the second half of PKCE, and the resource refused."""

from collections.abc import Iterator

from inspector.rules.facts import (
    Story,
    authorization_behind,
    authorization_story,
    readable_exchanges,
    resource_story,
    where,
)
from inspector.rules.model import (
    Confidence,
    Fault,
    NotObserved,
    Party,
    Phase,
    Place,
    Severity,
    joined,
    observed,
    place,
)
from inspector.rules.registry import rule
from inspector.timeline.run import Run


@rule(
    "code-verifier-missing",
    title="Token request without code_verifier",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def code_verifier_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """The proof that goes with the challenge.

    What it checks: A token request that redeems a code carries `code_verifier`.

    Why it matters: An authorization server that enforces PKCE refuses the code.

    How to fix: Client: keep the verifier with the state of the request and send it with the code.

    When it is a false alarm: The authorization request had no challenge: then pkce-missing is the fault and this is
    its consequence.

    References: RFC 7636 section 4.5; OAuth 2.1 section 4.1.3.
    """
    for exchange in readable_exchanges(run, "authorization_code"):
        if exchange.params.get("code_verifier"):
            continue
        without_challenge = exchange.authorization and not exchange.authorization.params.get("code_challenge")
        yield Fault(
            "The token request has no code verifier.",
            (place(exchange.request, "form", "code_verifier"),),
            expected="code_verifier",
            found="not sent",
            cause="pkce-missing" if without_challenge else None,
        )


@rule(
    "code-verifier-mismatch",
    title="S256(code_verifier) is not the code_challenge",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def code_verifier_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """Verifier and challenge must belong together.

    What it checks: The challenge computed from the verifier equals the challenge of the authorization request that is
    linked by its code, never by time.

    Why it matters: The authorization server answers invalid_grant.

    How to fix: Client: keep verifier and challenge together per `state`; parallel logins mix them up.

    When it is a false alarm: None known.

    References: RFC 7636 section 4.6.
    """
    exchanges = readable_exchanges(run, "authorization_code")
    with_challenge = [t for t in exchanges if t.authorization and t.authorization.params.get("code_challenge")]
    comparable = [t for t in with_challenge if t.verifier_matches is not None]
    for exchange in observed(comparable, "N1", "challenge and verifier were not both captured"):
        if exchange.verifier_matches is False and exchange.authorization:
            asked = exchange.authorization.request
            yield Fault(
                "The code verifier does not prove the code challenge.",
                (place(exchange.request, "form", "code_verifier"), place(asked, "query", "code_challenge")),
                expected="a verifier whose S256 is the challenge sent",
                found="a verifier of another challenge",
            )


@rule(
    "pkce-not-enforced",
    title="AS redeemed a code with missing or wrong verifier",
    phase=Phase.TOKEN,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def pkce_not_enforced(run: Run) -> Iterator[Fault | NotObserved]:
    """A proof that is not checked protects nobody.

    What it checks: The authorization request had a challenge, the verifier was missing or wrong, and a token came
    back.

    Why it matters: Whoever steals a code can redeem it.

    How to fix: Authorization server: refuse with invalid_grant.

    When it is a false alarm: None known.

    References: OAuth 2.1 section 4.1.3 ("MUST enforce"); RFC 7636 section 4.6.
    """
    exchanges = readable_exchanges(run, "authorization_code")
    linked = [t for t in exchanges if t.authorization and t.authorization.params.get("code_challenge")]
    for exchange in observed(linked, "N1", "no authorization request with a challenge is linked"):
        unproven = exchange.verifier_matches is False or not exchange.params.get("code_verifier")
        if unproven and exchange.access_token:
            yield Fault(
                "The authorization server issued a token although PKCE was not proven.",
                (place(exchange.request, "status"), place(exchange.request, "form", "code_verifier")),
                expected="400 invalid_grant",
                found=str(exchange.request.status),
            )


@rule(
    "invalid-target",
    title="AS refused the resource",
    phase=Phase.TOKEN,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def invalid_target(run: Run) -> Iterator[Fault | NotObserved]:
    """The authorization server does not know the resource that was asked for.

    What it checks: An authorization or token request was answered with invalid_target, and how the resource sent
    compares with the published one.

    Why it matters: AuthKit gives out a code first and refuses only the token request, so the login looks fine to the
    user.

    How to fix: Operator, when the resource sent is the published one: add exactly that string as a resource
    indicator in the authorization server. Client, when it is not: send the published string.

    When it is a false alarm: Entra ID refuses every `resource` on a refresh.

    References: RFC 8707 section 2 (invalid_target).
    """
    answers = [t for t in run.token_exchanges if t.request.answered]
    responses = [a for a in run.authorizations if a.response]
    observed([*answers, *responses], "N1", "no answer of the authorization server in the capture")
    for authorization in responses:
        hop, given = authorization.response or (authorization.request, authorization.params)
        if given.get("error") == "invalid_target":
            asked = place(authorization.request, where(authorization.request), "resource")
            places = (place(hop, "header", "location"), asked)
            yield _refusal(run, authorization_story(run, authorization), authorization.resources, places)
    for exchange in answers:
        if exchange.error == "invalid_target":
            places = (place(exchange.request, "json", "error"), place(exchange.request, "form", "resource"))
            behind = authorization_behind(run, exchange)
            sent = exchange.resources or (behind.resources if behind else ())
            yield _refusal(run, resource_story(run, exchange), sent, places, certain=behind is not None)


def _refusal(
    run: Run, story: Story, sent: tuple[str, ...], places: tuple[Place, ...], *, certain: bool = True
) -> Fault:
    party, cause, reason = story
    return Fault(
        f"The authorization server refused the resource with invalid_target: {reason}.",
        places,
        expected=run.published_resource or "a resource the authorization server knows",
        found=joined(sent, "not sent"),
        confidence=None if certain else Confidence.LIKELY,
        party=party,
        cause=cause,
    )
