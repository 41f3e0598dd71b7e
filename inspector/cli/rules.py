"""`rules`: what is checked, and what each rule means."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.protocol.revisions import REVISIONS

if TYPE_CHECKING:
    from inspector.rules.registry import Rule


def rules(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="Explain this rule.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page of all rules.")] = False,
) -> None:
    """List the rules, or explain one.

    Example: mcp-auth-inspector rules resource-missing-authorize
    """
    from inspector.rules.registry import all_rules, find_rule

    if markdown and rule_id:
        raise typer.BadParameter("the page is of all rules; leave out the ID or --markdown", param_hint="--markdown")
    if markdown:
        typer.echo(reference_page(all_rules()), nl=False)
        return
    if not rule_id:
        for rule in all_rules():
            typer.echo(f"{rule.id:<42} {rule.severity:<8} {rule.party:<21} {rule.title}")
        return
    found = find_rule(rule_id)
    if found is None:
        close = [rule.id for rule in all_rules() if rule_id in rule.id]
        hint = f"; did you mean {', '.join(close[:3])}?" if close else "; `mcp-auth-inspector rules` lists them all."
        raise typer.BadParameter(f"there is no rule {rule_id!r}{hint}", param_hint="ID")
    levels = ", ".join(f"{revision} {found.levels.at(revision)}" for revision in REVISIONS)
    typer.echo(f"{found.id}\n{found.title}\n")
    typer.echo(f"Severity   {found.severity}\nParty      {found.party}\nPhase      {found.phase}\nLevel      {levels}")
    for heading, text in found.documentation.items():
        typer.echo(f"\n{heading}\n  " + text.replace("\n", "\n  "))


def reference_page(declared: "tuple[Rule, ...]") -> str:
    """Every rule as one Markdown page with a table of contents; the rules come in the order of the phases."""
    phases = [(str(phase), list(group)) for phase, group in groupby(declared, key=lambda rule: rule.phase)]
    lines = [
        "# Rules",
        "",
        f"The {len(declared)} rules by the phase of the sign-in they look at. `mcp-auth-inspector rules --markdown`",
        "prints this page from the rules themselves.",
        "",
        "A level is the force of the requirement in that revision of MCP: with `rfc-` it comes from a specification",
        "that the revision tells the party to implement, `diag` is diagnosis without a norm, `-` does not apply.",
        "",
        "## Contents",
        "",
    ]
    for phase, group in phases:
        lines.append(f"- [{phase}](#{phase})")
        lines += [f"  - [{rule.id}](#{rule.id}): {rule.title}" for rule in group]
    for phase, group in phases:
        lines += ["", f"## {phase}"]
        for rule in group:
            lines += _entry(rule)
    return "\n".join(lines) + "\n"


def _entry(rule: "Rule") -> Iterator[str]:
    yield from ("", f"### {rule.id}", "", f"{rule.title}.", "")
    yield f"| severity | confidence | party | {' | '.join(REVISIONS)} |"
    yield "|---" * (3 + len(REVISIONS)) + "|"
    levels = " | ".join(rule.levels.at(revision) for revision in REVISIONS)
    yield f"| {rule.severity} | {rule.confidence} | {rule.party} | {levels} |"
    for heading, text in rule.documentation.items():
        yield from ("", f"**{heading}.** {text}")
