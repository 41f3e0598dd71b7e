"""The ways in which clients write parameters into a query or a form, so that a replay writes them the same way."""

from collections.abc import Callable, Mapping
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


def style_of(pairs: Pairs, written: str) -> str:
    """The first style that gives exactly this query or form; the default one when none does."""
    return next((name for name in STYLES if write(pairs, name) == written), DEFAULT_STYLE)


def write(pairs: Pairs, style: str) -> str:
    """The parameters as a query or a form (application/x-www-form-urlencoded)."""
    encode = STYLES[style]
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
