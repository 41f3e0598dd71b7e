"""The addon itself: its options, and which part of it answers which of mitmproxy's hooks."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.exceptions import OptionsError
from mitmproxy.http import HTTPFlow
from mitmproxy.tls import ClientHelloData, TlsData

from addons.authorize_recorder import AuthorizeRecorder, MetadataEdit
from addons.control import Control, Message
from addons.guard import harmless, log_failure
from addons.incidents import client_sentence, server_sentence
from addons.journal import Journal
from addons.lifeline import wait_for_end_of
from addons.record_file import write_record
from addons.recorder import Recorder
from addons.scope import Scope, is_authorization_server_metadata
from addons.unused import drop_unused
from inspector.errors import InspectorError
from inspector.session.writer import SessionWriter

if TYPE_CHECKING:
    from mitmproxy.addons.proxyserver import Proxyserver

FORBIDDEN_OPTIONS = ("emudhra", "emudhra_old")
"""Options of mitmproxy 12.3 that sign with a private key published inside its package."""


class InspectorAddon:
    """Records the inspected conversation of this proxy into one session file."""

    def __init__(self) -> None:
        self.scope = Scope()
        self.control = Control(self._answer)
        self.authorize = AuthorizeRecorder()
        self.writer: SessionWriter | None = None
        self.journal: Journal | None = None
        self.recorder: Recorder | None = None
        self._lifeline: asyncio.Task[None] | None = None

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option("inspector_session", str, "", "Session file to record into; made when missing.")
        loader.add_option("inspector_targets", Sequence[str], [], "URLs of the MCP servers to inspect.")
        loader.add_option("inspector_record_all", bool, False, "Record everything, not the conversation alone.")
        loader.add_option("inspector_authorize", bool, True, "Record the authorization request of the browser.")
        loader.add_option("inspector_record_file", str, "", "Where to note how this proxy can be reached.")
        loader.add_option("inspector_exit_with", int, 0, "Stop when the process of this id has ended; 0: never.")

    def configure(self, updated: set[str]) -> None:
        """Take over the options, and refuse what must not run."""
        for name in FORBIDDEN_OPTIONS:
            if name in ctx.options and getattr(ctx.options, name):
                raise OptionsError(f"inspector: The option {name} signs with a published private key; remove it.")
        if "inspector_targets" in updated:
            for target in ctx.options.inspector_targets:
                if not self.scope.add(target):
                    raise OptionsError(
                        f"inspector: {target!r} is not a URL; give one such as http://localhost:3001/mcp."
                    )
            self.scope.learns_servers = not ctx.options.inspector_targets
        self.scope.record_all = ctx.options.inspector_record_all
        if "inspector_session" in updated and self.writer is None:
            self._open_session(ctx.options.inspector_session)

    def running(self) -> None:
        """Say where the proxy listens, and begin to watch the process it lives for."""
        if ctx.options.inspector_record_file:
            drop_unused(ctx.master.addons)
            proxyserver: Proxyserver = ctx.master.addons.get("proxyserver")
            write_record(
                Path(ctx.options.inspector_record_file),
                {
                    "pid": os.getpid(),
                    "proxy_port": proxyserver.listen_addrs()[0][1],
                    "control_port": self.control.open(),
                    "token": self.control.token,
                    "session": ctx.options.inspector_session,
                    "ca_certificate": str(Path(ctx.options.confdir).expanduser() / "mitmproxy-ca-cert.pem"),
                    "started": time.time(),
                },
            )
        if ctx.options.inspector_exit_with:
            self._lifeline = asyncio.create_task(_end_with(ctx.options.inspector_exit_with))

    def done(self) -> None:
        """Close everything, the note last: while it is there, somebody may rely on it."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None  # connections that break now have nobody to tell it to
        if self.writer is not None:
            self.writer.close()
        if self._lifeline is not None:
            self._lifeline.cancel()
        if ctx.options.inspector_record_file:
            Path(ctx.options.inspector_record_file).unlink(missing_ok=True)
        self.control.close()

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Decide how the request body passes."""
        if self.recorder and not self.authorize.owns(flow):
            self.recorder.requestheaders(flow)

    def request(self, flow: HTTPFlow) -> None:
        """Record a request, or answer it where it is meant for the authorize recorder."""
        if self.recorder and self.authorize.owns(flow):
            self._answer_authorize(flow)
        elif self.recorder:
            self.recorder.request(flow)

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Record the beginning of a response."""
        if self.recorder and not self.authorize.owns(flow):
            self.recorder.responseheaders(flow, hold=is_authorization_server_metadata(flow.request.path))

    def response(self, flow: HTTPFlow) -> None:
        """Record a response as upstream sent it; only then may the client get it edited."""
        if self.recorder and not self.authorize.owns(flow):
            edit = self._edit(flow) if self.recorder.follows(flow) else None
            if edit:
                self.recorder.translated(flow, (edit.translation,))
            recorded = self.recorder.response(flow)
            if edit and recorded and flow.response:
                flow.response.content = edit.content

    def error(self, flow: HTTPFlow) -> None:
        """Record what broke an exchange."""
        if self.recorder and not self.authorize.owns(flow):
            self.recorder.error(flow)

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Leave TLS to hosts outside the conversation alone."""
        address = data.context.server.address
        if address is None:
            return  # TLS to the proxy itself
        names = (address[0], data.client_hello.sni or address[0])
        data.ignore_connection = not any(self.scope.covers_tls(name, address[1]) for name in names)

    @harmless
    def tls_failed_client(self, data: TlsData) -> None:
        """Note that the client broke off the handshake, which mostly means that it does not trust our CA."""
        error = data.conn.error or ""
        if self.journal and error != "connection closed early":
            host = _host(data)
            self.journal.incident("tls-client", host, client_sentence(host, error), time.time())

    @harmless
    def tls_failed_server(self, data: TlsData) -> None:
        """Note that a server's certificate does not hold."""
        if self.journal:
            host = _host(data)
            self.journal.incident("tls-server", host, server_sentence(host, data.conn.error or ""), time.time())

    def _edit(self, flow: HTTPFlow) -> MetadataEdit | None:
        try:
            return self.authorize.edit(flow) if ctx.options.inspector_authorize else None
        except Exception as error:
            log_failure("the authorize recorder", error)
            return None

    @harmless
    def _answer_authorize(self, flow: HTTPFlow) -> None:
        asked = self.authorize.answer(flow)
        if asked is not None and self.recorder is not None:
            self.recorder.add(asked)

    def _open_session(self, name: str) -> None:
        if not name:
            raise OptionsError("inspector: No session file is named; set inspector_session to the path of one.")
        path = Path(name)
        try:
            if path.exists():
                self.writer = SessionWriter.append_to(path)
            else:
                targets = json.dumps(list(ctx.options.inspector_targets))
                self.writer = SessionWriter.create(path, meta={"targets": targets})
        except InspectorError as error:
            raise OptionsError(f"inspector: {error}") from None
        self.journal = Journal(self.writer, self.control.announce)
        self.recorder = Recorder(self.journal, self.scope)

    def _answer(self, message: Message) -> Message:
        match message:
            case {"do": "ping"}:
                return {"did": "ping", "pid": os.getpid()}
            case {"do": "stop"}:
                ctx.master.shutdown()
                return {"did": "stop"}
            case {"do": "scope", "add": str(url)} if self.scope.add(url):
                return {"did": "scope"}
            case {"do": "scope"}:
                return {"failed": "scope", "why": "That is not an http or https URL."}
        return {"failed": str(message.get("do")), "why": "This proxy does not know that."}


async def _end_with(pid: int) -> None:
    await wait_for_end_of(pid)
    ctx.master.shutdown()


def _host(data: TlsData) -> str:
    if data.conn.sni:
        return data.conn.sni
    address = data.context.server.address
    return address[0] if address else "an unknown host"
