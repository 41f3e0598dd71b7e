"""The reference story as a recording made by hand: a client that never says which server its token is for."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from inspector.session.model import Body, Exchange, Headers, Source, State, Translation

MCP = "http://localhost:3001/mcp"
PRM = "http://localhost:3001/.well-known/oauth-protected-resource/mcp"
AUTHKIT = "https://imaginative-palm-54.authkit.app"
CLIENT_ID = "client_01KB5DRXBDDY1VGCBKY108SKJW"
CODE = "01KB5E2M9Q7V0ZKXW3T8R1YJ4N"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
START = 1_795_269_600.0


def jwt(claims: Mapping[str, object]) -> str:
    """A token with a signature that is none."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return ".".join(
        (part({"alg": "RS256", "kid": "sso_oidc_key_pair_01", "typ": "JWT"}), part(claims), "c2lnbmF0dXJl" * 28)
    )


def access_token(audience: str) -> str:
    return jwt(
        {
            "iss": AUTHKIT,
            "aud": audience,
            "sub": "user_01KB5DZXQ4N8H2",
            "sid": "session_01KB5E2M",
            "jti": "01KB5E2NCC",
            "scope": "openid profile offline_access",
            "iat": int(START) + 19,
            "exp": int(START) + 3619,
        }
    )


def exchange(
    number: int,
    method: str,
    url: str,
    at: float,
    taken: float,
    status: int | None,
    *,
    sent: Mapping[str, str] | Mapping[str, object] | None = None,
    form: Mapping[str, str] | None = None,
    answer: object = None,
    request_headers: Headers = (),
    response_headers: Headers = (),
    state: State = State.COMPLETE,
) -> Exchange:
    """One exchange; `sent` is a JSON body, `form` an urlencoded one, `answer` the JSON of the response."""
    request_body = Body.whole(urlencode(form).encode() if form else json.dumps(sent).encode() if sent else b"")
    media = "application/x-www-form-urlencoded" if form else "application/json"
    body = Body.whole(json.dumps(answer).encode() if answer is not None else b"")
    host = ("host", url.split("/")[2])
    return Exchange(
        id=number,
        method=method,
        url=url,
        request_headers=(host, *request_headers, *((("content-type", media),) if request_body.size else ())),
        request_body=request_body,
        status=status,
        reason={200: "OK", 201: "Created", 302: "Found", 401: "Unauthorized", 404: "Not Found"}.get(status or 0, ""),
        response_headers=(*response_headers, *((("content-type", "application/json"),) if body.size else ())),
        response_body=body,
        started_at=START + at,
        request_end=START + at,
        response_start=START + at + taken if status else 0.0,
        response_end=START + at + taken if status else 0.0,
        state=state,
        source=Source.CAPTURE,
        changed=number,
    )


def initialize(number: int, at: float, status: int, *, token: str = "", agent: str = "") -> Exchange:
    named: Headers = (("user-agent", agent),) if agent else ()
    bearer: Headers = (("authorization", f"Bearer {token}"),) if token else ()
    challenge = (
        f'Bearer error="invalid_token", resource_metadata="{PRM}"' if token else f'Bearer resource_metadata="{PRM}"'
    )
    result = {
        "jsonrpc": "2.0",
        "id": 0,
        "result": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "serverInfo": {"name": "reference", "version": "1"},
        },
    }
    return exchange(
        number,
        "POST",
        MCP,
        at,
        0.008,
        status,
        sent={
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "Warp", "version": "v0.2026.04"},
            },
        },
        answer={"error": "invalid_token" if token else "unauthorized"} if status == 401 else result,
        request_headers=(("accept", "application/json, text/event-stream"), *named, *bearer),
        response_headers=(("www-authenticate", challenge),) if status == 401 else (),
    )


def discovery() -> list[Exchange]:
    """From the first refusal to a registered client."""
    return [
        initialize(1, 0.0, 401),
        exchange(
            2,
            "GET",
            PRM,
            0.03,
            0.009,
            200,
            request_headers=(("mcp-protocol-version", "2024-11-05"),),
            answer={
                "resource": MCP,
                "authorization_servers": [AUTHKIT],
                "bearer_methods_supported": ["header"],
            },
        ),
        exchange(3, "GET", f"{AUTHKIT}/.well-known/oauth-authorization-server", 0.05, 0.09, 404),
        exchange(
            4,
            "GET",
            f"{AUTHKIT}/.well-known/openid-configuration",
            0.15,
            0.14,
            200,
            answer={
                "issuer": AUTHKIT,
                "authorization_endpoint": f"{AUTHKIT}/oauth2/authorize",
                "token_endpoint": f"{AUTHKIT}/oauth2/token",
                "registration_endpoint": f"{AUTHKIT}/oauth2/register",
                "jwks_uri": f"{AUTHKIT}/oauth2/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": True,
            },
        ),
        exchange(
            5,
            "POST",
            f"{AUTHKIT}/oauth2/register",
            0.31,
            0.21,
            201,
            sent={
                "client_name": "Warp",
                "redirect_uris": ["warp://mcp/oauth2callback"],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            },
            answer={
                "client_id": CLIENT_ID,
                "client_name": "Warp",
                "redirect_uris": ["warp://mcp/oauth2callback"],
                "token_endpoint_auth_method": "none",
            },
        ),
    ]


def story(*, resource: bool = False) -> list[Exchange]:
    """The whole sign-in: without `resource` it ends in a refusal, with it the client gets in."""
    named = {"resource": MCP} if resource else {}
    token = access_token(MCP if resource else CLIENT_ID)
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "state": "Zk3vPq81mXc0",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "redirect_uri": "warp://mcp/oauth2callback",
        **named,
    }
    redeemed = {
        "grant_type": "authorization_code",
        "code": CODE,
        "code_verifier": VERIFIER,
        "client_id": CLIENT_ID,
        "redirect_uri": "warp://mcp/oauth2callback",
        **named,
    }
    back = f"warp://mcp/oauth2callback?{urlencode({'code': CODE, 'state': 'Zk3vPq81mXc0', 'iss': AUTHKIT})}"
    return [
        *discovery(),
        exchange(
            6,
            "GET",
            f"{AUTHKIT}/oauth2/authorize?{urlencode(asked)}",
            4.2,
            1.2,
            302,
            response_headers=(("location", back), ("set-cookie", "authkit_session=q7Yx0pL2vN8; HttpOnly; Secure")),
        ),
        exchange(
            7,
            "POST",
            f"{AUTHKIT}/oauth2/token",
            18.6,
            0.18,
            200,
            form=redeemed,
            response_headers=(("cache-control", "no-store"),),
            answer={
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": 3600,
                "refresh_token": "HqX2v9RkT4bLw8ZpC1mNs7YdF3gJ6aUe5oKi0xVtBrE",
            },
        ),
        initialize(8, 18.9, 200 if resource else 401, token=token),
    ]


def patched() -> list[Exchange]:
    """The same client with `resource` put into its token request on the way."""
    exchanges = story(resource=True)
    changed = Translation("request.body", "resource", client="", upstream=MCP, by="add-resource")
    exchanges[6] = replace(exchanges[6], translations=(changed,))
    return exchanges
