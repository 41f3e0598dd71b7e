"""JSON Web Tokens: decoded without trust for display, and verified against captured keys (RFC 7519, RFC 7515)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Signature(StrEnum):
    """What is known about a token's signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_KEY = "unknown-key"  # keys were captured, none has this kid
    NOT_CHECKED = "not-checked"  # no keys were captured
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
        """A NumericDate claim in seconds since the epoch (RFC 7519 section 2)."""
        value = self.claims.get(claim)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def audiences(self) -> tuple[str, ...] | None:
        """`aud` as a list of strings, None when absent (RFC 7519 section 4.1.3: one string or an array)."""
        value = self.claims.get("aud")
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list):
            return tuple(entry for entry in value if isinstance(entry, str))
        return None


def decode(token: str) -> Jwt | None:
    """Read header and claims of a compact JWS; None for opaque and encrypted tokens."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    header, claims = _segment(parts[0]), _segment(parts[1])
    return None if header is None or claims is None or "alg" not in header else Jwt(header, claims)


def verify(token: str, keys: Iterable[Mapping[str, object]]) -> Signature:
    """Check the signature against JSON Web Keys (RFC 7517), those with the token's `kid` if any has it.

    Only asymmetric algorithms are tried: a key set fetched over the network never holds a shared secret.
    """
    import jwt as pyjwt

    decoded = decode(token)
    if decoded is None:
        return Signature.NOT_CHECKED
    algorithm = decoded.header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        return Signature.NONE
    candidates = list(keys)
    if not candidates or algorithm.startswith("HS"):
        return Signature.NOT_CHECKED
    kid = decoded.header.get("kid")
    matching = [key for key in candidates if kid is None or key.get("kid") == kid]
    if not matching:
        return Signature.UNKNOWN_KEY
    for key in matching:
        try:
            public = pyjwt.PyJWK.from_dict(dict(key), algorithm=algorithm)
            pyjwt.api_jws.PyJWS().decode(token, public.key, algorithms=[algorithm])
        except (pyjwt.PyJWTError, ValueError, TypeError):
            continue
        return Signature.VALID
    return Signature.INVALID


def fingerprint(secret: str) -> str:
    """A stable handle of a secret, to link and compare without keeping it: 16 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _segment(text: str) -> Mapping[str, object] | None:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value = json.loads(raw)
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None
