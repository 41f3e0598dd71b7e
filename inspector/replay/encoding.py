"""The ways in which clients write parameters into a query or a form, so that a replay writes them the same way."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import quote, quote_plus

type Pairs = tuple[tuple[str, str], ...]

STYLES: Mapping[str, Callable[[str], str]] = {
    "form": partial(quote_plus, safe=""),  # Python's urlencode
    "whatwg": lambda text: quote_plus(text, safe="*").replace("~", "%7E"),  # URLSearchParams, Rust's form_urlencoded
    "percent": partial(quote, safe=""),
    "component": partial(quote, safe="!'()*"),  # encodeURIComponent
    "readable": partial(quote, safe=":/,@"),  # httpx, curl --data-urlencode as many write it by hand
    "plus-readable": partial(quote_plus, safe=":/,@"),
}
"""By name, how one value is written."""

DEFAULT_STYLE = "form"


def styles_of(pairs: Pairs, written: str) -> frozenset[str]:
    """Every style that gives exactly this query or form; none where there is nothing to tell one from."""
    return frozenset(name for name in STYLES if write(pairs, name) == written) if pairs else frozenset()


def common_style(found: Sequence[frozenset[str]]) -> str:
    """The style that most of a client's requests may be written in; among equals the first."""
    return max(STYLES, key=lambda name: sum(name in styles for styles in found))


def write(pairs: Pairs, style: str) -> str:
    """The parameters as a query or a form (application/x-www-form-urlencoded)."""

    def encode(text: str) -> str:
        # A lone surrogate, which JSON can hold, has no UTF-8 form.
        return STYLES[style](text.encode(errors="replace").decode())

    return "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
