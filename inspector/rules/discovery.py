"""Rules about the way from the MCP server to its authorization server: which URLs are asked, in which order."""

from collections.abc import Iterator, Sequence

from inspector.protocol import urls
from inspector.rules.facts import published
from inspector.rules.model import (
    Confidence,
    Fault,
    NotObserved,
    Party,
    Phase,
    Place,
    Severity,
    joined,
    observed,
    place,
)
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

    What it checks: The URL in the challenge has the origin of the MCP endpoint. It is an error where a server on
    another machine names the loopback interface, which is the client's own there.

    Why it matters: The Rust SDK rejects another origin. The usual reason is a server behind a TLS terminator that
    builds the URL from its internal name.

    How to fix: MCP server: configure the public base URL, or trust X-Forwarded-Proto and X-Forwarded-Host.

    When it is a false alarm: The metadata is hosted elsewhere on purpose, which RFC 9728 allows.

    References: RFC 9728 sections 5 and 7.6.
    """
    named: dict[str, Message] = {}
    for message in run.refusals:
        url = message.bearer_challenge.get("resource_metadata") if message.bearer_challenge else None
        if url and urls.is_absolute(url):
            named.setdefault(url, message)
    for url in observed(list(named), "N1", "no challenge with an absolute resource_metadata"):
        if not urls.same_origin(url, named[url].url):
            yield Fault(
                "The challenge sends the client to another origin for the metadata.",
                (place(named[url], "header", "www-authenticate"),),
                expected=urls.origin(named[url].url),
                found=url,
                severity=Severity.ERROR if urls.is_loopback(url) and not urls.is_loopback(named[url].url) else None,
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
    path-inserted well-known URL before the one at the root. Requests that are on their way together have no order.

    Why it matters: On a host with several resources the root document is another resource's.

    How to fix: Client: ask `/.well-known/oauth-protected-resource` followed by the MCP path first, then the root.

    When it is a false alarm: An earlier probe was made before the capture began.

    References: MCP 2025-11-25 Protected Resource Metadata Discovery Requirements; SEP-985.
    """
    refusals = observed(run.refusals, "N1", "the 401 is not in the capture")
    if any(m.bearer_challenge and m.bearer_challenge.get("resource_metadata") for m in refusals):
        raise NotObserved("N10", "the challenge names the URL, the client had no need to fall back")
    wanted = urls.insert_well_known(run.server_url.rstrip("/"), WELL_KNOWN_RESOURCE)
    root = urls.insert_well_known(urls.origin(run.server_url), WELL_KNOWN_RESOURCE)
    if wanted == root:
        raise NotObserved("N10", "the MCP URL has no path, both locations are one")
    asked = _first_by_url(run.of(Kind.RESOURCE_METADATA))
    listed = [url for url in asked if url in (wanted, root)]
    first = asked[observed(listed, "N3", "no request for protected resource metadata at a well-known URL")[0]]
    if listed[0] == root and not _under_way(first, asked.get(wanted)):
        yield Fault(
            "The client asked for the root metadata before the metadata of the MCP path.",
            (place(first, "url"),),
            expected=f"GET {wanted}",
            found=f"GET {root}",
        )


def _first_by_url(probes: Sequence[Message]) -> dict[str, Message]:
    """The first GET of each URL, in time order: clients repeat a request, without headers after a CORS failure.

    A slash at the end makes no other URL here.
    """
    found: dict[str, Message] = {}
    for probe in probes:
        if probe.exchange.method == "GET":
            found.setdefault(probe.url.rstrip("/"), probe)
    return found


def _under_way(probe: Message, other: Message | None) -> bool:
    """Whether another request began before this one was answered: what is asked for at once has no order."""
    return other is not None and other.at <= probe.exchange.response_end


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

    How to fix: Operator: serve the document itself with 200.

    When it is a false alarm: Every client in use follows redirects.

    References: MCP 2026-07-28 Security Best Practices, Validate Redirect Targets.
    """
    probes = [m for m in run.of(Kind.RESOURCE_METADATA, Kind.SERVER_METADATA) if m.answered]
    reported: set[str] = set()
    for message in observed(probes, "N3", "no discovery in the capture"):
        target = urls.resolve(message.exchange.url, message.location) if message.location else ""
        if target and not urls.same_origin(target, message.url) and message.url not in reported:
            reported.add(message.url)
            yield Fault(
                "A metadata URL redirects to another origin.",
                (place(message, "header", "location"),),
                expected="200 with the document",
                found=f"{message.status} to {urls.origin(target) or target}",
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

    When it is a false alarm: The named server has its endpoints on the MCP server's host, and its metadata was not
    captured; the finding is then only likely.

    References: MCP 2025-06-18 Authorization Server Location; RFC 9728 section 7.6.
    """
    message, servers = _named_servers(run)
    requests = [m for m in run.of(Kind.AUTHORIZE, Kind.TOKEN, Kind.REGISTER) if m.at >= message.at]
    origins = {urls.origin(server) for server in servers}
    listed = {
        urls.without_query(endpoint)
        for metadata in run.of(Kind.SERVER_METADATA)
        if metadata.good_document and _is_of(metadata, servers)
        for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint")
        if (endpoint := metadata.good_document.text(name))
    }
    for request in observed(requests, "N1", "no request to an authorization server after the metadata"):
        at_server = request.url in listed or urls.origin(request.url) in origins
        if not at_server and urls.same_origin(request.url, run.server_url):
            yield Fault(
                "The client goes to the MCP server for what the named authorization server does.",
                (place(request, "url"), place(message, "json", "authorization_servers")),
                expected=joined(servers),
                found=request.url,
                confidence=None if listed else Confidence.LIKELY,
            )
            return
        if not at_server and not listed:
            yield NotObserved("N3", "the metadata of the named authorization server was not captured")


def _named_servers(run: Run) -> tuple[Message, tuple[str, ...]]:
    """The protected resource metadata, and every issuer that this document or a later one names."""
    message = published(run)
    documents = [m.good_document for m in run.of(Kind.RESOURCE_METADATA) if m.good_document]
    named = (server for document in documents for server in document.texts("authorization_servers") or ())
    servers = tuple(dict.fromkeys(server for server in named if urls.origin(server)))
    observed(servers, "N3", "the metadata names no authorization server")
    return message, servers


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

    What it checks: The client's requests for the metadata of an issuer named by the protected resource metadata follow
    the revision's list from its beginning: `oauth-authorization-server` with the issuer's path inserted, then from
    2025-11-25 on `openid-configuration` with it inserted and with it in front. In 2025-03-26 the list is
    `oauth-authorization-server` at the origin of the MCP server. URLs that no list has count only where the client
    begins with them.

    Why it matters: On a host with several issuers another one's metadata is read, or none is found.

    How to fix: Client: insert the well-known segment between host and path, and follow the list of the revision.

    When it is a false alarm: An earlier probe was made before the capture, or its result is cached.

    References: RFC 8414 section 3.1; MCP 2025-11-25 Authorization Server Metadata Discovery; MCP 2025-03-26
    Authorization Base URL.
    """
    if run.revision.client == "2025-03-26":
        issuers: tuple[str, ...] = (urls.origin(run.server_url),)
        since, related = 0.0, tuple[Place, ...]()
    else:
        metadata, issuers = _named_servers(run)
        since, related = metadata.at, (place(metadata, "json", "authorization_servers"),)
    asked = _first_by_url(_probes_of(run, issuers))
    first = observed(list(asked.values()), "N3", "no request for the metadata of the named issuer")[0]
    if first.at < since:
        raise NotObserved("N3", "discovery began before the metadata was read")
    lists = [_locations(issuer, run.revision.client) for issuer in issuers if urls.same_origin(issuer, first.url)]
    begun = next(iter(asked))
    left = next((locations for locations in lists if begun in locations), lists[0])
    for url, probe in asked.items():
        if url not in left and url != begun:
            continue
        if left and url != left[0] and not _under_way(probe, asked.get(left[0])):
            yield Fault(
                "The client does not ask for this issuer's metadata in the order of the specification.",
                (place(probe, "url"), *related),
                expected=f"GET {left[0]}",
                found=f"GET {probe.url}",
            )
            return
        if probe.good_document:
            return
        left = [location for location in left if location != url]


def _probes_of(run: Run, issuers: tuple[str, ...]) -> list[Message]:
    origins = {urls.origin(issuer) for issuer in issuers} - {""}
    return [m for m in run.of(Kind.SERVER_METADATA) if urls.origin(m.url) in origins]


def _locations(issuer: str, revision: str) -> list[str]:
    """Where a client of this revision looks for the metadata of an issuer, in order."""
    wanted = [urls.insert_well_known(issuer, suffix) for suffix in WELL_KNOWN_SERVER]
    if revision < "2025-11-25":
        return wanted[:1]
    if urls.path_of(issuer).strip("/"):
        wanted.append(f"{issuer.removesuffix('/')}/.well-known/{WELL_KNOWN_SERVER[1]}")
    return wanted


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
    _, issuers = _named_servers(run)
    probes = [m for m in _probes_of(run, issuers) if m.answered]
    missed = [m for m in probes if WELL_KNOWN_SERVER[0] in m.url and not m.good_document and (m.status or 500) < 500]
    observed(missed, "N1", "the RFC 8414 location was not asked for in vain")
    if any(WELL_KNOWN_SERVER[1] in m.url or m.good_document for m in probes):
        return
    if any((m.status or 0) >= 500 for m in probes):
        raise NotObserved("N10", "a client may stop at a server error")
    if run.messages[-1].at <= missed[-1].at:
        raise NotObserved("N11", "the capture ends with the probe")
    issuer = next(issuer for issuer in issuers if urls.same_origin(issuer, missed[-1].url))
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

    What it checks: Under 2025-03-26, a client that uses the default endpoints of the MCP origin after a 401 has asked
    for authorization server metadata there first.

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
    if any(m.at <= first.at and urls.same_origin(m.url, run.server_url) for m in run.of(Kind.SERVER_METADATA)):
        return
    if not any(m.at <= first.at for m in run.refusals):
        raise NotObserved("N3", "what the client did before is not in the capture")
    yield Fault(
        "The client used a default endpoint without asking for metadata first.",
        (place(first, "url"),),
        expected="GET /.well-known/oauth-authorization-server first",
        found=f"{first.exchange.method} {urls.path_of(first.url)}",
    )
