"""Scripted clients as data: which parameters a client sends on which leg, and what it checks on the way."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Any, ClassVar, Literal

from inspector.errors import ReferenceFailure

type Pairs = tuple[tuple[str, str], ...]
"""Parameter or header names with value templates, in the order they are sent, if all that a value names is known."""

_EVERYWHERE = {"client_name", "redirect_uri", "mcp_url"}
_AT_AUTHORIZE = _EVERYWHERE | {"client_id", "state", "code_challenge", "code_verifier", "scope", "resource"}
_KNOWN_VALUES = {
    "user_agent": _EVERYWHERE,
    "client_id_metadata": _EVERYWHERE,
    "registration": _EVERYWHERE,
    "authorize": _AT_AUTHORIZE,
    "token": _AT_AUTHORIZE | {"code"},
    "refresh": _AT_AUTHORIZE | {"refresh_token"},
}


@dataclass(frozen=True, slots=True)
class Discovery:
    """How a client finds its way from the 401 to the authorization server.

    `protected_resource` names the places asked for protected resource metadata, in order; none at all means that
    the authorization server is looked for at the MCP server's origin, as in revision 2025-03-26, where it has its
    `default_endpoints` when it publishes no metadata.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    probe_with_get: bool
    headers: Pairs
    protected_resource: tuple[Literal["challenge", "path", "root"], ...]
    authorization_server: tuple[Literal["oauth-authorization-server", "openid-configuration"], ...]
    default_endpoints: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One scripted client. In values, `$name` stands for what the client has learned or made by then.

    `calls` are MCP methods to use once signed in, `tools/call NAME`, or `refresh` to renew the token in between.
    A client is known by its `client_id`, or by the document made of its `client_id_metadata` where the authorization
    server takes one, or it registers, or it uses its `fallback_client_id`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    description: str
    protocol_version: str
    redirect_uri: str
    discovery: Discovery
    registration: dict[str, str | list[str]]
    authorize: Pairs
    token: Pairs
    refresh: Pairs
    calls: tuple[str, ...]
    checks: tuple[Literal["resource", "issuer", "pkce", "state", "iss"], ...]
    client_name: str = ""
    client_version: str = "1.0"
    user_agent: str = ""
    client_id: str = ""
    client_id_metadata: dict[str, str | list[str]] = field(default_factory=dict)
    fallback_client_id: str = ""
    step_up: bool = True

    def own_values(self, mcp_url: str) -> dict[str, str]:
        """What every template may use: the values the client knows before it has asked anybody."""
        return {"client_name": self.client_name, "redirect_uri": self.redirect_uri, "mcp_url": mcp_url}


def filled(metadata: Mapping[str, str | list[str]], values: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Client metadata with its templates filled in."""
    return {
        name: Template(value).substitute(values)
        if isinstance(value, str)
        else [Template(item).substitute(values) for item in value]
        for name, value in metadata.items()
    }


def bundled_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with the program."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _bundle().iterdir()))


def load_profile(source: str | Path) -> Profile:
    """The bundled profile of this name, or the profile in this file (a `Path`, or a name ending in `.toml`).

    Raises:
        ReferenceFailure: there is no such profile, or it says something a profile cannot say.
    """
    if isinstance(source, Path) or source.endswith(".toml"):
        path = Path(source)
        return _validated(_read(path, str(path)) | {"name": path.stem}, str(path))
    return _validated(_read(_bundled(source), source) | {"name": source}, source)


def _bundle() -> Traversable:
    return resources.files(__package__).joinpath("profiles")


def _bundled(name: str) -> Traversable:
    if name not in bundled_profiles():
        raise ReferenceFailure(f"There is no client profile {name!r}; choose one of {', '.join(bundled_profiles())}.")
    return _bundle().joinpath(f"{name}.toml")


def _read(file: Traversable, where: str) -> dict[str, Any]:
    """The file's table on top of the bundled profile it is based on, key by key."""
    try:
        own = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ReferenceFailure(f"The client profile {where} cannot be read ({error.strerror}).") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ReferenceFailure(f"The client profile {where} is not a TOML file: {error}.") from None
    base = own.pop("based_on", None)
    if base is None:
        return own
    return _read(_bundled(str(base)), str(base)) | own


def _validated(table: dict[str, Any], where: str) -> Profile:
    from pydantic import TypeAdapter, ValidationError

    table["client_name"] = table.get("client_name") or table["name"]
    try:
        profile: Profile = TypeAdapter(Profile).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReferenceFailure(f"In the client profile {where}, {place}: {first['msg']}.") from None
    for key, known in _KNOWN_VALUES.items():
        for text in _texts(getattr(profile, key)):
            template = Template(text)
            if not template.is_valid() or not known.issuperset(template.get_identifiers()):
                raise ReferenceFailure(
                    f"In the client profile {where}, {key}: the value {text!r} uses more than "
                    f"{', '.join(f'${name}' for name in sorted(known))}."
                )
    for call in profile.calls:
        if call not in ("tools/list", "refresh") and not call.startswith("tools/call "):
            raise ReferenceFailure(
                f"In the client profile {where}, calls: {call!r} is none of tools/list, tools/call NAME and refresh."
            )
    return profile


def _texts(value: object) -> Iterator[str]:
    """Every string in a value of a profile."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
