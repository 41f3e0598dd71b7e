"""The whole way from a failing sign-in to a report, in a real terminal: by keys alone, and by mouse alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.session.location import HOME_VARIABLE
from tests.acceptance.terminal import Terminal, terminal

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


DIALOG = "esc close ─╯"
"""The lower edge of every dialog here."""


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Terminal]:
    """The demo, once it has come to its end."""
    with terminal(tmp_path) as here:
        here.start("demo --pace 0", (120, 36), tmp_path, {HOME_VARIABLE: str(tmp_path / "home")})
        here.wait_for("✗ Fault: client")
        here.wait_for(r"● LIVE .*run 2/2")
        here.wait_for(r"8 .* initialize +401")
        yield here


def written(folder: Path) -> str:
    (report,) = folder.glob("mcp-auth-*.md")
    return report.read_text()


def test_from_the_demo_to_a_report_by_keys_alone(screen: Terminal, tmp_path: Path) -> None:
    screen.press("p")
    screen.wait_for("✗ resource-missing-authorize +error · certain")
    screen.press("w")
    screen.wait_for("phase 3 Authorize · stop")
    screen.press("Right")
    screen.wait_for("phase 4 Token · stop")
    screen.press("Escape")
    screen.wait_while(DIALOG)
    screen.wait_for(r"▌\d .*/oauth2/token")
    screen.press("c")
    screen.wait_for("Compare with")
    screen.press("Enter")
    screen.wait_for("first difference")
    screen.press("Escape")
    screen.wait_while(DIALOG)
    screen.press("W")
    screen.wait_for("add-resource ✓")
    screen.press("Enter")
    screen.wait_for("✓ Proven")
    screen.press("Escape")
    screen.wait_while(DIALOG)
    screen.press("x")
    screen.wait_for("This report is for")
    screen.press("Tab", "Tab", "Tab", "Enter")
    screen.wait_for("Wrote ")
    screen.press("q")
    screen.wait_for("^ended with 0")
    assert "resource-missing-authorize" in written(tmp_path)


def test_from_the_demo_to_a_report_by_mouse_alone(screen: Terminal, tmp_path: Path) -> None:
    screen.click(r"resource-missing-authorize +step \d")
    screen.wait_for("✗ resource-missing-authorize +error · certain")
    screen.click("2 Request")
    screen.wait_for("Query parameters")
    screen.click("1 Why")
    screen.click("Flow")
    screen.click(r"Walk +w")
    screen.wait_for("phase 3 Authorize · stop")
    screen.click(" Next  ")
    screen.wait_for("phase 4 Token · stop")
    screen.click(" Close ")
    screen.wait_while(DIALOG)
    screen.click("Flow  ")
    screen.click(r"Compare with\.\.\. +c")
    screen.click("run 1, ")
    screen.wait_for("first difference")
    screen.click(" Close ")
    screen.wait_while(DIALOG)
    screen.click("Replay  ")
    screen.click(r"What if\.\.\. +W")
    screen.wait_for("add-resource ✓")
    screen.click(" Start ")
    screen.wait_for("✓ Proven")
    screen.click(" Close ")
    screen.wait_while(DIALOG)
    screen.click("File  ")
    screen.click(r"Export\.\.\. +x")
    screen.wait_for("This report is for")
    screen.click(" Write ")
    screen.wait_for("Wrote ")
    screen.click("File  ")
    screen.click(r"Quit +q")
    screen.wait_for("^ended with 0")
    assert "resource-missing-authorize" in written(tmp_path)
