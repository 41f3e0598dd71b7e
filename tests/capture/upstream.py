"""Real HTTP servers on loopback for tests of the proxy, and certificates to put before them."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ports: set[int] = set()

type Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Upstream:
    """A server with one answer per path; every connection carries one exchange."""

    origin: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def at(self, path: str) -> str:
        return self.origin + path

    def answer(self, path: str, body: bytes = b"", *, status: str = "200 OK", **headers: str) -> None:
        """Answer with a body of known length; header names are given with _ for -."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *lines])

        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(head.encode() + b"\r\nconnection: close\r\n\r\n" + body)

        self.answers[path] = send

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            answer = self.answers.get(asked.target.partition("?")[0])
            if answer is None:
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            else:
                await answer(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def upstream(certificate: Path | None = None) -> AsyncIterator[Upstream]:
    """A running server on a free port; `certificate` is a PEM file with key, for https."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    listening = _fresh_port()
    running = Upstream(f"{'https' if context else 'http'}://127.0.0.1:{listening.getsockname()[1]}")
    server = await asyncio.start_server(running.talk, sock=listening, ssl=context)
    async with server:
        yield running
        server.close_clients()


def _fresh_port() -> socket.socket:
    """A free port that no test had before: a proxy that several tests share remembers origins."""
    while True:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        if port not in _ports:
            _ports.add(port)
            return listening
        listening.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body)


@dataclass(frozen=True)
class Certificates:
    """A certificate authority of our own, and a server certificate it signed, with its key."""

    ca: Path
    server: Path


def make_certificates(folder: Path, *names: str) -> Certificates:
    """Write both as PEM files; the server is 127.0.0.1, and has these names too."""
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *(x509.DNSName(name) for name in names)]
    )

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        own, issuer = x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier
        identifiers = own.from_public_key(key.public_key()), issuer.from_issuer_public_key(ca_key.public_key())
        for extension in (*identifiers, *extensions):
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    # Python 3.13 verifies by the letter of RFC 5280: a CA says that it is one and what its key is for.
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    signs = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    files = Certificates(folder / "ca.pem", folder / "server.pem")
    files.ca.write_bytes(certificate(ca_name, ca_key, is_ca, signs))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.server.write_bytes(key + certificate(server_name, server_key, address))
    return files
