"""Proof keys, with the example of RFC 7636."""

import pytest

from inspector.protocol import pkce

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_appendix_b() -> None:
    assert pkce.s256(VERIFIER) == CHALLENGE


def test_a_verifier_belongs_to_its_challenge_by_either_method() -> None:
    assert pkce.belongs(VERIFIER, CHALLENGE)
    assert pkce.belongs(VERIFIER, VERIFIER)
    assert not pkce.belongs(VERIFIER, CHALLENGE + "=")
    assert not pkce.belongs(VERIFIER.lower(), CHALLENGE)
    assert not pkce.belongs("\ud800", CHALLENGE)


@pytest.mark.parametrize(
    ("verifier", "good"),
    [
        (VERIFIER, True),
        ("a" * 43, True),
        ("a" * 42, False),
        ("-._~" * 32, True),
        ("a" * 129, False),
        ("a" * 42 + "+", False),
        ("a" * 42 + "\u00e4", False),
        ("a" * 43 + "\n", False),
        ("", False),
    ],
)
def test_well_formed(verifier: str, good: bool) -> None:
    assert pkce.well_formed_verifier(verifier) is good
