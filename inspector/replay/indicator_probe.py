"""Asks an authorization server, without its dashboard, whether a resource indicator is configured there.

A token request with a made-up code is refused, and for what reason tells how far the server read: `invalid_target`
says that the resource is none it knows (RFC 8707 section 2), `invalid_grant` that it only minded the code.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from inspector.display import visible
from inspector.errors import ReplayFailure
from inspector.protocol import content, urls
from inspector.protocol.documents import Document
from inspector.replay.throwaway import AGENT, answer_of, deregister, register
from inspector.replay.wire import Destinations, Record, Wire
from inspector.session.model import Exchange
from inspector.timeline.message import Kind
from inspector.timeline.run import Run

REDIRECT_URI = "http://127.0.0.1:8976/callback"
"""Named in the requests; nothing listens there, as no code is ever issued."""

_CODE_REFUSED = ("invalid_grant", "invalid_code")
_CLIENT_REFUSED = ("invalid_client", "unauthorized_client", "unauthorized")
_JSON = (("Accept", "application/json"), ("User-Agent", AGENT))


class Says(StrEnum):
    """What the answers say about the resource indicator."""

    CONFIGURED = "configured"
    NOT_CONFIGURED = "not-configured"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked, and where. Nothing is sent before somebody orders it.

    `client_id` is None where a client is to be registered for it at `registration_endpoint`.
    """

    token_endpoint: str
    resource: str
    client_id: str | None
    registration_endpoint: str | None = None

    @property
    def servers(self) -> tuple[str, ...]:
        """The origins that requests go to."""
        registers = (urls.origin(self.registration_endpoint or ""),) if self.client_id is None else ()
        return tuple(dict.fromkeys((*registers, urls.origin(self.token_endpoint))))

    def lines(self) -> Iterator[str]:
        """What will be sent, before it is, safe for a terminal."""
        if self.client_id is None:
            yield visible(f"POST {self.registration_endpoint}")
            yield "  registers a client without a secret, and removes it afterwards where the server offers that"
        yield visible(f"POST {self.token_endpoint}  (3 times)")
        yield visible(f"  with a made-up code for client {self.client_id or 'just registered'}, which gives no token:")
        yield visible(f"  without resource; with resource={self.resource}; with a made-up resource")


@dataclass(frozen=True, slots=True)
class Asked:
    """One token request: the resource it named, and how it was refused."""

    resource: str | None
    status: int | None
    error: str
    exchange: int

    @property
    def answer(self) -> str:
        """The answer in short."""
        return " ".join(part for part in (str(self.status or "no answer"), self.error) if part)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked and answered, and what that says. `remarks` are sentences on what was created and removed."""

    question: Question
    asked: tuple[Asked, ...]
    says: Says
    sentence: str
    remarks: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The result with exactly what was sent, safe for a terminal."""
        yield visible(f"{self.says.replace('-', ' ')}: {self.sentence}")
        yield ""
        yield visible(f"Sent to {self.question.token_endpoint}, each with a made-up code")
        for each in self.asked:
            named = f"resource={each.resource}" if each.resource else "without resource"
            yield visible(f"  {named}  ->  {each.answer}")
        yield from (visible(remark) for remark in self.remarks)

    def table(self) -> dict[str, Any]:
        """The result as data for other programs, version 1."""
        return {
            "version": 1,
            "says": self.says.value,
            "sentence": self.sentence,
            "token_endpoint": self.question.token_endpoint,
            "resource": self.question.resource,
            "asked": [
                {"resource": each.resource, "status": each.status, "error": each.error, "exchange": each.exchange}
                for each in self.asked
            ],
            "remarks": list(self.remarks),
        }


def question_of(run: Run, *, client_id: str | None = None, resource: str | None = None) -> Question:
    """What to ask about a recorded sign-in. Its client id is taken, its secrets never.

    Raises:
        ReplayFailure: the recording does not show where the tokens come from.
    """
    documents = [m.good_document for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    requests = run.of(Kind.TOKEN)
    endpoint = next((m.url for m in requests), None) or _first(documents, "token_endpoint")
    if not endpoint:
        raise ReplayFailure("The recording shows no token endpoint; give the MCP server's URL instead.")
    recorded = next((m.client_id for m in (*requests, *run.of(Kind.AUTHORIZE)) if m.client_id), None)
    return Question(
        endpoint,
        resource or run.published_resource or run.server_url,
        client_id or recorded,
        _first(documents, "registration_endpoint"),
    )


async def discovered(
    mcp_url: str,
    *,
    record: Record,
    may_ask: Callable[[str], bool],
    client_id: str | None = None,
    resource: str | None = None,
) -> Question:
    """What to ask about an MCP server: its metadata is read, and that of the authorization server it names.

    `may_ask` is asked before anything goes to an origin that the user has not named.

    Raises:
        ReplayFailure: the metadata does not lead to a token endpoint, or may not be asked for.
    """
    suffix = "oauth-protected-resource"
    places = (urls.insert_well_known(mcp_url, suffix), f"{urls.origin(mcp_url)}/.well-known/{suffix}")
    metadata = await _first_document(dict.fromkeys(places), (mcp_url,), record)
    issuer = next(iter((metadata.texts("authorization_servers") if metadata else None) or ()), None)
    if metadata is None or issuer is None:
        raise ReplayFailure(f"{urls.origin(mcp_url)} publishes no metadata that names an authorization server.")
    if urls.is_inside(issuer) and not urls.is_inside(mcp_url):
        raise ReplayFailure(f"{urls.origin(mcp_url)} points into a private network ({urls.origin(issuer)}); not asked.")
    if not may_ask(urls.origin(issuer)):
        raise ReplayFailure(f"{urls.origin(issuer)} was not asked, as you did not want it.")
    wanted = [urls.insert_well_known(issuer, name) for name in ("oauth-authorization-server", "openid-configuration")]
    server = await _first_document(dict.fromkeys(wanted), (issuer,), record)
    endpoint = server.text("token_endpoint") if server else None
    if server is None or endpoint is None:
        raise ReplayFailure(f"{urls.origin(issuer)} publishes no metadata with a token endpoint.")
    registration = server.text("registration_endpoint")
    if not all(urls.same_origin(issuer, url) for url in (endpoint, registration or endpoint)):
        raise ReplayFailure(f"The endpoints of {urls.origin(issuer)} are at other servers, which AuthKit does not do.")
    return Question(endpoint, resource or metadata.text("resource") or mcp_url, client_id, registration)


async def ask(question: Question, *, record: Record, patience: float = 10.0) -> Answer:
    """Send the token requests. Whoever calls this has been ordered to, by a user who knows `question.servers`.

    Raises:
        ReplayFailure: an address is none, or no client can be registered.
    """
    async with Wire(Destinations(question.servers), record=record, label="indicator probe", patience=patience) as wire:
        client_id, registration = question.client_id, None
        if client_id is None:
            if not question.registration_endpoint:
                raise ReplayFailure("The server offers no registration; give the id of a client with --client-id.")
            registration = await register(wire, question.registration_endpoint, REDIRECT_URI)
            document = answer_of(registration)
            client_id = (document.text("client_id") if document else None) or ""
        made_up = f"https://made-up-{secrets.token_hex(8)}.invalid/"
        asked = tuple(
            [await _asked(wire, question, client_id, resource) for resource in (None, question.resource, made_up)]
        )
        remarks = (await deregister(wire, registration),) if registration else ()
    says, sentence = judge(question, asked)
    return Answer(question, asked, says, sentence, remarks)


def judge(question: Question, asked: tuple[Asked, ...]) -> tuple[Says, str]:
    """What the three answers say, for the resource left out, the one in question, and one that nobody has."""
    without, named, made_up = asked
    server = urls.origin(question.token_endpoint)
    refused = next((each for each in asked if each.error in _CLIENT_REFUSED), None)
    if any(each.status is None for each in asked):
        return Says.CANNOT_TELL, f"{server} did not answer every request."
    if refused:
        return (
            Says.CANNOT_TELL,
            f"{server} does not take this client ({refused.error}), and looked no further; give another with"
            " --client-id, or let one be registered with --register.",
        )
    if not urls.path_of(question.token_endpoint).endswith("/oauth2/token"):
        return Says.CANNOT_TELL, f"{server} does not look like AuthKit, and what its answers mean is not known."
    if without.error not in _CODE_REFUSED:
        return Says.CANNOT_TELL, f"{server} answered the made-up code itself in an unexpected way ({without.answer})."
    match named.error, made_up.error:
        case "invalid_target", "invalid_target":
            return (
                Says.NOT_CONFIGURED,
                f"{question.resource} is no resource indicator of {server}; add exactly this URI in the dashboard,"
                " under Connect, Configuration, MCP resource indicators.",
            )
        case error, "invalid_target" if error in _CODE_REFUSED:
            return (
                Says.CONFIGURED,
                f"{question.resource} is a resource indicator of {server}: a made-up one is refused, and this one not.",
            )
        case error, other if error in _CODE_REFUSED and other in _CODE_REFUSED:
            return (
                Says.CANNOT_TELL,
                f"{server} refuses the code whatever resource is named: it has no resource indicator at all, or it"
                " looks at the code first. A sign-in shows which.",
            )
        case _:
            return Says.CANNOT_TELL, f"{server} answered in a way that is not known from AuthKit."


async def _asked(wire: Wire, question: Question, client_id: str, resource: str | None) -> Asked:
    form = {
        "grant_type": "authorization_code",
        "code": f"made-up-{secrets.token_urlsafe(16)}",
        "redirect_uri": REDIRECT_URI,
        "client_id": client_id,
        "code_verifier": secrets.token_urlsafe(48),
    }
    if resource is not None:
        form["resource"] = resource
    headers = (*_JSON, ("Content-Type", "application/x-www-form-urlencoded"))
    done = await wire.send("POST", question.token_endpoint, headers, urlencode(form).encode())
    document = answer_of(done)
    return Asked(resource, done.status, (document.text("error") if document else None) or "", done.id)


async def _first_document(places: dict[str, None], named: tuple[str, ...], record: Record) -> Document | None:
    async with Wire(Destinations(named), record=record, label="indicator probe") as wire:
        for place in places:
            done: Exchange = await wire.send("GET", place, _JSON)
            value = content.json_value(done.response_headers, done.response_body)
            if done.status == 200 and (document := Document.of(value)):
                return document
    return None


def _first(documents: list[Document], name: str) -> str | None:
    return next((value for document in documents if (value := document.text(name))), None)
