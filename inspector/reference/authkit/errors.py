"""OAuth errors as the emulator answers them."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Headers of every response that carries a token, a secret or an error about one (RFC 6749 section 5.1)."""


class OAuthError(Exception):
    """An error response in the form of RFC 6749 section 5.2: status, `error`, `error_description`."""

    def __init__(self, status: int, error: str, description: str = "", headers: Mapping[str, str] | None = None):
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description
        self.headers = dict(headers or {})


async def error_response(request: Request, error: Exception) -> Response:
    """The JSON answer for an `OAuthError`."""
    assert isinstance(error, OAuthError)
    body = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    return JSONResponse(body, status_code=error.status, headers=NO_STORE | error.headers)
