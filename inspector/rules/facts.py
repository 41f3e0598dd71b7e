"""What several rules need from a run, or leave with the reason why it is not there."""

import re

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.model import NotObserved, Party, observed, present
from inspector.timeline.flow import Authorization, TokenExchange
from inspector.timeline.message import Message
from inspector.timeline.run import Run

type Leg = tuple[Message, tuple[str, ...]]

NAMED = (Grade.EXACT, Grade.NORMALIZED, Grade.LOOPBACK_ALIAS, Grade.ANCESTOR)
"""Grades of an audience that names this server, if not always byte for byte."""

_WORKOS_CLIENT_ID = re.compile(r"client_[0-9A-Z]{26}")


def published(run: Run) -> Message:
    """The protected resource metadata of the run, for rules that compare with it."""
    return present(run.resource_metadata, "N3", "no protected resource metadata in the capture")


def stated_issuer(run: Run) -> tuple[Message, str]:
    """The authorization server metadata and the issuer it states."""
    metadata = present(run.server_metadata, "N3", "no authorization server metadata in the capture")
    issuer = metadata.document.text("issuer") if metadata.document else None
    return metadata, present(issuer, "N3", "the metadata has no issuer")


def requires_resource(run: Run) -> None:
    """Leave the rule unless the server shows that it has an identifier to name."""
    if not run.offers_resource_metadata:
        raise NotObserved("N6", "the server shows no protected resource metadata")


def open_authorizations(run: Run) -> tuple[Authorization, ...]:
    """The authorization requests whose parameters can be read."""
    seen = observed(run.authorizations, "N1", "the authorization request was not captured")
    readable = tuple(authorization for authorization in seen if not authorization.pushed)
    observed(readable, "N7", "the parameters were pushed to the authorization server")
    return readable


def resource_legs(run: Run) -> tuple[Leg, ...]:
    """Every request that names resources, with the values: authorization, token and refresh requests."""
    legs: list[Leg] = [(a.request, a.resources) for a in run.authorizations]
    legs += [(t.request, t.resources) for t in run.token_exchanges]
    named = tuple((message, values) for message, values in legs if values)
    observed(named, "N1", "no request with a resource in the capture")
    return named


def where(message: Message) -> str:
    """The part of a request that holds its parameters."""
    return "query" if message.query and not message.form else "form"


def readable_code_exchanges(run: Run) -> tuple[TokenExchange, ...]:
    """Token requests that redeem a code and whose body can be read."""
    seen = observed(run.code_exchanges, "N1", "no token request in the capture")
    readable = tuple(exchange for exchange in seen if not exchange.request.request_lost)
    observed(readable, "N2", "the token request's body is not readable")
    return readable


def decoded_exchanges(run: Run) -> tuple[TokenExchange, ...]:
    """Token requests that got a token which can be decoded."""
    issued = observed([t for t in run.token_exchanges if t.access_token], "N1", "no token response in the capture")
    return tuple(observed([t for t in issued if t.token], "N4", "the access token is opaque"))


def is_client_id(run: Run, audience: str) -> bool:
    """Whether an audience is a client id: one of this flow, or one of the form WorkOS gives out."""
    known = {a.params.get("client_id") for a in run.authorizations} | {
        t.params.get("client_id") for t in run.token_exchanges
    }
    return audience in known or _WORKOS_CLIENT_ID.fullmatch(audience) is not None


def names_this_server(run: Run, audience: str) -> Grade:
    """The best grade of an audience against the expected resource and the MCP endpoint."""
    wanted = [run.expected_resource.value] if run.expected_resource else []
    grades = [urls.compare(value, audience).grade for value in (*wanted, run.server_url) if value]
    return min(grades, key=list(Grade).index, default=Grade.OTHER)


def accepted_by_server(run: Run, exchange: TokenExchange) -> bool:
    """Whether the MCP server did protected work with this token."""
    return any(use.accepted_protected for use in run.uses if use.exchange is exchange)


def resource_story(run: Run, exchange: TokenExchange) -> tuple[Party, str | None, str]:
    """Who is behind a token that is not for this server: the party, the causing rule, and the reason as a clause.

    The authorization request decides, because authorization servers bind the resource there; the token request alone
    decides nothing (MCP 2025-06-18 Resource Parameter Implementation, RFC 8707 section 2).
    """
    wanted = run.expected_resource
    authorization = exchange.authorization
    if exchange.refreshes:
        earlier = [t for t in run.code_exchanges if t.request.at <= exchange.request.at and t.authorization]
        authorization = earlier[-1].authorization if earlier else None
    if authorization is None or authorization.pushed:
        return Party.UNKNOWN, None, "the authorization request was not captured"
    if not run.offers_resource_metadata:
        return Party.UNKNOWN, None, "the server shows no protected resource metadata to take a resource from"
    if not authorization.resources:
        return (
            Party.CLIENT,
            "resource-missing-authorize",
            "the client did not send resource to the authorization server",
        )
    sent = authorization.resources[0]
    if wanted and sent == wanted.value:
        if exchange.error == "invalid_target" and exchange.resources and exchange.resources != (sent,):
            return Party.CLIENT, "resource-inconsistent", "the client changed the resource on the token request"
        return Party.CONFIGURATION, None, "the client sent the published resource, and it had no effect"
    grade = urls.compare(wanted.value, sent).grade if wanted else Grade.OTHER
    rule_id = "resource-trailing-slash" if grade is Grade.NORMALIZED else "resource-mismatch-prm"
    return Party.CLIENT, rule_id, "the client sent another resource than the published one"
