"""A regression file: one client, step by step, with how each step ended and the verdict; to be performed in CI."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inspector.errors import ReplayFailure
from inspector.replay.perform import Browse, OnProgress, name_of, no_progress
from inspector.replay.profile import Profile, from_table, read_toml, to_table, write_toml
from inspector.replay.reenact import Attempt, attempt
from inspector.replay.values import Values
from inspector.replay.wire import Destinations, Record

FORMAT = 1
_COMMENT = "A client and how its sign-in ended. Perform it: mcp-auth-inspector verify THIS_FILE --server URL"


@dataclass(frozen=True, slots=True)
class Case:
    """What to perform, and what is expected of it. The outcomes of the profile's steps are those expected."""

    profile: Profile
    party: str
    cause: str
    authorized: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """A case performed: `problems` has one sentence for each thing that was not as expected."""

    attempt: Attempt
    problems: tuple[str, ...]


def case_of(made: Attempt) -> Case:
    """The case that an attempt is an instance of.

    Raises ReplayFailure when no request reached the MCP server.
    """
    if made.judged is None:
        raise ReplayFailure("No request of the replay reached the MCP server; there is nothing to save as a case.")
    steps = tuple(replace(step, outcome=outcome, assumed=False) for step, outcome in made.performance.outcomes)
    verdict = made.judged.verdict
    return Case(
        replace(made.performance.profile, steps=steps),
        verdict.party.value,
        verdict.cause or "",
        made.ending.authorized,
    )


def save_case(case: Case, path: Path) -> None:
    """Write a case as TOML; it holds no secret.

    Raises ReplayFailure when the file cannot be written.
    """
    expected = {"authorized": case.authorized, "party": case.party, "cause": case.cause}
    write_toml({"case": FORMAT, "expected": expected, **to_table(case.profile)}, path, _COMMENT)


def load_case(path: Path) -> Case:
    """Read a case.

    Raises ReplayFailure when the file cannot be read, or is none.
    """
    table = read_toml(path)
    expected: Any = table.pop("expected", None)
    if table.pop("case", None) != FORMAT or not isinstance(expected, dict):
        raise ReplayFailure(
            f"{path} is no regression case of format {FORMAT}; `replay SESSION --save-case` writes one."
        )
    authorized, party, cause = (expected.get(name) for name in ("authorized", "party", "cause"))
    if not (isinstance(authorized, bool) and isinstance(party, str) and isinstance(cause, str)):
        raise ReplayFailure(f"In {path}, expected: it needs authorized (true or false), party and cause.")
    return Case(from_table(table, str(path)), party, cause, authorized)


async def verify(
    case: Case,
    mcp_url: str,
    authorization_servers: tuple[str, ...] = (),
    *,
    record: Record | None = None,
    on_progress: OnProgress = no_progress,
    browse: Browse | None = None,
) -> Verification:
    """Perform a case at a server the user names. Nothing is sent but to it and to the authorization servers named.

    Raises:
        ReplayFailure: an address is none, or the case asks for a request that cannot be sent.
    """
    destinations = Destinations((mcp_url, *authorization_servers))
    values = Values(mcp_url)
    label = f"case of {case.profile.client}"
    made = await attempt(
        case.profile, values, destinations, label=label, record=record, on_progress=on_progress, browse=browse
    )
    return Verification(made, tuple(_problems(case, made)))


def _problems(case: Case, made: Attempt) -> list[str]:
    found = []
    done = made.performance.outcomes
    for number, (step, outcome) in enumerate(done, 1):
        if step.outcome != outcome:
            found.append(f"step {number} ({name_of(step)}): {outcome or 'no answer'} instead of {step.outcome}")
    left = len(case.profile.steps) - len(done)
    if left > 0:
        why = f" {made.performance.ended}" if made.performance.ended else ""
        found.append(f"{left} of {len(case.profile.steps)} steps were not performed.{why}")
    verdict = made.judged.verdict if made.judged else None
    got = (made.ending.authorized, verdict.party.value if verdict else "", (verdict.cause if verdict else "") or "")
    if got != (case.authorized, case.party, case.cause):
        found.append(f"the verdict is {_said(*got)} instead of {_said(case.authorized, case.party, case.cause)}")
    return found


def _said(authorized: bool, party: str, cause: str) -> str:
    return f"{'signed in' if authorized else 'not signed in'}, {party or 'none'}{f' ({cause})' if cause else ''}"
