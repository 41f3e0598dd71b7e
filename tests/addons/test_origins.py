import pytest

from addons.origins import ClientSide, Origins, Swap, origin_of

SIDE = ClientSide("http", "127.0.0.1")


@pytest.fixture
def origins() -> Origins:
    origins = Origins()
    origins.add("http://localhost:3001", 7710)
    origins.add("https://auth.example", 7711)
    return origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:3001/mcp", "http://localhost:3001"),
        ("HTTPS://Auth.Example", "https://auth.example"),
        ("https://auth.example:443/x", "https://auth.example"),
        ("http://auth.example:443", "http://auth.example:443"),
        ("http://[::1]:80?x", "http://[::1]"),
        ("http://127.0.0.1:3001#f", "http://127.0.0.1:3001"),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:3001",
        "/mcp",
        "warp://mcp",
        "http://",
        "http:///mcp",
        "http://user@localhost:3001/mcp",
        "http://localhost:3001@evil.example/",
        "http://localhost:3001\\@evil.example/",
        "http://localhost:port/",
        "http://localhost:99999/",
        "http://[::1/",
        " http://localhost/",
        "http://local host/",
    ],
)
def test_what_is_no_plain_web_address_has_none(url: str, origins: Origins) -> None:
    assert origin_of(url) is None
    assert origins.for_client(url, SIDE) is None
    assert origins.for_upstream(url) is None


@pytest.mark.parametrize(
    ("upstream", "client"),
    [
        ("http://localhost:3001/mcp", "http://127.0.0.1:7710/mcp"),
        ("http://localhost:3001", "http://127.0.0.1:7710"),
        ("https://auth.example/a?b=c#d", "http://127.0.0.1:7711/a?b=c#d"),
        ("https://auth.example/A%2fb//", "http://127.0.0.1:7711/A%2fb//"),
        ("http://localhost:3001?x", "http://127.0.0.1:7710?x"),
    ],
)
def test_a_url_is_led_to_its_port_and_back(origins: Origins, upstream: str, client: str) -> None:
    there = origins.for_client(upstream, SIDE)
    assert there is not None
    assert there(upstream) == client
    back = origins.for_upstream(client)
    assert back is not None
    assert back(client) == upstream


def test_other_spellings_are_led_there_too(origins: Origins) -> None:
    swap = origins.for_client("HTTPS://AUTH.example:443/x", SIDE)
    assert swap == Swap("HTTPS://AUTH.example:443", "http://127.0.0.1:7711")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_name_of_this_machine_leads_back(origins: Origins, scheme: str, host: str) -> None:
    assert origins.for_upstream(f"{scheme}://{host}:7710/mcp") == Swap(
        f"{scheme}://{host}:7710", "http://localhost:3001"
    )


def test_the_client_keeps_the_name_it_uses(origins: Origins) -> None:
    swap = origins.for_client("http://localhost:3001/mcp", ClientSide("https", "localhost"))
    assert swap is not None
    assert swap.new == "https://localhost:7710"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3001/mcp", "http://localhost/mcp", "https://localhost:3001/", "http://localhost:30012/"]
)
def test_another_origin_is_left_alone(origins: Origins, url: str) -> None:
    assert origins.for_client(url, SIDE) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:7712/", "http://192.0.2.1:7710/", "http://auth.example:7710/"])
def test_only_a_port_of_this_machine_leads_back(origins: Origins, url: str) -> None:
    assert origins.for_upstream(url) is None
