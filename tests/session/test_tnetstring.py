import io

import pytest

from inspector.session import tnetstring
from inspector.session.tnetstring import Value


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (b"0:~", None),
        (b"4:true!", True),
        (b"5:false!", False),
        (b"3:-42#", -42),
        (b"5:12.25^", 12.25),
        (b"3:a:\xff,", b"a:\xff"),
        ("3:ü1;".encode(), "ü1"),
        (b"0:]", []),
        (b"13:1:1#6:3:abc,]]", [1, [b"abc"]]),
        (b"8:1:a;1:1#}", {"a": 1}),
        (b"8:1:a,1:1#}", {"a": 1}),
    ],
)
def test_every_type_is_read(item: bytes, value: Value) -> None:
    assert tnetstring.parse(item) == value


@pytest.mark.parametrize(
    "item",
    [
        b"",
        b"5:abc,",
        b"2:abc,",
        b"3:abc?",
        b"3:abc,1",
        b":abc,",
        b"-1:a,",
        b"3:abc#",
        b"3:abc^",
        b"4:1:a;}",
        b"8:1:1#1:2#}",
        b"9999999999999:a,",
        b"5000:" + b"9" * 5000 + b"#",
    ],
)
def test_what_is_malformed_is_a_value_error(item: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        tnetstring.parse(item)


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    item = b"0:~"
    for _ in range(5000):
        item = b"%d:%b]" % (len(item), item)
    with pytest.raises(ValueError, match="nested too deep"):
        tnetstring.parse(item)


def test_items_are_read_one_by_one() -> None:
    items = [b"0:~", b"1:a,", b"26:abcdefghijklmnopqrstuvwxyz,", b"9:123456789,", b"4:true!"]
    file = io.BytesIO(b"".join(items))
    size = len(file.getvalue())
    read = []
    while (item := tnetstring.read_item(file, size - file.tell())) is not None:
        read.append(item)
    assert read == items


@pytest.mark.parametrize("rest", [b"5:abc,", b"5:", b"5", b"hello", b"999999999999:" + b"a" * 50])
def test_an_item_that_is_cut_off_is_a_value_error(rest: bytes) -> None:
    with pytest.raises(ValueError, match=r"no length prefix|cut off"):
        tnetstring.read_item(io.BytesIO(rest), len(rest))
