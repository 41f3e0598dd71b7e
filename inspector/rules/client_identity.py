"""Rules about who the client is to the authorization server: registration and client ID metadata documents."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from inspector.protocol import urls
from inspector.rules.model import Fault, NotObserved, Party, Phase, Place, Severity, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import Kind
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

    What it checks: A client of 2026-07-28 registers dynamically.

    Why it matters: The specification will drop it, not before 2027-07-28.

    How to fix: Client: publish a client ID metadata document and use its URL as client id.

    When it is a false alarm: It is a note, never a fault.

    References: MCP 2026-07-28 Client Registration.
    """
    requests = observed(run.of(Kind.REGISTER), "N1", "no registration in the capture")
    yield Fault(
        "The client registers dynamically, which this revision deprecates.",
        (place(requests[0], "url"),),
        expected="a client ID metadata document",
        found="a registration request",
    )


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
    readable = [m for m in run.of(Kind.REGISTER) if m.sent]
    for message in observed(readable, "N1", "no registration request that can be read"):
        stated = message.sent.text("application_type") if message.sent else None
        if stated not in ("native", "web"):
            yield Fault(
                "The registration does not say whether the application is native or web.",
                (place(message, "json", "application_type"),),
                expected='"native" or "web"',
                found=stated or "no such member",
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

    What it checks: A redirect URI is neither http nor https. It is a note; it is a warning when its scheme has no dot
    and the registration was refused with invalid_redirect_uri.

    Why it matters: MCP's text allows localhost and https only, and some authorization servers follow it literally.

    How to fix: Client: prefer http://127.0.0.1 with a port, or a reverse-domain scheme. Operator: allow the scheme.

    When it is a false alarm: Desktop applications do this everywhere, and most authorization servers accept it.

    References: MCP 2025-06-18 Communication Security; RFC 8252 section 7.1; OAuth 2.1 section 2.3.1.
    """
    seen: dict[str, Place] = {}
    for message in run.of(Kind.REGISTER):
        for uri in (message.sent.texts("redirect_uris") if message.sent else None) or ():
            seen.setdefault(uri, place(message, "json", "redirect_uris"))
    for authorization in run.authorizations:
        if requested := authorization.params.get("redirect_uri"):
            seen.setdefault(requested, place(authorization.request, "query", "redirect_uri"))
    refused = [m for m in run.of(Kind.REGISTER) if m.oauth_error == "invalid_redirect_uri"]
    for uri in observed(list(seen), "N1", "no redirect URI in the capture"):
        scheme = uri.partition(":")[0].lower()
        # Only a scheme that was refused is worth a line: every desktop application has one.
        if scheme not in ("http", "https") and refused:
            yield Fault(
                "The authorization server refused a redirect URI with a scheme of the application's own.",
                (seen[uri], place(refused[0], "json", "error")),
                expected="http://127.0.0.1:PORT/... or a reverse-domain scheme",
                found=uri,
                severity=Severity.WARNING if "." not in scheme else None,
                cause="registration-rejected",
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

    What it checks: The method in the registration response is the one requested, and a client that requested none and
    was given client_secret_basic does send its secret.

    Why it matters: AuthKit refuses a client that authenticates in another way than it is registered for.

    How to fix: Client: request "none" for a public client, and use what the response says.

    When it is a false alarm: The client reads the response and adapts: it is then not reported.

    References: RFC 7591 section 3.2.1.
    """
    answered = [m for m in run.of(Kind.REGISTER) if m.sent and m.document and (m.status or 500) < 300]
    for message in observed(answered, "N1", "no registration response in the capture"):
        requested = message.sent.text("token_endpoint_auth_method") if message.sent else None
        given = message.document.text("token_endpoint_auth_method") if message.document else None
        if given is None or given == (requested or "client_secret_basic"):
            continue
        if any(t.error in ("invalid_client", "unauthorized_client") for t in run.token_exchanges):
            yield Fault(
                "The authorization server registered another authentication method than the client asked for.",
                (place(message, "json", "token_endpoint_auth_method"),),
                expected=requested or "client_secret_basic, the default",
                found=given,
            )


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

    What it checks: A client id that is a URL is https, has a path, and no dot segments, fragment or user.

    Why it matters: The authorization server must refuse it.

    How to fix: Client: use a plain URL such as https://example.com/oauth/client.json.

    When it is a false alarm: The authorization server gives out client ids that look like URLs.

    References: MCP 2025-11-25 Client ID Metadata Documents; draft-ietf-oauth-client-id-metadata-document section 3.
    """
    by_url = [(a, a.params.get("client_id") or "") for a in run.authorizations]
    documents = [(a, client_id) for a, client_id in by_url if client_id.startswith(("http://", "https://"))]
    for authorization, client_id in observed(documents, "N10", "the client id is not a URL"):
        parts = urlsplit(client_id)
        dotted = any(segment in (".", "..") for segment in parts.path.split("/"))
        plain_http = parts.scheme != "https" and not urls.is_loopback(client_id)
        if plain_http or parts.path in ("", "/") or dotted or parts.fragment or parts.username is not None:
            yield Fault(
                "The client id is a URL of a form that is not allowed.",
                (place(authorization.request, "query", "client_id"),),
                expected="https://host/path without dot segments, fragment and user",
                found=client_id,
            )


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

    How to fix: Client's publisher: write the URL into the document exactly as clients send it.

    When it is a false alarm: None known. The authorization server mostly fetches the document out of sight.

    References: MCP 2025-11-25 Client ID Metadata Documents.
    """
    client_ids = {a.params.get("client_id") for a in run.authorizations}
    fetched = [m for m in run.messages if m.exchange.url in client_ids and m.good_document]
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
    metadata = run.server_metadata.document if run.server_metadata else None
    if metadata is None:
        raise NotObserved("N3", "no authorization server metadata in the capture")
    if metadata.raw.get("client_id_metadata_document_supported") is True:
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

    What it checks: Where the metadata names another authorization server than before, and the client asks it for
    authorization with a client id it got by registering, it has registered there first.

    Why it matters: The new server refuses the client, or takes it for somebody else.

    How to fix: Client: keep registrations per issuer, and register when there is none for this one.

    When it is a false alarm: The client is known at the new server by other means.

    References: MCP 2026-07-28 Authorization Server Binding (SEP-2352).
    """
    named: list[str] = []
    for message in run.of(Kind.RESOURCE_METADATA):
        servers = (message.good_document.texts("authorization_servers") if message.good_document else None) or ()
        if servers and (not named or named[-1] != servers[0]):
            named.append(servers[0])
    if len(named) < 2:
        raise NotObserved("N11", "the authorization server did not change")
    registered = {urls.origin(m.url) for m in run.of(Kind.REGISTER)}
    observed(list(registered), "N1", "no registration in the capture")
    for authorization in run.authorizations:
        client_id = authorization.params.get("client_id") or ""
        there = urls.origin(authorization.request.url)
        moved = any(urls.origin(server) == there for server in named[1:])
        if moved and there not in registered and not client_id.startswith("https://"):
            yield Fault(
                "The client did not register at the authorization server that took over.",
                (place(authorization.request, "query", "client_id"),),
                expected=f"a registration at {there}",
                found="none",
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
    unless that one gave out the same. URLs of client ID metadata documents are portable by design.

    Why it matters: The other server does not know the client, or takes it for somebody else.

    How to fix: Client: keep credentials per issuer, and register anew when the MCP server names another one.

    When it is a false alarm: Two host names of the same authorization server.

    References: MCP 2026-07-28 Authorization Server Binding (SEP-2352); RFC 6749 section 2.2.
    """
    issued: dict[str, set[str]] = {}
    for message in run.of(Kind.REGISTER):
        if message.document and (client_id := message.document.text("client_id")):
            issued.setdefault(client_id, set()).add(urls.origin(message.url))
    observed(list(issued), "N1", "no registration response in the capture")
    for message in run.of(Kind.AUTHORIZE, Kind.TOKEN):
        used = (message.form or message.query).get("client_id")
        homes = issued.get(used or "")
        if used and homes and urls.origin(message.url) not in homes and not _same_server(run, homes, message.url):
            yield Fault(
                "The client presents an id that another authorization server gave out.",
                (place(message, "query" if message.kind is Kind.AUTHORIZE else "form", "client_id"),),
                expected="a registration at this authorization server",
                found=f"an id of {next(iter(homes))}",
            )
            return


def _same_server(run: Run, homes: set[str], url: str) -> bool:
    """Whether one metadata document names endpoints at both places."""
    for metadata in run.of(Kind.SERVER_METADATA):
        values = metadata.good_document.raw.values() if metadata.good_document else ()
        origins = {urls.origin(value) for value in values if isinstance(value, str)}
        if urls.origin(url) in origins and origins & homes:
            return True
    return False
