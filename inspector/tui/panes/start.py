"""What stands on the screen while there is no sign-in to show: what is missing, and what to do next."""

from collections.abc import Sequence

from textual.content import Content

from inspector.tui.display import visible
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.panes.status import Origin
from inspector.tui.recording import Recording


def start_lines(origin: Origin, recording: Recording, silence: Sequence[str] = ()) -> list[Line]:
    """The empty state, for a capture that waits and for a recording that holds no sign-in.

    `silence` are sentences that say why nothing arrives.
    """
    if recording.trouble:
        return [heading("This stopped before its end"), Line(visible(recording.trouble))]
    if origin.is_start:
        return _welcome()
    if not origin.live:
        return [
            heading("No sign-in in this recording"),
            field("source", visible(origin.source)),
            field("exchanges", str(recording.exchange_count)),
            Line(),
            Line(
                Content(
                    "A sign-in begins with a request to an MCP server, its metadata, or an authorization request. "
                    "None of these is in here."
                )
            ),
        ]
    nothing = "No sign-in captured yet" if recording.exchange_count else "Nothing captured yet"
    lines = [heading(nothing), Line()]
    for number, step in enumerate(origin.recipe, 1):
        lines.append(field(str(number), visible(step)))
    if not origin.recipe:
        lines.append(field("1", Content.assemble("Send the client through the proxy at ", visible(origin.source), ".")))
        lines.append(field("2", "Connect the client to the MCP server."))
    lines.append(Line())
    if recording.exchange_count:
        lines.append(note(_unrelated(recording.exchange_count)))
    lines.append(note("The first request of a sign-in appears here by itself."))
    if silence:
        lines += [Line(), heading("Why nothing arrives")]
        lines += [Line(visible(sentence)) for sentence in silence]
    return lines


def _unrelated(count: int) -> str:
    if count == 1:
        return "One exchange went by, and it belongs to no sign-in at an MCP server."
    return f"{count} exchanges went by, and none of them belongs to a sign-in at an MCP server."


def _welcome() -> list[Line]:
    """Nothing is open: how to see something, how to capture something, how to open something."""
    return [
        heading("See what it shows"),
        Line(Content("s opens a recorded sign-in that fails, and the same one that works.")),
        Line(),
        heading("Capture a sign-in of your own"),
        Line(Content("C asks for your client, starts the capture, shows what to do there, and tests the proxy.")),
        note("Or from another terminal; y copies the line at the cursor:"),
        Line(Content("  mcp-auth-inspector run -- npx mcp-remote http://localhost:3001/mcp")),
        Line(Content('  eval "$(mcp-auth-inspector env --server https://mcp.example.com/mcp)"')),
        Line(Content("  mcp-auth-inspector gateway https://mcp.example.com/mcp")),
        note("and then Capture > Watch the running capture shows it here."),
        Line(),
        heading("Open a recording"),
        Line(Content("o opens a session, a HAR file from a browser or a proxy, or a mitmproxy flow file.")),
    ]
