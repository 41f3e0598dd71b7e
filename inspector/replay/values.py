"""The values that tie the messages of one sign-in together: found in a recording, and made anew in a replay.

In a template `${name}` stands for such a value. Recording and replay learn their values in the same way, so that a
template made from the one can be filled from the other.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator
from string import Template
from urllib.parse import SplitResult, quote, urlsplit

from inspector.protocol import content, pkce, urls
from inspector.timeline.message import Kind, Message

MADE_BY_CLIENT = ("state", "nonce", "code_verifier", "code_challenge")
_ISSUED = ("client_id", "client_secret", "access_token", "refresh_token", "code")
_RENEWED = ("access_token", "refresh_token", "code", "client_id", *MADE_BY_CLIENT)
"""Values that a client has several of, one after the other; the one before is `previous.NAME`."""


_VERSION_HEADER_SINCE = "2025-06-18"


class Placeholders(Template):
    """Text with `${name}` in it; a dollar sign of its own is doubled."""

    braceidpattern = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*"
    idpattern = r"(?!)"  # only in braces


class Unknown(Exception):
    """A template names a value that nobody has given; the text is its name."""


class Values:
    """What one client knows at one moment of one sign-in."""

    def __init__(self, mcp_url: str, issuer: str = "") -> None:
        """`issuer` is the authorization server, for a client that knows it before it has asked anybody."""
        self._known: dict[str, str] = {}
        self._made_up: dict[str, str] = {}
        parts = _parts(mcp_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        self._known |= {"mcp_url": mcp_url, "mcp_origin": origin, "mcp_path": parts.path.rstrip("/")}
        self._known["length"] = "0"  # the wire puts in the right one
        if issuer:
            self.know_issuer(issuer)

    def get(self, name: str) -> str | None:
        """The value of this name, None when it is not known."""
        return self._known.get(name)

    def set(self, name: str, value: str) -> None:
        """Know a value, and the one it replaces as the previous one."""
        before = self._known.get(name)
        if before is not None and before != value and name in _RENEWED:
            self._known[f"previous.{name}"] = before
        self._known[name] = value

    def make_proof(self) -> None:
        """Make what a client makes for each authorization request: state, nonce and proof key (RFC 7636)."""
        verifier = secrets.token_urlsafe(48)
        self.set("code_verifier", verifier)
        self.set("code_challenge", pkce.s256(verifier))
        self.set("state", secrets.token_urlsafe(24))
        self.set("nonce", secrets.token_urlsafe(24))

    # Learning from an answer

    def learn(self, message: Message) -> None:
        """Take from an answer what the client can take from it."""
        match message.kind:
            case Kind.MCP:
                self._learn_mcp(message)
            case Kind.RESOURCE_METADATA if document := message.good_document:
                if resource := document.text("resource"):
                    self.set("prm.resource", resource)
                self._set_scope("prm.scope", " ".join(document.texts("scopes_supported") or ()))
                for server in (document.texts("authorization_servers") or ())[:1]:
                    self.know_issuer(server)
            case Kind.SERVER_METADATA if document := message.good_document:
                for name, value in document.raw.items():
                    if isinstance(value, str) and (name.endswith("_endpoint") or name in ("issuer", "jwks_uri")):
                        self.set(f"as.{name}", value)
            case Kind.REGISTER | Kind.TOKEN if message.document and (message.status or 500) < 300:
                for name in _ISSUED:
                    if value := message.document.text(name):
                        self.set(name, value)
            case _:
                pass

    def _learn_mcp(self, message: Message) -> None:
        for challenge in message.challenges:
            if named := challenge.get("resource_metadata"):
                self.set("challenge.resource_metadata", named)
            self._set_scope("challenge.scope", challenge.get("scope") or "")
        for answer in message.rpc_received:
            version = answer.result.get("protocolVersion") if answer.result else None
            if isinstance(version, str) and version >= _VERSION_HEADER_SINCE:
                self.set("mcp.protocol_version", version)
        if session := content.header(message.exchange.response_headers, "mcp-session-id"):
            self.set("mcp.session_id", session)

    def _set_scope(self, name: str, scope: str) -> None:
        if scope:
            self.set(name, scope)

    def know_issuer(self, issuer: str) -> None:
        """Know the authorization server by its issuer identifier."""
        parts = _parts(issuer)
        self.set("issuer", issuer)
        self.set("issuer_origin", f"{parts.scheme}://{parts.netloc}")
        self.set("issuer_path", parts.path.rstrip("/"))

    # From a value to its template

    def secret(self, name: str, value: str) -> str:
        """The template of a value that must not be kept: the one known by that name, the previous one, or a made-up."""
        for place in (name, f"previous.{name}"):
            if self._known.get(place) == value:
                return f"${{{place}}}"
        return f"${{made_up.{re.sub(r'[^a-z0-9_]', '_', name.lower())}}}"

    def scope(self, value: str) -> str:
        """The template of a scope: relative to what the challenge or the metadata asks for, else as it is."""
        for place in ("challenge.scope", "prm.scope"):
            known = self._known.get(place)
            if known and (value == known or value.startswith(known + " ")):
                return f"${{{place}}}{escaped(value[len(known) :])}"
        return escaped(value)

    def address(self, value: str, *first: str) -> str:
        """The template of a URL: relative to the servers of the sign-in, else as it is. `first` are names to prefer."""
        if exact := self._named_exactly(value, first):
            return exact
        for name in ("mcp_url", "mcp_origin", "issuer_origin", "mcp_alias"):
            base = self._base(name)
            if base and value.startswith(base) and (rest := value[len(base) :])[:1] in ("", "/", "?", "#"):
                return f"${{{name}}}{self._path(name, rest)}"
        return escaped(value)

    def text(self, value: str) -> str:
        """The template of JSON, or of any other text: addresses in its strings are made relative."""
        return "".join(
            self.address(part, "redirect_uri") if is_address else escaped(part)
            for part, is_address in self._addresses_in(value)
        )

    def _addresses_in(self, value: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, with whether each is the whole of a JSON string that is an address."""
        end = 0
        for match in re.finditer(r'(?<=")(?:[a-zA-Z][a-zA-Z0-9+.-]*:)[^"\\\s]*(?=")', value):
            yield value[end : match.start()], False
            yield match[0], True
            end = match.end()
        yield value[end:], False

    def _named_exactly(self, value: str, first: tuple[str, ...]) -> str | None:
        for name in first:
            known = self._base(name)
            if known and value == known:
                return f"${{{name}}}"
            if known and value == known + "/":
                return f"${{{name}}}/"
        return None

    def _base(self, name: str) -> str | None:
        if name != "mcp_alias":
            return self._known.get(name)
        origin = self._known["mcp_origin"]
        swapped = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}.get(urls.host_of(origin))
        return origin.replace(urls.host_of(origin), swapped, 1) if swapped else None

    def _path(self, base: str, rest: str) -> str:
        """What follows an origin, with the path of the endpoint or the issuer in it as a name."""
        place = {"mcp_origin": "mcp_path", "mcp_alias": "mcp_path", "issuer_origin": "issuer_path"}.get(base)
        path = self._known.get(place, "") if place else ""
        if not path:
            # Well-known addresses of an issuer or an endpoint without a path have nothing to put there.
            return escaped(rest)
        before, found, after = rest.partition(path)
        follows = after[:1] in ("", "/", "?", "#")
        return f"{escaped(before)}${{{place}}}{escaped(after)}" if found and follows else escaped(rest)

    def basic(self, credentials: str) -> str:
        """The template of the credentials of HTTP Basic authentication (RFC 6749 section 2.3.1)."""
        return "${basic}" if credentials == self._basic() else "${made_up.basic}"

    def _basic(self) -> str | None:
        client_id, secret = self._known.get("client_id"), self._known.get("client_secret")
        if client_id is None or secret is None:
            return None
        return base64.b64encode(f"{_quoted(client_id)}:{_quoted(secret)}".encode()).decode()

    # From a template to the value

    def fill(self, template: str) -> str:
        """The text of a template.

        Raises:
            Unknown: it names a value that is not known.
        """
        return Placeholders(template).substitute(_Lookup(self._value))

    def _value(self, name: str) -> str:
        if name.startswith("made_up."):
            return self._made_up.setdefault(name, f"made-up-{secrets.token_urlsafe(16)}")
        value = self._basic() if name == "basic" else self._base(name)
        if value is None and name.startswith("previous."):
            return self._value("made_up." + name)
        if value is None:
            raise Unknown(name)
        return value


class _Lookup(dict[str, str]):
    """The values as what `Template` looks names up in."""

    def __init__(self, value: Callable[[str], str]) -> None:
        super().__init__()
        self._value = value

    def __missing__(self, name: str) -> str:
        return self._value(name)


def _parts(url: str) -> SplitResult:
    """The parts of a URL, all empty for what is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _quoted(text: str) -> str:
    # JSON may hold half of a surrogate pair, which no encoding takes.
    return quote(text, safe="", errors="replace")


def escaped(text: str) -> str:
    """Text as a template that means itself."""
    return text.replace("$", "$$")


def names_in(template: str) -> tuple[str, ...]:
    """The names of the values a template needs."""
    return tuple(Placeholders(template).get_identifiers())


def json_text(value: object) -> str:
    """JSON as the templates of a profile hold it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
