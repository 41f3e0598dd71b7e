"""Speaks to a running proxy over its control channel: loopback TCP, one JSON object per line, opened by a token."""

import json
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from inspector.errors import CaptureError


class ControlLink:
    """One open conversation with a proxy; every wait ends after `timeout` seconds, or with None when it is over.

    Raises CaptureError when nobody listens, the token is refused, or no answer comes.
    """

    def __init__(self, port: int, token: str, timeout: float | None = 5.0) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        except TimeoutError:
            raise CaptureError("The proxy does not answer; it may be very busy, so try again.") from None
        except OSError:
            raise ProxyIsGone("The proxy is not running any more; start the capture again.") from None
        self._lines = self._socket.makefile("rb")
        try:
            self._send({"token": token})
            self._receive()  # the greeting comes only after the token was accepted
        except BaseException:
            self.close()
            raise

    def ask(self, message: Mapping[str, object]) -> dict[str, Any]:
        """Send {"do": ...} and give back its answer; pushes that come in between are skipped."""
        self._send(message)
        while True:
            answer = self._receive()
            if "failed" in answer:
                raise CaptureError(f"The proxy refused to {answer['failed']}: {answer.get('why')}")
            if "did" in answer:
                return answer

    def wait_for_end(self) -> None:
        """Read until the proxy hangs up, which it does when it ends."""
        try:
            while self._lines.readline():
                pass
        except TimeoutError:
            raise CaptureError("The proxy was asked to stop and is still running; try again.") from None
        except OSError:
            pass

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _send(self, message: Mapping[str, object]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise ProxyIsGone("The proxy hung up; start the capture again.") from None

    def _receive(self) -> dict[str, Any]:
        try:
            message = json.loads(self._lines.readline() or b"null")
        except TimeoutError:
            raise CaptureError("The proxy does not answer; it may be very busy, so try again.") from None
        except (OSError, ValueError):
            message = None
        if not isinstance(message, dict):
            raise ProxyIsGone("The proxy hung up; start the capture again.")
        return message


class ProxyIsGone(CaptureError):
    """Nobody listens where the proxy did, or somebody else does."""
