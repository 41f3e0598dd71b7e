"""What ends a sign-in while the client still looks for the authorization server: it read something, and stopped."""

from inspector.protocol import urls
from inspector.rules.model import Checked, Confidence, Party, Phase
from inspector.timeline.message import Kind
from inspector.timeline.run import Run
from inspector.verdict.evidence import errors_from, observe, seen_resource, stopped_at_discovery, wanted
from inspector.verdict.model import Observation, Remedy, Verdict


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


def endpoint_moved(run: Run, checked: Checked) -> Verdict | None:
    """The MCP endpoint redirects, and the client does not follow."""
    found = checked.of("mcp-endpoint-redirect")
    requests = run.of(Kind.MCP)
    if not found or checked.errors or len(requests) < len(run.messages) or not all(m.location for m in requests):
        return None
    finding = found[0]
    target = urls.without_query(urls.resolve(requests[-1].exchange.url, requests[-1].location or ""))
    return Verdict(
        finding.party,
        Confidence.LIKELY,
        finding.rule,
        f"The MCP endpoint redirects to {target}, and the client does not follow.",
        (Observation(finding.step, f"{run.server_url} is answered {requests[-1].status}"),),
        remedies=(
            Remedy(Party.CONFIGURATION, f"Give the client the URL {target}."),
            Remedy(Party.MCP_SERVER, "Answer at the URL that clients are given, with and without a slash at its end."),
        ),
    )


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
        Party.MCP_SERVER if slash_is_right else Party.AUTHORIZATION_SERVER,
        Confidence.LIKELY,
        finding.rule,
        f"The MCP server names the authorization server {finding.expected}, whose metadata states the issuer "
        f"{finding.found}. The two must be the same byte for byte (RFC 8414 section 3.3), and the client goes no "
        "further.",
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
