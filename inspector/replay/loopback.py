"""The user's own browser for the leg through it: opens the authorization request, and waits for the answer here."""

import asyncio
import time
import webbrowser
from collections.abc import Callable
from types import TracebackType
from typing import Self

from inspector.protocol import urls
from inspector.protocol.params import Params
from inspector.reference.browser import BrowserStopped
from inspector.replay.wire import Wire
from inspector.session.model import Exchange, State

PATIENCE = 300.0
"""Seconds that a person may take to sign in."""

_PATH = "/callback"
_MOST_READ = 16 * 1024
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>Signed in</title><p>The answer has arrived. You can close this window."
)
_NOT_THIS = "<!doctype html><meta charset=utf-8><title>Not this sign-in</title><p>This answer belongs to no sign-in."


class LoopbackLogin:
    """A listener on 127.0.0.1 for the time of an `async with`; called, it takes one request to the browser (RFC 8252).

    `tell` is given the URL, for users whose browser does not open. Only an answer with the state of the request is
    taken.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        *,
        open_url: Callable[[str], object] = webbrowser.open,
        patience: float = PATIENCE,
    ) -> None:
        self.redirect_uri = ""
        self._tell = tell
        self._open_url = open_url
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._state: str | None = None
        self._answer: asyncio.Future[str] | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MOST_READ)
        self.redirect_uri = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{_PATH}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def __call__(self, url: str, redirect_uri: str, wire: Wire) -> str:
        """Have the user sign in; gives the URL with the answer.

        Raises:
            NotNamed: the page is at no server the user named; no browser was opened.
            BrowserStopped: no answer came in time.
        """
        wire.destinations.check(url)
        self._state = Params.parse(urls.query_of(url)).get("state")
        self._answer = asyncio.get_running_loop().create_future()
        self._tell(url)
        wire.note(Exchange(0, "GET", url, started_at=time.time(), state=State.RECORDED))
        opening = asyncio.create_task(asyncio.to_thread(self._open_url, url))
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._answer
        except TimeoutError:
            raise BrowserStopped(f"No answer of the sign-in came within {self._patience:.0f} seconds.") from None
        finally:
            self._answer = None
            opening.cancel()
        now = time.time()
        wire.note(Exchange(0, "GET", answer, status=200, started_at=now, request_end=now, response_end=now))
        return answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
            self._reply(writer, self._is_answer(head.partition(b"\r\n")[0].decode("latin-1")))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no browser, or one that went away
        finally:
            writer.close()

    def _is_answer(self, line: str) -> bool:
        """Whether a request line is the answer that is waited for; then it is taken."""
        method, _, rest = line.partition(" ")
        target = rest.partition(" ")[0]
        path, _, query = target.partition("?")
        given = Params.parse(query)
        if method != "GET" or path != _PATH or not ("code" in given or "error" in given):
            return False
        if self._answer is None or self._answer.done() or given.get("state") != self._state:
            return False
        self._answer.set_result(f"{self.redirect_uri}?{query}")
        return True

    @staticmethod
    def _reply(writer: asyncio.StreamWriter, taken: bool) -> None:
        status, page = ("200 OK", _PAGE) if taken else ("404 Not Found", _NOT_THIS)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n"
            f"Cache-Control: no-store\r\nConnection: close\r\n\r\n{page}".encode()
        )
