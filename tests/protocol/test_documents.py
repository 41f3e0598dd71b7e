"""Tolerant access to JSON objects."""

import pytest

from inspector.protocol.documents import Document


@pytest.mark.parametrize("value", [None, [], "text", 5, [{"a": 1}]])
def test_only_objects_are_documents(value: object) -> None:
    assert Document.of(value) is None


def test_a_member_of_the_wrong_type_reads_as_absent() -> None:
    document = Document.of({"text": "x", "number": 300, "list": ["a", 5, "b"], "null": None})
    assert document is not None
    assert (document.text("text"), document.text("number"), document.text("missing")) == ("x", None, None)
    assert (document.texts("list"), document.texts("text"), document.texts("null")) == (("a", "b"), None, None)
    assert "null" in document
    assert "missing" not in document
    assert document.raw["number"] == 300
