import os
import subprocess
from pathlib import Path

import pytest

from tests.report.hostile import HOSTILE, hostile_story
from tests.report.material import exported
from tests.tui.story import CODE, story

ECHO = "#!/bin/sh\nfor each in \"$@\"; do printf '%s\\0' \"$each\"; done\nprintf '\\n\\0'\n"


def run_script(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with a curl that only says how it was called."""
    curl = folder / "curl"
    curl.write_text(ECHO)
    curl.chmod(0o755)
    return subprocess.run(
        ["sh", "-c", script],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def calls(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [call.split("\0")[:-1] for call in done.stdout.split("\n\0")[:-1]]


def test_with_secrets_it_sends_what_was_sent(tmp_path: Path) -> None:
    done = run_script(exported("curl", redact=False), tmp_path)
    assert done.returncode == 0, done.stderr
    sent = calls(done)
    assert [call[call.index("--url") + 1] for call in sent] == [exchange.url for exchange in story()]
    assert [call[call.index("--request") + 1] for call in sent] == [exchange.method for exchange in story()]
    assert sent[6][-1] == story()[6].request_body.data.decode()


def test_masked_values_are_variables_that_must_be_set(tmp_path: Path) -> None:
    script = exported("curl")
    stopped = run_script(script, tmp_path)
    assert stopped.returncode != 0
    assert "set it to the state" in stopped.stderr
    names = {line.partition("{")[2].partition(":")[0] for line in script.splitlines() if line.startswith(': "${')}
    done = run_script(script, tmp_path, **{name: f"value-of-{name}" for name in names})
    assert done.returncode == 0, done.stderr
    code = next(name for name in names if name.startswith("AUTHORIZATION_CODE"))
    assert f"code=value-of-{code}&" in calls(done)[6][-1]
    assert CODE not in script


@pytest.mark.parametrize("redact", [True, False])
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_nothing_captured_is_run(tmp_path: Path, hostile: str, redact: bool) -> None:
    script = exported("curl", hostile_story(hostile), redact=redact)
    assert all(character.isprintable() or character == "\n" for character in script)
    names = {line.partition("{")[2].partition(":")[0] for line in script.splitlines() if line.startswith(': "${')}
    done = run_script(script.encode(errors="replace").decode(), tmp_path, **dict.fromkeys(names, "x"))
    assert done.returncode == 0, done.stderr
    assert len(calls(done)) == 9
    assert {path.name for path in tmp_path.iterdir()} == {"curl"}
    assert not Path("/tmp/pwned").exists()
