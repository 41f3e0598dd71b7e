"""The second pass: every copy of a secret replaced by its placeholder, in exchanges, verdicts and any other text."""

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, unquote_plus

from inspector.protocol import content, jwt
from inspector.protocol.secrets import kind_of_header, kind_of_parameter
from inspector.report.redaction.patterns import find_by_pattern
from inspector.report.redaction.places import CREDENTIAL_HEADERS, Collector, basic_pair
from inspector.report.redaction.search import Hit, Index
from inspector.report.redaction.secrets import Masked, Secrets
from inspector.session.model import Body, Exchange, Headers

_WORD_END = re.compile(r"[\s\"'<>{}()]")
_OF_A_URL = re.compile(r"://|:\\/\\/|[?&]|%3[AFaf]|%26")
_LONGEST_WORD = 8192
_MOST_REMEMBERED = 1000
"""Texts kept with what stands for them: headers are the same in every request."""


def find_secrets(exchanges: Iterable[Exchange], key: bytes) -> "Redactor":
    """Go through a recording once, and give back what hides its secrets.

    `key` makes the fingerprints: with the same key the same secret has the same fingerprint in every report.
    """
    secrets = Secrets(key)
    collector = Collector(secrets)
    for exchange in exchanges:
        collector.exchange(exchange)
    secrets.take_back_public()
    return Redactor(secrets, collector.members)


class Redactor:
    """Replaces secrets by placeholders such as `[access_token #77be]`; equal secrets have equal placeholders.

    A JSON Web Token keeps its header and its claims, those about a person masked; only the signature goes.
    """

    def __init__(self, secrets: Secrets, members: dict[tuple[str, str], str]) -> None:
        self._secrets = secrets
        self._members = members
        self._index = Index(secrets)
        self._tokens: dict[str, str] = {}
        self._remembered: dict[tuple[str, bool], str] = {}

    def preview(self) -> list[Masked]:
        """What is hidden, for a look before anything is written."""
        return self._secrets.preview()

    def show(self, fingerprint: str) -> None:
        """Leave one secret unmasked. KeyError for an unknown fingerprint."""
        self._secrets.set_masked(fingerprint, False)
        self._forget()

    def hide(self, fingerprint: str) -> None:
        """Mask it again. KeyError for an unknown fingerprint."""
        self._secrets.set_masked(fingerprint, True)
        self._forget()

    def hide_value(self, value: str) -> str:
        """Mask a value of the user's own choice as well, everywhere; its fingerprint."""
        secret = self._secrets.add(value, "hidden")
        if secret is None:
            raise ValueError("nothing to hide")
        self._index = Index(self._secrets)
        self._forget()
        return secret.fingerprint

    def _forget(self) -> None:
        self._tokens.clear()
        self._remembered.clear()

    def text(self, text: str, *, in_url: bool = False) -> str:
        """Any text without its secrets. `in_url` says that placeholders must be percent-encoded."""
        shown = self._remembered.get((text, in_url))
        if shown is None:
            shown = self._replaced(text, in_url) if text else text
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            if len(text) <= _LONGEST_WORD:
                self._remembered[text, in_url] = shown
        return shown

    def _replaced(self, text: str, in_url: bool) -> str:
        hits = [*self._index.hits(text), *self._by_pattern(text)]
        if not hits:
            return text
        hits.sort(key=lambda hit: (hit.start, -hit.end))
        parts: list[str] = []
        at = 0
        for hit in hits:
            if hit.start >= at:
                shown = self._shown(hit.secret.value)
                encode = in_url or _stands_in_url(text, hit.start)
                parts += text[at : hit.start], quote(shown, safe="") if encode else shown
            # What overlaps the one before goes as well: it may be the end of a longer secret.
            at = max(at, hit.end)
        return "".join((*parts, text[at:]))

    def url(self, url: str) -> str:
        """A URL without its secrets, still a URL."""
        before, hash_sign, fragment = url.partition("#")
        address, question, query = before.partition("?")
        return self.text(address, in_url=True) + question + self.form(query) + hash_sign + self.form(fragment)

    def form(self, encoded: str) -> str:
        """A query or an urlencoded body without its secrets."""
        return "&".join(map(self._pair, encoded.split("&")))

    def exchange(self, exchange: Exchange) -> Exchange:
        """An exchange without its secrets. Bodies are decoded, so content-encoding goes; what is no text goes too."""
        request_headers, request_body = self._message(exchange.request_headers, exchange.request_body)
        response_headers, response_body = self._message(exchange.response_headers, exchange.response_body)
        return replace(
            exchange,
            method=self.text(exchange.method),
            url=self.url(exchange.url),
            reason=self.text(exchange.reason),
            request_headers=request_headers,
            request_body=request_body,
            response_headers=response_headers,
            response_body=response_body,
            error=self.text(exchange.error),
            translations=tuple(
                replace(each, client=self.text(each.client), upstream=self.text(each.upstream))
                for each in exchange.translations
            ),
        )

    def _message(self, headers: Headers, body: Body) -> tuple[Headers, Body]:
        kept = tuple(
            (self.text(name), self._header(name, value))
            for name, value in headers
            if name.lower() != "content-encoding" or not body.data
        )
        return kept, self._body(headers, body)

    def _body(self, headers: Headers, body: Body) -> Body:
        if not body.data:
            return body
        data = content.beginning(headers, body)
        try:
            # A kept beginning may end inside a character.
            text = data.decode(errors="strict" if not body.truncated else "ignore")
        except UnicodeDecodeError:
            return Body(b"", body.size, "")
        is_form = content.media_type(headers) == "application/x-www-form-urlencoded"
        shown = (self.form(text) if is_form else self.text(text)).encode(errors="replace")
        missing = body.size - len(body.data) if data or not body.truncated else body.size
        if content.decoded(headers, body) is None:
            missing = max(missing, 1)
        return replace(Body.whole(shown), size=len(shown) + missing) if missing else Body.whole(shown)

    def _header(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower in CREDENTIAL_HEADERS:
            return self._credentials(value)
        if lower == "cookie":
            return ";".join(map(self._cookie, value.split(";")))
        if lower == "set-cookie":
            first, semicolon, attributes = value.partition(";")
            return self._cookie(first) + semicolon + self.text(attributes)
        return self._whole(value, "") if kind_of_header(name) else self.text(value)

    def _credentials(self, value: str) -> str:
        scheme, space, rest = value.partition(" ")
        if not rest.strip():
            return self._whole(value, "credentials")
        if scheme.lower() == "basic" and (pair := basic_pair(rest.strip())):
            user, password = unquote_plus(pair[0]), unquote_plus(pair[1])
            shown = f"{self.text(user)}:{self._whole(password, 'client_secret')}"
            if not password:
                shown = f"{self._whole(user, 'api_key')}:"
            return scheme + space + base64.b64encode(shown.encode()).decode()
        return scheme + space + self._whole(rest.strip(), "credentials")

    def _cookie(self, cookie: str) -> str:
        name, equals, value = cookie.partition("=")
        if not equals:
            return self.text(cookie)
        return self.text(name) + equals + self._whole(value.strip(), "cookie")

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        kind = kind_of_parameter(unquote_plus(name))
        if not kind or not value:
            return self.text(pair, in_url=True)
        shown = self._whole(unquote_plus(value), kind)
        return name + equals + (value if shown == unquote_plus(value) else quote(shown, safe=""))

    def _whole(self, value: str, kind: str) -> str:
        """What stands for a value that is a secret by its place."""
        secret = self._secrets.get(value) or self._secrets.add(value, kind or "credentials")
        if secret is None or not secret.masked:
            return self.text(value) if secret is None else value
        return self._shown(value)

    def _by_pattern(self, text: str) -> Iterable[Hit]:
        for find in find_by_pattern(text, self._members):
            secret = self._secrets.get(find.value) or self._secrets.add(find.value, find.kind)
            if secret and secret.masked:
                yield Hit(find.start, find.end, secret)

    def _shown(self, value: str) -> str:
        secret = self._secrets.get(value)
        if secret is None:
            return value
        if value not in self._tokens:
            self._tokens[value] = self._token(value, secret.placeholder) or secret.placeholder
        return self._tokens[value]

    def _token(self, value: str, placeholder: str) -> str | None:
        """A JSON Web Token whose claims can still be read, and whose signature is the placeholder."""
        if jwt.decode(value) is None:
            return None
        header, claims, _ = value.split(".")
        return ".".join((self._segment(header), self._segment(claims), placeholder))

    def _segment(self, segment: str) -> str:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        shown = self.text(text)
        return segment if shown == text else base64.urlsafe_b64encode(shown.encode()).rstrip(b"=").decode()


def _stands_in_url(text: str, at: int) -> bool:
    """Whether the word before a position shows that it is part of a URL, where brackets and `#` mean something."""
    begin = max(0, at - _LONGEST_WORD)
    before = text[begin:at]
    word = _WORD_END.split(before)[-1]
    return _OF_A_URL.search(word) is not None
