"""JSON Web Tokens: decoded without trust for display, and verified against captured keys (RFC 7519, RFC 7515)."""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from inspector.protocol.secrets import is_placeholder

_MOST_KEYS = 100
"""Keys that are tried for one token: more are no key set, they are an attack on the reader's time."""

_MOST_REMEMBERED = 128
"""Tokens that are kept decoded: the same one is looked at by the link, the signature check and the rules."""


class Signature(StrEnum):
    """What is known about a token's signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_KEY = "unknown-key"  # keys were captured, none of them can be this token's
    NOT_CHECKED = "not-checked"  # no keys were captured, or the signature was masked
    NONE = "none"  # alg is none


@dataclass(frozen=True, slots=True)
class Jwt:
    """The decoded header and claims of a compact JWS. Nothing here says that they are true."""

    header: Mapping[str, object]
    claims: Mapping[str, object]

    def text(self, claim: str) -> str | None:
        """A claim when it is a string."""
        value = self.claims.get(claim)
        return value if isinstance(value, str) else None

    def number(self, claim: str) -> float | None:
        """A NumericDate claim in seconds since the epoch (RFC 7519 section 2); None for one out of all bounds."""
        value = self.claims.get(claim)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None

    @property
    def audiences(self) -> tuple[str, ...] | None:
        """`aud` as a list of strings, None when absent (RFC 7519 section 4.1.3: one string or an array)."""
        value = self.claims.get("aud")
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list):
            return tuple(entry for entry in value if isinstance(entry, str))
        return None


@lru_cache(_MOST_REMEMBERED)
def decode(token: str) -> Jwt | None:
    """Read header and claims of a compact JWS; None for opaque and encrypted tokens."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    header, claims = _segment(parts[0]), _segment(parts[1])
    return None if header is None or claims is None or "alg" not in header else Jwt(header, claims)


def verify(token: str, keys: Iterable[Mapping[str, object]]) -> Signature:
    """Check the signature against the JSON Web Keys with the token's `kid`, or all when it has none.

    Keys that are damaged or of another algorithm are passed over (RFC 7517 section 5). Only asymmetric algorithms are
    tried: a key set fetched over the network never holds a shared secret.
    """
    import jwt as pyjwt

    decoded = decode(token)
    if decoded is None:
        return Signature.NOT_CHECKED
    algorithm = decoded.header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        return Signature.NONE
    candidates = list(keys)
    signed, _, signature = token.rpartition(".")
    if not candidates or algorithm.startswith("HS") or is_placeholder(signature):
        return Signature.NOT_CHECKED
    kid = decoded.header.get("kid")
    matching = [key for key in candidates if kid is None or key.get("kid") == kid]
    try:
        signature_bytes = _bytes(signature)
    except ValueError:
        return Signature.INVALID
    outcome = Signature.UNKNOWN_KEY
    for key in matching[:_MOST_KEYS]:
        try:
            public = pyjwt.PyJWK.from_dict(dict(key), algorithm=algorithm)
            # Not by way of PyJWT's decoder, which writes warnings about short keys to the terminal.
            if public.Algorithm.verify(signed.encode(), public.key, signature_bytes):
                return Signature.VALID
        except (pyjwt.PyJWTError, ValueError, TypeError):  # PyJWT before 2.11 lets the latter two through
            continue
        outcome = Signature.INVALID
    return outcome


@lru_cache(_MOST_REMEMBERED)
def fingerprint(secret: str) -> str:
    """A stable handle of a secret, to link and compare without keeping it: 16 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:16]


def _segment(text: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(_bytes(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _bytes(segment: str) -> bytes:
    """Undo base64url without padding (RFC 7515 section 2). ValueError when it is none."""
    return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
