import itertools
import json
import socket
from pathlib import Path

import pytest

from addons import ports
from addons.ports import PortBook, is_free

A, B = "http://localhost:3001", "https://auth.example"


def first(book: PortBook, origin: str) -> int:
    return next(iter(book.candidates(origin)))


def test_an_origin_keeps_its_first_port_and_nobody_else_gets_it(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    PortBook(file).remember(A, 7720)
    PortBook(file).remember(A, 7730)
    book = PortBook(file)
    assert book.remembered(A) == 7720
    assert first(book, A) == 7720
    assert book.remembered(B) is None
    assert 7720 not in itertools.islice(book.candidates(B), 200)
    assert list(tmp_path.iterdir()) == [file]


def test_when_every_port_stands_for_something_the_oldest_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_PORTS", range(7710, 7712))
    book = PortBook(tmp_path / "ports.json")
    book.remember("http://oldest", 7711)
    book.remember("http://younger", 7710)
    assert list(book.candidates(A)) == [7711, 7710]
    book.remember(A, 7711)
    assert book.remembered("http://oldest") is None
    assert book.remembered("http://younger") == 7710


def test_a_port_the_user_chose_is_not_remembered(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    book.remember(A, 9000)
    assert book.remembered(A) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"http://localhost:3001": 22, "x": "y"}', "\xff"])
def test_a_damaged_book_is_an_empty_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(content, encoding="latin-1")
    book = PortBook(file)
    assert book.remembered(A) is None
    book.remember(A, 7710)
    assert json.loads(file.read_text()) == {A: 7710}


def test_without_a_file_nothing_is_remembered() -> None:
    book = PortBook(None)
    book.remember(A, 7710)
    assert book.remembered(A) is None
    assert first(book, A) in range(1, 65536)


def test_a_port_is_free_when_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
    with socket.socket(type=socket.SOCK_DGRAM) as taken_too:
        taken_too.bind(("127.0.0.1", 0))
        port = taken_too.getsockname()[1]
        assert not is_free(port, udp=True)
