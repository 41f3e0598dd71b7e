"""What a what-if says about a verdict: the same client twice, with one thing changed, and what became of it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from inspector.rules.model import Confidence, Party
from inspector.verdict.model import Remedy, Verdict


class Says(StrEnum):
    """What a proof says about the verdict it was made for."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Ending:
    """How one of the two went: whether the MCP server took the client in, and with what.

    `server` is the URL of the MCP server, `status` that of the last answer, `audience` that of the last access token,
    `cause` the rule that the verdict names. `said` is the last step in a few words.
    """

    server: str
    authorized: bool
    status: int | None
    audience: tuple[str, ...]
    cause: str | None
    findings: tuple[str, ...]
    said: str = ""

    @property
    def meant_for(self) -> tuple[str, ...]:
        """The audience with the server's own address left open: each performance has a server of its own."""
        return tuple(value.replace(self.server, "") if self.server else value for value in self.audience)


@dataclass(frozen=True, slots=True)
class Proof:
    """Two performances of one client, without a change and with it.

    `change` says in words what was changed, `first_difference` where the two first went apart, `against` at which
    servers. `rule` is what it is about: as a rule the cause that the verdict names.
    """

    rule: str | None
    change: str
    against: str
    before: Ending
    after: Ending
    first_difference: str
    says: Says
    sentence: str


def prove(
    rule: str | None, change: str, against: str, before: Ending, after: Ending, first_difference: str = ""
) -> Proof:
    """Say what the two performances prove about a fault of the client, named by its rule.

    It is confirmed when the client shows the fault again without the change, and with it the fault is gone and the
    client gets further, or as far as before where it got in all along. It is refuted when the fault is gone and the
    client ends as before.
    """
    says = _says(rule, before, after)
    gone = f"{rule} is gone, " if says is Says.CONFIRMED and before.authorized else ""
    sentence = f"Same client, {change}: {gone}{_became(before, after)}."
    if says is Says.REFUTED:
        sentence += " The outcome is the same, so that this is not what keeps the client out."
    elif says is Says.UNDECIDED and rule is not None:
        sentence += " This does not decide about the verdict."
    elif says is Says.CONFIRMED and not after.authorized:
        sentence += f" It is not yet in; what is left is {after.cause or after.said}."
    return Proof(rule, change, against, before, after, first_difference, says, sentence)


def _says(rule: str | None, before: Ending, after: Ending) -> Says:
    if rule is None or rule not in before.findings or rule in after.findings:
        return Says.UNDECIDED
    if before.authorized:
        return Says.CONFIRMED if after.authorized else Says.UNDECIDED
    if after.authorized or (after.said, after.status, after.meant_for) != (
        before.said,
        before.status,
        before.meant_for,
    ):
        return Says.CONFIRMED
    return Says.REFUTED


def _became(before: Ending, after: Ending) -> str:
    parts = []
    if before.meant_for != after.meant_for and after.audience:
        parts.append(f"aud {_named(before.audience)} -> {_named(after.audience)}")
    if before.status != after.status and (before.status or 0) >= 400:
        parts.append(f"{before.status} -> {after.status}")
    elif before.said != after.said:
        parts.append(f"{before.said} -> {after.said}")
    return ", ".join(parts) or f"{after.said}, as before"


def _named(audience: tuple[str, ...]) -> str:
    return " ".join(audience) or "none"


def with_proof(verdict: Verdict, proof: Proof) -> Verdict:
    """The verdict as the proof leaves it: certain when confirmed, withdrawn when refuted, else as it was."""
    says = proof.says if proof.rule == verdict.cause else Says.UNDECIDED
    match says:
        case Says.CONFIRMED:
            return replace(
                verdict,
                confidence=Confidence.CERTAIN,
                summary=f"{verdict.summary} Confirmed by performing it again at {proof.against}. {proof.sentence}",
            )
        case Says.REFUTED:
            return replace(
                verdict,
                party=Party.UNKNOWN,
                confidence=Confidence.GUESS,
                cause=None,
                summary=f"Withdrawn: {verdict.cause} was taken for the cause. {proof.sentence}",
                cleared=(),
                remedies=(
                    Remedy(Party.UNKNOWN, "Look at the other findings of this run, and try their fixes one by one."),
                ),
            )
        case _:
            return verdict
