import pytest

from inspector.timeline.filters import LETTERS, NoFilter, parse_filter
from tests.timeline.build import MCP, Client, run_of

RUN = run_of(Client(resource=MCP).story())


def kept(text: str) -> list[str]:
    wanted = parse_filter(text)
    return [message.kind.value for message in RUN.messages if wanted(message)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", [message.kind.value for message in RUN.messages]),
        ("tools/list", ["mcp"]),
        ("REGISTER", ["registration"]),
        ("mcp 401", ["mcp"]),
        ("~m get & ~u authorize", ["authorize"]),
        ("~c 302", ["authorize"]),
        ("~c 4", ["mcp"]),
        ("~c 4xx", ["mcp"]),
        ("~c 302 | ~c 201", ["registration", "authorize"]),
        ("!(~m get | ~u mcp)", ["registration", "token"]),
        ("~bq code_verifier", ["token"]),
        ("~hs www-authenticate", ["mcp"]),
        ("~hq 'authorization: bearer'", ["mcp", "mcp"]),
        ("~d as.example ~m post", ["registration", "token"]),
        ("~q", []),
        ("~e", []),
    ],
)
def test_a_filter_keeps_what_it_says(text: str, kinds: list[str]) -> None:
    assert kept(text) == kinds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("~u", "say what for"),
        ("~x a", "is not known"),
        ("(a", "close it"),
        ("a)", "pairs"),
        ("a |", "missing at the end"),
        ("& a", "missing before"),
        ("~u [", "no regular expression"),
        ("'a", "quote is open"),
    ],
)
def test_what_is_no_filter_is_told_in_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(NoFilter, match=complaint):
        parse_filter(text)


def test_every_letter_can_be_used() -> None:
    for letter in LETTERS:
        kept(letter if letter in ("~q", "~s", "~e") else f"{letter} a")
