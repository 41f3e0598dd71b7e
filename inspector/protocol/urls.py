"""URLs as OAuth and MCP compare them: by grade, never by a boolean, and never after a model has normalised them."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

_MOST_REMEMBERED = 1024
"""URLs whose parts are kept: the same few are asked for again and again, in every run."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Grade(StrEnum):
    """How close a found URL is to the expected one, closest first."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    LOOPBACK_ALIAS = "loopback-alias"
    ANCESTOR = "ancestor"
    DESCENDANT = "descendant"
    SAME_ORIGIN = "same-origin"
    SCHEME_ONLY = "scheme-only"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The grade, and for `normalized` and `loopback-alias` what had to be done to make both equal."""

    grade: Grade
    steps: tuple[str, ...] = ()

    @property
    def same_identifier(self) -> bool:
        """Equal for a comparer that normalises; byte-exact comparers accept only `exact`."""
        return self.grade in (Grade.EXACT, Grade.NORMALIZED)

    @property
    def covers(self) -> bool:
        """The found URL identifies the expected one or a parent of it, which the official SDKs accept."""
        return self.same_identifier or self.grade is Grade.ANCESTOR


@lru_cache(_MOST_REMEMBERED)
def compare(expected: str, found: str) -> Comparison:
    """Grade `found` against `expected`: a resource, an audience, an issuer or a requested URL.

    `ancestor` means that `found` is the parent: same origin, and its path is a whole-segment prefix (RFC 3986
    section 6.2 for the normalisation steps; RFC 9728 section 3.3 for why `exact` stands apart).
    """
    if expected == found:
        return Comparison(Grade.EXACT)
    left, right = _normal(expected), _normal(found)
    if left is None or right is None:
        return Comparison(Grade.OTHER)
    if left == right:
        return Comparison(Grade.NORMALIZED, _steps_to_equal(expected, found))
    if left._replace(netloc=_alias(left)) == right._replace(netloc=_alias(right)):
        return Comparison(Grade.LOOPBACK_ALIAS, (f"host {left.hostname} and {right.hostname}",))
    if same_origin(expected, found):
        return Comparison(_path_grade(left.path, right.path))
    web = {left.scheme, right.scheme} == {"http", "https"}
    return Comparison(Grade.SCHEME_ONLY if web and left.hostname and left[1:] == right[1:] else Grade.OTHER)


def first_difference(expected: str, found: str) -> int | None:
    """The position, from 0, of the first character that differs; None when both are the same.

    Where one is the beginning of the other, it is the length of the shorter: the other goes on there.
    """
    if expected == found:
        return None
    shorter = min(len(expected), len(found))
    return next((position for position in range(shorter) if expected[position] != found[position]), shorter)


@lru_cache(_MOST_REMEMBERED)
def origin(url: str) -> str:
    """Scheme, host and port in comparable form (RFC 6454 section 6.2), or an empty string when there is none."""
    parts = _split(url)
    if parts is None or not parts.hostname or not parts.scheme:
        return ""
    return f"{parts.scheme}://{_authority(parts)}"


def same_origin(one: str, other: str) -> bool:
    """Whether both URLs have an origin and it is the same."""
    return bool(origin(one)) and origin(one) == origin(other)


def path_of(url: str) -> str:
    """The path, without query and fragment; an empty string for what is not a URL."""
    parts = _split(url)
    return parts.path if parts else ""


def query_of(url: str) -> str:
    """The raw query string."""
    parts = _split(url)
    return parts.query if parts else ""


def host_of(url: str) -> str:
    """The host in lower case, without port and brackets."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def without_query(url: str) -> str:
    """The URL up to its path, every byte as it was."""
    return url.partition("#")[0].partition("?")[0]


def resolve(base: str, reference: str) -> str:
    """The URL that a reference such as a Location means (RFC 3986 section 5); itself where it can mean none."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def is_absolute(url: str) -> bool:
    """Whether it has a scheme and something after it (RFC 3986 section 4.3)."""
    parts = _split_valid(url)
    return parts is not None and bool(parts.scheme) and bool(parts.netloc or parts.path)


def has_fragment(url: str) -> bool:
    """Whether a fragment part is present, even an empty one."""
    return "#" in url


@lru_cache(_MOST_REMEMBERED)
def is_loopback(url: str) -> bool:
    """Whether the host is localhost or a loopback address: plain http is then allowed (OAuth 2.1 section 1.5)."""
    return _names_loopback(host_of(url))


def is_inside(url: str) -> bool:
    """Whether the host is this machine or in a private network, as far as its name says."""
    if is_loopback(url):
        return True
    try:
        return not ipaddress.ip_address(host_of(url)).is_global
    except ValueError:
        return False


def is_secure(url: str) -> bool:
    """Whether it is https, or http to a loopback host."""
    parts = _split(url)
    return parts is not None and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def insert_well_known(url: str, suffix: str) -> str:
    """The well-known URL with the suffix between host and path (RFC 8615), empty for what is not a URL.

    The slash that ends the path is removed for an issuer (RFC 8414 section 3.1); for a resource only a path that is
    nothing but a slash is, and a query stays (RFC 9728 section 3.1).
    """
    parts = _split_valid(url)
    if parts is None:
        return ""
    is_resource = suffix == "oauth-protected-resource"
    path = parts.path if is_resource and parts.path != "/" else parts.path.removesuffix("/")
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{suffix}{path}", parts.query, ""))


def well_known_target(url: str, suffix: str) -> str | None:
    """The identifier a well-known URL was made from, without a query, or None when the suffix is not in it.

    Understands insertion (`/.well-known/SUFFIX/path`) and appending (`/path/.well-known/SUFFIX`).
    """
    parts = _split(without_query(url))
    marker = f"/.well-known/{suffix}"
    if parts is None or marker not in parts.path:
        return None
    before, _, after = parts.path.partition(marker)
    if after and not after.startswith("/"):
        return None
    return urlunsplit((parts.scheme, parts.netloc, before + after, "", ""))


def _split_valid(url: str) -> SplitResult | None:
    """The parts of a URL that needs no mending; urlsplit drops some characters that no URL may hold."""
    return None if _NOT_IN_A_URL.search(url) else _split(url)


@lru_cache(_MOST_REMEMBERED)
def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def _authority(parts: SplitResult) -> str:
    """Host and port in comparable form, without the user."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return host if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f"{host}:{port}"


def _unescape_unreserved(path: str) -> str:
    def replace(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return re.sub(r"%([0-9A-Fa-f]{2})", replace, path)


def _normal(url: str) -> SplitResult | None:
    """The URL in comparable form; `query` holds all after the path as it stands, for `?` is not nothing."""
    parts = _split_valid(url)
    if parts is None or not parts.scheme:
        return None
    user, at, _ = parts.netloc.rpartition("@")
    path = _unescape_unreserved(parts.path).removesuffix("/")
    return SplitResult(parts.scheme, user + at + _authority(parts), path, url[len(without_query(url)) :], "")


def _steps_to_equal(expected: str, found: str) -> tuple[str, ...]:
    """What had to be done to two URLs that are equal in comparable form (RFC 3986 section 6.2)."""
    left, right = urlsplit(expected), urlsplit(found)
    hosts = [re.sub(r":\d*$", "", parts.netloc) for parts in (left, right)]
    ports = [parts.netloc.removeprefix(host) for parts, host in zip((left, right), hosts, strict=True)]
    schemes = [url.partition(":")[0] for url in (expected, found)]
    needed = {
        "default port": ports[0] != ports[1],
        "letter case": hosts[0] != hosts[1] or schemes[0] != schemes[1],
        "trailing slash": left.path.endswith("/") != right.path.endswith("/"),
        "percent-encoding": left.path.removesuffix("/") != right.path.removesuffix("/"),
    }
    return tuple(step for step, is_needed in needed.items() if is_needed)


def _alias(parts: SplitResult) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    return f"{user}{at}loopback:{parts.port}" if _names_loopback(parts.hostname or "") else parts.netloc


def _names_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path_grade(expected: str, found: str) -> Grade:
    if expected.startswith(found + "/"):
        return Grade.ANCESTOR
    if found.startswith(expected + "/"):
        return Grade.DESCENDANT
    return Grade.SAME_ORIGIN
