"""A sign-in in which every party does everything right, as data that cases can change, and its way to exchanges.

A step is a dict with any of these keys; `claim`, `bearer` and `signed_by` are turned into signed tokens at the end, so
that they stay right however the rest is changed.

    wait            seconds since the step before
    method, url     of the request; the URL without its query
    query, form     parameters, a list for a repeated one
    request_header  request header fields
    sent            the request body as JSON
    bearer          the step whose access token the request carries, or a token itself
    status          of the response; without it there was no response
    header          response header fields, a list for a repeated one
    location        the parameters of a redirect back to the client
    json            the response body as JSON
    body            the response body as text, instead of `json`
    claim           the claims of the access token that a success puts into `json`; times relative to the step
    signed_by       "nobody" for alg=none, another word for a key that is not in the key set
    lost            "request" or "response": that body was not kept whole
    translated      what the inspector changed: part, name, what the client saw, what upstream saw
"""

import json
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from inspector.session.model import Body, Exchange, Headers, State, Translation

type Step = dict[str, Any]
type Steps = dict[str, Step]

BEGIN = 1_795_000_000.0
ENDPOINT = "http://localhost:3001/mcp"
ISSUER = "http://localhost:3002"
CALLBACK = "http://127.0.0.1:33418/callback"
CLIENT_ID = "client_01KB5DRXBDDY1VGCBKY108SKJW"
# The pair of RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

_RELATIVE_TIMES = ("iat", "nbf", "exp")
_STREAMABLE = {"accept": "application/json, text/event-stream", "user-agent": "good-client/1.0"}
_SESSION = {"mcp-session-id": "session-1", "mcp-protocol-version": "2025-11-25"}


def good_steps(endpoint: str = ENDPOINT, resource: str | None = None, issuer: str = ISSUER) -> Steps:
    """Discovery from the challenge, registration, code with PKCE, use, refresh with rotation, use."""
    resource = endpoint if resource is None else resource
    server = urlsplit(endpoint)
    metadata = f"{server.scheme}://{server.netloc}/.well-known/oauth-protected-resource{server.path.removesuffix('/')}"
    as_server = urlsplit(issuer)
    discovery = f"{as_server.scheme}://{as_server.netloc}/.well-known/oauth-authorization-server{as_server.path}"
    client = {"client_id": CLIENT_ID, "redirect_uri": CALLBACK}
    scope = "openid offline_access"
    issued = {"token_type": "Bearer", "expires_in": 3600, "scope": scope}
    uncached = {"cache-control": "no-store"}
    return {
        "challenge": _call(endpoint, 1, "initialize", _HELLO)
        | {"status": 401, "header": {"www-authenticate": f'Bearer resource_metadata="{metadata}"'}, "json": {}},
        "prm": _get(metadata, {"resource": resource, "authorization_servers": [issuer]}),
        "as": _get(
            discovery,
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/oauth2/authorize",
                "token_endpoint": f"{issuer}/oauth2/token",
                "registration_endpoint": f"{issuer}/oauth2/register",
                "jwks_uri": f"{issuer}/oauth2/jwks",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "offline_access"],
            },
        ),
        "register": {
            "method": "POST",
            "url": f"{issuer}/oauth2/register",
            "sent": {"client_name": "Good client", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"},
            "status": 201,
            "json": {"client_id": CLIENT_ID, "redirect_uris": [CALLBACK]},
        },
        "authorize": {
            "method": "GET",
            "url": f"{issuer}/oauth2/authorize",
            "query": client
            | {"response_type": "code", "scope": scope, "state": "state-1", "resource": resource}
            | {"code_challenge": CHALLENGE, "code_challenge_method": "S256"},
            "status": 302,
            "location": {"code": "code-1", "state": "state-1"},
        },
        "token": {
            "method": "POST",
            "url": f"{issuer}/oauth2/token",
            "form": client
            | {"grant_type": "authorization_code", "code": "code-1", "code_verifier": VERIFIER, "resource": resource},
            "status": 200,
            "header": dict(uncached),
            "json": issued | {"refresh_token": "refresh-1"},
            "claim": {"iss": issuer, "aud": resource, "sub": "user_1", "client_id": CLIENT_ID, "iat": 0, "exp": 3600},
        },
        "keys": _get(f"{issuer}/oauth2/jwks", {"keys": [_public_key()]}),
        "initialize": _call(endpoint, 2, "initialize", _HELLO)
        | {"bearer": "token", "header": {"mcp-session-id": "session-1"}}
        | _result(2, {"protocolVersion": "2025-11-25", "serverInfo": {"name": "good-server"}, "capabilities": {}}),
        "initialized": _call(endpoint, None, "notifications/initialized", {}, _SESSION)
        | {"bearer": "token", "status": 202},
        "list": _call(endpoint, 3, "tools/list", {}, _SESSION) | {"bearer": "token"} | _result(3, {"tools": []}),
        "call": _call(endpoint, 4, "tools/call", {"name": "get-user-info"}, _SESSION)
        | {"bearer": "token"}
        | _result(4, {"content": []}),
        "refresh": {
            "wait": 3500,
            "method": "POST",
            "url": f"{issuer}/oauth2/token",
            "form": {
                "grant_type": "refresh_token",
                "refresh_token": "refresh-1",
                "client_id": CLIENT_ID,
                "resource": resource,
            },
            "status": 200,
            "header": dict(uncached),
            "json": issued | {"refresh_token": "refresh-2"},
            "claim": {"jti": "second"},
        },
        "again": _call(endpoint, 5, "tools/call", {"name": "get-user-info"}, _SESSION)
        | {"bearer": "refresh"}
        | _result(5, {"content": []}),
    }


_HELLO = {
    "protocolVersion": "2025-11-25",
    "clientInfo": {"name": "good-client", "version": "1.0"},
    "capabilities": {},
}


def _get(url: str, document: dict[str, Any]) -> Step:
    return {"method": "GET", "url": url, "status": 200, "json": document}


def _call(
    url: str, number: int | None, method: str, params: dict[str, Any], session: dict[str, str] | None = None
) -> Step:
    sent = {"jsonrpc": "2.0", "method": method, "params": deepcopy(params)} | ({} if number is None else {"id": number})
    return {"method": "POST", "url": url, "request_header": _STREAMABLE | (session or {}), "sent": sent}


def _result(number: int, result: dict[str, Any]) -> Step:
    return {"status": 200, "json": {"jsonrpc": "2.0", "id": number, "result": result}}


def exchanges(steps: Steps) -> dict[str, Exchange]:
    """The recorded exchanges by the name of their step, numbered from 1, one second apart unless `wait` says more."""
    steps = deepcopy(steps)
    at, times = BEGIN, {}
    for name, step in steps.items():
        at += step.get("wait", 1)
        times[name] = at
    _issue_tokens(steps, times)
    made = {name: _exchange(step, steps) for name, step in steps.items() if not step.get("dropped")}
    return {
        name: replace(
            exchange,
            id=number,
            changed=number,
            started_at=times[name],
            request_end=times[name] + 0.01,
            response_start=times[name] + 0.1 if exchange.status else 0.0,
            response_end=times[name] + 0.2 if exchange.status else 0.0,
        )
        for number, (name, exchange) in enumerate(made.items(), start=1)
    }


def _issue_tokens(steps: Steps, times: dict[str, float]) -> None:
    """Sign what the token steps promise. A refreshed token has the claims of the first one where none is given."""
    first: dict[str, Any] = {}
    for name, step in steps.items():
        if not isinstance(step.get("claim"), dict):
            continue
        claims = first | step["claim"]
        first = first or claims
        if step.get("status") == 200:
            signed = _signed(claims, int(times[name]), step.get("signed_by", "good"))
            step["json"].setdefault("access_token", signed)


def _signed(claims: dict[str, Any], now: int, signed_by: str) -> str:
    timed = {
        key: now + value if key in _RELATIVE_TIMES and isinstance(value, int) else value
        for key, value in claims.items()
    }
    return _token(json.dumps(timed), signed_by)


@cache
def _token(claims: str, signed_by: str) -> str:
    key, algorithm = ("", "none") if signed_by == "nobody" else (_key(signed_by), "RS256")
    return jwt.PyJWS().encode(claims.encode(), key, algorithm, headers={"typ": "JWT", "kid": "key-1"})


def _exchange(step: Step, steps: Steps) -> Exchange:
    request_header, header = dict(step.get("request_header", {})), dict(step.get("header", {}))
    if bearer := step.get("bearer"):
        token = steps[bearer]["json"].get("access_token", f"never-issued-{bearer}") if bearer in steps else bearer
        request_header["authorization"] = f"Bearer {token}"
    request_body = response_body = b""
    if "form" in step:
        request_header.setdefault("content-type", "application/x-www-form-urlencoded")
        request_body = urlencode(step["form"], doseq=True).encode()
    elif "sent" in step:
        request_header.setdefault("content-type", "application/json")
        request_body = json.dumps(step["sent"]).encode()
    if "location" in step:
        target = step.get("query", {}).get("redirect_uri", CALLBACK)
        header.setdefault("location", f"{target}?{urlencode(step['location'], doseq=True)}")
    if "body" in step:
        response_body = step["body"].encode()
    elif "json" in step:
        header.setdefault("content-type", "application/json")
        response_body = json.dumps(step["json"]).encode()
    query = urlencode(step.get("query", {}), doseq=True)
    lost = step.get("lost")
    return Exchange(
        id=0,
        method=step["method"],
        url=step["url"] + (f"?{query}" if query else ""),
        request_headers=_headers(request_header),
        request_body=_body(request_body, lost == "request"),
        status=step.get("status"),
        response_headers=_headers(header),
        response_body=_body(response_body, lost == "response"),
        state=State.COMPLETE if "status" in step else State.FAILED,
        translations=tuple(Translation(*each) for each in step.get("translated", ())),
    )


def _headers(fields: dict[str, Any]) -> Headers:
    return tuple(
        (name, value) for name, values in fields.items() for value in (values if isinstance(values, list) else [values])
    )


def _body(data: bytes, lost: bool) -> Body:
    return Body(data[:8], len(data) + 1_000_000) if lost else Body.whole(data)


@cache
def _key(name: str) -> RSAPrivateKey:
    """A key of that name, made once per test run."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def _public_key() -> dict[str, Any]:
    exported = jwt.algorithms.RSAAlgorithm.to_jwk(_key("good").public_key(), as_dict=True)
    return {key: exported[key] for key in ("kty", "n", "e")} | {"kid": "key-1", "alg": "RS256", "use": "sig"}
