"""Where the evidence stops: nothing is wrong in what was seen, and the sign-in did not end well."""

from inspector.rules.model import Confidence, Party, joined
from inspector.timeline.flow import Authorization, TokenExchange, Use
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.verdict.evidence import CAPTURE_BROWSER, has_expired, refuses, wanted
from inspector.verdict.model import Observation, Remedy, Verdict

type End = tuple[Message, str, str]
"""The last message that tells something, what it tells, and what to capture or look at next."""


_CODE_SECONDS = 600
_FORBIDDEN = 403
_BROKEN = 500


def trail_end(run: Run) -> Verdict:
    """Say what was seen last and what to capture next; never guess further."""
    last, text, advice = _end(run)
    begun = run.refusals or run.token_exchanges or run.authorizations
    untouched = not begun and last.kind is Kind.MCP and _answers(last)
    return Verdict(
        Party.NONE if untouched else Party.UNKNOWN,
        Confidence.CERTAIN,
        None,
        text if untouched else f"Evidence stops here: {text}",
        (Observation(run.step_of(last), text),),
        remedies=(Remedy(Party.UNKNOWN, advice),),
    )


def _end(run: Run) -> End:
    use = run.uses[-1] if run.uses else None
    exchange = run.token_exchanges[-1] if run.token_exchanges else None
    if exchange and exchange.error and (use is None or exchange.request.at > use.request.at):
        return _token_refused(exchange)
    if use:
        return _token_used(run, use)
    if exchange and exchange.access_token:
        text = "The client got a token and has not used it in this capture."
        return exchange.request, text, "Let the client call a tool, and keep capturing."
    if exchange:
        text = "The token request has no answer in this capture."
        return exchange.request, text, "Capture until the authorization server has answered."
    if run.authorizations and (refused := _sent_back(run.authorizations[-1])):
        return refused
    if run.authorizations and (page := _refused_with_page(run.authorizations[-1])):
        return page
    if run.authorizations:
        text = "The authorization request went out; no token request followed in this capture."
        advice = "Finish the sign-in in the browser. If that was done, the redirect never reached the client."
        return run.authorizations[-1].request, text, advice
    return _not_signed_in(run)


def _sent_back(authorization: Authorization) -> End | None:
    """An error that the authorization server sent to the client (RFC 6749 section 4.1.2.1)."""
    hop, given = authorization.response or (None, None)
    if hop is None or given is None or not (error := given.get("error")):
        return None
    reason = given.get("error_description")
    said = f"{error}: {reason.rstrip('.')}" if reason else error
    if error == "access_denied":
        advice = "Sign in again, and allow the access. Where nobody was asked, a policy there declined: see its log."
        return hop, f"The user or a policy declined ({said}).", advice
    text = f"The authorization server sent the client back with {said}."
    return hop, text, "Look into the authorization server's log for the reason."


def _refused_with_page(authorization: Authorization) -> End | None:
    """An error that is shown in the browser instead of being sent to the client (RFC 6749 section 4.1.2.1)."""
    page = next((hop for hop in (authorization.request, *authorization.hops) if (hop.status or 0) >= 400), None)
    if page is None or authorization.response:
        return None
    reason = page.document.text("error_description") if page.document else None
    said = ": ".join(part for part in (page.oauth_error, reason) if part)
    text = f"The authorization server answered the browser with {page.status}" + (f" ({said})" if said else "")
    advice = "Compare the redirect URI and the client id with what is registered there; its log says which was refused."
    return page, f"{text} and did not send it back to the client.", advice


def _token_refused(exchange: TokenExchange) -> End:
    what = "refresh" if exchange.refreshes else "token request"
    answer = exchange.request.document
    reason = answer.text("error_description") if answer else None
    why = f": {reason}" if reason else ", and nothing in this capture says why."
    text = f"The authorization server refused the {what} with {exchange.error}{why}"
    if (age := _age_of_code(exchange)) > _CODE_SECONDS:
        text += f" The code was {age // 60:.0f} minutes old: that is too long (RFC 6749 section 4.1.2)."
    if exchange.refreshes:
        advice = "Sign in again. A refresh token is good once, and ends with the session or the consent it belongs to."
    elif exchange.grant_type == "authorization_code" and exchange.authorization is None:
        advice = CAPTURE_BROWSER
    elif exchange.error == "invalid_client":
        advice = "Compare the client id, its secret and the way they are sent with what was registered."
    else:
        advice = "Look into the authorization server's log. A code is good once and for a short time."
    return exchange.request, text, advice


def _age_of_code(exchange: TokenExchange) -> float:
    response = exchange.authorization.response if exchange.authorization else None
    return exchange.request.at - response[0].at if response else 0


def _token_used(run: Run, use: Use) -> End:
    if use.request.status == 403:
        challenge = use.request.bearer_challenge
        scope = challenge.get("scope") if challenge else None
        text = "The MCP server answered 403 to the token" + (f": it wants the scope {scope}." if scope else ".")
        advice = (
            "Sign in again with that scope, and keep capturing."
            if scope
            else "The token may lack a right; the server's log or the body of the answer says which."
        )
        return use.request, text, advice
    if has_expired(use):
        text = "The token had expired; the client has not got a new one in this capture."
        return use.request, text, "Keep capturing until the client refreshes or signs in again."
    if not refuses(use):
        text = f"The last answer of the MCP server was {use.request.status}, which is not about authorization."
        advice = "Look into the answer's body: a protocol error comes before or after authorization, not instead of it."
        return use.request, text, advice
    audiences = (use.token.audiences if use.token else None) or ()
    if audiences and run.expected_resource and wanted(run) not in audiences:
        text = f"The MCP server refused a token for {joined(audiences)}; its resource is {wanted(run)}."
        advice = "Disconnect the client and connect it anew while capturing: how it got that token decides."
        return use.request, text, advice
    text = "The MCP server refused the token, and nothing in this capture says why."
    return use.request, text, "Look into the MCP server's log for the reason; it is not on the wire."


def _answers(request: Message) -> bool:
    """Whether the MCP server did what was asked, and so wants no authorization for it."""
    return 200 <= (request.status or 0) < 300 and not request.is_page


def _document_missing(run: Run) -> End | None:
    """Metadata that the client asked for last and did not get, for want of an answer or of a working server."""
    asked = [m for m in run.messages if m.kind in (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA, Kind.REGISTER)]
    last = asked[-1] if asked else None
    if last is None or (last.status is not None and last.status < _BROKEN):
        return None
    happened = "has no answer in this capture" if last.status is None else f"was answered {last.status}"
    text = f"The request for {last.url} {happened}, and the client went no further."
    return last, text, "Ask for that URL by hand; the log of the server there says what is wrong with it."


def _not_signed_in(run: Run) -> End:
    if run.refusals and (missing := _document_missing(run)):
        return missing
    if run.refusals:
        text = "The MCP server asked for authorization; the client has not started an authorization in this capture."
        advice = "If a browser opened: capture it too. If none did, the client stopped here by itself; look at its log."
        return run.refusals[-1], text, advice
    if forbidden := [m for m in run.of(Kind.MCP) if m.status == _FORBIDDEN]:
        text = "The MCP server answered 403 to a request without a token; a client begins to sign in on 401 only."
        advice = (
            "A server that wants a token must answer 401; an Origin, a policy or a firewall may be the reason as well. "
            "To tell: send the request once more without Origin, once with a token, and look whether it gets to the "
            "server's log."
        )
        return forbidden[-1], text, advice
    requests = run.of(Kind.MCP)
    if answered := [request for request in requests if _answers(request)]:
        text = "No authorization was seen: the MCP server has not asked for any."
        return answered[-1], text, "Authorization is optional in MCP. If it is expected, call a tool that needs it."
    if requests and requests[-1].status is None:
        return requests[-1], "The MCP server has not answered in this capture.", "Capture until it has."
    if requests:
        text = f"The MCP server answered {requests[-1].status}, and has not asked for authorization."
        return requests[-1], text, "Compare the URL the client was given with the server's; its log may say more."
    return run.messages[-1], "Only discovery was seen.", "Let the client connect once more while capturing."
