"""Is this access token meant for this server? Every check by its name, so that a refusal can say which one failed."""

from typing import Any

import httpx
import jwt

from inspector.reference.mcp_server.deployment import Deployment

_LONGEST_TOKEN = 16 * 1024
"""Characters; several times what an access token with many permissions has."""
_OTHER_AUDIENCE = "https://configured-by-mistake.example/mcp"


class InvalidToken(Exception):
    """The token fails a check; the text names it and holds nothing the token's sender chose."""


class ExpiredToken(InvalidToken):
    """The token was good once."""


class KeysUnavailable(Exception):
    """The authorization server's keys could not be fetched."""


class TokenVerifier:
    """Verifies RS256 access tokens of one issuer against its published keys (RFC 9068 section 4)."""

    def __init__(self, server: Deployment) -> None:
        self._server = server
        self._keys: dict[str, jwt.PyJWK] = {}

    async def verify(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. An audience must be exactly this server's URL, or be allow-listed.

        Raises:
            InvalidToken: a check failed.
            KeysUnavailable: there was no way to check the signature.
        """
        settings, flaws = self._server.settings, self._server.flaws
        key = await self._key_for(token)
        resource = _OTHER_AUDIENCE if flaws.expects_other_audience else self._server.mcp_url
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._server.issuer,
                audience=[resource, *settings.allowed_token_audiences],
                options={
                    "require": ["iss", "sub", "exp", "iat"],
                    "verify_aud": not settings.accept_any_audience,
                    "verify_exp": not flaws.accepts_expired,
                },
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken("exp: the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(self._failed_check(error)) from None
        return claims

    async def _key_for(self, token: str) -> jwt.PyJWK:
        if len(token) > _LONGEST_TOKEN:
            raise InvalidToken("format: the token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, RecursionError):
            raise InvalidToken("format: this is not a signed JWT") from None
        if header.get("alg") != "RS256":
            raise InvalidToken("alg: the token is not signed with RS256")
        key_id = header.get("kid", "")
        if key_id not in self._keys and not (self._keys and self._server.flaws.keys_never_refetched):
            self._keys = await self._fetched_keys()
        if key_id not in self._keys:
            raise InvalidToken("kid: the authorization server publishes no such key")
        return self._keys[key_id]

    async def _fetched_keys(self) -> dict[str, jwt.PyJWK]:
        try:
            response = await self._server.http.get(f"{self._server.issuer}/oauth2/jwks")
            response.raise_for_status()
            key_set = jwt.PyJWKSet.from_dict(response.json())
        except (httpx.HTTPError, ValueError, jwt.PyJWTError):
            raise KeysUnavailable from None
        return {key.key_id: key for key in key_set.keys if key.key_id is not None}

    def _failed_check(self, error: jwt.InvalidTokenError) -> str:
        match error:
            case jwt.ImmatureSignatureError():
                return "nbf: the token is not valid yet"
            case jwt.InvalidIssuerError():
                return f"iss: the token was not issued by {self._server.issuer}"
            case jwt.InvalidAudienceError() | jwt.MissingRequiredClaimError(claim="aud"):
                return f"aud: the token is not meant for {self._server.mcp_url}"
            case jwt.MissingRequiredClaimError():
                return f"{error.claim}: the claim is missing"
            case jwt.InvalidSignatureError():
                return "signature: the token was not signed with a key of the authorization server"
            case _:
                return "format: the token or one of its claims is malformed"
