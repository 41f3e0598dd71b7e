"""What one recorded HTTP exchange is, for every reader and writer of a session.

Standard library only: the recorder inside the proxy shares this module.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

type Headers = tuple[tuple[str, str], ...]
"""Header fields in wire order, names as sent, bytes decoded as Latin-1 (RFC 9110 section 5.5)."""


class State(StrEnum):
    """How far an exchange got when it was last written."""

    REQUEST = "request"  # sent, nothing came back yet
    RESPONDING = "responding"  # response headers seen, body still open (server-sent events stay here for long)
    COMPLETE = "complete"
    FAILED = "failed"  # the connection broke or a peer went away; `error` says how
    RECORDED = "recorded"  # only the request was seen, by design: the browser leg through the authorize recorder


class Source(StrEnum):
    """Where an exchange comes from."""

    CAPTURE = "capture"
    IMPORT = "import"
    REPLAY = "replay"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Body:
    """A message body as it was on the wire, content codings still on.

    `data` may be shorter than `size` (bytes on the wire) when the recorder kept only the beginning;
    `sha256` is the hex digest of the whole body when it was seen whole.
    """

    data: bytes = b""
    size: int = 0
    sha256: str = ""

    @classmethod
    def whole(cls, data: bytes) -> "Body":
        """A body of which every byte is at hand."""
        return cls(data, len(data), hashlib.sha256(data).hexdigest())

    @property
    def truncated(self) -> bool:
        """Whether bytes are missing at the end."""
        return len(self.data) < self.size


@dataclass(frozen=True, slots=True)
class Translation:
    """One value the inspector itself changed on the way, with what each side saw; empty where it was not there.

    `by` is empty where one of the inspector's own addresses stands for another. Otherwise somebody wanted the change:
    it is the name of a wire patch, or `step` for one made by hand at a held message. Then the client did not send what
    upstream saw, or the other way round.
    """

    part: str
    name: str
    client: str
    upstream: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request with its response, as upstream saw and sent it.

    Times are seconds since the epoch; 0.0 means not seen. `changed` grows with every write to the session, so a
    reader asks for everything above the highest number it has seen.
    """

    id: int
    method: str
    url: str
    request_headers: Headers = ()
    request_body: Body = Body()
    status: int | None = None
    reason: str = ""
    response_headers: Headers = ()
    response_body: Body = Body()
    http_version: str = "HTTP/1.1"
    started_at: float = 0.0
    request_end: float = 0.0
    response_start: float = 0.0
    response_end: float = 0.0
    state: State = State.COMPLETE
    error: str = ""
    source: Source = Source.CAPTURE
    listener: str = ""
    client_address: str = ""
    server_address: str = ""
    tls: str = ""
    translations: tuple[Translation, ...] = field(default=())
    changed: int = 0

    def request_header(self, name: str) -> str | None:
        """The first request header of that name, any case; None when absent."""
        return first_value(self.request_headers, name)

    def response_header(self, name: str) -> str | None:
        """The first response header of that name, any case; None when absent."""
        return first_value(self.response_headers, name)

    def response_header_all(self, name: str) -> tuple[str, ...]:
        """Every response header of that name, in wire order."""
        return all_values(self.response_headers, name)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that stopped traffic before there was an exchange, such as a client that refuses the certificate."""

    id: int
    at: float
    kind: str
    host: str
    text: str
    changed: int = 0


def all_values(headers: Headers, name: str) -> tuple[str, ...]:
    """The values of every header of that name, any case, in wire order."""
    wanted, length = name.lower(), len(name)
    return tuple([value for key, value in headers if len(key) == length and key.lower() == wanted])


def first_value(headers: Headers, name: str) -> str | None:
    """The value of the first header of that name, any case; None when absent."""
    # A plain loop that compares lengths first: this is asked for dozens of times per exchange.
    wanted, length = name.lower(), len(name)
    for key, value in headers:
        if len(key) == length and key.lower() == wanted:
            return value
    return None
