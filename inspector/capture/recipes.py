"""What to do for each client, in each way of standing in the middle, and what of that was tried."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from inspector.capture.environment import ClientVariable, client_variables
from inspector.errors import CaptureError

_FILE = Path(__file__).with_suffix(".toml")
_CONFIGURATION = ("json", "toml", "yaml")
_NO_URL = "URL-OF-THE-MCP-SERVER"
_NO_GATEWAY = "URL-THAT-THE-GATEWAY-PRINTS"


class Mode(StrEnum):
    """A way to stand in the middle, in the order in which they are worth a try."""

    RUN = "run"
    ENV = "env"
    GATEWAY = "gateway"
    TAKEOVER = "takeover"
    LOCAL = "local"


class Kind(StrEnum):
    """What a line of a recipe is."""

    SAY = "say"  # a sentence
    COMMAND = "command"  # to be given to a shell
    FILE = "file"  # where the configuration is
    PASTE = "paste"  # a whole block for that file, or to be typed


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to tell or to paste; only PASTE has line breaks."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """How one client is used in one mode.

    `command` starts it, `add` are arguments it needs besides, `snippet` is what is pasted, in the language `format`.
    """

    say: str
    command: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    format: str = "text"
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One client. `variables` names those it needs, empty for all; `files` says where its configuration is, per system.

    `tried` maps a mode to the version that was driven through it on the day `on`; other modes are only documented.
    """

    name: str
    title: str
    note: str = ""
    variables: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[Mode, str] = field(default_factory=dict)
    on: str = ""
    ways: Mapping[Mode, Way] = field(default_factory=dict)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that can work, best first."""
        return (*(mode for mode in Mode if mode in self.ways), Mode.TAKEOVER, Mode.LOCAL)

    def evidence(self, mode: Mode) -> str:
        """What is known about a mode, in a few words."""
        return f"tried with {self.tried[mode]} on {self.on}" if mode in self.tried else "documented, not tried"

    def needed(self, variables: Iterable[ClientVariable]) -> tuple[ClientVariable, ...]:
        """Those of the variables that this client reads."""
        return tuple(each for each in variables if not self.variables or each.name in self.variables)

    def command(self, given: Sequence[str], mcp_url: str) -> tuple[str, ...]:
        """The command for `run`: the one given, or else the usual one, with the arguments that it needs.

        Raises CaptureError when there is no usual one, or it needs the URL of a server and `mcp_url` is empty.
        """
        way = self.ways.get(Mode.RUN, Way(""))
        if not given and not way.command:
            raise CaptureError(f"{self.title} has no usual command; put yours after --, or see: recipes {self.name}")
        if not given and "@URL@" in way.command and not mcp_url:
            raise CaptureError(f"{self.title} is started with a URL; give it as --server URL, or the command after --.")
        words = tuple(given) or tuple(mcp_url if word == "@URL@" else word for word in way.command)
        return words + tuple(word for word in way.add if word not in words)

    def way(self, mode: Mode) -> Way:
        """How it is used in a mode of its own. Raises CaptureError when that cannot work."""
        if mode not in self.ways:
            raise CaptureError(f"{self.title} does not work with {mode}; take {self.modes[0]}: recipes {self.name}")
        return self.ways[mode]

    def lines(
        self,
        mode: Mode,
        *,
        proxy_url: str = "",
        ca_path: Path | None = None,
        mcp_url: str = "",
        gateway_url: str = "",
    ) -> tuple[Line, ...]:
        """What to do, ready to paste.

        `proxy_url` and `ca_path`, the bundle of certificates, are those of a running proxy, `gateway_url` is what a
        running gateway is reached at; where they are missing, the lines begin with the command that starts one.
        Raises CaptureError for a mode that cannot work.
        """
        url = mcp_url or _NO_URL
        if mode in (Mode.TAKEOVER, Mode.LOCAL):
            return _without_the_client(mode, url)
        way = self.way(mode)
        variables = client_variables(proxy_url, ca_path, {}) if proxy_url and ca_path else ()
        lines = list(_start(self, mode, url, ready=bool(gateway_url if mode is Mode.GATEWAY else variables)))
        if "@ENV@" in way.snippet and not variables:
            return (*lines, Line(Kind.SAY, "It prints a block with the address of the capture. " + way.say))
        lines.append(Line(Kind.SAY, way.say))
        if way.format in _CONFIGURATION:
            lines += [Line(Kind.FILE, place) for place in self.places]
        if way.snippet:
            values = {"@URL@": url, "@GATEWAY@": gateway_url or _NO_GATEWAY}
            lines.append(Line(Kind.PASTE, _filled(way, values, self.needed(variables))))
        return tuple(lines)

    def block(self, variables: Iterable[ClientVariable], mcp_url: str) -> str | None:
        """The whole configuration with the variables in it, for a client that is not started from a shell."""
        way = self.ways.get(Mode.ENV)
        if way is None or "@ENV@" not in way.snippet:
            return None
        return _filled(way, {"@URL@": mcp_url or _NO_URL}, self.needed(variables))

    @property
    def places(self) -> tuple[str, ...]:
        """Where its configuration is, with the system where that matters."""
        return tuple(f"{place} ({system})" if system != "all" else place for system, place in self.files.items())


@cache
def recipes() -> tuple[Recipe, ...]:
    """Every client that is known, those asked for most often first."""
    import tomllib

    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(_recipe(entry, document["runtimes"]) for entry in document["client"])


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises CaptureError, with the names there are, when there is none."""
    for each in recipes():
        if each.name == name.lower():
            return each
    known = ", ".join(each.name for each in recipes())
    raise CaptureError(f"There is no recipe for {name!r}; there are {known}. Any other client: take gateway.")


def _recipe(entry: Mapping[str, Any], runtimes: Mapping[str, list[str]]) -> Recipe:
    return Recipe(
        name=entry["name"],
        title=entry["title"],
        note=entry.get("note", ""),
        variables=frozenset(runtimes[entry["runtime"]]),
        files=entry.get("files", {}),
        tried={Mode(mode): version for mode, version in entry.get("tried", {}).items()},
        on=entry.get("on", ""),
        ways={mode: _way(entry[mode]) for mode in Mode if mode in entry},
    )


def _way(entry: Mapping[str, Any]) -> Way:
    lists = {name: tuple(entry.get(name, ())) for name in ("command", "add")}
    return Way(entry["say"], format=entry.get("format", "text"), snippet=entry.get("snippet", "").strip("\n"), **lists)


def _start(recipe: Recipe, mode: Mode, url: str, *, ready: bool) -> Iterable[Line]:
    """What the user does before anything in the client."""
    server = shlex.quote(url)
    if mode is Mode.RUN:
        way = recipe.ways[mode]
        usual = f"--client {recipe.name} --server {server}" if way.command else f"--server {server} -- YOUR-COMMAND"
        yield Line(Kind.COMMAND, f"mcp-auth-inspector run {usual}")
    elif mode is Mode.GATEWAY and not ready:
        yield Line(Kind.COMMAND, f"mcp-auth-inspector gateway {server}")
    elif mode is Mode.ENV and recipe.ways[mode].format == "json":
        if not ready:
            yield Line(Kind.COMMAND, f"mcp-auth-inspector env --client {recipe.name} --server {server}")
    elif mode is Mode.ENV:
        yield Line(Kind.COMMAND, f'eval "$(mcp-auth-inspector env --server {server})"')


def _without_the_client(mode: Mode, url: str) -> tuple[Line, ...]:
    if mode is Mode.TAKEOVER:
        return (
            Line(
                Kind.SAY, "For a server on this machine: start it on another port, 3999 say, and leave the client be."
            ),
            Line(Kind.COMMAND, f"mcp-auth-inspector gateway {shlex.quote(url)} --takeover 3999"),
        )
    return (
        Line(Kind.SAY, "For a client that listens to nothing: let the system hand over the traffic of one process."),
        Line(Kind.COMMAND, 'mitmdump --mode local:NAME-OF-THE-PROCESS -s "$(mcp-auth-inspector addon-path)"'),
        Line(
            Kind.SAY,
            "It asks for administrator rights, and for https the client must trust mitmproxy's certificate. Whether "
            "this machine can do it: mcp-auth-inspector doctor.",
        ),
    )


def _filled(way: Way, values: Mapping[str, str], variables: Sequence[ClientVariable]) -> str:
    block = way.snippet
    for mark, value in values.items():
        block = block.replace(mark, _escaped(value, way.format))
    if "@ENV@" not in block:
        return block
    environment = {each.name: each.value for each in variables}
    line = next(line for line in block.splitlines() if "@ENV@" in line)
    indented = json.dumps(environment, indent=2).replace("\n", "\n" + line[: len(line) - len(line.lstrip())])
    return block.replace("@ENV@", indented)


def _escaped(value: str, format: str) -> str:
    """A value as it stands between the quotes of the language, or as a word of a shell."""
    if format in _CONFIGURATION:
        return json.dumps(value)[1:-1]
    return shlex.quote(value) if format == "shell" else value
