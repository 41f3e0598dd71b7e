"""Rules about who gets the protected resource metadata, the identifiers in it, and clients that refuse good ones."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import published
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, observed, place, present
from inspector.rules.registry import rule
from inspector.rules.translated import not_hidden, through_gateway, translated
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_SIGN_IN = (Kind.SERVER_METADATA, Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN)


@rule(
    "prm-not-public",
    title="PRM request itself answered 401 or 403",
    phase=Phase.RESOURCE_METADATA,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | diag | diag | diag",
)
def prm_not_public(run: Run) -> Iterator[Fault | NotObserved]:
    """The document that explains how to sign in must not need a sign-in.

    What it checks: No protected resource metadata URL answers 401 or 403 to a request without a token. It is a note
    when the client found the document at another location.

    Why it matters: Most clients stop.

    How to fix: MCP server: exempt `/.well-known/` from the authorization middleware.

    When it is a false alarm: A firewall blocked the request; an HTML page is taken as a sign of that.

    References: RFC 9728 section 3.1.
    """
    probes = [m for m in run.of(Kind.RESOURCE_METADATA) if m.answered and m.bearer is None]
    reported: set[str] = set()
    for message in observed(probes, "N3", "no request for protected resource metadata"):
        if message.status not in (401, 403) or message.url in reported:
            continue
        if "html" in (message.response_header("content-type") or ""):
            yield NotObserved("N9", "the refusal is an HTML page, as intermediaries send")
            continue
        reported.add(message.url)
        yield Fault(
            f"The protected resource metadata itself is protected: {message.status}.",
            (place(message, "status"),),
            expected="200",
            found=str(message.status),
            severity=Severity.INFO if run.resource_metadata else None,
        )


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
    resource = present(run.published_resource or None, "N3", "the metadata has no resource")
    broken = not _is_web_address(resource) or urls.has_fragment(resource)
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
        if not _is_web_address(server) or "?" in server or urls.has_fragment(server) or "/.well-known/" in server:
            yield Fault(
                "An entry of authorization_servers is not an issuer identifier.",
                (place(message, "json", "authorization_servers"),),
                expected="https://issuer",
                found=server,
            )


def _is_web_address(url: str) -> bool:
    return urls.is_absolute(url) and bool(urls.origin(url)) and urls.is_secure(url)


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

    When it is a false alarm: The client stopped for another reason, or the capture did; without a refused token the
    finding is only likely. Behind the gateway the client has another URL, and nothing is said.

    References: MCP 2025-06-18 Canonical Server URI; RFC 9728 section 3.3.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if through_gateway(requests[0]):
        raise translated()
    if urls.compare(run.server_url, resource).steps != ("trailing slash",) or any(use.accepted for use in run.uses):
        return
    refused = any(use.rejected for use in run.uses)
    if refused or not _went_on(run, message):
        yield Fault(
            "The client was given the URL in another spelling than the server publishes: one trailing slash.",
            (place(requests[0], "url"), place(message, "json", "resource")),
            expected=resource,
            found=run.server_url,
            confidence=None if refused else Confidence.LIKELY,
        )


def _went_on(run: Run, metadata: Message) -> bool:
    """Whether the client did anything with the metadata: a new try that ends there as well is nothing."""
    return any(
        m.at > metadata.at and (m.kind in _SIGN_IN or (m.kind is Kind.MCP and (m.status or 0) in range(200, 300)))
        for m in run.messages
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

    What it checks: The metadata describes a parent of the endpoint, or the endpoint without its query, and the client
    did nothing after reading it, or only tried again.

    Why it matters: The user sees "protected resource metadata mismatch" before any browser opens.

    How to fix: Client: accept the same origin with a path that is a parent, as the official SDKs do. MCP server: to
    please strict clients, publish the full URL.

    When it is a false alarm: The client stopped for another reason, or the capture did. Strictly by RFC 9728 the client
    is right; both readings exist, so that this is never an error.

    References: RFC 9728 section 3.3; MCP 2025-06-18 Canonical Server URI.
    """
    message = published(run)
    resource = present(run.published_resource, "N3", "the metadata has no resource")
    requests = observed(run.of(Kind.MCP), "N1", "no request to the MCP endpoint")
    if _went_on(run, message):
        return
    asked = requests[0].exchange.url
    not_hidden(message, run.server_url, resource)
    comparison = urls.compare(run.server_url, resource)
    if not (comparison.grade is Grade.ANCESTOR or (asked != run.server_url and comparison.grade is Grade.EXACT)):
        raise NotObserved("N11", "the capture ends with the metadata")
    yield Fault(
        "The client went no further after metadata that fits the server it asked for.",
        (place(message, "json", "resource"), place(requests[0], "url")),
        expected="a request to the authorization server",
        found="nothing more",
    )
