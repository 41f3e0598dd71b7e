"""Finds every copy of the known secrets in a text, in whatever encoding it stands there."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inspector.report.redaction.encodings import base64_run, base64_texts, forms, views
from inspector.report.redaction.secrets import SHORTEST_ANYWHERE, SHORTEST_WORD, Secret

_PREFIX = SHORTEST_WORD
_MOST_NESTED = 3
_OFTEN_WORDS = ("cookie", "form_value")
_WORDS = re.compile(r"[A-Za-z]{1,16}(?:[-_ ][A-Za-z]{1,16})?")


@dataclass(frozen=True, slots=True)
class Hit:
    """A copy of a secret: where it stands in the text."""

    start: int
    end: int
    secret: Secret


@dataclass(frozen=True, slots=True)
class _Form:
    text: str
    secret: Secret
    whole_word: bool
    in_base64: bool


class Index:
    """The spellings of many secrets by their first characters, so that one pass over a text looks for all of them."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._by_prefix: dict[str, list[_Form]] = {}
        for secret in secrets:
            self._add(secret)
        for found in self._by_prefix.values():
            found.sort(key=lambda form: len(form.text), reverse=True)

    def _add(self, secret: Secret) -> None:
        value = secret.value
        # A cookie may be `accepted` or `english`: hidden in its place, and a word like any other elsewhere.
        if len(value) < SHORTEST_WORD or (secret.kind in _OFTEN_WORDS and _WORDS.fullmatch(value)):
            return
        if len(value) < SHORTEST_ANYWHERE:
            self._put(_Form(value, secret, whole_word=True, in_base64=False))
            return
        plain, encoded = forms(value)
        for text in plain:
            self._put(_Form(text, secret, whole_word=False, in_base64=False))
        for text in encoded - plain:
            self._put(_Form(text, secret, whole_word=False, in_base64=True))

    def _put(self, form: _Form) -> None:
        self._by_prefix.setdefault(form.text[:_PREFIX], []).append(form)

    def hits(self, text: str, nested: int = 0) -> Iterator[Hit]:
        """Every copy in a text; they may overlap."""
        if not self._by_prefix:
            return
        for view in views(text):
            shown = view.text if view else text
            for start, end, secret in self._in(shown, nested):
                yield Hit(*(view.span(start, end) if view else (start, end)), secret)

    def _in(self, text: str, nested: int) -> Iterator[tuple[int, int, Secret]]:
        by_prefix = self._by_prefix
        for start in [at for at in range(len(text) - _PREFIX + 1) if text[at : at + _PREFIX] in by_prefix]:
            for form in by_prefix[text[start : start + _PREFIX]]:
                end = start + len(form.text)
                if form.secret.masked and text.startswith(form.text, start):
                    if form.whole_word and not _stands_alone(text, start, end):
                        continue
                    yield *(base64_run(text, start, end) if form.in_base64 else (start, end)), form.secret
                    break
        if nested < _MOST_NESTED:
            for start, end, inside in base64_texts(text):
                hit = next(self.hits(inside, nested + 1), None)
                if hit:
                    yield start, end, hit.secret


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")
