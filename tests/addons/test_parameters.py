import pytest

from addons.origins import Swap
from addons.parameters import swap_in_parameters

OLD, NEW = "http://127.0.0.1:7710", "http://localhost:3001"


def swap_of(url: str) -> Swap | None:
    return Swap(OLD, NEW) if url.startswith(OLD) else None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("resource=http://127.0.0.1:7710/mcp", "resource=http://localhost:3001/mcp"),
        ("resource=http%3A%2F%2F127.0.0.1%3A7710%2Fmcp", "resource=http%3A%2F%2Flocalhost%3A3001%2Fmcp"),
        ("resource=http%3a//127.0.0.1%3a7710%2fa+b", "resource=http%3A//localhost%3A3001%2fa+b"),
        ("resource=http%3A%2F%2F127%2E0.0.1:7710", "resource=http:%2F%2Flocalhost:3001"),
        ("a=%zz&&r%65source=http://127.0.0.1:7710&z=+%20", "a=%zz&&r%65source=http://localhost:3001&z=+%20"),
    ],
)
def test_only_the_front_of_the_value_changes(before: str, after: str) -> None:
    assert swap_in_parameters(before, "resource", swap_of)[0] == after


@pytest.mark.parametrize(
    "encoded",
    [
        "a=%zz&&=x&resource&resource=&z=+%20",
        "state=http://127.0.0.1:7710&client_id=http://127.0.0.1:7710/c",
        "resource=https://other.example/mcp",
        "",
    ],
)
def test_everything_else_stays(encoded: str) -> None:
    assert swap_in_parameters(encoded, "resource", swap_of) == (encoded, [])


def test_every_one_that_repeats_is_changed_and_told() -> None:
    encoded = "resource=http://127.0.0.1:7710/a&resource=x&resource=http%3A%2F%2F127.0.0.1%3A7710/b"
    changed, found = swap_in_parameters(encoded, "resource", swap_of)
    assert changed == "resource=http://localhost:3001/a&resource=x&resource=http%3A%2F%2Flocalhost%3A3001/b"
    assert found == [f"{OLD}/a", f"{OLD}/b"]
