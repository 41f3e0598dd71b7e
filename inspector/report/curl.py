"""The exchanges as a shell script of curl commands; what was masked is a variable to set before it is run."""

import re
import shlex
from collections.abc import Iterator
from typing import TextIO

from inspector.display import visible
from inspector.protocol import content
from inspector.report.material import Material
from inspector.report.redaction.places import basic_pair
from inspector.report.sequence import short
from inspector.session.model import Exchange

# curl makes these itself, and wrong ones would break the request.
_MADE_BY_CURL = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})
_PLACEHOLDER = re.compile(r"\[([a-z][a-z0-9_]*) #([0-9a-f]{4,})\]")
_METHOD = re.compile(r"[A-Za-z]{1,20}")


def write(material: Material, out: TextIO) -> None:
    """Write the script. It runs from top to bottom, and stops at a variable that is not set."""
    out.write(
        "#!/bin/sh\n# The requests of a recorded sign-in. Codes work once; set the variables to values of your own,\n"
    )
    out.write(f"# percent-encoded where they stand in URLs and forms. Made by {material.tool}.\nset -u\n")
    known: set[str] = set()
    for entry in material.entries():
        exchange = entry.shown
        answer = f"answered with {exchange.status}" if exchange.status is not None else "not answered"
        out.write(f"\n# exchange {exchange.id}, {answer}\n{command(exchange, known)}")


def command(masked: Exchange, known: set[str]) -> str:
    """The request of a masked exchange as a command; before it, the variables that are not in `known` yet are asked."""
    arguments = list(_arguments(masked))
    lines = []
    for kind, fingerprint in dict.fromkeys(_PLACEHOLDER.findall(" ".join(text for _, text in arguments))):
        name = _variable(kind, fingerprint)
        if name not in known:
            known.add(name)
            lines.append(f': "${{{name}:?set it to the {kind.replace("_", " ")}}}"\n')
    parts = ["curl --silent --show-error --include --globoff"]
    parts += [f"{option} {_quoted(text)}" for option, text in arguments]
    return "".join(lines) + " \\\n    ".join(parts) + "\n"


def _arguments(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Options with their values; --globoff and --data-raw keep curl from interpreting what was captured."""
    yield "--request", exchange.method if _METHOD.fullmatch(exchange.method) else "GET"
    yield "--url", short(exchange.url)
    for name, value in exchange.request_headers:
        scheme, _, credential = value.partition(" ")
        if name.lower() in _MADE_BY_CURL or name.startswith(":"):
            continue
        if name.lower() == "authorization" and scheme.lower() == "basic" and (pair := basic_pair(credential.strip())):
            yield "--user", ":".join(pair)
        else:
            yield "--header", f"{name}: {short(value)}"
    body = content.beginning(exchange.request_headers, exchange.request_body)
    if body:
        yield "--data-raw", short(body.decode(errors="replace"))


def _quoted(text: str) -> str:
    """One word of the shell that holds this text, masked parts as variables. Nothing in it is ever evaluated."""
    parts: list[str] = []
    at = 0
    for match in _PLACEHOLDER.finditer(text):
        parts += _literal(text[at : match.start()]), f'"${_variable(match[1], match[2])}"'
        at = match.end()
    parts.append(_literal(text[at:]))
    return "".join(parts) or "''"


def _literal(text: str) -> str:
    # Line feeds belong to bodies; other characters that do not print would act on the terminal of who reads it.
    return shlex.quote("\n".join(map(visible, text.split("\n")))) if text else ""


def _variable(kind: str, fingerprint: str) -> str:
    return f"{kind}_{fingerprint}".upper()
