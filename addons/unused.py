"""Takes out of a proxy of our own what mitmproxy brings along and a capture never uses.

mitmproxy asks each of its addons at every event; asking those that have nothing to do costs more than recording does.
"""

from collections.abc import Sequence

from mitmproxy.addonmanager import AddonManager
from mitmproxy.exceptions import AddonHalt
from mitmproxy.flow import Flow

_NAMES = (
    "anticache",
    "anticomp",
    "blocklist",
    "browser",
    "commandhistory",
    "comment",
    "core",
    "cut",
    "dnsresolver",
    "dumper",
    "export",
    "keepserving",
    "maplocal",
    "mapremote",
    "modifybody",
    "modifyheaders",
    "onboarding",
    "proxyauth",
    "readfilestdin",
    "save",
    "savehar",
    "serverplayback",
    "stickyauth",
    "stickycookie",
    "stripdnshttpsrecords",
    "updatealtsvc",  # it would point a header of upstream's at the proxy
    "upstreamauth",
)


class NoUpdates:
    """Ends the event that follows every other one to repaint mitmproxy's own screens; first in the chain."""

    def update(self, _flows: Sequence[Flow]) -> None:
        """Ask nobody else."""
        raise AddonHalt


def drop_unused(addons: AddonManager) -> None:
    """Remove those that are there; their options stay, without effect. Nobody hears of updates any more."""
    for name in _NAMES:
        addon = addons.get(name)
        if addon is not None:
            addons.remove(addon)
    addons.add(NoUpdates())
    addons.chain.insert(0, addons.chain.pop())
