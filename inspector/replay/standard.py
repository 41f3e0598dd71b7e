"""The steps of a sign-in as the specification asks for them, where a recording has none of its own to take."""

from collections.abc import Iterator
from dataclasses import replace

from inspector.replay.profile import ProfileStep
from inspector.replay.values import json_text
from inspector.timeline.message import Kind

_WELL_KNOWN = "/.well-known/oauth-"
_RESOURCE = ("resource", "${prm.resource}")


def discovery() -> Iterator[ProfileStep]:
    """From the challenge to the authorization server (MCP 2025-11-25, Authorization Server Discovery)."""
    # The second is asked for only where the challenge names none, or names nothing good.
    named = ProfileStep(Kind.RESOURCE_METADATA, "GET", "${challenge.resource_metadata}", outcome="404")
    yield named
    yield replace(named, url="${mcp_origin}" + _WELL_KNOWN + "protected-resource${mcp_path}", outcome="200")
    server = "${issuer_origin}" + _WELL_KNOWN + "authorization-server${issuer_path}"
    yield ProfileStep(Kind.SERVER_METADATA, "GET", server, outcome="200")


def registration() -> ProfileStep:
    """A registration of a native public client (RFC 7591 section 3.1)."""
    metadata = {
        "client_name": "replay",
        "redirect_uris": ["${redirect_uri}"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return ProfileStep(
        Kind.REGISTER,
        "POST",
        "${as.registration_endpoint}",
        headers=(("Content-Type", "application/json"),),
        body=json_text(metadata),
        outcome="201",
    )


def authorization() -> ProfileStep:
    """An authorization request with proof key, state and resource (MCP 2025-06-18, Authorization Flow Steps)."""
    query = (
        ("response_type", "code"),
        ("client_id", "${client_id}"),
        ("redirect_uri", "${redirect_uri}"),
        ("state", "${state}"),
        ("code_challenge", "${code_challenge}"),
        ("code_challenge_method", "S256"),
        _RESOURCE,
    )
    return ProfileStep(Kind.AUTHORIZE, "GET", "${as.authorization_endpoint}", query, outcome="code")


def token_request(authorize: ProfileStep) -> ProfileStep:
    """The token request that goes with an authorization request: its proof key and its resource (RFC 6749, 4.1.3)."""
    form = [
        ("grant_type", "authorization_code"),
        ("code", "${code}"),
        ("redirect_uri", "${redirect_uri}"),
        ("client_id", "${client_id}"),
    ]
    if any(name == "code_challenge" for name, _ in authorize.parameters):
        form.append(("code_verifier", "${code_verifier}"))
    form += [(name, value) for name, value in authorize.parameters if name == "resource"]
    return ProfileStep(
        Kind.TOKEN,
        "POST",
        "${as.token_endpoint}",
        headers=(("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")),
        form=tuple(form),
        outcome="200",
    )


def with_token(step: ProfileStep) -> ProfileStep:
    """The step with the current access token in its header (RFC 6750 section 2.1), in the place of any other."""
    return replace(step, headers=(*without_token(step).headers, ("Authorization", "Bearer ${access_token}")))


def without_token(step: ProfileStep) -> ProfileStep:
    """The step without an Authorization header."""
    return replace(step, headers=tuple(pair for pair in step.headers if pair[0].lower() != "authorization"))


def completed(steps: tuple[ProfileStep, ...]) -> Iterator[ProfileStep]:
    """What a client does next, where its recording ends before a request with a token was accepted.

    These steps are marked as assumed, and say what the specification asks for in the client's own manner.
    """
    if not steps or not is_refusal(steps[-1].outcome):
        return  # the client stopped by itself, or the capture did
    used = [step for step in steps if step.leg is Kind.MCP and step.has_token]
    opening = next((step for step in steps if step.leg is Kind.MCP and step.body), None)
    if opening is None or any(step.outcome.startswith("2") for step in used):
        return
    registered = [step for step in steps if step.leg is Kind.REGISTER]
    authorized = [step for step in steps if step.leg is Kind.AUTHORIZE]
    tokens = [step for step in steps if step.leg is Kind.TOKEN]
    if not (registered or authorized or tokens or used):
        return  # what it would do is no matter of the sign-in
    if registered and not authorized:
        authorized = [authorization()]
        yield _assumed(authorized[0])
    if authorized and not tokens:
        yield _assumed(token_request(authorized[-1]))
    if (authorized or tokens) and not used:
        yield _assumed(with_token(opening))
    base = with_token(used[-1] if used else opening)
    if '"initialize"' in base.body:
        session = (("Mcp-Session-Id", "${mcp.session_id}"), ("MCP-Protocol-Version", "${mcp.protocol_version}"))
        within = replace(base, headers=(*base.headers, *session))
        yield _assumed(replace(within, body='{"jsonrpc":"2.0","method":"notifications/initialized"}'))
        yield _assumed(replace(within, body='{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'))


def is_refusal(outcome: str) -> bool:
    """Whether a request ended in a refusal, and not in what it asked for."""
    return bool(outcome) and not (outcome.startswith("2") or outcome == "code")


def _assumed(step: ProfileStep) -> ProfileStep:
    return replace(step, outcome="", assumed=True)
