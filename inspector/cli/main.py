"""The command `mcp-auth-inspector`: collects the commands and turns what goes wrong into one sentence."""

import errno
import logging
import os
import sys
import traceback
from typing import Annotated

import typer

from inspector.cli import (
    capture,
    check,
    demo,
    doctor,
    export,
    gateway,
    probe,
    probe_indicator,
    recipes,
    reference,
    replay,
    rules,
    serve,
    verify,
    view,
)
from inspector.display import visible
from inspector.errors import InspectorError

DEBUG_VARIABLE = "MCP_AUTH_INSPECTOR_DEBUG"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # 25 ms that no screen has to wait for

        typer.echo(f"mcp-auth-inspector {metadata.version('mcp-auth-inspector')}")
        raise typer.Exit


app = typer.Typer(
    name="mcp-auth-inspector",
    help="Shows what really happens when an MCP client signs in to a protected MCP server, and who is at fault.",
    epilog="Start here: mcp-auth-inspector demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Hold the options that belong to no command; the text above is the help."""


app.command("demo")(demo.demo)
app.command("run", context_settings={"allow_interspersed_args": False})(capture.run)
app.command("env")(capture.env)
app.command("gateway")(gateway.gateway)
app.command("recipes")(recipes.recipes)
app.command("addon-path")(gateway.addon_path)
app.command("open")(view.open_recording)
app.command("serve")(serve.serve)
app.command("check")(check.check)
app.command("export")(export.export)
app.command("probe")(probe.probe)
app.command("probe-indicator")(probe_indicator.probe_indicator)
app.command("doctor")(doctor.doctor)
app.command("reference")(reference.reference)
app.command("rules")(rules.rules)
app.command("replay")(replay.replay)
app.command("verify")(verify.verify)


def main() -> None:
    """Run the command line. Exit codes: 0 clean, 1 findings of severity error, 2 usage or unreadable input."""
    # Libraries that warn on standard error would draw over the screen; what matters is said by us.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        sys.exit(app(prog_name="mcp-auth-inspector", standalone_mode=False))
    except InspectorError as problem:
        print(f"mcp-auth-inspector: {visible(str(problem))}", file=sys.stderr)
        sys.exit(2)
    except typer.TyperException as slip:
        _report_slip(slip)
        sys.exit(2)
    except typer.Abort:
        print("mcp-auth-inspector: Ended before anything was done.", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno in _NO_ROOM:
            print(f"mcp-auth-inspector: The output cannot be written ({fault.strerror}); make room.", file=sys.stderr)
            # What is still in the buffer would fail once more when Python flushes it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            _report_fault(fault)
        sys.exit(2)


def _report_slip(slip: typer.TyperException) -> None:
    """Say what is wrong with the words of the command line, in one sentence, and where its help is."""
    context = getattr(slip, "ctx", None)
    text = slip.format_message() if hasattr(slip, "format_message") else str(slip)
    if context is not None and text == context.get_help():  # no command at all was given
        print(text, file=sys.stderr)
        return
    text = visible(text.replace("Value error, ", "").rstrip("."))
    command = context.command_path if context is not None else "mcp-auth-inspector"
    print(f"mcp-auth-inspector: {text}; {command} --help tells more.", file=sys.stderr)


def _report_fault(fault: Exception) -> None:
    """Name a fault of this program without the values it met, which may be captured secrets."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    print(
        f"mcp-auth-inspector: internal error, {type(fault).__name__} at {where}; nothing captured is lost. "
        f"Set {DEBUG_VARIABLE}=1 to see the traceback, and please report it.",
        file=sys.stderr,
    )
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(fault)
