"""Queries and forms, in order and with repeats."""

from inspector.protocol.params import Params


def test_order_repeats_and_blanks_are_kept() -> None:
    params = Params.parse("resource=a&scope=&resource=b&state&=x")
    assert params.pairs == (("resource", "a"), ("scope", ""), ("resource", "b"), ("state", ""), ("", "x"))
    assert params.get("resource") == "a"
    assert params.all("resource") == ("a", "b")
    assert params.get("scope") == ""
    assert "state" in params
    assert params.get("nonce") is None
    assert "nonce" not in params
    assert params.all("nonce") == ()


def test_plus_and_percent() -> None:
    assert Params.parse("a=b+c%2Bd%20e&%66=%3D%26").pairs == (("a", "b c+d e"), ("f", "=&"))


def test_bad_escapes_and_bad_utf8() -> None:
    assert Params.parse("a=%ff&b=%zz&c=%").pairs == (("a", "\ufffd"), ("b", "%zz"), ("c", "%"))


def test_nothing() -> None:
    assert not Params.parse("")
    assert not Params()
    assert Params.parse("a")
    assert Params.parse("&&").pairs == ()


def test_a_semicolon_separates_nothing() -> None:
    assert Params.parse("a=1;b=2").pairs == (("a", "1;b=2"),)
