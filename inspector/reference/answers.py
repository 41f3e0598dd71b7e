"""Reading what servers answer to a scripted client, whatever it is: a wrong type counts as absent."""

import json
import re
from typing import Any

import httpx

type Audience = str | tuple[str, ...] | None


def challenge_parameter(challenge: str, name: str) -> str:
    """A quoted parameter of a `WWW-Authenticate` header, empty when there is none."""
    match = re.search(rf'(?:^|[\s,]){name}="([^"]*)"', challenge)
    return match.group(1) if match else ""


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object in a body, empty when there is none."""
    return _object(answer.text)


def strings(value: object) -> list[str]:
    """The strings of a JSON list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def problem(answer: httpx.Response) -> str:
    """An OAuth error in words (RFC 6749 section 5.2)."""
    body = json_object(answer)
    words = [str(body[name]) for name in ("error", "error_description") if body.get(name)]
    return ": ".join(words) or f"Unexpected status code: {answer.status_code}"


def rpc_result(answer: httpx.Response) -> dict[str, Any] | None:
    """The result of a JSON-RPC response, sent as JSON or as the last event of a stream; None for anything else."""
    text = answer.text
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        data = [line[5:] for line in text.replace("\r\n", "\n").split("\n") if line.startswith("data:")]
        text = next((event for event in reversed(data) if event.strip()), "")
    result = _object(text).get("result")
    return result if isinstance(result, dict) else None


def audience_of(access_token: str) -> Audience:
    """The `aud` a JWT claims, unverified; None for an opaque token or without a usable audience."""
    import jwt

    try:
        claimed = jwt.decode(access_token, options={"verify_signature": False}).get("aud")
    except jwt.InvalidTokenError:
        return None
    return claimed if isinstance(claimed, str) else tuple(strings(claimed)) or None


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
