import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.capture.ca_bundle import write_ca_bundle
from inspector.capture.environment import CA_VARIABLES, Shell, as_json, as_shell, client_environment, client_variables
from inspector.session.model import State
from tests.capture.conftest import Start
from tests.capture.rows import row
from tests.capture.upstream import make_certificates, upstream

PROXY = "http://127.0.0.1:8080"
BUNDLE = Path("/home/o'neill/my $certificates/bundle.pem")
PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def test_every_runtime_finds_the_proxy_and_the_certificates() -> None:
    environment = client_environment(PROXY, BUNDLE, {"HOME": "/h", "NO_PROXY": "localhost", "http_proxy": "http://old"})
    assert environment["HOME"] == "/h"
    assert {environment[name] for name in PROXY_VARIABLES} == {PROXY}
    assert {environment[name] for name in CA_VARIABLES} == {str(BUNDLE)}
    # An exception for localhost in either spelling would hide the very servers that are inspected.
    assert (environment["NO_PROXY"], environment["no_proxy"]) == ("", "")
    assert environment["NODE_USE_ENV_PROXY"] == "1"
    assert "PATH" not in environment


def test_the_environment_given_is_not_changed() -> None:
    base = {"NO_PROXY": "x"}
    client_environment(PROXY, BUNDLE, base)
    assert base == {"NO_PROXY": "x"}


@pytest.mark.parametrize(("base", "path"), [({"PATH": "/bin"}, f"/shims{os.pathsep}/bin"), ({}, "/shims")])
def test_shims_come_first_on_the_path(base: dict[str, str], path: str) -> None:
    assert client_environment(PROXY, BUNDLE, base, Path("/shims"))["PATH"] == path


def test_every_variable_has_one_sentence_of_reason() -> None:
    variables = client_variables(PROXY, BUNDLE, {}, Path("/shims"))
    environment = client_environment(PROXY, BUNDLE, {}, Path("/shims"))
    assert {each.name for each in variables} == set(environment)
    for each in variables:
        assert each.why.endswith(".")
        assert "\n" not in each.why


@pytest.mark.parametrize("shell", ["posix", "fish"])
def test_a_shell_that_evaluates_the_lines_has_the_values(shell: Shell) -> None:
    program = shutil.which({"posix": "sh"}.get(shell, shell))
    if program is None:
        pytest.skip(f"{shell} is not installed")
    lines = as_shell(client_variables(PROXY, BUNDLE, {}), shell)
    show = f'{lines}\nprintf \'%s|%s|%s\' "$HTTPS_PROXY" "$SSL_CERT_FILE" "$NO_PROXY"'
    run = subprocess.run([program, "-c", show], capture_output=True, text=True, check=True, env={"NO_PROXY": "x"})
    assert run.stdout == f"{PROXY}|{BUNDLE}|"


def test_powershell_quotes_are_doubled() -> None:
    assert "$env:SSL_CERT_FILE = '/home/o''neill/my $certificates/bundle.pem'" in as_shell(
        client_variables(PROXY, BUNDLE, {}), "powershell"
    )


def test_json_holds_names_and_values() -> None:
    assert json.loads(as_json(client_variables(PROXY, BUNDLE, {}))) == client_environment(PROXY, BUNDLE, {})


@pytest.mark.parametrize(
    "client",
    [
        [sys.executable, "-c", "import sys, httpx; print(httpx.get(sys.argv[1]).text)"],
        [
            sys.executable,
            "-c",
            "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
        ],
        ["curl", "-sS"],
    ],
    ids=["httpx", "urllib", "curl"],
)
async def test_a_client_needs_nothing_but_the_environment(start: Start, tmp_path: Path, client: list[str]) -> None:
    if shutil.which(client[0]) is None:
        pytest.skip(f"{client[0]} is not installed")
    certificates = make_certificates(tmp_path)
    async with upstream(certificates.server) as server:
        server.answer("/mcp", b"hello")
        proxy = start(targets=(server.at("/mcp"),), upstream_ca=certificates.ca)
        base = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        environment = client_environment(proxy.url, write_ca_bundle(proxy.ca_certificate, base), base)
        process = await asyncio.create_subprocess_exec(
            *client, server.at("/mcp"), env=environment, stdout=subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert said.strip() == b"hello"
        assert (await row(proxy, server.at("/mcp"), State.COMPLETE)).tls.startswith("client TLSv1.3")
