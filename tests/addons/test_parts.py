import pytest
from mitmproxy.test import tutils

from addons.parts import Parts, change_request, change_response, differences, request_parts, response_parts
from inspector.session.model import Translation

FORM = (("content-type", "application/x-www-form-urlencoded"),)
JSON = (("content-type", "application/json"),)


def both(side: str, part: str, name: str, old: str, new: str) -> Translation:
    if side == "request":
        return Translation(part, name, client=old, upstream=new, by="p")
    return Translation(part, name, client=new, upstream=old, by="p")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Parts((), b"", path="/a?x=1"), Parts((), b"", path="/b?x=1"), [("request.url", "path", "/a", "/b")]),
        (
            Parts((), b"", path="/a?x=%2f&y=1"),
            Parts((), b"", path="/a?x=%2f&z=2"),
            [("request.url", "y", "1", ""), ("request.url", "z", "", "2")],
        ),
        (
            Parts((), b"", path="/a?x=%2f"),
            Parts((), b"", path="/a?x=%2F"),
            [("request.url", "", "x=%2f", "x=%2F")],
        ),
        (Parts(FORM, b"r=1&r=2"), Parts(FORM, b"r=1"), [("request.body", "r", "2", "")]),
        (
            Parts(JSON, b'{"a": [1], "b": "x"}'),
            Parts(JSON, b'{"a": [2], "b": "x"}'),
            [("request.body", "a", "[1]", "[2]")],
        ),
        (Parts(JSON, b"[1]"), Parts(JSON, b"[2]"), [("request.body", "", "[1]", "[2]")]),
        (Parts((), b"\xff"), Parts((), b"x"), [("request.body", "", "\\xff", "x")]),
        (
            Parts((("A", "1"), ("a", "2"), ("Content-Length", "1")), b""),
            Parts((("A", "1"), ("B", "3"), ("Content-Length", "2")), b""),
            [("request.headers", "A", "2", ""), ("request.headers", "B", "", "3")],
        ),
    ],
)
def test_each_value_that_differs_is_named_with_both_sides(
    before: Parts, after: Parts, expected: list[tuple[str, str, str, str]]
) -> None:
    assert differences("request", before, after, "p") == [both("request", *each) for each in expected]


def test_of_a_response_upstream_has_what_was_before() -> None:
    before, after = Parts(JSON, b'{"a":1}', status=200), Parts(JSON, b'{"a":1}', status=403)
    assert differences("response", before, after, "p") == [both("response", "response.status", "status", "200", "403")]


def test_a_changed_body_keeps_its_content_coding_and_gets_its_length() -> None:
    response = tutils.tresp(content=b"")
    response.headers["content-encoding"] = "gzip"
    response.content = b"before"
    before = response_parts(response)
    assert before.body == b"before"
    change_response(response, before, Parts(before.headers, b"after", status=before.status))
    assert (response.content, response.headers["content-encoding"]) == (b"after", "gzip")
    assert response.headers["content-length"] == str(len(response.raw_content or b""))


def test_headers_that_are_changed_after_the_body_do_not_bring_its_old_length_back() -> None:
    request = tutils.treq(content=b"short")
    first = request_parts(request)
    longer = Parts(first.headers, b"much longer", path=first.path)
    change_request(request, first, longer)
    change_request(request, longer, Parts((*longer.headers, ("x", "y")), longer.body, path=longer.path))
    assert request.headers["content-length"] == str(len(b"much longer"))


def test_what_is_the_same_stays_byte_for_byte() -> None:
    request = tutils.treq(path=b"/a?x=%2f+\xff", content=b"a=%2f")
    before = request_parts(request)
    fields, path = request.headers.fields, request.data.path
    change_request(request, before, before)
    assert (request.headers.fields, request.data.path, request.raw_content) == (fields, path, b"a=%2f")
