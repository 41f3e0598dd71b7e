import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.capture.proxy import ProxySettings, start_proxy
from inspector.doctor import running, trust
from inspector.doctor.check import Health
from inspector.doctor.running import proxy_checks
from inspector.doctor.trust import Runtime
from inspector.session.reader import Session

PYTHON = Runtime("Python", sys.executable, ("-c", trust._PYTHON))
AROUND = "import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=10)"


def test_a_running_proxy_is_tested_by_what_really_goes_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "runtimes", lambda: (PYTHON, Runtime("Stubborn", sys.executable, ("-c", AROUND))))
    proxy = start_proxy(ProxySettings(session=tmp_path / "s.mcpauth"))
    try:
        found = {check.name: check for check in proxy_checks(proxy, os.environ)}
        assert found["proxy"].health is Health.GOOD
        assert found["Python goes through it"].health is Health.GOOD
        assert found["Stubborn goes through it"].health is Health.NOTE
        assert "gateway" in found["Stubborn goes through it"].cure
    finally:
        proxy.stop()
    with Session.open(proxy.session) as session:
        assert list(session.exchanges()) == [], "the test itself is not part of the recording"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (gone,) = proxy_checks(replace(proxy, port=port), os.environ)
    assert gone.health is Health.BAD
