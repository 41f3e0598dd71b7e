"""What of the machine and the user's environment matters to a capture: ports, proxy variables, terminal, mitmproxy."""

import locale
import os
import platform
import shutil
import socket
from collections.abc import Iterator, Mapping
from importlib import metadata

from inspector.doctor.check import Check, Health

_PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_LOCAL_CAPTURE_SINCE = (6, 8)
"""The first Linux on which mitmproxy can capture a process (its documentation of local mode)."""


def machine_checks(environment: Mapping[str, str]) -> Iterator[Check]:
    """Everything but the certificates."""
    yield _mitmproxy()
    yield _loopback()
    yield _proxies(environment)
    yield _local_capture()
    yield _clipboard(environment)
    yield _terminal(environment)


def _mitmproxy() -> Check:
    try:
        version = metadata.version("mitmproxy")
    except metadata.PackageNotFoundError:
        return Check(
            "mitmproxy", Health.BAD, "not installed", "Install mcp-auth-inspector anew, with its dependencies."
        )
    if not version.startswith("12.2."):
        return Check(
            "mitmproxy", Health.BAD, f"{version}, which was never tried", "Install mitmproxy>=12.2.3,<12.3 beside it."
        )
    return Check("mitmproxy", Health.GOOD, version)


def _loopback() -> Check:
    """Whether a server can listen on loopback and be reached under both of its names."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname(), timeout=2):
                pass
            names = {each[4][0] for each in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    except OSError as error:
        return Check(
            "ports on loopback", Health.BAD, f"cannot be used ({error.strerror})", "Allow this program to listen there."
        )
    if "127.0.0.1" not in names:
        return Check(
            "ports on loopback",
            Health.NOTE,
            f"localhost is {', '.join(sorted(map(str, names)))} and not 127.0.0.1",
            "Give clients the address that the server listens on: under the other it is not reached.",
        )
    return Check("ports on loopback", Health.GOOD, "can be listened on and reached")


def _proxies(environment: Mapping[str, str]) -> Check:
    set_here = [name for name in _PROXY_VARIABLES if environment.get(name)]
    bypass = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    around = [name for name in ("localhost", "127.0.0.1", "*") if name in bypass.replace(" ", "").split(",")]
    if around:
        return Check(
            "proxy variables",
            Health.NOTE,
            f"NO_PROXY sends {', '.join(around)} around any proxy",
            "`run` and `env` empty it for the client; a client started elsewhere needs NO_PROXY= as well.",
        )
    if set_here:
        return Check(
            "proxy variables",
            Health.NOTE,
            f"{', '.join(set_here)} already set in this shell",
            "`run` replaces them for the client; if they are the only way out, give theirs to `--upstream-proxy`.",
        )
    return Check("proxy variables", Health.GOOD, "none set in this shell")


def _local_capture() -> Check:
    """Whether mitmproxy could capture a process without any setting of the client; never begun by us unasked."""
    name = "capture of a process"
    system = platform.system()
    if system in ("Darwin", "Windows"):
        asks = "a system extension has to be allowed once" if system == "Darwin" else "it asks for administrator rights"
        return Check(name, Health.NOTE, f"possible with mitmproxy's local mode; {asks}")
    release = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())
    if release < _LOCAL_CAPTURE_SINCE:
        return Check(name, Health.ABSENT, f"needs Linux 6.8, this is {platform.release()}")
    if shutil.which("sudo") is None:
        return Check(name, Health.ABSENT, "mitmproxy's local mode needs the command sudo")
    if not os.path.isfile("/sys/fs/cgroup/cgroup.controllers"):
        return Check(name, Health.ABSENT, "mitmproxy's local mode needs cgroup v2 at /sys/fs/cgroup")
    return Check(name, Health.NOTE, "possible with mitmproxy's local mode, which asks for sudo")


def _clipboard(environment: Mapping[str, str]) -> Check:
    tools = [tool for tool in ("pbcopy", "wl-copy", "xclip", "xsel", "clip.exe") if shutil.which(tool)]
    reachable = (
        "pbcopy" in tools or "clip.exe" in tools or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    )
    if tools and reachable:
        return Check("clipboard", Health.GOOD, f"through {tools[0]}, and through the terminal (OSC 52)")
    return Check(
        "clipboard",
        Health.NOTE,
        "through the terminal alone (OSC 52)",
        "If copying does nothing, allow clipboard access in the terminal; in tmux: set -g set-clipboard on.",
    )


def _terminal(environment: Mapping[str, str]) -> Check:
    encoding = locale.getpreferredencoding(False)
    term = environment.get("TERM", "")
    if encoding.upper().replace("-", "") != "UTF8":
        return Check(
            "terminal", Health.NOTE, f"its encoding is {encoding}", "Set LANG to a UTF-8 locale, or start with --ascii."
        )
    if term in ("", "dumb"):
        return Check(
            "terminal", Health.NOTE, "cannot show the screens (TERM is not set)", "`check` prints the same as text."
        )
    colours = "without colours (NO_COLOR)" if environment.get("NO_COLOR") else "with colours"
    size = shutil.get_terminal_size()
    small = Health.NOTE if size.columns < 80 or size.lines < 24 else Health.GOOD
    cure = "" if small is Health.GOOD else "The screens want 80x24; below that they show the timeline alone."
    return Check("terminal", small, f"{term}, {size.columns}x{size.lines}, {colours}", cure)
