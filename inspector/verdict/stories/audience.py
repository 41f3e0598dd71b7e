"""Whom the token is for: the resource left out, refused, without effect, or spelled in another way."""

from inspector.protocol import urls
from inspector.rules.facts import DEVICE_GRANT, WITH_RESOURCE, is_client_id, knows_no_resource, resource_story
from inspector.rules.model import Checked, Confidence, Finding, Party, Severity, joined
from inspector.timeline.flow import TokenExchange
from inspector.timeline.run import Run
from inspector.verdict import remedies
from inspector.verdict.evidence import (
    CAPTURE_BROWSER,
    audience_found,
    authorization_server_cleared,
    client_cleared,
    default_audience,
    exchange_of,
    refusal,
    seen_audience,
    seen_legs,
    seen_refusal,
    seen_resource,
    server_cleared,
    sign_in_of,
    standing_errors,
    wanted,
    whom,
)
from inspector.verdict.model import Cleared, Observation, Remedy, Verdict


def wrong_audience_accepted(run: Run, checked: Checked) -> Verdict | None:
    """The server takes tokens that are not for it: the fault is there even though everything works."""
    found = [f for f in checked.of("wrong-audience-token-accepted") if f.severity is Severity.ERROR]
    if not found:
        return None
    finding = found[-1]
    use = next((use for use in run.uses if use.request.id == finding.places[0].exchange), None)
    exchange = use.exchange if use else None
    advice = [remedies.verify_audience(run)]
    if checked.of("resource-missing-authorize", "resource-missing-token"):
        advice.append(remedies.send_resource(run))
    if checked.of("aud-is-client-id"):
        advice.append(remedies.register_resource(run))
    return Verdict(
        Party.MCP_SERVER,
        finding.confidence,
        finding.rule,
        f"The MCP server accepts a token that was issued for {audience_found(finding)} and not for {wanted(run)}: "
        "everything works, and so would a token that any other application got from this authorization server.",
        (
            *seen_resource(run),
            *seen_legs(run, exchange),
            *seen_audience(run, exchange),
            Observation(finding.step, finding.message),
        ),
        remedies=tuple(advice),
    )


def refused_resource(run: Run, checked: Checked) -> Verdict | None:
    """The authorization server answers invalid_target: its list lacks the resource, or the client's is wrong."""
    found = standing_errors(run, checked, "invalid-target")
    if not found:
        return None
    finding, exchange = found[-1], exchange_of(run, found[-1])
    configuration = finding.party is Party.CONFIGURATION
    refresh = exchange is not None and exchange.refreshes
    had_code = exchange is not None and not refresh and exchange.authorization is not None
    late = " It gave out a code first, so the login looked fine." if had_code else ""
    if configuration and refresh:
        summary = (
            f"The authorization server refuses {wanted(run)} on the refresh, though it is the one the MCP server "
            "publishes: it was removed from the list meanwhile, or this authorization server takes no resource here."
        )
    elif configuration:
        summary = (
            f"The authorization server does not know the resource {wanted(run)}, which is exactly the one the MCP "
            f"server publishes: it is missing from the list of resource indicators.{late}"
        )
    elif finding.cause == "resource-missing-refresh":
        summary = "The authorization server refuses the refresh, because the client does not name the resource again."
    elif finding.cause == "resource-repeated":
        summary = f"The authorization server refuses the resource, because the client sends it more than once.{late}"
    elif finding.party is Party.CLIENT:
        summary = (
            "The authorization server refuses the resource, because the client does not send the one the MCP server "
            f"publishes, {wanted(run)}.{late}"
        )
    else:
        summary = f"{finding.message} Evidence stops here: capture the sign-in from its first request."
    if reason := _reason(exchange):
        summary += f" It says: {reason}"
    advice = [remedies.register_resource(run)]
    if configuration and urls.compare(run.server_url, wanted(run)).grade is urls.Grade.ANCESTOR:
        text = f"Or publish {run.server_url} as the resource, where the authorization server knows that one."
        advice.append(Remedy(Party.MCP_SERVER, text))
    if not configuration:
        advice.insert(0, remedies.send_resource(run))
    if refresh:
        advice.append(remedies.send_resource_on_refresh(run))
    return Verdict(
        finding.party,
        Confidence.LIKELY if configuration and refresh else finding.confidence,
        finding.rule if configuration else finding.cause or finding.rule,
        summary,
        (*seen_resource(run), *seen_legs(run, exchange), Observation(finding.step, finding.message)),
        client_cleared(run) if configuration else server_cleared(run),
        tuple(advice),
    )


def _reason(exchange: TokenExchange | None) -> str:
    answer = exchange.request.document if exchange else None
    return (answer.text("error_description") if answer else None) or ""


def token_for_somebody_else(run: Run, checked: Checked) -> Verdict | None:
    """The token's audience is not this server: the reference story and its relatives, by who left the resource out."""
    found = standing_errors(run, checked, "aud-is-client-id", "aud-mismatch")
    if not found:
        return None
    finding, exchange = found[-1], exchange_of(run, found[-1])
    observations = (
        *seen_resource(run),
        *seen_legs(run, exchange),
        *seen_audience(run, exchange),
        *seen_refusal(run, exchange),
    )
    at = finding.places[0].exchange
    changed = next((f for f in checked.of("aud-changed-after-refresh") if f.places[0].exchange == at), None)
    if changed and not any(f.places[0].exchange == changed.places[1].exchange for f in found):
        return _changed_by_refresh(run, changed, observations)
    exchange = sign_in_of(run, exchange)
    match finding.party:
        case Party.CLIENT:
            return _client_asked_wrongly(run, finding, exchange, observations)
        case Party.CONFIGURATION:
            return _resource_had_no_effect(run, finding, exchange, observations)
        case _:
            return _undecided(run, checked, finding, exchange, observations)


def _client_asked_wrongly(
    run: Run, finding: Finding, exchange: TokenExchange | None, observations: tuple[Observation, ...]
) -> Verdict:
    authorization = exchange.authorization if exchange else None
    sent = authorization.resources if authorization else exchange.resources if exchange else ()
    if sent:
        what = f"The client asks for a token for {sent[0]} and not for the resource the server publishes"
    else:
        legs = ["authorization request"] if authorization else []
        legs += ["token request"] if exchange and not exchange.resources else []
        where = " and of the ".join(legs)
        what = f"The client does not say which server the token is for: it leaves resource out of the {where}"
    effect = ", and the MCP server refuses it" if exchange and refusal(run, exchange) else ""
    advice = [remedies.send_resource(run), remedies.register_resource(run, default=not sent)]
    if finding.rule == "aud-is-client-id":
        advice.append(remedies.allow_list(audience_found(finding)))
    return Verdict(
        Party.CLIENT,
        Confidence.CERTAIN if run.published_resource else Confidence.LIKELY,
        finding.cause,
        f"{what}. The token that comes back is for {whom(finding)}{effect}.",
        observations,
        (*server_cleared(run), *authorization_server_cleared(exchange)),
        tuple(advice),
    )


def _resource_had_no_effect(
    run: Run, finding: Finding, exchange: TokenExchange | None, observations: tuple[Observation, ...]
) -> Verdict:
    is_default = default_audience(exchange)
    by_device = exchange is not None and exchange.grant_type == DEVICE_GRANT
    if by_device:
        reason = "the authorization server ignores resource when a device asks, or is not set up for it"
    elif is_default:
        reason = "no resource indicator is configured at the authorization server, so it ignores resource"
    elif finding.rule == "aud-is-client-id":
        reason = "the authorization server ignores resource, because it is not set up for it or does not support it"
    else:
        reason = "the authorization server does not turn the resource into the audience"
    advice = [remedies.register_resource(run)]
    if not is_default:
        text = f"If it does not support resource indicators (RFC 8707), set the audience {wanted(run)} in its own way."
        advice.append(Remedy(Party.AUTHORIZATION_SERVER, text))
    if finding.rule == "aud-is-client-id":
        advice.append(remedies.allow_list(audience_found(finding)))
    return Verdict(
        Party.CONFIGURATION,
        Confidence.CERTAIN if is_default and run.published_resource and not by_device else Confidence.LIKELY,
        finding.rule,
        f"The client asked for a token for {wanted(run)} and got one for {whom(finding)}: {reason}.",
        observations,
        (*client_cleared(run), *server_cleared(run)),
        tuple(advice),
    )


def _undecided(
    run: Run,
    checked: Checked,
    finding: Finding,
    exchange: TokenExchange | None,
    observations: tuple[Observation, ...],
) -> Verdict:
    hidden = checked.of("prm-undiscoverable")
    what = f"The token is for {whom(finding)} and not for {wanted(run)}"
    if hidden and hidden[0].severity is Severity.ERROR:
        return Verdict(
            Party.MCP_SERVER,
            Confidence.LIKELY,
            hidden[0].rule,
            f"The MCP server publishes no protected resource metadata, so no client can know its resource. {what}.",
            (Observation(hidden[0].step, hidden[0].message), *observations),
            remedies=(
                Remedy(
                    Party.MCP_SERVER,
                    f'Serve protected resource metadata with "resource": "{wanted(run)}", and name its URL in the 401.',
                ),
                remedies.register_resource(run, default=True),
            ),
        )
    reason = resource_story(run, exchange)[2] if exchange else "how it was asked for was not captured"
    seen_request = exchange is not None and exchange.authorization is not None
    advice = (
        "Disconnect the client and connect it anew while capturing, so that discovery is seen as well."
        if seen_request
        else CAPTURE_BROWSER
    )
    if exchange is not None and exchange.grant_type == DEVICE_GRANT:
        advice = "Sign in through the browser: there the client can say which server the token is for."
    return Verdict(
        Party.UNKNOWN,
        Confidence.CERTAIN,
        finding.rule,
        f"{what}. Evidence stops here: {reason}.",
        observations,
        remedies=(Remedy(Party.UNKNOWN, advice),),
    )


def _changed_by_refresh(run: Run, finding: Finding, observations: tuple[Observation, ...]) -> Verdict:
    client = finding.party is Party.CLIENT
    return Verdict(
        finding.party,
        Confidence.CERTAIN if client else Confidence.LIKELY,
        "resource-missing-refresh" if client else finding.rule,
        f"The first token was right, the refreshed one is for {whom(finding)}: "
        + ("the client left resource out of the refresh." if client else "the refresh did not keep the audience."),
        (*observations, Observation(finding.step, finding.message)),
        server_cleared(run),
        (
            remedies.send_resource_on_refresh(run),
            Remedy(
                Party.AUTHORIZATION_SERVER,
                f"Keep the audience {wanted(run)} when a refresh names no resource."
                if client
                else f"Keep the audience {wanted(run)} on every refresh of a grant that was given for it.",
            ),
        ),
    )


def revision_without_resource(run: Run, checked: Checked) -> Verdict | None:
    """The client follows MCP 2025-03-26, which has no resource: nobody has done wrong, and the pieces do not fit."""
    missing = ("resource-missing-authorize", "resource-missing-token")
    found = standing_errors(run, checked, "fresh-token-rejected", "invalid-target")
    found = [finding for finding in found if finding.cause in missing]
    if not found or not knows_no_resource(run) or found[-1].party is not Party.CONFIGURATION:
        return None
    finding = found[-1]
    use = next((use for use in run.uses if use.request.id == finding.places[0].exchange), None)
    exchange = use.exchange if use else exchange_of(run, finding)
    audiences = (exchange.token.audiences if exchange and exchange.token else None) or ()
    client_ids = [audience for audience in audiences if is_client_id(run, audience)]
    effect = (
        f"The token that comes back is for {joined(audiences, 'nobody')}, and the MCP server refuses it."
        if use
        else "The authorization server wants one."
    )
    return Verdict(
        Party.CONFIGURATION,
        finding.confidence,
        finding.cause if checked.of(finding.cause or "") else finding.rule,
        f"The client follows MCP {run.revision.client}, which has no resource parameter, so that it cannot say which "
        f"server the token is for. {effect}",
        (
            *seen_legs(run, exchange),
            *seen_audience(run, exchange),
            *seen_refusal(run, exchange),
            *([] if use else [Observation(finding.step, finding.message)]),
        ),
        (
            Cleared(Party.CLIENT, f"MCP {run.revision.client} does not ask for resource."),
            *authorization_server_cleared(exchange),
        ),
        (
            remedies.register_resource(run, default=True),
            Remedy(Party.CLIENT, f"Use a version that follows MCP {WITH_RESOURCE} or newer and sends resource."),
            *map(remedies.allow_list, client_ids[:1] if use else ()),
        ),
    )


def spelled_differently(run: Run, checked: Checked) -> Verdict | None:
    """The audience is this server's resource in another spelling, and the server compares byte for byte."""
    found = standing_errors(run, checked, "aud-canonicalization")
    if not found:
        return None
    finding, exchange = found[-1], exchange_of(run, found[-1])
    client = finding.party is Party.CLIENT
    who = {
        Party.CLIENT: "The client asked for it in that spelling.",
        Party.CONFIGURATION: "The authorization server issues it in that spelling.",
    }.get(finding.party, f"Who chose that spelling is not in the capture. {CAPTURE_BROWSER}")
    advice = [
        remedies.register_resource(run),
        Remedy(Party.MCP_SERVER, f"Publish, configure and compare one string everywhere: {wanted(run)}"),
    ]
    if client:
        advice.insert(0, remedies.send_resource(run))
    return Verdict(
        finding.party,
        Confidence.CERTAIN if client else Confidence.LIKELY,
        finding.cause or finding.rule,
        f"The token is for {audience_found(finding)}, the resource is {wanted(run)}. {finding.message} "
        f"The MCP server compares byte for byte and refuses. {who}",
        (
            *seen_resource(run),
            *seen_legs(run, exchange),
            *seen_audience(run, exchange),
            *seen_refusal(run, exchange),
        ),
        authorization_server_cleared(exchange) if client else client_cleared(run),
        tuple(advice),
    )
