"""Asks every runtime on this machine whether it trusts the inspector's certificates: by a real TLS connection."""

import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from inspector.capture.ca_bundle import write_ca_bundle
from inspector.capture.environment import CA_VARIABLES
from inspector.doctor.check import Check, Health

_PATIENCE = 20.0
_NODE = "require('https').get(process.argv[1], a => process.exit(0)).on('error', e => process.exit(1))"
_PYTHON = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program that makes https requests, and its command but for the URL."""

    name: str
    program: str
    arguments: tuple[str, ...]

    @property
    def path(self) -> str | None:
        """Where it is, None when it is not on this machine."""
        return shutil.which(self.program)


def runtimes() -> tuple[Runtime, ...]:
    """Those that clients are written in; whether they are here is asked later."""
    return (
        Runtime("curl", "curl", ("-sS", "--max-time", "10", "-o", "/dev/null")),
        Runtime("Node", "node", ("-e", _NODE)),
        Runtime("Python", sys.executable, ("-c", _PYTHON)),
    )


def trust_checks(ca_folder: Path, environment: Mapping[str, str]) -> Iterator[Check]:
    """Whether each runtime trusts our CA, with the variables of `run` and without them.

    `ca_folder` holds the CA's key and certificate as the proxy made them; before the first capture there are none.
    """
    authority = ca_folder / "mitmproxy-ca.pem"
    if not authority.is_file():
        yield Check(
            "certificate authority",
            Health.NOTE,
            "not made yet",
            "It is made when the first capture begins: run `demo`.",
        )
        return
    try:
        with _served(authority) as url:
            bundle = write_ca_bundle(ca_folder / "mitmproxy-ca-cert.pem", environment)
            yield Check("certificate authority", Health.GOOD, f"in {ca_folder}")
            for runtime in runtimes():
                yield _check(runtime, url, bundle, environment)
    except (OSError, ValueError) as error:
        yield Check(
            "certificate authority",
            Health.BAD,
            f"cannot be used ({type(error).__name__})",
            f"Move {ca_folder} away; the next capture makes new ones.",
        )


def _check(runtime: Runtime, url: str, bundle: Path, environment: Mapping[str, str]) -> Check:
    program = runtime.path
    if program is None:
        return Check(f"{runtime.name} trusts it", Health.ABSENT, "not on this machine")
    bare = {name: value for name, value in environment.items() if not _leads_away(name)}
    with_ours = bare | dict.fromkeys(CA_VARIABLES, str(bundle))
    command = [program, *runtime.arguments, url]
    if not runs(command, with_ours):
        return Check(
            f"{runtime.name} trusts it",
            Health.BAD,
            "not even with the variables that `run` sets",
            f"For https, give a client in {runtime.name} these trusted certificates by its own setting: {bundle}",
        )
    always = " and without them, so it is in the system's store" if runs(command, bare) else ""
    return Check(f"{runtime.name} trusts it", Health.GOOD, f"with the variables that `run` sets{always}")


def _leads_away(name: str) -> bool:
    """Whether a variable would change the route or the trust of the test."""
    return name in CA_VARIABLES or name.lower().endswith("_proxy")


def runs(command: list[str], environment: Mapping[str, str]) -> bool:
    """Whether a command ends well in this environment, within its time."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, and the URL of our own server
            command, env=dict(environment), capture_output=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with nothing."""

    def do_GET(self) -> None:
        """204 No Content."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Nothing: standard error belongs to the user."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate is what is being asked, not an error."""


@contextmanager
def _served(authority: Path) -> Iterator[str]:
    """A server on loopback with a certificate of our CA, as the proxy would show one; gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        leaf = Path(folder) / "leaf.pem"
        leaf.write_bytes(_leaf(authority.read_bytes()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf)
        with _Server(("127.0.0.1", 0), Answer) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield f"https://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()


def _leaf(authority: bytes) -> bytes:
    """Key and certificate for 127.0.0.1 in PEM, signed by the CA whose key and certificate are given."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    issuer = x509.load_pem_x509_certificate(authority)
    issuer_key = serialization.load_pem_private_key(authority, password=None)
    if not isinstance(issuer_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("the key of the CA is of another kind than mitmproxy makes")
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mcp-auth-inspector doctor")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
