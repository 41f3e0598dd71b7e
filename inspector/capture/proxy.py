"""Starts the capturing proxy as a process of its own, and finds those that run already.

The proxy outlives its user interface: whoever starts later finds it by the note it left.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from inspector.capture.ca_bundle import write_upstream_bundle
from inspector.capture.control import ControlLink, ProxyIsGone
from inspector.capture.upstream_proxy import UpstreamProxy, parse_upstream_proxy
from inspector.errors import CaptureError
from inspector.session.files import make_private_folders
from inspector.session.location import state_directory

ADDON = Path(__file__).resolve().parents[2] / "addons" / "entry.py"
"""The script for mitmproxy's option -s."""

_MITMDUMP = "from mitmproxy.tools.main import mitmdump; mitmdump()"
_START_TIMEOUT = 30.0
"""Seconds a proxy may take to start; 1.3 are usual, and a machine under load takes several times that."""
_STOP_TIMEOUT = 10.0
_LOG_LIMIT = 1024 * 1024
"""Bytes of log from earlier proxies that are kept."""

_LAST_WORDS = "Error logged during startup"
"""How mitmproxy ends a log, after it has said what the error was."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Proxies started by this process, to be waited for when they end."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What a proxy is to do.

    `port` 0 takes any free one. `targets` are URLs of MCP servers; without one the proxy learns it from the first
    plain HTTP request. With `exit_with` the proxy ends when that process has ended, otherwise when it is stopped.
    With `authorize_fallback` the authorize recorder leaves clients alone that do not accept its address.
    `upstream_ca` is a PEM file with CAs that servers may be signed by besides the public ones.
    `gateway` is the URL of a server to stand before, at `gateway_port` (0: where it was last time), or, when the
    server has moved to the origin `takeover`, at the server's own address. With `relay_callback` clients that register
    through the gateway get their authorization response through it. `patches` are wire patches, as users write them.
    `upstream_proxy` is the URL of a proxy, with user and password where it wants them, that other machines are reached
    through. `resolve` holds HOST:PORT:ADDRESS entries for names that no name server knows.
    """

    session: Path
    port: int = 0
    targets: tuple[str, ...] = ()
    record_all: bool = False
    authorize_recorder: bool = True
    authorize_fallback: bool = True
    exit_with: int | None = None
    upstream_ca: Path | None = None
    gateway: str = ""
    gateway_port: int = 0
    takeover: str = ""
    relay_callback: bool = False
    patches: tuple[str, ...] = ()
    upstream_proxy: str = field(default="", repr=False)
    resolve: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningProxy:
    """A proxy that was running when this was made.

    `gateway` is what a client is given as the URL of the server behind it; empty where it stands before none.
    `attached` is a mitmproxy that its user has started with our addon.
    """

    pid: int
    port: int
    session: Path
    ca_certificate: Path
    started: float
    control_port: int
    token: str = field(repr=False)
    gateway: str = ""
    attached: bool = False

    @property
    def url(self) -> str:
        """What a client is given as its proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        _reap(self.pid)
        try:
            with ControlLink(self.control_port, self.token) as link:
                return bool(link.ask({"do": "ping"})["pid"] == self.pid)
        except CaptureError:
            return False

    def add_target(self, url: str) -> None:
        """Take a further server into the inspected conversation. Raises CaptureError when that is not possible."""
        with ControlLink(self.control_port, self.token) as link:
            link.ask({"do": "scope", "add": url})

    def wait(self) -> None:
        """Return when it has ended, whoever ended it."""
        with suppress(ProxyIsGone), ControlLink(self.control_port, self.token, timeout=None) as link:
            link.wait_for_end()

    def stop(self) -> None:
        """End it and wait until its port is free. Raises CaptureError when it does not end."""
        with suppress(ProxyIsGone), ControlLink(self.control_port, self.token, _STOP_TIMEOUT) as link:
            link.ask({"do": "stop"})
            link.wait_for_end()
        child = _children.pop(self.pid, None)
        if child is not None:
            try:
                child.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            return
        deadline = time.monotonic() + _STOP_TIMEOUT
        while _is_taken(self.port):
            if time.monotonic() > deadline:
                raise CaptureError(f"The proxy on port {self.port} was asked to stop and is still there; try again.")
            time.sleep(0.01)


def start_proxy(settings: ProxySettings) -> RunningProxy:
    """Start a proxy and wait until it accepts connections.

    Raises CaptureError when it does not: the port is taken, the session cannot be written, a target is no URL.
    """
    if settings.port and _is_taken(settings.port):
        raise _port_is_taken(settings.port)
    home = state_directory()
    notes, certificates = _private_folder(home / "running"), _private_folder(home / "certificates")
    note = notes / f"{secrets.token_hex(8)}.json"
    upstream_proxy = parse_upstream_proxy(settings.upstream_proxy) if settings.upstream_proxy else None
    command = _command(settings, note, certificates, upstream_proxy)
    log = home / "proxy.log"
    with open(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as output:
        if output.tell() > _LOG_LIMIT:
            output.truncate(0)
        log_begins = output.tell()
        process = subprocess.Popen(  # noqa: S603  our own interpreter, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env={**os.environ, **(upstream_proxy.environment if upstream_proxy else {})},
            start_new_session=True,
        )
    try:
        _wait_for(note, process)
        proxy = _read(note)
    except BaseException as error:
        process.kill()
        process.wait()
        note.unlink(missing_ok=True)
        if isinstance(error, OSError | ValueError | KeyError):  # a timeout and an early end are OSErrors
            raise _explained(settings, log, log_begins) from None
        raise
    _children[proxy.pid] = process
    return proxy


def find_running() -> list[RunningProxy]:
    """Every proxy of this user that runs and answers, oldest first; the notes of dead ones are cleared away."""
    found = []
    for note in (state_directory() / "running").glob("*.json"):
        try:
            proxy = _read(note)
            # A process id may belong to somebody else by now; the token cannot.
            with ControlLink(proxy.control_port, proxy.token) as link:
                link.ask({"do": "ping"})
            found.append(proxy)
        except (ProxyIsGone, ValueError, KeyError, TypeError):
            note.unlink(missing_ok=True)
        except (CaptureError, OSError):
            continue  # too busy to answer, or ended this moment
    return sorted(found, key=lambda proxy: proxy.started)


def _command(
    settings: ProxySettings, note: Path, certificates: Path, upstream_proxy: UpstreamProxy | None
) -> list[str]:
    options: dict[str, object] = {
        "confdir": certificates,
        "listen_host": "127.0.0.1",
        "listen_port": settings.port,
        "connection_strategy": "lazy",  # the request is seen even when its server is not there
        "tcp_timeout": 24 * 60 * 60,  # event streams may be silent for long
        "stream_large_bodies": "8m",  # a net under bodies of unknown length that are held
        "onboarding": "false",
        "flow_detail": 0,
        "termlog_verbosity": "error",  # anything below quotes URLs, and URLs carry codes
        "inspector_session": settings.session.absolute(),
        "inspector_record_file": note,
        "inspector_record_all": str(settings.record_all).lower(),
        "inspector_authorize": str(settings.authorize_recorder).lower(),
        "inspector_authorize_fallback": str(settings.authorize_fallback).lower(),
        "inspector_exit_with": settings.exit_with or 0,
        "inspector_gateway": settings.gateway,
        "inspector_gateway_port": settings.gateway_port,
        "inspector_takeover": settings.takeover,
        "inspector_relay_callback": str(settings.relay_callback).lower(),
    }
    if upstream_proxy is not None:
        options |= {"mode": f"upstream:{upstream_proxy.server}", "inspector_upstream_proxy": upstream_proxy.server}
    if settings.upstream_ca is not None:
        options["ssl_verify_upstream_trusted_ca"] = write_upstream_bundle(certificates, settings.upstream_ca)
    pairs = [
        *options.items(),
        *(("inspector_targets", target) for target in settings.targets),
        *(("inspector_patches", patch) for patch in settings.patches),
        *(("inspector_resolve", entry) for entry in settings.resolve),
    ]
    arguments = [argument for name, value in pairs for argument in ("--set", f"{name}={value}")]
    # -P: the folder the user stands in must not lend modules to the proxy.
    return [sys.executable, "-P", "-c", _MITMDUMP, "-s", str(ADDON), *arguments]


def _wait_for(note: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while not note.exists():
        if time.monotonic() > deadline:
            raise TimeoutError
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise ChildProcessError


def _read(note: Path) -> RunningProxy:
    facts = json.loads(note.read_bytes())
    return RunningProxy(
        pid=int(facts["pid"]),
        port=int(facts["proxy_port"]),
        session=Path(facts["session"]),
        ca_certificate=Path(facts["ca_certificate"]),
        started=float(facts["started"]),
        control_port=int(facts["control_port"]),
        token=str(facts["token"]),
        gateway=str(facts.get("gateway", "")),
        attached=bool(facts.get("attached")),
    )


def _explained(settings: ProxySettings, log: Path, begins: int) -> CaptureError:
    lines = log.read_bytes()[begins:].decode("utf-8", "replace").splitlines()
    ours = [line.partition("inspector: ")[2] for line in lines if "inspector: " in line]
    if ours:
        return CaptureError(f"The proxy did not start. {ours[-1]}")
    if any("address already in use" in line.lower() for line in lines):
        return _port_is_taken(settings.port)
    said = [line.strip() for line in lines if line.strip() and not line.startswith(_LAST_WORDS)]
    reason = f"its last words were: {said[-1]}" if said else "it said nothing"
    return CaptureError(f"The proxy did not start, {reason}; all it wrote is in {log}.")


def _port_is_taken(port: int) -> CaptureError:
    return CaptureError(
        f"Port {port} on 127.0.0.1 is in use by another program; end that, or take another port (0 takes any free one)."
    )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _private_folder(folder: Path) -> Path:
    make_private_folders(folder)
    folder.chmod(0o700)
    return folder


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
