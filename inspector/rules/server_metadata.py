"""Rules about the authorization server metadata (RFC 8414, OpenID Connect Discovery)."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.facts import answer_lost
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place, present
from inspector.rules.registry import rule
from inspector.timeline.message import WELL_KNOWN_SERVER, Kind, Message
from inspector.timeline.run import Run


@rule(
    "as-metadata-not-found",
    title="No authorization server metadata at any location the revision defines",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="SHOULD | MUST | MUST | MUST",
)
def as_metadata_not_found(run: Run) -> Iterator[Fault | NotObserved]:
    """A client that finds no metadata cannot sign in.

    What it checks: Every location the revision defines for the issuer was asked, and none had a JSON document.

    Why it matters: The client has no endpoints, and stops or guesses.

    How to fix: Authorization server: publish `/.well-known/oauth-authorization-server`, followed by the issuer's path.
    Operator: check the issuer in the protected resource metadata for typing errors. MCP server that names itself:
    publish the metadata, or name the authorization server that has it.

    When it is a false alarm: A server error is transient; only answers below 500 are counted.

    References: RFC 8414 section 3; MCP 2025-11-25 Authorization Server Metadata Discovery.
    """
    if run.server_metadata:
        return
    metadata = run.resource_metadata.document if run.resource_metadata else None
    servers = metadata.texts("authorization_servers") if metadata else None
    issuer = observed(servers or (), "N3", "which issuer to ask is not in the capture")[0]
    if not urls.origin(issuer):
        raise NotObserved("N3", "the issuer that is named is not a URL")
    wanted = [urls.insert_well_known(issuer, suffix) for suffix in WELL_KNOWN_SERVER]
    if run.revision.client == "2025-06-18":
        wanted = wanted[:1]
    elif urls.path_of(issuer).strip("/"):
        wanted.append(issuer.removesuffix("/") + "/.well-known/openid-configuration")
    probes = {m.url: m for m in run.of(Kind.SERVER_METADATA) if m.status is not None and m.status < 500}
    missing = [url for url in wanted if url not in probes]
    if missing:
        raise NotObserved("N1", f"not asked for: {joined(missing)}")
    if any(answer_lost(probes[url]) for url in wanted):
        raise NotObserved("N2", "the body of an answer was not kept")
    yield Fault(
        "The authorization server publishes no metadata at any defined location.",
        tuple(place(probes[url], "status") for url in wanted),
        expected="200 with a JSON document at one of them",
        found=joined(f"{urls.path_of(url)} {probes[url].status}" for url in wanted),
        party=Party.MCP_SERVER if urls.same_origin(issuer, run.server_url) else None,
    )


@rule(
    "as-metadata-issuer-mismatch",
    title="issuer differs from the identifier used to build the metadata URL",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | MUST",
)
def as_metadata_issuer_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """The issuer must be the one the client was sent to.

    What it checks: `issuer` of each metadata document against the identifier its URL was made from, preferring the
    entry of the protected resource metadata. A slash at the root is a note, letter case or a default port a warning.
    Without protected resource metadata a URL with a path does not tell which identifier was meant.

    Why it matters: It is the protection against one authorization server posing as another; strict clients stop.

    How to fix: Authorization server: use one byte-identical issuer in metadata, tokens and responses. MCP server:
    copy exactly that string into `authorization_servers`.

    When it is a false alarm: A copy of the document on the MCP server's origin is another matter
    (legacy-as-metadata-proxy).

    References: RFC 8414 section 3.3; MCP 2026-07-28 Authorization Server Metadata Discovery.
    """
    documents = [m for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    for message in observed(documents, "N3", "no authorization server metadata in the capture"):
        asked = asked_issuer(run, message)
        issuer = message.document.text("issuer") if message.document else None
        if asked is None or issuer is None or is_copy(run, message):
            continue
        if run.resource_metadata is None and urls.path_of(asked).strip("/") and asked != issuer:
            yield NotObserved("N3", "which issuer the client meant is not in the capture")
            continue
        comparison = urls.compare(asked, issuer)
        if comparison.grade is Grade.EXACT:
            continue
        root_slash = comparison.steps == ("trailing slash",) and not urls.path_of(asked).strip("/")
        by_grade = Severity.INFO if root_slash else Severity.WARNING
        yield Fault(
            f"The metadata states another issuer than the one it was asked for ({comparison.grade}).",
            (place(message, "json", "issuer"),),
            expected=asked,
            found=issuer,
            severity=by_grade if comparison.grade is Grade.NORMALIZED else None,
        )


def asked_issuer(run: Run, message: Message) -> str | None:
    """The issuer identifier a metadata URL was made from, as the resource metadata spells it where it does."""
    targets = [urls.well_known_target(message.exchange.url, suffix) for suffix in WELL_KNOWN_SERVER]
    target = next((found for found in targets if found is not None), None)
    metadata = run.resource_metadata.document if run.resource_metadata else None
    named = metadata.texts("authorization_servers") if metadata else None
    for server in named or ():
        if target is not None and urls.compare(server, target).same_identifier:
            return server
    return target


def is_copy(run: Run, message: Message) -> bool:
    """Whether the MCP server re-publishes the metadata of another issuer on its own origin."""
    issuer = message.document.text("issuer") if message.document else None
    on_server = urls.same_origin(message.url, run.server_url)
    return on_server and issuer is not None and not urls.same_origin(issuer, run.server_url)


@rule(
    "legacy-as-metadata-proxy",
    title="MCP server re-publishes another issuer's AS metadata on its own origin",
    phase=Phase.SERVER_METADATA,
    party=Party.CONFIGURATION,
    severity=Severity.INFO,
    levels="diag | diag | diag | diag",
)
def legacy_as_metadata_proxy(run: Run) -> Iterator[Fault | NotObserved]:
    """A compatibility aid for clients of 2025-03-26, which newer strict clients refuse.

    What it checks: Authorization server metadata served on the MCP origin whose issuer is elsewhere.

    Why it matters: Clients that take this way see no protected resource metadata, and several then omit `resource`.

    How to fix: MCP server: keep it for old clients only, and make sure the protected resource metadata works, so that
    new clients never need it.

    When it is a false alarm: It is a note about a deliberate aid, never a fault by itself.

    References: RFC 8414 section 3.3; MCP 2025-03-26 Server Metadata Discovery.
    """
    documents = [m for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    for message in observed(documents, "N3", "no authorization server metadata in the capture"):
        if is_copy(run, message):
            yield Fault(
                "The MCP server serves a copy of another issuer's metadata, and this client read it.",
                (place(message, "json", "issuer"),),
                expected=urls.origin(run.server_url),
                found=(message.document.text("issuer") or "") if message.document else "",
            )


@rule(
    "as-metadata-pkce-not-advertised",
    title="code_challenge_methods_supported is absent",
    phase=Phase.SERVER_METADATA,
    party=Party.AUTHORIZATION_SERVER,
    severity=Severity.ERROR,
    levels="- | - | MUST | MUST",
)
def as_metadata_pkce_not_advertised(run: Run) -> Iterator[Fault | NotObserved]:
    """Clients must take its absence as "no PKCE" and refuse to go on.

    What it checks: The metadata document the client worked with has `code_challenge_methods_supported`.

    Why it matters: A client that follows 2025-11-25 stops; most current ones go on all the same.

    How to fix: Authorization server: add `"code_challenge_methods_supported": ["S256"]` to every metadata document,
    openid-configuration included.

    When it is a false alarm: The client worked with another document that does have it. Cognito and Entra leave it
    out although they support PKCE.

    References: MCP 2025-11-25 Authorization Code Protection; RFC 8414 section 2.
    """
    message = present(run.server_metadata, "N3", "no authorization server metadata in the capture")
    if message.document and "code_challenge_methods_supported" not in message.document:
        # Clients that go on get in: where the flow works, this is a risk and not the reason of a failure.
        went_on = bool(run.authorizations or run.code_exchanges)
        yield Fault(
            "The authorization server does not say that it supports PKCE.",
            (place(message, "json", "code_challenge_methods_supported"),),
            expected='["S256"]',
            found="no such member",
            severity=Severity.WARNING if went_on else None,
        )
