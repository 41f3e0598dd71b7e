"""Rules about who the client is to the authorization server: registration and client ID metadata documents."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from inspector.protocol import urls
from inspector.rules.facts import is_document_url, issuers_by_endpoint, of_one_server, registrations, where
from inspector.rules.model import Fault, NotObserved, Party, Phase, Place, Severity, observed, place, present
from inspector.rules.registry import rule
from inspector.rules.token_endpoint import client_id_of
from inspector.rules.translated import redirect_uris_sent
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run


@rule(
    "dcr-deprecated",
    title="Dynamic Client Registration used under 2026-07-28",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | - | diag",
)
def dcr_deprecated(run: Run) -> Iterator[Fault | NotObserved]:
    """Still allowed, on its way out.

    What it checks: A client of 2026-07-28 is known by a client ID metadata document and does not register dynamically.

    Why it matters: The specification will drop dynamic registration, not before 2027-07-28.

    How to fix: Client: publish a client ID metadata document and use its URL as client id.

    When it is a false alarm: It is a note, never a fault.

    References: MCP 2026-07-28 Client Registration.
    """
    requests = run.of(Kind.REGISTER)
    if requests:
        yield Fault(
            "The client registers dynamically, which this revision deprecates.",
            (place(requests[0], "url"),),
            expected="a client ID metadata document",
            found="a registration request",
        )
    elif not any(is_document_url(a.params.get("client_id") or "") for a in run.authorizations):
        raise NotObserved("N1", "no registration in the capture")


@rule(
    "registration-application-type-missing",
    title="DCR request without application_type",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | - | MUST",
)
def registration_application_type_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """Desktop or web decides which redirect URIs are fine.

    What it checks: A registration request of 2026-07-28 has `application_type`, and it is "native" or "web".

    Why it matters: An OpenID Connect server takes "web" when it is missing, and then refuses loopback redirect URIs.

    How to fix: Client: send "native" for desktop and command line applications, "web" for others.

    When it is a false alarm: Servers that do not know the member ignore it.

    References: MCP 2026-07-28 Application Type and Redirect URI Constraints (SEP-837).
    """
    requests = observed(run.of(Kind.REGISTER), "N1", "no registration in the capture")
    for message in observed([m for m in requests if m.sent], "N2", "the registration request is not readable"):
        stated = message.sent.raw.get("application_type") if message.sent else None
        if stated not in ("native", "web"):
            yield Fault(
                "The registration does not say whether the application is native or web.",
                (place(message, "json", "application_type"),),
                expected='"native" or "web"',
                found="not sent" if stated is None else str(stated),
            )


@rule(
    "redirect-uri-custom-scheme",
    title="Redirect URI uses a private-use scheme",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="MUST | MUST | MUST | MUST",
)
def redirect_uri_custom_scheme(run: Run) -> Iterator[Fault | NotObserved]:
    """Fine for a desktop application, until an authorization server refuses it.

    What it checks: A registration that was refused with invalid_redirect_uri has no redirect URI with a scheme of the
    application's own. It is a warning when that scheme has no dot, a note otherwise.

    Why it matters: MCP's text allows localhost and https only, and some authorization servers follow it literally.

    How to fix: Client: prefer http://127.0.0.1 with a port, or a reverse-domain scheme. Operator: allow the scheme.

    When it is a false alarm: The server refused another redirect URI of the same registration. Such a scheme that was
    not refused is never reported: desktop applications have one everywhere. Refusing it is the server's policy, so that
    either side can mend it.

    References: MCP 2025-06-18 Communication Security; RFC 8252 section 7.1; OAuth 2.1 section 2.3.1.
    """
    answered = [(m, redirect_uris_sent(m)) for m in run.of(Kind.REGISTER) if m.answered and m.sent]
    for message, uris in observed(answered, "N1", "no answer to a registration with redirect URIs"):
        for uri in uris if message.oauth_error == "invalid_redirect_uri" else ():
            scheme = uri.partition(":")[0].lower()
            if urls.is_absolute(uri) and scheme not in ("http", "https"):
                yield Fault(
                    "The authorization server refused a redirect URI with a scheme of the application's own.",
                    (place(message, "json", "redirect_uris"), place(message, "json", "error")),
                    expected="http://127.0.0.1:PORT/... or a reverse-domain scheme",
                    found=uri,
                    severity=None if "." in scheme else Severity.WARNING,
                    party=Party.CONFIGURATION,
                )


@rule(
    "registration-auth-method-substituted",
    title="AS registered another token_endpoint_auth_method than requested",
    phase=Phase.REGISTRATION,
    party=Party.CONFIGURATION,
    severity=Severity.WARNING,
    levels="diag | diag | diag | diag",
)
def registration_auth_method_substituted(run: Run) -> Iterator[Fault | NotObserved]:
    """The answer to a registration is what counts.

    What it checks: Where the registration response has another method than was requested, or none was requested, the
    token requests of that client use the method of the response.

    Why it matters: AuthKit refuses a client that authenticates in another way than it is registered for.

    How to fix: Client: request "none" for a public client, and use what the response says. The server may register
    something else than was asked for; a client that does not look at the answer is at fault.

    When it is a false alarm: The authorization server accepts either method.

    References: RFC 7591 sections 2 and 3.2.1.
    """
    answered = {client_id: known[-1] for client_id, known in registrations(run).items()}
    observed(list(answered), "N1", "no registration response in the capture")
    requests: dict[str, list[TokenExchange]] = {}
    for exchange in (t for t in run.token_exchanges if not t.request.request_lost):
        requests.setdefault(client_id_of(exchange) or "", []).append(exchange)
    for client_id, message in answered.items():
        requested = message.sent.text("token_endpoint_auth_method") if message.sent else None
        given = message.document.text("token_endpoint_auth_method") if message.document else None
        if given in (None, requested):
            continue
        if not requests.get(client_id):
            yield NotObserved("N1", "no token request of the client that was registered with another method")
        elif given and not all(_authenticates_by(given, exchange) for exchange in requests[client_id]):
            yield Fault(
                "The authorization server registered another authentication method than the client uses.",
                (place(message, "json", "token_endpoint_auth_method"),),
                expected=requested or "the method that the client uses",
                found=given,
                party=Party.CLIENT,
            )


def _authenticates_by(method: str, exchange: TokenExchange) -> bool:
    """Whether a token request authenticates by this method, as far as a request can show it."""
    scheme = (exchange.request.request_header("authorization") or "").partition(" ")[0].lower()
    shown = {
        "client_secret_basic": scheme == "basic",
        "client_secret_post": "client_secret" in exchange.params,
        "none": scheme != "basic" and "client_secret" not in exchange.params,
    }
    return shown.get(method, True)


@rule(
    "cimd-client-id-invalid",
    title="URL client_id violates the CIMD URL rules",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | - | MUST | MUST",
)
def cimd_client_id_invalid(run: Run) -> Iterator[Fault | NotObserved]:
    """The URL is the identity, so its form is strict.

    What it checks: A client id that is a URL, and that no registration gave out, is https, has a path, and no dot
    segments, fragment or user. A query is a note. Plain http on loopback is left alone: documents are tried out there.

    Why it matters: The authorization server must refuse it.

    How to fix: Client: use a plain URL such as https://example.com/oauth/client.json.

    When it is a false alarm: The authorization server gave out the id, before the capture.

    References: MCP 2025-11-25 Client ID Metadata Documents; draft-ietf-oauth-client-id-metadata-document section 3.
    """
    seen = _document_urls(run)
    for client_id, at in observed([*seen.items()], "N10", "the client id is not a URL of the client's own"):
        broken = _broken_rule(client_id)
        if broken or "?" in client_id:
            yield Fault(
                f"The client id is a URL that cannot be one: {broken}." if broken else "The client id has a query.",
                (at,),
                expected="https://host/path without dot segments, fragment, query and user",
                found=client_id,
                severity=None if broken else Severity.INFO,
            )


def _document_urls(run: Run) -> dict[str, Place]:
    """Client ids that are URLs and were not given out by a registration, and where each is sent first."""
    sent = [(a.request, a.params.get("client_id")) for a in run.authorizations]
    sent += [(t.request, t.params.get("client_id")) for t in run.token_exchanges]
    given_out = registrations(run)
    found: dict[str, Place] = {}
    for message, client_id in sent:
        if client_id and is_document_url(client_id) and client_id not in given_out:
            found.setdefault(client_id, place(message, where(message), "client_id"))
    return found


def _broken_rule(client_id: str) -> str:
    """What makes a URL no client id, empty when nothing does (CIMD draft section 3)."""
    if not urls.is_absolute(client_id):
        return "it is no URL"
    parts = urlsplit(client_id)
    if parts.scheme != "https" and not urls.is_loopback(client_id):
        return "it is not https"
    if parts.path in ("", "/"):
        return "it has no path"
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        return "it has dot segments"
    if urls.has_fragment(client_id):
        return "it has a fragment"
    return "it names a user" if "@" in parts.netloc else ""


@rule(
    "cimd-document-client-id-mismatch",
    title="CIMD document client_id differs from its URL",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | - | MUST | MUST",
)
def cimd_document_client_id_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """The document must speak for its own URL.

    What it checks: Where the document was captured, its client_id is byte for byte the URL.

    Why it matters: The authorization server must refuse the client.

    How to fix: Client: its publisher writes the URL into the document exactly as the client sends it.

    When it is a false alarm: None known. The authorization server mostly fetches the document out of sight.

    References: MCP 2025-11-25 Client ID Metadata Documents; draft-ietf-oauth-client-id-metadata-document section 4.1.
    """
    own = observed([*_document_urls(run)], "N10", "the client id is not a URL of the client's own")
    fetched = [m for m in run.messages if m.exchange.url in own and m.good_document]
    for message in observed(fetched, "N8", "the client ID metadata document was not captured"):
        stated = message.document.text("client_id") if message.document else None
        if stated != message.exchange.url:
            yield Fault(
                "The client ID metadata document names another client id.",
                (place(message, "json", "client_id"),),
                expected=message.exchange.url,
                found=stated or "none",
            )


@rule(
    "registration-priority-order",
    title="Client uses DCR although pre-registration or CIMD was available",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | SHOULD | SHOULD",
)
def registration_priority_order(run: Run) -> Iterator[Fault | NotObserved]:
    """A document of the client's own comes before dynamic registration.

    What it checks: A client does not register dynamically where the metadata offers client ID metadata documents.

    Why it matters: Every dynamic registration leaves an entry at the authorization server that nobody cleans up.

    How to fix: Client: host a client ID metadata document and use its URL.

    When it is a false alarm: The client has no such document; most desktop clients have none yet.

    References: MCP 2025-11-25 Client Registration.
    """
    registered = observed(run.of(Kind.REGISTER), "N1", "no registration in the capture")
    message = present(run.server_metadata, "N3", "no authorization server metadata in the capture")
    offered = message.document and message.document.raw.get("client_id_metadata_document_supported") is True
    if offered:
        yield Fault(
            "The client registers dynamically although its own metadata document would do.",
            (place(registered[0], "url"),),
            expected="a client id that is the URL of a document",
            found="a registration request",
        )


@rule(
    "reregistration-missing-on-issuer-change",
    title="No new registration after PRM switched issuer",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | - | - | MUST",
)
def reregistration_missing_on_issuer_change(run: Run) -> Iterator[Fault | NotObserved]:
    """A new authorization server does not know the client.

    What it checks: Where the metadata names another authorization server than before, the client has registered there
    when it asks for authorization, and does not come with the client id that it got by registering at the old one.

    Why it matters: The new server refuses the client, or takes it for somebody else.

    How to fix: Client: keep registrations per issuer, and register when there is none for this one.

    When it is a false alarm: The new server has taken over the registrations of the old one.

    References: MCP 2026-07-28 Authorization Server Binding (SEP-2352).
    """
    documents = [m for m in run.of(Kind.RESOURCE_METADATA) if m.good_document]
    named = [(m, m.good_document.texts("authorization_servers") if m.good_document else None) for m in documents]
    changes = [later for (_, before), (later, servers) in pairwise(named) if before and servers and before != servers]
    change = observed(changes, "N11", "the authorization server did not change")[0]
    later = [(a.request, a.params.get("client_id") or "") for a in run.authorizations if a.request.at > change.at]
    issuers = issuers_by_endpoint(run)
    for message, home in _presented(run, observed(later, "N1", "no authorization request after the change")):
        if isinstance(home, NotObserved):
            yield home
        elif home and not any(of_one_server(issuers, each.url, message.url) for each in run.of(Kind.REGISTER)):
            yield Fault(
                "The client did not register at the authorization server that took over.",
                (place(message, where(message), "client_id"), place(change, "json", "authorization_servers")),
                expected=f"a registration at {urls.origin(message.url)}",
                found=f"an id of {home}",
            )
            return


@rule(
    "credential-cross-issuer-reuse",
    title="Client credentials issued by one AS presented to another",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | MUST NOT",
)
def credential_cross_issuer_reuse(run: Run) -> Iterator[Fault | NotObserved]:
    """A client id means something only at the server that gave it out.

    What it checks: A client id that was given out by one authorization server does not appear at another's endpoints,
    unless that one gave out the same. Servers are told apart by the issuer of the metadata that names the endpoints.
    URLs of client ID metadata documents are portable by design.

    Why it matters: The other server does not know the client, or takes it for somebody else.

    How to fix: Client: keep credentials per issuer, and register anew when the MCP server names another one.

    When it is a false alarm: The other server knows the client by the same id because an operator entered it by hand.

    References: MCP 2026-07-28 Authorization Server Binding (SEP-2352); RFC 6749 section 2.2.
    """
    used = [(a.request, a.params.get("client_id") or "") for a in run.authorizations]
    used += [(t.request, client_id_of(t) or "") for t in run.token_exchanges]
    for message, home in _presented(run, observed(used, "N1", "no request with a client id in the capture")):
        if isinstance(home, NotObserved):
            yield home
        elif home:
            in_header = "client_id" not in message.params
            yield Fault(
                "The client presents an id that another authorization server gave out.",
                (place(message, *("header", "authorization") if in_header else (where(message), "client_id")),),
                expected="a registration at this authorization server",
                found=f"an id of {home}",
            )
            return


def _presented(run: Run, used: Iterable[tuple[Message, str]]) -> Iterator[tuple[Message, str | NotObserved]]:
    """Each request with the origin of the other authorization server that gave out its client id.

    Empty when this one did, or when the id is a URL of the client's own.
    """
    issued = {client_id: sorted({m.url for m in known}) for client_id, known in registrations(run).items()}
    issuers, portable = issuers_by_endpoint(run), _document_urls(run)
    for message, client_id in used:
        homes = issued.get(client_id, [])
        answers = {of_one_server(issuers, home, message.url) for home in homes}
        if client_id in portable or True in answers:
            yield message, ""
        elif not answers:
            yield message, NotObserved("N1", "the registration of this client id was not captured")
        else:
            undecided = NotObserved("N3", "the metadata that says whose endpoints these are was not captured")
            yield message, undecided if None in answers else urls.origin(homes[0])
