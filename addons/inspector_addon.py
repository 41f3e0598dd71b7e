"""The addon itself: its options, and which part of it answers which of mitmproxy's hooks."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.exceptions import OptionsError
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData

from addons.authorize_recorder import AuthorizeRecorder
from addons.browser import Redirect, send_on
from addons.control import Control, Message
from addons.gateway import Gateway
from addons.guard import harmless, log_failure
from addons.incidents import client_sentence, server_sentence
from addons.journal import Journal
from addons.lifeline import wait_for_end_of
from addons.opened import opened
from addons.ports import PortBook
from addons.record_file import new_note, write_record
from addons.recorder import Recorder
from addons.scope import Scope, is_authorization_server_metadata
from addons.unused import drop_unused
from addons.wire import Edit
from inspector.errors import InspectorError
from inspector.session.location import new_session_path, state_directory
from inspector.session.model import Translation
from inspector.session.writer import SessionWriter

if TYPE_CHECKING:
    from mitmproxy.addons.proxyserver import Proxyserver

logger = logging.getLogger(__name__)

FORBIDDEN_OPTIONS = ("emudhra", "emudhra_old")
"""Options of mitmproxy 12.3 that sign with a private key published inside its package."""


class InspectorAddon:
    """Records the inspected conversation of this proxy into one session file."""

    def __init__(self) -> None:
        self.scope = Scope()
        self.control = Control(self._answer)
        self.authorize = AuthorizeRecorder()
        self.gateway = Gateway(PortBook(None), self._say)
        self.writer: SessionWriter | None = None
        self.journal: Journal | None = None
        self.recorder: Recorder | None = None
        self._note: Path | None = None
        self._lifeline: asyncio.Task[None] | None = None

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option("inspector_session", str, "", "Session file to record into; empty: a new one.")
        loader.add_option("inspector_targets", Sequence[str], [], "URLs of the MCP servers to inspect.")
        loader.add_option("inspector_record_all", bool, False, "Record everything, not the conversation alone.")
        loader.add_option("inspector_authorize", bool, True, "Record the authorization request of the browser.")
        loader.add_option("inspector_gateway", str, "", "URL of an MCP server to stand before.")
        loader.add_option("inspector_gateway_port", int, 0, "Port to stand there; 0: the one of the last time.")
        loader.add_option("inspector_takeover", str, "", "Where that server went, to leave its address to the proxy.")
        loader.add_option("inspector_relay_callback", bool, False, "Let authorization responses pass by the gateway.")
        loader.add_option("inspector_record_file", str, "", "Where to note how this proxy can be reached.")
        loader.add_option("inspector_exit_with", int, 0, "Stop when the process of this id has ended; 0: never.")

    def configure(self, updated: set[str]) -> None:
        """Take over the options, and refuse what must not run."""
        for name in FORBIDDEN_OPTIONS:
            if name in ctx.options and getattr(ctx.options, name):
                raise OptionsError(f"inspector: The option {name} signs with a published private key; remove it.")
        named = [*ctx.options.inspector_targets, *filter(None, (ctx.options.inspector_gateway,))]
        if updated & {"inspector_targets", "inspector_gateway"}:
            for url in named:
                if not self.scope.add(url):
                    raise OptionsError(f"inspector: {url!r} is not a URL; give one such as http://localhost:3001/mcp.")
            self.scope.learns_servers = not named
        self.scope.record_all = ctx.options.inspector_record_all
        if "inspector_session" in updated and self.writer is None:
            self._open_session(ctx.options.inspector_session, named)

    async def running(self) -> None:
        """Stand before the server, say where the proxy listens, and begin to watch the process it lives for."""
        if ctx.options.inspector_record_file:
            drop_unused(ctx.master.addons)
        url = ctx.options.inspector_gateway
        try:
            client_url = await self._stand_before(url) if url else ""
        except InspectorError as error:
            logger.error(f"inspector: {error}")  # which ends a proxy that is starting
            return
        self._leave_note(client_url)
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
        if self._note is not None:
            self._note.unlink(missing_ok=True)
        self.control.close()

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Decide how the request body passes."""
        if self.recorder and not self.authorize.owns(flow):
            translations = self._translate(self.gateway.requestheaders, flow)
            if not self.gateway.answers(flow):
                self.recorder.requestheaders(flow, hold=self.gateway.holds_request(flow))
                self.recorder.translated(flow, translations)

    def request(self, flow: HTTPFlow) -> None:
        """Record a request, or answer it where it is meant for the authorize recorder."""
        if self.recorder is None:
            return
        if self.authorize.owns(flow):
            self._answer_browser(self.authorize.answer, flow)
        elif self.gateway.answers(flow):
            self._answer_browser(self.gateway.answer, flow)
        else:
            self.recorder.translated(flow, self._translate(self.gateway.request, flow))
            self.recorder.request(flow)

    def responseheaders(self, flow: HTTPFlow) -> Awaitable[None] | None:
        """Record the beginning of a response; only then may the client get it translated."""
        if self.recorder is None or self._answers(flow):
            return None
        hold = is_authorization_server_metadata(flow.request.path) or self.gateway.holds_response(flow)
        self.recorder.responseheaders(flow, hold=hold)
        return self._translate_headers(flow) if self.gateway.serves(flow.client_conn) else None

    def response(self, flow: HTTPFlow) -> Awaitable[None] | None:
        """Record a response as upstream sent it; only then may the client get it edited."""
        if self.recorder is None or self._answers(flow):
            return None
        if self.gateway.serves(flow.client_conn):
            return self._translate_body(flow)
        edit = self._edit(flow) if self.recorder.follows(flow) else None
        if self._record(flow, edit) and edit and flow.response:
            flow.response.content = edit.content
        return None

    def error(self, flow: HTTPFlow) -> None:
        """Record what broke an exchange."""
        if self.recorder and not self._answers(flow):
            self.recorder.error(flow)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Name the server in TLS by its own name, which mitmproxy leaves out where the client's Host is kept."""
        if self.gateway.serves(data.client) and data.server.address:
            data.server.sni = data.server.address[0]

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Leave TLS to hosts outside the conversation alone."""
        address = data.context.server.address
        if address is None or self.gateway.serves(data.context.client):
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

    def _answers(self, flow: HTTPFlow) -> bool:
        """Whether a request goes no further than here."""
        return self.authorize.owns(flow) or self.gateway.answers(flow)

    def _record(self, flow: HTTPFlow, edit: Edit | None) -> bool:
        assert self.recorder is not None
        if edit:
            self.recorder.translated(flow, edit.translations)
        return self.recorder.response(flow)

    def _translate(self, translate: Callable[[HTTPFlow], list[Translation]], flow: HTTPFlow) -> list[Translation]:
        try:
            return translate(flow)
        except Exception as error:
            log_failure("the gateway", error)
            return []

    async def _translate_headers(self, flow: HTTPFlow) -> None:
        try:
            translations = await self.gateway.responseheaders(flow)
        except Exception as error:
            log_failure("the gateway", error)
        else:
            if self.recorder:
                self.recorder.translated(flow, translations)

    async def _translate_body(self, flow: HTTPFlow) -> None:
        edit = None
        try:
            edit = await self.gateway.response(flow)
        except Exception as error:
            log_failure("the gateway", error)
        if self.recorder:
            self._record(flow, edit)
        if edit and flow.response:
            flow.response.content = edit.content

    def _edit(self, flow: HTTPFlow) -> Edit | None:
        try:
            return self.authorize.edit(flow) if ctx.options.inspector_authorize else None
        except Exception as error:
            log_failure("the authorize recorder", error)
            return None

    @harmless
    def _answer_browser(self, answer: Callable[[HTTPFlow], Redirect | None], flow: HTTPFlow) -> None:
        redirect = answer(flow)
        if redirect is not None and self.recorder is not None:
            self.recorder.add(redirect.asked)
            send_on(flow, redirect.target)

    def _open_session(self, name: str, named: list[str]) -> None:
        path = Path(name or new_session_path(datetime.now().astimezone()))
        try:
            if path.exists():
                self.writer = SessionWriter.append_to(path)
            else:
                self.writer = SessionWriter.create(path, meta={"targets": json.dumps(named)})
        except InspectorError as error:
            raise OptionsError(f"inspector: {error}") from None
        logger.info(f"inspector: Recording into {path}")
        self.journal = Journal(self.writer, self.control.announce)
        self.recorder = Recorder(self.journal, self.scope)

    async def _stand_before(self, url: str) -> str:
        ctx.options.update(keep_host_header=True)  # the name a client has used for us is the one it expects back
        book = PortBook(state_directory() / "gateway-ports.json")
        self.gateway = Gateway(book, self._say, relays_callback=ctx.options.inspector_relay_callback)
        if ctx.options.inspector_takeover:
            await self.gateway.take_over(url, ctx.options.inspector_takeover)
            return url
        return await self.gateway.stand_before(url, ctx.options.inspector_gateway_port)

    def _leave_note(self, client_url: str) -> None:
        proxyserver: Proxyserver = ctx.master.addons.get("proxyserver")
        self._note = Path(ctx.options.inspector_record_file or new_note())
        write_record(
            self._note,
            {
                "pid": os.getpid(),
                "proxy_port": next((address[1] for address in proxyserver.listen_addrs()), 0),
                "control_port": self.control.open(),
                "token": self.control.token,
                "session": str(self.writer.path if self.writer else ""),
                "ca_certificate": str(Path(ctx.options.confdir).expanduser() / "mitmproxy-ca-cert.pem"),
                "started": time.time(),
                "gateway": client_url,
                "attached": not ctx.options.inspector_record_file,
            },
        )

    def _say(self, text: str) -> None:
        logger.warning(f"inspector: {text}")
        if self.journal:
            self.journal.incident("gateway", "", text, time.time())

    def _answer(self, message: Message, _peer: object) -> Message:
        match message:
            case {"do": "ping"}:
                return {"did": "ping", "pid": os.getpid()}
            case {"do": "stop"}:
                ctx.master.shutdown()
                return {"did": "stop"}
            case {"do": "opened", "url": str(url)}:
                asked = opened(url, time.time())
                if asked is not None and self.recorder is not None and self.scope.add(url):
                    self.recorder.add(asked)
                return {"did": "opened"}
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
