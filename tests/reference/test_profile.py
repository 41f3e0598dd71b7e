from pathlib import Path

import pytest

from inspector.errors import ReferenceFailure
from inspector.reference.profile import bundled_profiles, load_profile

RESOURCE = ("resource", "$resource")
PROMISED = {
    *("compliant", "compliant-2025-03-26", "compliant-2025-06-18", "compliant-2026-07-28", "warp"),
    *("token-leg-only", "authorize-leg-only", "refresh-without-resource", "trailing-slash", "resource-twice"),
    *("plain-pkce", "no-pkce", "root-metadata", "legacy-discovery", "cimd", "pre-registered", "stale-client-id"),
    *("scope-ignoring", "no-step-up", "iss-ignoring"),
}


def test_every_bundled_profile_is_valid_and_says_what_it_does() -> None:
    assert set(bundled_profiles()) >= PROMISED
    for name in bundled_profiles():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.description


def test_the_compliant_client_names_the_resource_on_every_leg() -> None:
    profile = load_profile("compliant")
    assert all(RESOURCE in leg for leg in (profile.authorize, profile.token, profile.refresh))


def test_warp_names_it_on_none_and_looks_like_warp() -> None:
    profile = load_profile("warp")
    assert not any(name == "resource" for leg in (profile.authorize, profile.token, profile.refresh) for name, _ in leg)
    assert profile.redirect_uri == "warp://mcp/oauth2callback"
    assert profile.registration["client_name"] == "Warp"
    assert profile.discovery.headers == (("MCP-Protocol-Version", "2024-11-05"),)


def test_a_profile_says_only_how_it_differs() -> None:
    compliant, one_leg = load_profile("compliant"), load_profile("token-leg-only")
    assert one_leg.authorize == tuple(pair for pair in compliant.authorize if pair != RESOURCE)
    assert one_leg.token == compliant.token
    assert one_leg.client_name == "token-leg-only"


def test_a_profile_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('based_on = "compliant"\ndescription = "mine"\ncalls = []\n')
    assert load_profile(file) == load_profile(str(file))
    assert (load_profile(file).name, load_profile(file).calls) == ("mine", ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not a TOML file"),
        ('description = "x"', "protocol_version: Field required"),
        ('based_on = "nobody"', "no client profile 'nobody'"),
        ('based_on = "compliant"\nlegs = 1', "legs: Unexpected keyword argument"),
        ('based_on = "compliant"\nchecks = ["everything"]', "checks"),
        ('based_on = "compliant"\ncalls = ["tools/eat"]', "'tools/eat' is none of"),
        ('based_on = "compliant"\nauthorize = [["code", "$code"]]', "authorize: the value '\\$code'"),
        ('based_on = "compliant"\nclient_id_metadata = {scope = "$scope"}', "client_id_metadata: the value '\\$scope'"),
        ('based_on = "compliant"\nuser_agent = "$"', "user_agent: the value '\\$'"),
        ('based_on = "compliant"\ntoken = [["only a name"]]', "token.0"),
    ],
)
def test_a_mistake_in_a_profile_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ReferenceFailure, match=said) as failure:
        load_profile(file)
    assert "\n" not in str(failure.value)


def test_an_unknown_name_lists_the_known_ones_and_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceFailure, match=r"compliant.*warp"):
        load_profile("nobody")
    with pytest.raises(ReferenceFailure, match=r"absent\.toml cannot be read"):
        load_profile(tmp_path / "absent.toml")
