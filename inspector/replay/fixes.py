"""What-if: for each fault of a client the one change that would mend it, as a change to its profile."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from inspector.errors import ReplayFailure
from inspector.protocol import content
from inspector.replay import standard
from inspector.replay.encoding import Pairs
from inspector.replay.profile import Profile, ProfileStep
from inspector.replay.values import json_text
from inspector.timeline.message import Kind
from inspector.verdict.model import Judged, Verdict

_LOOPBACK_REDIRECT = "http://127.0.0.1:33418/callback"
_TOKEN_PLACEHOLDER = re.compile(r"\$\{(?:previous|made_up)\.(access_token|refresh_token)\}")


@dataclass(frozen=True, slots=True)
class Fix:
    """One change to a client. `rules` are those whose finding it is made for."""

    name: str
    description: str
    rules: tuple[str, ...]
    change: Callable[[Profile], Profile]


def _resource(profile: Profile) -> str:
    read = any(step.leg is Kind.RESOURCE_METADATA for step in profile.steps)
    return "${prm.resource}" if read else "${mcp_url}"


def _names_server(step: ProfileStep) -> bool:
    return step.leg is Kind.AUTHORIZE or step.grant_type in ("authorization_code", "refresh_token")


def add_resource(profile: Profile) -> Profile:
    """Send the published resource where none is sent (RFC 8707 section 2)."""
    value = _resource(profile)

    def added(step: ProfileStep) -> ProfileStep:
        if not _names_server(step) or any(name == "resource" for name, _ in step.parameters):
            return step
        return step.with_parameters((*step.parameters, ("resource", value)))

    return profile.changed(Kind.AUTHORIZE, Kind.TOKEN, by=added)


def fix_resource(profile: Profile) -> Profile:
    """Send the published resource, byte for byte and once, on every leg."""
    value = _resource(profile)

    def corrected(step: ProfileStep) -> ProfileStep:
        if not _names_server(step):
            return step
        return step.with_parameters(_with(step.parameters, ("resource", value)))

    return profile.changed(Kind.AUTHORIZE, Kind.TOKEN, by=corrected)


def pkce_s256(profile: Profile) -> Profile:
    """Send an S256 code challenge, and its verifier with the code (RFC 7636)."""

    def proven(step: ProfileStep) -> ProfileStep:
        if step.leg is Kind.AUTHORIZE:
            pairs = _with(step.parameters, ("code_challenge", "${code_challenge}"))
            return step.with_parameters(_with(pairs, ("code_challenge_method", "S256")))
        if step.grant_type == "authorization_code":
            return step.with_parameters(_with(step.parameters, ("code_verifier", "${code_verifier}")))
        return step

    return profile.changed(Kind.AUTHORIZE, Kind.TOKEN, by=proven)


def send_state(profile: Profile) -> Profile:
    """Send a state of its own with each authorization request (OAuth 2.1 section 7.12)."""
    return profile.changed(
        Kind.AUTHORIZE, by=lambda step: step.with_parameters(_with(step.parameters, ("state", "${state}")))
    )


def register_redirect_uri(profile: Profile) -> Profile:
    """Register the redirect URI that is used (RFC 7591 section 2)."""

    def registered(step: ProfileStep) -> ProfileStep:
        metadata = content.parse_json(step.body)
        if not isinstance(metadata, dict):
            return step
        return replace(step, body=json_text(metadata | {"redirect_uris": ["${redirect_uri}"]}))

    return profile.changed(Kind.REGISTER, by=registered)


def loopback_redirect_uri(profile: Profile) -> Profile:
    """Listen on a loopback address (RFC 8252 section 7.3)."""
    return register_redirect_uri(replace(profile, redirect_uri=_LOOPBACK_REDIRECT))


def newest_refresh_token(profile: Profile) -> Profile:
    """Refresh with the refresh token that was issued last."""
    return profile.changed(
        Kind.TOKEN,
        by=lambda step: step.with_parameters(tuple((name, _newest(value)) for name, value in step.parameters)),
    )


def send_token(profile: Profile) -> Profile:
    """Send the access token with every request once there is one."""
    first = next((n for n, step in enumerate(profile.steps) if step.leg is Kind.TOKEN or step.has_token), None)
    steps = tuple(
        standard.with_token(step)
        if first is not None and n > first and step.leg is Kind.MCP and not step.has_token
        else step
        for n, step in enumerate(profile.steps)
    )
    return replace(profile, steps=steps)


def token_in_header(profile: Profile) -> Profile:
    """Send the access token in the Authorization header and not in the URL."""

    def moved(step: ProfileStep) -> ProfileStep:
        kept = tuple((name, value) for name, value in step.query if "access_token}" not in value)
        return step if kept == step.query else standard.with_token(replace(step, query=kept))

    return profile.changed(Kind.MCP, by=moved)


def own_token(profile: Profile) -> Profile:
    """Send this server no token that was issued before or elsewhere, and other servers none of this one."""
    steps = tuple(
        replace(step, headers=tuple((name, _newest(value)) for name, value in step.headers))
        for step in profile.steps
        if step.leg is not Kind.MCP or step.url.startswith("${mcp_")
    )
    if not any(step.leg is Kind.TOKEN for step in steps):
        opening = next((step for step in steps if step.leg is Kind.MCP), None)
        request = standard.authorization()
        sign_in = (*standard.discovery(), standard.registration(), request, standard.token_request(request))
        asking = (replace(standard.without_token(opening), outcome="401"),) if opening else ()
        steps = (*asking, *sign_in, *steps)
    return replace(profile, steps=steps, redirect_uri=profile.redirect_uri or _LOOPBACK_REDIRECT)


def read_resource_metadata(profile: Profile) -> Profile:
    """Read the metadata that the challenge names, and take authorization server and resource from it (RFC 9728)."""
    steps = [step for step in profile.steps if step.leg not in (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)]
    if not steps:
        return profile
    headers = next((s.headers for s in profile.steps if s.leg in (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA)), ())
    place = next((n for n, step in enumerate(steps) if step.leg is not Kind.MCP), len(steps))
    discovery = [replace(step, headers=headers) for step in standard.discovery()]
    endpoints = {
        Kind.AUTHORIZE: "${as.authorization_endpoint}",
        Kind.TOKEN: "${as.token_endpoint}",
        Kind.REGISTER: "${as.registration_endpoint}",
    }
    steps = [replace(step, url=endpoints.get(step.leg, step.url)) for step in steps]
    return fix_resource(replace(profile, steps=(*steps[:place], *discovery, *steps[place:])))


def reject_mismatched_metadata(profile: Profile) -> Profile:
    """Stop where the metadata is about another resource (RFC 9728 section 3.3)."""
    last = max((n for n, step in enumerate(profile.steps) if step.leg is Kind.RESOURCE_METADATA), default=None)
    return profile if last is None else replace(profile, steps=profile.steps[: last + 1])


def register_again(profile: Profile) -> Profile:
    """Register, where the client id is one that the authorization server does not know any more."""
    steps = [step for step in profile.steps if step.leg is not Kind.REGISTER]
    place = next((n for n, step in enumerate(steps) if step.leg is Kind.AUTHORIZE), len(steps))
    return replace(
        profile, client_id="", document=False, steps=(*steps[:place], standard.registration(), *steps[place:])
    ).changed(
        Kind.AUTHORIZE,
        Kind.TOKEN,
        by=lambda step: step.with_parameters(_with(step.parameters, ("client_id", "${client_id}"))),
    )


FIXES: tuple[Fix, ...] = (
    Fix(
        "add-resource",
        "send the published resource on every leg that lacks one",
        ("resource-missing-authorize", "resource-missing-token", "resource-missing-refresh"),
        add_resource,
    ),
    Fix("trailing-slash", "send the resource without the added slash", ("resource-trailing-slash",), fix_resource),
    Fix(
        "fix-resource",
        "send the published resource, byte for byte and once, on every leg",
        (
            "resource-invalid-uri",
            "resource-mismatch-prm",
            "resource-inconsistent",
            "resource-less-specific",
            "resource-not-this-server",
            "resource-repeated",
            "wrong-audience-token-sent",
        ),
        fix_resource,
    ),
    Fix(
        "pkce-s256",
        "send an S256 code challenge, and its verifier with the code",
        ("pkce-missing", "pkce-method-not-s256", "code-verifier-missing", "code-verifier-mismatch"),
        pkce_s256,
    ),
    Fix("send-state", "send a state with each authorization request", ("state-missing",), send_state),
    Fix(
        "register-redirect-uri",
        "register the redirect URI that is used",
        ("redirect-uri-unregistered",),
        register_redirect_uri,
    ),
    Fix(
        "loopback-redirect-uri",
        "listen for the answer on a loopback address",
        ("redirect-uri-insecure",),
        loopback_redirect_uri,
    ),
    Fix(
        "read-resource-metadata",
        "read the protected resource metadata, and take authorization server and resource from it",
        (
            "client-skips-protected-resource-metadata",
            "client-ignores-authorization-servers",
            "client-ignores-resource-metadata-url",
        ),
        read_resource_metadata,
    ),
    Fix(
        "reject-mismatched-metadata",
        "stop where the metadata is about another resource",
        ("client-accepts-mismatched-prm",),
        reject_mismatched_metadata,
    ),
    Fix("register-again", "register instead of using an old client id", ("authorize-client-unknown",), register_again),
    Fix(
        "newest-refresh-token",
        "refresh with the token that was issued last",
        ("refresh-token-replayed",),
        newest_refresh_token,
    ),
    Fix("send-token", "send the access token with every request", ("authorization-header-missing",), send_token),
    Fix("token-in-header", "send the access token in the header only", ("token-in-query",), token_in_header),
    Fix(
        "own-token",
        "sign in at this server, and send it no other token",
        ("token-sent-to-multiple-servers",),
        own_token,
    ),
)
"""Every fix, in the order of the sign-in."""

_BY_NAME = {fix.name: fix for fix in FIXES}
_BY_RULE = {rule: fix for fix in FIXES for rule in fix.rules}


def fix_named(name: str) -> Fix:
    """The fix of this name.

    Raises ReplayFailure when there is none.
    """
    if name not in _BY_NAME:
        close = get_close_matches(name, _BY_NAME, n=1)
        advice = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(_BY_NAME)}."
        raise ReplayFailure(f"There is no fix {name!r}; {advice}")
    return _BY_NAME[name]


def fix_for(verdict: Verdict) -> Fix | None:
    """The fix that a verdict suggests: the one for its cause; None where no change to the client can help."""
    return _BY_RULE.get(verdict.cause or "")


def fixes_for(judged: Judged) -> tuple[Fix, ...]:
    """Every fix that the findings of a run suggest, the one for its verdict first."""
    rules = [judged.verdict.cause or "", *(finding.rule for finding in judged.checked.findings)]
    return tuple(dict.fromkeys(_BY_RULE[rule] for rule in rules if rule in _BY_RULE))


def _with(pairs: Pairs, wanted: tuple[str, str]) -> Pairs:
    """The parameters with one of them set, once and in the place where it was, or at the end."""
    name = wanted[0]
    place = next((n for n, (known, _) in enumerate(pairs) if known == name), len(pairs))
    others = tuple(pair for pair in pairs if pair[0] != name)
    before = sum(1 for known, _ in pairs[:place] if known != name)
    return (*others[:before], wanted, *others[before:])


def _newest(template: str) -> str:
    return _TOKEN_PLACEHOLDER.sub(r"${\1}", template)
