"""A sign-in as a Mermaid sequence diagram."""

from collections.abc import Iterator
from typing import TextIO

from inspector.report.case import chosen
from inspector.report.escape import diagram
from inspector.report.material import Material
from inspector.report.sequence import AUTHORIZATION, SERVER, Arrow, arrows, phase_name, server_name
from inspector.timeline.steps import Status
from inspector.verdict.model import Judged

_MOST_STEPS = 60
_LONGEST_LABEL = 160
_LETTERS = {SERVER: "S", AUTHORIZATION: "A"}


def write(material: Material, out: TextIO) -> None:
    """Write the diagram of one run: a file can hold only one."""
    judged = chosen(material.runs)
    out.write(f"{sequence_diagram(judged)}\n" if judged else "sequenceDiagram\n    participant C as no sign-in\n")


def sequence_diagram(judged: Judged, most: int = _MOST_STEPS) -> str:
    """The diagram of one run. Of a long one the steps where nothing is wrong are left out from its middle."""
    run = judged.run
    lines = [
        "sequenceDiagram",
        f"    participant C as {_label(run.client.label)}",
        f"    participant S as MCP server {_label(server_name(run))}",
        f"    participant A as Authorization server {_label(run.issuer or 'unknown')}",
    ]
    phase = 0
    chosen, left_out = _chosen(arrows(judged), most)
    for arrow in chosen:
        if arrow.phase != phase:
            phase = arrow.phase
            lines.append(f"    Note over C,A: {_label(phase_name(arrow))}")
        lines += _lines(arrow)
    if left_out:
        lines.append(f"    Note over C,A: {left_out} more steps")
    return "\n".join(lines)


def _chosen(all_arrows: list[Arrow], most: int) -> tuple[list[Arrow], int]:
    if len(all_arrows) <= most:
        return all_arrows, 0
    telling = {arrow.step for arrow in all_arrows if arrow.rules}
    kept = [
        a for n, a in enumerate(all_arrows) if a.step in telling or n < most // 3 or n >= len(all_arrows) - most // 3
    ]
    return kept[:most], len(all_arrows) - len(kept[:most])


def _lines(arrow: Arrow) -> Iterator[str]:
    target = _LETTERS[arrow.target]
    yield f"    C->>{target}: {arrow.step}. {_label(arrow.request)}"
    dashed = "--x" if arrow.status in (Status.REFUSED, Status.FAILED) else "-->>"
    yield f"    {target}{dashed}C: {_label(arrow.answer)}"
    if arrow.rules:
        mark = "wrong" if arrow.broken else "doubtful"
        yield f"    Note over C,{target}: {mark}: {_label(', '.join(arrow.rules))}"


def _label(text: str) -> str:
    return diagram(text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 3]}...")
