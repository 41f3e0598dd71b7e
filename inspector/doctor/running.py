"""Tests a capture that is running: sends a request through it with every runtime, as a client in that runtime would."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from inspector.capture.ca_bundle import write_ca_bundle
from inspector.capture.control import ControlLink
from inspector.capture.environment import client_environment
from inspector.capture.proxy import RunningProxy
from inspector.doctor.check import Check, Health
from inspector.doctor.trust import Answer, Runtime, runs, runtimes

_NODE = "require('http').get(process.argv[1], a => process.exit(0)).on('error', e => process.exit(1))"
_HTTP_ARGUMENTS = {"Node": ("-e", _NODE)}


def proxy_checks(proxy: RunningProxy, environment: Mapping[str, str]) -> Iterator[Check]:
    """Whether the proxy answers, and whether requests of each runtime to a server on loopback come through it.

    The requests go to a server of our own, and look nothing like MCP, so none is recorded; the proxy counts them.
    """
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=2):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield Check("proxy", Health.BAD, f"does not answer at {proxy.url} ({reason})", "Start the capture again.")
        return
    yield Check("proxy", Health.GOOD, f"answers at {proxy.url}")
    bundle = write_ca_bundle(proxy.ca_certificate, environment)
    for runtime in runtimes():
        yield _check(runtime, proxy, bundle, environment)


def _check(runtime: Runtime, proxy: RunningProxy, bundle: Path, environment: Mapping[str, str]) -> Check:
    name = f"{runtime.name} goes through it"
    program = runtime.path
    if program is None:
        return Check(name, Health.ABSENT, "not on this machine")
    arguments = _HTTP_ARGUMENTS.get(runtime.name, runtime.arguments)
    before = _requests(proxy)
    with _server() as url:
        arrived = runs([program, *arguments, url], client_environment(proxy.url, bundle, environment))
    if not arrived:
        return Check(name, Health.BAD, "no answer came back", "Look into the proxy's log beside the sessions.")
    if _requests(proxy) == before:
        return Check(
            name,
            Health.NOTE,
            "no: it reaches servers on localhost around the proxy",
            "Use `gateway` for a client in this runtime: it needs no proxy.",
        )
    return Check(name, Health.GOOD, "also to servers on localhost")


def _requests(proxy: RunningProxy) -> int:
    """How many requests have reached the proxy so far."""
    with ControlLink(proxy.control_port, proxy.token) as link:
        count = link.ask({"do": "facts"})["facts"]["requests"]
    return int(count)


@contextmanager
def _server() -> Iterator[str]:
    """A server on loopback that answers every GET; gives its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
