"""Lets the authorization response come back through here, for clients that sign in through a gateway.

A client that registers gets an address of ours registered beside each of its own. Its authorization request then
names ours, and the browser goes to the authorization server itself, past the gateway: login pages work as ever. The
response is noted here and sent on. Clients that have not registered through here are left alone.
"""

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from addons.json_text import replace_member
from addons.origins import LOOPBACK, ClientSide, Swap
from addons.parameters import swap_in_parameters
from addons.translation import Translated
from inspector.session.model import Translation

_PREFIX = "/.inspector/callback/"

_MOST = 100
"""Sign-ins that may be under way at once; beyond that the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an authorization response belongs, and how its client has addressed us."""

    redirect_uri: str
    side: ClientSide


class CallbackRelay:
    """`origin` is the one of our addresses that stays, because authorization servers keep registrations."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._registered: dict[str, set[str]] = {}
        self._relayed: dict[str, str] = {}
        self._destinations: dict[str, Destination] = {}

    def registration(self, text: str) -> Translated:
        """A registration request (RFC 7591) with our addresses added. Raises ValueError when the text is none."""
        uris = _redirect_uris(text)
        added = [*uris, *dict.fromkeys(map(self._ours, uris))]
        if not uris:
            return text, []
        both = Translation("request.body", "redirect_uris", client=" ".join(uris), upstream=" ".join(added))
        return replace_member(text, "redirect_uris", added), [both]

    def registered(self, text: str) -> Translated:
        """Its answer without ours; from then on the client is known here. Raises ValueError when the text is none."""
        uris = _redirect_uris(text)
        theirs = [uri for uri in uris if not uri.startswith(self._origin + _PREFIX)]
        client_id = json.loads(text).get("client_id") if theirs != uris else None
        if not isinstance(client_id, str):
            return text, []
        self._registered[client_id] = {_without_port(uri) for uri in theirs}
        both = Translation("response.body", "redirect_uris", client=" ".join(theirs), upstream=" ".join(uris))
        return replace_member(text, "redirect_uris", theirs), [both]

    def authorization(self, encoded: str, part: str, side: ClientSide) -> Translated:
        """The parameters of an authorization request, plain or pushed, that lead its response here."""
        given = dict(parse_qsl(encoded))
        uri = given.get("redirect_uri", "")
        # The authorization server only sees our address, so whether this one was registered is for us to check.
        if not uri.isascii() or _without_port(uri) not in self._registered.get(given.get("client_id", ""), ()):
            return encoded, []
        self._relayed[uri] = self._ours(uri)
        for key in (given.get("state"), self._ours(uri)):
            if key:
                self._destinations.pop(key, None)
                self._destinations[key] = Destination(uri, side)
        while len(self._destinations) > _MOST:
            del self._destinations[next(iter(self._destinations))]
        return self._redirected(encoded, part)

    def form(self, encoded: str, side: ClientSide) -> Translated:
        """A form: a pushed authorization request (RFC 9126), or a token request, which repeats the redirect URI."""
        if "grant_type" in dict(parse_qsl(encoded)):
            return self._redirected(encoded, "request.body")
        return self.authorization(encoded, "request.body", side)

    def takes(self, path: str) -> bool:
        """Whether a path is one of our addresses."""
        return path.startswith(_PREFIX)

    def address(self, path: str) -> str:
        """The redirect URI that the authorization server knows for that path."""
        return self._origin + path

    def destination(self, path: str, query: str) -> Destination | None:
        """Where the authorization response belongs that came to a path; None when nobody waits for it."""
        address = self.address(path)
        by_state = self._destinations.get(dict(parse_qsl(query)).get("state", ""))
        if by_state is not None and self._ours(by_state.redirect_uri) == address:
            return by_state  # one address serves clients that differ by the port they listen at
        return self._destinations.get(address)

    def _redirected(self, encoded: str, part: str) -> Translated:
        changed, found = swap_in_parameters(encoded, "redirect_uri", self._swap)
        return changed, [Translation(part, "redirect_uri", client=uri, upstream=self._relayed[uri]) for uri in found]

    def _ours(self, uri: str) -> str:
        return f"{self._origin}{_PREFIX}{hashlib.sha256(_without_port(uri).encode()).hexdigest()[:16]}"

    def _swap(self, uri: str) -> Swap | None:
        return Swap(uri, self._relayed[uri]) if uri in self._relayed else None


def _redirect_uris(text: str) -> list[str]:
    document = json.loads(text)
    uris = document.get("redirect_uris") if isinstance(document, dict) else None
    return uris if isinstance(uris, list) and all(isinstance(uri, str) for uri in uris) else []


def _without_port(uri: str) -> str:
    """A redirect URI as it is registered: on this machine a client may listen at any port (RFC 8252 section 7.3)."""
    try:
        parts = urlsplit(uri)
        host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    except ValueError:
        return uri
    return parts._replace(netloc=host).geturl() if parts.scheme == "http" and host in LOOPBACK else uri
