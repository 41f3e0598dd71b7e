import json

from typer.testing import CliRunner

from inspector.cli.main import app


def test_each_check_is_a_line_and_json_says_the_same() -> None:
    text = CliRunner().invoke(app, ["doctor"])
    assert " ok mitmproxy" in text.stdout
    checks = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert all(check["name"] in text.stdout for check in checks)
    assert text.exit_code == int(any(check["health"] == "bad" for check in checks))
