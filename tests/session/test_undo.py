import json

import pytest

from inspector.session.model import Body, Exchange, Headers, Translation
from inspector.session.undo import as_client_sent

FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
JSON = (("Content-Type", "application/json"),)


def by(part: str, name: str, client: str, upstream: str, patch: str = "p") -> Translation:
    return Translation(f"request.{part}", name, client, upstream, by=patch)


@pytest.mark.parametrize(
    ("query", "changes", "client"),
    [
        ("a=%2f&resource=r", [by("url", "resource", "", "r")], "a=%2f"),
        ("a=%2f", [by("url", "resource", "http://h/", "")], "a=%2f&resource=http%3A%2F%2Fh%2F"),
        ("s=%6eew&a=1", [by("url", "s", "old", "new")], "s=old&a=1"),
        ("r=1", [by("url", "r", "2", "")], "r=1&r=2"),
        ("r=1&x=2", [by("url", "", "x=%2f", "r=1&x=2")], "x=%2f"),
        ("r=c", [by("url", "r", "a", "b"), by("url", "r", "b", "c")], "r=a"),
        ("r=b", [Translation("request.url", "r", "a", "b")], "r=b"),
    ],
)
def test_parameters_are_those_of_the_client(query: str, changes: list[Translation], client: str) -> None:
    url = "http://h/authorize"
    asked = Exchange(1, "GET", f"{url}?{query}", translations=tuple(changes))
    assert as_client_sent(asked).url == f"{url}?{client}"
    form = [Translation("request.body", each.name, each.client, each.upstream, each.by) for each in changes]
    posted = Exchange(1, "POST", url, FORM, Body.whole(query.encode()), translations=tuple(form))
    assert as_client_sent(posted).request_body == Body.whole(client.encode())


@pytest.mark.parametrize(
    ("document", "change", "client"),
    [
        ({"a": 1, "n": "new"}, by("body", "n", "old", "new"), {"a": 1, "n": "old"}),
        ({"n": "7"}, by("body", "n", "8", "7"), {"n": "8"}),
        ({"n": ["x"]}, by("body", "n", '["y"]', '["x"]'), {"n": ["y"]}),
        ({"n": 1, "a": 2}, by("body", "n", "", "1"), {"a": 2}),
        ({}, by("body", "n", "[]", ""), {"n": []}),
    ],
)
def test_members_are_those_of_the_client(document: object, change: Translation, client: object) -> None:
    body = Body.whole(json.dumps(document).encode())
    exchange = as_client_sent(Exchange(1, "POST", "http://h/register", JSON, body, translations=(change,)))
    assert json.loads(exchange.request_body.data) == client


@pytest.mark.parametrize(
    ("headers", "change", "client"),
    [
        (
            (("A", "1"), ("user-agent", "new")),
            by("headers", "User-Agent", "old", "new"),
            (("A", "1"), ("User-Agent", "old")),
        ),
        ((("A", "1"),), by("headers", "B", "2", ""), (("A", "1"), ("B", "2"))),
        ((("A", "1"), ("B", "2")), by("headers", "B", "", "2"), (("A", "1"),)),
    ],
)
def test_headers_are_those_of_the_client(headers: Headers, change: Translation, client: Headers) -> None:
    exchange = Exchange(1, "GET", "http://h/mcp", headers, translations=(change,))
    assert as_client_sent(exchange).request_headers == client


def test_a_path_comes_back_and_the_response_is_left_alone() -> None:
    changes = (by("url", "path", "/a", "/b"), Translation("response.body", "x", "1", "2", by="p"))
    exchange = Exchange(1, "GET", "http://h/b?q=1", translations=changes)
    assert as_client_sent(exchange).url == "http://h/a?q=1"


def test_an_exchange_that_nobody_changed_is_itself() -> None:
    exchange = Exchange(1, "GET", "http://h/b", translations=(Translation("request.url", "x", "1", "2"),))
    assert as_client_sent(exchange) is exchange


def test_of_a_body_that_was_cut_nothing_is_guessed() -> None:
    cut = Exchange(1, "POST", "http://h/t", FORM, Body(b"r=1", size=9), translations=(by("body", "r", "", "1"),))
    assert as_client_sent(cut).request_body == cut.request_body


@pytest.mark.parametrize(
    "change",
    [
        by("url", "a", "c", "u"),
        by("url", "", "\ud800", ""),
        by("body", "n", "[" * 200_000, "u"),
        by("body", "n", "\ud800", "u"),
        by("body", "", "\ud800", "u"),
    ],
)
def test_a_change_that_makes_no_sense_stops_nobody(change: Translation) -> None:
    body = Body.whole(b'{"n": "u"}')
    assert as_client_sent(Exchange(1, "POST", "http://[h/", JSON, body, translations=(change,))).method == "POST"


def test_undecodable_bytes_of_a_parameter_stop_nobody() -> None:
    asked = Exchange(1, "GET", "http://h/?n=u", translations=(by("url", "n", "\udcff", "u"),))
    assert as_client_sent(asked).url == "http://h/?n=%3F"
