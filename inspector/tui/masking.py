"""Hides secrets on the screen, and still lets the reader see that two of them are the same."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, unquote_plus

from textual.content import Content

from inspector.protocol.jwt import decode
from inspector.protocol.secrets import CREDENTIALS, kind_of_member
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run
from inspector.tui.display import visible
from inspector.tui.looks import HIDDEN, aside

SECRET_NAMES = frozenset(CREDENTIALS)
"""Parameters that let their holder in. `state` is not among them: it is compared by eye."""

SECRET_MEMBERS = frozenset(name for name in CREDENTIALS if kind_of_member(name))
"""JSON members to hide; `code` in JSON is an error code."""

_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization"})
_COOKIE_HEADERS = frozenset({"cookie", "set-cookie"})
_KEY_HEADERS = frozenset({"dpop", "x-api-key"})
_SHORTEST_TO_SEARCH = 8

_NAMES = "|".join(sorted(SECRET_NAMES, key=len, reverse=True))
_MEMBERS = "|".join(sorted(SECRET_MEMBERS, key=len, reverse=True))
_PAIR = rf"(?<![A-Za-z0-9_])(?:{_NAMES})=(?P<pair>[^&\s\"'<>#;,\\]+)"
_MEMBER = rf'\\?"(?:{_MEMBERS})\\?"\s*:\s*\\?"(?P<value>(?:[^"\\]|\\(?!"))+)'
_SCHEME = r"(?i:bearer|dpop|basic)[ ]+(?P<credential>[A-Za-z0-9._~+/=-]{8,})"
_JWT = r"(?P<jwt>eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)"
_SECRET = re.compile("|".join((_PAIR, _MEMBER, _SCHEME, _JWT)))


@dataclass(frozen=True)
class Masker:
    """Writes placeholders with a keyed fingerprint: equal for equal secrets, useless to anyone without the key."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def fingerprint(self, secret: str) -> str:
        """Four hex digits."""
        return hmac.new(self.key, secret.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:4]

    def placeholder(self, secret: str) -> str:
        """What stands on the screen in place of a secret, such as `hidden 43 chars #a1f3` in angle quotes."""
        what = "JWT " if decode(secret) else ""
        return aside(f"hidden {what}{len(secret)} chars #{self.fingerprint(secret)}")


@dataclass(frozen=True)
class Veil:
    """How the captured text of one run is shown: secrets hidden, or in a pane whose veil is lifted, in the clear.

    `known` are the run's secrets, found by their names, so that they are hidden wherever else they turn up.
    """

    masker: Masker
    known: frozenset[str] = frozenset()
    lifted: bool = False

    def value(self, name: str, value: str) -> Content:
        """The value of a parameter of a query or form."""
        hide = not self.lifted and value and name in SECRET_NAMES
        return self._hidden(value) if hide else self.text(value)

    def member(self, name: str, value: str) -> Content:
        """The value of a JSON member."""
        hide = not self.lifted and value and name in SECRET_MEMBERS
        return self._hidden(value) if hide else self.text(value)

    def header(self, name: str, value: str) -> Content:
        """The value of a header field."""
        lower = name.lower()
        if self.lifted:
            return visible(value)
        if lower in _CREDENTIAL_HEADERS:
            scheme, space, credential = value.partition(" ")
            return visible(scheme + space) + self._hidden(credential) if credential else self._hidden(value)
        if lower in _COOKIE_HEADERS:
            return self._cookies(value, only_first=lower == "set-cookie")
        return self._hidden(value) if lower in _KEY_HEADERS else self.text(value)

    def text(self, text: str, style: str = "") -> Content:
        """Free text, in which secrets are looked for by their names, their shape and their value."""
        if self.lifted:
            return visible(text, style)
        return Content("").join(
            self._hidden(piece) if secret else self._without_known(piece, style) for piece, secret in _split(text)
        )

    def _hidden(self, secret: str) -> Content:
        return Content.styled(self.masker.placeholder(secret), HIDDEN)

    def _cookies(self, value: str, *, only_first: bool) -> Content:
        parts = []
        for number, cookie in enumerate(value.split(";")):
            name, equals, secret = cookie.partition("=")
            hide = secret and not (only_first and number)
            parts.append(visible(name + equals) + self._hidden(secret) if hide else visible(cookie))
        return Content(";").join(parts)

    def _without_known(self, text: str, style: str) -> Content:
        present = [form for form in self._forms if form in text]
        if not present:
            return visible(text, style)
        # A pattern of one group: what matched is at every odd index.
        found = re.split(f"({'|'.join(map(re.escape, present))})", text)
        pieces = (
            self._hidden(piece if piece in self.known else unquote_plus(piece)) if index % 2 else visible(piece, style)
            for index, piece in enumerate(found)
        )
        return Content("").join(pieces)

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        """The known secrets as they may stand in text, also inside a URL; the longest first."""
        long_enough = {secret for secret in self.known if len(secret) >= _SHORTEST_TO_SEARCH}
        forms = long_enough | {quote(secret, safe="", errors="replace") for secret in long_enough}
        return tuple(sorted(forms, key=len, reverse=True))


def _split(text: str) -> Iterator[tuple[str, bool]]:
    """Cut text at the secrets that name or shape give away; each piece with whether it is one."""
    position = 0
    for match in _SECRET.finditer(text):
        group = match.lastgroup or ""
        start, end = match.span(group)
        if start > position:
            yield text[position:start], False
        secret = unquote_plus(match[group]) if group == "pair" else match[group]
        yield secret, True
        position = end
    if position < len(text):
        yield text[position:], False


def secrets_of(run: Run) -> frozenset[str]:
    """Every secret of a run that is sent under its own name."""
    return frozenset(secret for message in run.messages for secret in _of_message(message) if secret)


def _of_message(message: Message) -> Iterator[str]:
    yield message.bearer or ""
    if message.kind is Kind.MCP:
        return
    for params in (message.query, message.form):
        yield from (value for name, value in params.pairs if name in SECRET_NAMES)
    for document in (message.sent, message.document):
        if document:
            yield from (document.text(name) or "" for name in SECRET_MEMBERS)
