import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from inspector.cli.serve import guarded_app
from inspector.errors import CaptureError
from inspector.tui.opening import SAMPLE
from tests.cli.conftest import Run

TOKEN = "a-token-nobody-guesses"


@dataclass
class Served:
    client: aiohttp.ClientSession
    address: str

    async def status(self, path: str, **headers: str) -> int:
        async with self.client.get(f"http://{self.address}{path}", headers=headers) as response:
            return response.status


@asynccontextmanager
async def served(file: Path | None = None) -> AsyncGenerator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        runner = web.AppRunner(await guarded_app(TOKEN, address, file))
        await runner.setup()
        await web.SockSite(runner, listener).start()
        async with aiohttp.ClientSession() as client:
            yield Served(client, address)
        await runner.cleanup()


async def test_the_token_opens_every_door_and_nothing_else_does() -> None:
    async with served() as here:
        for path in ("/", "/static/css/xterm.css", "/ws", "/wrong/", f"/{TOKEN[:-1]}/", f"/x/{TOKEN}/", f"//{TOKEN}/"):
            assert await here.status(path) == 404, path
            assert await here.status(f"{path}?token={TOKEN}") == 404, path
        for path in ("/", "/static/css/xterm.css"):
            assert await here.status(f"/{TOKEN}{path}") == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1"])
async def test_another_name_for_this_machine_is_refused(host: str) -> None:
    async with served() as here:
        assert await here.status(f"/{TOKEN}/", Host=host) == 404


async def test_a_page_of_another_origin_is_refused() -> None:
    async with served() as here:
        for origin in ("http://evil.example", "null", f"https://{here.address}"):
            assert await here.status(f"/{TOKEN}/", Origin=origin) == 404
        assert await here.status(f"/{TOKEN}/", Origin=f"http://{here.address}") == 200
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await here.client.ws_connect(f"ws://{here.address}/{TOKEN}/ws", origin="http://evil.example")


async def test_the_page_loads_nothing_from_elsewhere_and_tells_its_address_nobody() -> None:
    async with served() as here, here.client.get(f"http://{here.address}/{TOKEN}/") as response:
        page = await response.text()
        assert f"ws://{here.address}/{TOKEN}/ws" in page
        assert "font-src 'self'" in response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_the_application_itself_comes_over_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_AUTH_INSPECTOR_HOME", str(tmp_path))
    async with served(SAMPLE) as here:
        url = f"ws://{here.address}/{TOKEN}/ws?width=100&height=30"
        seen = b""
        async with asyncio.timeout(30), here.client.ws_connect(url) as channel:
            async for message in channel:
                seen += message.data if isinstance(message.data, bytes) else b""
                if b"resource-missing-authorize" in seen:
                    break
            assert b"resource-missing-authorize" in seen
            await channel.send_json(["stdin", "q"])
            async for _ in channel:  # until the application has ended
                pass


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.cli.serve import serve

    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(CaptureError, match="-m pip install textual-serve"):
        serve()


def test_a_port_in_use_and_a_file_that_is_not_there_are_said_in_one_sentence(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "take another one" in done.stderr
    done = run("serve", str(tmp_path / "no.har"))
    assert done.returncode == 2
    assert "does not exist" in done.stderr
