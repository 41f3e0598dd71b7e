import json

import pytest

from addons.json_text import replace_member


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":"old"}', '{"a":"new"}'),
        (
            '\n{ "b" : [1, {"a":"x"}],\t"a"\r\n:  "o\\u006cd\\/" , "c":1e3 }\n',
            '\n{ "b" : [1, {"a":"x"}],\t"a"\r\n:  "new" , "c":1e3 }\n',
        ),
        ('{"a":{"a":"inner"},"z":"é\\ud83d\\ude00"}', '{"a":"new","z":"é\\ud83d\\ude00"}'),
        ('{"a":"first","a":"second"}', '{"a":"new","a":"new"}'),
        ('{"\\u0061":"escaped name"}', '{"\\u0061":"new"}'),
        ('{"b":"a"}', '{"b":"a"}'),
        ("{}", "{}"),
        ("{ }", "{ }"),
    ],
)
def test_only_the_value_changes(before: str, after: str) -> None:
    assert replace_member(before, "a", "new") == after


def test_the_new_value_is_escaped() -> None:
    assert json.loads(replace_member('{"a":1}', "a", 'x"\\')) == {"a": 'x"\\'}


@pytest.mark.parametrize("text", ["", "[]", '"a"', '{"a":1', '{"a":1}x', "\ufeff{}"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  json gives each its own text
        replace_member(text, "a", "new")
