"""Captured text inside Markdown, Mermaid, HTML and XML: always data, never syntax. One function for each place."""

import html
import re

from inspector.display import visible

_PLACEHOLDER = r"\[[a-z][a-z0-9_]* #[0-9a-f]{4,}\]"
_WORDS = re.compile(rf"({_PLACEHOLDER}|\S+)")
# Words that can mean nothing in Markdown, whatever stands around them. Seven hex digits are not among them: trackers
# take them for a commit.
_HARMLESS = re.compile(
    r"[(]?(?![0-9a-f]{7,}\b)(?:[A-Za-z]+(?:['\u2019-][A-Za-z]+)*|v?[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}|[0-9]{4}-[0-9]{2}-[0-9]{2})[)]?[.,;:!?]?[)]?"
)
_BACKTICKS = re.compile(r"`+")
_IN_MERMAID = re.compile(r"[^A-Za-z0-9 _./:=,()'\-]")
_MERMAID_END = re.compile(r"\bend\b", re.IGNORECASE)


def prose(text: str) -> str:
    """A sentence that may hold captured words. Whatever is not a plain word becomes a code span.

    Nothing else is safe: trackers make links of mentions, addresses and commit ids even where all of Markdown's own
    characters are escaped.
    """
    parts: list[str] = []
    for number, word in enumerate(_WORDS.findall(visible(text))):
        lists = number == 0 and word[:1].isdigit()
        if _HARMLESS.fullmatch(word) and not lists:
            parts.append(word)
            continue
        core = word.rstrip(".,;:") if not re.fullmatch(_PLACEHOLDER, word) else word
        parts.append(code(core or word) + (word[len(core) :] if core else ""))
    return " ".join(parts)


def code(text: str) -> str:
    """A code span that holds exactly this text (CommonMark 6.1), also in the cell of a table."""
    shown = visible(text).replace("|", "\\|")
    if not shown.strip():
        return "(empty)" if not shown else "(spaces)"
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    padded = f" {shown} " if shown[0] in "` " or shown[-1] in "` " else shown
    return f"{fence}{padded}{fence}"


def fenced(text: str, language: str = "") -> str:
    """A code block that nothing inside can close (CommonMark 4.5)."""
    lines = [visible(line) for line in text.split("\n")]
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((fence + language, *lines, fence))


def diagram(text: str) -> str:
    """Text of a Mermaid message or participant: what could be syntax is written as an entity."""
    shown = _IN_MERMAID.sub(lambda match: f"#{ord(match[0])};", visible(text))
    return _MERMAID_END.sub(lambda match: f"#{ord(match[0][0])};{match[0][1:]}", shown)


def markup(text: str) -> str:
    """Text between or inside the tags of HTML and XML."""
    return html.escape(visible(text), quote=True)
