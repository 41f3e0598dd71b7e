"""Sign-ins that look odd and are right: ways of all three parties that no rule may call wrong."""

from base64 import b64encode

from inspector.protocol.pkce import s256
from tests.cases.rows import CLAUDE, CLAUDE_CODE, CURSOR, INSPECTOR, VSCODE, Changes, signs_in
from tests.rules.good import CHALLENGE, CLIENT_ID, ENDPOINT, ISSUER

HOST = "http://localhost:3001"
DOCUMENT = "https://app.example.com/oauth/client-metadata.json"
PUSHED = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"
ORIGIN = "http://localhost:6274"
NOT_FOUND: Changes = {"status": 404, "json": {"error": "not found"}}
CLIENT_IDS = ("authorize.query.client_id", "token.form.client_id", "refresh.form.client_id", "token.claim.client_id")
LEGS = ("authorize.query.resource", "token.form.resource", "refresh.form.resource")
DISCOVERED = ("challenge", "list", "call", "again")


def _copy(step: str, name: str, after: str) -> dict[str, str]:
    return {"step": step, "name": name, "after": after}


def _values(step: str, parts: Changes) -> Changes:
    return {f"{step}.{part}": value for part, value in parts.items()}


def _stream(number: int, result: Changes) -> str:
    body = {"jsonrpc": "2.0", "id": number, "result": result}
    return f"event: message\ndata: {str(body).replace(chr(39), chr(34))}\n\n"


def _stateless() -> Changes:
    """No handshake and no session: each request says who asks and in which revision."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "stateless-client", "version": "2.4.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    values: Changes = {f"{step}.sent.params": {"_meta": meta} for step in DISCOVERED}
    values |= {f"{step}.sent.method": "tools/list" for step in ("challenge", "list")}
    for step in DISCOVERED:
        method = "tools/list" if step in ("challenge", "list") else "tools/call"
        named = {} if method == "tools/list" else {"name": "get-user-info", "arguments": {}}
        values[f"{step}.sent.params"] = {"_meta": meta, **named}
        values[f"{step}.request_header"] = {
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": method,
        }
    values |= {
        "as.json.authorization_response_iss_parameter_supported": True,
        "authorize.location.iss": ISSUER,
        "register.sent.application_type": "native",
        "register.sent.grant_types": ["authorization_code", "refresh_token"],
    }
    return {"drop_step": ["initialize", "initialized"], "set": values}


def _browser() -> Changes:
    """A client in a web page: every request has an origin, and those that need it a preflight that passes."""
    direct = ("challenge", "prm", "as", "register", "token", "initialize", "list", "call", "refresh", "again")
    values: Changes = {f"{step}.request_header.origin": ORIGIN for step in direct}
    values |= {f"{step}.header.access-control-allow-origin": "*" for step in direct}
    exposed = "WWW-Authenticate, Mcp-Session-Id"
    values |= {f"{step}.header.access-control-expose-headers": exposed for step in ("challenge", "initialize")}
    asks = {"origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    names = {"challenge": "before_challenge", "register": "before_register", "token": "before_token"}
    for name in names.values():
        allows = {"access-control-allow-origin": "*", "access-control-allow-headers": "content-type, authorization"}
        values |= _values(name, {"method": "OPTIONS", "request_header": asks, "status": 204, "header": allows})
    gone = [f"{name}.{part}" for name in names.values() for part in ("json", "sent")]
    drop = [path for path in gone if path != "before_token.sent"] + ["before_token.form", "before_token.claim"]
    copy = [
        _copy("challenge", "before_challenge", ""),
        _copy("register", "before_register", "as"),
        _copy("token", "before_token", "authorize"),
    ]
    return signs_in(INSPECTOR, {"copy": copy, "drop": drop, "set": values})


def _pushed() -> Changes:
    values: Changes = _values("push", {"method": "POST", "url": f"{ISSUER}/oauth2/par", "status": 201})
    values |= {
        "push.json": {"request_uri": PUSHED, "expires_in": 60},
        "push.form": {
            "client_id": CLIENT_ID,
            "redirect_uri": "http://127.0.0.1:33418/callback",
            "response_type": "code",
            "state": "state-1",
            "resource": ENDPOINT,
            "scope": "openid offline_access",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        },
        "as.json.pushed_authorization_request_endpoint": f"{ISSUER}/oauth2/par",
        "authorize.query": {"client_id": CLIENT_ID, "request_uri": PUSHED},
    }
    copy = [_copy("authorize", "push", "register")]
    return {"copy": copy, "drop": ["push.query", "push.location"], "set": values}


def _secret() -> Changes:
    basic = f"Basic {b64encode(f'{CLIENT_ID}:secret-1'.encode()).decode()}"
    method = "token_endpoint_auth_method"
    values = {f"{step}.request_header.authorization": basic for step in ("token", "refresh")}
    return {
        "drop": ["token.form.client_id", "refresh.form.client_id"],
        "set": {
            **values,
            f"register.sent.{method}": "client_secret_basic",
            f"register.json.{method}": "client_secret_basic",
            "register.json.client_secret": "secret-1",
            "as.json.token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        },
    }


def another() -> Changes:
    """The values of a sign-in that shares no secret with the good run."""
    return {
        "authorize.query.state": "state-9",
        "authorize.query.code_challenge": s256("z" * 43),
        "authorize.location": {"code": "code-9", "state": "state-9"},
        "token.form.code": "code-9",
        "token.form.code_verifier": "z" * 43,
        "token.claim.sub": "user_9",
        "token.json.refresh_token": "refresh-9",
        "refresh.form.refresh_token": "refresh-9",
        "refresh.json.refresh_token": "refresh-10",
        "initialize.header.mcp-session-id": "session-9",
        **{f"{step}.request_header.mcp-session-id": "session-9" for step in ("initialized", "list", "call", "again")},
    }


VARIANTS: dict[str, Changes] = {
    "starts from the well-known URL without a 401": signs_in(CLAUDE_CODE, {"drop_step": ["challenge"]}),
    "registers twice and uses the second": {
        "copy": [_copy("register", "first", "as")],
        "set": {"first.json.client_id": "client_01KB5DRXBDDY1VGCBKY108SKAA"},
    },
    "fetches the authorization URL before the browser does": {
        "copy": [_copy("authorize", "ahead", "register")],
        "drop": ["ahead.location"],
        "set": {"ahead.status": 200, "ahead.body": "<html>Sign in</html>", "ahead.header.content-type": "text/html"},
    },
    "resource is the parent of the endpoint": {"resource": HOST},
    "metadata was read before the recording": {"drop_step": ["prm", "as"]},
    "metadata and registration were stored": {"drop_step": ["prm", "as", "register", "keys"]},
    "token was stored": {"drop_step": ["challenge", "prm", "as", "register", "authorize", "token", "keys"]},
    "client id is a metadata document": {
        "drop_step": ["register"],
        "set": {**dict.fromkeys(CLIENT_IDS, DOCUMENT), "as.json.client_id_metadata_document_supported": True},
    },
    "client was registered by hand": {
        "drop_step": ["register"],
        "drop": ["as.json.registration_endpoint"],
        "set": dict.fromkeys(CLIENT_IDS, "0oa1b2c3d4"),
    },
    "authorization request is pushed": _pushed(),
    "client has a secret": _secret(),
    "audience is an application id of Entra": {
        "issuer": "https://login.microsoftonline.com/8b1a9953-c461-1296-a827-abf8c47804d7/v2.0",
        "set": {"token.claim.aud": "c56ba2a0-6d15-4b0c-8d3a-1f0e8a9f1a51"},
    },
    "audience is asked for as Auth0 wants it": {
        "issuer": "https://tenant.eu.auth0.com",
        "set": {
            "authorize.query.audience": "https://api.example.com/",
            "token.claim.aud": ["https://api.example.com/", "https://tenant.eu.auth0.com/userinfo"],
        },
    },
    "tokens are opaque": {"set": {"token.json.access_token": "opaque-1", "refresh.json.access_token": "opaque-2"}},
    "answers are event streams": {
        "drop": ["list.json", "call.json"],
        "set": {
            "list.header.content-type": "text/event-stream",
            "list.body": _stream(3, {"tools": []}),
            "call.header.content-type": "text/event-stream",
            "call.body": _stream(4, {"content": []}),
        },
    },
    "requests are stateless": _stateless(),
    "loopback is spelled localhost everywhere": signs_in(CLAUDE_CODE, {}),
    "redirect has a scheme of its own": signs_in(CURSOR, {}),
    "redirect goes to a web client": signs_in(
        CLAUDE, {"endpoint": "https://a.example/mcp", "issuer": "https://b.example"}
    ),
    "redirect has the port of the moment": signs_in(
        VSCODE,
        {"set": dict.fromkeys(("authorize.query.redirect_uri", "token.form.redirect_uri"), "http://127.0.0.1:51245")},
    ),
    "metadata is found at the second place": {
        "copy": [_copy("prm", "miss", "challenge"), _copy("as", "absent", "prm")],
        "set": {
            **_values("miss", NOT_FOUND),
            **_values("absent", NOT_FOUND),
            "challenge.header.www-authenticate": "Bearer",
            "prm.url": f"{HOST}/.well-known/oauth-protected-resource",
            "as.url": f"{ISSUER}/.well-known/openid-configuration",
        },
    },
    "endpoint is probed with GET and HEAD": {
        "copy": [_copy("challenge", "get", ""), _copy("challenge", "head", "get")],
        "drop": ["get.sent", "head.sent"],
        "set": {"get.method": "GET", "head.method": "HEAD", "head.status": 405, "head.header": {}},
    },
    "stream of the server is not offered": {
        "copy": [_copy("list", "stream", "initialized")],
        "drop": ["stream.sent", "stream.json"],
        "set": {"stream.method": "GET", "stream.status": 405},
    },
    "session is closed at the end": {
        "copy": [_copy("again", "close", "again")],
        "drop": ["close.sent", "close.json"],
        "set": {"close.method": "DELETE", "close.status": 204},
    },
    "browser client with preflights": _browser(),
    "refresh comes hours later": {
        "copy": [_copy("call", "late", "call")],
        "refuse": ["late"],
        "set": {"late.wait": 20_000, "refresh.wait": 1},
    },
    "refresh token is kept": {"drop": ["refresh.json.refresh_token"]},
    "user declines once": {
        "copy": [_copy("authorize", "declined", "register")],
        "set": {
            "declined.location": {"error": "access_denied", "state": "state-0"},
            "declined.query.state": "state-0",
            "declined.query.code_challenge": s256("b" * 43),
        },
    },
    "session has ended and is begun again": {
        "copy": [_copy("call", "ended", "call"), _copy("initialize", "anew", "ended")],
        "set": {
            "ended.status": 404,
            "ended.json": {"jsonrpc": "2.0", "id": 4, "error": {"code": -32001, "message": "x"}},
        },
    },
    "more scopes are asked for on demand": {
        "copy": [
            _copy("call", "denied", "call"),
            _copy("authorize", "step_up", "denied"),
            _copy("token", "more", "step_up"),
            _copy("call", "allowed", "more"),
        ],
        "drop": ["denied.json"],
        "set": {
            "denied.status": 403,
            "denied.header.www-authenticate": 'Bearer error="insufficient_scope", scope="openid offline_access admin", '
            f'resource_metadata="{HOST}/.well-known/oauth-protected-resource/mcp"',
            "as.json.scopes_supported": ["openid", "offline_access", "admin"],
            "step_up.query.scope": "openid offline_access admin",
            "step_up.query.state": "state-2",
            "step_up.query.code_challenge": s256("a" * 43),
            "step_up.location": {"code": "code-2", "state": "state-2"},
            "more.form.code": "code-2",
            "more.form.code_verifier": "a" * 43,
            "more.json.scope": "openid offline_access admin",
            "more.json.refresh_token": "refresh-1b",
            "refresh.form.refresh_token": "refresh-1b",
            "allowed.bearer": "more",
        },
    },
}
