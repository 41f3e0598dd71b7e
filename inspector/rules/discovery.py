"""Rules about the way from the MCP server to its authorization server: which URLs are asked, in which order."""

from collections.abc import Iterator
from urllib.parse import urljoin

from inspector.protocol import urls
from inspector.rules.facts import published
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place, present
from inspector.rules.registry import rule
from inspector.timeline.message import WELL_KNOWN_RESOURCE, WELL_KNOWN_SERVER, Kind, Message
from inspector.timeline.run import Run


@rule(
    "resource-metadata-url-cross-origin",
    title="resource_metadata points to another origin than the MCP endpoint",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="- | diag | diag | diag",
)
def resource_metadata_url_cross_origin(run: Run) -> Iterator[Fault | NotObserved]:
    """Some clients refuse metadata from another origin.

    What it checks: The URL in the challenge has the origin of the MCP endpoint.

    Why it matters: The Rust SDK rejects another origin. The usual reason is a server behind a TLS terminator that
    builds the URL from its internal name.

    How to fix: MCP server: configure the public base URL, or trust X-Forwarded-Proto and X-Forwarded-Host.

    When it is a false alarm: The metadata is hosted elsewhere on purpose, which RFC 9728 allows.

    References: RFC 9728 sections 5 and 7.6.
    """
    named = [(m, m.bearer_challenge.get("resource_metadata")) for m in run.refusals if m.bearer_challenge]
    absolute = [(m, url) for m, url in named if url and urls.is_absolute(url)]
    for message, url in observed(absolute, "N1", "no challenge with an absolute resource_metadata")[:1]:
        if url and not urls.same_origin(url, message.url):
            yield Fault(
                "The challenge sends the client to another origin for the metadata.",
                (place(message, "header", "www-authenticate"),),
                expected=urls.origin(message.url),
                found=url,
            )


@rule(
    "prm-probe-order",
    title="PRM fallback probes not in the order path-inserted, then root",
    phase=Phase.CHALLENGE,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | MUST | MUST",
)
def prm_probe_order(run: Run) -> Iterator[Fault | NotObserved]:
    """The root document may describe another resource.

    What it checks: Where the 401 names no metadata URL and the MCP URL has a path, the client asks for the
    path-inserted well-known URL before the one at the root.

    Why it matters: On a host with several resources the root document is another resource's.

    How to fix: Client: ask `/.well-known/oauth-protected-resource` followed by the MCP path first, then the root.

    When it is a false alarm: An earlier probe was made before the capture began.

    References: MCP 2025-11-25 Protected Resource Metadata Discovery Requirements; SEP-985.
    """
    if any(m.bearer_challenge and m.bearer_challenge.get("resource_metadata") for m in run.refusals):
        return
    probes = observed(run.of(Kind.RESOURCE_METADATA), "N3", "no request for protected resource metadata")
    if not urls.path_of(run.server_url).strip("/"):
        return
    wanted = urls.insert_well_known(run.server_url, WELL_KNOWN_RESOURCE)
    root = urls.insert_well_known(urls.origin(run.server_url), WELL_KNOWN_RESOURCE)
    if probes[0].url == root:
        yield Fault(
            "The client asked for the root metadata before the metadata of the MCP path.",
            (place(probes[0], "url"),),
            expected=f"GET {wanted}",
            found=f"GET {root}",
        )


@rule(
    "discovery-redirect-cross-origin",
    title="Metadata request answered by a redirect to another origin",
    phase=Phase.CHALLENGE,
    party=Party.CONFIGURATION,
    severity=Severity.WARNING,
    levels="diag | diag | diag | diag",
)
def discovery_redirect_cross_origin(run: Run) -> Iterator[Fault | NotObserved]:
    """Several clients do not follow.

    What it checks: No metadata URL answers with a redirect to another origin.

    Why it matters: The Python SDK follows no redirect here, the Rust SDK none to another origin, and a browser needs
    CORS on both hops.

    How to fix: Whoever runs the host: serve the document itself with 200.

    When it is a false alarm: Every client in use follows redirects.

    References: MCP 2026-07-28 Security Best Practices, Validate Redirect Targets.
    """
    probes = run.of(Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)
    for message in observed(probes, "N3", "no discovery in the capture"):
        target = urljoin(message.exchange.url, message.location) if message.location else ""
        if target and not urls.same_origin(target, message.url):
            yield Fault(
                "A metadata URL redirects to another origin.",
                (place(message, "header", "location"),),
                expected="200 with the document",
                found=f"{message.status} to {urls.origin(target)}",
            )


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

    What it checks: No protected resource metadata URL answers 401 or 403. It is a note when the client found the
    document at another location.

    Why it matters: Most clients stop.

    How to fix: MCP server: exempt `/.well-known/` from the authorization middleware.

    When it is a false alarm: A firewall blocked the request; an HTML page is taken as a sign of that.

    References: RFC 9728 section 3.1.
    """
    for message in observed(run.of(Kind.RESOURCE_METADATA), "N3", "no request for protected resource metadata"):
        if message.status not in (401, 403):
            continue
        if "html" in (message.exchange.response_header("content-type") or ""):
            yield NotObserved("N9", "the refusal is an HTML page, as intermediaries send")
            continue
        yield Fault(
            f"The protected resource metadata itself is protected: {message.status}.",
            (place(message, "status"),),
            expected="200",
            found=str(message.status),
            severity=Severity.INFO if run.resource_metadata else None,
        )


@rule(
    "client-ignores-authorization-servers",
    title="Client authorizes at the MCP host although PRM names another authorization server",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST NOT | MUST NOT | MUST NOT",
)
def client_ignores_authorization_servers(run: Run) -> Iterator[Fault | NotObserved]:
    """The server says where to sign in.

    What it checks: After reading `authorization_servers`, the client sends its authorization and token requests to an
    endpoint of one of them: one that their metadata names, or at least on their origin.

    Why it matters: The user lands on a page that does not exist, or signs in at the wrong place.

    How to fix: Client: build everything from the metadata of an issuer in `authorization_servers`.

    When it is a false alarm: The authorization server's endpoints are on another host than its issuer, and its
    metadata was not captured.

    References: MCP 2025-06-18 Authorization Server Location; RFC 9728 section 7.6.
    """
    message = published(run)
    servers = (message.document.texts("authorization_servers") if message.document else None) or ()
    requests = [m for m in run.of(Kind.AUTHORIZE, Kind.TOKEN, Kind.REGISTER) if m.at >= message.at]
    observed(servers, "N3", "the metadata names no authorization server")
    listed = {
        urls.without_query(endpoint)
        for metadata in run.of(Kind.SERVER_METADATA)
        if metadata.good_document and _is_of(metadata, servers)
        for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint")
        if (endpoint := metadata.good_document.text(name))
    }
    for request in observed(requests, "N1", "no request to an authorization server after the metadata"):
        at_server = request.url in listed or any(urls.same_origin(request.url, server) for server in servers)
        if not at_server and urls.same_origin(request.url, run.server_url):
            yield Fault(
                "The client goes to the MCP server for what the named authorization server does.",
                (place(request, "url"), place(message, "json", "authorization_servers")),
                expected=joined(servers),
                found=request.url,
            )
            return
        if not at_server and not listed:
            yield NotObserved("N3", "the metadata of the named authorization server was not captured")


def _is_of(metadata: Message, servers: tuple[str, ...]) -> bool:
    targets = [urls.well_known_target(metadata.exchange.url, suffix) for suffix in WELL_KNOWN_SERVER]
    return any(target and urls.compare(server, target).same_identifier for target in targets for server in servers)


@rule(
    "as-discovery-order",
    title="AS metadata probes not in the required order or with wrong URL form",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="MUST | rfc-MUST | MUST | MUST",
)
def as_discovery_order(run: Run) -> Iterator[Fault | NotObserved]:
    """Where an issuer has a path, the form of the URL decides whose metadata it is.

    What it checks: The client's first request for the metadata of an issuer named by the protected resource metadata
    is the first one of the revision's list: `oauth-authorization-server` with the issuer's path inserted.

    Why it matters: On a host with several issuers another one's metadata is read, or none is found.

    How to fix: Client: insert the well-known segment between host and path, and follow the list of the revision.

    When it is a false alarm: An earlier probe was made before the capture, or its result is cached.

    References: RFC 8414 section 3.1; MCP 2025-11-25 Authorization Server Metadata Discovery.
    """
    metadata = published(run)
    servers = (metadata.document.texts("authorization_servers") if metadata.document else None) or ()
    issuer = observed(servers, "N3", "the metadata names no authorization server")[0]
    on_issuer = [m for m in run.of(Kind.SERVER_METADATA) if urls.same_origin(m.url, issuer) and m.at >= metadata.at]
    first = observed(on_issuer, "N3", "no request for the metadata of the named issuer")[0]
    wanted = urls.insert_well_known(issuer, WELL_KNOWN_SERVER[0])
    if first.url.rstrip("/") == wanted.rstrip("/"):
        return
    # An OIDC-only client that starts with its own document differs in order only; a wrong form finds nothing.
    oidc = [
        urls.insert_well_known(issuer, WELL_KNOWN_SERVER[1]),
        issuer.rstrip("/") + "/.well-known/openid-configuration",
    ]
    yield Fault(
        "The client did not begin with the first location for this issuer's metadata.",
        (place(first, "url"), place(metadata, "json", "authorization_servers")),
        expected=f"GET {wanted}",
        found=f"GET {first.url}",
        severity=Severity.INFO if first.url in oidc else None,
    )


@rule(
    "client-skips-oidc-discovery",
    title="Client gives up without trying openid-configuration",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | MUST | MUST",
)
def client_skips_oidc_discovery(run: Run) -> Iterator[Fault | NotObserved]:
    """From 2025-11-25 on clients must support both kinds of metadata.

    What it checks: Where the RFC 8414 location of the named issuer had nothing, the client also asked for
    openid-configuration before it stopped or went on.

    Why it matters: Many authorization servers publish only the OpenID Connect document.

    How to fix: Client: add the OpenID Connect locations to the list. Authorization server: publish both.

    When it is a false alarm: The capture ended early, or the first probe met a server error, at which SDKs stop.

    References: MCP 2025-11-25 Overview ("MUST support both").
    """
    metadata = published(run)
    servers = (metadata.document.texts("authorization_servers") if metadata.document else None) or ()
    issuer = observed(servers, "N3", "the metadata names no authorization server")[0]
    probes = [m for m in run.of(Kind.SERVER_METADATA) if urls.same_origin(m.url, issuer) and m.answered]
    missed = [m for m in probes if WELL_KNOWN_SERVER[0] in m.url and not m.good_document and (m.status or 500) < 500]
    observed(missed, "N1", "the RFC 8414 location was not asked for in vain")
    if any(WELL_KNOWN_SERVER[1] in m.url or m.good_document for m in probes):
        return
    if not any(m.at > missed[-1].at for m in run.messages):
        raise NotObserved("N11", "the capture ends with the probe")
    yield Fault(
        "The client never asked for openid-configuration after the first location had nothing.",
        (place(missed[-1], "status"),),
        expected=f"GET {urls.insert_well_known(issuer, WELL_KNOWN_SERVER[1])}",
        found="no such request",
    )


@rule(
    "legacy-default-endpoints-used",
    title="Client uses /authorize, /token or /register on the MCP origin without metadata",
    phase=Phase.SERVER_METADATA,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="MUST | - | - | -",
)
def legacy_default_endpoints_used(run: Run) -> Iterator[Fault | NotObserved]:
    """The fallback of 2025-03-26, gone since.

    What it checks: Under 2025-03-26, a client that uses the default endpoints of the MCP origin has asked for
    authorization server metadata there first.

    Why it matters: The defaults are for servers without metadata only.

    How to fix: Client: ask for `/.well-known/oauth-authorization-server` first.

    When it is a false alarm: The metadata was asked for before the capture.

    References: MCP 2025-03-26 Fallbacks for Servers without Metadata Discovery.
    """
    defaults = [
        m
        for m in run.of(Kind.AUTHORIZE, Kind.TOKEN, Kind.REGISTER)
        if urls.same_origin(m.url, run.server_url) and urls.path_of(m.url) in ("/authorize", "/token", "/register")
    ]
    first = observed(defaults, "N1", "no default endpoint was used")[0]
    if not any(m.at <= first.at for m in run.of(Kind.SERVER_METADATA)):
        yield Fault(
            "The client used a default endpoint without asking for metadata first.",
            (place(first, "url"),),
            expected="GET /.well-known/oauth-authorization-server first",
            found=f"{first.exchange.method} {urls.path_of(first.url)}",
        )


def used_metadata(run: Run) -> Message:
    """The authorization server metadata the client worked with."""
    return present(run.server_metadata, "N3", "no authorization server metadata in the capture")
