"""Copying an exchange or a finding in a form of the reader's choice."""

import json

import pytest

from inspector.report.forms import forms_of
from inspector.tui.screens.copy import CopyDialog
from tests.tui.alone import KEY, view_of
from tests.tui.hostile import HOSTILE, raw_characters
from tests.tui.stage import BESIDE, stage
from tests.tui.story import CODE, VERIFIER, story
from tests.tui.test_hostile_text import poisoned


def forms(number: int) -> dict[str, str]:
    judged = view_of(story()).judged
    exchange = next(each.exchange for each in judged.run.messages if each.id == number)
    finding = next(each for each in judged.checked.findings if each.rule == "resource-missing-token")
    return {form.name: form.text for form in forms_of(judged, exchange, finding, KEY)}


def test_every_form_tells_of_the_exchange_and_holds_no_secret() -> None:
    made = forms(7)
    assert list(made) == ["Markdown", "curl", "raw", "JSON"]
    assert made["curl"].startswith(': "${AUTHORIZATION_CODE_')
    assert "--request POST" in made["curl"]
    assert made["raw"].startswith("POST https://imaginative-palm-54.authkit.app/oauth2/token HTTP/1.1\nhost: ")
    assert "\nHTTP/1.1 200 OK\n" in made["raw"]
    assert json.loads(made["JSON"])["response"]["status"] == 200
    assert "`resource-missing-token`" in made["Markdown"]
    assert "expected: `resource=http://localhost:3001/mcp`" in made["Markdown"]
    for text in made.values():
        assert CODE not in text
        assert VERIFIER not in text


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 100])
def test_what_is_copied_holds_no_raw_character(text: str) -> None:
    judged = view_of(poisoned(text)).judged
    for message in judged.run.messages:
        for form in forms_of(judged, message.exchange, next(iter(judged.checked.findings), None), KEY):
            assert raw_characters(form.text.replace("\n", "")) == set(), form.name


async def test_the_form_at_the_cursor_is_copied() -> None:
    async with stage(story(), BESIDE) as here:
        await here.press("p", "Y")
        await here.until(lambda: isinstance(here.app.screen, CopyDialog) and "Markdown" in here.text)
        await here.press("down", "enter")
        assert here.app.clipboard.startswith("curl ") or here.app.clipboard.startswith(': "$')
