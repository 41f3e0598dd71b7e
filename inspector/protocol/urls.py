"""URLs as OAuth and MCP compare them: by grade, never by a boolean, and never after a model has normalised them."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
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


def compare(expected: str, found: str) -> Comparison:
    """Grade `found` against `expected`: a resource, an audience, an issuer or a requested URL.

    `ancestor` means that `found` is the parent: same origin, and its path is a whole-segment prefix (RFC 3986
    section 6.2 for the normalisation steps; RFC 9728 section 3.3 for why `exact` stands apart).
    """
    if expected == found:
        return Comparison(Grade.EXACT)
    left, right = _split(expected), _split(found)
    if left is None or right is None or not left.scheme or not right.scheme:
        return Comparison(Grade.OTHER)
    steps = _steps_to_equal(expected, found)
    if steps is not None:
        return Comparison(Grade.NORMALIZED, steps)
    left_normal, right_normal = _normal(left), _normal(right)
    aliased = left_normal._replace(netloc=_alias(left_normal)), right_normal._replace(netloc=_alias(right_normal))
    if aliased[0] == aliased[1]:
        return Comparison(Grade.LOOPBACK_ALIAS, (f"host {left.hostname} and {right.hostname}",))
    if left_normal[:2] == right_normal[:2]:
        return Comparison(_path_grade(left_normal.path, right_normal.path))
    if left_normal.netloc == right_normal.netloc and left_normal.path == right_normal.path:
        return Comparison(Grade.SCHEME_ONLY)
    return Comparison(Grade.OTHER)


def origin(url: str) -> str:
    """Scheme, host and port in comparable form (RFC 6454 section 6.2), or an empty string when there is none."""
    parts = _split(url)
    if parts is None or not parts.netloc or not parts.scheme:
        return ""
    normal = _normal(parts)
    return f"{normal.scheme}://{normal.netloc}"


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
    return re.split(r"[?#]", url, maxsplit=1)[0]


def is_absolute(url: str) -> bool:
    """Whether it has a scheme and something after it (RFC 3986 section 4.3)."""
    parts = _split(url)
    return parts is not None and bool(parts.scheme) and bool(parts.netloc or parts.path)


def has_fragment(url: str) -> bool:
    """Whether a fragment part is present, even an empty one."""
    return "#" in url


def is_loopback(url: str) -> bool:
    """Whether the host is localhost or a loopback address: plain http is then allowed (OAuth 2.1 section 1.5)."""
    host = host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(url: str) -> bool:
    """Whether it is https, or http to a loopback host."""
    parts = _split(url)
    return parts is not None and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def insert_well_known(url: str, suffix: str) -> str:
    """The well-known URL with the suffix between host and path (RFC 8615; RFC 8414 and RFC 9728 section 3)."""
    parts = urlsplit(without_query(url))
    path = "" if parts.path == "/" else parts.path
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{suffix}{path}", "", ""))


def well_known_target(url: str, suffix: str) -> str | None:
    """The identifier a well-known URL was made from, or None when the suffix is not in it.

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


def first_difference(expected: str, found: str) -> int | None:
    """The index of the first differing character, None when equal."""
    if expected == found:
        return None
    pairs = zip(expected, found, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(found)))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def _netloc(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return host if port is None or port == _DEFAULT_PORTS.get(parts.scheme.lower()) else f"{host}:{port}"


def _unescape_unreserved(path: str) -> str:
    def replace(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return re.sub(r"%([0-9A-Fa-f]{2})", replace, path)


def _normal(parts: SplitResult) -> SplitResult:
    path = _unescape_unreserved(parts.path).removesuffix("/")
    return SplitResult(parts.scheme.lower(), _netloc(parts), path, parts.query, parts.fragment)


def _steps_to_equal(expected: str, found: str) -> tuple[str, ...] | None:
    left, right = urlsplit(expected), urlsplit(found)
    if _normal(left) != _normal(right):
        return None
    steps = []
    authority = [f"{url.partition(':')[0]}://{parts.netloc}" for url, parts in ((expected, left), (found, right))]
    if authority[0].lower() != authority[1].lower():
        steps.append("default port")
    elif authority[0] != authority[1]:
        steps.append("letter case")
    if left.path.endswith("/") != right.path.endswith("/"):
        steps.append("trailing slash")
    if left.path.removesuffix("/") != right.path.removesuffix("/"):
        steps.append("percent-encoding")
    return tuple(steps)


def _alias(parts: SplitResult) -> str:
    host = parts.hostname or ""
    loopback = host == "localhost" or is_loopback(f"http://[{host}]" if ":" in host else f"http://{host}")
    return f"loopback:{parts.port}" if loopback else parts.netloc


def _path_grade(expected: str, found: str) -> Grade:
    if expected.startswith(found + "/"):
        return Grade.ANCESTOR
    if found.startswith(expected + "/"):
        return Grade.DESCENDANT
    return Grade.SAME_ORIGIN
