import gzip

import pytest
from mitmproxy.http import Headers
from mitmproxy.net import encoding
from mitmproxy.test import tflow

from addons.wire import KEPT_BODY, address_of, body_of, content_length, content_of, exchange_of, headers_of, tls_of
from inspector.session.model import Body, Exchange, State


def test_bytes_of_the_request_target_that_are_no_text_stay_visible() -> None:
    flow = tflow.tflow()
    flow.request.host = "localhost"
    flow.request.headers["host"] = "localhost:3001"
    flow.request.data.path = b"/m\xffp?q=%ff\xc3\xa9"
    assert exchange_of(flow, State.REQUEST).url == "http://localhost:3001/m\\xffp?q=%ffé"


def test_headers_keep_order_case_and_bytes() -> None:
    headers = Headers([(b"X-B", b"2"), (b"x-a", b"caf\xe9"), (b"X-B", b"1")])
    assert headers_of(headers) == (("X-B", "2"), ("x-a", "café"), ("X-B", "1"))


def test_a_long_body_is_cut_but_measured_whole() -> None:
    body = body_of(b"x" * (KEPT_BODY + 1))
    assert (len(body.data), body.size, body.truncated) == (KEPT_BODY, KEPT_BODY + 1, True)
    assert body_of(None) == Body()


@pytest.mark.parametrize(
    ("data", "coding", "content"),
    [
        (b"{}", None, b"{}"),
        (gzip.compress(b"{}"), "gzip", b"{}"),
        (encoding.encode(b"{}", "br"), "br", b"{}"),
        (b"no gzip", "gzip", None),
        (b"{}", "unheard-of", None),
    ],
)
def test_the_content_is_what_is_under_the_coding(data: bytes, coding: str | None, content: bytes | None) -> None:
    headers = (("Content-Encoding", coding),) if coding else ()
    exchange = Exchange(0, "GET", "http://x/", response_headers=headers, response_body=body_of(data))
    assert content_of(exchange) == content


def test_a_cut_body_has_no_content() -> None:
    assert content_of(Exchange(0, "GET", "http://x/", response_body=Body(b"{", 2))) is None


@pytest.mark.parametrize(("value", "length"), [("12", 12), ("", None), ("-1", None), ("1, 1", None), ("²", None)])
def test_only_a_plain_number_is_a_length(value: str, length: int | None) -> None:
    flow = tflow.tflow()
    flow.request.headers["content-length"] = value
    assert content_length(flow.request) == length


def test_addresses() -> None:
    assert address_of(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert address_of(("::1", 80)) == "[::1]:80"
    assert address_of(None) == ""


def test_tls_facts_name_the_leg() -> None:
    flow = tflow.tflow()
    flow.client_conn.timestamp_tls_setup = 1.0
    flow.client_conn.tls_version, flow.client_conn.cipher, flow.client_conn.alpn = "TLSv1.3", "CIPHER", b"h2"
    flow.server_conn.timestamp_tls_setup = None
    assert tls_of(flow) == "client TLSv1.3 CIPHER h2"
