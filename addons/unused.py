"""Takes out of a proxy of our own what mitmproxy brings along and a capture never uses.

mitmproxy asks each of its addons at every event; asking those that have nothing to do costs more than recording does.
"""

from mitmproxy.addonmanager import AddonManager

_NAMES = (
    "anticache",
    "anticomp",
    "blocklist",
    "browser",
    "commandhistory",
    "comment",
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
)


def drop_unused(addons: AddonManager) -> None:
    """Remove those that are there; their options stay, without effect."""
    for name in _NAMES:
        addon = addons.get(name)
        if addon is not None:
            addons.remove(addon)
