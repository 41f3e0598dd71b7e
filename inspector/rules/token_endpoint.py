"""Rules about the token endpoint: where it is, how the client proves itself, and the form of the answer."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import unquote_plus

from inspector.protocol import content, urls
from inspector.protocol.documents import Document
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place
from inspector.rules.registry import rule
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_SECRET_PARAMETERS = ("client_secret", "code_verifier", "refresh_token", "access_token")


@rule(
    "token-endpoint-mismatch",
    title="Code sent to a token endpoint of another issuer",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | MUST",
)
def token_endpoint_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """A code goes back to whoever issued it.

    What it checks: The token request goes to the token_endpoint of the metadata whose authorization_endpoint was used.

    Why it matters: Another server cannot redeem the code, or steals it.

    How to fix: Client: bind the whole flow to one issuer's metadata.

    When it is a false alarm: The metadata in use was read before the capture.

    References: RFC 9700 section 4.4; MCP 2026-07-28 Mix-Up Attacks.
    """
    linked = [t for t in run.code_exchanges if t.authorization]
    decided = False
    for exchange in observed(linked, "N1", "no token request that is linked to an authorization request"):
        asked = exchange.authorization.request.url if exchange.authorization else ""
        for message in run.of(Kind.SERVER_METADATA):
            document = message.good_document
            start, end = (
                (document.text("authorization_endpoint"), document.text("token_endpoint")) if document else ("", "")
            )
            if not start or not end or urls.without_query(start) != asked:
                continue
            decided = True
            if urls.without_query(end) != exchange.request.url and not _listed(run, asked, exchange.request.url):
                yield Fault(
                    "The code went to a token endpoint that does not belong to the authorization endpoint.",
                    (place(exchange.request, "url"), place(message, "json", "token_endpoint")),
                    expected=end,
                    found=exchange.request.url,
                )
                return
    if not decided:
        raise NotObserved("N3", "the metadata of the authorization endpoint was not captured")


def _listed(run: Run, authorization_endpoint: str, token_endpoint: str) -> bool:
    """Whether any document joins the two endpoints: a server may publish several."""
    documents = [message.good_document for message in run.of(Kind.SERVER_METADATA)]
    pairs = [(d.text("authorization_endpoint") or "", d.text("token_endpoint") or "") for d in documents if d]
    return (authorization_endpoint, token_endpoint) in [tuple(map(urls.without_query, pair)) for pair in pairs]


def _methods(exchange: TokenExchange) -> list[str]:
    """The ways a token request authenticates its client (RFC 6749 section 2.3)."""
    scheme = (exchange.request.request_header("authorization") or "").partition(" ")[0].lower()
    found = ["client_secret_basic"] if scheme == "basic" else []
    if exchange.params.get("client_secret"):
        found.append("client_secret_post")
    if exchange.params.get("client_assertion"):
        found.append("private_key_jwt")
    return found


def client_id_of(exchange: TokenExchange) -> str | None:
    """The client id, from the form or from Basic credentials (RFC 6749 section 2.3.1)."""
    return exchange.params.get("client_id") or _basic_credentials(exchange)[0]


def _basic_credentials(exchange: TokenExchange) -> tuple[str | None, str | None]:
    """Client id and secret of an `Authorization: Basic` header."""
    scheme, _, credentials = (exchange.request.request_header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return None, None
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _registered_as(exchange: TokenExchange, registered: Document | None) -> bool:
    """Whether the client shows exactly the id and the secret that a registration response gave it."""
    if registered is None or not (secret := registered.text("client_secret")):
        return False
    shown = exchange.params.get("client_secret") or _basic_credentials(exchange)[1]
    return (client_id_of(exchange), shown) == (registered.text("client_id"), secret)


@rule(
    "client-auth-method-mismatch",
    title="Client authenticates with a method that is not registered or uses two methods",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def client_auth_method_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """One method, the registered one.

    What it checks: A token request uses the method of the client's registration response, and not two at once. It is
    an error when the authorization server refused the client for it.

    Why it matters: AuthKit refuses any other method with invalid_client.

    How to fix: Client: use the token_endpoint_auth_method of the registration response and nothing else.

    When it is a false alarm: The registration was not captured; only two methods at once are then reported.

    References: RFC 6749 section 2.3; RFC 7591 section 2; RFC 8414 section 2.
    """
    readable = [t for t in run.token_exchanges if not t.request.request_lost]
    registered = run.registration.document if run.registration else None
    supported = run.server_metadata.document if run.server_metadata else None
    offered = supported.texts("token_endpoint_auth_methods_supported") if supported else None
    decided = False
    for exchange in observed(readable, "N1", "no token request in the capture"):
        methods = _methods(exchange)
        refused = exchange.error in ("invalid_client", "unauthorized_client")
        own = registered is not None and registered.text("client_id") == client_id_of(exchange)
        expected = registered.text("token_endpoint_auth_method") if registered and own else None
        if len(methods) > 1:
            wanted, found = "one method", " and ".join(methods)
        elif expected and (methods or ["none"])[0] != expected and expected != "private_key_jwt":
            wanted, found = expected, (methods or ["none"])[0]
        elif not own and offered and (methods or ["none"])[0] not in offered:
            wanted, found = " or ".join(offered), (methods or ["none"])[0]
        else:
            decided = decided or expected is not None or offered is not None
            continue
        yield Fault(
            "The client does not authenticate the way it is registered for.",
            (place(exchange.request, "header" if "basic" in found else "form", "client authentication"),),
            expected=wanted,
            found=found,
            severity=Severity.ERROR if refused else None,
            cause="registration-auth-method-substituted" if own and _substituted(run.registration) else None,
        )
        return
    if not decided:
        raise NotObserved("N1", "the registration was not captured")


def _substituted(registration: Message | None) -> bool:
    """Whether a registration was answered with another authentication method than it asked for, or chose itself one."""
    if registration is None or registration.document is None:
        return False
    asked = registration.sent.text("token_endpoint_auth_method") if registration.sent else None
    return registration.document.text("token_endpoint_auth_method") not in (None, asked)


@rule(
    "as-rejects-own-auth-method",
    title="AS refuses the client authentication method that it advertised or registered",
    phase=Phase.TOKEN,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT",
    confidence=Confidence.LIKELY,
)
def as_rejects_own_auth_method(run: Run) -> Iterator[Fault | NotObserved]:
    """What the metadata says must work.

    What it checks: A token request that authenticates by the registered method was refused with invalid_client, though
    it shows the id and the secret of the captured registration, or a later one by another method succeeded.

    Why it matters: Clients that follow the metadata cannot get a token.

    How to fix: Authorization server: accept what the metadata and the registration response say.

    When it is a false alarm: The registration was deleted, or its secret had expired.

    References: RFC 6749 section 2.3.1; RFC 7591 section 3.2.1; RFC 8414 section 2.
    """
    refused = [t for t in run.token_exchanges if t.error == "invalid_client"]
    registered = run.registration.document if run.registration else None
    for exchange in observed(refused, "N1", "no client was refused at the token endpoint"):
        methods = _methods(exchange)
        expected = registered.text("token_endpoint_auth_method") if registered else None
        later = [t for t in run.token_exchanges if t.access_token and t.request.at > exchange.request.at]
        others = [t for t in later if _methods(t) != methods]
        if methods == [expected] and (others or (not later and _registered_as(exchange, registered))):
            after = ", and took another one later" if others else ", with the id and the secret it had given out"
            yield Fault(
                f"The authorization server refused the method it had registered{after}.",
                (place(exchange.request, "json", "error"), *(place(t.request, "status") for t in others[:1])),
                expected=f"{expected} accepted",
                found="invalid_client",
            )


@rule(
    "credential-in-url",
    title="Secret, code, verifier or refresh token in a URL",
    phase=Phase.TOKEN,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT",
)
def credential_in_url(run: Run) -> Iterator[Fault | NotObserved]:
    """URLs are logged everywhere.

    What it checks: No request to the authorization server has a client secret, code verifier, refresh token or access
    token in its query, nor a token request its code.

    Why it matters: Whoever reads the log can use them.

    How to fix: Client: send them in the body of the request, or in the Authorization header.

    When it is a false alarm: The authorization response to the client lawfully carries the code; it is not counted.

    References: OAuth 2.1 sections 2.4.1 and 3.2; RFC 9700 section 4.3.2.
    """
    requests = observed(
        run.of(Kind.AUTHORIZE, Kind.TOKEN, Kind.REGISTER), "N1", "no request to the authorization server"
    )
    for message in requests:
        secret = [*_SECRET_PARAMETERS, *(["code"] if message.kind is Kind.TOKEN else [])]
        for name in secret:
            if message.query.get(name):
                yield Fault(
                    f"{name} is in the URL.",
                    (place(message, "query", name),),
                    expected="in the request body",
                    found=f"{name} in the query",
                )


@rule(
    "token-response-cacheable",
    title="Token response lacks Cache-Control: no-store",
    phase=Phase.TOKEN,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.WARNING,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def token_response_cacheable(run: Run) -> Iterator[Fault | NotObserved]:
    """A cache must not keep tokens.

    What it checks: A successful token response has Cache-Control with no-store.

    Why it matters: A shared cache could hand the token to somebody else.

    How to fix: Authorization server: add `Cache-Control: no-store`.

    When it is a false alarm: An intermediary removed the header.

    References: RFC 6749 section 5.1; OAuth 2.1 section 3.2.3.
    """
    issued = [t for t in run.token_exchanges if t.access_token]
    for exchange in observed(issued, "N1", "no token response in the capture")[:1]:
        control = exchange.request.response_header("cache-control") or ""
        if "no-store" not in control.lower():
            yield Fault(
                "The token response may be cached.",
                (place(exchange.request, "header", "cache-control"),),
                expected="Cache-Control: no-store",
                found=control or "no such header",
            )


@rule(
    "token-response-invalid",
    title="Token response malformed",
    phase=Phase.TOKEN,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def token_response_invalid(run: Run) -> Iterator[Fault | NotObserved]:
    """Two members make a token response.

    What it checks: A 200 of the token endpoint is a JSON object with access_token and token_type; the type is Bearer
    or DPoP in any case, or N_A for an assertion grant.

    Why it matters: SDKs refuse the response, and the user has signed in for nothing.

    How to fix: Authorization server: answer in the form of RFC 6749 section 5.1.

    When it is a false alarm: A form-encoded response that a client understands; it is reported all the same.

    References: RFC 6749 section 5.1; OAuth 2.1 section 3.2.3.
    """
    answers = [t for t in run.token_exchanges if t.request.status == 200]
    for exchange in observed(answers, "N1", "no success answer of the token endpoint"):
        if content.decoded(exchange.request.exchange.response_headers, exchange.request.exchange.response_body) is None:
            yield NotObserved("N2", "the token response was not kept whole")
            continue
        document = exchange.request.document
        kind = document.text("token_type") if document else None
        wrong = "no JSON object"
        if document is not None:
            wrong = "no access_token" if document.text("access_token") is None else ""
            if not wrong and (kind is None or kind.lower() not in ("bearer", "dpop", "n_a")):
                wrong = f"token_type {kind}" if kind else "no token_type"
        if wrong:
            yield Fault(
                f"The token response is malformed: {wrong}.",
                (place(exchange.request, "json", "token_type" if "type" in wrong else "access_token"),),
                expected='{"access_token": "...", "token_type": "Bearer"}',
                found=wrong,
            )
