"""`check`: the verdict on recordings, for people, pipes and continuous integration."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector.display import visible
from inspector.errors import InspectorError, ReplayFailure, UnreadableInput
from inspector.protocol.revisions import REVISIONS

if TYPE_CHECKING:
    from inspector.report.gate import Gate, Gated, Settings
    from inspector.verdict.analysis import Analysis
    from inspector.verdict.model import Analysed

EXIT_FINDINGS = 1
_SUFFIXES = (".mcpauth", ".har", ".mitm", ".flow", ".flows")
"""What is taken out of a folder; a file that is named is taken whatever it is called."""

Revision = Annotated[
    str,
    typer.Option(
        "--revision",
        metavar="REVISION",
        help=f"Take the requirements of this MCP revision instead of the inferred one: {', '.join(REVISIONS)}.",
    ),
]


class Format(StrEnum):
    """What `check` prints."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sessions, HAR files, mitmproxy flow files, or folders of them."),
    ],
    format: Annotated[
        Format, typer.Option("--format", "-f", help="What to print; github: annotations for a workflow.")
    ] = Format.TEXT,
    revision: Revision = "",
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="RULE", help="Count these rules alone; `resource-*` works.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="RULE", help="Leave these rules out.")] = None,
    fail_on: Annotated[
        str,
        typer.Option("--fail-on", metavar="SEVERITY", help="End with 1 from here on: error, warning, info or never."),
    ] = "",
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Findings that are known; they do not count.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write what is found as the baseline, and end."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Take the settings from here, not from mcp-auth-inspector.toml or pyproject.toml above.",
        ),
    ] = None,
    fetch_jwks: Annotated[
        bool,
        typer.Option(
            "--fetch-jwks",
            help="Fetch the key sets that captured metadata names, to check signatures. Nothing is fetched without it.",
        ),
    ] = False,
) -> None:
    """Say who is at fault in recordings.

    Exit code 0: no finding that counts. 1: at least one. 2: a file cannot be read.

    Example: mcp-auth-inspector check capture.har --format json
    """
    from inspector.report.gate import Gated, baseline_text, find_settings, read_settings

    settings = read_settings(config) if config else find_settings(Path.cwd())
    gate = _gate(settings, select, ignore, fail_on, baseline)
    pinned = known_revision(revision or settings.revision)
    analysed = [_analysed(path, pinned, fetch_jwks) for path in recordings(files)]
    if write_baseline:
        runs = [judged for _, analysis in analysed for judged in analysis.runs]
        _write_baseline(write_baseline, baseline_text(runs), files)
        typer.echo(f"mcp-auth-inspector: the baseline is {write_baseline}", err=True)
        return
    gated = [(source, Gated.of(analysis, gate)) for source, analysis in analysed]
    _print(format, gated, as_list=len(files) > 1 or files[0].is_dir())
    if gate.fails(judged for _, each in gated for judged in each.runs):
        raise typer.Exit(EXIT_FINDINGS)


def _write_baseline(path: Path, text: str, files: Sequence[Path]) -> None:
    spare_recordings(path, recordings(files), "--write-baseline")
    try:
        path.write_text(text, "utf-8")
    except OSError as problem:
        raise InspectorError(
            f"{path} cannot be written ({problem.strerror}); name another file with --write-baseline."
        ) from None


def spare_recordings(output: Path, files: Iterable[Path], option: str) -> None:
    """Raise InspectorError when a command would write over a recording that it reads."""
    if any(output.resolve() == file.resolve() for file in files):
        raise InspectorError(f"{output} is the recording itself, which stays as it is; name another with {option}.")


def recordings(files: Sequence[Path]) -> Iterator[Path]:
    """The files, and of each folder the recordings in it. Raises UnreadableInput for a folder without any."""
    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = sorted(each for each in file.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
        if not found:
            raise UnreadableInput(f"{file} holds no recording; give a folder with files of {', '.join(_SUFFIXES)}.")
        yield from found


def known_revision(revision: str) -> str:
    """The revision when it is one we know, or empty; anything else is a usage error."""
    if revision and revision not in REVISIONS:
        raise typer.BadParameter(f"{revision!r} is not one of {', '.join(REVISIONS)}", param_hint="--revision")
    return revision


def _gate(
    settings: "Settings", select: list[str] | None, ignore: list[str] | None, fail_on: str, baseline: Path | None
) -> "Gate":
    """What counts: what the command line says, and where it says nothing the settings."""
    from inspector.report.gate import Gate, read_baseline

    known = baseline or (settings.folder / settings.baseline if settings.baseline else None)
    return Gate(
        select=tuple(select or ()) or settings.select,
        ignore=(*(ignore or ()), *settings.ignore),
        fail_on=fail_on or settings.fail_on or "error",
        known=read_baseline(known) if known else frozenset(),
    ).checked()


def _analysed(path: Path, pinned: str, fetch_jwks: bool) -> tuple[str, "Analysed"]:
    from inspector.session.importing import import_file
    from inspector.verdict.analysis import analyse

    recording = import_file(path)
    try:
        for warning in recording.warnings:
            typer.echo(f"warning: {visible(warning)}", err=True)
        analysis = analyse(recording.exchanges(), pinned)
    finally:
        recording.close()
    if fetch_jwks:
        _fetch_key_sets(analysis)
    return recording.source, analysis


def _fetch_key_sets(analysis: "Analysis") -> None:
    """Add the key sets that a recording lacks, and say what was fetched and what could not be."""
    import asyncio

    from inspector.probe.key_sets import fetch_key_set, missing_key_sets

    runs = [judged.run for judged in analysis.runs]
    free = 1 + max((message.id for run in runs for message in run.messages), default=0)
    addresses = missing_key_sets(runs)
    if not addresses:
        typer.echo("mcp-auth-inspector: no key set to fetch: none is named, or none is needed", err=True)
    for number, address in enumerate(addresses, start=free):
        try:
            analysis.add([asyncio.run(fetch_key_set(address, number))])
        except ReplayFailure as failure:
            typer.echo(f"warning: {visible(str(failure))}", err=True)
        else:
            typer.echo(f"mcp-auth-inspector: fetched {visible(address)}", err=True)


def _print(format: Format, gated: Sequence[tuple[str, "Gated"]], *, as_list: bool) -> None:
    match format:
        case Format.JSON:
            from inspector.report.contract import report_of

            documents = [report_of(source, each).model_dump_json(indent=2) for source, each in gated]
            typer.echo(f"[{',\n'.join(documents)}]" if as_list else documents[0])
        case Format.GITHUB:
            from inspector.report.gate import github_annotations

            for source, each in gated:
                for line in github_annotations(source, each.runs):
                    typer.echo(line)
        case Format.TEXT:
            from inspector.report.text import text_report

            typer.echo("\n".join(text_report(source, each) for source, each in gated), nl=False)
