"""What a run shows, as the verdict says it: observations with their step, and who is cleared by what."""

from inspector.rules.facts import has_workos_form
from inspector.rules.model import Checked, Finding, Party, Phase, Severity, joined
from inspector.rules.registry import find_rule
from inspector.timeline.flow import TokenExchange, Use
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.verdict.model import Cleared, Observation

CAPTURE_BROWSER = (
    "Capture the authorization request as well: start the client with 'mcp-auth-inspector run', or point the browser "
    "at the proxy."
)
"""What to do when the leg through the browser is not in the capture."""

_OF_AN_ATTEMPT = (Kind.AUTHORIZE, Kind.INTERACTION, Kind.CALLBACK, Kind.TOKEN, Kind.MCP)


def works(run: Run) -> bool:
    """Whether the last word on authorization was a success: the MCP server took a token, and nothing refused since."""
    words = [(use.request.at, use.accepted) for use in run.uses if use.accepted or refuses(use) or has_expired(use)]
    words += [(exchange.request.at, False) for exchange in run.token_exchanges if exchange.error]
    return bool(words) and max(words)[1]


def refuses(use: Use) -> bool:
    """Whether the MCP server refused for want of authorization: the token (401) or what it is good for (403)."""
    return use.rejected or use.request.status == 403


def has_expired(use: Use) -> bool:
    """Whether the token had expired when it was used."""
    expires = use.token.number("exp") if use.token else None
    return expires is not None and expires < use.request.at


def errors_from(checked: Checked, phase: Phase) -> list[Finding]:
    """The errors of this phase and later ones. What came before, a client that reached the phase has got past."""
    order = list(Phase)
    declared = [(finding, find_rule(finding.rule)) for finding in checked.errors]
    return [f for f, rule in declared if rule is None or order.index(rule.phase) >= order.index(phase)]


def stopped_at_discovery(run: Run) -> bool:
    """Whether the client asked where to sign in, and went no further."""
    return not run.uses and not run.of(Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN)


def overcome(run: Run, finding: Finding) -> bool:
    """Whether a later attempt has made the finding history: a newer sign-in, or a second token request that got in.

    What discovery and registration showed holds for every attempt. A code that is sent a second time begins none: that
    is what a client does that has nothing better left.
    """
    about = next((message for message in run.messages if message.id == finding.places[0].exchange), None)
    if about is None or about.kind not in _OF_AN_ATTEMPT:
        return False
    newer = [(exchange.authorization or exchange).request.at for exchange in _with_new_codes(run)[1:]]
    if about.kind in (Kind.TOKEN, Kind.MCP) and works(run):
        accepted = [use.exchange for use in run.uses if use.accepted and use.exchange in run.code_exchanges]
        newer += [exchange.request.at for exchange in accepted[-1:] if exchange]
    return any(about.at < began for began in newer)


def _with_new_codes(run: Run) -> list[TokenExchange]:
    """The token requests that redeem a code no earlier one has sent."""
    first: dict[str | None, TokenExchange] = {}
    for exchange in run.code_exchanges:
        first.setdefault(exchange.params.get("code"), exchange)
    return list(first.values())


def standing_errors(run: Run, checked: Checked, *rules: str) -> list[Finding]:
    """The errors of these rules that no later attempt has overcome."""
    return [f for f in checked.of(*rules) if f.severity is Severity.ERROR and not overcome(run, f)]


def exchange_of(run: Run, finding: Finding) -> TokenExchange | None:
    """The token exchange a finding is about."""
    return next((t for t in run.token_exchanges if t.request.id == finding.places[0].exchange), None)


def sign_in_of(run: Run, exchange: TokenExchange | None) -> TokenExchange | None:
    """The token request a token goes back to: for a refresh, the one that redeemed a code before it."""
    if exchange is None or not exchange.refreshes:
        return exchange
    earlier = [t for t in run.code_exchanges if t.request.at < exchange.request.at]
    return earlier[-1] if earlier else exchange


def wanted(run: Run) -> str:
    """The audience a token for this server must have, for a sentence."""
    return run.expected_resource.value if run.expected_resource else "the MCP server's resource"


def audience_found(finding: Finding) -> str:
    """The audience an audience rule found."""
    return finding.found.partition("aud = ")[2]


def whom(finding: Finding) -> str:
    """The audience for a sentence, with the word that explains it."""
    found = audience_found(finding)
    return f"the client id {found}" if finding.rule == "aud-is-client-id" and "," not in found else found


def observe(run: Run, message: Message, text: str) -> Observation:
    """An observation at the step that shows it."""
    return Observation(run.step_of(message), text)


def seen_resource(run: Run) -> tuple[Observation, ...]:
    """What the MCP server publishes."""
    if run.resource_metadata and run.published_resource:
        return (
            observe(run, run.resource_metadata, f"The MCP server publishes its resource: {run.published_resource}"),
        )
    return ()


def seen_legs(run: Run, exchange: TokenExchange | None) -> tuple[Observation, ...]:
    """What each leg that led to a token said about the resource."""
    redeemed = sign_in_of(run, exchange)
    if redeemed is None:
        authorization = run.authorizations[-1] if run.authorizations else None
    else:
        authorization = redeemed.authorization
    legs: list[tuple[str, Message, tuple[str, ...]]] = []
    if authorization and not authorization.pushed:
        legs.append(("authorization request", authorization.request, authorization.resources))
    if redeemed and not redeemed.refreshes:
        legs.append(("token request", redeemed.request, redeemed.resources))
    if exchange and exchange.refreshes:
        legs.append(("refresh", exchange.request, exchange.resources))
    return tuple(
        observe(run, message, f"The {name} has " + (f"resource={joined(values)}" if values else "no resource"))
        for name, message, values in legs
    )


def seen_audience(run: Run, exchange: TokenExchange | None) -> tuple[Observation, ...]:
    """Whom the token is for."""
    if exchange is None or exchange.token is None:
        return ()
    audiences = joined(exchange.token.audiences or (), "nobody")
    return (observe(run, exchange.request, f"The access token is for {audiences}"),)


def refusal(run: Run, exchange: TokenExchange | None) -> Use | None:
    """The first time the MCP server refused the token of this exchange."""
    return next((use for use in run.uses if use.rejected and use.exchange is exchange), None)


def seen_refusal(run: Run, exchange: TokenExchange | None) -> tuple[Observation, ...]:
    """What the MCP server said to the token."""
    refused = refusal(run, exchange) if exchange else None
    if refused is None:
        return ()
    return (observe(run, refused.request, f"The MCP server answers {refused.request.status} to that token"),)


def server_cleared(run: Run) -> tuple[Cleared, ...]:
    """The MCP server, where it publishes its resource and refuses what is not for it."""
    if not run.published_resource:
        return ()
    why = "It publishes its resource"
    if any(use.rejected for use in run.uses):
        why += ", and must refuse a token that does not name it (MCP, Token Handling)"
    return (Cleared(Party.MCP_SERVER, why + "."),)


def authorization_server_cleared(exchange: TokenExchange | None) -> tuple[Cleared, ...]:
    """The authorization server, where the token is what was asked for, or nothing was asked for."""
    if exchange is None or exchange.token is None or exchange.authorization is None:
        return ()
    asked, issued = exchange.authorization.resources, exchange.token.audiences or ()
    if not asked:
        why = "Without a resource it may use a default audience (RFC 8707 section 2.1)."
        return (Cleared(Party.AUTHORIZATION_SERVER, why),)
    if set(asked) & set(issued):
        return (Cleared(Party.AUTHORIZATION_SERVER, "It issued the token for the resource it was asked for."),)
    return ()


def client_cleared(run: Run) -> tuple[Cleared, ...]:
    """The client, where every leg that was captured names the published resource."""
    published = run.published_resource
    legs = [a.resources for a in run.authorizations] + [t.resources for t in run.code_exchanges]
    if published and legs and all(values == (published,) for values in legs):
        why = "It sent the published resource, byte for byte, on every leg that was captured."
        return (Cleared(Party.CLIENT, why),)
    return ()


def default_audience(exchange: TokenExchange | None) -> bool:
    """Whether the audience is the default one of AuthKit: a WorkOS client id that is not this client's own."""
    if exchange is None or exchange.token is None:
        return False
    own = exchange.params.get("client_id")
    return any(has_workos_form(audience) and audience != own for audience in exchange.token.audiences or ())
