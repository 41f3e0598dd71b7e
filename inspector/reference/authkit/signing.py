"""RS256 keys: sign access tokens, publish them as a JWK Set, and read back what was signed."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

KEY_OVERLAP = 3600.0
"""Seconds a key stays published after the next one has taken over, so that tokens it signed can be verified."""


@dataclass(slots=True)
class _Key:
    key_id: str = field(default_factory=lambda: "sso_oidc_key_pair_" + secrets.token_hex(8))
    private: RSAPrivateKey = field(
        default_factory=lambda: generate_private_key(public_exponent=65537, key_size=2048), repr=False
    )
    published_until: float = float("inf")


class SigningKeys:
    """The keys of one environment, made when first needed; the newest signs, older ones stay published for a while."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._withheld_key: _Key | None = None

    def rotate(self, overlap: float = KEY_OVERLAP) -> None:
        """Sign with a new key from now on, and withdraw the old one after so many seconds."""
        for key in self._published():
            key.published_until = min(key.published_until, time.time() + overlap)
        self._keys.append(_Key())

    def jwk_set(self) -> dict[str, Any]:
        """The public halves as a JWK Set (RFC 7517 section 5)."""
        return {
            "keys": [
                RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
                | {"alg": "RS256", "use": "sig", "kid": key.key_id}
                for key in self._published()
            ]
        }

    def sign(self, claims: Mapping[str, Any], *, published: bool = True) -> str:
        """A JWT with these claims, by the newest key, or by one that the JWK Set does not hold."""
        key = self._published()[-1] if published else self._withheld()
        return jwt.encode(dict(claims), key.private, algorithm="RS256", headers={"kid": key.key_id})

    def claims(self, token: str, issuer: str) -> dict[str, Any] | None:
        """The claims of an unexpired token signed here; None for anything else."""
        for key in self._published():
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key.private.public_key(), algorithms=["RS256"], issuer=issuer, options={"verify_aud": False}
                )
            except (jwt.InvalidTokenError, RecursionError):
                continue
            return claims
        return None

    def _published(self) -> list[_Key]:
        self._keys = [key for key in self._keys if key.published_until > time.time()] or [_Key()]
        return self._keys

    def _withheld(self) -> _Key:
        self._withheld_key = self._withheld_key or _Key()
        return self._withheld_key
