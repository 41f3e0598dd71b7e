"""From a path, or from nothing, to a feed: what File > Open and the command `open` do alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import CaptureError
from inspector.session import schema
from inspector.session.files import open_input
from inspector.session.reader import Session
from inspector.tui.feed import Feed, FileFeed, SessionFeed

if TYPE_CHECKING:
    from inspector.capture.proxy import RunningProxy

SAMPLE = Path(__file__).parent / "sample.mcpauth"
"""A recorded sign-in of a client that leaves `resource` out, against the reference server and the AuthKit emulator."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed with the address of the proxy that writes it; empty when none does."""

    feed: Feed
    proxy_label: str = ""


def open_path(path: Path) -> Opened:
    """A file as a feed: live when a proxy is writing it. Raises UnreadableInput when it cannot be opened."""
    with open_input(path) as file:
        is_session = file.read(len(schema.MAGIC)) == schema.MAGIC
    if not is_session:
        return Opened(FileFeed(path))
    from inspector.capture.proxy import find_running

    session = Session.open(path)
    writing = [proxy for proxy in find_running() if proxy.session.resolve() == path.resolve()]
    if writing:
        return Opened(live_feed(session, writing[0]), writing[0].gateway or writing[0].url)
    return Opened(SessionFeed(session, source=str(path)))


def open_sample() -> Opened:
    """The sample, which is named and not located: its place is of no interest."""
    return Opened(SessionFeed(Session.open(SAMPLE), source=SAMPLE.name, title="sample"))


def open_running() -> Opened:
    """The newest capture that runs. Raises CaptureError when there is none."""
    from inspector.capture.proxy import find_running

    running = find_running()
    if not running:
        raise CaptureError(
            "No capture is running; start one with `mcp-auth-inspector run -- COMMAND`, name a file to open, "
            "or try `mcp-auth-inspector demo`."
        )
    return Opened(live_feed(Session.open(running[-1].session), running[-1]), running[-1].gateway or running[-1].url)


def live_feed(session: Session, proxy: "RunningProxy", title: str = "live") -> Feed:
    """What the proxy writes, as it writes it."""
    from inspector.capture.watch import changes

    return SessionFeed(session, lambda: changes(proxy), source=str(proxy.session), title=title)
