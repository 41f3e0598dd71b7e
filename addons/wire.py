"""Turns what mitmproxy knows about a flow into the session's own words, values as they were on the wire."""

import hashlib
from dataclasses import dataclass

from mitmproxy.connection import Address, Connection
from mitmproxy.http import Headers as WireHeaders
from mitmproxy.http import HTTPFlow, Message
from mitmproxy.net import encoding

from inspector.session.model import Body, Exchange, Headers, State, Translation

NO_BODY = Body()

KEPT_BODY = 1024 * 1024
"""Bytes of a body that are kept; the true size and the digest of the whole are kept too."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What the client gets in place of a response body, content coding off, and each value that differs."""

    content: bytes
    translations: tuple[Translation, ...]


def exchange_of(
    flow: HTTPFlow,
    state: State,
    *,
    row: int = 0,
    request_body: Body = NO_BODY,
    response_headers: Headers = (),
    response_body: Body = NO_BODY,
    translations: tuple[Translation, ...] = (),
    error: str = "",
) -> Exchange:
    """The exchange as it stands at this moment of the flow; `row` is its id in the session, 0 for none yet.

    Headers and body of the response are given because the flow may hold by now what the client gets in their place.
    """
    request, response = flow.request, flow.response
    return Exchange(
        id=row,
        method=request.method,
        url=request.pretty_url.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        request_headers=headers_of(request.headers),
        request_body=request_body,
        status=response.status_code if response else None,
        reason=response.reason if response else "",
        response_headers=response_headers,
        response_body=response_body,
        http_version=request.http_version,
        started_at=request.timestamp_start or 0.0,
        request_end=request.timestamp_end or 0.0,
        response_start=(response.timestamp_start or 0.0) if response else 0.0,
        response_end=(response.timestamp_end or 0.0) if response else 0.0,
        state=state,
        error=error,
        listener=flow.client_conn.proxy_mode.full_spec,
        client_address=address_of(flow.client_conn.peername),
        server_address=address_of(flow.server_conn.peername or flow.server_conn.address),
        tls=tls_of(flow),
        translations=translations,
    )


def headers_of(headers: WireHeaders) -> Headers:
    """Header fields in wire order, without the password of a proxy on the way: it is no part of the conversation."""
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers.fields
        if name.lower() != b"proxy-authorization"
    )


def body_of(content: bytes | None) -> Body:
    """A body that was read whole, cut to what is kept."""
    if content is None:
        return Body()
    return Body(content[:KEPT_BODY], len(content), hashlib.sha256(content).hexdigest())


def content_of(exchange: Exchange) -> bytes | None:
    """The response body without its content coding; None when it is cut or the coding does not hold."""
    body, coding = exchange.response_body, exchange.response_header("content-encoding")
    if body.truncated or not coding:
        return None if body.truncated else body.data
    try:
        content = encoding.decode(body.data, coding)
    except ValueError:
        return None
    return content if isinstance(content, bytes) else None


def content_length(message: Message) -> int | None:
    """The announced length of a body; None when it is not announced."""
    value = message.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def address_of(address: Address | None) -> str:
    """An address as host:port, an IPv6 host in brackets."""
    if address is None:
        return ""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tls_of(flow: HTTPFlow) -> str:
    """The TLS facts of both legs in one short line; empty for plain HTTP."""
    legs = (("client", flow.client_conn), ("server", flow.server_conn))
    return "; ".join(f"{name} {_tls_leg(leg)}" for name, leg in legs if leg.tls_established)


def _tls_leg(connection: Connection) -> str:
    alpn = (connection.alpn or b"no ALPN").decode("ascii", "replace")
    return f"{connection.tls_version} {connection.cipher} {alpn}"
