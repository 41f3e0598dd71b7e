"""Rules about what the authorization server's metadata says it can do, and whether that is true."""

from collections.abc import Iterator

from inspector.protocol import content, urls
from inspector.protocol.documents import Document
from inspector.rules.facts import metadata_behind, where
from inspector.rules.model import Fault, NotObserved, Party, Phase, Place, Severity, joined, observed, place, present
from inspector.rules.registry import rule
from inspector.rules.server_metadata import asked_issuer, is_copy
from inspector.rules.translated import hidden, translated
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_REQUIRED = ("issuer", "authorization_endpoint", "token_endpoint", "response_types_supported")
_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
)
_AT_SIGN_IN = (Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN)
_PKCE_METHODS = "code_challenge_methods_supported"
_ISS_FLAG = "authorization_response_iss_parameter_supported"


def _used_metadata(run: Run) -> Message:
    return present(run.server_metadata, "N3", "no authorization server metadata in the capture")


def _documents(run: Run) -> list[tuple[Message, Document]]:
    found = [(m, m.good_document) for m in run.of(Kind.SERVER_METADATA)]
    return [(message, document) for message, document in found if document]


@rule(
    "as-metadata-response-invalid",
    title="AS metadata is not 200 application/json",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def as_metadata_response_invalid(run: Run) -> Iterator[Fault | NotObserved]:
    """A success answer at a metadata URL must be the document.

    What it checks: A 2xx answer at an authorization server metadata URL is 200 with a JSON object. Another media type
    is a warning, and so is a page where the client found the document at another location.

    Why it matters: A start page in its place makes clients fail instead of trying the next location.

    How to fix: Authorization server: answer with the document as application/json, or with 404. MCP server: the same
    where clients look for it there.

    When it is a false alarm: None known; a 404 while probing is normal.

    References: RFC 8414 section 3.2; OpenID Connect Discovery 1.0 section 4.2.
    """
    answers = [m for m in run.of(Kind.SERVER_METADATA) if m.status in range(200, 300)]
    reported: set[str] = set()
    for message in observed(answers, "N1", "no success answer at a metadata URL"):
        headers, body = message.exchange.response_headers, message.exchange.response_body
        if content.decoded(headers, body) is None:
            yield NotObserved("N2", "the document was not kept whole")
            continue
        media_type = content.media_type(headers)
        fine = message.document is not None and message.status == 200 and media_type.endswith("json")
        if not fine and message.url not in reported:
            reported.add(message.url)
            found = f"{message.status}, {media_type or 'no media type'}"
            yield Fault(
                "The metadata URL answered with success but not with a JSON document.",
                (place(message, "header", "content-type"),),
                expected="200, application/json, a JSON object",
                found=found if message.document else f"{found}, no JSON object",
                severity=Severity.WARNING if message.document or run.server_metadata else None,
                party=Party.MCP_SERVER if _only_on_mcp_server(run, message) else None,
            )


def _only_on_mcp_server(run: Run, message: Message) -> bool:
    """Whether the MCP server answers where its authorization server, another host, was looked for."""
    issuer = run.issuer or ""
    return urls.same_origin(message.url, run.server_url) and not urls.same_origin(message.url, issuer)


@rule(
    "as-metadata-required-field-missing",
    title="AS metadata lacks issuer, an endpoint or response_types_supported",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def as_metadata_required_field_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """Four members a client cannot do without.

    What it checks: The document has issuer, authorization_endpoint, token_endpoint and response_types_supported. The
    last is a warning where the client asked for authorization all the same.

    Why it matters: SDKs validate the document and refuse all of it.

    How to fix: Authorization server: add the member.

    When it is a false alarm: None known; authorization_endpoint is optional, and not missed, where no grant uses it.

    References: RFC 8414 section 2.
    """
    message = _used_metadata(run)
    document = message.document or Document({})
    grants = document.texts("grant_types_supported")
    machines_only = grants is not None and not {"authorization_code", "implicit"} & set(grants)
    for name in _REQUIRED:
        if name == "authorization_endpoint" and machines_only:
            continue
        found = document.texts(name) if name == "response_types_supported" else document.text(name)
        if not found:
            # Many clients never look at the response types, and the code is the only one that MCP uses.
            passed_over = name == "response_types_supported" and run.authorizations
            yield Fault(
                f"The authorization server metadata has no {name}.",
                (place(message, "json", name),),
                expected=name,
                found="no such member" if name not in document else "empty or of the wrong type",
                severity=Severity.WARNING if passed_over else None,
            )


@rule(
    "as-metadata-s256-unsupported",
    title="code_challenge_methods_supported lacks S256",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def as_metadata_s256_unsupported(run: Run) -> Iterator[Fault | NotObserved]:
    """S256 is the method every server must have.

    What it checks: Where the member is present, it lists S256.

    Why it matters: Clients that check it stop.

    How to fix: Authorization server: support S256 and list it.

    When it is a false alarm: None known.

    References: OAuth 2.1 section 4.1.1; RFC 7636 section 4.2.
    """
    message = _used_metadata(run)
    document = message.document or Document({})
    if _PKCE_METHODS not in document:
        raise NotObserved("N3", f"the metadata has no {_PKCE_METHODS}")
    methods = document.texts(_PKCE_METHODS) or ()
    if "S256" not in methods:
        yield Fault(
            "The authorization server does not list S256.",
            (place(message, "json", _PKCE_METHODS),),
            expected="S256",
            found=joined(methods),
        )


@rule(
    "client-proceeds-without-pkce-metadata",
    title="Client starts authorization although PKCE support is not advertised",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | MUST | MUST",
)
def client_proceeds_without_pkce_metadata(run: Run) -> Iterator[Fault | NotObserved]:
    """The specification wants a refusal that no SDK makes.

    What it checks: The metadata has no code_challenge_methods_supported, nor has another document that names the same
    authorization endpoint, and the client asked for authorization.

    Why it matters: The client cannot know that its proof is checked.

    How to fix: Authorization server: advertise PKCE. Client: refuse, as the specification says.

    When it is a false alarm: The client knows from elsewhere that PKCE is supported; every SDK goes on today.

    References: MCP 2025-11-25 Authorization Code Protection ("MUST refuse to proceed").
    """
    message = _used_metadata(run)
    asked = [authorization.request for authorization in run.authorizations if authorization.request.at >= message.at]
    request = observed(asked, "N1", "no authorization request after the metadata")[0]
    endpoint = message.document.text("authorization_endpoint") if message.document else None
    same = [document for _, document in _documents(run) if document.text("authorization_endpoint") == endpoint]
    if not any(_PKCE_METHODS in document for document in same):
        yield Fault(
            "The client went on although the metadata does not say that PKCE is supported.",
            (place(request, where(request), "code_challenge"), place(message, "json", _PKCE_METHODS)),
            expected="refuse to go on",
            found="an authorization request",
            cause="as-metadata-pkce-not-advertised",
        )


@rule(
    "as-endpoint-insecure",
    title="AS endpoint uses http to a non-loopback host or a dangerous scheme",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def as_endpoint_insecure(run: Run) -> Iterator[Fault | NotObserved]:
    """Codes and tokens travel to these addresses.

    What it checks: Each endpoint in the metadata is https, or http on loopback. Without metadata the endpoints that
    the client asked are looked at.

    Why it matters: On plain http everybody on the way reads the token; a javascript: or file: address is an attack.

    How to fix: Authorization server: publish https addresses. Client: refuse others.

    When it is a false alarm: Plain http in a closed lab.

    References: MCP 2025-06-18 Communication Security; MCP 2026-07-28 Security Best Practices.
    """
    seen: dict[str, tuple[Place, str]] = {}
    if run.server_metadata:
        document = run.server_metadata.document or Document({})
        for name in _ENDPOINTS:
            if endpoint := document.text(name):
                seen.setdefault(endpoint, (place(run.server_metadata, "json", name), name))
    else:
        for request in run.of(*_AT_SIGN_IN):
            seen.setdefault(request.url, (place(request, "url"), f"The {request.kind} endpoint"))
    for endpoint in observed(list(seen), "N3", "no authorization server metadata in the capture"):
        if not urls.is_secure(endpoint):
            at, name = seen[endpoint]
            yield Fault(f"{name} is not https.", (at,), expected="https://...", found=endpoint)


@rule(
    "client-accepts-issuer-mismatch",
    title="Client uses AS metadata whose issuer does not match",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT | MUST NOT",
)
def client_accepts_issuer_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """Another server's metadata must not be used.

    What it checks: A document whose issuer is not the identifier it was asked for, beyond slash, case and port, is
    followed by a request to one of its endpoints that no other document names. A copy of the document that the MCP
    server publishes is a warning, and in 2025-03-26 nothing.

    Why it matters: An attacker's document sends the user and the code elsewhere.

    How to fix: Client: compare `issuer` with the identifier the URL was built from, and discard what differs.

    When it is a false alarm: The client knows the endpoints from elsewhere.

    References: RFC 8414 section 3.3; MCP 2026-07-28 Authorization Server Metadata Discovery.
    """
    documents = _documents(run)
    observed(documents, "N3", "no authorization server metadata in the capture")
    mismatched: dict[tuple[str, str], tuple[Message, Document, str, str]] = {}
    trusted: set[str] = set()
    for message, document in documents:
        asked, issuer = asked_issuer(run, message), document.text("issuer")
        if asked is None or issuer is None:
            continue
        if hidden(message, asked, issuer):
            yield translated()
            trusted |= _sign_in_endpoints(document)
        elif urls.compare(asked, issuer).same_identifier:
            trusted |= _sign_in_endpoints(document)
        elif run.resource_metadata is None and urls.path_of(asked).strip("/") and not is_copy(run, message):
            yield NotObserved("N3", "which issuer the client meant is not in the capture")
        else:
            mismatched.setdefault((message.url, issuer), (message, document, asked, issuer))
    requests = run.of(*_AT_SIGN_IN) if mismatched else ()
    for message, document, asked, issuer in mismatched.values():
        copied = is_copy(run, message)
        own = _sign_in_endpoints(document) - trusted
        used = next((m for m in requests if m.at > message.at and m.url in own), None)
        if used and not (copied and run.revision.client == "2025-03-26"):
            yield Fault(
                "The client used metadata that states another issuer than the one it asked for.",
                (place(used, "url"), place(message, "json", "issuer")),
                expected=f"discard the document: {asked} was asked for",
                found=issuer,
                severity=Severity.WARNING if copied else None,
                cause="legacy-as-metadata-proxy" if copied else "as-metadata-issuer-mismatch",
            )


def _sign_in_endpoints(document: Document) -> set[str]:
    named = (document.text(f"{name}_endpoint") for name in ("authorization", "token", "registration"))
    return {urls.without_query(endpoint) for endpoint in named if endpoint}


@rule(
    "as-metadata-iss-support-inconsistent",
    title="iss sent but not advertised, or advertised but not sent",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.WARNING,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | MUST",
)
def as_metadata_iss_support_inconsistent(run: Run) -> Iterator[Fault | NotObserved]:
    """A promise that clients rely on.

    What it checks: The authorization response carries `iss` exactly when the metadata says so.

    Why it matters: A client of 2026-07-28 discards a response without the advertised `iss`.

    How to fix: Authorization server: set authorization_response_iss_parameter_supported to what it does.

    When it is a false alarm: None known; an `iss` that is not advertised is tolerated and compared all the same.

    References: RFC 9207 sections 2.3 and 3; MCP 2026-07-28 Authorization Response Validation.
    """
    answered = [(a, a.response) for a in run.authorizations if a.response]
    announced: dict[str, tuple[Message, bool]] = {}
    for authorization, (hop, given) in observed(answered, "N1", "the authorization response was not captured"):
        endpoint = authorization.request.url
        if endpoint not in announced:
            metadata = metadata_behind(run, authorization)
            announced[endpoint] = metadata, bool(metadata.document and metadata.document.raw.get(_ISS_FLAG) is True)
        message, advertised = announced[endpoint]
        if advertised != ("iss" in given):
            yield Fault(
                "The response has no iss although the metadata promises it."
                if advertised
                else "The response has an iss that the metadata does not announce.",
                (place(hop, "header", "location"), place(message, "json", _ISS_FLAG)),
                expected="iss" if advertised else f"{_ISS_FLAG}: true",
                found="no iss" if advertised else "not announced",
                severity=None if advertised else Severity.INFO,
            )
            return


@rule(
    "as-registration-unavailable",
    title="AS offers neither CIMD nor dynamic registration",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.WARNING,
    levels="SHOULD | SHOULD | SHOULD | SHOULD",
)
def as_registration_unavailable(run: Run) -> Iterator[Fault | NotObserved]:
    """A client without an identity, and no way to get one.

    What it checks: No metadata document has a registration_endpoint or offers client ID metadata documents, and the
    client did not ask for authorization.

    Why it matters: The sign-in ends before a browser opens.

    How to fix: Operator: turn on CIMD or DCR (AuthKit: Connect, Configuration; both are off by default), or give the
    client a client id.

    When it is a false alarm: The client has a client id of its own, and the capture ends before it goes on.

    References: MCP 2025-11-25 Client Registration; MCP 2025-03-26 Dynamic Client Registration.
    """
    message = _used_metadata(run)
    if run.registration or any(_registers(document) for _, document in _documents(run)):
        return
    if run.of(Kind.AUTHORIZE, Kind.TOKEN):
        raise NotObserved("N10", "the client went on with a client id of its own")
    of_authkit = urls.host_of(run.issuer or "").endswith(".authkit.app")
    yield Fault(
        "The authorization server offers no way to register, and the client went no further.",
        (place(message, "json", "registration_endpoint"),),
        expected="registration_endpoint or client_id_metadata_document_supported",
        found="neither",
        party=Party.CONFIGURATION if of_authkit else None,
    )


def _registers(document: Document) -> bool:
    return "registration_endpoint" in document or document.raw.get("client_id_metadata_document_supported") is True
