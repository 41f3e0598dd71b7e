"""Leaves nothing half-made when mitmproxy does not come so far as to run."""

import sys

from mitmproxy import ctx

from inspector.session.writer import SessionWriter


def give_up(writer: SessionWriter, *, is_new: bool) -> None:
    """Close the session, remove it when it is new, and tell a user who started mitmproxy what to do."""
    writer.close()
    if is_new:
        writer.path.unlink(missing_ok=True)
    if ctx.options.inspector_record_file:
        return  # a proxy of our own: who started it reads the log
    what = "Nothing is being recorded, because mitmproxy did not start; why, it says above."
    if any(mode.startswith("local") for mode in ctx.options.mode):
        what += (
            " `mcp-auth-inspector doctor` says whether local mode can work on this machine; where it cannot, take "
            "`mcp-auth-inspector run` or `mcp-auth-inspector gateway URL`."
        )
    print(f"inspector: {what}", file=sys.stderr)
