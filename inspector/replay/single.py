"""One recorded request again, edited or as it was, at a server the user names; its answer beside the recorded one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inspector.display import visible
from inspector.errors import ReplayFailure
from inspector.protocol import content, urls
from inspector.reference.pair import Reference
from inspector.replay.answers import AnswerDifference, compare_answers, compare_bodies, status_in_words, took
from inspector.replay.edits import Request, request_of
from inspector.replay.leaving import KnownSecrets, Secret, shown_header, shown_url
from inspector.replay.mirror import mirror_of
from inspector.replay.wire import Destinations, OriginMapping, Record, Wire
from inspector.session.model import Exchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

ORIGINAL = "original"
REFERENCE = "reference"
_ENDPOINTS = {Kind.AUTHORIZE: "authorize", Kind.TOKEN: "token", Kind.REGISTER: "register", Kind.KEYS: "jwks"}
_WELL_KNOWN = ("oauth-protected-resource", "oauth-authorization-server", "openid-configuration")


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a request would go, and the recorded secrets in it that this server has not had. Nothing is sent yet."""

    url: str
    request: Request
    secrets: tuple[Secret, ...]

    @property
    def origin(self) -> str:
        """The server it goes to."""
        return urls.origin(self.url)

    def lines(self) -> Iterator[str]:
        """What is said before it is sent, safe for a terminal."""
        yield visible(f"{self.request.method} {urls.without_query(self.url)} would be sent to {self.origin}.")
        if self.secrets:
            count = len(self.secrets)
            yield visible(
                f"It carries {count} recorded secret{'s' if count > 1 else ''} that {self.origin} has not had:"
            )
            for secret in self.secrets:
                yield visible(f"  {secret}")


@dataclass(frozen=True, slots=True)
class SentAgain:
    """A request with the recorded answer and the one of now."""

    recorded: Exchange
    now: Exchange
    differences: tuple[AnswerDifference, ...]

    def lines(self) -> Iterator[str]:
        """The result as text, safe for a terminal; secrets replaced."""
        yield visible(f"Sent {self.now.method} {shown_url(self.now.url)}")
        changed = tuple(request_changes(self.recorded, self.now))
        yield "changed in the request" if changed else "The request is the recorded one, byte for byte but for Host."
        yield from _sides(changed)
        yield ""
        yield visible(f"recorded  {_in_short(self.recorded)}")
        yield visible(f"now       {_in_short(self.now)}")
        yield ""
        count = len(self.differences)
        yield f"{count} difference{'s' if count != 1 else ''} in the answer" if count else "The answer is the same."
        yield from _sides(self.differences)

    def table(self) -> dict[str, Any]:
        """The result as data for other programs, version 1."""

        def listed(differences: tuple[AnswerDifference, ...]) -> list[dict[str, str | None]]:
            return [
                {"part": each.part, "name": each.name, "recorded": each.recorded, "now": each.now}
                for each in differences
            ]

        return {
            "version": 1,
            "url": shown_url(self.now.url),
            "exchange": self.now.id,
            "recorded": {"status": self.recorded.status, "seconds": took(self.recorded)},
            "now": {"status": self.now.status, "seconds": took(self.now), "error": self.now.error or None},
            "request": listed(tuple(request_changes(self.recorded, self.now))),
            "answer": listed(self.differences),
        }


def departure(run: Run, request: Request, base: str) -> Departure:
    """What sending a request to a server means. `base` is the URL that stands for the recorded origin.

    Raises:
        ReplayFailure: `base` is no URL that requests can be sent to.
    """
    named = Destinations((base,))
    recorded = urls.origin(request.url)
    url = request.url if base == recorded else OriginMapping(((recorded, base),)).url(request.url)
    named.check(url)
    known = KnownSecrets.of(message.exchange for message in run.messages)
    return Departure(url, request, known.new_to(request, url))


async def send_again(
    recorded: Exchange, leaving: Departure, *, record: Record, label: str = "", patience: float = 10.0
) -> SentAgain:
    """Send a request where its departure says and nowhere else; whoever calls this has asked the user.

    Raises:
        ReplayFailure: the request cannot be sent.
    """
    async with Wire(Destinations((leaving.url,)), record=record, label=label, patience=patience) as wire:
        now = await wire.send(leaving.request.method, leaving.url, leaving.request.headers, leaving.request.body)
    moved = ((urls.origin(leaving.request.url), leaving.origin),)
    return SentAgain(recorded, now, compare_answers(recorded, now, moved))


async def send_to_reference(run: Run, message: Message, request: Request, *, record: Record, label: str) -> SentAgain:
    """Send a request to the bundled reference servers, set up like those of the run. Nothing leaves this process.

    They know none of the recorded tokens, codes and clients.

    Raises:
        ReplayFailure: the request was for neither of the two servers, or cannot be sent.
    """
    mirror = mirror_of(run)
    async with Reference(mirror.settings, faults=mirror.faults) as pair:
        places = tuple(_places(run, message, pair))
        url = OriginMapping(places).url(request.url)
        destinations = Destinations((pair.mcp_url, pair.issuer))
        if urls.origin(url) not in destinations.origins:
            raise ReplayFailure(
                "This request went to neither the MCP server nor the authorization server; name a URL to send it to."
            )
        async with Wire(destinations, record=record, label=label) as wire:
            now = await wire.send(request.method, url, request.headers, request.body)
    return SentAgain(message.exchange, now, compare_answers(message.exchange, now, places))


def request_changes(recorded: Exchange, now: Exchange) -> Iterator[AnswerDifference]:
    """How the request of now differs from the recorded one, the origin, Host and Content-Length aside."""
    one, other = request_of(recorded), request_of(now)
    pairs = [("method", one.method, other.method), ("path", one.target, other.target)]
    for part, left, right in pairs:
        if left != right:
            yield AnswerDifference(part, "", shown_url(left), shown_url(right))
    kept = [
        [f"{name}: {shown_header(name, value)}" for name, value in each.headers if name.lower() not in _MADE_RIGHT]
        for each in (one, other)
    ]
    if kept[0] != kept[1]:
        gone = [line for line in kept[0] if line not in kept[1]]
        come = [line for line in kept[1] if line not in kept[0]]
        yield AnswerDifference("headers", "", "\n".join(gone) or None, "\n".join(come) or None)
    if one.body != other.body:
        yield from compare_bodies(*(_shown_body(each) for each in (recorded, now)))


def _shown_body(exchange: Exchange) -> str:
    """A request body as text for people: a form with a parameter a line, secrets replaced."""
    text = content.beginning(exchange.request_headers, exchange.request_body).decode("utf-8", "replace")
    if content.media_type(exchange.request_headers) == "application/x-www-form-urlencoded":
        return shown_url(f"?{text}")[1:].replace("&", "\n")
    return text


_MADE_RIGHT = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive"})


def _places(run: Run, message: Message, pair: Reference) -> Iterator[tuple[str, str]]:
    """Recorded addresses and where the reference servers have the same thing."""
    if endpoint := _ENDPOINTS.get(message.kind):
        yield message.url, f"{pair.issuer}/oauth2/{endpoint}"
    if run.server_url:
        yield run.server_url, pair.mcp_url
        for name in _WELL_KNOWN:
            yield urls.insert_well_known(run.server_url, name), urls.insert_well_known(pair.mcp_url, name)
        yield urls.origin(run.server_url), urls.origin(pair.mcp_url)
    if run.issuer:
        for name in _WELL_KNOWN:
            yield urls.insert_well_known(run.issuer, name), urls.insert_well_known(pair.issuer, name)
        yield urls.origin(run.issuer), pair.issuer


def _sides(differences: tuple[AnswerDifference, ...]) -> Iterator[str]:
    for each in differences:
        yield visible(f"  {each.title}")
        for side, value in (("recorded", each.recorded), ("now", each.now)):
            for line in "none".splitlines() if value is None else value.splitlines() or [""]:
                yield visible(f"    {side:<8}  {line}")


def _in_short(exchange: Exchange) -> str:
    seconds = took(exchange)
    return status_in_words(exchange) + (f"  {seconds * 1000:.0f} ms" if seconds is not None else "")
