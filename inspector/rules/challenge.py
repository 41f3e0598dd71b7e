"""Rules about the 401 of the MCP server and how the client finds the protected resource metadata from it."""

from collections.abc import Iterator

from inspector.protocol import content, urls
from inspector.rules.facts import answer_lost
from inspector.rules.model import (
    Confidence,
    Fault,
    NotObserved,
    Party,
    Phase,
    Severity,
    joined,
    observed,
    place,
    present,
)
from inspector.rules.registry import rule
from inspector.timeline.message import WELL_KNOWN_RESOURCE, WELL_KNOWN_SERVER, Kind, Message
from inspector.timeline.run import Run


@rule(
    "www-authenticate-missing",
    title="401 from the MCP server carries no WWW-Authenticate header",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="rfc-MUST | MUST | rfc-MUST | rfc-MUST",
)
def www_authenticate_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """The challenge is where a client learns how to sign in.

    What it checks: Every 401 of the MCP endpoint has a WWW-Authenticate header.

    Why it matters: Without it a client must guess where the metadata is; many report "does not implement OAuth".

    How to fix: MCP server: send `WWW-Authenticate: Bearer resource_metadata="<URL>"` on every 401. Operator: make
    sure no proxy in front removes the header.

    When it is a false alarm: The 401 came from an intermediary and not from the server; an HTML body is taken as a
    sign of that.

    References: RFC 9110 section 11.6.1; RFC 6750 section 3; MCP 2025-06-18 Authorization Server Location.
    """
    for message in observed(run.refusals, "N1", "no 401 from the MCP server"):
        if message.response_header("www-authenticate") is not None:
            continue
        if "html" in (message.response_header("content-type") or ""):
            yield NotObserved("N9", "the 401 is an HTML page, as intermediaries send")
            continue
        yield Fault(
            "The MCP server answered 401 without saying how to authenticate.",
            (place(message, "header", "www-authenticate"),),
            expected="WWW-Authenticate: Bearer ...",
            found="no such header",
        )


@rule(
    "challenge-resource-metadata-missing",
    title="401 challenge lacks the resource_metadata parameter",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="- | MUST | SHOULD | SHOULD",
)
def challenge_resource_metadata_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """The parameter that leads from the 401 to the metadata.

    What it checks: A Bearer challenge of the MCP endpoint has `resource_metadata`.

    Why it matters: Under 2025-06-18 it is the only way to the metadata; later clients fall back to well-known URLs,
    older ones give up.

    How to fix: MCP server: add `resource_metadata="<absolute URL of the protected resource metadata>"` to every
    401 and 403 challenge.

    When it is a false alarm: From 2025-11-25 on the well-known location is enough; the finding is then only a note
    when the metadata was found there.

    References: MCP 2025-06-18 Authorization Server Location; RFC 9728 section 5.1; SEP-985.
    """
    challenged = [m for m in run.refusals if m.bearer_challenge]
    observed(challenged, "N1", "no Bearer challenge")
    lacking = [m for m in challenged if m.bearer_challenge and m.bearer_challenge.get("resource_metadata") is None]
    if not lacking:
        return
    strict = run.revision.server == "2025-06-18"
    found_anyway = run.resource_metadata is not None and not strict
    yield Fault(
        "The challenge does not say where the protected resource metadata is.",
        tuple(place(message, "header", "www-authenticate") for message in lacking[:3]),
        expected='Bearer resource_metadata="..."',
        found=lacking[0].response_header("www-authenticate") or "",
        severity=Severity.INFO if found_anyway else None,
    )


@rule(
    "prm-undiscoverable",
    title="Neither the challenge nor any well-known URL leads to protected resource metadata",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def prm_undiscoverable(run: Run) -> Iterator[Fault | NotObserved]:
    """A server that publishes its metadata nowhere cannot be signed in to by a current client.

    What it checks: The 401 names no metadata URL, and both well-known locations were asked and had no document.

    Why it matters: Clients then guess that the MCP server is its own authorization server, or stop. Several current
    clients also leave out `resource` because of it.

    How to fix: MCP server: serve RFC 9728 metadata at `/.well-known/oauth-protected-resource` followed by the MCP
    path, and name that URL in the 401.

    When it is a false alarm: A server of 2025-03-26 has no such metadata; where the client found the authorization
    server's metadata on the MCP origin instead, this is only a note.

    References: MCP 2025-06-18 Overview; MCP 2025-11-25 Protected Resource Metadata Discovery Requirements.
    """
    observed(run.refusals, "N1", "no 401 from the MCP server")
    named = [m for m in run.refusals if m.bearer_challenge and m.bearer_challenge.get("resource_metadata")]
    if named or run.resource_metadata:
        return
    probes = {m.url: m for m in run.of(Kind.RESOURCE_METADATA) if m.answered}
    wanted = {
        urls.insert_well_known(run.server_url, WELL_KNOWN_RESOURCE),
        urls.insert_well_known(urls.origin(run.server_url), WELL_KNOWN_RESOURCE),
    }
    if not wanted <= set(probes):
        raise NotObserved("N1", f"not asked for: {joined(sorted(wanted - set(probes)))}")
    if any(answer_lost(probes[url]) for url in wanted):
        raise NotObserved("N2", "the body of an answer was not kept")
    legacy = run.server_metadata is not None and urls.same_origin(run.server_metadata.url, run.server_url)
    yield Fault(
        "No protected resource metadata: the 401 names none and both well-known URLs have none.",
        tuple(place(probes[url], "status") for url in sorted(wanted)),
        expected="200 with a JSON document at one of them",
        found=joined(f"{urls.path_of(url)} {probes[url].status}" for url in sorted(wanted)),
        severity=Severity.INFO if legacy else None,
    )


@rule(
    "resource-metadata-url-unusable",
    title="resource_metadata URL is relative, non-HTTPS, or does not return 200 JSON",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.ERROR,
    levels="- | rfc-MUST | rfc-MUST | rfc-MUST",
)
def resource_metadata_url_unusable(run: Run) -> Iterator[Fault | NotObserved]:
    """The URL in the challenge must lead to the document.

    What it checks: `resource_metadata` is an absolute https URL (http on loopback), and where the client fetched it,
    the answer was 200 with a JSON object.

    Why it matters: A client that follows the specification asks exactly there and nowhere else.

    How to fix: MCP server: build the URL from the public base URL. Behind a TLS terminator, trust
    X-Forwarded-Proto and X-Forwarded-Host, or configure the base URL.

    When it is a false alarm: A client that resolves relative URLs gets by.

    References: RFC 9728 sections 3.2 and 5.1.
    """
    named: dict[str, Message] = {}
    for message in run.refusals:
        challenge = message.bearer_challenge
        if challenge and (url := challenge.get("resource_metadata")):
            named.setdefault(url, message)
    fetched: dict[str, Message] = {}
    for message in run.of(Kind.RESOURCE_METADATA):
        if message.answered and (message.url not in fetched or message.good_document):
            fetched[message.url] = message
    for url in observed(list(named), "N1", "no challenge with resource_metadata"):
        header = place(named[url], "header", "www-authenticate")
        if not urls.is_absolute(url) or not urls.is_secure(url):
            yield Fault(
                "The metadata URL in the challenge is not an absolute https URL.",
                (header,),
                expected="https://...",
                found=url,
            )
            continue
        answer = fetched.get(urls.without_query(url))
        if answer is None:
            yield NotObserved("N1", "the client never asked for the URL the challenge names")
        elif content.decoded(answer.exchange.response_headers, answer.exchange.response_body) is None:
            yield NotObserved("N2", "the document was not kept whole")
        elif not answer.good_document:
            yield Fault(
                f"The metadata URL in the challenge answered {answer.status} and no JSON document.",
                (place(answer, "status"), header),
                expected="200 with a JSON object",
                found=str(answer.status),
            )


@rule(
    "client-skips-protected-resource-metadata",
    title="Client goes to authorization server metadata on the MCP origin without trying PRM",
    phase=Phase.CHALLENGE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def client_skips_protected_resource_metadata(run: Run) -> Iterator[Fault | NotObserved]:
    """Clients of 2025-06-18 and later must ask the MCP server which authorization server it trusts.

    What it checks: After a 401, the client asked for authorization server metadata on the MCP server's own origin and
    had never asked for protected resource metadata.

    Why it matters: Without the document the client does not know `resource`, does not send it, and gets a token for
    nobody in particular.

    How to fix: Client: fetch the URL named in the challenge, or the well-known one, before anything else.

    When it is a false alarm: The client has the document from an earlier run, or is configured with its
    authorization server by hand.

    References: MCP 2025-06-18 Overview ("MCP clients MUST use OAuth 2.0 Protected Resource Metadata").
    """
    first_refusal = observed(run.refusals, "N1", "no 401 from the MCP server")[0]
    probes = run.of(Kind.SERVER_METADATA)
    guesses = [m for m in probes if urls.same_origin(m.url, run.server_url) and m.at >= first_refusal.at]
    if not guesses:
        if not run.of(Kind.RESOURCE_METADATA):
            raise NotObserved("N3", "no discovery in the capture")
        return
    if not run.offers_resource_metadata:
        raise NotObserved("N6", "the server shows no protected resource metadata")
    unexplained = next((m for m in guesses if not _follows_an_issuer(run, m)), None)
    guess = present(unexplained, "N3", "the client may know the authorization server from before")
    if not any(m.at <= guess.at for m in run.of(Kind.RESOURCE_METADATA)):
        yield Fault(
            "The client never asked for the protected resource metadata and guessed the authorization server.",
            (place(guess, "url"), place(first_refusal, "header", "www-authenticate")),
            expected="GET of the protected resource metadata first",
            found=f"GET {urls.path_of(guess.url)}",
        )


@rule(
    "client-ignores-resource-metadata-url",
    title="Client guesses well-known URLs although the challenge named the PRM URL",
    phase=Phase.CHALLENGE,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="- | MUST | MUST | MUST",
)
def client_ignores_resource_metadata_url(run: Run) -> Iterator[Fault | NotObserved]:
    """The challenge says where the document is.

    What it checks: After a 401 with `resource_metadata`, the client asked for protected resource metadata at other
    URLs, or for authorization server metadata on the MCP server, and never at that one.

    Why it matters: The guessed URL may hold nothing, or the metadata of another resource.

    How to fix: Client: parse `resource_metadata` of the WWW-Authenticate header and fetch exactly that URL first.

    When it is a false alarm: The client had the document from before; discovery that began before the 401, or that goes
    straight to the authorization server, also where that is the MCP server itself, is not counted. Nor is a URL that is
    not absolute: there the server is at fault.

    References: MCP 2025-06-18 Authorization Server Location; MCP 2025-11-25 Protected Resource Metadata Discovery
    Requirements.
    """
    challenged = [m for m in run.refusals if m.bearer_challenge and m.bearer_challenge.get("resource_metadata")]
    first = observed(challenged, "N1", "no challenge with resource_metadata")[0]
    named = (first.bearer_challenge.get("resource_metadata") if first.bearer_challenge else None) or ""
    if not urls.is_absolute(named):
        raise NotObserved("N10", "the URL the challenge names is not absolute")
    probes = [
        m
        for m in run.of(Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)
        if m.at >= first.at and (m.kind is Kind.RESOURCE_METADATA or urls.same_origin(m.url, run.server_url))
    ]
    if any(m.at < first.at for m in run.of(Kind.RESOURCE_METADATA)):
        raise NotObserved("N3", "discovery began before the 401")
    observed(probes, "N3", "no discovery at the MCP server after the 401")
    if all(m.kind is Kind.SERVER_METADATA and _follows_an_issuer(run, m) for m in probes):
        raise NotObserved("N3", "the client knows the authorization server from before")
    if not any(m.url == urls.without_query(named) for m in probes):
        yield Fault(
            "The client never asked for the metadata URL that the challenge names.",
            (place(probes[0], "url"), place(first, "header", "www-authenticate")),
            expected=f"GET {named}",
            found=f"GET {probes[0].url}",
            # A stored document may name the MCP server itself as the authorization server.
            confidence=None if any(m.kind is Kind.RESOURCE_METADATA for m in probes) else Confidence.LIKELY,
        )


def _follows_an_issuer(run: Run, metadata: Message) -> bool:
    """Whether a client that knows the issuer asks here, and not only one that guesses from the MCP endpoint."""
    stated = (metadata.good_document.text("issuer") if metadata.good_document else None) or ""
    guesses = {
        urls.insert_well_known(url, suffix)
        for url in (run.server_url, urls.origin(run.server_url))
        for suffix in WELL_KNOWN_SERVER
    }
    right = (
        {urls.insert_well_known(stated, suffix) for suffix in WELL_KNOWN_SERVER} if urls.is_absolute(stated) else set()
    )
    return metadata.status == 200 and (metadata.url in right or metadata.url not in guesses)
