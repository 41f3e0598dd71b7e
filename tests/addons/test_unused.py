import warnings

from addons.unused import _NAMES, drop_unused

NEEDED = ("block", "disableh2c", "errorcheck", "nextlayer", "proxyserver", "scriptloader", "tlsconfig")


async def test_only_what_a_capture_never_uses_is_dropped() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mitmproxy and ldap3 call names that are about to go
        from mitmproxy.options import Options
        from mitmproxy.tools.dump import DumpMaster
    addons = DumpMaster(Options(), with_termlog=False).addons
    assert [name for name in _NAMES if addons.get(name) is None] == []  # mitmproxy still has each of them
    drop_unused(addons)
    assert [name for name in _NAMES if addons.get(name) is not None] == []
    assert [name for name in NEEDED if addons.get(name) is None] == []


async def test_updates_reach_nobody_and_other_events_everybody() -> None:
    heard: list[str] = []

    class Listener:
        def update(self, _flows: object) -> None:
            heard.append("update")

        def request(self, _flow: object) -> None:
            heard.append("request")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mitmproxy.options import Options
        from mitmproxy.proxy.layers.http._hooks import HttpRequestHook
        from mitmproxy.test import tflow
        from mitmproxy.tools.dump import DumpMaster

        addons = DumpMaster(Options(), with_termlog=False).addons
        addons.add(Listener())
        drop_unused(addons)
        await addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))
    assert heard == ["request"]
