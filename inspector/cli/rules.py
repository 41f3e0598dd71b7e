"""`rules`: what is checked, and what each rule means."""

from typing import Annotated

import typer

from inspector.protocol.revisions import REVISIONS


def rules(rule_id: Annotated[str, typer.Argument(metavar="ID", help="Explain this rule.")] = "") -> None:
    """List the rules, or explain one.

    Example: mcp-auth-inspector rules resource-missing-authorize
    """
    from inspector.rules.registry import all_rules, find_rule

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
