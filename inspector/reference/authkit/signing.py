"""RS256 keys: sign access tokens, publish them as a JWK Set, and read back what was signed."""

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm


class SigningKeys:
    """The keys of one environment; the newest signs, all are published so that older tokens stay verifiable."""

    def __init__(self) -> None:
        self._keys: list[tuple[str, RSAPrivateKey]] = []
        self.rotate()

    def rotate(self) -> None:
        """Add a new key and sign with it from now on."""
        key_id = "sso_oidc_key_pair_" + secrets.token_hex(8)
        self._keys.append((key_id, generate_private_key(public_exponent=65537, key_size=2048)))

    def jwk_set(self) -> dict[str, Any]:
        """The public halves as a JWK Set (RFC 7517 section 5)."""
        return {
            "keys": [
                RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"alg": "RS256", "use": "sig", "kid": key_id}
                for key_id, key in self._keys
            ]
        }

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT with these claims."""
        key_id, key = self._keys[-1]
        return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": key_id})

    def claims(self, token: str, issuer: str) -> dict[str, Any] | None:
        """The claims of an unexpired token signed here; None for anything else."""
        for _, key in self._keys:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key.public_key(), algorithms=["RS256"], issuer=issuer, options={"verify_aud": False}
                )
            except (jwt.InvalidTokenError, RecursionError):
                continue
            return claims
        return None
