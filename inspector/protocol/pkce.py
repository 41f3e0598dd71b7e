"""Proof Key for Code Exchange (RFC 7636)."""

import base64
import hashlib
import re


def s256(code_verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def matches(code_verifier: str, code_challenge: str, method: str | None) -> bool:
    """Whether the verifier proves the challenge; an absent method means plain (RFC 7636 section 4.3)."""
    expected = s256(code_verifier) if method == "S256" else code_verifier
    return expected == code_challenge


def well_formed_verifier(code_verifier: str) -> bool:
    """43 to 128 unreserved characters (RFC 7636 section 4.1)."""
    return re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", code_verifier) is not None
