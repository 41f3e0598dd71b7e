"""Rules about what the authorization server's metadata says it can do, and whether that is true."""

from collections.abc import Iterator

from inspector.protocol import content, urls
from inspector.protocol.documents import Document
from inspector.protocol.urls import Grade
from inspector.rules.discovery import used_metadata
from inspector.rules.facts import metadata_behind
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.rules.server_metadata import asked_issuer, is_copy
from inspector.timeline.message import Kind
from inspector.timeline.run import Run

_REQUIRED = ("issuer", "authorization_endpoint", "token_endpoint", "response_types_supported")
_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "introspection_endpoint",
)
_ISS_FLAG = "authorization_response_iss_parameter_supported"


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

    What it checks: A 2xx answer at an authorization server metadata URL is 200 with a JSON object; another media type
    is a warning.

    Why it matters: A start page in its place makes clients fail instead of trying the next location.

    How to fix: Authorization server: answer with the document as application/json, or with 404.

    When it is a false alarm: None known; a 404 while probing is normal.

    References: RFC 8414 section 3.2; OpenID Connect Discovery 1.0 section 4.2.
    """
    answers = [m for m in run.of(Kind.SERVER_METADATA) if m.status is not None and 200 <= m.status < 300]
    for message in observed(answers, "N3", "no success answer at a metadata URL"):
        headers, body = message.exchange.response_headers, message.exchange.response_body
        if content.decoded(headers, body) is None:
            yield NotObserved("N2", "the document was not kept whole")
            continue
        media_type = content.media_type(headers)
        if message.document is None or message.status != 200 or not media_type.endswith("json"):
            yield Fault(
                "The metadata URL answered with success but not with a JSON document.",
                (place(message, "header", "content-type"),),
                expected="200, application/json, a JSON object",
                found=f"{message.status}, {media_type or 'no media type'}",
                severity=None if message.document is None else Severity.WARNING,
            )


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

    What it checks: The document has issuer, authorization_endpoint, token_endpoint and response_types_supported.

    Why it matters: SDKs validate the document and refuse all of it.

    How to fix: Authorization server: add the member.

    When it is a false alarm: authorization_endpoint is optional where only client credentials are supported.

    References: RFC 8414 section 2.
    """
    message = used_metadata(run)
    document = message.document or Document({})
    grants = document.texts("grant_types_supported")
    machines_only = grants is not None and "authorization_code" not in grants
    for name in _REQUIRED:
        found = document.texts(name) if name == "response_types_supported" else document.text(name)
        if found is None and not (machines_only and name in ("authorization_endpoint", "response_types_supported")):
            yield Fault(
                f"The authorization server metadata has no {name}.",
                (place(message, "json", name),),
                expected=name,
                found="no such member" if name not in document else "of the wrong type",
                severity=Severity.WARNING if name == "response_types_supported" else None,
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
    message = used_metadata(run)
    methods = message.document.texts("code_challenge_methods_supported") if message.document else None
    if methods is not None and "S256" not in methods:
        yield Fault(
            "The authorization server does not list S256.",
            (place(message, "json", "code_challenge_methods_supported"),),
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

    What it checks: The metadata has no code_challenge_methods_supported, and the client asked for authorization.

    Why it matters: The client cannot know that its proof is checked.

    How to fix: Authorization server: advertise PKCE. Client: refuse, as the specification says.

    When it is a false alarm: The client knows from elsewhere that PKCE is supported; every SDK goes on today.

    References: MCP 2025-11-25 Authorization Code Protection ("MUST refuse to proceed").
    """
    message = used_metadata(run)
    requests = observed(run.authorizations, "N1", "the authorization request was not captured")
    if message.document and "code_challenge_methods_supported" not in message.document:
        yield Fault(
            "The client went on although the metadata does not say that PKCE is supported.",
            (
                place(requests[0].request, "query", "code_challenge"),
                place(message, "json", "code_challenge_methods_supported"),
            ),
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

    What it checks: Each endpoint in the metadata is https, or http on loopback.

    Why it matters: On plain http everybody on the way reads the token; a javascript: or file: address is an attack.

    How to fix: Authorization server: publish https addresses. Client: refuse others.

    When it is a false alarm: Plain http in a closed lab.

    References: MCP 2025-06-18 Communication Security; MCP 2026-07-28 Security Best Practices.
    """
    message = used_metadata(run)
    for name in _ENDPOINTS:
        endpoint = message.document.text(name) if message.document else None
        if endpoint and not urls.is_secure(endpoint):
            yield Fault(
                f"{name} is not https.", (place(message, "json", name),), expected="https://...", found=endpoint
            )


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
    followed by a request to one of its endpoints.

    Why it matters: An attacker's document sends the user and the code elsewhere.

    How to fix: Client: compare `issuer` with the identifier the URL was built from, and discard what differs.

    When it is a false alarm: The document is a copy that the MCP server re-publishes for old clients.

    References: RFC 8414 section 3.3; MCP 2026-07-28 Authorization Server Metadata Discovery.
    """
    documents = [m for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    for message in observed(documents, "N3", "no authorization server metadata in the capture"):
        asked = asked_issuer(run, message)
        issuer = message.document.text("issuer") if message.document else None
        if asked is None or issuer is None or is_copy(run, message):
            continue
        if urls.compare(asked, issuer).grade in (Grade.EXACT, Grade.NORMALIZED):
            continue
        endpoints = {message.document.text(name) for name in _ENDPOINTS} if message.document else set()
        followed = [m for m in run.of(Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN) if m.at > message.at]
        used = [m for m in followed if m.url in {urls.without_query(e) for e in endpoints if e}]
        if used:
            yield Fault(
                "The client used metadata that states another issuer than the one it asked for.",
                (place(used[0], "url"), place(message, "json", "issuer")),
                expected=f"discard the document: {asked} was asked for",
                found=issuer,
                cause="as-metadata-issuer-mismatch",
            )


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
    answered = [a for a in run.authorizations if a.response]
    for authorization in observed(answered, "N1", "the authorization response was not captured"):
        message = metadata_behind(run, authorization)
        advertised = message.document is not None and message.document.raw.get(_ISS_FLAG) is True
        hop, given = authorization.response or (authorization.request, authorization.params)
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

    What it checks: The metadata has no registration_endpoint and does not offer client ID metadata documents, and the
    client did not ask for authorization.

    Why it matters: The sign-in ends before a browser opens.

    How to fix: Operator: turn on CIMD or DCR (AuthKit: Connect, Configuration; both are off by default), or give the
    client a client id.

    When it is a false alarm: The client has a client id of its own: it then goes on, and nothing is reported.

    References: MCP 2025-11-25 Client Registration; MCP 2025-03-26 Dynamic Client Registration.
    """
    message = used_metadata(run)
    document = message.document or Document({})
    offered = "registration_endpoint" in document or document.raw.get("client_id_metadata_document_supported") is True
    if offered or run.of(Kind.AUTHORIZE, Kind.TOKEN):
        return
    last = run.messages[-1]
    yield Fault(
        "The authorization server offers no way to register, and the client went no further.",
        (place(message, "json", "registration_endpoint"),),
        expected="registration_endpoint or client_id_metadata_document_supported",
        found="neither",
        severity=Severity.ERROR if last.kind in (Kind.SERVER_METADATA, Kind.REGISTER) else None,
        party=Party.CONFIGURATION,
    )
