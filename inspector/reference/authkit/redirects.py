"""Redirect URIs: which may be registered, and when a requested one matches a registered one."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

_LOOPBACK = re.compile(r"(?P<host>http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?(?P<rest>[/?].*)?")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!$-;=?-Z\[\]_a-z~%]+", re.IGNORECASE)  # RFC 3986 characters, no fragment
_NEVER = {"about", "blob", "data", "file", "javascript", "vbscript"}


def problem_with(uri: str) -> str | None:
    """Why this URI cannot be registered, or None. It must be https, http on loopback, or have an app's own scheme."""
    if not _URI.fullmatch(uri):
        return "is not an absolute URI without a fragment"
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "is not a valid URI"
    if parts.scheme in _NEVER:
        return f"uses the scheme {parts.scheme}"
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(uri):
        return "uses http for a host that is not loopback"
    if parts.scheme in ("http", "https") and not parts.hostname:
        return "has no host"
    return None


def matches(requested: str, registered: str) -> bool:
    """Whether they are the same string, or the same loopback URI with another port (RFC 8252 section 7.3)."""
    if requested == registered:
        return True
    one, other = _LOOPBACK.fullmatch(requested), _LOOPBACK.fullmatch(registered)
    return one is not None and other is not None and one.group("host", "rest") == other.group("host", "rest")


def with_parameters(redirect_uri: str, parameters: Mapping[str, str | None]) -> str:
    """The redirect URI with these parameters appended to its query; those that are None are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return redirect_uri + ("&" if "?" in redirect_uri else "?") + query
