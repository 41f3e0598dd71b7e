"""What becomes of a token that is for the right server: refused although it looks right, or good for too little."""

from inspector.rules.fresh_token import Reason, Why, why_refused
from inspector.rules.model import Checked, Confidence, Finding, Party
from inspector.timeline.flow import Use
from inspector.timeline.run import Run
from inspector.verdict.evidence import (
    authorization_server_cleared,
    client_cleared,
    observe,
    seen_audience,
    seen_refusal,
    seen_resource,
    standing_errors,
    wanted,
    works,
)
from inspector.verdict.model import Cleared, Observation, Remedy, Verdict

_AUDIENCE_RULES = ("aud-is-client-id", "aud-mismatch", "aud-canonicalization", "aud-missing")
_NOT_SAID = {
    Why.SIGNATURE_UNCHECKED: "its signature could not be checked, because no key set was captured",
    Why.KEY_UNKNOWN: "no key set captured since it was issued holds its key",
    Why.METADATA_UNSEEN: "the metadata that says whom it must be for was not captured",
    Why.ACCEPTED_BEFORE: "the server accepted it before: it was revoked meanwhile, or not every replica agrees",
    Why.SOME_CLOCK: "more than one clock in this capture is off",
}


def fresh_token_refused(run: Run, checked: Checked) -> Verdict | None:
    """A token for the right audience was refused: who is behind it shows in its times, its signature, or nowhere."""
    found = [f for f in standing_errors(run, checked, "fresh-token-rejected") if f.cause is None]
    if not found or standing_errors(run, checked, *_AUDIENCE_RULES):
        return None
    finding = found[-1]
    use = next((use for use in run.uses if use.request.id == finding.places[0].exchange), None)
    if use is None or use.token is None:
        return None
    reason = why_refused(run, use)
    match reason.why:
        case Why.NOTHING | Why.SERVER_CLOCK | Why.UNREAD:
            return _server_is_wrong(run, finding, use, reason)
        case Why.SIGNATURE | Why.KEY_UNPUBLISHED | Why.ISSUER_CLOCK:
            return _never_good(run, finding, use, reason)
        case Why.SMALL_SKEW:
            return _good_too_late(run, finding, use, reason)
        case why if why in _NOT_SAID:
            return _not_decided(run, finding, use, _NOT_SAID[why])
        case _:
            return None


def _seen(run: Run, use: Use) -> tuple[Observation, ...]:
    return (*seen_resource(run), *seen_audience(run, use.exchange), *seen_refusal(run, use.exchange))


def _check_the_server(run: Run) -> Remedy:
    return Remedy(
        Party.MCP_SERVER,
        f"Compare the configured audience with {wanted(run)} and the configured issuer with {run.issuer}, byte for "
        "byte; check the key set URL, the allowed algorithms and the clock. The reason is in the server's log, not on "
        "the wire.",
    )


def _server_is_wrong(run: Run, finding: Finding, use: Use, reason: Reason) -> Verdict:
    if reason.why is Why.SERVER_CLOCK:
        why = f"The clock of the MCP server is wrong, so that it refuses a good token: {reason.text}."
        advice = Remedy(Party.MCP_SERVER, "Set the clock (NTP), and allow a minute of skew when verifying.")
    else:
        why = (
            "The MCP server refuses a token that is right: audience, issuer and lifetime are as promised, and its "
            "signature verifies against the captured keys."
        )
        advice = _check_the_server(run)
    if reason.why is Why.UNREAD:
        why += (
            " It answers as it does to a request without a token, so that the token may not get there: a proxy in "
            "front of it may take the Authorization header away."
        )
    return Verdict(
        Party.MCP_SERVER,
        finding.confidence,
        finding.rule,
        why,
        _seen(run, use),
        (*client_cleared(run), *authorization_server_cleared(use.exchange)),
        (advice,),
    )


def _good_too_late(run: Run, finding: Finding, use: Use, reason: Reason) -> Verdict:
    return Verdict(
        Party.AUTHORIZATION_SERVER,
        Confidence.LIKELY,
        finding.rule,
        f"The clock of the authorization server seems to be ahead: {reason.text}. Nothing else is wrong with it.",
        (*_seen(run, use), Observation(finding.step, finding.message)),
        client_cleared(run),
        (
            Remedy(Party.AUTHORIZATION_SERVER, "Set the clock (NTP)."),
            Remedy(Party.MCP_SERVER, "Allow a minute of skew when verifying iat, nbf and exp."),
        ),
    )


def _never_good(run: Run, finding: Finding, use: Use, reason: Reason) -> Verdict:
    token = use.token
    kid = token.header.get("kid") if token else None
    advice = {
        Why.SIGNATURE: "Sign access tokens with a key of the published key set, under its kid.",
        Why.KEY_UNPUBLISHED: f"Publish the key {kid} in the key set for as long as tokens signed with it are good.",
        Why.ISSUER_CLOCK: "Set the clock (NTP): iat, nbf and exp must be right when the token is issued.",
    }[reason.why]
    refuses = Cleared(Party.MCP_SERVER, "It must refuse a token that it cannot verify (RFC 9068 section 4).")
    return Verdict(
        Party.AUTHORIZATION_SERVER,
        finding.confidence,
        finding.rule,
        f"The authorization server issues a token that nobody can accept: {reason.text}.",
        (*_seen(run, use), Observation(finding.step, finding.message)),
        (*client_cleared(run), refuses),
        (Remedy(Party.AUTHORIZATION_SERVER, advice),),
    )


def _not_decided(run: Run, finding: Finding, use: Use, missing: str) -> Verdict:
    if missing == _NOT_SAID[Why.ACCEPTED_BEFORE]:
        text = "Sign in again. Where that does not last, compare the server's replicas; the log says which refused."
    elif "key" in missing:
        text = (
            "Let the signature be checked: 'mcp-auth-inspector check FILE --fetch-jwks' fetches the key set. If the "
            "token's key is in it and verifies, the MCP server is at fault; if it is missing, the authorization server."
        )
    else:
        text = "Disconnect the client and connect it anew while capturing, so that discovery is seen as well."
    return Verdict(
        Party.UNKNOWN,
        Confidence.CERTAIN,
        finding.rule,
        "The MCP server refuses a token that was just issued. What can be read in it is as promised, but "
        f"{missing}. Evidence stops here.",
        _seen(run, use),
        client_cleared(run),
        (Remedy(Party.UNKNOWN, text), _check_the_server(run)),
    )


def more_scope_wanted(run: Run, checked: Checked) -> Verdict | None:
    """The last answer asks for more scope: not granted, not asked for, there already, or not said which."""
    last = run.uses[-1] if run.uses else None
    challenge = last.request.bearer_challenge if last and last.request.status in (401, 403) else None
    if last is None or challenge is None or works(run) or challenge.get("error") != "insufficient_scope":
        return None
    if last.request.status == 401 and not checked.of("bearer-error-status-mismatch"):
        return None
    scopes = set((challenge.get("scope") or "").split())
    if not scopes:
        return _scope_not_said(run, checked, last)
    return _scope_wanted(run, checked, last, scopes)


def _scope_not_said(run: Run, checked: Checked, last: Use) -> Verdict | None:
    found = [f for f in checked.of("insufficient-scope-challenge-incomplete") if f.places]
    if not found:
        return None
    return Verdict(
        Party.MCP_SERVER,
        Confidence.LIKELY,
        found[0].rule,
        "The MCP server refuses the call for want of scope and does not say which scope it wants, so that the client "
        "cannot ask for it.",
        (observe(run, last.request, f"The MCP server answers {last.request.status} insufficient_scope without scope"),),
        remedies=(Remedy(Party.MCP_SERVER, 'Add scope="..." to the challenge, with every scope the call needs.'),),
    )


def _scope_wanted(run: Run, checked: Checked, last: Use, wanted_scopes: set[str]) -> Verdict | None:
    names = " ".join(sorted(wanted_scopes))
    seen = (observe(run, last.request, f"The MCP server answers {last.request.status} and wants the scope {names}"),)
    if last.request.status == 401:
        (finding, *_) = checked.of("bearer-error-status-mismatch")
        return Verdict(
            Party.MCP_SERVER,
            finding.confidence,
            finding.rule,
            f"The MCP server wants more scope ({names}) and says so with 401 instead of 403: clients then sign in from "
            "the start with what they asked for before, instead of asking for more.",
            seen,
            remedies=(Remedy(Party.MCP_SERVER, "Answer 403 with error=insufficient_scope (RFC 6750 section 3.1)."),),
        )
    granted = _granted(last)
    if granted is not None and wanted_scopes <= granted:
        rule = next((f.rule for f in checked.of("step-up-not-attempted")), None)
        return Verdict(
            Party.MCP_SERVER,
            Confidence.LIKELY,
            rule,
            f"The MCP server wants the scope {names}, which the token has.",
            (*seen, *_seen_granted(run, last, granted)),
            remedies=(Remedy(Party.MCP_SERVER, "Read the scopes of the token as they are in it (scope or scp)."),),
        )
    authorization = last.exchange.authorization if last.exchange else None
    asked = set((authorization.params.get("scope") or "").split()) if authorization else set()
    if authorization and granted is not None and wanted_scopes <= asked:
        return _scope_not_granted(run, last, names, granted)
    return _scope_not_asked_for(run, checked, last, names, seen)


def _scope_not_granted(run: Run, last: Use, names: str, granted: set[str]) -> Verdict:
    return Verdict(
        Party.CONFIGURATION,
        Confidence.LIKELY,
        None,
        f"The client asked for the scope {names}, and the authorization server did not grant it.",
        (
            *_seen_granted(run, last, granted),
            observe(run, last.request, f"The MCP server answers {last.request.status} and wants the scope {names}"),
        ),
        remedies=(
            Remedy(
                Party.CONFIGURATION,
                f"Let the authorization server grant {names} to this client. AuthKit grants clients that register "
                "themselves openid, profile, email and offline_access only; other scopes take an application made in "
                "the dashboard (Connect, Applications).",
            ),
            Remedy(Party.MCP_SERVER, "Ask only for scopes that the authorization server grants."),
        ),
    )


def _scope_not_asked_for(
    run: Run, checked: Checked, last: Use, names: str, seen: tuple[Observation, ...]
) -> Verdict | None:
    found = checked.of("step-up-not-attempted")
    if not found:
        return None
    went_on = any(m.at > last.request.at for m in run.messages)
    return Verdict(
        Party.CLIENT,
        Confidence.LIKELY if went_on else Confidence.GUESS,
        found[0].rule,
        f"The MCP server says which scope the call needs, {names}, and the client does not ask for it"
        + ("." if went_on else ", as far as this capture goes."),
        seen,
        (Cleared(Party.MCP_SERVER, "It names the scope that is missing (MCP, Runtime Insufficient Scope Errors)."),),
        (
            Remedy(
                Party.CLIENT, f"On 403 with insufficient_scope, ask for authorization again with the scope {names}."
            ),
            Remedy(Party.MCP_SERVER, "For clients that cannot, name every scope in the first challenge."),
        ),
    )


def _granted(use: Use) -> set[str] | None:
    """The scopes of a token: what the token response says, or the token itself; None when neither does."""
    said = use.exchange.answer.text("scope") if use.exchange and use.exchange.answer else None
    claimed = use.token.text("scope") or use.token.text("scp") if use.token else None
    stated = said if said is not None else claimed
    return None if stated is None else set(stated.split())


def _seen_granted(run: Run, use: Use, granted: set[str]) -> tuple[Observation, ...]:
    if use.exchange is None:
        return ()
    return (observe(run, use.exchange.request, f"The token is good for {' '.join(sorted(granted)) or 'no scope'}"),)
