import json

import pytest

from addons.json_text import replace_strings


def replaced(text: str) -> str:
    return replace_strings(text, lambda name, value: "new" if name == "a" else None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":"old"}', '{"a":"new"}'),
        (
            '\n{ "b" : [1, {"a":"x"}],\t"a"\r\n:  "o\\u006cd\\/" , "c":1e3 }\n',
            '\n{ "b" : [1, {"a":"x"}],\t"a"\r\n:  "new" , "c":1e3 }\n',
        ),
        ('{"a":{"a":"inner"},"z":"é\\ud83d\\ude00"}', '{"a":{"a":"inner"},"z":"é\\ud83d\\ude00"}'),
        ('{"a":"first","a":"second"}', '{"a":"new","a":"new"}'),
        ('{"\\u0061":"escaped name"}', '{"\\u0061":"new"}'),
        ('{"b":"a"}', '{"b":"a"}'),
        (
            '{"a":[ "x" ,\n1,["y"],{"a":"z"}, "]}" ], "b":["x"]}',
            '{"a":[ "new" ,\n1,["y"],{"a":"z"}, "new" ], "b":["x"]}',
        ),
        ('{"a":[]}', '{"a":[]}'),
        ('{"a":7,"b":null}', '{"a":7,"b":null}'),
        ("{}", "{}"),
        ("{ }", "{ }"),
    ],
)
def test_only_the_strings_asked_for_change(before: str, after: str) -> None:
    assert replaced(before) == after


def test_each_string_is_offered_with_the_name_of_its_member() -> None:
    offered: list[tuple[str, str]] = []
    replace_strings('{"a":["x","y"],"b":"\\u00e9","c":{"d":"z"}}', lambda *pair: offered.append(pair))
    assert offered == [("a", "x"), ("a", "y"), ("b", "é")]


def test_the_new_value_is_escaped() -> None:
    assert json.loads(replace_strings('{"a":"1"}', lambda name, value: 'x"\\')) == {"a": 'x"\\'}


@pytest.mark.parametrize("text", ["", "[]", '"a"', '{"a":1', '{"a":1}x', "\ufeff{}"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  json gives each its own text
        replaced(text)
