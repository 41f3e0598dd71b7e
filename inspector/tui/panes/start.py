"""What stands on the screen while there is no sign-in to show: what is missing, and what to do next."""

from textual.content import Content

from inspector.tui.display import visible
from inspector.tui.lines import Line, field, heading, note
from inspector.tui.panes.status import Origin
from inspector.tui.recording import Recording


def start_lines(origin: Origin, recording: Recording) -> list[Line]:
    """The empty state, for a capture that waits and for a recording that holds no sign-in."""
    if recording.trouble:
        return [heading("This stopped before its end"), Line(visible(recording.trouble))]
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
    lines = [heading("Nothing captured yet"), Line()]
    for number, step in enumerate(origin.recipe, 1):
        lines.append(field(str(number), visible(step)))
    if not origin.recipe:
        lines.append(field("1", Content.assemble("Send the client through the proxy at ", visible(origin.source), ".")))
        lines.append(field("2", "Connect the client to the MCP server."))
    lines.append(Line())
    if recording.exchange_count:
        lines.append(
            note(f"{recording.exchange_count} exchanges went by; none of them belongs to a sign-in at an MCP server.")
        )
    lines.append(note("The first request of a sign-in appears here by itself."))
    return lines
