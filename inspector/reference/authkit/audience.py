"""Which audience an access token gets: the one decision most failed MCP sign-ins turn on."""

from inspector.reference.authkit.errors import OAuthError
from inspector.reference.settings import Settings


def audience(settings: Settings, authorized: tuple[str, ...], at_token: tuple[str, ...]) -> str:
    """The `aud` for the `resource` values of the authorization request and of the token request.

    AuthKit compares resource indicators byte for byte and finds out about an unknown one only here, after it
    has issued a code. Without any indicator it ignores `resource`.

    Raises:
        OAuthError: `invalid_target` (RFC 8707 section 2), for an unknown, a second, a changed or a late resource.
    """
    if not settings.resource_indicators:
        return settings.environment_client_id
    if at_token and at_token != authorized:
        raise OAuthError(400, "invalid_target", "The resource differs from the one that was authorized.")
    if not authorized:
        return settings.default_resource_indicator or settings.environment_client_id
    if len(authorized) > 1:
        raise OAuthError(400, "invalid_target", "A token is issued for one resource only.")
    if authorized[0] not in settings.resource_indicators:
        raise OAuthError(400, "invalid_target", "The resource is not a configured resource indicator.")
    return authorized[0]
