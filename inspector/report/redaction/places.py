"""The first pass: every secret of a recording, found by the place it stands in."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import unquote_plus

from inspector.protocol import content, jwt
from inspector.protocol.params import Params
from inspector.protocol.secrets import (
    PERSONS,
    PRIVATE_KEY_MEMBERS,
    kind_of_header,
    kind_of_member,
    kind_of_parameter,
    plain_name,
)
from inspector.report.redaction.encodings import base64_texts
from inspector.report.redaction.patterns import find_by_pattern
from inspector.report.redaction.secrets import SHORTEST_ANYWHERE, SIGNATURE, Secrets
from inspector.session.model import Body, Exchange, Headers

CREDENTIAL_HEADERS = ("authorization", "proxy-authorization")
_MOST_DEPTH = 24
_MOST_REMEMBERED = 500
_OAUTH_MEMBERS = frozenset({"grant_type", "redirect_uri", "code_verifier", "response_type"})


class Collector:
    """Walks through exchanges and notes their secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._exchange = 0
        self._noted: list[tuple[str, str, str]] = []
        self._headers: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
        self.members: dict[tuple[str, str], str] = {}
        """Kinds of short values by member name and value: too short to be looked for, and known by their object."""

    def exchange(self, exchange: Exchange) -> None:
        """Note the secrets of every part of an exchange."""
        self._exchange = exchange.id
        self._url(exchange.url, "URL")
        self._message(exchange.request_headers, exchange.request_body, "request")
        self._message(exchange.response_headers, exchange.response_body, "response")
        self._text(exchange.error, "error")
        for translation in exchange.translations:
            self._value(translation.client, "translation")
            self._value(translation.upstream, "translation")

    def _message(self, headers: Headers, body: Body, at: str) -> None:
        self._noted = []
        for name, value in headers:
            self._again(name, value, f"{at} header")
        data = content.beginning(headers, body)
        if not data:
            return
        text = data.decode(errors="replace")
        media = content.media_type(headers)
        if media == "application/x-www-form-urlencoded":
            self._params(text, f"{at} form")
        elif media == "text/event-stream":
            for event in content.event_data(text):
                self._value(event, f"{at} event")
            self._text(text, f"{at} event")
        else:
            self._value(text, f"{at} body")

    def _again(self, name: str, value: str, at: str) -> None:
        """A header, from memory where it was seen before: the same token is sent with every request."""
        remembered = self._headers.get((at, name, value))
        if remembered is None:
            self._noted = remembered = []
            self._header(name, value, at)
            self._noted = []
            if len(self._headers) >= _MOST_REMEMBERED:
                self._headers.clear()
            self._headers[at, name, value] = remembered
        else:
            for secret, kind, place in remembered:
                self._secrets.add(secret, kind, self._exchange, place)

    def _header(self, name: str, value: str, at: str) -> None:
        lower = name.lower()
        at = f"{at} {lower}"
        if lower in CREDENTIAL_HEADERS:
            self._credentials(value, at)
        elif lower in ("cookie", "set-cookie"):
            for cookie in value.split(";") if lower == "cookie" else value.split(";")[:1]:
                held = cookie.partition("=")[2].strip()
                self._add(held, "cookie", at)
                self._value(unquote_plus(held.strip('"')), at)
        elif kind := kind_of_header(name):
            self._add(value, kind, at)
        self._value(value, at)

    def _credentials(self, value: str, at: str) -> None:
        scheme, _, rest = value.partition(" ")
        credential = rest.strip() or scheme
        if scheme.lower() == "basic" and (pair := basic_pair(credential)):
            for user, password in {pair, (unquote_plus(pair[0]), unquote_plus(pair[1]))}:
                # Some services take the API key as the user, without a password.
                self._add(*(password, "client_secret") if password else (user, "api_key"), at)
        self._add(credential, "access_token" if scheme.lower() in ("bearer", "dpop") else "credentials", at)

    def _url(self, url: str, at: str) -> None:
        before, _, fragment = url.partition("#")
        address, _, query = before.partition("?")
        self._text(address, at)
        self._params(query, f"{at} query")
        if "=" in fragment:
            self._params(fragment, f"{at} fragment")
        else:
            self._text(fragment, at)

    def _params(self, encoded: str, at: str) -> None:
        for name, value in Params.parse(encoded).pairs:
            if name == "client_id":
                self._secrets.publish(value)
            elif kind := kind_of_parameter(name):
                self._add(value, kind, f"{at} {name}")
            self._value(value, f"{at} {name}")
        self._text(encoded, at)

    def _value(self, text: str, at: str, depth: int = 0) -> None:
        """Look into a string that may be JSON, a URL, or anything."""
        stripped = text.strip()
        if stripped[:1] in ("{", "[", '"') and depth < _MOST_DEPTH:
            try:
                parsed = json.loads(stripped, strict=False)
            except (ValueError, RecursionError):
                parsed = None
            if parsed is not None:
                self._json(parsed, at, depth + 1)
        elif "?" in text or "#" in text:
            self._params(text.partition("?")[2].partition("#")[0], f"{at} query")
            self._params(text.partition("#")[2], f"{at} fragment")
        self._text(text, at, depth)

    def _json(self, value: object, at: str, depth: int, *, person: bool = False) -> None:
        if depth > _MOST_DEPTH:
            return
        if isinstance(value, str):
            self._value(value, at, depth)
        elif isinstance(value, list):
            for each in value:
                self._json(each, at, depth + 1)
        elif isinstance(value, dict):
            self._object(value, at, depth, person=person)

    def _object(self, value: Mapping[str, object], at: str, depth: int, *, person: bool) -> None:
        names = {plain_name(name) for name in value}
        person = person or bool(names & PERSONS.keys())
        oauth = bool(names & _OAUTH_MEMBERS)
        for name, held in value.items():
            kind = kind_of_parameter(name) if oauth else kind_of_member(name)
            if plain_name(name) == "name" and person:
                kind = "name"
            elif "kty" in names and name in PRIVATE_KEY_MEMBERS:
                kind = "private_key"
            if name == "client_id" and isinstance(held, str):
                self._secrets.publish(held)
            elif kind:
                self._member(name, held, kind, f"{at} {name}", depth)
            self._json(held, f"{at} {name}", depth + 1)

    def _member(self, name: str, held: object, kind: str, at: str, depth: int) -> None:
        if isinstance(held, str) and held:
            if len(held) < SHORTEST_ANYWHERE:
                self.members[name, held] = kind
            self._add(held, kind, at)
        elif isinstance(held, int) and not isinstance(held, bool) and abs(held) >= 1000:
            self._add(str(held), kind, at)
        elif isinstance(held, list | dict) and depth < _MOST_DEPTH:
            for each in held if isinstance(held, list) else held.values():
                self._member(name, each, kind, at, depth + 1)

    def _text(self, text: str, at: str, depth: int = 0) -> None:
        """Look for what gives itself away, also in what is base64."""
        for find in find_by_pattern(text):
            self._add(find.value, find.kind, at)
        if depth < _MOST_DEPTH:
            for _, _, inside in base64_texts(text):
                self._value(inside, at, depth + 8)

    def _add(self, value: str, kind: str, at: str) -> None:
        known = self._secrets.get(value) is not None
        self._secrets.add(value, kind, self._exchange, at)
        self._noted.append((value, kind, at))
        if known or value.count(".") != 2:
            return
        if token := jwt.decode(value):
            signature = value.rpartition(".")[2]
            if len(signature) >= SHORTEST_ANYWHERE:
                self._secrets.add(signature, SIGNATURE, self._exchange, at)
            self._json(dict(token.claims), f"{at} claim", 0, person=True)
            self._json(dict(token.header), f"{at} header", 0)


def basic_pair(credential: str) -> tuple[str, str] | None:
    """User and password of a Basic credential (RFC 7617 section 2), still form-encoded as OAuth has it."""
    try:
        user, colon, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None
