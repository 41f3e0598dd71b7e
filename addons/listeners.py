"""Adds reverse listeners to the proxy while it runs."""

from typing import TYPE_CHECKING

from mitmproxy import ctx
from mitmproxy.proxy.mode_specs import ProxyMode

if TYPE_CHECKING:
    from mitmproxy.addons.proxyserver import Proxyserver


async def open_listener(mode: str) -> bool:
    """Let the proxy listen in one more mode and wait until it does; False when the address cannot be had."""
    await _listen([*ctx.options.mode, mode])
    proxyserver: Proxyserver = ctx.master.addons.get("proxyserver")
    listens: bool = proxyserver.servers[mode].is_running
    if not listens:
        await _listen([each for each in ctx.options.mode if each != mode])
    return listens


async def _listen(modes: list[str]) -> None:
    ctx.options.update(mode=modes)  # starts the work in a task nobody can wait for
    proxyserver: Proxyserver = ctx.master.addons.get("proxyserver")
    await proxyserver.servers.update([ProxyMode.parse(mode) for mode in modes])
