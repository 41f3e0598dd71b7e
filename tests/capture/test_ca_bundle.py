import os
import ssl
from pathlib import Path

import pytest

from inspector.capture.ca_bundle import write_ca_bundle, write_upstream_bundle
from inspector.errors import CaptureError
from tests.capture.upstream import make_certificates


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Our own certificate, in a folder of its own."""
    return make_certificates(tmp_path).ca


def names(bundle: Path) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    return len(context.get_ca_certs())


def test_the_system_s_roots_and_ours_are_in_one_file(ours: Path) -> None:
    bundle = write_ca_bundle(ours, {})
    assert bundle.parent == ours.parent
    assert ours.read_text().strip() in bundle.read_text()
    assert names(bundle) > 20


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
def test_a_file_the_user_trusts_is_kept(ours: Path, tmp_path: Path, variable: str) -> None:
    (tmp_path / "corporate").mkdir()
    corporate = make_certificates(tmp_path / "corporate").ca
    before = names(write_ca_bundle(ours, {}))
    bundle = write_ca_bundle(ours, {variable: str(corporate)})
    assert corporate.read_text().strip() in bundle.read_text()
    assert names(bundle) == before + 1


def test_a_shell_that_was_set_up_already_changes_nothing(ours: Path) -> None:
    bundle = write_ca_bundle(ours, {})
    content = bundle.read_bytes()
    assert write_ca_bundle(ours, {"SSL_CERT_FILE": str(bundle)}).read_bytes() == content


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_variable_that_names_no_certificates_is_passed_over(
    ours: Path, tmp_path: Path, content: bytes | None
) -> None:
    stale = tmp_path / "stale.pem"
    if content is not None:
        stale.write_bytes(content)
    assert write_ca_bundle(ours, {"SSL_CERT_FILE": str(stale)}).read_bytes() == write_ca_bundle(ours, {}).read_bytes()


def test_it_is_written_again_only_when_something_changed(ours: Path, tmp_path: Path) -> None:
    bundle = write_ca_bundle(ours, {})
    os.utime(bundle, (1, 1))
    assert write_ca_bundle(ours, {}).stat().st_mtime == 1
    (tmp_path / "new").mkdir()
    ours.write_bytes(make_certificates(tmp_path / "new").ca.read_bytes())
    assert ours.read_text().strip() in write_ca_bundle(ours, {}).read_text()
    assert bundle.stat().st_mtime != 1


def test_no_certificate_of_ours_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none\.pem is no readable file of certificates"):
        write_ca_bundle(tmp_path / "none.pem", {})


def test_a_folder_that_takes_no_file_is_said_in_one_sentence(ours: Path, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot be written to .* \(No such file or directory\)"):
        write_upstream_bundle(tmp_path / "none", ours)


def test_the_proxy_trusts_the_public_roots_and_the_users(ours: Path, tmp_path: Path) -> None:
    bundle = write_upstream_bundle(tmp_path, ours)
    assert names(bundle) == names(write_ca_bundle(ours, {}))
    assert write_upstream_bundle(tmp_path, ours) == bundle
    (tmp_path / "other").mkdir()
    assert write_upstream_bundle(tmp_path, make_certificates(tmp_path / "other").ca) != bundle
