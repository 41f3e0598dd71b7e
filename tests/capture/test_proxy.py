import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from inspector.capture.proxy import find_running
from inspector.errors import CaptureError
from inspector.session.model import State
from inspector.session.reader import Session
from tests.capture.conftest import Start
from tests.capture.rows import recorded, row
from tests.capture.upstream import Upstream


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_started_proxy_serves_at_once_and_stops_when_told(start: Start, server: Upstream, home: Path) -> None:
    proxy = start(targets=(server.at("/mcp"),))
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        assert (await client.get(server.at("/mcp"))).status_code == 404
    assert (await row(proxy, server.at("/mcp"))).status == 404
    assert proxy.ca_certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert proxy.token not in repr(proxy)
    proxy.stop()
    assert not proxy.alive
    assert find_running() == []
    with socket.create_server(("127.0.0.1", proxy.port)):
        pass  # the port is free again
    proxy.stop()  # and once more does no harm
    assert (home / "proxy.log").read_text() == ""


def test_what_it_keeps_is_for_its_owner_alone(start: Start, home: Path) -> None:
    proxy = start()
    (note,) = (home / "running").iterdir()
    assert [mode(path) for path in (home / "running", home / "certificates")] == [0o700, 0o700]
    assert [mode(path) for path in (note, proxy.session, home / "proxy.log")] == [0o600, 0o600, 0o600]
    command_line = Path(f"/proc/{proxy.pid}/cmdline")
    if command_line.exists():
        assert proxy.token.encode() not in command_line.read_bytes()
    assert os.getsid(proxy.pid) == proxy.pid  # it does not die with our terminal


def test_a_port_can_be_chosen(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert start(port=port).port == port


def test_a_port_in_use_is_named_with_what_to_do(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CaptureError, match=f"^Port {port} on 127.0.0.1 is in use by .*another port"):
            start(port=port)
    assert find_running() == []


def test_a_port_that_is_taken_while_the_proxy_starts_is_named_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.capture.proxy._is_taken", lambda port: False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CaptureError, match=f"^Port {port} on 127.0.0.1 is in use"):
            start(port=port)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"targets": ("localhost:3001/mcp",)}, "'localhost:3001/mcp' is not a URL; give one such as"),
        ({"session": Path("/proc/no/session.mcpauth")}, "/proc/no/session.mcpauth cannot be created"),
        ({"session": Path(__file__)}, "cannot be continued as a session"),
        ({"upstream_ca": Path("/no/ca.pem")}, "/no/ca.pem is no readable file of certificates"),
    ],
    ids=["target", "folder", "foreign file", "certificate"],
)
def test_what_keeps_it_from_starting_is_said_in_one_sentence(
    start: Start, home: Path, settings: dict[str, object], says: str
) -> None:
    with pytest.raises(CaptureError) as caught:
        start(**settings)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert find_running() == []
    assert list((home / "running").glob("*")) == [] if home.exists() else True


def test_a_proxy_that_cannot_run_at_all_is_quoted(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.capture.proxy._MITMDUMP", "raise SystemExit('no such engine')")
    with pytest.raises(CaptureError, match=r"its last words were: no such engine; all it wrote is in .*proxy\.log"):
        start()


@pytest.mark.parametrize(
    ("script", "says"),
    [("import nosuch", "No module named 'nosuch'"), ("def broken(:", "SyntaxError: invalid syntax")],
)
def test_an_addon_that_cannot_be_loaded_is_quoted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    (tmp_path / "entry.py").write_text(script)
    monkeypatch.setattr("inspector.capture.proxy.ADDON", tmp_path / "entry.py")
    with pytest.raises(CaptureError, match=f"its last words were: .*{says}; all it wrote is in .*proxy.log"):
        start()


def test_modules_in_the_users_folder_are_not_loaded(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mitmproxy.py").write_text("raise SystemExit('loaded')")
    monkeypatch.chdir(tmp_path)
    assert start().alive


def test_a_relative_session_is_where_the_user_stands(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert start(session=Path("here.mcpauth")).session == tmp_path / "here.mcpauth"
    assert (tmp_path / "here.mcpauth").exists()


def test_several_proxies_are_found_oldest_first(start: Start, home: Path) -> None:
    first = start(session=home / "first.mcpauth")
    second = start(session=home / "second.mcpauth")
    assert find_running() == [first, second]


def test_notes_of_dead_proxies_are_cleared_away(start: Start, home: Path) -> None:
    proxy = start()
    os.kill(proxy.pid, signal.SIGKILL)
    os.waitpid(proxy.pid, 0)
    assert len(list((home / "running").iterdir())) == 1
    assert find_running() == []
    assert list((home / "running").iterdir()) == []
    assert not proxy.alive


def test_a_note_whose_process_id_and_port_belong_to_others_by_now_is_not_believed(home: Path) -> None:
    notes = home / "running"
    notes.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        facts = {"pid": os.getpid(), "proxy_port": 1, "control_port": somebody_else.getsockname()[1], "token": "t"}
        facts |= {"session": "s", "ca_certificate": "c", "started": 1}
        (notes / "old.json").write_text(json.dumps(facts))
        answers = "import socket; s, _ = socket.socket(fileno=0).accept(); s.sendall(b'HTTP/1.1 400 Bad Request\\r\\n')"
        with subprocess.Popen([sys.executable, "-c", answers], stdin=somebody_else.fileno()):
            assert find_running() == []
    (notes / "broken.json").write_text("[")
    (notes / "foreign.json").write_text("[]")
    assert find_running() == []
    assert list(notes.iterdir()) == []


def test_a_proxy_ends_with_the_process_it_is_for(start: Start) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client:
        proxy = start(exit_with=client.pid)
        assert proxy.alive
        client.kill()
    os.waitpid(proxy.pid, 0)
    assert find_running() == []


async def test_an_open_exchange_is_marked_when_the_proxy_is_stopped(start: Start, server: Upstream) -> None:
    async def never(writer: object) -> None:
        await asyncio.sleep(60)

    server.answers["/mcp"] = never
    proxy = start(targets=(server.at("/mcp"),))
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        asking = asyncio.create_task(client.get(server.at("/mcp")))
        await row(proxy, server.at("/mcp"), State.REQUEST)
        await asyncio.to_thread(proxy.stop)
        with pytest.raises(httpx.HTTPError):
            await asking
    (exchange,) = recorded(proxy, server.at("/mcp"))
    assert exchange.state is State.FAILED


async def test_its_settings_are_kept(start: Start, server: Upstream) -> None:
    body = json.dumps({"authorization_endpoint": server.at("/authorize")}).encode()
    server.answer("/.well-known/oauth-authorization-server", body)
    proxy = start(targets=("http://localhost:3001/mcp",), record_all=True, authorize_recorder=False)
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        assert (await client.get(server.at("/.well-known/oauth-authorization-server"))).content == body
    assert (await row(proxy, server.origin)).status == 200
    with Session.open(proxy.session) as session:
        assert json.loads(session.meta["targets"]) == ["http://localhost:3001/mcp"]
    with pytest.raises(CaptureError, match="not an http or https URL"):
        proxy.add_target("warp://mcp")
