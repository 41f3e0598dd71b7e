"""WWW-Authenticate headers, well-formed and not (RFC 9110 section 11)."""

import sys
from time import process_time
from types import FrameType
from typing import Any

import pytest

from inspector.protocol.challenge import Challenge, parse_challenges


def one(value: str) -> Challenge:
    (challenge,) = parse_challenges((value,))
    return challenge


def test_the_challenge_of_a_protected_mcp_server() -> None:
    challenge = one('Bearer error="invalid_token", resource_metadata="https://h/.well-known/oauth-protected-resource"')
    assert challenge == Challenge(
        "Bearer",
        (("error", "invalid_token"), ("resource_metadata", "https://h/.well-known/oauth-protected-resource")),
    )
    assert challenge.is_bearer
    assert challenge.get("error") == "invalid_token"
    assert challenge.get("scope") is None


def test_several_challenges_in_one_header_and_in_several() -> None:
    found = parse_challenges(('Basic realm="simple", Bearer realm="a, b", scope="x y"', "Negotiate", "DPoP algs=ES256"))
    assert [(challenge.scheme, challenge.parameters) for challenge in found] == [
        ("Basic", (("realm", "simple"),)),
        ("Bearer", (("realm", "a, b"), ("scope", "x y"))),
        ("Negotiate", ()),
        ("DPoP", (("algs", "ES256"),)),
    ]
    assert not any(challenge.problems for challenge in found)


def test_the_example_of_the_rfc() -> None:
    found = parse_challenges(('Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',))
    assert [challenge.scheme for challenge in found] == ["Basic", "Newauth"]
    assert found[1].parameters == (("realm", "apps"), ("type", "1"), ("title", 'Login to "apps"'))


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_schemes_and_names_have_no_case(scheme: str) -> None:
    challenge = one(f'{scheme} Scope="x"')
    assert challenge.is_bearer
    assert challenge.get("scope") == "x"


def test_white_space_around_equals_and_empty_list_elements() -> None:
    challenge = one(' ,, Bearer realm = "x" ,\t,scope\t=\t"y",')
    assert challenge.parameters == (("realm", "x"), ("scope", "y"))
    assert challenge.problems == ()


def test_token68_is_no_parameter() -> None:
    found = parse_challenges(("Negotiate YII=, Bearer abc.def-_~+/==, Basic",))
    assert [(challenge.scheme, challenge.parameters) for challenge in found] == [
        ("Negotiate", ()),
        ("Bearer", ()),
        ("Basic", ()),
    ]


def test_quoted_pairs() -> None:
    assert one(r'Bearer error_description="a \"b\" \\ c\d, e=\"f\""').get("error_description") == r'a "b" \ cd, e="f"'


def test_missing_commas_are_named_and_read_over() -> None:
    challenge, other = parse_challenges(('Bearer realm="x" scope="y" Basic realm="z"',))
    assert challenge.parameters == (("realm", "x"), ("scope", "y"))
    assert challenge.problems == ("no comma before scope", "no comma before Basic")
    assert other.parameters == (("realm", "z"),)


def test_the_same_fault_is_named_once() -> None:
    assert one('Bearer a="1" a="2" a="3"').problems == ("no comma before a", "a is given more than once")


def test_unbalanced_quotes_take_the_rest() -> None:
    challenge = one('Bearer realm="x", resource_metadata="https://h/prm, scope=y')
    assert challenge.get("resource_metadata") == "https://h/prm, scope=y"
    assert challenge.problems == ("the quotes of resource_metadata are not closed",)
    assert one('Bearer realm="x\\').problems == ("the quotes of realm are not closed",)


def test_an_unquoted_url_is_read_and_named() -> None:
    challenge = one("Bearer resource_metadata=https://h/prm, error=invalid_token")
    assert challenge.parameters == (("resource_metadata", "https://h/prm"), ("error", "invalid_token"))
    assert challenge.problems == ("resource_metadata must be in quotes",)


def test_repeated_parameters_are_kept_in_order_and_named_once() -> None:
    challenge = one('Bearer scope="a", realm="r", Scope="b", scope="c"')
    assert challenge.get("scope") == "a"
    assert [value for name, value in challenge.parameters if name.lower() == "scope"] == ["a", "b", "c"]
    assert challenge.problems == ("scope is given more than once",)


def test_semicolons_are_named_and_what_follows_is_read() -> None:
    challenge = one('Bearer realm="x"; resource_metadata="https://h/prm";scope="y"')
    assert challenge.get("resource_metadata") == "https://h/prm"
    assert challenge.get("scope") == "y"
    assert "unreadable at character 17" in challenge.problems


@pytest.mark.parametrize("value", ["", " ", ",", ",, ,", '"Bearer"', "=", '="x"', "\\", "(comment)", "Bäh="])
def test_what_is_no_challenge_gives_none(value: str) -> None:
    assert parse_challenges((value,)) == ()


def test_no_header_gives_none() -> None:
    assert parse_challenges(()) == ()


JUNK = [
    "@",
    '"',
    "\\",
    ",",
    " ",
    "a",
    "a ",
    "a=",
    "a=b,",
    'a="',
    'a="b"',
    '"\\',
    '"a\\',
    ' "a\\',
    "Bearer ",
    "Bearer a=b, ",
    "\t=",
    "a\xa0",
    "a,;",
    "a==, ",
]


@pytest.mark.parametrize("piece", JUNK)
@pytest.mark.parametrize("before", ["", "Bearer ", 'Bearer a="'])
def test_junk_costs_work_in_proportion_to_its_length(piece: str, before: str) -> None:
    assert _steps(before + piece * 2000) <= 2.2 * _steps(before + piece * 1000) + 100
    # What one step of the pattern engine costs is not counted; going back over 64 KiB again and again takes minutes.
    started = process_time()
    parse_challenges(((before + piece * (65536 // len(piece)))[:65536],))
    assert process_time() - started < 5


def _steps(value: str) -> int:
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    outer = sys.gettrace()
    sys.settrace(count)
    try:
        parse_challenges((value,))
    finally:
        sys.settrace(outer)
    return steps
