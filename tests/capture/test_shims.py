"""A client that opens a browser under `run`: the proxy is told what is opened, and the real browser opens it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from inspector.capture.environment import client_environment
from inspector.capture.proxy import RunningProxy
from inspector.capture.shims import browser_shims
from inspector.session.model import State
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row

QUERY = "response_type=code&client_id=c%2F1&state=s&resource=http%3A%2F%2Flocalhost%3A1%2Fmcp"
AUTHORIZE = f"https://login.example/oauth2/authorize?{QUERY}"
REPORTED = ("HTTP_PROXY", "BROWSER", "PATH")
REAL = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
said = {{name: os.environ.get(name) for name in {REPORTED!r}}}
Path(__file__).with_name("opened.json").write_text(json.dumps([Path(__file__).name, sys.argv[1:], said]))
sys.exit(3)
"""


class Desktop:
    """The user's own commands, which note how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.env = {"PATH": str(folder), "HTTP_PROXY": "http://corporate:8080"}

    def add(self, name: str) -> str:
        command = self.folder / name
        command.write_text(REAL)
        command.chmod(0o755)
        return str(command)

    def opened(self) -> tuple[str, list[str], dict[str, str | None]]:
        name, arguments, environment = json.loads((self.folder / "opened.json").read_text())
        return name, arguments, environment


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    return Desktop(tmp_path / "bin")


@pytest.fixture
def proxy(start: Start) -> RunningProxy:
    return start(targets=("http://localhost:1/mcp",))


@pytest.fixture
def client(proxy: RunningProxy, desktop: Desktop) -> Iterator[dict[str, str]]:
    """The environment of a client, with a real xdg-open behind its stand-in."""
    desktop.add("xdg-open")
    with browser_shims(proxy, desktop.env, ["HTTP_PROXY"]) as shims:
        yield client_environment(proxy.url, Path("/bundle.pem"), desktop.env, shims)


def call(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{environment['PATH']}{os.pathsep}{os.environ['PATH']}"  # sh itself is elsewhere
    return subprocess.run(
        ["/bin/sh", "-c", 'exec "$@"', "sh", *command],
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_authorization_request_is_noted_and_the_real_command_opens_it(
    proxy: RunningProxy, desktop: Desktop, client: dict[str, str]
) -> None:
    done = call(client, "xdg-open", AUTHORIZE)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")  # it became the real command
    exchange = await row(proxy, AUTHORIZE, State.RECORDED)
    assert (exchange.method, exchange.status, exchange.listener) == ("GET", None, "browser command")
    name, arguments, environment = desktop.opened()
    assert (name, arguments) == ("xdg-open", [AUTHORIZE])
    assert environment == {"HTTP_PROXY": "http://corporate:8080", "BROWSER": None, "PATH": str(desktop.folder)}


async def test_the_token_leg_at_a_server_that_only_the_browser_was_sent_to_is_in_scope(
    proxy: RunningProxy, client: dict[str, str]
) -> None:
    call(client, "xdg-open", "http://localhost:2/authorize?" + QUERY)
    await row(proxy, "http://localhost:2/authorize", State.RECORDED)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as http:
        assert (await http.post("http://localhost:2/token")).status_code == 502
    await row(proxy, "http://localhost:2/token", State.FAILED)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/help",
        "https://example.com/?client_id=1",
        f"http://127.0.0.1:1/.inspector/authorize/x?{QUERY}",
        f"file:///x?{QUERY}",
        "--version",
    ],
)
def test_any_other_page_is_nobodys_business(
    proxy: RunningProxy, desktop: Desktop, client: dict[str, str], url: str
) -> None:
    assert call(client, "xdg-open", url).returncode == 3
    assert desktop.opened()[1] == [url]
    assert recorded(proxy, "") == []


async def test_the_variable_browser_works_where_the_user_has_none(
    proxy: RunningProxy, desktop: Desktop, client: dict[str, str]
) -> None:
    assert call(client, client["BROWSER"], AUTHORIZE).returncode == 3
    await row(proxy, AUTHORIZE, State.RECORDED)
    assert desktop.opened()[0] == "xdg-open"


@pytest.mark.parametrize(
    ("value", "arguments"),
    [("mine", [AUTHORIZE]), ("mine --new %s --x", ["--new", AUTHORIZE, "--x"]), ("none:mine -a", ["-a", AUTHORIZE])],
)
def test_the_users_own_browser_variable_is_respected(
    proxy: RunningProxy, desktop: Desktop, value: str, arguments: list[str]
) -> None:
    desktop.add("mine")
    desktop.env["BROWSER"] = value
    with browser_shims(proxy, desktop.env, []) as shims:
        environment = client_environment(proxy.url, Path("/bundle.pem"), desktop.env, shims)
        call(environment, environment["BROWSER"], AUTHORIZE)
    assert desktop.opened()[:2] == ("mine", arguments)
    assert desktop.opened()[2]["BROWSER"] == value


def test_a_browser_whose_path_has_a_space_is_found(proxy: RunningProxy, tmp_path: Path) -> None:
    desktop = Desktop(tmp_path / "my programs")
    desktop.env["BROWSER"] = desktop.add("mine")
    with browser_shims(proxy, desktop.env, []) as shims:
        environment = client_environment(proxy.url, Path("/bundle.pem"), desktop.env, shims)
        call(environment, environment["BROWSER"], AUTHORIZE)
    assert desktop.opened()[:2] == ("mine", [AUTHORIZE])


def test_a_real_command_that_calls_the_variable_browser_does_not_come_back(
    proxy: RunningProxy, desktop: Desktop
) -> None:
    desktop.add("mine")
    desktop.env["BROWSER"] = "mine"
    opener = desktop.folder / "xdg-open"
    opener.write_text('#!/bin/sh\nexec "$BROWSER" "$@"\n')
    opener.chmod(0o755)
    with browser_shims(proxy, desktop.env, []) as shims:
        call(client_environment(proxy.url, Path("/bundle.pem"), desktop.env, shims), "xdg-open", AUTHORIZE)
    assert desktop.opened()[:2] == ("mine", [AUTHORIZE])
    assert len(recorded(proxy, AUTHORIZE)) == 1


def test_nothing_is_left_behind_and_nobody_else_can_look(proxy: RunningProxy, desktop: Desktop, home: Path) -> None:
    desktop.add("open")
    with browser_shims(proxy, desktop.env, []) as shims:
        assert shims is not None
        assert {each.name: each.stat().st_mode & 0o777 for each in shims.iterdir()} == {
            "open": 0o700,
            "browser-of-the-client": 0o700,
            "opener.json": 0o600,
        }
        assert shims.stat().st_mode & 0o777 == 0o700
        assert not any(proxy.token in (shims / name).read_text() for name in ("open", "browser-of-the-client"))
    assert list((home / "openers").iterdir()) == []


def test_what_a_killed_run_left_is_cleared_away(proxy: RunningProxy, desktop: Desktop, home: Path) -> None:
    desktop.add("open")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    left, used = home / "openers" / f"{ended.pid}-x", home / "openers" / f"{os.getpid()}-x"
    for folder in (left, used):
        folder.mkdir(parents=True)
        (folder / "opener.json").write_text("{}")
    with browser_shims(proxy, desktop.env, []):
        assert not left.exists()
        assert used.exists()


def test_a_machine_without_a_browser_stays_one(proxy: RunningProxy, desktop: Desktop) -> None:
    with browser_shims(proxy, desktop.env, []) as shims:
        assert shims is None


def test_a_browser_that_has_gone_is_said(proxy: RunningProxy, desktop: Desktop, client: dict[str, str]) -> None:
    (desktop.folder / "xdg-open").unlink()
    shim = shutil.which(client["BROWSER"], path=client["PATH"])
    assert shim is not None
    done = subprocess.run([shim, AUTHORIZE], env=client, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "browser-of-the-client: no browser was found; open the URL yourself.\n"
    assert quote("c/1", safe="") not in done.stderr


def test_a_proxy_that_has_ended_does_not_keep_the_browser_from_opening(
    proxy: RunningProxy, desktop: Desktop, client: dict[str, str]
) -> None:
    proxy.stop()
    assert call(client, "xdg-open", AUTHORIZE).returncode == 3
    assert desktop.opened()[1] == [AUTHORIZE]
