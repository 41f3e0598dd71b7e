"""No captured string reaches the terminal as it is, is read as markup, or ends the program: on any screen."""

import base64
import json
import re
from dataclasses import replace

import pytest

from inspector.session.model import Body, Exchange, Translation
from inspector.tui.masking import Masker
from inspector.tui.view import RunView, Selection
from inspector.tui.widgets.detail import MAKERS
from inspector.verdict.analysis import Analysis
from tests.tui.hostile import HOSTILE, raw_characters
from tests.tui.stage import SPREAD, STACKED, Stage, stage
from tests.tui.story import AUTHKIT, story

EVERYTHING = " ".join(text for text in HOSTILE if len(text) < 100)


def poisoned(text: str) -> list[Exchange]:
    """The story with a hostile string wherever a peer can put one."""
    exchanges = story()
    spoiled = []
    for exchange in exchanges:
        header = ("x-" + text, text)
        spoiled.append(
            replace(
                exchange,
                url=f"{exchange.url}{'&' if '?' in exchange.url else '?'}evil={text}",
                reason=text,
                error=text,
                http_version=f"HTTP/{text}",
                listener=text,
                request_headers=(*exchange.request_headers, header, ("user-agent", text), ("authorization", text)),
                response_headers=(*exchange.response_headers, header, ("www-authenticate", f'Bearer realm="{text}"')),
                translations=(Translation(text, text, text, text),),
            )
        )
    spoiled[4] = replace(spoiled[4], url=spoiled[4].url.replace("/register", f"/{in_a_path(text)}/register"))
    answer = {"access_token": token(text), text: text, "nested": [{text: text}]}
    spoiled[6] = replace(spoiled[6], response_body=Body.whole(json.dumps(answer).encode(errors="replace")))
    greeting = {
        "jsonrpc": "2.0",
        "method": text,
        "id": 1,
        "params": {"clientInfo": {"name": text, "version": text}},
    }
    spoiled[7] = replace(
        spoiled[7],
        method=text[:20] or "X",
        request_body=Body.whole(json.dumps(greeting).encode()),
        response_body=Body.whole(text.encode(errors="surrogatepass")),
    )
    metadata = {"resource": text, "authorization_servers": [AUTHKIT], text: text}
    spoiled[1] = replace(spoiled[1], response_body=Body.whole(json.dumps(metadata).encode()))
    return spoiled


def in_a_path(text: str) -> str:
    """What a URL can hold of it and still be told to belong to its server."""
    return re.sub(r"[\x00-\x20\x7f-\x9f?#/\\]", "", text)[:40]


def token(text: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"aud": text, "iss": text, text: [text], "exp": text}
    return f"{part({'alg': text, 'kid': text})}.{part(claims)}.c2ln"


def test_the_poisoned_story_is_still_a_whole_story() -> None:
    analysis = Analysis()
    analysis.add(poisoned("\x1b[2J\u202e"))
    run, checked = analysis.runs[0].run, analysis.runs[0].checked
    assert {step.phase for step in run.steps} == {1, 2, 3, 4, 5}
    assert any("\x1b" in finding.found for finding in checked.findings)
    assert "\x1b" in run.client.label
    assert any("\u202e" in message.url for message in run.messages)


@pytest.mark.parametrize("lifted", [False, True])
def test_no_line_of_any_pane_holds_a_raw_character(lifted: bool) -> None:
    for text in HOSTILE:
        analysis = Analysis()
        analysis.add(poisoned(text))
        view = RunView(analysis.runs[0], Masker(b"key"))
        selections = [Selection(), *map(Selection, view.steps), *map(Selection.of, view.judged.checked.findings)]
        for selection in selections:
            for make in MAKERS.values():
                for line in make(view, selection, view.veil(lifted=lifted)):
                    assert raw_characters(line.plain) == set(), (make, line.plain)


async def look_everywhere(here: Stage) -> None:
    """Open everything there is, and read it."""
    keys = ("0", "p", "p", "d", "escape", "question_mark", "escape", "g", *"12345", "v", "y", "end", "z", "z", "escape")
    for key in keys:
        await here.press(key)
        assert raw_characters(here.text.replace("\n", "")) == set(), key
    for _ in here.main.view.steps if here.main.view else ():
        await here.press("down")
    for pane in ("2", "3", "4", "5"):
        await here.press(pane, "v", "pagedown", "pagedown", "y")
        assert raw_characters(here.text.replace("\n", "")) == set(), pane
        assert raw_characters(here.app.clipboard) == set()


@pytest.mark.parametrize("size", [STACKED, SPREAD])
async def test_no_screen_holds_a_raw_character(size: tuple[int, int]) -> None:
    async with stage(poisoned(EVERYTHING), size) as here:
        await look_everywhere(here)
        assert here.app.is_running


@pytest.mark.parametrize("text", ["[/x]", "aud=[x", "\ud800lone", "one\r\ntwo", "\x1b[2J\u202e", "x" * 5000])
async def test_each_hostile_string_alone(text: str) -> None:
    async with stage(poisoned(text), SPREAD) as here:
        for key in ("p", "d", "escape", "G", "4", "5", "v", "0"):
            await here.press(key)
        await here.settle()
        assert here.app.is_running
        assert raw_characters(here.text.replace("\n", "")) == set()


async def test_no_action_hides_in_captured_text() -> None:
    async with stage(poisoned("[@click=app.quit]x[/]"), SPREAD) as here:
        await here.press("G")
        for row, text in enumerate(here.rows):
            for column, _ in enumerate(text):
                style = here.app.screen.get_style_at(column, row)
                assert "@click" not in style.meta or "app.quit" not in str(style.meta["@click"])
                assert style.link is None


async def test_the_source_and_the_recipe_are_displayed_safely() -> None:
    from tests.tui.stage import DrivenFeed

    feed = DrivenFeed(source=EVERYTHING, title=EVERYTHING)
    async with stage(feed, SPREAD, recipe=(EVERYTHING,)) as here:
        assert raw_characters(here.text.replace("\n", "")) == set()
        await feed.queue.put(story())
        await feed.queue.put(None)
        await here.until(lambda: here.app.recording.ended)
        await here.settle()
        assert raw_characters(here.text.replace("\n", "")) == set()
