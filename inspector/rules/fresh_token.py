"""The rule about a token that is refused as soon as it was issued, and what in it, if anything, explains that."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from inspector.protocol import urls
from inspector.protocol.jwt import Jwt, Signature
from inspector.protocol.urls import Grade
from inspector.rules.facts import (
    is_client_id,
    knows_no_resource,
    names_this_server,
    own_authorization_server,
    resource_story,
    spelling_story,
)
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.rules.resource_access import FOREIGN
from inspector.timeline.flow import TokenExchange, Use
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

FRESH_SECONDS = 300
_TOKENS = ("access_token", "refresh_token")
_LEEWAY_SECONDS = 60
_ROUNDING_SECONDS = 5
_CLOCKS_AGREE_SECONDS = 120


class Why(Enum):
    """What explains that a token was refused."""

    SIGNATURE = auto()
    AUDIENCE = auto()
    ISSUER = auto()
    ISSUER_CLOCK = auto()
    SERVER_CLOCK = auto()
    SOME_CLOCK = auto()
    SMALL_SKEW = auto()
    UNREAD = auto()
    IN_FRONT = auto()
    REVOKED = auto()
    NOT_NAMED = auto()
    SCOPE = auto()
    KEY_UNPUBLISHED = auto()
    KEY_UNKNOWN = auto()
    SIGNATURE_UNCHECKED = auto()
    METADATA_UNSEEN = auto()
    ACCEPTED_BEFORE = auto()
    NOTHING = auto()


_NOT_SURE = (
    Why.SERVER_CLOCK,
    Why.KEY_UNPUBLISHED,
    Why.SMALL_SKEW,
    Why.UNREAD,
    Why.IN_FRONT,
    Why.REVOKED,
    Why.NOT_NAMED,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """The explanation as a clause, the rule that says the same, and the party behind it."""

    why: Why
    text: str
    party: Party
    cause: str | None = None


@rule(
    "fresh-token-rejected",
    title="Token minted seconds ago is rejected",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
)
def fresh_token_rejected(run: Run) -> Iterator[Fault | NotObserved]:
    """The symptom that brings people here: signed in, and still 401.

    What it checks: A token was refused with 401 within five minutes of being issued; every claim that differs from
    what the metadata promises is named. Where all of them are right and the signature verifies, the server is at fault;
    where the protected resource metadata or the key set was not captured, that is not known.

    Why it matters: The client only reports "401 Unauthorized".

    How to fix: See the finding named as the cause. Where there is none: MCP server, check key set URL, algorithm,
    clock and configured audience.

    When it is a false alarm: Several replicas with different configuration and propagation delays; where the same token
    was accepted afterwards, this is only a warning, and where it was accepted before, nobody is blamed. A 401 that asks
    for a DPoP nonce is not a refusal, and a token that expired in the meantime is not fresh.

    References: RFC 6750 section 3.1; MCP 2025-06-18 Token Handling.
    """
    fresh = [use for use in run.uses if use.exchange and use.request.at - use.exchange.request.at <= FRESH_SECONDS]
    observed(fresh, "N1", "no use of a token whose issuing was captured")
    reported = set()
    for use in fresh:
        if not use.rejected or use.exchange is None or use.exchange.request.id in reported or _asks_for_nonce(use):
            continue
        if not urls.same_origin(use.request.url, run.server_url) and use.request.origin != run.uses[0].request.origin:
            continue  # another server must refuse it
        reported.add(use.exchange.request.id)
        later = [other for other in fresh if other.exchange is use.exchange and other.request.at > use.request.at]
        severity = Severity.WARNING if any(other.accepted for other in later) else None
        if use.token is None:
            yield Fault(
                "The MCP server refused a token that was just issued; it is opaque, so the capture cannot say why.",
                (place(use.request, "status"), place(use.exchange.request, "json", "access_token")),
                expected="2xx",
                found="401",
                severity=severity,
                confidence=Confidence.LIKELY,
                party=Party.UNKNOWN,
            )
            continue
        if _ended_meanwhile(use, use.token, use.exchange):
            continue
        reason = why_refused(run, use)
        known = run.expected_resource is not None and not run.expected_resource.assumed
        told = reason.why not in _NOT_SURE and reason.party is not Party.UNKNOWN
        yield Fault(
            f"The MCP server refused a token that was just issued: {reason.text}.",
            (place(use.request, "status"), place(use.exchange.request, "claim", "aud")),
            expected="2xx",
            found="401",
            severity=severity,
            confidence=None if known and told else Confidence.LIKELY,
            party=reason.party,
            cause=reason.cause,
        )


def _asks_for_nonce(use: Use) -> bool:
    """Whether the server only wants the proof again with its nonce (RFC 9449 section 9)."""
    return any(challenge.get("error") == "use_dpop_nonce" for challenge in use.request.challenges)


def _ended_meanwhile(use: Use, token: Jwt, exchange: TokenExchange) -> bool:
    """Whether the token was good when it was issued and expired before it was used: then 401 is the right answer."""
    expires = token.number("exp")
    return expires is not None and _issued_at(exchange) + _ROUNDING_SECONDS < expires < use.request.at


def why_refused(run: Run, use: Use) -> Reason:
    """What is wrong with a token that can be decoded and whose issuing was captured, worst first."""
    token, exchange = use.token, use.exchange
    if token is None or exchange is None:
        return Reason(Why.NOTHING, "how it was issued is not in the capture", Party.UNKNOWN)
    if use.signature in (Signature.INVALID, Signature.NONE):
        return Reason(Why.SIGNATURE, "its signature does not verify", Party.AUTHORIZATION_SERVER)
    wanted, audiences = run.expected_resource, token.audiences or ()
    if wanted and wanted.value not in audiences:
        return _wrong_audience(run, exchange, wanted.value, audiences)
    issued_by = token.text("iss")
    if issued_by not in (None, run.issuer) and not own_authorization_server(run):
        if run.server_metadata:
            return Reason(Why.ISSUER, f"iss is {issued_by}", Party.CONFIGURATION, "token-iss-mismatch")
        return Reason(Why.ISSUER, f"iss is {issued_by}", Party.UNKNOWN)
    if issued_by and not _is_named(run, issued_by):
        text = f"iss is {issued_by}, and the MCP server names another authorization server"
        return Reason(Why.NOT_NAMED, text, Party.CLIENT)
    challenge = use.request.bearer_challenge
    if challenge and challenge.get("error") == "insufficient_scope":
        text = "the server wants more scope, and says so with 401 instead of 403"
        return Reason(Why.SCOPE, text, Party.MCP_SERVER, "bearer-error-status-mismatch")
    return _wrong_time(use, token, exchange) or _unproven(run, use, exchange) or _right(run, use)


def _unproven(run: Run, use: Use, exchange: TokenExchange) -> Reason | None:
    """What is left to say about a token whose claims are all right."""
    if any(u.accepted_protected and u.exchange is exchange and u.request.at < use.request.at for u in run.uses):
        text = "it accepted the same token before, so that it was revoked, or not every replica agrees"
        return Reason(Why.ACCEPTED_BEFORE, text, Party.UNKNOWN)
    if use.signature is Signature.UNKNOWN_KEY and (document := _later_key_set(run, exchange, use)):
        text = f"the key set at {document.url} has no key with its kid"
        return Reason(Why.KEY_UNPUBLISHED, text, Party.AUTHORIZATION_SERVER)
    if not _resource_is_known(run):
        text = "the metadata that says whom it must be for was not captured"
        return Reason(Why.METADATA_UNSEEN, text, Party.UNKNOWN)
    right = "every claim in it is as promised"
    if use.signature is Signature.UNKNOWN_KEY:
        text = f"{right}, and no key set captured since it was issued holds its key"
        return Reason(Why.KEY_UNKNOWN, text, Party.UNKNOWN)
    if use.signature is not Signature.VALID:
        text = f"{right}, and its signature could not be checked"
        return Reason(Why.SIGNATURE_UNCHECKED, text, Party.UNKNOWN)
    return None


def _right(run: Run, use: Use) -> Reason:
    """Why a token that is right in every respect may be refused."""
    right = "every claim in it is as promised"
    if use.request.is_page or (use.request.challenges and not use.request.bearer_challenge and not _has_proof(use)):
        text = f"{right}, and the answer is not one of the MCP server but of something in front of it"
        return Reason(Why.IN_FRONT, text, Party.EDGE)
    if ended_by := _ended_by_client(run, use):
        return Reason(Why.REVOKED, f"{right}, and {ended_by}, after which it may have been revoked", Party.CLIENT)
    begins, ends = (_begins(use.token), use.token.number("exp")) if use.token else (None, None)
    if begins is not None and ends is not None and ends <= begins:
        return Reason(Why.ISSUER_CLOCK, "it ends before it begins", Party.AUTHORIZATION_SERVER)
    if begins is not None and (early := begins - use.request.at) > _ROUNDING_SECONDS:
        text = f"it is good from {early:.0f} seconds later on, and a server that allows for no skew must wait"
        return Reason(Why.SMALL_SKEW, text, Party.AUTHORIZATION_SERVER)
    if _as_without_token(run, use):
        return Reason(Why.UNREAD, f"{right}, and it is answered as if there were none", Party.MCP_SERVER)
    return Reason(Why.NOTHING, right, Party.MCP_SERVER)


def _has_proof(use: Use) -> bool:
    return any(challenge.scheme.lower() == "dpop" for challenge in use.request.challenges)


def _ended_by_client(run: Run, use: Use) -> str:
    """What the client did that makes an authorization server revoke a token (RFC 6749 sections 4.1.2 and 10.4)."""
    earlier = [t for t in run.token_exchanges if t.request.at < use.request.at]
    for parameter, what in (
        ("code", "the client redeemed its code twice"),
        ("refresh_token", "a refresh was repeated"),
    ):
        spent = [value for t in earlier if (value := t.params.get(parameter))]
        if len(spent) > len(set(spent)):
            return what
    tokens = {value for t in earlier if t.answer for name in _TOKENS if (value := t.answer.text(name))}
    revoked = any(m.params.get("token") in tokens and m.at < use.request.at for m in run.of(Kind.REVOKE))
    return "the client gave it up at the revocation endpoint" if revoked else ""


def _is_named(run: Run, issuer: str) -> bool:
    """Whether the MCP server names this issuer, or signs clients in itself, or does not say."""
    document = run.resource_metadata.document if run.resource_metadata else None
    servers = (document.texts("authorization_servers") if document else None) or ()
    if not servers or any(urls.same_origin(server, run.server_url) for server in servers):
        return True
    return any(urls.compare(server, issuer).grade in (Grade.EXACT, Grade.NORMALIZED) for server in servers)


def _as_without_token(run: Run, use: Use) -> bool:
    """Whether the server answers a token and none alike, without naming an error."""
    name, challenge = "www-authenticate", use.request.bearer_challenge
    if challenge is None or challenge.get("error"):
        return False
    said = use.request.exchange.response_header_all(name)
    return any(m.exchange.response_header_all(name) == said for m in run.unauthorized)


def _later_key_set(run: Run, exchange: TokenExchange, use: Use) -> Message | None:
    """The authorization server's key set as it was while the token was good: it must hold the key (RFC 7517)."""
    metadata = run.server_metadata.document if run.server_metadata else None
    address = metadata.text("jwks_uri") if metadata else None
    ends = (use.token.number("exp") if use.token else None) or use.request.at
    return next(
        (m for m in run.of(Kind.KEYS) if m.good_document and m.url == address and exchange.request.at <= m.at <= ends),
        None,
    )


def _resource_is_known(run: Run) -> bool:
    """Whether the capture has the protected resource metadata, or shows that there is none."""
    asked = run.of(Kind.RESOURCE_METADATA)
    return run.resource_metadata is not None or (bool(asked) and all((m.status or 0) >= 400 for m in asked))


def _wrong_audience(run: Run, exchange: TokenExchange, wanted: str, audiences: tuple[str, ...]) -> Reason:
    if not audiences:
        party, asked, _ = resource_story(run, exchange)
        left_out = asked is not None and not exchange.resources
        party = party if left_out else Party.AUTHORIZATION_SERVER
        return Reason(Why.AUDIENCE, "it has no audience", party, "aud-missing")
    what = f"aud is {joined(audiences)}"
    grades = {audience: urls.compare(wanted, audience).grade for audience in audiences}
    close = [a for a, grade in grades.items() if grade in (Grade.NORMALIZED, Grade.LOOPBACK_ALIAS)]
    if close:
        party = spelling_story(run, exchange, close[0])[0]
        return Reason(Why.AUDIENCE, what, party, "aud-canonicalization")
    party, asked, _ = resource_story(run, exchange)
    if any(names_this_server(run, audience) not in FOREIGN for audience in audiences):
        return Reason(Why.AUDIENCE, what, party)  # a parent: allowed, and not what a strict server expects
    if knows_no_resource(run):
        return Reason(Why.AUDIENCE, what, party, asked)
    rule_id = "aud-is-client-id" if any(is_client_id(run, a) for a in audiences) else "aud-mismatch"
    return Reason(Why.AUDIENCE, what, party, rule_id)


# The capture, the times in the token and the server's Date header are three clocks: the one that differs is wrong.


def _issued_at(exchange: TokenExchange) -> float:
    """When the token response came, by the clock of the capture."""
    return exchange.request.exchange.response_start or exchange.request.at


def _date_of(message: Message) -> float | None:
    """The clock of the party that answered (RFC 9110 section 6.6.1)."""
    try:
        return parsedate_to_datetime(message.response_header("date") or "").timestamp()
    except (ValueError, OverflowError):
        return None


def _begins(token: Jwt) -> float | None:
    return max((time for name in ("iat", "nbf") if (time := token.number(name)) is not None), default=None)


def _wrong_time(use: Use, token: Jwt, exchange: TokenExchange) -> Reason | None:
    issued, server_date = _issued_at(exchange), _date_of(use.request)
    server_now = use.request.at if server_date is None else server_date
    begins = _begins(token)
    ends = token.number("exp")
    if ends is not None and ends + _LEEWAY_SECONDS < server_now:
        by_issuer = ends < issued
        what = "it had expired when it was issued" if by_issuer else "it has expired"
    elif begins is not None and begins - _LEEWAY_SECONDS > server_now:
        by_issuer = begins - _LEEWAY_SECONDS > issued
        what = "it is not valid yet"
    else:
        return None
    by_server = abs(server_now - use.request.at) > _CLOCKS_AGREE_SECONDS
    if by_issuer and not by_server:
        return Reason(Why.ISSUER_CLOCK, what, Party.AUTHORIZATION_SERVER)
    if by_server and not by_issuer:
        return Reason(Why.SERVER_CLOCK, f"{what}, going by the time in its Date header", Party.MCP_SERVER)
    return Reason(Why.SOME_CLOCK, f"{what}, and its Date header is off as well", Party.UNKNOWN)
