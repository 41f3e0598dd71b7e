"""The addon itself: its options, and which part of it answers which of mitmproxy's hooks."""

import asyncio
import atexit
import json
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client
from mitmproxy.exceptions import OptionsError
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData

from addons.authorize_recorder import AuthorizeRecorder
from addons.browser import Redirect, send_on
from addons.commands import Commands, brief
from addons.control import Control, Message
from addons.gateway import Gateway
from addons.give_up import give_up
from addons.guard import log_failure
from addons.journal import Journal
from addons.legs import uses_a_token
from addons.lifeline import wait_for_end_of
from addons.opened import opened
from addons.origin_form import explain_proxy, is_addressed_to
from addons.ports import PortBook
from addons.record_file import new_note, write_record
from addons.recorder import Recorder
from addons.routes import Routes
from addons.scope import Scope, is_authorization_server_metadata
from addons.steering import Ending, Steering
from addons.unused import drop_unused
from addons.wire import Edit, address_of
from addons.witness import Witness
from inspector.errors import InspectorError
from inspector.session.location import new_session_path, state_directory
from inspector.session.model import Translation
from inspector.session.writer import SessionWriter

if TYPE_CHECKING:
    from mitmproxy.addons.proxyserver import Proxyserver

logger = logging.getLogger(__name__)

LATE_AFTER = 20.0
"""Seconds that a server may take before the user is told."""

_LOOK_EVERY = 2.0
"""Seconds between two looks for such servers."""

FORBIDDEN_OPTIONS = ("emudhra", "emudhra_old")
"""Options of mitmproxy 12.3 that sign with a private key published inside its package."""


class InspectorAddon:
    """Records the inspected conversation of this proxy into one session file."""

    def __init__(self) -> None:
        self.scope = Scope()
        self.witness = Witness(self.scope, self._write_incident)
        self.addons = [self.witness, Routes()]  # where mitmproxy looks for addons within addons
        self.steering = Steering(self.scope, self._tell_held, lambda text: self.witness.incident("step", "", text))
        self.commands = Commands(self.scope, self.steering, self.witness.facts, _record_all, self._note_patch)
        self.control = Control(self._answer, self.steering.breakpoints.peer_gone)
        self.authorize = AuthorizeRecorder(lambda text: self.witness.incident("authorize-recorder", "", text))
        self.gateway = Gateway(PortBook(None), self._say)
        self.writer: SessionWriter | None = None
        self.journal: Journal | None = None
        self.recorder: Recorder | None = None
        self._note: Path | None = None
        self._lifeline: asyncio.Task[None] | None = None
        self._patience: asyncio.Task[None] | None = None

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option("inspector_session", str, "", "Session file to record into; empty: a new one.")
        loader.add_option("inspector_targets", Sequence[str], [], "URLs of the MCP servers to inspect.")
        loader.add_option("inspector_record_all", bool, False, "Record everything, not the conversation alone.")
        loader.add_option("inspector_authorize", bool, True, "Record the authorization request of the browser.")
        loader.add_option("inspector_authorize_fallback", bool, True, "Stop that for clients that do not accept it.")
        loader.add_option("inspector_patches", Sequence[str], [], "Wire patches to switch on: NAME or NAME=VALUE.")
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
        self.authorize.falls_back = ctx.options.inspector_authorize_fallback
        if "inspector_patches" in updated:
            self._switch_on(ctx.options.inspector_patches)
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
        atexit.unregister(give_up)
        self._leave_note(client_url)
        for patch in self.steering.patches.active:
            self._note_patch(f"The wire patch {patch.title} is on: not all that arrives was sent so.")
        if self.recorder is not None:
            self._patience = asyncio.create_task(self._tell_who_is_late(self.recorder))
        if ctx.options.inspector_exit_with:
            self._lifeline = asyncio.create_task(_end_with(ctx.options.inspector_exit_with))

    def done(self) -> None:
        """Close everything, the note last: while it is there, somebody may rely on it."""
        self.steering.breakpoints.switch_off("the proxy was stopped")
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None  # connections that break now have nobody to tell it to
        if self.writer is not None:
            self._keep_facts(self.writer)
            self.journal = None
            self.writer.close()
        for task in filter(None, (self._lifeline, self._patience)):
            task.cancel()
        if self._note is not None:
            self._note.unlink(missing_ok=True)
        self.control.close()

    def client_disconnected(self, client: Client) -> None:
        """Nobody waits any more for what is held of this client."""
        self.steering.breakpoints.client_gone(client)

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Decide how the request body passes."""
        self.witness.facts.asked()
        if self.recorder and not self.authorize.owns(flow):
            translations = self._translate(self.gateway.requestheaders, flow)
            if not self.gateway.answers(flow):
                hold = self.gateway.holds_request(flow) or self.steering.holds_request(flow)
                self.recorder.requestheaders(flow, hold=hold)
                self.recorder.translated(flow, translations)

    def request(self, flow: HTTPFlow) -> Awaitable[None] | None:
        """Record a request, or answer it where it is meant for the authorize recorder; change and hold it if wanted."""
        if self.recorder is None:
            return None
        if self.authorize.owns(flow):
            return self._answer_browser(self.authorize.answer(flow), flow)
        if self.gateway.answers(flow):
            return self._answer_browser(self.gateway.answer(flow), flow)
        if is_addressed_to(flow):
            self.witness.facts.addressed_to_proxy += 1
            explain_proxy(flow)
            return None
        self.recorder.translated(flow, self._translate(self.gateway.request, flow))
        self.recorder.request(flow)
        self.authorize.introduces(flow)
        if self.steering.active and self.recorder.follows(flow) and not flow.request.stream:
            return self._steer_request(flow, self.recorder)
        return None

    def responseheaders(self, flow: HTTPFlow) -> Awaitable[None] | None:
        """Record the beginning of a response; only then may the client get it translated."""
        if self.recorder is None or self._answers(flow):
            return None
        documents = is_authorization_server_metadata(flow.request.path) or self.gateway.holds_response(flow)
        self.recorder.responseheaders(flow, hold=documents or self.steering.holds_response(flow))
        if self.recorder.follows(flow):
            self.recorder.translated(flow, self._translate(self.steering.response_headers, flow))
        return self._translate_headers(flow) if self.gateway.serves(flow.client_conn) else None

    def response(self, flow: HTTPFlow) -> Awaitable[None] | None:
        """Record a response as upstream sent it; only then may the client get it changed."""
        if self.recorder is None or self._answers(flow):
            return None
        followed = self.recorder.follows(flow)
        self.witness.ended(flow, followed)
        if followed and self.authorize.in_doubt and uses_a_token(flow):
            self.authorize.came_of_it()
        steered = followed and self.steering.holds_response(flow) and not (flow.response and flow.response.stream)
        if steered or self.gateway.serves(flow.client_conn):
            return self._change_response(flow, self.recorder, steered)
        edit = self._edit(flow) if followed else None
        if self._record(flow, edit) and edit and flow.response:
            flow.response.content = edit.content
        return None

    def error(self, flow: HTTPFlow) -> None:
        """Record what broke an exchange."""
        if self.recorder and not self._answers(flow):
            self.witness.ended(flow, self.recorder.follows(flow))
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
        if data.ignore_connection:
            self.witness.facts.tls_passed.add(address_of((names[1], address[1])))

    def _answers(self, flow: HTTPFlow) -> bool:
        """Whether a request goes no further than here."""
        return self.authorize.owns(flow) or self.gateway.answers(flow) or self.steering.is_over(flow)

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

    async def _steer_request(self, flow: HTTPFlow, recorder: Recorder) -> None:
        try:
            await self.steering.request(flow, recorder)
        except Exception as error:
            log_failure("step mode", error)

    async def _change_response(self, flow: HTTPFlow, recorder: Recorder, steered: bool) -> None:
        edit: Edit | None = None
        ending: Ending | None = None
        try:
            translates = self.gateway.serves(flow.client_conn)
            edit = await self.gateway.response(flow) if translates else self._edit(flow)
            ending = await self.steering.response(flow, edit, recorder) if steered else None
        except Exception as error:
            log_failure("a change of a response", error)
        if ending:
            recorder.translated(flow, ending.translations)
            recorder.response(flow, ending.error)
            ending.apply(flow)
        elif self._record(flow, edit) and edit and flow.response:
            flow.response.content = edit.content

    def _edit(self, flow: HTTPFlow) -> Edit | None:
        try:
            return self.authorize.edit(flow) if ctx.options.inspector_authorize else None
        except Exception as error:
            log_failure("the authorize recorder", error)
            return None

    def _answer_browser(self, redirect: Redirect | None, flow: HTTPFlow) -> Awaitable[None] | None:
        if redirect is None or self.recorder is None:
            return None
        if self.steering.active:
            return self._steer_browser(flow, redirect, self.recorder)
        self.recorder.add(redirect.asked)
        send_on(flow, redirect.target)
        return None

    async def _steer_browser(self, flow: HTTPFlow, redirect: Redirect, recorder: Recorder) -> None:
        steered: Redirect | None = redirect
        try:
            steered = await self.steering.browser(flow, redirect, recorder)
        except Exception as error:
            log_failure("step mode", error)
        if steered is not None:
            recorder.add(steered.asked)
            send_on(flow, steered.target)

    async def _tell_who_is_late(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for flow in recorder.late(time.time() - LATE_AFTER):
                self.witness.late(flow, LATE_AFTER)

    def _note_patch(self, text: str) -> None:
        self._write_incident("patch", "", text, time.time())

    def _write_incident(self, kind: str, host: str, text: str, at: float) -> None:
        if self.journal:
            self.journal.incident(kind, host, text, at)

    def _keep_facts(self, writer: SessionWriter) -> None:
        with suppress(sqlite3.Error):
            writer.set_meta("capture-facts", json.dumps(self.witness.facts.as_json()))

    def _switch_on(self, texts: Sequence[str]) -> None:
        for text in texts:
            try:
                self.steering.patches.switch_on(text)
            except InspectorError as error:
                raise OptionsError(f"inspector: {error}") from None

    def _open_session(self, name: str, named: list[str]) -> None:
        path = Path(name or new_session_path(datetime.now().astimezone()))
        try:
            if is_new := not path.exists():
                self.writer = SessionWriter.create(path, meta={"targets": json.dumps(named)})
            else:
                self.writer = SessionWriter.append_to(path)
        except InspectorError as error:
            raise OptionsError(f"inspector: {error}") from None
        atexit.register(give_up, self.writer, is_new=is_new)
        logger.info(f"inspector: Recording into {path}")
        self.journal = Journal(self.writer, self.control.announce, self.witness.facts)
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
        self.witness.incident("gateway", "", text)

    def _tell_held(self) -> None:
        self.control.tell({"held": [brief(held) for held in self.steering.breakpoints.held]})

    def _answer(self, message: Message, peer: object) -> Message:
        match message:
            case {"do": "ping"}:
                return {"did": "ping", "pid": os.getpid()}
            case {"do": "stop"}:
                ctx.master.shutdown()
                return {"did": "stop"}
            case {"do": "opened", "url": str(url)}:
                asked = opened(url, time.time())
                if asked is not None and self.recorder is not None and self.scope.note(url, "a client opened it"):
                    self.recorder.add(asked)
                return {"did": "opened"}
        unknown: Message = {"failed": str(message.get("do")), "why": "This proxy does not know that."}
        return self.commands.answer(message, peer) or unknown


async def _end_with(pid: int) -> None:
    await wait_for_end_of(pid)
    ctx.master.shutdown()


def _record_all(on: bool) -> None:
    ctx.options.update(inspector_record_all=on)
