"""Asks the authorization server who a user is, as an MCP server's own back end does."""

from typing import Any
from urllib.parse import quote

import httpx

from inspector.reference.mcp_server.deployment import Deployment


class UserUnavailable(Exception):
    """There is no answer about the user; the text says why and what to do."""


async def fetched_user(server: Deployment, user_id: str) -> dict[str, Any]:
    """The user of a token's `sub`.

    Raises:
        UserUnavailable: this server has no API key, or the user API does not give the user.
    """
    if not (server.settings.api_key and server.api_key):
        raise UserUnavailable("This server has no API key for the user API; configure one and call the tool again.")
    url = f"{server.issuer}/user_management/users/{quote(user_id, safe='')}"
    try:
        answer = await server.http.get(url, headers={"Authorization": f"Bearer {server.api_key}"})
        user = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        raise UserUnavailable("The user API does not answer; check that the authorization server runs.") from None
    if not isinstance(user, dict):
        raise UserUnavailable(
            f"The user API answered {answer.status_code} for the user of this token; sign in again with a user that "
            "exists, and check the server's API key."
        )
    return user
