"""The places where client and servers name each other by URL, each as an edit of the text it stands in.

They are what a client compares while it signs in, and it stops at the first that does not fit: so all of them are
translated, or none. Texts come out with every other character as it was.
"""

import re
from collections.abc import Callable

from addons.json_text import replace_strings
from addons.origins import Swap
from addons.parameters import swap_in_parameters
from inspector.session.model import Translation

type Lookup = Callable[[str], Swap | None]
"""How the beginning of a URL changes on its way; None when it stays."""

type Translated = tuple[str, list[Translation]]
"""A text, and the values in it that client and server see differently."""

_METADATA_URL = re.compile(r"""(\bresource_metadata\s*=\s*(?:"(?=[^"]*"))?)((?<=")[^"]*|[^\s,"]+)""", re.IGNORECASE)
_COOKIE_DOMAIN = re.compile(r";\s*domain=([^;]*)", re.IGNORECASE)


def resource_in_parameters(encoded: str, part: str, to_upstream: Lookup) -> Translated:
    """The resource indicators in a query or a form (RFC 8707 section 2)."""
    changed, urls = swap_in_parameters(encoded, "resource", to_upstream)
    return changed, [Translation(part, "resource", client=url, upstream=_after(url, to_upstream)) for url in urls]


def resource_in_json(text: str, to_upstream: Lookup) -> Translated:
    """The same in a JSON object. Raises ValueError when the text is none."""
    found: list[Translation] = []

    def new(name: str, value: str) -> str | None:
        if name != "resource" or to_upstream(value) is None:
            return None
        found.append(Translation("request.body", name, client=value, upstream=_after(value, to_upstream)))
        return found[-1].upstream

    return replace_strings(text, new), found


def page_header(name: str, value: str, to_upstream: Lookup) -> Translated:
    """The page a browser comes from, in Origin and Referer: servers refuse forms of foreign pages."""
    swap = to_upstream(value)
    if swap is None:
        return value, []
    return swap(value), [Translation("request.headers", name, client=swap.old, upstream=swap.new)]


def response_header(name: str, value: str, to_client: Lookup) -> Translated:
    """A challenge, a redirect, a cookie; any other header comes back as it is."""
    match name.lower():
        case "www-authenticate":
            return _challenge(name, value, to_client)
        case "location":
            return _location(name, value, to_client)
        case "set-cookie":
            return _cookie(name, value)
    return value, []


def named_in_challenge(value: str) -> list[str]:
    """The metadata URLs in a WWW-Authenticate header (RFC 9728 section 5.1)."""
    return [match[2] for match in _METADATA_URL.finditer(value)]


def named_in_metadata(text: str) -> list[str]:
    """The authorization servers and endpoints in a metadata document. Raises ValueError when the text is none."""
    named: list[str] = []

    def note(name: str, value: str) -> None:
        if _is_address(name):
            named.append(value)

    replace_strings(text, note)
    return named


def metadata(text: str, to_client: Lookup) -> Translated:
    """A metadata document (RFC 9728, RFC 8414, OpenID Connect Discovery). Raises ValueError when the text is none.

    What is signed cannot change: it is noted with the same value on both sides.
    """
    found: list[Translation] = []

    def new(name: str, value: str) -> str | None:
        if name == "signed_metadata":
            found.append(Translation("response.body", name, client=value, upstream=value))
        if not (name == "resource" or _is_address(name)) or to_client(value) is None:
            return None
        found.append(Translation("response.body", name, client=_after(value, to_client), upstream=value))
        return found[-1].client

    return replace_strings(text, new), found


def _challenge(name: str, value: str, to_client: Lookup) -> Translated:
    found: list[Translation] = []

    def new(match: re.Match[str]) -> str:
        after = _after(match[2], to_client)
        if after != match[2]:
            found.append(Translation("response.headers", f"{name} resource_metadata", client=after, upstream=match[2]))
        return match[1] + after

    return _METADATA_URL.sub(new, value), found


def _location(name: str, value: str, to_client: Lookup) -> Translated:
    """A redirect to one of the servers, or the authorization response, whose `iss` is compared (RFC 9207)."""
    swap = to_client(value)
    if swap is not None:
        # The rest may carry a code, and need not be kept twice.
        return swap(value), [Translation("response.headers", name, client=swap.new, upstream=swap.old)]
    found: list[Translation] = []
    pieces = re.split(r"([?#])", value)
    for index in range(2, len(pieces), 2):
        pieces[index], urls = swap_in_parameters(pieces[index], "iss", to_client)
        found += [
            Translation("response.headers", f"{name} iss", client=_after(url, to_client), upstream=url) for url in urls
        ]
    return "".join(pieces), found


def _cookie(name: str, value: str) -> Translated:
    """Without a domain a cookie belongs to the host that sets it, which for the browser is this machine."""
    found = [
        Translation("response.headers", f"{name} Domain", client="", upstream=match[1])
        for match in _COOKIE_DOMAIN.finditer(value)
    ]
    return _COOKIE_DOMAIN.sub("", value), found


def _after(url: str, lookup: Lookup) -> str:
    swap = lookup(url)
    return swap(url) if swap is not None else url


def _is_address(name: str) -> bool:
    return name in ("authorization_servers", "issuer", "jwks_uri") or name.endswith("_endpoint")
