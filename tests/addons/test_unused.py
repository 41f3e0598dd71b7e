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
