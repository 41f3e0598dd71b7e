"""What several rules need from a run, or leave with the reason why it is not there."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from inspector.protocol import content, urls
from inspector.protocol.urls import Grade
from inspector.rules.model import NotObserved, Party, observed, present
from inspector.timeline.flow import Authorization, TokenExchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

type Leg = tuple[Message, tuple[str, ...]]

NAMED = (Grade.EXACT, Grade.NORMALIZED, Grade.LOOPBACK_ALIAS, Grade.ANCESTOR)
"""Grades of an audience that names this server, if not always byte for byte."""

_CLOSEST_FIRST = tuple(Grade)
WITH_RESOURCE = "2025-06-18"
"""The first revision of MCP that knows protected resource metadata and the parameter `resource`."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_WORKOS_CLIENT_ID = re.compile(r"client_[0-9A-Z]{26}")


def published(run: Run) -> Message:
    """The protected resource metadata of the run, for rules that compare with it."""
    return present(run.resource_metadata, "N3", "no protected resource metadata in the capture")


def metadata_behind(run: Run, authorization: Authorization | None, exchange: TokenExchange | None = None) -> Message:
    """The authorization server metadata that an authorization request follows.

    The server may have named another authorization server meanwhile: the document with this request's endpoint counts.
    Where no authorization request is known, it is the one with the endpoint that the token request went to.
    """
    name, request = "authorization_endpoint", authorization.request if authorization else None
    if request is None and exchange:
        name, request = "token_endpoint", exchange.request
    for message in reversed(run.of(Kind.SERVER_METADATA) if request else ()):
        endpoint = message.good_document.text(name) if message.good_document else None
        if endpoint and request and urls.without_query(endpoint) == request.url:
            return message
    return present(run.server_metadata, "N3", "no authorization server metadata in the capture")


def stated_issuer(
    run: Run, authorization: Authorization | None, exchange: TokenExchange | None = None
) -> tuple[Message, str]:
    """The authorization server metadata that these requests follow, and the issuer it states."""
    metadata = metadata_behind(run, authorization, exchange)
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


def is_document_url(client_id: str) -> bool:
    """Whether a client id is the URL of a client ID metadata document (MCP 2025-11-25), by its form."""
    return client_id.lower().startswith(("https://", "http://"))


def registrations(run: Run) -> dict[str, list[Message]]:
    """The registrations that were answered with a client id, by that id (RFC 7591 section 3.2.1)."""
    found: dict[str, list[Message]] = {}
    for message in run.of(Kind.REGISTER):
        document = message.document if message.status in range(200, 300) else None
        if document and (client_id := document.text("client_id")):
            found.setdefault(client_id, []).append(message)
    return found


def issuers_by_endpoint(run: Run) -> dict[str, set[str]]:
    """The issuers whose metadata names an endpoint, by endpoint. A slash at the end makes no other issuer here."""
    found: dict[str, set[str]] = {}
    for message in run.of(Kind.SERVER_METADATA):
        document = message.good_document
        issuer = (document.text("issuer") if document else None) or message.url
        for endpoint in (
            (document.text(name) for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint"))
            if document
            else ()
        ):
            if endpoint:
                found.setdefault(urls.without_query(endpoint), set()).add(issuer.removesuffix("/"))
    return found


def of_one_server(issuers: dict[str, set[str]], one: str, other: str) -> bool | None:
    """Whether two endpoints are of one authorization server; None when they are apart and the metadata is missing."""
    if one in issuers and other in issuers:
        return not issuers[one].isdisjoint(issuers[other])
    return urls.same_origin(one, other) or None


@dataclass(frozen=True, slots=True)
class ScopeRequest:
    """An authorization request with what was said about scopes before it.

    `challenge` is the last Bearer challenge; `named` is every scope that challenges named, `granted` every scope that
    token responses did.
    """

    authorization: Authorization
    challenge: Message | None
    named: frozenset[str]
    granted: frozenset[str]

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes asked for."""
        return frozenset((self.authorization.params.get("scope") or "").split())


def scope_requests(run: Run) -> list[ScopeRequest]:
    """The authorization requests whose parameters can be read, in one pass over the run."""
    asking = {authorization.request.id: authorization for authorization in open_authorizations(run)}
    found: list[ScopeRequest] = []
    challenge: Message | None = None
    named: set[str] = set()
    granted: set[str] = set()
    for message in run.landmarks:
        if message.id in asking:
            found.append(ScopeRequest(asking[message.id], challenge, frozenset(named), frozenset(granted)))
        elif message.kind is Kind.MCP and message.bearer_challenge:
            challenge = message
            named.update((message.bearer_challenge.get("scope") or "").split())
        elif message.kind is Kind.TOKEN and message.good_document:
            granted.update((message.good_document.text("scope") or "").split())
    return found


def readable_exchanges(run: Run, *grants: str) -> tuple[TokenExchange, ...]:
    """Token requests of these grants. A body that was not kept may hide one, so it is not called absent."""
    found = tuple(exchange for exchange in run.token_exchanges if exchange.grant_type in grants)
    if not found and any(exchange.request.request_lost for exchange in run.token_exchanges):
        raise NotObserved("N2", "the token request's body is not readable")
    return tuple(observed(found, "N1", "no such token request in the capture"))


def decoded_exchanges(run: Run) -> tuple[TokenExchange, ...]:
    """Token requests that got a token which can be decoded."""
    issued = observed([t for t in run.token_exchanges if t.access_token], "N1", "no token response in the capture")
    return tuple(observed([t for t in issued if t.token], "N4", "the access token is opaque"))


def is_client_id(run: Run, audience: str) -> bool:
    """Whether an audience is a client id: one of this flow, or one of the form WorkOS gives out."""
    known = {a.params.get("client_id") for a in run.authorizations}
    known |= {t.params.get("client_id") for t in run.token_exchanges}
    if run.registration and run.registration.document:
        known.add(run.registration.document.text("client_id"))
    return audience in known or has_workos_form(audience)


def has_workos_form(audience: str) -> bool:
    """Whether it looks like a client id of WorkOS, which is what AuthKit has for a default audience."""
    return _WORKOS_CLIENT_ID.fullmatch(audience) is not None


def asked_by_name(run: Run, audiences: Collection[str]) -> bool:
    """Whether the client asked for one of these in the way of Auth0 and Hydra, with a parameter `audience`.

    Such a token may name others beside it, such as the endpoint for user information of the authorization server; that
    one tells it where the request was not captured.
    """
    asked = [value for a in run.authorizations for value in a.params.all("audience")]
    asked += [value for t in run.token_exchanges for value in t.params.all("audience")]
    if not set(asked).isdisjoint(audiences):
        return True
    beside = [a for a in audiences if a.endswith("/userinfo") and urls.same_origin(a, run.issuer or "")]
    return not run.authorizations and 0 < len(beside) < len(audiences)


def answer_lost(message: Message) -> bool:
    """Whether there was a good answer whose body was not kept whole, so that it says nothing."""
    return (
        message.status == 200
        and content.decoded(message.exchange.response_headers, message.exchange.response_body) is None
    )


def is_web_resource(audience: str) -> bool:
    """Whether an audience is a URL that a server could be reached at; `api://...` and bare ids are abstract names."""
    return audience.lower().startswith(("https://", "http://"))


def names_this_server(run: Run, audience: str) -> Grade:
    """The best grade of an audience against the expected resource and the MCP endpoint."""
    wanted = [run.expected_resource.value] if run.expected_resource else []
    grades = [urls.compare(value, audience).grade for value in (*wanted, run.server_url) if value]
    return min(grades, key=_CLOSEST_FIRST.index, default=Grade.OTHER)


def accepted_by_server(run: Run, exchange: TokenExchange) -> bool:
    """Whether the MCP server did protected work with this token."""
    return any(use.accepted_protected for use in run.uses if use.exchange is exchange)


def knows_no_resource(run: Run) -> bool:
    """Whether the client follows the revision before MCP 2025-06-18, which does not have the parameter `resource`."""
    return not run.revision.assumed and run.revision.client < WITH_RESOURCE


def takes_server_for_its_own(run: Run) -> bool:
    """Whether the client looks for the authorization server at the MCP server's origin, as in MCP 2025-03-26."""
    asked = run.of(Kind.SERVER_METADATA, Kind.AUTHORIZE, Kind.TOKEN)
    return any(urls.same_origin(message.url, run.server_url) for message in asked)


def own_authorization_server(run: Run) -> bool:
    """Whether the MCP server signs clients in itself, under an issuer on its own origin."""
    metadata = run.server_metadata.document if run.server_metadata else None
    issuer = metadata.text("issuer") if metadata else None
    return issuer is not None and urls.same_origin(issuer, run.server_url)


def differing_rule(run: Run, value: str) -> str | None:
    """The rule that says how a resource sent differs from the published one; None when it does not or none is known."""
    wanted = run.published_resource
    if wanted is None or value == wanted:
        return None
    grade = urls.compare(wanted, value).grade
    if grade is Grade.NORMALIZED:
        return "resource-trailing-slash"
    if grade is Grade.ANCESTOR and not urls.path_of(value).strip("/"):
        return "resource-less-specific"
    if grade is Grade.OTHER and urls.is_absolute(value) and not urls.same_origin(value, run.server_url):
        return "resource-not-this-server"
    return "resource-mismatch-prm"


def same_audience(one: TokenExchange, other: TokenExchange) -> bool:
    """Whether two tokens are both decodable and for the same audience."""
    return one.token is not None and other.token is not None and one.token.audiences == other.token.audiences


def issued_before(run: Run, exchange: TokenExchange) -> TokenExchange | None:
    """The token exchange that gave a token before this one."""
    earlier = [t for t in run.token_exchanges if t.access_token and t.request.at < exchange.request.at]
    return earlier[-1] if earlier else None


def authorization_behind(run: Run, exchange: TokenExchange) -> Authorization | None:
    """The authorization request a token goes back to: its own, or for a refresh that of the sign-in before it."""
    if not exchange.refreshes:
        return exchange.authorization
    earlier = [t for t in run.code_exchanges if t.request.at <= exchange.request.at and t.authorization]
    return earlier[-1].authorization if earlier else None


def spelling_story(run: Run, exchange: TokenExchange, audience: str) -> tuple[Party, str | None]:
    """Who is behind an audience that is the resource in another spelling, and the rule that says what was asked for."""
    authorization = authorization_behind(run, exchange)
    asked = authorization.resources if authorization else exchange.resources
    if audience in asked and (cause := differing_rule(run, audience)):
        return Party.CLIENT, cause
    decided = authorization is not None and not authorization.pushed and run.published_resource is not None
    return Party.CONFIGURATION if decided else Party.UNKNOWN, None


type Story = tuple[Party, str | None, str]
"""Who is behind a refusal or a wrong audience: the party, the causing rule, and the reason as a clause."""


def resource_story(run: Run, exchange: TokenExchange) -> Story:
    """Who is behind a token that is not for this server, or behind invalid_target on the token request.

    The authorization request decides, because authorization servers bind the resource there; the token request alone
    decides nothing (MCP 2025-06-18 Resource Parameter Implementation, RFC 8707 section 2).
    """
    refused = exchange.error == "invalid_target"
    if exchange.request.request_lost:
        return Party.UNKNOWN, None, "the body of the token request was not kept"
    if exchange.refreshes and not exchange.resources and not refused and not _known_before(run, exchange):
        return Party.UNKNOWN, None, "whom the token before the refresh was for was not captured"
    if exchange.refreshes and (before := issued_before(run, exchange)):
        if same_audience(before, exchange):
            return resource_story(run, before)
        if not exchange.resources and run.offers_resource_metadata:
            return Party.CLIENT, "resource-missing-refresh", "the client left resource out of the refresh"
    if exchange.grant_type == DEVICE_GRANT and not exchange.resources:
        return Party.UNKNOWN, None, "a device asked for the token, for which MCP defines no resource parameter"
    if not (exchange.refreshes or exchange.grant_type == "authorization_code"):
        return _story_of(run, exchange.resources, "resource-missing-token", refused)
    authorization = authorization_behind(run, exchange)
    if authorization is None or authorization.pushed:
        if refused and exchange.resources:
            return _story_of(run, exchange.resources, "resource-missing-token", refused)
        return Party.UNKNOWN, None, "the authorization request was not captured"
    if refused and authorization.resources and set(exchange.resources) - set(authorization.resources):
        return Party.CLIENT, "resource-inconsistent", "the client changed the resource on the token request"
    return _story_of(run, authorization.resources, "resource-missing-authorize", refused)


def _known_before(run: Run, exchange: TokenExchange) -> bool:
    before = issued_before(run, exchange)
    return before is not None and before.token is not None


def authorization_story(run: Run, authorization: Authorization) -> Story:
    """Who is behind invalid_target on the authorization request."""
    if authorization.pushed:
        return Party.UNKNOWN, None, "the parameters were pushed to the authorization server"
    return _story_of(run, authorization.resources, "resource-missing-authorize", refused=True)


def _story_of(run: Run, asked: tuple[str, ...], missing_rule: str, refused: bool) -> Story:
    if not asked and knows_no_resource(run):
        is_sure = bool(run.pinned_revision) or takes_server_for_its_own(run)
        party = Party.CONFIGURATION if is_sure else Party.UNKNOWN
        return party, missing_rule, f"the client follows {run.revision.client}, which has no resource"
    if not run.offers_resource_metadata:
        return Party.UNKNOWN, None, "the server shows no protected resource metadata to take a resource from"
    if not asked:
        return Party.CLIENT, missing_rule, "the client did not send resource to the authorization server"
    wanted = run.published_resource or run.server_url
    others = [value for value in asked if value != wanted]
    if refused and len(asked) > 1 and not others:
        return Party.CLIENT, "resource-repeated", "the client sent resource more than once"
    if wanted in asked and not (refused and others):
        effect = "" if refused else ", and it had no effect"
        which = "the published resource" if run.published_resource else "the MCP endpoint's URL as the resource"
        return Party.CONFIGURATION, None, f"the client asked for {which}{effect}"
    if not run.published_resource:
        return Party.UNKNOWN, None, "the metadata that says which resource is the right one was not captured"
    return Party.CLIENT, differing_rule(run, others[0]), "the client asked for another resource than the published one"
