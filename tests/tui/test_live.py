from dataclasses import replace

import pytest

from inspector.errors import UnreadableInput
from inspector.session.model import Body, State
from inspector.tui.recording import Recording
from inspector.tui.widgets.timeline import TimelineList
from tests.tui.stage import BESIDE, SPREAD, STACKED, DrivenFeed, Stage, stage
from tests.tui.story import initialize, story


def timeline(here: Stage) -> TimelineList:
    return here.main.query_one(TimelineList)


async def test_the_empty_state_says_what_to_do_and_gives_way_to_the_first_request() -> None:
    feed = DrivenFeed()
    async with stage(feed, STACKED, recipe=("HTTPS_PROXY=http://127.0.0.1:8080", "Connect the client")) as here:
        assert "● LIVE 127.0.0.1:8080" in here.status
        assert "Nothing captured yet" in here.verdict
        assert "HTTPS_PROXY=http://127.0.0.1:8080" in here.text
        assert "Timeline" not in here.text
        await here.press("p", "P", "v", "y", "d", "z", "0", "1", "5", "left", "less_than_sign", "enter")
        await feed.queue.put(story()[:1])
        await here.until(lambda: "Timeline" in here.text and "POST /mcp" in here.text)
        assert "HTTPS_PROXY" not in here.text
        await here.until(lambda: here.main.focused is timeline(here))


async def test_the_verdict_comes_up_as_the_story_goes_on() -> None:
    feed = DrivenFeed()
    async with stage(feed, BESIDE) as here:
        for exchange in story()[:5]:
            await feed.queue.put([exchange])
        await here.until(lambda: "/oauth2/register" in here.text)
        assert "Fault" not in here.verdict
        for exchange in story()[5:]:
            await feed.queue.put([exchange])
        await here.until(lambda: "Fault: client" in here.verdict)
        assert "Problems · " in here.text


async def test_a_problem_that_is_looked_at_stays_in_sight_as_more_arrives() -> None:
    feed = DrivenFeed()
    async with stage(feed, BESIDE) as here:
        await feed.queue.put(story()[:6])
        await here.until(lambda: timeline(here).step_id == 5 and bool(here.main.findings))
        await here.press("p")
        assert timeline(here).step_id == 5
        await feed.queue.put(story()[6:])
        await here.until(lambda: "Fault: client" in here.verdict)
        assert timeline(here).step_id == 5


async def test_it_follows_the_last_step_until_the_reader_moves_away() -> None:
    feed = DrivenFeed()
    async with stage(feed, STACKED) as here:
        await feed.queue.put(story()[:5])
        await here.until(lambda: timeline(here).step_id == 4)
        await feed.queue.put(story()[5:6])
        await here.until(lambda: timeline(here).step_id == 5)
        await here.press("up", "up")
        await feed.queue.put(story()[6:7])
        await here.until(lambda: "/oauth2/token" in here.text or timeline(here).row_count > 9)
        assert timeline(here).step_id == 3
        await here.press("G")
        await feed.queue.put(story()[7:])
        await here.until(lambda: timeline(here).step_id == 7)
        assert "step 7" in here.text or here.main.selection.step == 7


async def test_a_pending_exchange_is_shown_as_such_and_completed_in_place() -> None:
    feed = DrivenFeed()
    async with stage(feed, SPREAD) as here:
        done = story()[4]
        waiting = replace(
            done,
            status=None,
            state=State.REQUEST,
            response_end=0.0,
            response_body=Body(),
            response_headers=(),
            reason="",
        )
        await feed.queue.put([*story()[:4], waiting])
        await here.until(lambda: "━…│ POST" in here.text)
        assert "No response yet" in here.text
        await feed.queue.put([done])
        await here.until(lambda: "━►│ POST /oauth2/register" in here.text)
        assert "201 Created" in here.text


async def test_what_is_read_stays_in_place_while_more_arrives() -> None:
    feed = DrivenFeed()
    async with stage(feed, BESIDE) as here:
        await feed.queue.put(story()[:7])
        await here.until(lambda: "Fault: client" in here.verdict)
        await here.press("p", "1", "down", "down", "down")
        pane = here.main.query_one("#why")
        before = here.main.selection.finding
        await feed.queue.put(story()[7:])
        await here.until(lambda: here.main.view is not None and 7 in here.main.view.steps)
        assert here.main.focused is pane
        assert here.main.selection.finding
        assert before
        assert here.main.selection.finding.rule == before.rule


async def test_the_newest_run_is_shown() -> None:
    feed = DrivenFeed()
    async with stage(feed, BESIDE) as here:
        await feed.queue.put(story())
        await here.until(lambda: "Fault: client" in here.verdict)
        await feed.queue.put([initialize(20, 200.0, 401, agent="another/1")])
        await here.until(lambda: "run 2/2" in here.status)
        assert "fault in run 1" in here.status


@pytest.mark.parametrize("keys", [("up",), ("p",), ("0",), ("less_than_sign",)])
async def test_a_newer_run_does_not_take_the_place_of_what_is_looked_at(keys: tuple[str, ...]) -> None:
    feed = DrivenFeed()
    async with stage(feed, BESIDE) as here:
        await feed.queue.put(story())
        await here.until(lambda: "Fault: client" in here.verdict)
        if keys == ("less_than_sign",):
            await feed.queue.put([initialize(20, 200.0, 401, agent="another/1")])
            await here.until(lambda: "run 2/2" in here.status)
        await here.press(*keys)
        await feed.queue.put([initialize(21, 300.0, 401, agent="a third/1")])
        await feed.queue.put(None)
        await here.until(lambda: here.app.recording.ended)
        assert "run 1/" in here.status
        assert "Fault: client" in here.verdict


async def test_a_burst_is_painted_in_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = DrivenFeed()
    painted = 0
    async with stage(feed, STACKED) as here:
        show = here.main.show

        def counted(recording: Recording) -> None:
            nonlocal painted
            painted += 1
            show(recording)

        monkeypatch.setattr(here.main, "show", counted)
        for number in range(300):
            await feed.queue.put([initialize(number + 1, number / 100, 401)])
        await feed.queue.put(None)
        await here.until(lambda: here.app.recording.ended)
        assert here.app.recording.exchange_count == 300
        assert painted < 50


async def test_the_end_of_the_capture_is_shown() -> None:
    feed = DrivenFeed()
    async with stage(feed) as here:
        await feed.queue.put(story())
        await feed.queue.put(None)
        await here.until(lambda: here.app.recording.ended)
        assert "LIVE" not in here.status
        assert "Fault: client" in here.verdict


async def test_a_session_that_cannot_be_read_is_said_in_one_sentence_and_the_rest_stays() -> None:
    feed = DrivenFeed()
    async with stage(feed) as here:
        await feed.queue.put(story())
        await here.until(lambda: "Fault: client" in here.verdict)
        await feed.queue.put(UnreadableInput("live.session is damaged; copy it again.\x1b[2J"))
        await here.until(lambda: "live.session is damaged; copy it again.\\x1b[2J" in here.verdict)
        assert "/oauth2/authorize" in here.text
        assert here.app.is_running


async def test_leaving_while_the_capture_goes_on_ends_cleanly() -> None:
    feed = DrivenFeed()
    async with stage(feed) as here:
        await feed.queue.put(story())
        await here.until(lambda: "Fault: client" in here.verdict)
        await here.pilot.press("q")
    assert here.app.return_code == 0


@pytest.mark.parametrize("no_color", [False, True])
async def test_any_window_and_any_key_during_traffic(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    feed = DrivenFeed()
    sizes = [(60, 20), (1, 1), (200, 60), (40, 12), (100, 30), (59, 19), (160, 48), (80, 24)]
    keys = ["f10", "escape", "p", "z", "m", "escape", "plus", "l"]
    async with stage(feed, (60, 20)) as here:
        for exchange, size, key in zip(story(), sizes, keys, strict=True):
            await feed.queue.put([exchange])
            await here.pilot.resize_terminal(*size)
            await here.press(key)
        await feed.queue.put(None)
        await here.until(lambda: here.app.recording.ended)
        assert here.app.is_running
        assert here.app.recording.exchange_count == len(story())
