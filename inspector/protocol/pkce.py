"""Proof Key for Code Exchange (RFC 7636)."""

import base64
import hashlib


def s256(code_verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(code_verifier.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def belongs(code_verifier: str, code_challenge: str) -> bool:
    """Whether the verifier is the one the challenge was made from, by either method of RFC 7636 section 4.2.

    Which method the request names is another question: a wrong name makes the proof fail, not the pair.
    """
    return code_challenge in (s256(code_verifier), code_verifier)
