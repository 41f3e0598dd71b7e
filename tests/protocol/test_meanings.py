import tomllib
from importlib.resources import files

import pytest

from inspector.protocol.meanings import vocabulary

TABLES = tomllib.loads((files("inspector.protocol") / "meanings.toml").read_text("utf-8"))
FITS_UNDER_A_PANE_AT_80_COLUMNS = 72


@pytest.mark.parametrize("name", sorted(TABLES))
def test_each_meaning_is_one_line_with_a_source(name: str) -> None:
    for word, meaning in vocabulary(name).items():
        assert 0 < len(meaning.text) <= FITS_UNDER_A_PANE_AT_80_COLUMNS, word
        assert not meaning.text.endswith("."), word
        assert meaning.source, word


def test_what_a_sign_in_cannot_do_without_is_explained() -> None:
    assert {"client_id", "redirect_uri", "state", "code_challenge", "resource", "code", "code_verifier"} <= set(
        vocabulary("parameters")
    )
    assert {"iss", "aud", "exp", "kid"} <= set(vocabulary("claims"))
    assert {"issuer", "jwks_uri", "code_challenge_methods_supported"} <= set(vocabulary("server_metadata"))
