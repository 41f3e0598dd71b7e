"""Proof keys, with the example of RFC 7636."""

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
