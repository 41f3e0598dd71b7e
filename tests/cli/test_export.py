import json
import stat
from pathlib import Path

import pytest

from inspector.report.formats import FORMATS
from tests.cli.conftest import Run
from tests.report.material import exported
from tests.tui.story import CODE, VERIFIER

SECRETS = (CODE, VERIFIER, "user_01KB5DZXQ4N8H2")


@pytest.fixture
def har(tmp_path: Path) -> Path:
    path = tmp_path / "story.har"
    path.write_text(exported("har", redact=False), encoding="utf-8")
    return path


def test_markdown_without_secrets_is_what_one_gets(run: Run, har: Path) -> None:
    done = run("export", str(har))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Warp v0.2026.04: Authorization request without resource\n")
    assert not any(secret in done.stdout for secret in SECRETS)


def test_a_file_is_written_and_told_of(run: Run, har: Path, tmp_path: Path) -> None:
    done = run("export", str(har), "-f", "json", "-o", str(tmp_path / "out.json"))
    assert done.stdout == ""
    assert f"wrote {tmp_path / 'out.json'}; 8 values masked" in done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["source"] == "story.har"


def test_the_recording_is_never_written_over(run: Run, har: Path) -> None:
    before = har.read_bytes()
    for words in (("export", "-o", str(har)), ("check", "--write-baseline", str(har))):
        done = run(words[0], str(har), *words[1:])
        assert done.returncode == 2
        assert "is the recording itself" in done.stderr
    for option in ("--save-case", "--save-profile"):
        assert "is the recording itself" in run("replay", str(har), option, str(har)).stderr
    assert har.read_bytes() == before


def test_every_format_is_offered(run: Run, har: Path) -> None:
    done = run("export", str(har), "--format", "docx")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert all(each.name in done.stderr for each in FORMATS)


def test_live_secrets_take_two_words(run: Run, har: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.har"
    refused = run("export", str(har), "-f", "har", "-o", str(out), "--no-redact")
    assert refused.returncode == 2
    assert "--i-know-it-holds-live-secrets" in refused.stderr
    assert not out.exists()
    done = run("export", str(har), "-f", "har", "-o", str(out), "--no-redact", "--i-know-it-holds-live-secrets")
    assert done.returncode == 0
    assert "do not publish" in done.stderr
    assert CODE in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_preview_names_values_that_can_be_left(run: Run, har: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    listed = run("export", str(har), "--preview", "--stable", str(key)).stdout
    line = next(line for line in listed.splitlines() if "authorization_code" in line)
    assert "exchange 7 request form code" in line
    assert not any(secret in listed for secret in SECRETS)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    fingerprint = line.partition("#")[2][:4]
    shown = run("export", str(har), "-f", "curl", "--stable", str(key), "--unmask", fingerprint).stdout
    assert CODE in shown
    assert VERIFIER not in shown


def test_fingerprints_are_stable_only_when_asked(run: Run, har: Path, tmp_path: Path) -> None:
    key = ("--stable", str(tmp_path / "key"))
    assert run("export", str(har), "-f", "har", *key).stdout == run("export", str(har), "-f", "har", *key).stdout
    assert run("export", str(har), "--preview").stdout != run("export", str(har), "--preview").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "7"), "There is no run 7 in story.har; there is: 1."),
        (("--unmask", "zzzz"), "No masked value has the fingerprint 'zzzz'"),
        (("--otlp-endpoint", "localhost"), "is no http or https URL"),
        (("-o", "/nowhere/x.md"), "/nowhere/x.md cannot be written"),
        (("--stable", "/dev/null"), "/dev/null is no key file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, har: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("export", str(har), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
