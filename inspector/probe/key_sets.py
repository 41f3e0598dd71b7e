"""Fetches the key set of an authorization server, so that the signatures in a recording can be checked.

The address stands in a recording, which may come from anybody: nothing is fetched unless the user asks for it, and then
over https, or on this machine, and from the very server that was named.
"""

import asyncio
import time
from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inspector.errors import ReplayFailure
from inspector.protocol import urls
from inspector.protocol.jwt import Signature
from inspector.session.model import Body, Exchange, Source
from inspector.timeline.message import Kind
from inspector.timeline.run import Run

if TYPE_CHECKING:
    import httpx

SECONDS = 10
"""How long a fetch may take from first to last byte."""

LARGEST = 1024 * 1024
"""Bytes of a key set that are read."""

_MOST_REDIRECTS = 3


def missing_key_sets(runs: Iterable[Run]) -> tuple[str, ...]:
    """The addresses of key sets that would let signatures be checked that the recording leaves open.

    They are the `jwks_uri` of captured authorization server metadata (RFC 8414 section 2), each once.
    """
    found: dict[str, None] = {}
    for run in runs:
        tokens = [use.signature for use in run.uses] + [t.signature for t in run.token_exchanges if t.token]
        is_open = any(signature in (Signature.NOT_CHECKED, Signature.UNKNOWN_KEY) for signature in tokens)
        metadata = run.server_metadata.document if run.server_metadata else None
        address = metadata.text("jwks_uri") if metadata else None
        if is_open and address and not any(m.url == address and m.good_document for m in run.of(Kind.KEYS)):
            found[address] = None
    return tuple(found)


async def fetch_key_set(address: str, exchange_id: int) -> Exchange:
    """Fetch a key set; the exchange is what a recorder would have written, to be added to the analysis.

    Redirects are followed on the same host only, and no proxy of the environment is used.

    Raises ReplayFailure, with a sentence, for an address that is neither https nor on this machine, for a server that
    does not answer in time, and for an answer that is too large or no key set.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await _fetch(address, exchange_id)
    except TimeoutError:
        raise ReplayFailure(f"The key set at {address} did not come within {SECONDS} seconds.") from None


async def _fetch(address: str, exchange_id: int) -> Exchange:
    import httpx

    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"mcp-auth-inspector/{version('mcp-auth-inspector')}",
    }
    target = address
    started = time.time()
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
        for _ in range(_MOST_REDIRECTS + 1):
            _check(target, address)
            try:
                async with client.stream("GET", target, headers=headers) as response:
                    location = response.headers.get("location") if response.is_redirect else None
                    if location is None:
                        body = await _body(response, address)
                        return _exchange(exchange_id, address, started, headers, response, body)
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                raise ReplayFailure(f"The key set at {address} cannot be fetched ({type(error).__name__}).") from None
            target = urls.resolve(target, location)
    raise ReplayFailure(f"The key set at {address} is redirected more than {_MOST_REDIRECTS} times.")


def _check(target: str, address: str) -> None:
    """Refuse what may not be asked: plain http to another machine, and another host than the one that was named."""
    if not urls.is_absolute(target) or not urls.is_secure(target) or urlsplit(target).username is not None:
        raise ReplayFailure(f"The key set at {address} is not fetched: only https, or http on this machine, is.")
    if not urls.same_origin(target, address):
        raise ReplayFailure(f"The key set at {address} is redirected to another server, {target}; it is not fetched.")


async def _body(response: "httpx.Response", address: str) -> bytes:
    received = b""
    async for part in response.aiter_raw():
        received += part
        if len(received) > LARGEST:
            raise ReplayFailure(f"The key set at {address} is larger than {LARGEST // 1024} KiB; it is no key set.")
    return received


def _exchange(
    exchange_id: int, address: str, started: float, headers: dict[str, str], response: "httpx.Response", body: bytes
) -> Exchange:
    if response.status_code != 200:
        raise ReplayFailure(f"The key set at {address} is not there: the answer is {response.status_code}.")
    ended = time.time()
    return Exchange(
        id=exchange_id,
        method="GET",
        url=address,
        request_headers=tuple(headers.items()),
        status=response.status_code,
        reason=response.reason_phrase,
        response_headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
        ),
        response_body=Body.whole(body),
        http_version=response.http_version,
        started_at=started,
        request_end=started,
        response_start=ended,
        response_end=ended,
        source=Source.PROBE,
        changed=exchange_id,
    )
