"""What ends a sign-in while the client still looks for the authorization server: it read something, and stopped."""

from inspector.protocol import urls
from inspector.rules.model import Checked, Confidence, Party, Phase, Severity, joined
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.verdict.evidence import errors_from, observe, seen_resource, stopped_at_discovery, wanted, works
from inspector.verdict.model import Observation, Remedy, Verdict

_OK = 200
_REFUSED = 400
_PROXY_LOGIN = 407


def stopped_at_the_slash(run: Run, checked: Checked) -> Verdict | None:
    """The client read the metadata, found a slash more or less than in its own URL, and went no further."""
    found = checked.of("endpoint-url-trailing-slash")
    if not found or checked.errors or not stopped_at_discovery(run):
        return None
    finding = found[0]
    return Verdict(
        Party.CONFIGURATION,
        Confidence.LIKELY,
        finding.rule,
        f"{finding.message} Nothing else is different, and the client goes no further once it has read that.",
        (*seen_resource(run), Observation(finding.step, finding.message)),
        remedies=(Remedy(Party.CONFIGURATION, f"Give the client the URL {wanted(run)}, byte for byte."),),
    )


def looked_in_the_wrong_place(run: Run, checked: Checked) -> Verdict | None:
    """The client found no authorization server metadata, and has not asked where it has to be."""
    found = checked.of("as-discovery-order")
    asked = run.of(Kind.SERVER_METADATA)
    nowhere = bool(asked) and all((message.status or 0) >= 400 for message in asked)
    if not found or checked.errors or not nowhere or not stopped_at_discovery(run):
        return None
    finding = found[0]
    return Verdict(
        Party.CLIENT,
        Confidence.LIKELY,
        finding.rule,
        f"The client finds no authorization server metadata. {finding.message}",
        tuple(observe(run, m, f"{urls.path_of(m.url)} is answered {m.status}") for m in asked),
        remedies=(Remedy(Party.CLIENT, f"Ask {finding.expected} (RFC 8414 section 3.1)."),),
    )


def metadata_not_named(run: Run, checked: Checked) -> Verdict | None:
    """The challenge names no metadata, in a revision where it must, and the client goes no further."""
    found = [f for f in checked.of("challenge-resource-metadata-missing") if f.level == "MUST"]
    if not found or checked.errors or any(message.kind is not Kind.MCP for message in run.messages) or run.uses:
        return None
    finding = found[0]
    return Verdict(
        Party.MCP_SERVER,
        Confidence.LIKELY,
        finding.rule,
        f"{finding.message} A client of MCP {run.revision.client} looks for it nowhere else, and this one goes no "
        "further.",
        (Observation(finding.step, finding.message),),
        remedies=(Remedy(Party.MCP_SERVER, 'Answer 401 with WWW-Authenticate: Bearer resource_metadata="...".'),),
    )


def blocked_in_front(run: Run, checked: Checked) -> Verdict | None:
    """The last answer of all came from something in front of a server, and there is another error behind it."""
    found = [f for f in checked.of("edge-blocked") if f.severity is Severity.ERROR]
    others = [f for f in checked.errors if f.rule != "edge-blocked"]
    if not found or not others:
        return None
    finding, last = found[-1], max(run.messages, key=lambda m: m.at)
    if last.id != finding.places[0].exchange:
        return None
    return Verdict(
        finding.party,
        finding.confidence,
        finding.rule,
        f"{finding.message} The server itself has not seen that request. Once it does, what comes next is another "
        f"error: {others[0].message}",
        (Observation(finding.step, finding.message), *(Observation(f.step, f.message) for f in others[:3])),
        remedies=(
            Remedy(Party.EDGE, "Allow the client's requests on the MCP and OAuth paths (bot rules, address ranges)."),
            Remedy(others[0].party, f"Then look at {others[0].rule}."),
        ),
    )


def login_page(run: Run, checked: Checked) -> Verdict | None:
    """A page for people comes instead of an answer: something in front of the server signs people in."""
    requests = [m for m in run.of(Kind.MCP) if m.answered]
    last = requests[-1] if requests else None
    if last is None or works(run) or checked.of("fresh-token-rejected", "unauthorized-status-not-401"):
        return None
    target = urls.resolve(last.exchange.url, last.location) if last.location else ""
    elsewhere = bool(target) and _last_segment(target) != _last_segment(last.url)
    if last.status == _PROXY_LOGIN:
        what = "is answered 407, because a proxy on the way wants credentials of its own,"
    elif elsewhere:
        what = f"redirects to {urls.without_query(target)}"
    elif last.is_page and last.status == _OK:
        what = "answers 200 with a page for people"
    else:
        return None
    return Verdict(
        Party.EDGE,
        Confidence.LIKELY,
        None,
        f"{last.url} {what} instead of speaking MCP, as a login page in front of a server does. A client that is no "
        "browser cannot get past it.",
        (observe(run, last, f"{last.url} {what}"),),
        remedies=(
            Remedy(
                Party.EDGE,
                "Exempt the MCP endpoint and /.well-known/ from the login (access proxy, single sign-on, captive "
                "portal), so that the MCP server itself can answer 401.",
            ),
            Remedy(Party.CONFIGURATION, "Compare the URL the client was given: it may be that of a web page."),
        ),
    )


def _last_segment(url: str) -> str:
    return urls.path_of(url).rstrip("/").rpartition("/")[2]


def another_credential(run: Run, checked: Checked) -> Verdict | None:
    """The server asks for something else than an OAuth token, and shows nothing of OAuth."""
    asked = [m for m in run.unauthorized if m.challenges]
    schemes = {challenge.scheme for m in asked for challenge in m.challenges}
    foreign = not any(
        challenge.is_bearer or challenge.scheme.lower() == "dpop" for m in asked for challenge in m.challenges
    )
    if not asked or not foreign or run.resource_metadata or run.server_metadata or run.uses:
        return None
    return Verdict(
        Party.CONFIGURATION,
        Confidence.LIKELY,
        next((f.rule for f in checked.of("prm-undiscoverable")), None),
        f"The MCP server asks for {joined(sorted(schemes))} and not for a Bearer token, and publishes no metadata: it "
        "does not use OAuth, so that no client can sign in by itself.",
        (observe(run, asked[0], f"The MCP server answers 401 and asks for {joined(sorted(schemes))}"),),
        remedies=(
            Remedy(Party.CONFIGURATION, "Give the client that credential by hand, as a request header."),
            Remedy(Party.MCP_SERVER, 'For OAuth, answer 401 with WWW-Authenticate: Bearer resource_metadata="...".'),
        ),
    )


def endpoint_moved(run: Run, checked: Checked) -> Verdict | None:
    """The MCP endpoint redirects, and the client does not follow, or loses its method or its token on the way."""
    found = checked.of("mcp-endpoint-redirect")
    requests = run.of(Kind.MCP)
    if not found or not requests or works(run):
        return None
    finding = found[0]
    moved = next(m for m in requests if m.id == finding.places[0].exchange)
    target = urls.without_query(urls.resolve(moved.exchange.url, moved.location or ""))
    after = [m for m in requests if m.at > moved.at and m.url == target]
    seen: tuple[Observation, ...] = ()
    if lost := next((m for m in after if _lost_on_the_way(moved, m)), None):
        what = (
            "the client repeats it there without its token"
            if moved.bearer
            else f"the client makes a {lost.exchange.method} of its {moved.exchange.method}"
        )
        seen = (observe(run, lost, f"{lost.exchange.method} {target} is answered {lost.status}"),)
    elif checked.errors or len(requests) < len(run.messages) or not all(m.location for m in requests):
        return None
    else:
        what = "the client does not follow"
    return Verdict(
        finding.party,
        Confidence.LIKELY,
        finding.rule,
        f"The MCP endpoint redirects to {target}, and {what}.",
        (Observation(finding.step, f"{moved.url} is answered {moved.status}"), *seen),
        remedies=(
            Remedy(Party.CONFIGURATION, f"Give the client the URL {target}."),
            Remedy(Party.MCP_SERVER, "Answer at the URL that clients are given, with and without a slash at its end."),
        ),
    )


def _lost_on_the_way(moved: Message, followed: Message) -> bool:
    refused = (followed.status or 0) >= _REFUSED
    without_token = moved.bearer is not None and followed.bearer is None
    return refused and (without_token or moved.exchange.method != followed.exchange.method)


def server_names_itself(run: Run, checked: Checked) -> Verdict | None:
    """The server names itself as the authorization server and shows a copy of another one's metadata."""
    found = checked.of("legacy-as-metadata-proxy")
    document = run.resource_metadata.good_document if run.resource_metadata else None
    named = (document.texts("authorization_servers") if document else None) or ()
    own = [server for server in named if urls.same_origin(server, run.server_url)]
    if (
        not found
        or not own
        or errors_from(checked, Phase.SERVER_METADATA)
        or not stopped_at_discovery(run)
        or run.resource_metadata is None
    ):
        return None
    finding = found[0]
    return Verdict(
        Party.MCP_SERVER,
        Confidence.LIKELY,
        finding.rule,
        f"The MCP server names itself, {own[0]}, as its authorization server, and the metadata it serves there states "
        f"the issuer {finding.found}. A client must discard metadata of another issuer (RFC 8414 section 3.3), and "
        "this one goes no further.",
        (
            observe(run, run.resource_metadata, f"The MCP server names the authorization server {own[0]}"),
            Observation(finding.step, f"The metadata there states the issuer {finding.found}"),
        ),
        remedies=(
            Remedy(Party.MCP_SERVER, f'Publish "authorization_servers": ["{finding.found}"].'),
            Remedy(Party.MCP_SERVER, "Keep the copy of the metadata for clients of MCP 2025-03-26 only."),
        ),
    )


def issuer_with_a_slash(run: Run, checked: Checked) -> Verdict | None:
    """The metadata states the issuer with a slash that its identifier does not have, and the client stops."""
    found = [f for f in checked.of("as-metadata-issuer-mismatch") if f.found == f"{f.expected}/"]
    if (
        not found
        or errors_from(checked, Phase.SERVER_METADATA)
        or not stopped_at_discovery(run)
        or run.resource_metadata is None
    ):
        return None
    finding = found[0]
    # Auth0 has the slash in the issuer of every tenant, and in every token: the list is then what has to change.
    slash_is_right = urls.host_of(finding.found).endswith(".auth0.com")
    publish = f'Write the issuer into authorization_servers as it is stated: "{finding.found}".'
    return Verdict(
        Party.MCP_SERVER if slash_is_right else Party.CONFIGURATION,
        Confidence.LIKELY,
        finding.rule,
        f"The MCP server names the authorization server {finding.expected}, whose metadata states the issuer "
        f"{finding.found}. The two must be the same byte for byte (RFC 8414 section 3.3), and the client goes no "
        "further." + ("" if slash_is_right else " Which of them is right, the iss of a token would tell."),
        (
            observe(run, run.resource_metadata, f"The MCP server names the authorization server {finding.expected}"),
            Observation(finding.step, f"Its metadata states the issuer {finding.found}"),
        ),
        remedies=(
            *(
                ()
                if slash_is_right
                else (Remedy(Party.AUTHORIZATION_SERVER, f'State "issuer": "{finding.expected}", without the slash.'),)
            ),
            Remedy(
                Party.MCP_SERVER, publish if slash_is_right else f"Or, where tokens have the slash as well: {publish}"
            ),
        ),
    )


def no_way_to_register(run: Run, checked: Checked) -> Verdict | None:
    """The authorization server takes no registrations, and the client has no id of its own."""
    found = checked.of("as-registration-unavailable")
    if not found or errors_from(checked, Phase.SERVER_METADATA) or not stopped_at_discovery(run):
        return None
    finding = found[0]
    return Verdict(
        Party.CONFIGURATION,
        Confidence.LIKELY,
        finding.rule,
        "The authorization server takes neither client ID metadata documents nor registrations, and the client, which "
        "has no client id of its own, goes no further.",
        (Observation(finding.step, finding.message),),
        remedies=(
            Remedy(
                Party.CONFIGURATION,
                "Switch on Client ID Metadata Document, and Dynamic Client Registration for clients that know no "
                "other way (AuthKit dashboard: Connect, Configuration; both are off at first).",
            ),
            Remedy(
                Party.CONFIGURATION, "Or make an application for this client, and enter its client id in the client."
            ),
        ),
    )
