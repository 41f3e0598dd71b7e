"""Which audience an access token gets: the one decision most failed MCP sign-ins turn on."""

from inspector.reference.authkit.errors import OAuthError
from inspector.reference.settings import Settings


def granted_audience(
    settings: Settings, authorized: tuple[str, ...], at_token: tuple[str, ...], *, by_hand: bool = False
) -> str:
    """The `aud` for the `resource` values of the authorization request and of the token request.

    AuthKit compares resource indicators byte for byte and finds out about an unknown one only here, after it
    has issued a code. Without any indicator it ignores `resource`. The default indicator is not for clients that
    the operator entered by hand.

    Raises:
        OAuthError: `invalid_target` (RFC 8707 section 2), for an unknown, a second, a changed or a late resource.
    """
    if not settings.resource_indicators:
        return settings.environment_client_id
    if settings.lenient and settings.default_resource_indicator:
        return settings.default_resource_indicator
    if at_token and at_token != authorized:
        raise OAuthError(400, "invalid_target", "The resource differs from the one that was authorized.")
    if not authorized:
        default = None if by_hand else settings.default_resource_indicator
        return default or settings.environment_client_id
    if len(authorized) > 1:
        raise OAuthError(400, "invalid_target", "A token is issued for one resource only.")
    if authorized[0] not in settings.resource_indicators:
        raise OAuthError(400, "invalid_target", "The resource is not a configured resource indicator.")
    return authorized[0]
