import atexit
import logging
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mitmproxy.exceptions import OptionsError

from addons.give_up import give_up
from addons.inspector_addon import FORBIDDEN_OPTIONS, InspectorAddon
from inspector.session.location import HOME_VARIABLE
from inspector.session.model import Exchange
from inspector.session.reader import Session
from inspector.session.writer import SessionWriter

if TYPE_CHECKING:
    from mitmproxy.test.taddons import context as Context  # noqa: N812  a class in all but name


@pytest.fixture
async def mitmproxy() -> AsyncIterator["Context"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mitmproxy calls names that pyparsing is about to drop
        from mitmproxy.test import taddons
    with taddons.context() as context:
        yield context


@pytest.fixture
def addon(mitmproxy: "Context") -> Iterator[InspectorAddon]:
    addon = InspectorAddon()
    mitmproxy.master.addons.add(addon)
    yield addon
    addon.done()
    atexit.unregister(give_up)  # nobody runs this mitmproxy


@pytest.mark.usefixtures("addon")
@pytest.mark.parametrize("name", FORBIDDEN_OPTIONS)
async def test_an_option_that_signs_with_a_published_key_is_refused(
    mitmproxy: "Context", tmp_path: Path, name: str
) -> None:
    mitmproxy.options.add_option(name, bool, False, "")
    mitmproxy.options.update(inspector_session=str(tmp_path / "s.mcpauth"))
    with pytest.raises(OptionsError, match=f"inspector: The option {name} signs with a published private key"):
        mitmproxy.options.update(**{name: True})


async def test_without_a_name_a_new_session_is_made(
    mitmproxy: "Context",
    addon: InspectorAddon,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    with caplog.at_level(logging.INFO):
        mitmproxy.options.update(inspector_session="")
    assert addon.writer is not None
    assert addon.writer.path.parent == tmp_path / "sessions"
    assert f"inspector: Recording into {addon.writer.path}" in caplog.messages


@pytest.mark.usefixtures("addon")
async def test_targets_must_be_web_addresses(mitmproxy: "Context") -> None:
    with pytest.raises(OptionsError, match="inspector: 'localhost' is not a URL"):
        mitmproxy.options.update(inspector_targets=["http://localhost:3001/mcp", "localhost"])


async def test_a_session_is_continued(mitmproxy: "Context", addon: InspectorAddon, tmp_path: Path) -> None:
    path = tmp_path / "s.mcpauth"
    with SessionWriter.create(path, meta={}) as writer:
        writer.record(Exchange(0, "GET", "http://localhost/first"))
    mitmproxy.options.update(inspector_session=str(path))
    assert addon.writer is not None
    addon.writer.record(Exchange(0, "GET", "http://localhost/second"))
    with Session.open(path) as session:
        assert [each.url for each in session.exchanges()] == ["http://localhost/first", "http://localhost/second"]


@pytest.mark.usefixtures("addon")
async def test_a_file_that_is_no_session_is_left_alone(mitmproxy: "Context", tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all")
    with pytest.raises(OptionsError, match="inspector: "):
        mitmproxy.options.update(inspector_session=str(path))
    assert path.read_text() == "Dear all"
