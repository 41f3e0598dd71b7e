"""The probe itself: asks both servers in the order of a client, follows what they name, and signs in nowhere."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from inspector.errors import InspectorError
from inspector.probe import requests
from inspector.protocol import content, urls
from inspector.protocol.challenge import parse_challenges
from inspector.protocol.documents import Document
from inspector.replay.wire import Destinations, Record, Wire
from inspector.session.model import Exchange, Headers, Source

MOST_SERVERS = 3
"""Authorization servers that are asked, of those the metadata names."""


class NoAnswer(InspectorError):
    """The MCP server did not answer, so there is nothing to probe."""


async def probe(
    mcp_url: str,
    record: Record,
    *,
    register: bool = False,
    page: str = "http://localhost:6274",
    patience: float = 10.0,
    on_exchange: Callable[[Exchange], None] = lambda exchange: None,
) -> tuple[str, ...]:
    """Ask, and record every exchange; gives what was left out, in sentences.

    Only reads, but for `initialize` without a token, which every client sends. With `register` a client is registered
    where that is offered, and removed again where the answer says how (RFC 7592). `page` is the origin from which a
    browser would ask. `patience` is in seconds for each exchange.

    Raises:
        NoAnswer: the MCP server cannot be reached.
        ReplayFailure: `mcp_url` is no URL to send to.
    """
    async with AsyncExitStack() as wires:
        asking = _Probe(mcp_url, record, page, patience, on_exchange, wires)
        first = await asking.call()
        if first.status is None:
            raise NoAnswer(f"{urls.origin(mcp_url)} does not answer ({first.error}); check that the server runs there.")
        await asking.discover(first)
        if register:
            await asking.register()
        await asking.ask_for_a_browser()
        return tuple(asking.left_out)


@dataclass
class _Probe:
    mcp_url: str
    record: Record
    page: str
    patience: float
    on_exchange: Callable[[Exchange], None]
    wires: AsyncExitStack
    left_out: list[str] = field(default_factory=list)
    _open: dict[str, Wire] = field(default_factory=dict)
    _metadata: list[tuple[str, Document]] = field(default_factory=list)
    _resource_metadata_url: str = ""

    async def call(self, *, token: str = "") -> Exchange:
        bearer = (("Authorization", f"Bearer {token}"),) if token else ()
        return await self._send("POST", self.mcp_url, (*requests.CALL, *bearer), requests.initialize())

    async def discover(self, first: Exchange) -> None:
        session = first.response_header("mcp-session-id")
        if first.status and first.status < 300 and session:
            await self._send("DELETE", self.mcp_url, (*requests.CALL, ("Mcp-Session-Id", session)))
        if first.status == 401:
            await self.call(token=requests.MADE_UP_TOKEN)
        challenges = parse_challenges(first.response_header_all("www-authenticate"))
        named = next((c.get("resource_metadata") for c in challenges if c.is_bearer), None)
        issuers: tuple[str, ...] = ()
        for location in requests.resource_metadata_locations(self.mcp_url, named):
            document = await self._document(location)
            if document and not issuers:
                self._resource_metadata_url = location
                issuers = document.texts("authorization_servers") or ()
        for issuer in issuers[:MOST_SERVERS]:
            await self._ask_server(issuer)
        if len(issuers) > MOST_SERVERS:
            self.left_out.append(f"{len(issuers) - MOST_SERVERS} more authorization servers that the metadata names.")
        if not issuers:
            # The revision of 2025-03-26: the MCP server is its own authorization server.
            await self._ask_server(urls.origin(self.mcp_url))

    async def _ask_server(self, issuer: str) -> None:
        if not self._may_ask(issuer):
            return
        found = None
        for location in requests.server_metadata_locations(issuer):
            document = await self._document(location)
            if document and found is None:
                found = document
                self._metadata.append((location, document))
        keys = found.text("jwks_uri") if found else None
        if keys and self._may_ask(keys):
            await self._document(keys)

    async def register(self) -> None:
        """Register a client of its own wherever that is offered, and take it back where that is offered as well."""
        for _, metadata in self._metadata:
            endpoint = metadata.text("registration_endpoint")
            if not endpoint or not self._may_ask(endpoint):
                continue
            answer = await self._send("POST", endpoint, requests.POST_JSON, requests.registration())
            document = Document.of(content.json_value(answer.response_headers, answer.response_body))
            manage = document.text("registration_client_uri") if document else None
            key = document.text("registration_access_token") if document else None
            if manage and key and self._may_ask(manage) and urls.same_origin(manage, endpoint):
                await self._send("DELETE", manage, (*requests.GET_JSON, ("Authorization", f"Bearer {key}")))
            elif document and document.text("client_id"):
                self.left_out.append(
                    f"The client registered at {urls.origin(endpoint)} stays there, under the name"
                    f" {requests.CLIENT_NAME!r}: the server does not say how to remove it."
                )

    async def ask_for_a_browser(self) -> None:
        """The preflight of every request a client in a browser would make."""
        version = "mcp-protocol-version"
        wanted = [(self.mcp_url, "POST", f"authorization,content-type,{version}")]
        if self._resource_metadata_url:
            wanted.append((self._resource_metadata_url, "GET", version))
        for location, metadata in self._metadata:
            wanted.append((location, "GET", version))
            endpoints = (metadata.text(name) for name in ("token_endpoint", "registration_endpoint"))
            wanted += [(endpoint, "POST", "content-type") for endpoint in endpoints if endpoint]
        for url, method, headers in wanted:
            if self._may_ask(url):
                await self._send("OPTIONS", url, requests.preflight(self.page, method, headers))

    async def _document(self, url: str) -> Document | None:
        if not self._may_ask(url):
            return None
        answer = await self._send("GET", url, requests.GET_JSON)
        good = answer.status is not None and answer.status < 300
        return Document.of(content.json_value(answer.response_headers, answer.response_body)) if good else None

    def _may_ask(self, url: str) -> bool:
        """Whether to go where a server points: on the web anywhere public, into this machine only from this machine.

        Raises nothing for an odd URL: that a server names one is for the rules to say.
        """
        if not urls.origin(url).startswith(("http://", "https://")):
            self._leave_out(f"{url!r} is no http or https URL.")
            return False
        if urls.is_loopback(self.mcp_url) or not urls.is_inside(url):
            return True
        self._leave_out(f"{urls.origin(url)} was not asked: a public server points into a private network.")
        return False

    def _leave_out(self, sentence: str) -> None:
        if sentence not in self.left_out:
            self.left_out.append(sentence)

    async def _send(self, method: str, url: str, headers: Headers, body: bytes = b"") -> Exchange:
        origin = urls.origin(url)
        if origin not in self._open:
            wire = Wire(
                Destinations([url]),
                record=self.record,
                label="probe",
                source=Source.PROBE,
                patience=self.patience,
                on_exchange=self.on_exchange,
            )
            self._open[origin] = await self.wires.enter_async_context(wire)
        return await self._open[origin].send(method, url, headers, body)
