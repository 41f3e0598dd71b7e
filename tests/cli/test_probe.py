import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.cli.main import app
from inspector.reference.pair import Reference
from inspector.session.reader import Session


async def probed(tmp_path: Path, *arguments: str, faults: tuple[str, ...] = ()) -> tuple[int, str, Path]:
    import asyncio

    session = tmp_path / "probe.mcpauth"
    async with Reference(faults=faults) as reference:
        command = ["probe", reference.mcp_url, "-o", str(session), *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
    return result.exit_code, result.stdout, session


async def test_a_good_server_ends_with_exit_code_0_and_a_session(tmp_path: Path) -> None:
    code, out, path = await probed(tmp_path)
    assert code == 0
    assert " ok Protected resource metadata" in out
    with Session.open(path) as session:
        assert any("/.well-known/" in exchange.url for exchange in session.exchanges())


async def test_a_fault_ends_with_exit_code_1(tmp_path: Path) -> None:
    code, out, _ = await probed(tmp_path, faults=("challenge-absent",))
    assert code == 1
    assert "www-authenticate-missing" in out


async def test_json_is_the_contract_of_check(tmp_path: Path) -> None:
    _, out, _ = await probed(tmp_path, "--format", "json")
    assert json.loads(out)["runs"]


@pytest.mark.parametrize("url", ["http://localhost:1/mcp", "not a url"])
def test_what_cannot_be_asked_is_one_sentence(url: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["probe", url, "-o", str(tmp_path / "x.mcpauth")])
    assert result.exception is not None
    assert str(result.exception).count("\n") == 0
