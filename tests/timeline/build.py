"""Exchanges of a sign-in in few words: a client says what it does, `timed` gives its exchanges ids and times."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode, urlsplit

from inspector.protocol.pkce import s256
from inspector.session.model import Body, Exchange, Headers, State
from inspector.timeline import Run, Timeline
from inspector.timeline.message import Kind

MCP = "http://localhost:3001/mcp"
AS = "https://as.example"
AGENT = "node"
START = 1_795_000_000.0

type Fields = Mapping[str, str]


def exchange(
    method: str,
    url: str,
    status: int | None = None,
    *,
    headers: Fields | None = None,
    form: Fields | Sequence[tuple[str, str]] | None = None,
    sent: object = None,
    body: bytes = b"",
    answer: object = None,
    answered: Fields | None = None,
) -> Exchange:
    """`form`, `sent` (JSON) or `body` is the request body; `answer` (JSON) and `answered` (headers) the response."""
    media: Fields = {}
    if form is not None:
        media, body = {"content-type": "application/x-www-form-urlencoded"}, urlencode(form).encode()
    elif sent is not None:
        media, body = {"content-type": "application/json"}, json.dumps(sent).encode()
    return Exchange(
        0,
        method,
        url,
        _headers({**media, **(headers or {})}),
        Body.whole(body),
        status,
        response_headers=_headers({"content-type": "application/json", **(answered or {})}),
        response_body=Body.whole(b"" if answer is None else json.dumps(answer).encode()),
        state=State.REQUEST if status is None else State.COMPLETE,
    )


def rpc(method: str, params: Mapping[str, object] | None = None) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}


def result(**members: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


@dataclass(frozen=True)
class Client:
    """One client on its way to one MCP server; everything it names is derived from `name` and so its own."""

    name: str = "a"
    server: str = MCP
    issuer: str = AS
    agent: str = AGENT
    resource: str | None = None
    client_id: str = ""

    @property
    def id(self) -> str:
        return self.client_id or f"client-{self.name}"

    @property
    def state(self) -> str:
        return f"state-{self.name}"

    @property
    def verifier(self) -> str:
        return f"verifier-{self.name}".ljust(43, "x")

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:8000/{self.name}/callback"

    @property
    def metadata_url(self) -> str:
        parts = urlsplit(self.server)
        return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"

    def again(self) -> "Client":
        """The same client with the random values of its next attempt."""
        return replace(self, name=f"{self.name}2", client_id=self.id)

    def token(self, number: int = 1) -> str:
        return f"token-{self.name}-{number}"

    def refresh_token(self, number: int = 1) -> str:
        return f"refresh-{self.name}-{number}"

    def call(
        self, method: str = "tools/list", status: int | None = 200, token: str | None = None, **more: Any
    ) -> Exchange:
        """A request to the MCP endpoint."""
        more = {"sent": rpc(method), "answer": result() if status == 200 else None, **more}
        headers = {**self._agent, **(more.pop("headers", None) or {})}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return exchange("POST", self.server, status, headers=headers, **more)

    def refused(self, method: str = "initialize", token: str | None = None, **more: Any) -> Exchange:
        """A request to the MCP endpoint that is answered 401."""
        challenge = {"www-authenticate": f'Bearer resource_metadata="{self.metadata_url}"'}
        return self.call(method, 401, token, **{"answered": challenge, **more})

    def resource_metadata(self, url: str = "", status: int = 200) -> Exchange:
        document = {"resource": self.server, "authorization_servers": [self.issuer]}
        answer = document if status == 200 else None
        return exchange("GET", url or self.metadata_url, status, headers=self._agent, answer=answer)

    def server_metadata(self, suffix: str = "oauth-authorization-server", status: int = 200) -> Exchange:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth2/authorize",
            "token_endpoint": f"{self.issuer}/oauth2/token",
            "registration_endpoint": f"{self.issuer}/oauth2/register",
            "jwks_uri": f"{self.issuer}/oauth2/jwks",
        }
        answer = document if status == 200 else None
        return exchange("GET", f"{self.issuer}/.well-known/{suffix}", status, headers=self._agent, answer=answer)

    def register(self, **more: object) -> Exchange:
        sent = {"client_name": f"Client {self.name}", "redirect_uris": [self.redirect_uri], **more}
        answer = {**sent, "client_id": self.id}
        url = f"{self.issuer}/oauth2/register"
        return exchange("POST", url, 201, headers=self._agent, sent=sent, answer=answer)

    @property
    def request(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        named = {"resource": self.resource} if self.resource else {}
        return {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": s256(self.verifier),
            **named,
        }

    @property
    def redirect(self) -> dict[str, str]:
        """The header that leads back to the client with the code."""
        query = urlencode({"code": f"code-{self.name}", "state": self.state})
        return {"location": f"{self.redirect_uri}?{query}"}

    def authorize(self, status: int | None = 302, location: str | None = None, **more: str) -> Exchange:
        """The browser's request, answered with the code unless another location is given."""
        url = f"{self.issuer}/oauth2/authorize?{urlencode({**self.request, **more})}"
        answered = {"location": location} if location else self.redirect
        return exchange("GET", url, status, headers={"user-agent": "Mozilla/5.0"}, answered=answered)

    def recorded(self) -> Exchange:
        """The authorization request as the authorize recorder writes it down."""
        return replace(self.authorize(None), state=State.RECORDED)

    def redeem(self, status: int = 200, as_json: bool = False, **more: str) -> Exchange:
        """The token request for the code."""
        sent = {
            "grant_type": "authorization_code",
            "code": f"code-{self.name}",
            "code_verifier": self.verifier,
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            **more,
        }
        return self._token_request(sent, 1, status, as_json)

    def refresh(self, number: int = 1, status: int = 200) -> Exchange:
        """The token request that spends refresh token `number` and gets the next of both tokens."""
        sent = {"grant_type": "refresh_token", "refresh_token": self.refresh_token(number), "client_id": self.id}
        return self._token_request(sent, number + 1, status)

    def _token_request(self, sent: dict[str, str], number: int, status: int, as_json: bool = False) -> Exchange:
        url = f"{self.issuer}/oauth2/token"
        answer: object = {"error": "invalid_grant"}
        if status == 200:
            answer = {"access_token": self.token(number), "refresh_token": self.refresh_token(number)}
        body: dict[str, Any] = {"sent": sent} if as_json else {"form": sent}
        return exchange("POST", url, status, headers=self._agent, answer=answer, **body)

    @property
    def _agent(self) -> dict[str, str]:
        return {"user-agent": self.agent} if self.agent else {}

    def discovery(self) -> list[Exchange]:
        return [self.refused(), self.resource_metadata(), self.server_metadata()]

    def story(self) -> list[Exchange]:
        """A whole sign-in that ends in a tool list."""
        return [
            *self.discovery(),
            self.register(),
            self.authorize(),
            self.redeem(),
            self.call("initialize", token=self.token()),
            self.call("tools/list", token=self.token()),
        ]


def timed(exchanges: Iterable[Exchange], start: float = START, first: int = 1) -> list[Exchange]:
    """The exchanges with rising ids, one second apart."""
    return [
        replace(each, id=number, started_at=start + number, response_end=start + number + 0.5 if each.status else 0.0)
        for number, each in enumerate(exchanges, first)
    ]


def states(each: Exchange) -> Iterator[Exchange]:
    """What the recorder writes of a complete exchange, one after the other."""
    if each.state is State.COMPLETE:
        waiting = replace(each, status=None, response_headers=(), response_body=Body(), response_end=0.0)
        yield replace(waiting, state=State.REQUEST)
        yield replace(each, response_body=Body(), response_end=0.0, state=State.RESPONDING)
    yield each


def runs_of(exchanges: Iterable[Exchange]) -> tuple[Run, ...]:
    """The runs of a recording of these exchanges, one second apart."""
    timeline = Timeline()
    timeline.add_all(timed(exchanges))
    return timeline.runs


def run_of(exchanges: Iterable[Exchange]) -> Run:
    """The only run."""
    (run,) = runs_of(exchanges)
    return run


def kinds(run: Run) -> list[Kind]:
    return [message.kind for message in run.messages]


def names(run: Run) -> list[str]:
    """The clients whose values are in the part of a run that names one."""
    found = {message.params.get("client_id") for message in run.of(Kind.AUTHORIZE, Kind.TOKEN)}
    found |= {f"client-{message.bearer.split('-')[1]}" for message in run.of(Kind.MCP) if message.bearer}
    return sorted(name for name in found if name)


def interleaved(one: list[Exchange], other: list[Exchange]) -> list[Exchange]:
    return [each for pair in zip_longest(one, other) for each in pair if each]


def ids(run: Run) -> list[int]:
    return [message.id for message in run.messages]


def _headers(fields: Fields) -> Headers:
    return tuple(fields.items())
