"""The stories a sign-in can tell when it goes wrong: what joins the findings into one cause, and what to do."""

from collections.abc import Callable

from inspector.protocol.jwt import Signature
from inspector.rules.model import Checked, Confidence, Finding, Party, Severity, joined
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Message
from inspector.timeline.run import Run
from inspector.verdict.model import Cleared, Observation, Remedy, Verdict

type Story = Callable[[Run, Checked], Verdict | None]

_AUDIENCE_RULES = ("aud-is-client-id", "aud-mismatch", "aud-canonicalization", "aud-missing")


def wrong_audience_accepted(run: Run, checked: Checked) -> Verdict | None:
    """The server takes tokens that are not for it: the fault is there even though everything works."""
    found = [f for f in checked.of("wrong-audience-token-accepted") if f.severity is Severity.ERROR]
    if not found:
        return None
    finding = found[0]
    observations = [*_published(run), *_legs(run), *_audience(run), Observation(finding.step, finding.message)]
    remedies = [
        Remedy(
            Party.MCP_SERVER,
            f"Verify that aud contains exactly {_wanted(run)} and answer 401 with error=invalid_token otherwise. "
            "Remove client ids from the list of accepted audiences.",
        )
    ]
    if checked.of("resource-missing-authorize"):
        remedies.append(Remedy(Party.CLIENT, _send_resource(run)))
    return Verdict(
        Party.MCP_SERVER,
        finding.confidence,
        finding.rule,
        "The MCP server accepts tokens that were issued for somebody else: sign-in works, and so would any other "
        "application's token of this authorization server.",
        tuple(observations),
        remedies=tuple(remedies),
    )


def token_for_somebody_else(run: Run, checked: Checked) -> Verdict | None:
    """The token's audience is not this server: the reference story and its relatives, by who left the resource out."""
    found = [f for f in checked.of("aud-is-client-id", "aud-mismatch") if f.severity is Severity.ERROR]
    if not found:
        return None
    refreshed = checked.of("aud-changed-after-refresh")
    finding = found[-1] if refreshed else found[0]
    observations = (*_published(run), *_legs(run), *_audience(run), *_refusal(run))
    if refreshed:
        return _changed_by_refresh(run, refreshed[0], observations)
    match finding.party:
        case Party.CLIENT:
            return _client_left_it_out(run, checked, finding, observations)
        case Party.CONFIGURATION:
            return _resource_had_no_effect(run, finding, observations)
        case _:
            return _undecided(run, finding, observations)


def _client_left_it_out(run: Run, checked: Checked, finding: Finding, observations: tuple[Observation, ...]) -> Verdict:
    missing = checked.of("resource-missing-authorize", "resource-missing-token")
    both = {f.rule for f in missing} == {"resource-missing-authorize", "resource-missing-token"}
    if finding.cause == "resource-missing-authorize":
        where = (
            "neither on the authorization request nor on the token request"
            if both
            else "not on the authorization request"
        )
        what = f"The client does not say which server the token is for: it sends resource {where}"
    else:
        sent = next((value for a in run.authorizations for value in a.resources), "")
        what = f"The client asks for a token for {sent} and not for the resource the server publishes"
    effect = ", and the MCP server refuses it" if any(use.rejected for use in run.uses) else ""
    return Verdict(
        Party.CLIENT,
        Confidence.CERTAIN if run.published_resource else Confidence.LIKELY,
        finding.cause,
        f"{what}. The token that comes back is for {_audience_found(finding)}{effect}.",
        observations,
        (*_server_cleared(run), *_authorization_server_cleared(run)),
        (
            Remedy(Party.CLIENT, _send_resource(run)),
            Remedy(Party.CONFIGURATION, _add_indicator(run, default=True)),
            Remedy(Party.MCP_SERVER, _allow_list(finding)),
        ),
    )


def _resource_had_no_effect(run: Run, finding: Finding, observations: tuple[Observation, ...]) -> Verdict:
    default_audience = finding.rule == "aud-is-client-id"
    reason = (
        "no resource indicator is configured at the authorization server, so it ignores resource"
        if default_audience
        else "the authorization server does not map the resource to an audience"
    )
    return Verdict(
        Party.CONFIGURATION,
        Confidence.CERTAIN if default_audience and _looks_like_authkit(run) else Confidence.LIKELY,
        finding.rule,
        f"The client asked for a token for {_wanted(run)} and got one for {_audience_found(finding)}: {reason}.",
        observations,
        (*_client_cleared(run), *_server_cleared(run)),
        (
            Remedy(Party.CONFIGURATION, _add_indicator(run, default=False)),
            Remedy(
                Party.AUTHORIZATION_SERVER,
                "If it does not support resource indicators (RFC 8707), set the audience by its own means.",
            ),
            Remedy(Party.MCP_SERVER, _allow_list(finding)),
        ),
    )


def _undecided(run: Run, finding: Finding, observations: tuple[Observation, ...]) -> Verdict:
    return Verdict(
        Party.UNKNOWN,
        Confidence.CERTAIN,
        finding.rule,
        f"The token is for {_audience_found(finding)} and not for {_wanted(run)}. Evidence stops here: "
        "whether the client sent resource is not in this capture.",
        observations,
        remedies=(
            Remedy(
                Party.UNKNOWN,
                "Capture the authorization request: leave the recorder on, or point the browser at the proxy.",
            ),
        ),
    )


def _changed_by_refresh(run: Run, finding: Finding, observations: tuple[Observation, ...]) -> Verdict:
    client = finding.party is Party.CLIENT
    return Verdict(
        finding.party,
        Confidence.CERTAIN,
        "resource-missing-refresh" if client else finding.rule,
        f"The first token was right, the refreshed one is for {_audience_found(finding)}: "
        + ("the client left resource out of the refresh." if client else "the refresh did not keep the audience."),
        (*observations, Observation(finding.step, finding.message)),
        _server_cleared(run),
        (
            Remedy(Party.CLIENT, f"Send resource={_wanted(run)} on every refresh."),
            Remedy(Party.AUTHORIZATION_SERVER, "Keep the audience of the grant when a refresh names no resource."),
        ),
    )


def refused_resource(run: Run, checked: Checked) -> Verdict | None:
    """The authorization server answers invalid_target: its list lacks the resource, or the client's is wrong."""
    found = checked.of("invalid-target")
    if not found:
        return None
    finding = found[-1]
    configuration = finding.party is Party.CONFIGURATION
    late = " It had given out a code first, so the login looked fine." if run.authorizations else ""
    if configuration:
        summary = (
            f"The authorization server does not know the resource {finding.found}, which is exactly the one the MCP "
            f"server publishes: it is missing from the list of resource indicators.{late}"
        )
    elif finding.party is Party.CLIENT:
        summary = (
            "The authorization server refuses the resource, because the client does not send the one the MCP server "
            f"publishes, {_wanted(run)}.{late}"
        )
    else:
        summary = f"{finding.message} Evidence stops here: which resource was authorized is not in this capture."
    remedies = [Remedy(Party.CONFIGURATION, _add_indicator(run, default=False))]
    if not configuration:
        remedies.insert(0, Remedy(Party.CLIENT, _send_resource(run)))
    return Verdict(
        finding.party,
        finding.confidence if finding.party is not Party.UNKNOWN else Confidence.GUESS,
        finding.rule if configuration else finding.cause or finding.rule,
        summary,
        (*_published(run), *_legs(run), Observation(finding.step, finding.message)),
        _client_cleared(run) if configuration else _server_cleared(run),
        tuple(remedies),
    )


def broken_proof(run: Run, checked: Checked) -> Verdict | None:
    """PKCE went wrong and the authorization server refused: the client."""
    rules = ("pkce-missing", "pkce-method-not-s256", "code-verifier-missing", "code-verifier-mismatch")
    found = sorted(checked.of(*rules), key=lambda finding: rules.index(finding.rule))
    refused = any(t.error for t in run.code_exchanges) or any(
        a.response and "error" in a.response[1] for a in run.authorizations
    )
    if not found or not refused:
        return None
    return Verdict(
        Party.CLIENT,
        Confidence.CERTAIN,
        found[0].rule,
        f"{found[0].message} The authorization server rightly refuses.",
        tuple(Observation(finding.step, finding.message) for finding in found),
        (Cleared(Party.AUTHORIZATION_SERVER, "It enforces PKCE, as OAuth 2.1 section 4.1.3 demands."),),
        (
            Remedy(
                Party.CLIENT,
                "Make a code_verifier of 43 to 128 characters for each request, send its S256 as code_challenge with "
                "code_challenge_method=S256, and the verifier itself with the code.",
            ),
        ),
    )


def good_token_refused(run: Run, checked: Checked) -> Verdict | None:
    """A token that is right in every claim was refused: the server."""
    found = [f for f in checked.of("fresh-token-rejected") if f.party is Party.MCP_SERVER]
    if not found or checked.of(*_AUDIENCE_RULES):
        return None
    finding = found[-1]
    verified = any(use.rejected and use.signature is Signature.VALID for use in run.uses)
    known = (
        "its signature verifies against the captured keys" if verified else "its signature could not be checked here"
    )
    return Verdict(
        Party.MCP_SERVER,
        Confidence.CERTAIN if verified else Confidence.LIKELY,
        finding.rule,
        f"The MCP server refuses a token that is right: audience, issuer and lifetime are as promised, {known}.",
        (*_published(run), *_audience(run), *_refusal(run)),
        (*_client_cleared(run), *_authorization_server_cleared(run)),
        (
            Remedy(
                Party.MCP_SERVER,
                "Compare the configured audience and issuer with the token's, byte for byte; check the key set URL, "
                "the allowed algorithms and the clock. The reason is in the server's log, not on the wire.",
            ),
        ),
    )


STORIES: tuple[Story, ...] = (
    wrong_audience_accepted,
    refused_resource,
    token_for_somebody_else,
    broken_proof,
    good_token_refused,
)
"""In the order they are tried: the first that fits is the verdict."""


def _wanted(run: Run) -> str:
    return run.expected_resource.value if run.expected_resource else "the MCP server's resource"


def _audience_found(finding: Finding) -> str:
    return finding.found.removeprefix("aud = ")


def _observe(run: Run, message: Message, text: str) -> Observation:
    return Observation(run.step_of(message), text)


def _published(run: Run) -> tuple[Observation, ...]:
    if run.resource_metadata and run.published_resource:
        text = f"The MCP server publishes its resource: {run.published_resource}"
        return (_observe(run, run.resource_metadata, text),)
    return ()


def _legs(run: Run) -> tuple[Observation, ...]:
    """What each leg said about the resource."""
    legs: list[tuple[str, Message, tuple[str, ...]]] = []
    legs += [("authorization request", a.request, a.resources) for a in run.authorizations[-1:]]
    legs += [("token request", t.request, t.resources) for t in run.code_exchanges[-1:]]
    return tuple(
        _observe(run, message, f"The {name} has " + (f"resource={joined(values)}" if values else "no resource"))
        for name, message, values in legs
    )


def _last_issued(run: Run) -> TokenExchange | None:
    return next((t for t in reversed(run.token_exchanges) if t.token), None)


def _audience(run: Run) -> tuple[Observation, ...]:
    exchange = _last_issued(run)
    if exchange is None or exchange.token is None:
        return ()
    audiences = joined(exchange.token.audiences or (), "nobody")
    return (_observe(run, exchange.request, f"The access token is for {audiences}"),)


def _refusal(run: Run) -> tuple[Observation, ...]:
    refused = next((use for use in run.uses if use.rejected), None)
    if refused is None:
        return ()
    return (_observe(run, refused.request, f"The MCP server answers {refused.request.status} to that token"),)


def _server_cleared(run: Run) -> tuple[Cleared, ...]:
    if not run.published_resource:
        return ()
    why = "It publishes its resource"
    if any(use.rejected for use in run.uses):
        why += ", and must refuse a token that does not name it (MCP, Token Handling)"
    return (Cleared(Party.MCP_SERVER, why + "."),)


def _authorization_server_cleared(run: Run) -> tuple[Cleared, ...]:
    if _last_issued(run) is None:
        return ()
    if any(a.resources for a in run.authorizations):
        return (Cleared(Party.AUTHORIZATION_SERVER, "It issued the token for the resource it was asked for."),)
    return (
        Cleared(Party.AUTHORIZATION_SERVER, "Without a resource it may use a default audience (RFC 8707 section 2.1)."),
    )


def _client_cleared(run: Run) -> tuple[Cleared, ...]:
    published = run.published_resource
    legs = [a.resources for a in run.authorizations] + [t.resources for t in run.code_exchanges]
    if published and legs and all(values == (published,) for values in legs):
        return (
            Cleared(Party.CLIENT, "It sent the published resource, byte for byte, on every leg that was captured."),
        )
    return ()


def _looks_like_authkit(run: Run) -> bool:
    audiences = [a for t in run.token_exchanges if t.token for a in t.token.audiences or ()]
    flow_ids = {a.params.get("client_id") for a in run.authorizations}
    return any(audience.startswith("client_") and audience not in flow_ids for audience in audiences)


def _send_resource(run: Run) -> str:
    return f"Send resource={_wanted(run)} on the authorization request and on the token request, unchanged."


def _add_indicator(run: Run, *, default: bool) -> str:
    text = (
        f"AuthKit dashboard: Connect, Configuration, MCP resource indicators: add {_wanted(run)} exactly so, without a "
        "trailing slash that is not in it."
    )
    return text + (" Mark it as the default one: clients that omit resource then get it." if default else "")


def _allow_list(finding: Finding) -> str:
    return (
        f"Workaround only: allow the audience {_audience_found(finding)} (MCP_ALLOWED_TOKEN_AUDIENCES). "
        "Risk: tokens of every application in that environment are then accepted."
    )
