"""Wire patches: small, named changes to messages on their way, to try what a fix of one side would do.

A patch is written `NAME` or `NAME=VALUE`. Where it is about one leg only, the leg stands before the value:
`set-parameter=authorize:prompt=consent`. Values are upstream's own, also behind a gateway.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from addons.json_text import drop_member, set_member
from addons.legs import FORM, Leg, media_type
from addons.parameters import add_parameter, drop_parameter, pairs_of, set_parameter
from addons.parts import Parts
from inspector.errors import InspectorError

_PARAMETER_LEGS = frozenset({Leg.AUTHORIZE, Leg.TOKEN, Leg.REFRESH, Leg.REGISTER})
_RESOURCE_LEGS = _PARAMETER_LEGS - {Leg.REGISTER}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name: a token of RFC 9110 section 5.6.2."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch that is switched on. `leg` None stands for every leg that this kind of patch is about."""

    name: str
    leg: Leg | None
    key: str = ""
    value: str = ""

    @property
    def title(self) -> str:
        """What it changes, without the value, which may be a secret."""
        return f"{self.name} {self.key}".rstrip()

    def __str__(self) -> str:
        """As the user writes it."""
        leg = f"{self.leg}:" if self.leg else ""
        values = "=".join(filter(None, (self.key, self.value)))
        return f"{self.name}={leg}{values}" if leg or values else self.name


@dataclass(frozen=True, slots=True)
class Kind:
    """What the patches of one name are about and do.

    `takes` is what is written behind the name: nothing, `[VALUE]`, `VALUE`, `NAME` or `NAME=VALUE`. `change` gives the
    parts as they are to be; it sees the resource that metadata names for this authorization server, empty when none
    was seen. `on_request` legs only count where the user names one. `answers` change responses, others requests.
    """

    what: str
    takes: str
    legs: frozenset[Leg]
    change: Callable[[Parts, Patch, str], Parts]
    answers: bool = False
    on_request: frozenset[Leg] = frozenset()


def parse_patch(text: str) -> Patch:
    """Read a patch as users write it. Raises InspectorError when it is none."""
    name, _, rest = text.partition("=")
    kind = KINDS.get(name)
    if kind is None:
        raise InspectorError(f"There is no wire patch {name!r}; there are {', '.join(KINDS)}.")
    before, colon, after = rest.partition(":")
    leg = Leg(before) if colon and before in kind.legs | kind.on_request else None
    rest = after if leg else rest
    key, equals, value = rest.partition("=") if kind.takes.startswith("NAME") else ("", "", rest)
    fits = {
        "": not rest,
        "[VALUE]": True,
        "VALUE": bool(rest),
        "NAME": bool(key) and not equals,
        "NAME=VALUE": bool(key and equals),
    }
    if not fits[kind.takes]:
        raise InspectorError(f"The wire patch {name} is written {name}{'=' if kind.takes else ''}{kind.takes}.")
    if name.endswith("-header") and not _NAME.fullmatch(key):
        raise InspectorError(f"{key!r} is not the name of a header; {name} takes one such as User-Agent.")
    if not rest.isascii() or (rest and not rest.isprintable()):
        raise InspectorError(f"The wire patch {name} takes printable ASCII only.")
    return Patch(name, leg, key, value)


class Patches:
    """The patches that are switched on, and how often each has changed something."""

    def __init__(self) -> None:
        self.active: list[Patch] = []
        self.applied: Counter[Patch] = Counter()

    def switch_on(self, text: str) -> Patch:
        """Switch a patch on; another value for the same thing replaces it. Raises InspectorError when it is none."""
        patch = parse_patch(text)
        self.active = [each for each in self.active if not _same_thing(each, patch)] + [patch]
        return patch

    def switch_off(self, text: str) -> list[Patch]:
        """Switch off the patch written so, or every one of that name, and give those that were on."""
        off = [each for each in self.active if text in (str(each), each.name)]
        self.active = [each for each in self.active if each not in off]
        return off

    def request(self, leg: Leg, parts: Parts, resource: str) -> list[tuple[Patch, Parts]]:
        """Each patch that changes a request, with the parts after it."""
        return self._apply(leg, parts, resource, answers=False)

    def response(self, leg: Leg, parts: Parts, resource: str) -> list[tuple[Patch, Parts]]:
        """The same for the response to a request of that leg."""
        return self._apply(leg, parts, resource, answers=True)

    def touches_response(self, leg: Leg) -> bool:
        """Whether a patch may change the body of a response, which has to be held then."""
        documents = (Leg.SERVER_METADATA, Leg.RESOURCE_METADATA)
        return leg in documents and any(KINDS[each.name].answers and leg in _legs(each) for each in self.active)

    def _apply(self, leg: Leg, parts: Parts, resource: str, *, answers: bool) -> list[tuple[Patch, Parts]]:
        changed = []
        for patch in self.active:
            kind = KINDS[patch.name]
            if kind.answers is not answers or leg not in _legs(patch):
                continue
            after = kind.change(parts, patch, resource)
            if after != parts:
                changed.append((patch, after))
                self.applied[patch] += 1
                parts = after
        return changed


def _legs(patch: Patch) -> frozenset[Leg]:
    return frozenset({patch.leg}) if patch.leg else KINDS[patch.name].legs


def _same_thing(one: Patch, other: Patch) -> bool:
    return (one.name, one.leg, one.key.lower()) == (other.name, other.leg, other.key.lower())


def _with_parameters(parts: Parts, change: Callable[[str], str]) -> Parts:
    """The parameters of a form or, where there is none, of the query."""
    if media_type(parts.header("content-type")) == FORM:
        return replace(parts, body=change(parts.body.decode("latin-1")).encode("latin-1"))
    path, mark, query = parts.path.partition("?")
    changed = change(query)
    return replace(parts, path=f"{path}{mark or '?'}{changed}" if changed else path)


def _with_document(parts: Parts, change: Callable[[str], str]) -> Parts:
    """The members of a JSON object; a body that is none stays."""
    try:
        return replace(parts, body=change(parts.body.decode()).encode())
    except (ValueError, RecursionError):
        return parts


def _parameters(parts: Parts) -> dict[str, str]:
    found: dict[str, str] = {}

    def look(encoded: str) -> str:
        found.update(pairs_of(encoded))
        return encoded

    _with_parameters(parts, look)
    return found


def _add_resource(parts: Parts, patch: Patch, resource: str) -> Parts:
    value, given = patch.value or resource, _parameters(parts)
    # A request_uri stands for parameters that went up before, and took the resource along.
    if not value or "resource" in given or "request_uri" in given:
        return parts
    return _with_parameters(parts, lambda encoded: add_parameter(encoded, "resource", value))


def _drop_resource(parts: Parts, _patch: Patch, _resource: str) -> Parts:
    return _with_parameters(parts, lambda encoded: drop_parameter(encoded, "resource"))


def _fix_slash(parts: Parts, patch: Patch, resource: str) -> Parts:
    right, sent = patch.value or resource, _parameters(parts).get("resource", "")
    if not right or sent == right or sent.rstrip("/") != right.rstrip("/"):
        return parts
    return _with_parameters(parts, lambda encoded: set_parameter(encoded, "resource", right))


def _set_parameter(parts: Parts, patch: Patch, _resource: str) -> Parts:
    if _is_json(parts):
        return _set_member(parts, patch, "")
    return _with_parameters(parts, lambda encoded: set_parameter(encoded, patch.key, patch.value))


def _drop_parameter(parts: Parts, patch: Patch, _resource: str) -> Parts:
    if _is_json(parts):
        return _drop_member(parts, patch, "")
    return _with_parameters(parts, lambda encoded: drop_parameter(encoded, patch.key))


def _set_header(parts: Parts, patch: Patch, _resource: str) -> Parts:
    kept = tuple(pair for pair in parts.headers if pair[0].lower() != patch.key.lower())
    return (
        parts if parts.header(patch.key) == patch.value else replace(parts, headers=(*kept, (patch.key, patch.value)))
    )


def _drop_header(parts: Parts, patch: Patch, _resource: str) -> Parts:
    return replace(parts, headers=tuple(pair for pair in parts.headers if pair[0].lower() != patch.key.lower()))


def _set_member(parts: Parts, patch: Patch, _resource: str) -> Parts:
    return _with_document(parts, lambda text: set_member(text, patch.key, _json_value(patch.value)))


def _drop_member(parts: Parts, patch: Patch, _resource: str) -> Parts:
    return _with_document(parts, lambda text: drop_member(text, patch.key))


def _pkce_methods(parts: Parts, _patch: Patch, _resource: str) -> Parts:
    name = "code_challenge_methods_supported"
    return _with_document(parts, lambda text: text if name in json.loads(text) else set_member(text, name, ["S256"]))


def _add_challenge(parts: Parts, patch: Patch, _resource: str) -> Parts:
    if parts.status != 401 or "resource_metadata" in parts.header("www-authenticate").lower():
        return parts
    return replace(parts, headers=(*parts.headers, ("WWW-Authenticate", f'Bearer resource_metadata="{patch.value}"')))


def _is_json(parts: Parts) -> bool:
    return media_type(parts.header("content-type")) == "application/json"


def _json_value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


KINDS: dict[str, Kind] = {
    "add-resource": Kind(
        "Say which server the token is for where the client does not (RFC 8707); without a value, the resource that "
        "the protected resource metadata names, or else the MCP server's URL.",
        "[VALUE]",
        _RESOURCE_LEGS,
        _add_resource,
    ),
    "drop-resource": Kind("Leave resource out, as older clients do.", "", _RESOURCE_LEGS, _drop_resource),
    "fix-resource-slash": Kind(
        "Make the slash at the end of resource that of the protected resource metadata, or of the value.",
        "[VALUE]",
        _RESOURCE_LEGS,
        _fix_slash,
    ),
    "set-parameter": Kind(
        "Set a parameter of the authorize, token, refresh and register requests.",
        "NAME=VALUE",
        _PARAMETER_LEGS,
        _set_parameter,
    ),
    "drop-parameter": Kind("Leave such a parameter out.", "NAME", _PARAMETER_LEGS, _drop_parameter),
    "set-header": Kind("Set a header of every recorded request.", "NAME=VALUE", frozenset(Leg), _set_header),
    "drop-header": Kind("Leave a header out of every recorded request.", "NAME", frozenset(Leg), _drop_header),
    "pkce-methods": Kind(
        "Let the authorization server metadata say that PKCE with S256 is supported, where it says nothing.",
        "",
        frozenset({Leg.SERVER_METADATA}),
        _pkce_methods,
        answers=True,
    ),
    "set-metadata": Kind(
        "Give a member of the authorization server metadata (or resource-metadata:) another value, as JSON.",
        "NAME=VALUE",
        frozenset({Leg.SERVER_METADATA}),
        _set_member,
        answers=True,
        on_request=frozenset({Leg.RESOURCE_METADATA}),
    ),
    "drop-metadata": Kind(
        "Leave such a member out; without client_id_metadata_document_supported clients register.",
        "NAME",
        frozenset({Leg.SERVER_METADATA}),
        _drop_member,
        answers=True,
        on_request=frozenset({Leg.RESOURCE_METADATA}),
    ),
    "add-challenge": Kind(
        "Name that URL as the protected resource metadata in a 401 that names none.",
        "VALUE",
        frozenset({Leg.MCP}),
        _add_challenge,
        answers=True,
    ),
}
"""Every kind of patch by its name."""
