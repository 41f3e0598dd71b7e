"""Joins the certificates a client trusts already with the inspector's own into the one file that clients are given."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from inspector.capture.environment import CA_VARIABLES
from inspector.errors import CaptureError

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def write_ca_bundle(ca_certificate: Path, base_env: Mapping[str, str]) -> Path:
    """Write bundle.pem beside `ca_certificate` and return its path; an up-to-date file is left alone.

    It holds the files that `base_env` names as trusted, the system's roots, and `ca_certificate`.
    Raises CaptureError when `ca_certificate` cannot be read or the bundle not be written.
    """
    bundle = ca_certificate.with_name("bundle.pem")
    try:
        parts = [*_trusted(base_env, bundle), ca_certificate.read_bytes()]
        content = b"\n".join(dict.fromkeys(part.strip() for part in parts)) + b"\n"
        if not bundle.exists() or bundle.read_bytes() != content:
            # A client that is starting must see the old file or the new one, whole.
            unfinished = bundle.with_name(f"bundle.{os.getpid()}.new")
            unfinished.write_bytes(content)
            unfinished.replace(bundle)
    except OSError as error:
        raise CaptureError(
            f"The certificates for the client cannot be written to {bundle} ({error.strerror}); make room or allow it."
        ) from None
    return bundle


def _trusted(base_env: Mapping[str, str], bundle: Path) -> Iterator[bytes]:
    for name in CA_VARIABLES:
        named = Path(base_env[name]) if base_env.get(name) else None
        # In a shell that was set up by `env` they name our own bundle; a stale name must not break the client.
        if named is not None and named != bundle and named.is_file():
            yield from _certificates(named)
    yield from _system_roots()


def _system_roots() -> Iterator[bytes]:
    for candidate in (ssl.get_default_verify_paths().openssl_cafile, *_SYSTEM_BUNDLES):
        roots = list(_certificates(Path(candidate)))
        if roots:
            yield from roots
            return
    import certifi

    yield from _certificates(Path(certifi.where()))


def _certificates(path: Path) -> Iterator[bytes]:
    """The content of a PEM file; nothing when it is none or may not be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return
    if b"-----BEGIN CERTIFICATE-----" in content:
        yield content
