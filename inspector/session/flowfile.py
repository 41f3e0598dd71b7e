"""Reads mitmproxy flow files without mitmproxy, which costs over a second to import and stops at the first odd flow."""

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from inspector.errors import UnreadableInput
from inspector.session import tnetstring
from inspector.session.files import Progress, no_progress, open_input
from inspector.session.model import Body, Exchange, Headers, Source, State
from inspector.session.tnetstring import Value

FORMAT_VERSION = 21
"""The flow format of mitmproxy 12; neighbouring versions differ in fields that are not read here."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 9110 section 7.2: what may stand in Host; anything else would move the path when put into a URL.
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/?#@:\\\[\]]+)(?::(?P<port>\d{0,5}))?")


def read_flow_file(path: Path, warn: Callable[[str], None], on_progress: Progress = no_progress) -> Iterator[Exchange]:
    """Yield the HTTP exchanges of a flow file in file order, ids and change numbers 0.

    Damage after a good flow, a flow that makes no sense, and flows that are not HTTP are told to `warn`, one sentence
    each, at the end. Raises UnreadableInput when not one flow can be read.
    """
    skipped: Counter[str] = Counter()
    versions: set[Value] = set()
    good = 0
    damage = ""
    with open_input(path) as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            start = file.tell()
            try:
                item = tnetstring.read_item(file, size - start)
            except ValueError as error:
                damage = f"damaged from byte {start} on ({error}): {size - start} of {size} bytes were not read"
                break
            if item is None:
                break
            on_progress(file.tell() / size)
            kind, exchange = _read_flow(item, versions)
            if exchange is None:
                skipped[kind] += 1
            else:
                good += 1
                yield exchange
    if not good and (damage or skipped["damaged"]):
        raise UnreadableInput(f"{path} holds no readable flow ({damage or 'every flow is damaged'}); record it again.")
    for kind, count in skipped.items():
        warn(f"{path}: {count} {kind} {'flow was' if count == 1 else 'flows were'} left out.")
    if damage:
        warn(f"{path} is {damage}.")
    for version in sorted(str(version) for version in versions - {FORMAT_VERSION}):
        warn(f"{path} has flows of format {version}; format {FORMAT_VERSION} (mitmproxy 12) is read reliably.")


def _read_flow(item: bytes, versions: set[Value]) -> tuple[str, Exchange | None]:
    """The exchange, or what kind of flow it is instead."""
    try:
        flow = _mapping(tnetstring.parse(item))
        kind = _text(flow["type"])
        if kind != "http":
            return (kind.upper() if kind in {"tcp", "udp", "dns"} else "unknown"), None
        if flow.get("websocket") is not None:
            return "WebSocket", None
        exchange = _exchange(flow)
        version = flow.get("version")
        versions.add(version if isinstance(version, int) else "unknown")
    except (LookupError, TypeError, ValueError, OverflowError):
        return "damaged", None
    return "http", exchange


def _exchange(flow: dict[str, Value]) -> Exchange:
    request = _mapping(flow["request"])
    response = _mapping(flow["response"]) if flow.get("response") is not None else None
    error = _text(_mapping(flow["error"])["msg"]) if flow.get("error") is not None else ""
    client, server = _mapping(flow.get("client_conn") or {}), _mapping(flow.get("server_conn") or {})
    request_headers = _headers(request["headers"])
    response_headers = _headers(response["headers"]) if response else ()
    response_end = _time(response.get("timestamp_end")) if response else 0.0
    if error:
        state = State.FAILED
    elif response:
        state = State.COMPLETE if response_end else State.RESPONDING
    else:
        state = State.REQUEST
    return Exchange(
        id=0,
        method=_text(request["method"]),
        url=_url(request, request_headers),
        request_headers=request_headers,
        request_body=_body(request.get("content"), request_headers),
        status=_status(response["status_code"]) if response else None,
        reason=_text(response.get("reason") or b"", "latin-1") if response else "",
        response_headers=response_headers,
        response_body=_body(response.get("content"), response_headers) if response else Body(),
        http_version=_text(request["http_version"]),
        started_at=_time(request.get("timestamp_start")),
        request_end=_time(request.get("timestamp_end")),
        response_start=_time(response.get("timestamp_start")) if response else 0.0,
        response_end=response_end,
        state=state,
        error=error,
        source=Source.IMPORT,
        listener=_text(client.get("proxy_mode") or ""),
        client_address=_address(client.get("peername")),
        server_address=_address(server.get("peername") or server.get("address")),
        tls="; ".join(
            f"{name} {_tls(leg)}" for name, leg in (("client", client), ("server", server)) if leg.get("tls")
        ),
    )


def _url(request: dict[str, Value], headers: Headers) -> str:
    """The URL the client addressed: by :authority or the absolute form, else by Host, else by the connection.

    RFC 9112 section 3.2.2: Host is ignored beside an absolute form; RFC 9113 section 8.3.1: :authority comes first.
    """
    scheme = _text(request["scheme"]).lower()
    fallback = _address([request["host"], request["port"]])
    sent = next((value for name, value in headers if name.lower() == "host"), "")
    for authority in (_text(request.get("authority") or b""), sent, fallback):
        if match := _AUTHORITY.fullmatch(authority):
            break
    else:
        raise ValueError("no host")
    host, written_port = match["host"], int(match["port"] or 0)
    if written_port and written_port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{written_port}"
    path = _text(request["path"])
    if not path.startswith("/"):
        # The asterisk form of OPTIONS and the authority form of CONNECT name no path.
        path = ""
    return f"{scheme or 'https'}://{host}{path}"


def _body(content: Value, headers: Headers) -> Body:
    if content is None:
        # Streamed through and not kept; what the sender announced is all that is known.
        length = next((value for name, value in headers if name.lower() == "content-length"), "")
        return Body(size=int(length) if length.isdecimal() and len(length) < 16 else 0)
    if not isinstance(content, bytes):
        raise TypeError("a body is not bytes")
    return Body.whole(content)


def _headers(fields: Value) -> Headers:
    if not isinstance(fields, list):
        raise TypeError("headers are not a list")
    headers = []
    for field in fields:
        if not isinstance(field, list) or len(field) != 2:
            raise TypeError("a header is not a pair")
        headers.append((_text(field[0], "latin-1"), _text(field[1], "latin-1")))
    return tuple(headers)


def _mapping(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise TypeError("not a mapping")
    return value


def _text(value: Value, encoding: str = "utf-8") -> str:
    if isinstance(value, bytes):
        return value.decode(encoding, errors="backslashreplace")
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _status(value: Value) -> int:
    if not isinstance(value, int) or not 0 < value < 1000:
        raise ValueError("not a status code")
    return value


def _time(value: Value) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _address(value: Value) -> str:
    if not value:
        return ""
    if not isinstance(value, list) or not isinstance(port := value[1], int):
        raise TypeError("not an address")
    host = _text(value[0])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tls(connection: dict[str, Value]) -> str:
    return " ".join(_text(connection.get(fact) or "-") for fact in ("tls_version", "cipher", "alpn"))
