"""What can be read in the access tokens of a run without the tokens themselves, for people and for other tools."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from inspector.protocol import jwt
from inspector.report.difference import Difference, difference
from inspector.timeline.flow import Use
from inspector.timeline.message import Message
from inspector.timeline.run import Run

_PARTS_WHEN_ENCRYPTED = 5
_SIGNATURES = {
    jwt.Signature.VALID: "verifies",
    jwt.Signature.INVALID: "does not verify",
    jwt.Signature.UNKNOWN_KEY: "not checked: no key with its kid was captured",
    jwt.Signature.NOT_CHECKED: "not checked: no key set was captured",
    jwt.Signature.NONE: "none: alg is none",
}


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """One access token. Times are seconds since the epoch as the token states them, None where it does not.

    `format` is jwt, encrypted or opaque; of the latter two nothing can be read. `used` and `refused` count the requests
    to the MCP server with it.
    """

    step: int | None
    format: str
    signature: jwt.Signature
    used: int
    refused: int
    algorithm: str = ""
    type: str = ""
    key_id: str = ""
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    client_id: str = ""
    scope: str = ""
    issued_at: float | None = None
    not_before: float | None = None
    expires: float | None = None


def tokens_of(run: Run) -> tuple[TokenFacts, ...]:
    """The access tokens that were issued in a run, then those that were stored before it, each once."""
    seen: dict[str, tuple[Message, jwt.Signature]] = {}
    for exchange in run.token_exchanges:
        if exchange.access_token:
            seen.setdefault(exchange.access_token, (exchange.request, exchange.signature))
    uses: dict[str, list[Use]] = {}
    for use in run.uses:
        token = use.request.bearer or ""
        uses.setdefault(token, []).append(use)
        seen.setdefault(token, (use.request, use.signature))
    return tuple(
        _facts(run, token, message, signature, uses.get(token, [])) for token, (message, signature) in seen.items()
    )


def token_lines(run: Run) -> Iterator[str]:
    """The same for a reader: name and value, the first line of each token without a name."""
    for facts in tokens_of(run):
        yield f"step {facts.step or '-':<3} {_head(facts)}"
        if facts.format != "jwt":
            continue
        wanted = run.expected_resource.value if run.expected_resource else ""
        yield from _compared("iss", facts.issuer, run.issuer or "")
        for audience in facts.audiences or ("none",):
            yield from _compared("aud", audience, wanted)
        if facts.scope:
            yield f"  scope  {facts.scope}"
        yield f"  lives  {_lifetime(facts)}"


def _facts(run: Run, token: str, message: Message, signature: jwt.Signature, uses: list[Use]) -> TokenFacts:
    decoded = jwt.decode(token)
    used, refused = len(uses), sum(use.rejected for use in uses)
    step = run.step_of(message)
    if decoded is None:
        form = "encrypted" if len(token.split(".")) == _PARTS_WHEN_ENCRYPTED else "opaque"
        return TokenFacts(step, form, signature, used, refused)
    return TokenFacts(
        step,
        "jwt",
        signature,
        used,
        refused,
        algorithm=_text(decoded.header.get("alg")),
        type=_text(decoded.header.get("typ")),
        key_id=_text(decoded.header.get("kid")),
        issuer=decoded.text("iss") or "",
        audiences=decoded.audiences or (),
        client_id=decoded.text("client_id") or decoded.text("azp") or "",
        scope=decoded.text("scope") or decoded.text("scp") or "",
        issued_at=decoded.number("iat"),
        not_before=decoded.number("nbf"),
        expires=decoded.number("exp"),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _head(facts: TokenFacts) -> str:
    used = f"used {facts.used} times" if facts.used != 1 else "used once"
    refused = f", refused {facts.refused} times" if facts.refused > 1 else ", refused" if facts.refused else ""
    if facts.format != "jwt":
        return f"{facts.format}, nothing can be read in it; {used}{refused}"
    named = f"{facts.algorithm or 'no alg'}, kid {facts.key_id or 'none'}"
    return f"{named}; signature {_SIGNATURES[facts.signature]}; {used}{refused}"


def _compared(name: str, value: str, wanted: str) -> Iterator[str]:
    label = f"  {name:<7}"
    if not wanted or value == wanted:
        yield f"{label}{value or 'none'}{'  (as expected)' if wanted else ''}"
        return
    found: Difference | None = difference(wanted, value)
    yield f"{label}{value or 'none'}  ({found.words if found else 'another'}; expected {wanted})"


def _lifetime(facts: TokenFacts) -> str:
    begins, ends = facts.issued_at, facts.expires
    if ends is None:
        return "without end (no exp)"
    until = f"until {_time(ends)}"
    return until if begins is None else f"{round(ends - begins)} s, from {_time(begins)} {until}"


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f} s after 1970, which no calendar has"
