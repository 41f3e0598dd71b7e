import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from inspector.capture.environment import client_variables
from inspector.capture.recipes import Kind, Mode, Recipe, recipe, recipes
from inspector.errors import CaptureError

URL = "http://localhost:3001/mcp?a=\"b'$(c)"
GATEWAY = "http://127.0.0.1:7710/mcp"
PROXY = "http://127.0.0.1:8080"
BUNDLE = Path("/home/o'neill/my certificates/bundle.pem")
OWN = [(each, mode) for each in recipes() for mode in each.ways]
own = pytest.mark.parametrize(("known", "mode"), OWN, ids=[f"{each.name}-{mode}" for each, mode in OWN])


def pasted(known: Recipe, mode: Mode) -> str:
    lines = known.lines(mode, proxy_url=PROXY, ca_path=BUNDLE, mcp_url=URL, gateway_url=GATEWAY)
    return "".join(line.text for line in lines if line.kind is Kind.PASTE)


def test_names_are_unique_and_one_word() -> None:
    names = [each.name for each in recipes()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z-]*", name) for name in names)


def test_the_clients_that_are_asked_for_are_there() -> None:
    wanted = "claude-desktop claude-code cursor vscode codex warp mcp-remote inspector python-sdk typescript-sdk"
    assert {*wanted.split(), "fastmcp", "gemini-cli", "goose", "zed", "windsurf", "librechat"} <= {
        each.name for each in recipes()
    }


@pytest.mark.parametrize("known", recipes(), ids=lambda known: known.name)
def test_every_client_can_use_the_gateway_and_says_what_was_tried(known: Recipe) -> None:
    assert Mode.GATEWAY in known.ways
    assert set(known.tried) <= set(known.ways)
    assert bool(known.tried) == bool(re.fullmatch(r"20\d\d-\d\d-\d\d", known.on))
    assert known.evidence(Mode.LOCAL) == "documented, not tried"


@pytest.mark.parametrize("name", ["warp", "claude-desktop"])
def test_what_nobody_could_run_is_not_called_tried(name: str) -> None:
    assert not recipe(name).tried


@own
def test_what_is_pasted_is_whole_and_in_its_language(known: Recipe, mode: Mode) -> None:
    block = pasted(known, mode)
    assert "@" not in re.sub(r"@[a-z]+/", "", block)
    match known.ways[mode].format:
        case "json":
            json.loads(block)
        case "toml":
            tomllib.loads(block)
        case "shell":
            assert "\n" not in block
            assert {URL, GATEWAY} & set(shlex.split(block)) or "URL" not in known.ways[mode].snippet


@own
def test_every_line_but_a_block_is_one_line(known: Recipe, mode: Mode) -> None:
    for line in known.lines(mode, mcp_url=URL):
        assert line.text
        assert line.kind is Kind.PASTE or "\n" not in line.text


def test_a_desktop_application_gets_its_variables_in_its_configuration() -> None:
    document = json.loads(pasted(recipe("claude-desktop"), Mode.ENV))
    server = document["mcpServers"]["inspected"]
    assert server["args"] == ["-y", "mcp-remote", URL, "--enable-proxy"]
    assert server["env"]["HTTPS_PROXY"] == PROXY
    assert server["env"]["NODE_EXTRA_CA_CERTS"] == str(BUNDLE)
    assert server["env"]["NODE_USE_ENV_PROXY"] == "1"
    assert "CODEX_CA_CERTIFICATE" not in server["env"]
    block = recipe("claude-desktop").block(client_variables(PROXY, BUNDLE, {}), URL)
    assert block is not None
    assert json.loads(block) == document


def test_without_a_capture_the_command_that_starts_one_comes_first() -> None:
    first, then = recipe("claude-desktop").lines(Mode.ENV, mcp_url="http://localhost:1/mcp")
    assert first.text == "mcp-auth-inspector env --client claude-desktop --server http://localhost:1/mcp"
    assert first.kind is Kind.COMMAND
    assert then.kind is Kind.SAY
    first, *_ = recipe("warp").lines(Mode.GATEWAY, mcp_url=URL)
    assert shlex.split(first.text) == ["mcp-auth-inspector", "gateway", URL]


def test_the_usual_command_and_what_it_needs() -> None:
    remote = recipe("mcp-remote")
    assert remote.command((), URL) == ("npx", "-y", "mcp-remote", URL, "--enable-proxy")
    assert remote.command(("mcp-remote", URL), "") == ("mcp-remote", URL, "--enable-proxy")
    assert remote.command(("mcp-remote", URL, "--enable-proxy"), "") == ("mcp-remote", URL, "--enable-proxy")
    assert recipe("Claude-Code").command((), "") == ("claude",)
    assert recipe("warp").command(("warp-terminal",), "") == ("warp-terminal",)


@pytest.mark.parametrize(
    ("name", "says"),
    [("mcp-remote", "give it as --server URL"), ("python-sdk", "has no usual command"), ("warp", "no usual command")],
)
def test_no_usual_command(name: str, says: str) -> None:
    with pytest.raises(CaptureError, match=says):
        recipe(name).command((), "")


def test_a_way_that_cannot_work_names_one_that_can() -> None:
    with pytest.raises(CaptureError, match="Warp does not work with env; take gateway"):
        recipe("warp").lines(Mode.ENV)


def test_an_unknown_client_is_told_the_names() -> None:
    with pytest.raises(CaptureError, match=r"no recipe for 'emacs'; there are mcp-remote, .* take gateway"):
        recipe("emacs")
