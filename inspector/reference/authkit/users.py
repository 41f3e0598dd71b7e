"""The one part of the WorkOS user API that MCP servers use: who is behind the `sub` of a token."""

import secrets
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inspector.reference.authkit.emulator import AuthKit
from inspector.reference.authkit.errors import NO_STORE
from inspector.reference.authkit.store import User


async def user(authkit: AuthKit, request: Request) -> Response:
    """`GET /user_management/users/ID`, for whoever holds the environment's API key."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(key.strip().encode(), authkit.api_key.encode()):
        return JSONResponse({"message": "Unauthorized"}, status_code=401, headers=NO_STORE)
    user_id = request.path_params["user_id"]
    found = authkit.store.user_by_id(user_id)
    if found is None:
        missing = {"message": "User not found.", "code": "entity_not_found", "entity_id": user_id}
        return JSONResponse(missing, status_code=404, headers=NO_STORE)
    return JSONResponse(_document(found), headers=NO_STORE)


def _document(user: User) -> dict[str, object]:
    created = datetime.fromtimestamp(user.created_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "object": "user",
        "id": user.user_id,
        "email": user.email,
        "email_verified": True,
        "first_name": None,
        "last_name": None,
        "profile_picture_url": None,
        "created_at": created,
        "updated_at": created,
    }
