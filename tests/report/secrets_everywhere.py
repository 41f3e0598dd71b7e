"""Sessions filled with secrets in every place and encoding, and a reader who tries every way to get them out again."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import quote, quote_plus, unquote, urlencode

from hypothesis import strategies as st

from inspector.session.model import Body, Exchange, State
from tests.tui.story import AUTHKIT, CLIENT_ID, MCP, START, story

type Encoding = Callable[[str], str]

TOKEN_CHARACTERS = "ABCDEFGHabcdefgh0123456789-._~"
HOSTILE_CHARACTERS = TOKEN_CHARACTERS + "+/=%&?#\"'\\<>{}[]()|;:,@!* éßΩ漢\u202e"


def _base64_at(offset: int) -> Encoding:
    return lambda text: base64.b64encode(b"id=12345"[:offset] + text.encode() + b":x"[: offset % 3]).decode()


ENCODINGS: dict[str, Encoding] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, every character": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent, lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, some characters": lambda text: "".join(
        quote(each, safe="") if number % 2 else "".join(f"%{byte:02x}" for byte in each.encode())
        for number, each in enumerate(text)
    ),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text),
    "JSON, every character": lambda text: "".join(f"\\u{unit:04x}" for each in text for unit in _utf16(each)),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"text": text})),
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, no padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64url, no padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    **{f"base64 at offset {offset}": _base64_at(offset) for offset in range(1, 6)},
    "base64 of percent": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"v": text}).encode()).decode(),
    "percent of base64": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, upper case": lambda text: text.encode().hex().upper(),
}


def _utf16(character: str) -> tuple[int, ...]:
    data = character.encode("utf-16-be")
    return tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))


def _json_answer(exchange: Exchange, document: object) -> Exchange:
    return replace(
        exchange,
        response_headers=(*exchange.response_headers, ("content-type", "application/json")),
        response_body=Body.whole(json.dumps(document).encode()),
    )


def _answer(number: int, media: str, text: str, url: str = f"{AUTHKIT}/page") -> Exchange:
    return Exchange(
        number,
        "GET",
        url,
        status=200,
        response_headers=(("content-type", media),),
        response_body=Body.whole(text.encode()),
        started_at=START + number,
    )


def _post(number: int, url: str, media: str, body: str, *headers: tuple[str, str]) -> Exchange:
    return Exchange(
        number,
        "POST",
        url,
        request_headers=(("content-type", media), *headers),
        request_body=Body.whole(body.encode()),
        status=400,
        started_at=START + number,
    )


_FORM = "application/x-www-form-urlencoded"

PLACES: dict[str, Callable[[int, str], Exchange]] = {
    "code in a form": lambda n, s: _post(
        n, f"{AUTHKIT}/oauth2/token", _FORM, urlencode({"grant_type": "authorization_code", "code": s})
    ),
    "client secret in a form": lambda n, s: _post(
        n, f"{AUTHKIT}/oauth2/token", _FORM, urlencode({"grant_type": "refresh_token", "client_secret": s})
    ),
    "verifier in JSON": lambda n, s: _post(
        n, f"{AUTHKIT}/oauth2/token", "application/json", json.dumps({"grant_type": "x", "code_verifier": s})
    ),
    "assertion": lambda n, s: _post(n, f"{AUTHKIT}/oauth2/token", _FORM, urlencode({"client_assertion": s})),
    "query": lambda n, s: _answer(n, "text/plain", "", f"{AUTHKIT}/oauth2/authorize?{urlencode({'state': s})}"),
    "fragment": lambda n, s: replace(
        _answer(n, "text/plain", ""),
        status=302,
        response_headers=(("location", f"app://x#{urlencode({'id_token': s})}"),),
    ),
    "userinfo": lambda n, s: _answer(n, "text/plain", "", f"https://admin:{quote(s, safe='')}@example.com/x"),
    "token answer": lambda n, s: _json_answer(
        _post(n, f"{AUTHKIT}/oauth2/token", _FORM, "grant_type=refresh_token"), {"refresh_token": s}
    ),
    "deep in JSON": lambda n, s: _answer(n, "application/json", json.dumps([{"a": [{"sessionToken": s}]}])),
    "JSON in a string": lambda n, s: _answer(
        n, "application/json", json.dumps({"text": json.dumps({"deep": json.dumps({"api_key": s})})})
    ),
    "e-mail claim": lambda n, s: _answer(n, "application/json", json.dumps({"sub": f"user_{n}_abcdef", "email": s})),
    "person's name": lambda n, s: _answer(n, "application/json", json.dumps({"email": "a@b.example", "name": s})),
    "event": lambda n, s: _answer(
        n, "text/event-stream", f"event: message\ndata: {json.dumps({'access_token': s})}\n\n"
    ),
    "hidden field": lambda n, s: _answer(
        n, "text/html", f'<form><input type="hidden" name="csrf_token" value="{html.escape(s)}"></form>'
    ),
    "private key": lambda n, s: _answer(n, "application/json", json.dumps({"keys": [{"kty": "EC", "d": s}]})),
}

HEADER_PLACES: dict[str, Callable[[int, str], Exchange]] = {
    name: (lambda n, s, make=make: replace(_answer(n, "text/plain", "", MCP), request_headers=make(s)))  # type: ignore[misc]  # a lambda's default has no type
    for name, make in {
        "bearer": lambda s: (("authorization", f"Bearer {s}"),),
        "another scheme": lambda s: (("Authorization", f"ApiKey {s}"),),
        "no scheme": lambda s: (("authorization", s),),
        "proxy": lambda s: (("proxy-authorization", f"Bearer {s}"),),
        "basic": lambda s: (("authorization", "Basic " + base64.b64encode(f"id:{s}".encode()).decode()),),
        "basic, key as user": lambda s: (("authorization", "Basic " + base64.b64encode(f"{s}:".encode()).decode()),),
        "cookie": lambda s: (("cookie", f"a=b; wos-session={s}; c=d"),),
        "API key": lambda s: (("X-Api-Key", s),),
        "MCP session": lambda s: (("mcp-session-id", s),),
        "unknown header": lambda s: (("x-acme-auth-token", s),),
    }.items()
}

CARRIERS: dict[str, Callable[[int, str], Exchange]] = {
    "plain text": lambda n, s: _answer(n, "text/plain", f"oops {s} happened"),
    "JSON": lambda n, s: _answer(n, "application/json", json.dumps({"error": "x", "error_description": f"saw {s}."})),
    "JSON, ASCII escaped twice": lambda n, s: _answer(n, "application/json", json.dumps({"d": json.dumps({"e": s})})),
    "HTML": lambda n, s: _answer(n, "text/html", f"<p title='x'>{html.escape(s)}</p>"),
    "event": lambda n, s: _answer(
        n, "text/event-stream", f"data: {json.dumps({'jsonrpc': '2.0', 'result': {'t': s}})}\n\n"
    ),
    "tool result": lambda n, s: _answer(
        n, "application/json", json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"text": s}]}}), MCP
    ),
    "path": lambda n, s: _answer(n, "text/plain", "", f"{AUTHKIT}/x/{quote(s, safe='')}/y"),
    "query": lambda n, s: _answer(n, "text/plain", "", f"{AUTHKIT}/x?{urlencode({'q': f'1{s}2'})}"),
    "header": lambda n, s: replace(
        _answer(n, "text/plain", ""), response_headers=(("x-debug", s.encode().decode("latin-1")),)
    ),
    "challenge": lambda n, s: replace(
        _answer(n, "text/plain", "", MCP),
        status=401,
        response_headers=(
            ("www-authenticate", f'Bearer error="x", error_description="{s.encode().decode("latin-1")}"'),
        ),
    ),
    "client name": lambda n, s: _post(
        n,
        f"{AUTHKIT}/oauth2/register",
        "application/json",
        json.dumps({"client_name": s, "redirect_uris": ["app://x"]}),
    ),
    "error": lambda n, s: replace(_answer(n, "text/plain", ""), status=None, state=State.FAILED, error=f"lost: {s}"),
    "reason": lambda n, s: replace(_answer(n, "text/plain", ""), reason=s),
}


@dataclass(frozen=True)
class Loaded:
    """A session and the secrets in it."""

    exchanges: tuple[Exchange, ...]
    secrets: tuple[str, ...]


@st.composite
def secret_values(draw: st.DrawFn, alphabet: str = HOSTILE_CHARACTERS) -> str:
    """A value with something in it that stands nowhere by chance."""
    unique = sha256(str(draw(st.integers(0, 2**32))).encode()).hexdigest()[:14]
    return draw(st.text(alphabet, max_size=20)).strip() + unique + draw(st.text(alphabet, max_size=20)).strip()


@st.composite
def loaded_sessions(draw: st.DrawFn) -> Loaded:
    """The reference story with secrets in some places, and copies of them wherever a copy can be."""
    places = PLACES | HEADER_PLACES
    exchanges = [*story(resource=draw(st.booleans()))]
    found: list[str] = []
    for place in draw(st.lists(st.sampled_from(sorted(places)), min_size=1, max_size=3)):
        if place == "e-mail claim":
            secret = draw(secret_values(TOKEN_CHARACTERS)) + "@example.org"
        else:
            secret = draw(secret_values(TOKEN_CHARACTERS if place in HEADER_PLACES else HOSTILE_CHARACTERS))
        found.append(secret)
        exchanges.append(places[place](len(exchanges) + 1, secret))
        for _ in range(draw(st.integers(0, 3))):
            encoded = ENCODINGS[draw(st.sampled_from(sorted(ENCODINGS)))](secret)
            carrier = CARRIERS[draw(st.sampled_from(sorted(CARRIERS)))]
            exchanges.append(carrier(len(exchanges) + 1, encoded))
    return Loaded(tuple(exchanges), (*found, *STORY_SECRETS))


STORY_SECRETS = (
    "01KB5E2M9Q7V0ZKXW3T8R1YJ4N",
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "HqX2v9RkT4bLw8ZpC1mNs7YdF3gJ6aUe5oKi0xVtBrE",
    "Zk3vPq81mXc0",
    "q7Yx0pL2vN8",
    "user_01KB5DZXQ4N8H2",
    "session_01KB5E2M",
    "c2lnbmF0dXJl" * 4,
)
assert CLIENT_ID  # not a secret: every client of the authorization server may know it

_RUN = re.compile(r"[A-Za-z0-9+/_-]{11,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_UNICODE = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+")
_DEEPEST = 3


def readings(text: str, depth: int = 0) -> Iterator[str]:
    """The text, and all that can be decoded from it."""
    yield text
    if depth == _DEEPEST:
        return
    plain = text
    for _ in range(4):
        following = html.unescape(unquote(_UNICODE.sub(_from_unicode, plain))).replace('\\"', '"').replace("\\\\", "\\")
        if following == plain:
            break
        plain = following
        yield plain
    inside = {decoded for run in {*_RUN.findall(plain), *_RUN.findall(text)} for decoded in _from_base64(run)}
    inside |= {bytes.fromhex(run).decode(errors="replace") for run in _HEX.findall(plain)}
    for decoded in inside:
        yield from readings(decoded, depth + 1)


def leaked(text: str, secrets: tuple[str, ...]) -> list[str]:
    """The secrets that can be read in a text."""
    # What no reader can type apart is looked for apart: Latin-1 for UTF-8, a plus for a space, and visible escapes.
    spellings = {
        spelling: secret
        for secret in secrets
        for spelling in (secret, secret.encode().decode("latin-1"), secret.replace(" ", "+"), quote(secret, safe=""))
    }
    return sorted({spellings[each] for reading in readings(text) for each in spellings if each in reading})


def _from_unicode(match: re.Match[str]) -> str:
    units = re.findall(r"u([0-9a-fA-F]{4})", match[0])
    return b"".join(int(unit, 16).to_bytes(2) for unit in units).decode("utf-16-be", errors="replace")


def _from_base64(run: str) -> Iterator[str]:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = run[start:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        decoded = base64.b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
        # Noise has unprintable characters everywhere; a secret at this offset has a stretch without.
        if re.search(r"[ -~\xa0-\xff]{8,}", decoded):
            yield decoded
            yield decoded.encode("latin-1").decode(errors="replace")
