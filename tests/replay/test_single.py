"""One request again: edited, sent to a server the user named, its answer beside the recorded one."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from inspector.errors import ReplayFailure
from inspector.replay.answers import compare_answers
from inspector.replay.edits import Edit, Request, edited, parsed, request_of
from inspector.replay.leaving import KnownSecrets
from inspector.replay.single import departure, send_again, send_to_reference
from inspector.session.model import Body, Exchange, Source
from inspector.timeline.message import Kind, Message
from inspector.verdict.model import Judged
from tests.replay.conftest import Canary, listening
from tests.replay.recording import record_client

type Record = Callable[[Exchange], Exchange]

REQUEST = Request(
    "POST",
    "https://as.example/oauth2/token?a=%7e&b=1&b=2",
    (("Host", "as.example"), ("X-One", "1"), ("accept", "*/*"), ("x-one", "2")),
    b"grant_type=authorization_code&code=a%2Fb&resource=https%3A%2F%2Fx%2F",
)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("query:b=9", "https://as.example/oauth2/token?a=%7e&b=9&b=2"),
        ("query:c=http://x/mcp", "https://as.example/oauth2/token?a=%7e&b=1&b=2&c=http://x/mcp"),
        ("query:a=1 & 2#", "https://as.example/oauth2/token?a=1%20%26%202%23&b=1&b=2"),
        ("query:a=%2e", "https://as.example/oauth2/token?a=%2e&b=1&b=2"),
        ("path=/other", "https://as.example/other?a=%7e&b=1&b=2"),
        ("path=//evil.example/", "https://as.example//evil.example/?a=%7e&b=1&b=2"),
    ],
)
def test_a_value_is_set_and_every_other_byte_stays(written: str, url: str) -> None:
    assert edited(REQUEST, parsed([written], [])) == replace(REQUEST, url=url)


def test_headers_and_form_are_changed_in_their_place() -> None:
    one = edited(REQUEST, parsed(["header:x-ONE=3", "form:resource=https://x", "method=PUT"], []))
    assert one.headers == (("Host", "as.example"), ("X-One", "3"), ("accept", "*/*"), ("x-one", "2"))
    assert one.body == b"grant_type=authorization_code&code=a%2Fb&resource=https://x"
    assert one.method == "PUT"
    two = edited(REQUEST, parsed(["query:b=3"], ["header:X-One", "form:code", "query:b"]))
    assert two.headers == (("Host", "as.example"), ("accept", "*/*"))
    assert two.body == b"grant_type=authorization_code&resource=https%3A%2F%2Fx%2F"
    assert two.url == "https://as.example/oauth2/token?a=%7e&b=3"


@pytest.mark.parametrize("written", ["query=1", "method:x=1", "cookie:x=1", "header:X", "path=other"])
def test_what_is_no_part_is_refused(written: str) -> None:
    with pytest.raises(ReplayFailure):
        edited(REQUEST, parsed([written], []))


def test_a_body_that_was_not_recorded_whole_must_be_given_anew() -> None:
    cut = replace(REQUEST, cut=True)
    with pytest.raises(ReplayFailure, match="not recorded whole"):
        edited(cut, [])
    assert edited(cut, [Edit("body", "", "{}")]).body == b"{}"


def exchange(url: str, **changes: object) -> Exchange:
    return replace(Exchange(1, "POST", url), **changes)  # type: ignore[arg-type]  # dataclasses.replace is not typed


async def test_the_answers_stand_beside_each_other() -> None:
    answer = b'{"resource":"https://x","list":[1,2],"access_token":"abcdefgh"}'
    one = exchange(
        "https://x/",
        status=200,
        reason="OK",
        response_headers=(("Date", "then"), ("X-A", "1")),
        response_body=Body.whole(answer),
    )
    other = replace(
        one,
        status=401,
        reason="Unauthorized",
        response_headers=(("Date", "now"), ("WWW-Authenticate", "Bearer")),
        response_body=Body.whole(b'{"resource":"https://x/","list":[1,3],"access_token":"ijklmnop"}'),
    )
    assert [(d.title, d.recorded, d.now) for d in compare_answers(one, other)] == [
        ("status", "200 OK", "401 Unauthorized"),
        ("header x-a", "1", None),
        ("header www-authenticate", None, "Bearer"),
        ("body resource", "https://x", "https://x/"),
        ("body list[1]", "2", "3"),
    ]
    assert compare_answers(one, one) == ()
    moved = replace(one, response_body=Body.whole(answer.replace(b"https://x", b"http://y")))
    assert compare_answers(one, moved, [("https://x", "http://y")]) == ()


async def step_of(kind: Kind, client: str = "compliant") -> tuple[Judged, Message]:
    judged = await record_client(client)
    return judged, judged.run.of(kind)[-1]


async def test_a_request_is_sent_to_a_url_byte_for_byte_with_host_and_length_right(
    server: Canary, record: Record, recorded: list[Exchange]
) -> None:
    judged, message = await step_of(Kind.MCP)
    request = edited(request_of(message.exchange), [Edit("header", "X-New", "1"), Edit("body", "", "{}")])
    leaving = departure(judged.run, request, server.url)
    sent = await send_again(message.exchange, leaving, record=record, label="replay of step 1")
    (received,) = server.received
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /mcp HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}".encode() in head.lower()
    assert b"content-length: 2" in head.lower()
    assert head.endswith(b"X-New: 1")
    assert body == b"{}"
    wanted = [pair for pair in request.headers if pair[0].lower() not in ("host", "content-length")]
    got = [pair for pair in sent.now.request_headers if pair[0].lower() not in ("host", "content-length")]
    assert got == wanted
    assert (recorded[-1].source, recorded[-1].listener) == (Source.REPLAY, "replay of step 1")


async def test_secrets_that_go_to_a_new_server_are_named_without_their_values(server: Canary) -> None:
    judged, message = await step_of(Kind.MCP)
    token = message.bearer
    assert token
    leaving = departure(judged.run, request_of(message.exchange), server.url)
    assert next(secret.kind for secret in leaving.secrets) == "access_token"
    text = "\n".join(leaving.lines())
    assert server.url in text
    assert "access_token #" in text
    assert token not in text
    original = departure(judged.run, request_of(message.exchange), message.origin)
    assert original.secrets == ()
    assert server.received == []


async def test_a_secret_is_found_wherever_it_stands(server: Canary) -> None:
    judged, message = await step_of(Kind.MCP)
    known = KnownSecrets.of(each.exchange for each in judged.run.messages)
    token = message.bearer or ""
    for request in (
        Request("GET", f"{message.url}?x={token}", (), b""),
        Request("GET", message.url, (("X-Note", f"see {token}"),), b""),
        Request("POST", message.url, (), json.dumps({"note": [f"<{token}>"]}).encode()),
    ):
        assert [secret.kind for secret in known.new_to(request, server.url)] == ["access_token"]
    assert (
        known.new_to(Request("GET", message.url, (("Authorization", "Bearer typed-by-hand"),), b""), server.url) == ()
    )


async def test_the_reference_servers_answer_each_leg(record: Record) -> None:
    judged = await record_client("compliant")
    for kind, status in (
        (Kind.MCP, 401),  # it does not know the recorded token
        (Kind.RESOURCE_METADATA, 200),
        (Kind.SERVER_METADATA, 200),
        (Kind.REGISTER, 201),
        (Kind.TOKEN, 401),  # nor the client
    ):
        message = judged.run.of(kind)[-1]
        sent = await send_to_reference(
            judged.run, message, request_of(message.exchange), record=record, label="replay of a step"
        )
        assert sent.now.status == status
        assert not any(each in "\n".join(sent.lines()) for each in (message.bearer, message.params.get("code")) if each)


async def test_a_server_that_does_not_answer_is_a_result(record: Record) -> None:
    judged, message = await step_of(Kind.SERVER_METADATA)
    async with listening() as gone:
        url = gone.url
    sent = await send_again(message.exchange, departure(judged.run, request_of(message.exchange), url), record=record)
    assert sent.now.status is None
    assert "no answer" in "\n".join(sent.lines())


async def test_what_was_changed_in_the_request_is_told_without_secrets(server: Canary, record: Record) -> None:
    judged, message = await step_of(Kind.TOKEN)
    request = edited(request_of(message.exchange), parsed(["form:resource=http://x"], ["form:code_verifier"]))
    sent = await send_again(message.exchange, departure(judged.run, request, server.url), record=record)
    said = "\n".join(sent.lines())
    assert "resource=http://x" in said
    assert "code_verifier=[code_verifier #" in said
    assert (message.params.get("code_verifier") or "?") not in said


# A hostile session


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://user@127.0.0.1:{port}/mcp",
        "http://127.0.0.1:{port}@{host}/mcp",
        "http://127.0.0.1:{port}/mcp",
        "http://[::1",
        "//127.0.0.1:{port}/mcp",
        "http://{host}\\@127.0.0.1:{port}/",
        "http://{host}/mcp\r\nHost: x",
        "",
    ],
)
async def test_a_recorded_address_is_reached_only_where_the_user_names_it(
    server: Canary, canary: Canary, record: Record, url: str
) -> None:
    judged, message = await step_of(Kind.MCP)
    hostile = replace(message.exchange, url=url.format(port=canary.port, host=f"127.0.0.1:{server.port}"))
    try:
        leaving = departure(judged.run, request_of(hostile), server.url)
        await send_again(hostile, leaving, record=record)
    except ReplayFailure:
        assert server.received == []
    assert canary.received == []
    with pytest.raises(ReplayFailure):
        await send_to_reference(
            judged.run, replace(message, exchange=hostile), request_of(hostile), record=record, label=""
        )
    assert canary.received == []


async def test_a_redirect_is_not_followed(canary: Canary, record: Record) -> None:
    judged, message = await step_of(Kind.MCP)
    answer = f"HTTP/1.1 307 Moved\r\nLocation: {canary.url}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with listening(answer.encode()) as server:
        leaving = departure(judged.run, request_of(message.exchange), server.url)
        sent = await send_again(message.exchange, leaving, record=record)
    assert (sent.now.status, canary.received) == (307, [])


async def test_a_header_cannot_smuggle(server: Canary, record: Record) -> None:
    judged, message = await step_of(Kind.MCP)
    request = edited(request_of(message.exchange), [Edit("header", "X-A", "1\r\nX-B: 2")])
    with pytest.raises(ReplayFailure, match="nothing was sent"):
        await send_again(message.exchange, departure(judged.run, request, server.url), record=record)
    assert server.received == []


async def test_a_huge_answer_is_cut(record: Record) -> None:
    judged, message = await step_of(Kind.MCP)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    async with listening(head + b"x\n" * 2_000_000) as server:
        leaving = departure(judged.run, request_of(message.exchange), server.url)
        sent = await send_again(message.exchange, leaving, record=record)
    assert sent.now.response_body.truncated
    assert len("\n".join(sent.lines())) < 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"eyJ" * 300_000,
        b"eyJa." * 200_000,
        b"".join(b"%d\n" % n for n in range(150_000)),
        b"[" + b"1," * 400_000 + b"1]",
        b'{"a":' * 100_000,
    ],
    ids=["one word", "dots", "lines", "array", "deep"],
)
async def test_a_hostile_answer_is_compared_in_no_time(record: Record, body: bytes) -> None:
    judged, message = await step_of(Kind.MCP)
    other = replace(message.exchange, response_body=Body.whole(body[::-1]), response_headers=())
    begun = time.perf_counter()
    async with listening(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body) as server:
        leaving = departure(judged.run, request_of(other), server.url)
        sent = await send_again(other, leaving, record=record)
    assert len("\n".join(sent.lines())) < 500_000
    assert KnownSecrets.of([other, sent.now]).new_to(request_of(message.exchange), "http://127.0.0.1:1/") is not None
    assert time.perf_counter() - begun < 5


async def test_hostile_text_is_harmless_in_a_terminal(record: Record) -> None:
    judged, message = await step_of(Kind.MCP)
    head = b"HTTP/1.1 200 \x1b[31mred\r\nX-\x7fA: \x1b]0;title\x07\r\nConnection: close\r\n\r\n\x1b[2Jboo"
    async with listening(head.replace(b"X-\x7fA", b"X-A")) as server:
        leaving = departure(judged.run, request_of(message.exchange), server.url)
        sent = await send_again(message.exchange, leaving, record=record)
    assert "\x1b" not in "".join(sent.lines())
