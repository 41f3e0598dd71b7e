"""`export`: a recording as a report for people and programs, without its secrets."""

import io
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from inspector.cli.check import Revision, known_revision, spare_recordings
from inspector.display import visible
from inspector.errors import InspectorError
from inspector.report.formats import FORMATS, format_named

if TYPE_CHECKING:
    from inspector.report.redaction import Redactor

_NAMES = ", ".join(each.name for each in FORMATS)
_KEY_BYTES = 32
_MOST_PLACES = 3
_WITH_SECRETS = "--i-know-it-holds-live-secrets"


def export(
    file: Annotated[Path, typer.Argument(help="A session, a HAR file, or a mitmproxy flow file.")],
    format: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help=f"One of {_NAMES}.")] = "markdown",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of to standard output.")
    ] = None,
    run: Annotated[int | None, typer.Option("--run", metavar="N", help="Only the sign-in of this number.")] = None,
    revision: Revision = "",
    preview: Annotated[bool, typer.Option("--preview", help="List what would be masked, and write nothing.")] = False,
    unmask: Annotated[
        list[str] | None,
        typer.Option("--unmask", metavar="DIGITS", help="Leave the value with this fingerprint; may be repeated."),
    ] = None,
    stable: Annotated[
        Path | None,
        typer.Option(
            "--stable",
            metavar="KEYFILE",
            help="Make fingerprints with the key in this file, so that they are the same in other reports; it is made "
            "when it is not there.",
        ),
    ] = None,
    otlp_endpoint: Annotated[
        str, typer.Option("--otlp-endpoint", metavar="URL", help="Send spans to this OTLP/HTTP endpoint instead.")
    ] = "",
    no_redact: Annotated[
        bool, typer.Option("--no-redact", help=f"Mask nothing; needs {_WITH_SECRETS} as well.")
    ] = False,
    with_secrets: Annotated[bool, typer.Option(_WITH_SECRETS, help="Confirms --no-redact.")] = False,
) -> None:
    """Turn a recording into a report that can be published: secrets become placeholders such as [access_token #77be].

    Example: mcp-auth-inspector export capture.mcpauth --format markdown -o issue.md
    """
    from inspector.report.material import Material, in_order
    from inspector.report.redaction import find_secrets
    from inspector.session.importing import import_file

    chosen = format_named(format)
    if no_redact and not with_secrets:
        raise typer.BadParameter(f"live tokens would be written; add {_WITH_SECRETS} if that is what you want")
    if output is not None:
        spare_recordings(output, [file], "-o")
    recording = import_file(file)
    try:
        for warning in recording.warnings:
            typer.echo(f"warning: {visible(warning)}", err=True)
        redactor = None
        if not no_redact:
            redactor = find_secrets(in_order(recording), _key(stable))
            for fingerprint in unmask or ():
                _unmask(redactor, fingerprint.lstrip("#"))
        material = Material(recording, redactor, run=run, revision=known_revision(revision))
        if preview:
            _print_preview(redactor)
        elif otlp_endpoint:
            from inspector.report.otlp import send

            count = send(material, otlp_endpoint)
            typer.echo(f"mcp-auth-inspector: {count} spans were sent to {otlp_endpoint}", err=True)
        elif output is None:
            chosen.write(material, _stdout())
        else:
            with _open(output, private=no_redact) as out:
                chosen.write(material, out)
            typer.echo(f"mcp-auth-inspector: wrote {output}; {_told(redactor)}", err=True)
    finally:
        recording.close()


def _key(path: Path | None) -> bytes:
    """The key of the fingerprints: a new one, or the one that is kept in a file."""
    if path is None:
        return secrets.token_bytes(_KEY_BYTES)
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(_KEY_BYTES) + "\n", encoding="ascii")
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as problem:
        raise InspectorError(f"{path} cannot be used as key file ({problem.strerror}); name another.") from None
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise InspectorError(f"{path} is no key file: it must hold {2 * _KEY_BYTES} hex digits; name one to be made.")
    return key


def _open(path: Path, *, private: bool) -> TextIO:
    try:
        if private:
            path.touch(mode=0o600)
            path.chmod(0o600)
        return path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        raise InspectorError(f"{path} cannot be written ({problem.strerror}); name another file with -o.") from None


def _stdout() -> TextIO:
    """Standard output that takes every character, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdout


def _unmask(redactor: "Redactor", fingerprint: str) -> None:
    try:
        redactor.show(fingerprint)
    except KeyError:
        raise InspectorError(
            f"No masked value has the fingerprint {fingerprint!r}; --preview lists them, and they stay the same from "
            "one export to the next only with --stable KEYFILE."
        ) from None


def _print_preview(redactor: "Redactor | None") -> None:
    if redactor is None:
        typer.echo("Nothing is masked.")
        return
    for each in redactor.preview():
        where = ", ".join(f"exchange {number} {place}" for number, place in each.places[:_MOST_PLACES])
        more = f" and {each.count - _MOST_PLACES} more" if each.count > _MOST_PLACES else ""
        sign = "masked" if each.masked else "SHOWN "
        typer.echo(visible(f"{sign}  {each.kind} #{each.fingerprint}  {each.length} characters  {where}{more}"))


def _told(redactor: "Redactor | None") -> str:
    if redactor is None:
        return "it holds live secrets, do not publish it."
    listed = redactor.preview()
    shown = sum(not each.masked for each in listed)
    masked = len(listed) - shown
    left = f", {shown} left as you asked" if shown else ""
    return f"{masked} value{'' if masked == 1 else 's'} masked{left} (--preview lists them)."
