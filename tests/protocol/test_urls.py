"""Comparison grades in both directions, origins, and well-known URLs with their inverse."""

import pytest

from inspector.protocol import urls
from inspector.protocol.urls import Grade, compare

MCP = "https://h.example/mcp"


@pytest.mark.parametrize(
    ("one", "other", "there", "back"),
    [
        # The examples of RFC 3986 section 6.2 and of the canonical server URI in MCP 2025-06-18.
        (MCP, MCP, Grade.EXACT, Grade.EXACT),
        ("", "", Grade.EXACT, Grade.EXACT),
        ("client_01", "client_01", Grade.EXACT, Grade.EXACT),
        ("https://h.example", "https://h.example/", Grade.NORMALIZED, Grade.NORMALIZED),
        (MCP, "HTTPS://H.Example/mcp", Grade.NORMALIZED, Grade.NORMALIZED),
        (MCP, "https://h.example:443/mcp", Grade.NORMALIZED, Grade.NORMALIZED),
        (MCP, "https://h.example:/mcp", Grade.NORMALIZED, Grade.NORMALIZED),
        ("http://h/mcp", "http://h:80/mcp", Grade.NORMALIZED, Grade.NORMALIZED),
        (MCP, "https://h.example/mcp/", Grade.NORMALIZED, Grade.NORMALIZED),
        (MCP, "https://h.example/%6Dcp", Grade.NORMALIZED, Grade.NORMALIZED),
        ("https://h/a%2fb", "https://h/a%2Fb", Grade.NORMALIZED, Grade.NORMALIZED),
        ("https://h/%C3%A4~", "https://h/%c3%a4%7E", Grade.NORMALIZED, Grade.NORMALIZED),
        ("https://BÜCHER.example/", "https://bücher.example", Grade.NORMALIZED, Grade.NORMALIZED),
        ("https://[FE80::1]/mcp", "https://[fe80::1]:443/mcp", Grade.NORMALIZED, Grade.NORMALIZED),
        ("http://localhost:3001/mcp", "http://127.0.0.1:3001/mcp", Grade.LOOPBACK_ALIAS, Grade.LOOPBACK_ALIAS),
        ("http://localhost:3001/mcp", "http://[::1]:3001/mcp/", Grade.LOOPBACK_ALIAS, Grade.LOOPBACK_ALIAS),
        ("http://127.0.0.1/", "http://LOCALHOST:80", Grade.LOOPBACK_ALIAS, Grade.LOOPBACK_ALIAS),
        (MCP, "https://h.example", Grade.ANCESTOR, Grade.DESCENDANT),
        (MCP, "https://h.example/", Grade.ANCESTOR, Grade.DESCENDANT),
        ("https://h/a/b/c", "https://H:443/a/", Grade.ANCESTOR, Grade.DESCENDANT),
        ("https://h/api2", "https://h/api", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        ("https://h/a%2Fb", "https://h/a", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        ("https://h/a%2Fb", "https://h/a/b", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        ("https://h/one", "https://h/two", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        ("https://h/MCP", "https://h/mcp", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        (MCP, MCP + "#part", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        (MCP, MCP + "?tenant=1", Grade.SAME_ORIGIN, Grade.SAME_ORIGIN),
        ("http://h/mcp", "https://h/mcp", Grade.SCHEME_ONLY, Grade.SCHEME_ONLY),
        ("http://h:80/mcp", "https://h:443/mcp/", Grade.SCHEME_ONLY, Grade.SCHEME_ONLY),
        ("http://h:8443/mcp", "https://h:8443/mcp", Grade.SCHEME_ONLY, Grade.SCHEME_ONLY),
        ("http://h:8080/mcp", "https://h/mcp", Grade.OTHER, Grade.OTHER),
        ("http://h/mcp", "ws://h/mcp", Grade.OTHER, Grade.OTHER),
        ("http://h/mcp", "https://h/mcp?x", Grade.OTHER, Grade.OTHER),
        ("https://h/mcp", "https://h:444/mcp", Grade.OTHER, Grade.OTHER),
        ("https://h.example", "https://h.example.evil", Grade.OTHER, Grade.OTHER),
        ("http://localhost:3001/mcp", "http://127.0.0.1:3002/mcp", Grade.OTHER, Grade.OTHER),
        ("http://localhost:3001/mcp", "http://127.0.0.1:3001/", Grade.OTHER, Grade.OTHER),
        ("https://[fe80::1]/", "https://[fe80:0::1]/", Grade.OTHER, Grade.OTHER),
        (MCP, "client_01KB5DRXBDDY1VGCBKY108SKJW", Grade.OTHER, Grade.OTHER),
        (MCP, "h.example/mcp", Grade.OTHER, Grade.OTHER),
        (MCP, "", Grade.OTHER, Grade.OTHER),
        # An opaque URI has no origin, so two of them share none.
        ("urn:app:one", "urn:app:two", Grade.OTHER, Grade.OTHER),
        ("api://default", "api://default/", Grade.NORMALIZED, Grade.NORMALIZED),
    ],
)
def test_grade_both_ways(one: str, other: str, there: Grade, back: Grade) -> None:
    assert compare(one, other).grade is there
    assert compare(other, one).grade is back


@pytest.mark.parametrize(
    "found",
    [
        "https://h.example/mcp\n",
        " https://h.example/mcp",
        "https://h.example/m\tcp",
        "https://h.example/mcp ",
        "\x00https://h.example/mcp",
        "https://h.example:99999/mcp",
        "https://h.example:port/mcp",
        "https://[h.example/mcp",
        "https://[::1",
        "https://h\u2100.example/mcp",
        "//h.example/mcp",
        "/mcp",
        "?",
        "\ud800",
        "https://",
    ],
)
def test_garbage_equals_nothing_and_breaks_nothing(found: str) -> None:
    assert compare(MCP, found).grade is Grade.OTHER
    assert compare(found, MCP).grade is Grade.OTHER
    assert compare(found, found).grade is Grade.EXACT
    assert not urls.same_origin(found, found + "x") or urls.origin(found)
    for function in (urls.path_of, urls.query_of, urls.host_of, urls.origin, urls.is_absolute, urls.is_secure):
        function(found)
    assert urls.well_known_target(found, "oauth-protected-resource") is None


def test_garbage_has_no_well_known_url() -> None:
    assert urls.insert_well_known("https://[h.example/mcp", "oauth-protected-resource") == ""
    assert urls.insert_well_known("https://h.example/m\ncp", "oauth-protected-resource") == ""


def test_a_user_in_the_url_is_part_of_the_identifier_but_not_of_the_origin() -> None:
    assert compare(MCP, "https://me@h.example/mcp").grade is Grade.SAME_ORIGIN
    assert compare("https://me@h.example/mcp", "https://me@h.example:443/mcp").grade is Grade.NORMALIZED
    assert compare("https://h.example/", "https://h.example@evil.example/").grade is Grade.OTHER
    assert urls.origin("https://me:pw@H.example:443/mcp") == "https://h.example"
    assert compare("http://me@localhost/", "http://127.0.0.1/").grade is Grade.OTHER


def test_an_empty_query_or_fragment_is_not_the_same_as_none() -> None:
    assert compare(MCP, MCP + "?").grade is Grade.SAME_ORIGIN
    assert compare(MCP, MCP + "#").grade is Grade.SAME_ORIGIN


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        (MCP, "https://h.example:443/mcp", ("default port",)),
        (MCP, "https://H.EXAMPLE/mcp", ("letter case",)),
        (MCP, "HTTPS://h.example/mcp", ("letter case",)),
        (MCP, "https://h.example/mcp/", ("trailing slash",)),
        ("https://h.example", "https://h.example/", ("trailing slash",)),
        (MCP, "https://h.example/mc%70", ("percent-encoding",)),
        (MCP, "HTTPS://h.example:443/mcp", ("default port", "letter case")),
        (
            MCP,
            "Https://h.example:443/%6dcp/",
            ("default port", "letter case", "trailing slash", "percent-encoding"),
        ),
    ],
)
def test_normalized_names_every_step_needed(one: str, other: str, steps: tuple[str, ...]) -> None:
    assert compare(one, other).steps == steps
    assert compare(other, one).steps == steps


def test_loopback_alias_names_both_hosts() -> None:
    assert compare("http://localhost/", "http://[::1]/").steps == ("host localhost and ::1",)


@pytest.mark.parametrize(
    ("grade", "same", "covers"),
    [
        (Grade.EXACT, True, True),
        (Grade.NORMALIZED, True, True),
        (Grade.ANCESTOR, False, True),
        (Grade.LOOPBACK_ALIAS, False, False),
        (Grade.DESCENDANT, False, False),
        (Grade.SAME_ORIGIN, False, False),
        (Grade.SCHEME_ONLY, False, False),
        (Grade.OTHER, False, False),
    ],
)
def test_who_accepts_a_grade(grade: Grade, same: bool, covers: bool) -> None:
    comparison = urls.Comparison(grade)
    assert (comparison.same_identifier, comparison.covers) == (same, covers)


@pytest.mark.parametrize(
    ("expected", "found", "position"),
    [
        (MCP, MCP, None),
        ("", "", None),
        (MCP, MCP + "/", len(MCP)),
        (MCP + "/", MCP, len(MCP)),
        (MCP, "", 0),
        (MCP, "HTTPS://h.example/mcp", 0),
        ("http://localhost:3001/mcp", "http://127.0.0.1:3001/mcp", 7),
        # Equal in comparable form, and still the position is told: byte-exact comparers refuse here.
        (MCP, "https://h.example/%6Dcp", 18),
        ("client_01", "client_02", 8),
    ],
)
def test_where_two_values_begin_to_differ(expected: str, found: str, position: int | None) -> None:
    assert urls.first_difference(expected, found) == position


def test_origin() -> None:
    assert urls.origin("HTTP://Example.COM:80/a?b#c") == "http://example.com"
    assert urls.origin("https://[2001:DB8::1]:8443/") == "https://[2001:db8::1]:8443"
    assert urls.origin("warp://mcp/oauth2callback") == "warp://mcp"
    for none in ("urn:a:b", "localhost", "/path", "", "http:///path", "http://:80/"):
        assert urls.origin(none) == ""
    assert urls.same_origin("https://h/a", "https://H:443/b")
    assert not urls.same_origin("urn:a", "urn:a")


@pytest.mark.parametrize(
    ("url", "loopback", "secure"),
    [
        ("http://localhost:3001/mcp", True, True),
        ("http://mcp.localhost/", True, True),
        ("http://127.8.9.1/", True, True),
        ("http://[::1]:80/", True, True),
        ("HTTPS://h.example/", False, True),
        ("http://h.example/", False, False),
        ("http://localhost.evil.example/", False, False),
        ("http://127.0.0.1.evil.example/", False, False),
        ("http://localhost@evil.example/", False, False),
        ("warp://localhost/", True, False),
        ("http://[::1", False, False),
        ("", False, False),
    ],
)
def test_where_plain_http_is_allowed(url: str, loopback: bool, secure: bool) -> None:
    assert (urls.is_loopback(url), urls.is_secure(url)) == (loopback, secure)


def test_absolute_and_fragment() -> None:
    assert urls.is_absolute("https://h.example")
    assert urls.is_absolute("urn:mcp:server")
    assert not urls.is_absolute("h.example/mcp")
    assert not urls.is_absolute("//h.example/mcp")
    assert not urls.is_absolute("https:")
    assert urls.has_fragment("https://h#")
    assert not urls.has_fragment("https://h?%23")


RESOURCE, ISSUER, OPENID = "oauth-protected-resource", "oauth-authorization-server", "openid-configuration"


@pytest.mark.parametrize(
    ("identifier", "suffix", "well_known"),
    [
        ("https://h", RESOURCE, "https://h/.well-known/oauth-protected-resource"),
        ("https://h/v1/mcp", RESOURCE, "https://h/.well-known/oauth-protected-resource/v1/mcp"),
        ("https://h/mcp/", RESOURCE, "https://h/.well-known/oauth-protected-resource/mcp/"),
        ("http://[::1]:3001/mcp", RESOURCE, "http://[::1]:3001/.well-known/oauth-protected-resource/mcp"),
        ("https://h", ISSUER, "https://h/.well-known/oauth-authorization-server"),
        ("https://h/tenant1", ISSUER, "https://h/.well-known/oauth-authorization-server/tenant1"),
        ("https://h/tenant1", OPENID, "https://h/.well-known/openid-configuration/tenant1"),
    ],
)
def test_well_known_insertion_and_its_inverse(identifier: str, suffix: str, well_known: str) -> None:
    assert urls.insert_well_known(identifier, suffix) == well_known
    assert urls.well_known_target(well_known, suffix) == identifier


def test_insertion_drops_the_slash_its_rfc_drops() -> None:
    assert urls.insert_well_known("https://h/", RESOURCE) == "https://h/.well-known/oauth-protected-resource"
    assert urls.insert_well_known("https://h/", ISSUER) == "https://h/.well-known/oauth-authorization-server"
    assert urls.insert_well_known("https://h/t/", ISSUER) == "https://h/.well-known/oauth-authorization-server/t"


def test_insertion_keeps_the_query_of_a_resource() -> None:
    assert (
        urls.insert_well_known("https://h/mcp?k=v#f", RESOURCE)
        == "https://h/.well-known/oauth-protected-resource/mcp?k=v"
    )


def test_inverse_understands_appending_and_refuses_look_alikes() -> None:
    assert urls.well_known_target("https://h/t/.well-known/openid-configuration", OPENID) == "https://h/t"
    assert urls.well_known_target("https://h/.well-known/openid-configuration?x=1", OPENID) == "https://h"
    assert urls.well_known_target("https://h/.well-known/openid-configuration-2", OPENID) is None
    assert urls.well_known_target("https://h/.well-known/oauth-authorization-server", OPENID) is None
    assert urls.well_known_target("https://h/mcp", RESOURCE) is None


def test_a_request_with_raw_spaces_can_still_be_read() -> None:
    sloppy = "https://h/oauth2/authorize?scope=openid offline_access&state=1"
    assert urls.path_of(sloppy) == "/oauth2/authorize"
    assert urls.query_of(sloppy) == "scope=openid offline_access&state=1"
    assert urls.origin(sloppy) == "https://h"
    assert not urls.is_absolute(sloppy)


def test_resolve() -> None:
    assert urls.resolve("https://h/a/b?c", "/d") == "https://h/d"
    assert urls.resolve("https://h/a", "https://o/x") == "https://o/x"
    assert urls.resolve("https://h/a", "http://[") == "http://["


def test_parts_come_back_byte_for_byte() -> None:
    assert urls.without_query("https://H:443/%6d#x?y") == "https://H:443/%6d"
    assert urls.path_of("https://h/%6d/?q") == "/%6d/"
    assert urls.query_of("https://h/?a=%2B&&b") == "a=%2B&&b"
    assert urls.host_of("https://me@[FE80::1]:8/") == "fe80::1"
