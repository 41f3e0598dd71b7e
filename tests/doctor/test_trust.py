import os
import sys
from pathlib import Path

import pytest

from inspector.doctor import trust
from inspector.doctor.check import Health
from inspector.doctor.trust import Runtime, trust_checks

PYTHON = Runtime("Python", sys.executable, ("-c", trust._PYTHON))


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with a CA as mitmproxy makes it."""
    from tests.doctor.authority import make_authority

    make_authority(tmp_path)
    return tmp_path


def test_before_the_first_capture_there_is_nothing_to_trust(tmp_path: Path) -> None:
    (only,) = trust_checks(tmp_path, {})
    assert only.health is Health.NOTE
    assert "demo" in only.cure


def test_a_runtime_trusts_the_authority_with_the_variables_of_run(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "runtimes", lambda: (PYTHON, Runtime("Nothing", "no-such-program", ())))
    found = {each.name: each for each in trust_checks(authority, os.environ)}
    assert found["Python trusts it"].health is Health.GOOD
    assert "without" not in found["Python trusts it"].says
    assert found["Nothing trusts it"].health is Health.ABSENT


def test_a_runtime_that_reads_none_of_the_variables_is_bad_and_told_where_the_certificates_are(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = "import os; [os.environ.pop(n, None) for n in ('SSL_CERT_FILE',)];" + trust._PYTHON
    monkeypatch.setattr(trust, "runtimes", lambda: (Runtime("Deaf", sys.executable, ("-c", deaf)),))
    bad = list(trust_checks(authority, os.environ))[-1]
    assert bad.health is Health.BAD
    assert str(authority / "bundle.pem") in bad.cure


def test_an_authority_that_is_broken_is_said(tmp_path: Path) -> None:
    (tmp_path / "mitmproxy-ca.pem").write_text("no certificate")
    (only,) = trust_checks(tmp_path, {})
    assert only.health is Health.BAD
    assert only.cure
