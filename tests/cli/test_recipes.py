import json
import sys

from tests.cli.conftest import Run


def test_all_are_listed(run: Run) -> None:
    done = run("recipes")
    assert done.returncode == 0
    assert "claude-desktop  Claude Desktop, with mcp-remote: env, gateway, takeover, local" in done.stdout
    assert "run (tried)" in done.stdout
    assert done.stderr == ""


def test_one_is_told_way_by_way(run: Run) -> None:
    done = run("recipes", "warp", "--url", "http://localhost:3001/mcp")
    assert "gateway (documented, not tried)" in done.stdout
    assert "mcp-auth-inspector gateway http://localhost:3001/mcp" in done.stdout
    assert "in ~/.warp/.mcp.json" in done.stdout
    assert "--takeover" in done.stdout
    assert "--takeover" not in run("recipes", "warp", "--mode", "gateway").stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


def test_what_is_wrong_is_one_sentence(run: Run) -> None:
    for arguments, says in (
        (("recipes", "emacs"), "There is no recipe for 'emacs'"),
        (("recipes", "warp", "--mode", "run"), "Warp does not work with run; take gateway"),
        (("env", "--client", "warp"), "Warp does not work with env; take gateway"),
        (("run", "--client", "mcp-remote"), "mcp-remote is started with a URL; give it as --server URL"),
        (("recipes", "warp", "--url", "localhost"), "'localhost' is not a URL"),
        (("run",), "No command was given; put it after --"),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr


def test_run_adds_what_the_client_needs(run: Run) -> None:
    program = "import sys; print(sys.argv[1:])"
    done = run("run", "--client", "mcp-remote", "--", sys.executable, "-c", program, "http://localhost:1/mcp")
    assert done.stdout == "['http://localhost:1/mcp', '--enable-proxy']\n"


def test_addresses_are_those_of_the_capture_that_runs(run: Run) -> None:
    try:
        env = run("env", "--client", "claude-desktop", "--server", "http://localhost:1/mcp")
        block = json.loads(env.stdout)
        assert (
            "the configuration is ~/Library/Application Support/Claude/claude_desktop_config.json (macOS)" in env.stderr
        )
        told = run("recipes", "claude-desktop", "--mode", "env", "--url", "http://localhost:1/mcp").stdout
        assert json.loads(told[told.index("{") :]) == block
        shell = run("env", "--client", "codex")
        assert f"export HTTPS_PROXY={block['mcpServers']['inspected']['env']['HTTPS_PROXY']}" in shell.stdout
        assert "NODE_EXTRA_CA_CERTS" not in shell.stdout
    finally:
        run("env", "--stop")
