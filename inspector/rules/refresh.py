"""Rules about refreshing (RFC 6749 section 6, OAuth 2.1 section 4.3)."""

from collections.abc import Iterator
from itertools import pairwise

from inspector.protocol import urls
from inspector.rules.facts import (
    NAMED,
    is_document_url,
    names_this_server,
    readable_exchanges,
    registrations,
    requires_resource,
    same_audience,
)
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.timeline.flow import TokenExchange
from inspector.timeline.run import Run


def _pairs(run: Run) -> list[tuple[TokenExchange, TokenExchange]]:
    """Each successful refresh with the token response before it."""
    issued = [t for t in run.token_exchanges if t.access_token]
    return [(before, after) for before, after in pairwise(issued) if after.refreshes]


def _comparable(run: Run) -> list[tuple[TokenExchange, TokenExchange]]:
    return [(before, after) for before, after in _pairs(run) if before.token and after.token]


def _audience(exchange: TokenExchange) -> tuple[str, ...]:
    return (exchange.token.audiences if exchange.token else None) or ()


@rule(
    "resource-missing-refresh",
    title="Refresh request without resource",
    phase=Phase.REFRESH,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | MUST | MUST | MUST",
)
def resource_missing_refresh(run: Run) -> Iterator[Fault | NotObserved]:
    """A refresh is a token request too.

    What it checks: A request with grant_type=refresh_token carries `resource`. It is an error when the audience
    changed afterwards, else a warning.

    Why it matters: Everything works until the first token expires; then some authorization servers mint the next one
    for their default audience.

    How to fix: Client: repeat `resource` on every refresh.

    When it is a false alarm: Entra ID v2 refuses `resource` on a refresh, so a client may leave it out on purpose.

    References: MCP 2025-06-18 Resource Parameter Implementation; RFC 8707 section 2.2.
    """
    refreshes = readable_exchanges(run, "refresh_token")
    requires_resource(run)
    changed = {after.request.id for before, after in _comparable(run) if not same_audience(before, after)}
    wanted = run.expected_resource
    for exchange in refreshes:
        if not exchange.resources:
            yield Fault(
                "The refresh request does not say which resource the token is for.",
                (place(exchange.request, "form", "resource"),),
                expected=f"resource={wanted.value}" if wanted else "resource",
                found="not sent",
                severity=Severity.ERROR if exchange.request.id in changed else None,
            )


@rule(
    "aud-changed-after-refresh",
    title="aud after refresh differs from before",
    phase=Phase.REFRESH,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def aud_changed_after_refresh(run: Run) -> Iterator[Fault | NotObserved]:
    """A refresh keeps what was consented to.

    What it checks: The audience of the token a refresh gave equals that of the token before. A refresh that turns a
    wrong audience into the right one is not counted.

    Why it matters: The client worked, and stops working an hour later.

    How to fix: Client, when the refresh had no `resource`: send it. Authorization server, when it had: keep the
    binding. Operator: was the resource indicator removed meanwhile?

    When it is a false alarm: None known.

    References: OAuth 2.1 sections 3.2.3 and 4.3; RFC 8707 section 2.2.
    """
    observed(_pairs(run), "N11", "no successful refresh after a token response")
    for before, after in observed(_comparable(run), "N4", "an access token is opaque"):
        old, new = _audience(before), _audience(after)
        repaired = any(names_this_server(run, audience) in NAMED for audience in new)
        if old != new and not repaired:
            omitted = not after.resources
            yield Fault(
                "The refreshed token has another audience"
                + (" after a refresh without resource." if omitted else " although the refresh named the resource."),
                (place(after.request, "claim", "aud"), place(before.request, "claim", "aud")),
                expected=f"aud = {joined(old)}",
                found=f"aud = {joined(new)}",
                party=Party.CLIENT if omitted else None,
                cause="resource-missing-refresh" if omitted else None,
            )


@rule(
    "refresh-token-replayed",
    title="Client uses a superseded refresh token",
    phase=Phase.REFRESH,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def refresh_token_replayed(run: Run) -> Iterator[Fault | NotObserved]:
    """A rotated refresh token is dead, and using it can end the whole grant.

    What it checks: A refresh sends a token although a later response had already replaced it.

    Why it matters: Authorization servers take it as theft and revoke the grant; the user must sign in again.

    How to fix: Client: store the new refresh token at once, and let only one request refresh at a time.

    When it is a false alarm: The response with the new token was lost, and the client retried.

    References: OAuth 2.1 section 4.3.2; RFC 9700 section 4.14.
    """
    observed(run.refreshes, "N1", "no refresh in the capture")
    used: dict[str, TokenExchange] = {}
    for exchange in run.refreshes:
        token = exchange.params.get("refresh_token")
        earlier = used.get(token) if token else None
        if earlier and earlier.answer and earlier.answer.text("refresh_token") not in (None, token):
            yield Fault(
                "The client sent a refresh token that had been replaced.",
                (place(exchange.request, "form", "refresh_token"), place(earlier.request, "json", "refresh_token")),
                expected="the newest refresh token",
                found="one that was already used",
            )
        if token and exchange.answer:
            used.setdefault(token, exchange)


@rule(
    "refresh-token-not-rotated",
    title="Public client refresh without new refresh token",
    phase=Phase.REFRESH,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.WARNING,
    levels="SHOULD | MUST | MUST | MUST",
)
def refresh_token_not_rotated(run: Run) -> Iterator[Fault | NotObserved]:
    """A refresh token of a public client is used once.

    What it checks: A successful refresh of a client that registered without a secret, or is known by a client ID
    metadata document and shows neither secret nor assertion, returns another refresh token.

    Why it matters: A stolen refresh token works for as long as the user's own.

    How to fix: Authorization server: rotate refresh tokens of public clients.

    When it is a false alarm: The token is bound to the client's key (DPoP), which is allowed instead; the registration
    was not captured.

    References: MCP 2025-06-18 Token Theft; OAuth 2.1 section 4.3.1.
    """
    refreshed = observed([t for t in run.refreshes if t.answer], "N1", "no successful refresh in the capture")
    public = [exchange for exchange in refreshed if _of_public_client(run, exchange)]
    for exchange in observed(public, "N10", "whether the client is public is not known"):
        sent, got = (
            exchange.params.get("refresh_token"),
            exchange.answer.text("refresh_token") if exchange.answer else None,
        )
        bound = exchange.answer is not None and (exchange.answer.text("token_type") or "").lower() == "dpop"
        if got in (None, sent) and not bound:
            yield Fault(
                "The refresh gave the public client no new refresh token.",
                (place(exchange.request, "json", "refresh_token"),),
                expected="a new refresh token",
                found="none" if got is None else "the same one",
            )
            return


def _of_public_client(run: Run, exchange: TokenExchange) -> bool:
    """Whether a refresh is of a client without credentials, so that its refresh token is all a thief needs."""
    if any(name in exchange.params for name in ("client_secret", "client_assertion")):
        return False
    if exchange.request.request_header("authorization"):
        return False
    client_id = exchange.params.get("client_id") or ""
    registered = registrations(run).get(client_id, [])
    if not registered:
        return is_document_url(client_id)
    methods = [message.document.text("token_endpoint_auth_method") for message in registered if message.document]
    return methods[-1:] == ["none"]


@rule(
    "refresh-token-to-wrong-party",
    title="Refresh token sent to an origin other than its AS",
    phase=Phase.REFRESH,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | MUST NOT",
)
def refresh_token_to_wrong_party(run: Run) -> Iterator[Fault | NotObserved]:
    """A refresh token is a secret between the client and the server that issued it.

    What it checks: A refresh token goes to the origin of the token response it came in.

    Why it matters: Whoever gets it can act as the user for months.

    How to fix: Client: keep refresh tokens per issuer.

    When it is a false alarm: One authorization server under two host names.

    References: OAuth 2.1 section 4.3; MCP 2026-07-28 Authorization Server Binding.
    """
    homes: dict[str, str] = {}
    for exchange in run.token_exchanges:
        if exchange.answer and (issued := exchange.answer.text("refresh_token")):
            homes[issued] = urls.origin(exchange.request.url)
    known = [t for t in run.refreshes if (t.params.get("refresh_token") or "") in homes]
    for exchange in observed(known, "N1", "the response that gave out the refresh token was not captured"):
        home = homes[exchange.params.get("refresh_token") or ""]
        if urls.origin(exchange.request.url) != home:
            yield Fault(
                "The client sent a refresh token to another server than the one that issued it.",
                (place(exchange.request, "url"), place(exchange.request, "form", "refresh_token")),
                expected=home,
                found=urls.origin(exchange.request.url),
            )
            return
