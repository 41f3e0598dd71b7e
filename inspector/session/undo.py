"""Gives back the request a client sent, where wire patches or a user at a held message have changed it on its way."""

import json
from dataclasses import replace
from urllib.parse import quote, unquote_plus, urlsplit

from inspector.session.model import Body, Exchange, Headers, Translation

_FORM = "application/x-www-form-urlencoded"


def as_client_sent(exchange: Exchange) -> Exchange:
    """The exchange with the request of the client, parameter by parameter and header by header.

    An exchange keeps what upstream saw; rules about what a client does are to look at this. Escapes of a changed value
    may be written otherwise, and what was dropped comes back at the end. Values that only the inspector's own addresses
    translate stay as they are. An exchange that nobody changed is given back itself.
    """
    for change in reversed(exchange.translations):
        if change.by and change.part.startswith("request."):
            exchange = _undone(exchange, change)
    return exchange


def _undone(exchange: Exchange, change: Translation) -> Exchange:
    match change.part:
        case "request.url":
            try:
                parts = urlsplit(exchange.url)
            except ValueError:
                return exchange  # what is no URL was taken apart by nobody
            if change.name == "path":
                return replace(exchange, url=parts._replace(path=change.client).geturl())
            return replace(exchange, url=parts._replace(query=_parameters(parts.query, change)).geturl())
        case "request.headers":
            return replace(exchange, request_headers=_headers(exchange.request_headers, change))
        case "request.body" if not exchange.request_body.truncated:
            return replace(exchange, request_body=Body.whole(_body(exchange, change)))
    return exchange


def _parameters(encoded: str, change: Translation) -> str:
    """Without a name the change is the whole text."""
    if not change.name:
        return change.client
    pairs = encoded.split("&") if encoded else []
    # Undecodable bytes of the wire are lone surrogates here, which no encoding takes.
    name, value = (quote(each, safe="", errors="replace") for each in (change.name, change.client))
    client = f"{name}={value}"
    for index, pair in enumerate(pairs):
        name, _, value = pair.partition("=")
        if (unquote_plus(name), unquote_plus(value)) == (change.name, change.upstream):
            pairs[index : index + 1] = [client] if change.client else []
            return "&".join(pairs)
    return "&".join([*pairs, client] if change.client else pairs)


def _headers(headers: Headers, change: Translation) -> Headers:
    found = list(headers)
    client = [(change.name, change.client)] if change.client else []
    for index, (name, value) in enumerate(found):
        if (name.lower(), value) == (change.name.lower(), change.upstream):
            found[index : index + 1] = client
            return tuple(found)
    return (*found, *client)


def _body(exchange: Exchange, change: Translation) -> bytes:
    if not change.name:
        return change.client.encode(errors="replace")
    data = exchange.request_body.data
    content_type = exchange.request_header("content-type") or ""
    if content_type.partition(";")[0].strip().lower() == _FORM:
        return _parameters(data.decode("latin-1"), change).encode("latin-1")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(document, dict):
        return data
    if change.client:
        return json.dumps({**document, change.name: _member(change.client, document.get(change.name))}).encode()
    return json.dumps({name: value for name, value in document.items() if name != change.name}).encode()


def _member(text: str, now: object) -> object:
    """A member's value from its text: text itself was noted without quotes, anything else as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(now, str) and not isinstance(value, list | dict | bool) else value
