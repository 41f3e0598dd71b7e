import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.tui.app import InspectorApp
from inspector.tui.feed import FinishedFeed
from tests.tui.story import story

ROOT = Path(__file__).parents[2]

CRASH = """
import asyncio, sys
from inspector.tui.app import InspectorApp

class Feed:
    source, title, live, total = "x", "x", True, 0

    async def updates(self):
        access_token = "SENTINEL-in-a-local"
        if {when} == "later":
            yield []
            await asyncio.sleep(0.3)
        raise RuntimeError("SENTINEL-in-the-message " + access_token)
        yield

app = InspectorApp(Feed())
app.run(headless=True)
sys.exit(app.return_code)
"""


def run_python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_crash_tells_where_and_no_value(when: str) -> None:
    done = run_python(CRASH.format(when=repr(when)))
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "stopped because of a fault in itself: RuntimeError" in told
    assert "in updates" in told
    assert "SENTINEL" not in told


def test_a_crash_of_a_screen_tells_no_value_either() -> None:
    program = """
import sys
from inspector.tui.app import InspectorApp
from inspector.tui.feed import FinishedFeed
from inspector.tui.screens.main import MainScreen
from tests.tui.story import story

def broken(self, recording):
    refresh_token = "SENTINEL"
    raise ValueError(refresh_token)

MainScreen.show = broken
app = InspectorApp(FinishedFeed(story(), source="x"))
app.run(headless=True)
sys.exit(app.return_code)
"""
    done = run_python(program)
    assert done.returncode == 1
    assert "ValueError" in done.stdout + done.stderr
    assert "SENTINEL" not in done.stdout + done.stderr


def test_the_interface_never_imports_the_proxy_and_nothing_slow_before_it_is_needed() -> None:
    program = """
import sys
import inspector.tui.app
unwanted = {"mitmproxy", "mcp", "jwt", "pydantic", "httpx", "starlette", "addons"} & set(sys.modules)
unwanted |= {name for name in sys.modules if name.startswith(("inspector.rules.token", "inspector.verdict.judge"))}
print(",".join(sorted(unwanted)))
"""
    done = run_python(program)
    assert done.stdout.strip() == "", done.stderr


def test_the_package_works_without_the_proxy_installed() -> None:
    program = """
import sys
sys.modules["mitmproxy"] = None
from inspector.tui.app import run_app
from inspector.tui.feed import FinishedFeed, SessionFeed
print("ok")
"""
    assert run_python(program).stdout == "ok\n"


async def test_the_address_of_the_proxy_is_shown_while_live_only() -> None:
    app = InspectorApp(FinishedFeed(story(), source="demo.mitm"), proxy_label="127.0.0.1:8080")
    async with app.run_test(size=(80, 24)):
        await app.workers.wait_for_complete()
        assert "demo.mitm" in app.session.screen._origin.source
