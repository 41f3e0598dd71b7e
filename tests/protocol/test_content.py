"""Bodies: content codings undone within bounds, text, JSON, and the data of event streams."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
import zstandard

from inspector.protocol import content
from inspector.session.model import Body, Headers

type Encoder = Callable[[bytes], bytes]

MIB = 1024 * 1024
PLAIN = b'{"resource": "http://localhost:3001/mcp", "padding": "' + bytes(range(48, 91)) * 400 + b'"}'


def raw_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()


ENCODERS: list[tuple[str, Encoder]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress),
]


def encoded_as(coding: str) -> Headers:
    return (("Content-Type", "application/json"), ("Content-Encoding", coding))


def test_header_is_the_first_of_any_case_as_it_stands() -> None:
    headers = (("X-One", " First "), ("x-one", "second"))
    assert content.header(headers, "x-ONE") == " First "
    assert content.header(headers, "x-two") == ""


def test_media_type() -> None:
    assert content.media_type((("CONTENT-TYPE", "Application/JSON ; charset=utf-8"),)) == "application/json"
    assert content.media_type(()) == ""


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_each_coding_is_undone(coding: str, encode: Encoder) -> None:
    headers = encoded_as(coding.upper())
    body = Body.whole(encode(PLAIN))
    assert content.decoded(headers, body) == PLAIN
    assert content.text(headers, body) == PLAIN.decode()
    assert isinstance(content.json_value(headers, body), dict)


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_a_coding_that_ends_early_is_not_decoded(coding: str, encode: Encoder) -> None:
    cut = Body.whole(encode(PLAIN)[:-5])
    assert content.decoded(encoded_as(coding), cut) is None
    assert content.text(encoded_as(coding), cut) == ""
    assert content.json_value(encoded_as(coding), cut) is None
    assert PLAIN.startswith(content.beginning(encoded_as(coding), cut))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_not_in_that_coding_is_not_decoded(coding: str) -> None:
    assert content.decoded(encoded_as(coding), Body.whole(PLAIN)) is None
    assert content.beginning(encoded_as(coding), Body.whole(PLAIN)) == b""


def test_codings_are_undone_last_first_over_all_headers() -> None:
    body = Body.whole(brotli.compress(gzip.compress(PLAIN)))
    assert content.decoded(encoded_as("gzip , br"), body) == PLAIN
    assert content.decoded((("content-encoding", "gzip"), ("content-encoding", "br")), body) == PLAIN
    assert content.decoded(encoded_as("br, gzip"), body) is None


def test_without_a_coding_the_bytes_are_the_body() -> None:
    for coding in ("", "identity", "utf-8"):
        assert content.decoded(encoded_as(coding), Body.whole(PLAIN)) == PLAIN
    assert content.decoded((), Body.whole(PLAIN)) == PLAIN


def test_an_empty_body_needs_no_decoding() -> None:
    assert content.decoded(encoded_as("gzip"), Body()) == b""


def test_a_body_that_was_not_kept_whole_is_not_decoded() -> None:
    whole = Body.whole(gzip.compress(PLAIN))
    cut = replace(whole, data=whole.data[:-40])
    assert cut.truncated
    assert content.decoded(encoded_as("gzip"), cut) is None
    assert content.decoded((), replace(Body.whole(PLAIN), size=len(PLAIN) + 1)) is None
    begun = content.beginning(encoded_as("gzip"), cut)
    assert begun
    assert PLAIN.startswith(begun)


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_eight_mebibytes_are_the_limit(coding: str, encode: Encoder) -> None:
    most = b" " * (8 * MIB)
    assert content.decoded(encoded_as(coding), Body.whole(encode(most))) == most
    assert content.decoded(encoded_as(coding), Body.whole(encode(most + b" "))) is None
    assert content.beginning(encoded_as(coding), Body.whole(encode(most + b" "))) == most


def bomb(coding: str) -> bytes:
    """A quarter of a gibibyte of zeros."""
    piece = bytes(MIB)
    if coding == "zstd":
        zstd = zstandard.ZstdCompressor().compressobj()
        return b"".join([zstd.compress(piece) for _ in range(256)]) + zstd.flush()
    if coding == "br":
        br = brotli.Compressor(quality=3)
        return b"".join([br.process(piece) for _ in range(256)]) + bytes(br.finish())
    deflate = zlib.compressobj(level=1, wbits=15 if coding == "deflate" else 31)
    once = b"".join([deflate.compress(piece) for _ in range(256)]) + deflate.flush()
    return gzip.compress(once) if coding == "gzip, gzip" else once


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_not_unpacked_to_find_out_that_it_is_one(coding: str) -> None:
    headers, body = encoded_as(coding), Body.whole(bomb(coding))
    content.decoded(headers, Body.whole(b"imports what it needs"))
    tracemalloc.start()
    try:
        assert content.decoded(headers, body) is None
        assert len(content.beginning(headers, body)) <= 8 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * MIB


def test_codings_upon_codings_are_not_followed() -> None:
    data = PLAIN
    for _ in range(5):
        data = gzip.compress(data)
    assert content.decoded(encoded_as(", ".join(["gzip"] * 5)), Body.whole(data)) is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b' \n{"a": 1}', {"a": 1}),
        (b"[1, 2]", [1, 2]),
        (b'"text"', None),
        (b"12", None),
        (b"{'a': 1}", None),
        (b'{"a": 1', None),
        (b"\xff\xfe{", None),
        (b'{"a": "\xff"}', None),
        (b"", None),
        (b"[" * 200_000, None),
        (b"[" + b"9" * 10_000 + b"]", None),
    ],
)
def test_json_values_are_objects_and_arrays(data: bytes, value: object) -> None:
    assert content.json_value((("content-type", "text/html"),), Body.whole(data)) == value


def test_text_replaces_what_is_no_utf8() -> None:
    assert content.text((), Body.whole(b"a\xffb")) == "a\ufffdb"


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        ("data: one\n\ndata: two\n\n", ["one", "two"]),
        ("data: one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]),
        ("data: one\r\rdata: two\r\r", ["one", "two"]),
        ("data: a\ndata:b\ndata:  c\n\n", ["a\nb\n c"]),
        (": ping\n\nevent: message\nid: 7\ndata: x\nretry: 3\n\n", ["x"]),
        ("data: cut", ["cut"]),
        ("event: endpoint\n\n", []),
        ("datafile: x\n\n", []),
        ("\ufeffdata: x\n\n", ["x"]),
        ('data: {"a": "\u2028\u2029\x85\x0b\x1c"}\n\n', ['{"a": "\u2028\u2029\x85\x0b\x1c"}']),
        ("", []),
    ],
)
def test_event_data(stream: str, data: list[str]) -> None:
    assert list(content.event_data(stream)) == data
