"""Rules about the syntax of challenges and about the error codes in them (RFC 9110, RFC 6750)."""

from collections.abc import Iterator

from inspector.protocol.challenge import Challenge, parse_challenges
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_STATUS_OF = {"invalid_request": 400, "invalid_token": 401, "insufficient_scope": 403}


@rule(
    "challenge-header-malformed",
    title="WWW-Authenticate cannot be parsed or repeats a single-use parameter",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="rfc-MUST | rfc-MUST | rfc-MUST | rfc-MUST",
)
def challenge_header_malformed(run: Run) -> Iterator[Fault | NotObserved]:
    """Clients read this header with parsers of very different patience.

    What it checks: The challenges of the MCP endpoint follow the grammar: a scheme, commas between parameters, quotes
    around what is not a token, no parameter twice, ASCII only.

    Why it matters: One client's regular expression finds `resource_metadata`, another's parser gives up.

    How to fix: MCP server: quote every value, put commas between parameters, send each parameter once.

    When it is a false alarm: An intermediary joined or folded the header.

    References: RFC 9110 sections 11.2 and 11.6.1; OAuth 2.1 section 5.3.1; RFC 6750 section 3.
    """
    values: dict[str, Message] = {}
    for message in run.challenged:
        for value in message.exchange.response_header_all("www-authenticate"):
            values.setdefault(value, message)
    reported = set()
    for value in observed(list(values), "N1", "no challenge in the capture"):
        problems = _problems(value)
        if problems and problems not in reported:
            reported.add(problems)
            yield Fault(
                f"The challenge breaks the header's grammar: {joined(problems)}.",
                (place(values[value], "header", "www-authenticate"),),
                expected='Bearer name="value", name="value"',
                found=value,
            )


def _problems(value: str) -> tuple[str, ...]:
    challenges = parse_challenges((value,))
    problems = [problem for challenge in challenges for problem in challenge.problems]
    if not challenges:
        problems.append("it names no scheme")
    if not value.isascii():
        problems.append("it has characters outside ASCII")
    return tuple(problems)


@rule(
    "bearer-error-missing-on-rejected-token",
    title='Presented token rejected without error="invalid_token"',
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.INFO,
    levels="rfc-SHOULD | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def bearer_error_missing_on_rejected_token(run: Run) -> Iterator[Fault | NotObserved]:
    """A client cannot tell a refused token from a forgotten one.

    What it checks: A 401 to a request with a token has `error` in its Bearer challenge.

    Why it matters: Clients decide by it whether to refresh, to sign in again, or to give up.

    How to fix: MCP server: answer `error="invalid_token"` with an error_description that names the failed check.

    When it is a false alarm: The 401 came from an intermediary; an HTML page is taken as a sign of that. Servers with
    one constant challenge are common, so that it is no more than a note.

    References: RFC 6750 section 3; OAuth 2.1 section 5.3.1.
    """
    rejected = [use.request for use in run.uses if use.rejected and use.request.bearer_challenge]
    for message in observed(rejected, "N1", "no token was refused with a Bearer challenge"):
        if message.bearer_challenge and message.bearer_challenge.get("error"):
            continue
        if "html" in (message.response_header("content-type") or ""):
            yield NotObserved("N9", "the refusal is an HTML page, as intermediaries send")
            continue
        yield Fault(
            "The MCP server refused a token without naming an error.",
            (place(message, "header", "www-authenticate"),),
            expected='error="invalid_token"',
            found="no error parameter",
        )
        return


@rule(
    "bearer-error-status-mismatch",
    title="Bearer error code and HTTP status disagree",
    phase=Phase.CHALLENGE,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="rfc-SHOULD | rfc-SHOULD | rfc-SHOULD | rfc-SHOULD",
)
def bearer_error_status_mismatch(run: Run) -> Iterator[Fault | NotObserved]:
    """Each code has its status, and clients act on the pair.

    What it checks: invalid_request comes with 400, invalid_token with 401, insufficient_scope with 403.

    Why it matters: The SDKs step up only on 403 with insufficient_scope; with 401 they sign in from the start, again
    and again.

    How to fix: MCP server: send the status that belongs to the code.

    When it is a false alarm: None known.

    References: RFC 6750 section 3.1; MCP 2025-11-25 Error Handling.
    """
    coded = [m for m in run.of(Kind.MCP) if m.bearer_challenge and m.bearer_challenge.get("error")]
    reported = set()
    for message in observed(coded, "N1", "no challenge with an error code"):
        error = (message.bearer_challenge.get("error") if message.bearer_challenge else None) or ""
        expected = _STATUS_OF.get(error)
        if expected and message.status != expected and (error, message.status) not in reported:
            reported.add((error, message.status))
            yield Fault(
                f"{error} came with status {message.status}.",
                (place(message, "status"), place(message, "header", "www-authenticate")),
                expected=str(expected),
                found=str(message.status),
            )


@rule(
    "insufficient-scope-challenge-incomplete",
    title="403 for scope lacks the step-up challenge",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.MCP_SERVER,
    severity=Severity.WARNING,
    levels="rfc-SHOULD | rfc-SHOULD | SHOULD | SHOULD",
)
def insufficient_scope_challenge_incomplete(run: Run) -> Iterator[Fault | NotObserved]:
    """A client can only ask for more when it is told for what.

    What it checks: A 403 that names insufficient_scope also names `scope`, and from 2025-11-25 on
    `resource_metadata`.

    Why it matters: Without the scope the client cannot step up; the user sees "forbidden".

    How to fix: MCP server: `Bearer error="insufficient_scope", scope="...", resource_metadata="..."`.

    When it is a false alarm: A 403 for another reason, such as tenant or policy; one without the code is not counted.

    References: MCP 2025-11-25 Runtime Insufficient Scope Errors; RFC 6750 section 3.1.
    """
    scoped = [use.request for use in run.uses if use.request.status == 403 and _names_scope(use.request.challenges)]
    wanted = ["scope"] if run.revision.server < "2025-11-25" else ["scope", "resource_metadata"]
    for message in observed(scoped, "N1", "no 403 for a missing scope")[:1]:
        challenge = message.bearer_challenge
        lacking = [name for name in wanted if challenge and challenge.get(name) is None]
        if lacking:
            yield Fault(
                f"The 403 does not name {joined(lacking)}.",
                (place(message, "header", "www-authenticate"),),
                expected=f"insufficient_scope with {joined(wanted)}",
                found=message.response_header("www-authenticate") or "",
            )


def _names_scope(challenges: tuple[Challenge, ...]) -> bool:
    return any(challenge.get("error") == "insufficient_scope" for challenge in challenges)
