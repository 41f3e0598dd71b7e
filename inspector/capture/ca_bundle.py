"""Joins trusted certificates into one file: for clients with the inspector's own, for the proxy with the user's."""

import hashlib
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
    """Write bundle.pem, for clients, beside the proxy's `ca_certificate` and return its path.

    It holds the files that `base_env` names as trusted, the system's roots, and `ca_certificate`; an up-to-date file
    is left alone. Raises CaptureError when `ca_certificate` cannot be read or the bundle not be written.
    """
    bundle = ca_certificate.with_name("bundle.pem")
    return _write(bundle, [*_named(base_env, bundle), *_system_roots(), *_required(ca_certificate)])


def write_upstream_bundle(folder: Path, upstream_ca: Path) -> Path:
    """Write what the proxy is to trust, the system's roots and `upstream_ca`, to a file in `folder`.

    The file is named by its content: proxies with different ones may run side by side.
    Raises CaptureError when `upstream_ca` holds no certificate or the bundle cannot be written.
    """
    parts = [*_system_roots(), *_required(upstream_ca)]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    return _write(folder / f"upstream-{digest[:16]}.pem", parts)


def _write(bundle: Path, parts: list[bytes]) -> Path:
    content = b"\n".join(dict.fromkeys(part.strip() for part in parts)) + b"\n"
    try:
        if not bundle.exists() or bundle.read_bytes() != content:
            # A program that is starting must see the old file or the new one, whole.
            unfinished = bundle.with_name(f"{bundle.name}.{os.getpid()}.new")
            unfinished.write_bytes(content)
            unfinished.replace(bundle)
    except OSError as error:
        raise CaptureError(
            f"The trusted certificates cannot be written to {bundle} ({error.strerror}); make room or allow it."
        ) from None
    return bundle


def _required(path: Path) -> list[bytes]:
    found = list(_certificates(path))
    if not found:
        raise CaptureError(f"{path} is no readable file of certificates; give one in PEM form.")
    return found


def _named(base_env: Mapping[str, str], bundle: Path) -> Iterator[bytes]:
    for name in CA_VARIABLES:
        # In a shell that was set up by `env` they name our own bundle; a stale name must not break the client.
        if base_env.get(name) and Path(base_env[name]) != bundle:
            yield from _certificates(Path(base_env[name]))


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
