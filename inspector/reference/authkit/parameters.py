"""Query and form parameters with the rules OAuth puts on them."""

from typing import TypeIs
from urllib.parse import parse_qsl

from starlette.requests import Request

from inspector.reference.authkit.errors import OAuthError

_MAX_BODY = 64 * 1024  # bytes; far above any token or registration request


class Parameters:
    """Decoded parameters in the order sent. An empty value counts as absent (RFC 6749 section 3.1)."""

    def __init__(self, encoded: str) -> None:
        try:
            pairs = parse_qsl(encoded, keep_blank_values=True, errors="replace", max_num_fields=100)
        except ValueError:
            raise OAuthError(400, "invalid_request", "There are too many parameters.") from None
        self._pairs = [(name, value) for name, value in pairs if value]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may repeat, such as `resource`."""
        return tuple(value for key, value in self._pairs if key == name)

    def one(self, name: str) -> str | None:
        """The value of a parameter that must not repeat.

        Raises:
            OAuthError: it repeats (RFC 6749 section 3.1).
        """
        values = self.all(name)
        if len(values) > 1:
            raise OAuthError(400, "invalid_request", f"The parameter {name} is sent more than once.")
        return values[0] if values else None

    def required(self, name: str) -> str:
        """As `one`.

        Raises:
            OAuthError: it is absent, or repeats.
        """
        value = self.one(name)
        if value is None:
            raise OAuthError(400, "invalid_request", f"The parameter {name} is missing.")
        return value


def is_text(value: object) -> TypeIs[str]:
    """Whether a JSON value is a string of whole Unicode characters; JSON can also hold half of one."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


async def body_of(request: Request) -> bytes:
    """The request body.

    Raises:
        OAuthError: it is longer than 64 KiB.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise OAuthError(413, "invalid_request", "The request body is too long.")
    return bytes(body)


async def form_of(request: Request) -> Parameters:
    """The parameters of an `application/x-www-form-urlencoded` body.

    Raises:
        OAuthError: the body is too long or of another type.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise OAuthError(400, "invalid_request", "The body must be application/x-www-form-urlencoded.")
    return Parameters((await body_of(request)).decode("utf-8", "replace"))
