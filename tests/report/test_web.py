import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from inspector.session.model import Exchange
from tests.report.hostile import HOSTILE, hostile_story
from tests.report.material import exported
from tests.tui.story import story

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "dl", "dt", "dd", "figure"),
    *("figcaption", "svg", "line", "text", "path", "g", "div", "table", "tr", "th", "td", "code", "a", "ul", "li", "b"),
    *("details", "summary", "pre", "footer"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "viewbox", "width", "height", "role"),
    *("aria-label", "x", "y", "x1", "y1", "x2", "y2", "d", "text-anchor"),
}


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.odd: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)


def structure(exchanges: Sequence[Exchange]) -> Page:
    page = Page(exported("html", exchanges))
    for tag, attributes in page.elements:
        assert tag in ELEMENTS, tag
        assert attributes.keys() <= ATTRIBUTES, attributes
        assert all(value is None or re.fullmatch(r"#exchange-\d+-\d+", value) for value in [attributes.get("href")])
    assert page.odd == []
    return page


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = structure(story())
    policies = [attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    style = exported("html").partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_tells_the_story() -> None:
    words = " ".join(structure(story()).words)
    for told in (
        "Authorization request without resource",
        "the MCP client (certain)",
        "resource=http://localhost:3001/mcp",
        "401 Unauthorized, invalid_token",
        "The code verifier proves the code challenge",
        "The MCP server publishes its resource",
    ):
        assert told in words, told


def test_every_link_leads_to_an_exchange_on_the_page() -> None:
    page = structure(story())
    ids = {attributes.get("id") for _, attributes in page.elements}
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links
    assert all(link and link[1:] in ids for link in links)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_captured_text_stays_text(hostile: str) -> None:
    page = structure(hostile_story(hostile))
    harmless = structure(hostile_story("x" * len(hostile)))
    # Requests that no longer belong to the sign-in may be missing; nothing new may be there.
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in harmless.elements}
    assert all(word.replace("\n", "").isprintable() for word in page.words)


def test_the_picture_can_be_shown_on_a_recording_without_a_sign_in() -> None:
    assert "No sign-in to an MCP server" in " ".join(structure([]).words)
