"""Rules about the identifiers in the protected resource metadata, and about clients that refuse good ones."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import published
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place, present
from inspector.rules.registry import rule
from inspector.timeline.message import Kind
from inspector.timeline.run import Run


@rule(
    "prm-resource-invalid-uri",
    title="PRM resource is not an https URL without fragment",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def prm_resource_invalid_uri(run: Run) -> Iterator[Fault | NotObserved]:
    """A resource identifier is an https URL.

    What it checks: `resource` is absolute, https (http on loopback), and has no fragment. A query is a note.

    Why it matters: Clients send it as the resource indicator, and authorization servers refuse what is no URL.

    How to fix: MCP server: publish the absolute https URL of the MCP endpoint.

    When it is a false alarm: Plain http in a closed lab.

    References: RFC 9728 section 1.2; RFC 8707 section 2.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    broken = not urls.is_absolute(resource) or not urls.is_secure(resource) or urls.has_fragment(resource)
    if broken or "?" in resource:
        yield Fault(
            "The published resource is not an https URL." if broken else "The published resource has a query part.",
            (place(message, "json", "resource"),),
            expected="https://host/path",
            found=resource,
            severity=None if broken else Severity.INFO,
        )


@rule(
    "prm-issuer-not-https",
    title="authorization_servers entry is not an https issuer URL",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def prm_issuer_not_https(run: Run) -> Iterator[Fault | NotObserved]:
    """An issuer identifier is an https URL, and not the URL of its metadata.

    What it checks: Each entry is https (http on loopback), without query and fragment, and no well-known URL.

    Why it matters: Clients build the metadata's URL from it.

    How to fix: MCP server: list the issuer exactly as the authorization server's metadata states it.

    When it is a false alarm: None known; the Rust SDK tolerates well-known URLs, others do not.

    References: RFC 8414 section 2; MCP 2025-06-18 Communication Security.
    """
    message = published(run)
    servers = (message.document.texts("authorization_servers") if message.document else None) or ()
    for server in observed(servers, "N3", "the metadata names no authorization server"):
        if not urls.is_secure(server) or "?" in server or urls.has_fragment(server) or "/.well-known/" in server:
            yield Fault(
                "An entry of authorization_servers is not an issuer identifier.",
                (place(message, "json", "authorization_servers"),),
                expected="https://issuer",
                found=server,
            )


@rule(
    "endpoint-url-trailing-slash",
    title="Configured MCP URL differs from the PRM resource only by a trailing slash",
    phase=Phase.RESOURCE_METADATA,
    party=Party.CONFIGURATION,
    severity=Severity.WARNING,
    levels="- | diag | diag | diag",
)
def endpoint_url_trailing_slash(run: Run) -> Iterator[Fault | NotObserved]:
    """A slash somebody typed.

    What it checks: The URL the client asks and the published resource differ by a trailing slash only, and the client
    stopped or its token was refused.

    Why it matters: Strict clients refuse the metadata, and byte-exact servers the token.

    How to fix: User: give the client the URL exactly as the server publishes it.

    When it is a false alarm: The client stopped for another reason.

    References: MCP 2025-06-18 Canonical Server URI; RFC 9728 section 3.3.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if urls.compare(run.server_url, resource).steps != ("trailing slash",) or any(use.accepted for use in run.uses):
        return
    stopped = not any(m.at > message.at and m.kind is not Kind.RESOURCE_METADATA for m in run.messages)
    if stopped or any(use.rejected for use in run.uses):
        yield Fault(
            "The client was given the URL in another spelling than the server publishes: one trailing slash.",
            (place(requests[0], "url"), place(message, "json", "resource")),
            expected=resource,
            found=run.server_url,
        )


@rule(
    "client-rejects-compatible-prm",
    title="Client stops at a PRM whose resource is a same-origin parent of the MCP URL",
    phase=Phase.RESOURCE_METADATA,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | diag | diag | diag",
    confidence=Confidence.LIKELY,
)
def client_rejects_compatible_prm(run: Run) -> Iterator[Fault | NotObserved]:
    """Strict string equality where a parent or a query would do.

    What it checks: The metadata describes a parent of the endpoint, or the endpoint without its query, and the last
    thing the client did was to read it.

    Why it matters: The user sees "protected resource metadata mismatch" before any browser opens.

    How to fix: Client: accept the same origin with a path that is a parent, as the official SDKs do. MCP server: to
    please strict clients, publish the full URL.

    When it is a false alarm: The client stopped for another reason, or the capture did.

    References: RFC 9728 section 3.3; MCP 2025-06-18 Canonical Server URI.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    later = [m for m in run.messages if m.at > message.at and m.kind is not Kind.RESOURCE_METADATA]
    if later:
        return
    asked = requests[0].exchange.url
    comparison = urls.compare(run.server_url, resource)
    if comparison.grade is Grade.ANCESTOR or (asked != run.server_url and comparison.grade is Grade.EXACT):
        yield Fault(
            "The client went no further after metadata that fits the server it asked for.",
            (place(message, "json", "resource"), place(requests[0], "url")),
            expected="a request to the authorization server",
            found="nothing more",
        )
    else:
        raise NotObserved("N11", "the capture ends with the metadata")
