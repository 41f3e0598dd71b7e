"""What `replay` prints: how faithful it was, the steps side by side, the proof and the verdict after it."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from inspector.display import visible
from inspector.replay.fixes import fixes_for
from inspector.replay.mirror import Mirror
from inspector.replay.perform import name_of
from inspector.replay.profile import Profile
from inspector.replay.reenact import Attempt
from inspector.report.text import verdict_lines
from inspector.verdict.model import Judged
from inspector.verdict.proof import Proof, Says, with_proof


class Done:
    """What was performed, for people and for programs."""

    def __init__(
        self,
        judged: Judged,
        recorded: Profile,
        mirror: Mirror | None,
        attempts: tuple[Attempt, ...],
        proof: Proof | None = None,
    ) -> None:
        self.judged = judged
        self.recorded = recorded
        self.mirror = mirror
        self.attempts = attempts
        self.proof = proof
        self.differences = attempts[0].differences(recorded)

    @property
    def last(self) -> Attempt:
        """The attempt with the change, where there is one."""
        return self.attempts[-1]

    @property
    def as_expected(self) -> bool:
        """Whether the replay was faithful, and the change made the difference it was meant to make."""
        if self.differences or self.proof is None:
            return not self.differences
        return self.proof.says is Says.CONFIRMED or (self.proof.rule is None and bool(self.proof.first_difference))

    def lines(self) -> Iterator[str]:
        """The result as text, safe for a terminal."""
        judged, run = self.judged, self.judged.run
        yield visible(f"Replay of run {run.id}: {run.client.label} -> {run.server_url or 'unknown MCP server'}")
        yield ""
        yield from self._servers()
        yield from self._notes()
        yield from self._fidelity()
        yield ""
        yield from self._steps()
        for attempt in self.attempts:
            if attempt.performance.ended:
                yield ""
                yield visible(f"{attempt.label} went no further. {attempt.performance.ended}")
        yield ""
        if self.proof:
            name = f"Proof ({self.proof.says})" if self.proof.rule else "With the change"
            yield visible(f"{name}: {self.proof.sentence}")
            if self.proof.first_difference:
                yield visible(f"First difference: {self.proof.first_difference}")
            yield ""
        yield from verdict_lines(with_proof(judged.verdict, self.proof) if self.proof else judged.verdict)
        if not self.proof and (fixes := fixes_for(judged)):
            yield ""
            yield "To prove it, perform it once more with a change"
            for fix in fixes:
                yield f"  --fix {fix.name}  ({fix.description})"

    def _servers(self) -> Iterator[str]:
        if self.mirror is None:
            return
        yield "At the reference servers, set up as in the recording"
        for what, sentences in (("seen", self.mirror.seen), ("assumed", self.mirror.assumed)):
            for sentence in sentences:
                yield visible(f"  {what:<8} {sentence}")

    def _notes(self) -> Iterator[str]:
        for note in self.recorded.notes:
            yield visible(f"  {'note':<8} {note}")

    def _fidelity(self) -> Iterator[str]:
        count = len(self.recorded.recorded)
        if not self.differences:
            yield f"Sent as recorded: {count} of {count} requests, correlated values and addresses aside."
            return
        yield f"Not sent as recorded ({len(self.differences)} differences in {count} requests)"
        for difference in self.differences[:20]:
            yield visible(f"  {difference.sentence()}")

    def _steps(self) -> Iterator[str]:
        columns = ["recorded", "replayed", "with the change"][: len(self.attempts) + 1]
        rows: list[tuple[str, ...]] = [("", *columns)]
        recorded = self.attempts[0].performance.profile.recorded
        outcomes = [attempt.performance.outcomes for attempt in self.attempts]
        longest = max(outcomes, key=len)
        places = _aligned([name_of(step) for step in recorded], [name_of(step) for step, _ in longest])
        for name, at_recorded, at_longest in places:
            cells = [recorded[at_recorded].outcome if at_recorded is not None else ""]
            for made in outcomes:
                at = at_longest if made is longest else at_recorded
                cells.append(made[at][1] or "no answer" if at is not None and at < len(made) else "")
            rows.append((name, *cells))
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            yield visible(
                "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            )

    def table(self) -> dict[str, Any]:
        """The result as data for other programs, version 1."""
        verdict = with_proof(self.judged.verdict, self.proof) if self.proof else self.judged.verdict
        return {
            "version": 1,
            "run": self.judged.run.id,
            "servers": {
                "faults": list(self.mirror.faults),
                "seen": list(self.mirror.seen),
                "assumed": list(self.mirror.assumed),
            }
            if self.mirror
            else None,
            "notes": list(self.recorded.notes),
            "differences": [difference.sentence() for difference in self.differences],
            "attempts": [
                {
                    "label": attempt.label,
                    "authorized": attempt.ending.authorized,
                    "status": attempt.ending.status,
                    "audience": list(attempt.ending.audience),
                    "cause": attempt.ending.cause,
                    "findings": list(attempt.ending.findings),
                    "steps": [
                        {"name": name_of(step), "recorded": step.outcome, "outcome": outcome}
                        for step, outcome in attempt.performance.outcomes
                    ],
                    "ended": attempt.performance.ended,
                    "exchanges": [exchange.id for exchange in attempt.exchanges],
                }
                for attempt in self.attempts
            ],
            "proof": {
                "says": self.proof.says.value,
                "rule": self.proof.rule,
                "sentence": self.proof.sentence,
                "first_difference": self.proof.first_difference,
            }
            if self.proof
            else None,
            "verdict": {
                "party": verdict.party.value,
                "confidence": verdict.confidence.value,
                "cause": verdict.cause,
                "summary": verdict.summary,
            },
        }


def _aligned(one: list[str], other: list[str]) -> list[tuple[str, int | None, int | None]]:
    """Two lists of names side by side, with the place of each name in either."""
    rows: list[tuple[str, int | None, int | None]] = []
    for _, a, a_end, b, b_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        same = one[a:a_end] == other[b:b_end]
        if same:
            rows += [(one[n], n, b + n - a) for n in range(a, a_end)]
        else:
            rows += [(one[n], n, None) for n in range(a, a_end)]
            rows += [(other[n], None, n) for n in range(b, b_end)]
    return rows
