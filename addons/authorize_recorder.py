"""Makes the authorization request visible although a browser outside the proxy sends it.

In authorization server metadata the value of `authorization_endpoint` is replaced by a loopback address of the proxy;
a GET there is recorded as what it is, a request to the real endpoint, and sent on with the query byte for byte.
A client that would not take such an address, or did not, gets the document as it is.
"""

import ipaddress
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.mode_specs import RegularMode, UpstreamMode

from addons.browser import Redirect, redirect_of, with_query
from addons.json_text import replace_strings
from addons.origin_form import is_addressed_to
from addons.scope import is_authorization_server_metadata
from addons.wire import Edit
from inspector.session.model import Translation

PREFIX = "/.inspector/authorize/"
_MEMBER = "authorization_endpoint"

_STRICT_CLIENTS = ("codex-mcp-client/",)
"""User agents of clients that want the endpoint at the issuer's origin, unless responses name the issuer (RFC 9207)."""

_WANT_HTTPS = (b'"gemini-cli',)
"""How clients name themselves at the MCP server that take http for an endpoint only where the server is local."""

_PATIENCE = 10.0
"""Seconds in which a browser that was sent to a stand-in has come there; who failed asks for metadata once more."""


class AuthorizeRecorder:
    """Stands in for the authorization endpoints it has replaced, and for nothing else: it never redirects elsewhere.

    Clients are told apart by their User-Agent, which is all that a request for metadata says of its sender. `say` is
    told in one sentence when one is left alone from now on.
    """

    def __init__(self, say: Callable[[str], None] = lambda _text: None) -> None:
        self._say = say
        self.falls_back = True
        self._endpoint_by_id: dict[str, str] = {}
        self._id_by_endpoint: dict[str, str] = {}
        self._given_at: dict[tuple[str, str], float] = {}
        self._want_https: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()

    @property
    def in_doubt(self) -> bool:
        """Whether a client has got a stand-in and nothing has come of it yet."""
        return bool(self._given_at)

    def came_of_it(self) -> None:
        """Somebody has come to a stand-in, or uses a token: what was given out before stands against nobody."""
        self._given_at.clear()

    def introduces(self, flow: HTTPFlow) -> None:
        """Take notice of how a client names itself in what it sends to the MCP server."""
        content = flow.request.raw_content or b""
        if flow.request.method == "POST" and any(name in content for name in _WANT_HTTPS):
            self._want_https.add(_agent(flow))

    def edit(self, flow: HTTPFlow) -> Edit | None:
        """The edited metadata document, where a response is one; None for every other response."""
        response = flow.response
        is_proxied = isinstance(flow.client_conn.proxy_mode, RegularMode | UpstreamMode)
        if response is None or response.status_code != 200 or not is_proxied:
            return None
        if not is_authorization_server_metadata(flow.request.path):
            return None
        try:
            text = (response.content or b"").decode()
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        endpoint = document.get(_MEMBER) if isinstance(document, dict) else None
        if not isinstance(endpoint, str) or not _is_web_address(endpoint):
            return None
        if self.falls_back and self._leaves_alone(flow, document, endpoint):
            return None
        stand_in = f"http://127.0.0.1:{flow.client_conn.sockname[1]}{PREFIX}{self._id(endpoint)}"
        return Edit(
            replace_strings(text, lambda name, value: stand_in if name == _MEMBER else None).encode(),
            (Translation("response.body", _MEMBER, client=stand_in, upstream=endpoint),),
        )

    def owns(self, flow: HTTPFlow) -> bool:
        """Whether a request is addressed to the proxy itself, at the place of the stand-ins."""
        return flow.request.path.startswith(PREFIX) and is_addressed_to(flow)

    def answer(self, flow: HTTPFlow) -> Redirect | None:
        """Where a request that `owns` claims is sent on to; None when it is refused here."""
        if not ipaddress.ip_address(flow.client_conn.peername[0]).is_loopback:
            flow.response = Response.make(403, b"Only for this machine.\n")
            return None
        if flow.request.method != "GET":
            flow.response = Response.make(405, b"Only GET.\n", {"allow": "GET"})
            return None
        path, _, query = flow.request.data.path.partition(b"?")
        endpoint = self._endpoint_by_id.get(path.decode("latin-1").removeprefix(PREFIX))
        if endpoint is None:
            text = b"This address belongs to a proxy that has ended. Start the sign-in again in the client.\n"
            flow.response = Response.make(404, text, {"content-type": "text/plain"})
            return None
        self.came_of_it()
        target = with_query(endpoint.encode(), query)
        url = target.decode("utf-8", "backslashreplace")
        redirect = redirect_of(flow, target, ())
        ours = Translation("request.url", _MEMBER, client=redirect.asked.url, upstream=url)
        return replace(redirect, asked=replace(redirect.asked, url=url, translations=(ours,)))

    def _leaves_alone(self, flow: HTTPFlow, document: Mapping[str, object], endpoint: str) -> bool:
        agent = _agent(flow)
        is_known = _is_strict(agent, document) or (agent in self._want_https and not _is_on_this_machine(endpoint))
        if not is_known and not self._was_refused(agent, endpoint, flow.request.timestamp_start):
            return False
        if (agent, endpoint) not in self._told:
            self._told.add((agent, endpoint))
            why = "is known not to accept" if is_known else "seems not to accept"
            self._say(
                f"The client {agent or 'without a User-Agent'} {why} the inspector's address as "
                "authorization_endpoint, so it gets the real one from now on; its authorization request may not be "
                "recorded."
            )
        return True

    def _was_refused(self, agent: str, endpoint: str, now: float) -> bool:
        """Whether the client got a stand-in long ago, nothing has come of it, and it asks again."""
        if (agent, endpoint) in self._refused:
            return True
        if now - self._given_at.setdefault((agent, endpoint), now) > _PATIENCE:
            self._refused.add((agent, endpoint))
            return True
        return False

    def _id(self, endpoint: str) -> str:
        """One id for one endpoint for the life of the proxy: clients keep metadata."""
        if endpoint not in self._id_by_endpoint:
            id = secrets.token_urlsafe(16)
            self._id_by_endpoint[endpoint] = id
            self._endpoint_by_id[id] = endpoint
        return self._id_by_endpoint[endpoint]


def _agent(flow: HTTPFlow) -> str:
    agent: str = flow.request.headers.get("user-agent", "")
    return agent


def _is_strict(agent: str, document: Mapping[str, object]) -> bool:
    """Whether the client is known to refuse an endpoint at another origin than the issuer's."""
    names_issuer = document.get("authorization_response_iss_parameter_supported") is True
    return agent.startswith(_STRICT_CLIENTS) and not names_issuer


def _is_on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_web_address(endpoint: str) -> bool:
    """Whether a redirect there is safe to send: http(s), with a host, in plain ASCII without a fragment."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    printable = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "#" not in endpoint and printable
