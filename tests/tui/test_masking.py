import re

import pytest

from inspector.timeline import Timeline
from inspector.timeline.run import Run
from inspector.tui.looks import aside
from inspector.tui.masking import Masker, Veil, secrets_of
from tests.tui.story import CLIENT_ID, CODE, VERIFIER, access_token, story

MASKER = Masker(b"key")
VEIL = Veil(MASKER)


def run() -> Run:
    timeline = Timeline()
    timeline.add_all(story())
    return timeline.runs[0]


def test_a_placeholder_tells_length_kind_and_fingerprint_only() -> None:
    assert re.fullmatch(aside("hidden 43 chars #[0-9a-f]{4}"), MASKER.placeholder(VERIFIER))
    assert MASKER.placeholder(access_token("x")).startswith(aside("hidden JWT ")[:-1])


def test_equal_secrets_have_equal_fingerprints_and_only_within_one_process() -> None:
    assert MASKER.placeholder("s3cret") == MASKER.placeholder("s3cret")
    assert Masker(b"one").placeholder("s3cret") != Masker(b"two").placeholder("s3cret")
    assert Masker().key != Masker().key


def test_the_key_is_not_in_the_repr() -> None:
    assert "key" not in repr(Masker(b"key-material"))


@pytest.mark.parametrize(
    "text",
    [
        f"https://as/cb?code={CODE}&state=ok",
        f"warp://cb?state=ok&code={CODE}#x",
        f'<a href="/cb?code={CODE}">',
        f'{{"access_token": "{CODE}", "n": 1}}',
        f'{{\\"refresh_token\\":\\"{CODE}\\"}}',
        f"authorization: Bearer {CODE}",
        f"client_secret={CODE}",
    ],
)
def test_secrets_in_free_text_are_found_by_their_name(text: str) -> None:
    shown = VEIL.text(text).plain
    assert CODE not in shown
    assert aside(f"hidden {len(CODE)} chars #")[:-1] in shown


def test_a_jwt_is_found_by_its_shape_wherever_it_stands() -> None:
    token = access_token("x")
    assert token.split(".")[1] not in VEIL.text(f"log: got {token}!").plain


def test_known_secrets_are_hidden_under_any_name_and_in_url_encoding() -> None:
    veil = Veil(MASKER, frozenset({"pa/ss+word=1"}))
    shown = veil.text("x pa/ss+word=1 y pa%2Fss%2Bword%3D1 z").plain
    assert "pa/ss" not in shown
    assert "pa%2F" not in shown
    assert len(set(re.findall("#....", shown))) == 1


def test_state_and_error_codes_are_shown() -> None:
    assert VEIL.value("state", "Zk3v").plain == "Zk3v"
    assert VEIL.member("code", "internal_error").plain == "internal_error"
    assert VEIL.text('{"error_code=5": 1, "status_code": 200}').plain == '{"error_code=5": 1, "status_code": 200}'


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", "Bearer abcdefgh", "Bearer "),
        ("authorization", "abcdefgh", ""),
        ("Cookie", "sid=abcdefgh; theme=dark", "sid="),
        ("Set-Cookie", "sid=abcdefgh; HttpOnly", "; HttpOnly"),
        ("X-API-Key", "abcdefgh", ""),
        ("Location", "app://cb?code=abcdefgh&state=1", "&state=1"),
    ],
)
def test_headers_that_carry_credentials(name: str, value: str, kept: str) -> None:
    shown = VEIL.header(name, value).plain
    assert "abcdefgh" not in shown
    assert kept in shown


def test_a_lifted_veil_shows_everything() -> None:
    veil = Veil(MASKER, frozenset({CODE}), lifted=True)
    assert veil.header("authorization", f"Bearer {CODE}").plain == f"Bearer {CODE}"
    assert veil.value("code", CODE).plain == CODE


def test_the_secrets_of_a_run_are_those_sent_under_their_own_name() -> None:
    known = secrets_of(run())
    assert {CODE, VERIFIER, access_token(CLIENT_ID)} <= known
    assert CLIENT_ID not in known
