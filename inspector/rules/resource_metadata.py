"""Rules about the protected resource metadata (RFC 9728) and what the client makes of it."""

from collections.abc import Iterator

from inspector.protocol import content, urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import published
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, observed, place, present
from inspector.rules.registry import rule
from inspector.timeline.message import Kind
from inspector.timeline.run import Run


@rule(
    "prm-response-invalid",
    title="PRM response is not 200 application/json with a JSON object",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def prm_response_invalid(run: Run) -> Iterator[Fault | NotObserved]:
    """A success answer at the metadata URL must be the document.

    What it checks: A 2xx answer at a protected resource metadata URL is 200, has a JSON media type and holds an object.

    Why it matters: An application that answers every path with its start page makes clients fail where a 404 would
    have made them try the next location.

    How to fix: MCP server: serve the document with `Content-Type: application/json`, and answer 404 where there is
    none.

    When it is a false alarm: None known; 404 while a client probes is normal and not reported.

    References: RFC 9728 section 3.2.
    """
    answers = [m for m in run.of(Kind.RESOURCE_METADATA) if m.status is not None and 200 <= m.status < 300]
    for message in observed(answers, "N1", "no success answer at a metadata URL"):
        body, headers = message.exchange.response_body, message.exchange.response_headers
        if content.decoded(headers, body) is None:
            yield NotObserved("N2", "the document was not kept whole")
            continue
        media_type = content.media_type(headers)
        if message.status != 200 or not media_type.endswith("json") or message.document is None:
            found = f"{message.status}, {media_type or 'no media type'}"
            yield Fault(
                "The metadata URL answered with success but not with a JSON document.",
                (place(message, "header", "content-type"),),
                expected="200, application/json, a JSON object",
                found=found if message.document else f"{found}, no JSON object",
                severity=None if message.document is None else Severity.WARNING,
            )


@rule(
    "prm-resource-missing",
    title="PRM has no resource member",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def prm_resource_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """`resource` is the identifier everything else is compared with.

    What it checks: The document has `resource`, a string.

    Why it matters: Without it a client cannot know which resource indicator to send nor whose metadata it reads.

    How to fix: MCP server: add `"resource": "<the MCP endpoint's URL>"`.

    When it is a false alarm: None known.

    References: RFC 9728 section 2 (REQUIRED).
    """
    message = published(run)
    if not run.published_resource:
        yield Fault(
            "The protected resource metadata does not say which resource it describes.",
            (place(message, "json", "resource"),),
            expected=f'"resource": "{run.server_url}"',
            found="no such member" if message.document and "resource" not in message.document else "no text",
        )


@rule(
    "prm-authorization-servers-missing",
    title="PRM lists no authorization server",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def prm_authorization_servers_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """The document must say where to sign in.

    What it checks: `authorization_servers` is an array with at least one string.

    Why it matters: Clients then guess that the MCP server is its own authorization server.

    How to fix: MCP server: list the issuer identifier, byte for byte as the authorization server states it.

    When it is a false alarm: None known.

    References: MCP 2025-06-18 Authorization Server Location; RFC 9728 section 2.
    """
    message = published(run)
    if message.document and not message.document.texts("authorization_servers"):
        yield Fault(
            "The protected resource metadata names no authorization server.",
            (place(message, "json", "authorization_servers"),),
            expected="an array with the issuer identifier",
            found="none in it" if "authorization_servers" in message.document else "no such member",
        )


@rule(
    "prm-resource-mismatch",
    title="PRM resource is not the URL the client asked for",
    phase=Phase.RESOURCE_METADATA,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def prm_resource_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """Metadata of another resource must not be used.

    What it checks: `resource` against the URL of the MCP endpoint. The same URL or a parent on the same origin is
    fine; localhost against 127.0.0.1, http against https, another path or origin is not.

    Why it matters: Strict clients stop here, and tokens are minted for an identifier the server may not accept.

    How to fix: MCP server: advertise the URL that clients are given. User: configure the client with the URL the
    server advertises, down to localhost or 127.0.0.1.

    When it is a false alarm: A reverse proxy in the capture changes the URL the client sees.

    References: RFC 9728 section 3.3.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    comparison = urls.compare(run.server_url, resource)
    if not comparison.covers:
        yield Fault(
            f"The metadata describes another resource than the one asked for ({comparison.grade}).",
            (place(message, "json", "resource"), place(requests[0], "url")),
            expected=run.server_url,
            found=resource,
        )


@rule(
    "prm-resource-parent-of-endpoint",
    title="PRM resource is a same-origin ancestor of the MCP endpoint",
    phase=Phase.RESOURCE_METADATA,
    party=Party.CONFIGURATION,
    severity=Severity.INFO,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def prm_resource_parent_of_endpoint(run: Run) -> Iterator[Fault | NotObserved]:
    """The official SDKs accept a parent; byte-exact comparers do not.

    What it checks: `resource` has the MCP endpoint's origin and a path above the endpoint's.

    Why it matters: Tokens then carry the parent as their audience, and a server that expects its full URL refuses them.

    How to fix: MCP server: prefer the full URL of the endpoint as `resource`, in the metadata, in the authorization
    server's list and in the audience check together.

    When it is a false alarm: Deliberate: one resource for several endpoints. It is never more than a note.

    References: RFC 9728 section 3.3; MCP 2025-06-18 Canonical Server URI.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if urls.compare(run.server_url, resource).grade is Grade.ANCESTOR:
        yield Fault(
            "The metadata names a parent of the MCP endpoint as the resource.",
            (place(message, "json", "resource"),),
            expected=run.server_url,
            found=resource,
        )


@rule(
    "client-accepts-mismatched-prm",
    title="Client continues the flow with PRM whose resource does not match",
    phase=Phase.RESOURCE_METADATA,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | rfc-MUST NOT | rfc-MUST NOT | rfc-MUST NOT",
)
def client_accepts_mismatched_prm(run: Run) -> Iterator[Fault | NotObserved]:
    """A server could otherwise have tokens minted for somebody else's resource.

    What it checks: The metadata describes another resource, and the client went on to register, authorize or ask for
    a token.

    Why it matters: It is the protection against a server that impersonates another resource.

    How to fix: Client: stop when `resource` is neither the server's URL nor a parent of it.

    When it is a false alarm: The authorization server was configured by hand. A difference in trailing slash, letter
    case or default port is not counted, nor is a client that went on to metadata that does match.

    References: RFC 9728 sections 3.3 and 7.3.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if urls.compare(run.server_url, resource).covers:
        return
    later = [m for m in run.of(Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN) if m.at >= message.at]
    if not later:
        raise NotObserved("N1", "the capture ends before the client went on or stopped")
    read = [m for m in run.of(Kind.RESOURCE_METADATA) if m.good_document and m.at <= later[0].at]
    named = [(m.good_document.text("resource") if m.good_document else None) or "" for m in read]
    if any(urls.compare(run.server_url, value).covers for value in named):
        return
    yield Fault(
        "The client went on although the metadata describes another resource.",
        (place(later[0], "url"), place(message, "json", "resource")),
        expected=f"stop: {run.server_url} was asked for",
        found=resource,
        cause="prm-resource-mismatch",
    )


@rule(
    "prm-resource-trailing-slash",
    title="PRM resource ends with a slash that the endpoint does not need",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="- | SHOULD | SHOULD | SHOULD",
)
def prm_resource_trailing_slash(run: Run) -> Iterator[Fault | NotObserved]:
    """One character, and byte-exact comparers see two resources.

    What it checks: `resource` ends with a slash while the URL the client uses does not. A parent of that URL, such as
    the origin alone, counts as well.

    Why it matters: AuthKit, jose and PyJWT compare audiences byte for byte.

    How to fix: MCP server and operator: drop the slash in the metadata, in the authorization server's list of
    resource indicators and in the audience check together.

    When it is a false alarm: The endpoint itself redirects to the form with the slash.

    References: MCP 2025-06-18 Canonical Server URI; RFC 3986 section 6.2.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if any(m.location and urls.path_of(m.location).endswith("/") for m in requests):
        raise NotObserved("N9", "the endpoint redirects to the form with the slash")
    slash_added = urls.path_of(resource).endswith("/") and not urls.path_of(run.server_url).endswith("/")
    if slash_added and urls.compare(run.server_url, resource).covers:
        yield Fault(
            "The metadata writes the resource with a trailing slash, the endpoint has none.",
            (place(message, "json", "resource"),),
            expected=resource.removesuffix("/"),
            found=resource,
        )
