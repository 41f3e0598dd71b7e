"""A recorded client as data: every request it sent, in order, with what ties a sign-in together left open.

This is not the profile of a scripted client (`inspector.reference.profile`). That one is a program: it says how a
client behaves at any server. What one recording shows is what a client did at one server; how it would have behaved
elsewhere cannot be read from it, and is not made up here.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from inspector.errors import ReplayFailure
from inspector.replay.encoding import DEFAULT_STYLE, STYLES, Pairs
from inspector.replay.values import Placeholders
from inspector.timeline.message import Kind

FORMAT = 1
_STRING = r'"(?:[^"\\]|\\.)*"'

LEGS = (
    Kind.MCP,
    Kind.RESOURCE_METADATA,
    Kind.SERVER_METADATA,
    Kind.KEYS,
    Kind.PREFLIGHT,
    Kind.REGISTER,
    Kind.AUTHORIZE,
    Kind.TOKEN,
)
"""What a profile can hold, by the names of the timeline."""


@dataclass(frozen=True, slots=True)
class ProfileStep:
    """One request. Everything but `leg`, `method`, `style` and `outcome` is a template (`${client_id}`).

    `query` and `form` are decoded pairs in wire order, written in `style`; `body` is any other body. `outcome` is how
    it ended in the recording: a status with an OAuth error code, `code` for an authorization that gave one, empty when
    that was not captured. A step is `assumed` when it was not recorded, and is only performed where the recording
    ended in a refusal that does not happen now.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    leg: Kind
    method: str
    url: str
    query: Pairs = ()
    headers: Pairs = ()
    form: Pairs = ()
    body: str = ""
    style: str = DEFAULT_STYLE
    outcome: str = ""
    assumed: bool = False

    @property
    def grant_type(self) -> str:
        """The grant of a token request."""
        return next((value for name, value in self.form if name == "grant_type"), "")

    @property
    def has_token(self) -> bool:
        """Whether the request carries an access token in the header (RFC 6750 section 2.1)."""
        return any(name.lower() == "authorization" and "access_token}" in value for name, value in self.headers)

    @property
    def parameters(self) -> Pairs:
        """The OAuth parameters, where this leg has them."""
        return self.query if self.leg is Kind.AUTHORIZE and not self.form else self.form

    def with_parameters(self, pairs: Pairs) -> "ProfileStep":
        """The same step with other OAuth parameters."""
        if self.leg is Kind.AUTHORIZE and not self.form:
            return replace(self, query=pairs)
        return replace(self, form=pairs)

    def texts(self) -> Iterator[str]:
        """Every template of the step."""
        yield self.url
        yield self.body
        for name, value in (*self.query, *self.headers, *self.form):
            yield name
            yield value


@dataclass(frozen=True, slots=True)
class Profile:
    """One recorded client at one server.

    `redirect_uri` is where it wants the answer of the authorization server. `client_id` is the one it was given before
    the recording, empty when it registers; `document` is set for a client that is known by a metadata document of its
    own (CIMD). `notes` say what was left out or assumed, for people.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    client: str
    revision: str
    steps: tuple[ProfileStep, ...]
    redirect_uri: str = ""
    client_id: str = ""
    document: bool = False
    notes: tuple[str, ...] = ()

    @property
    def recorded(self) -> tuple[ProfileStep, ...]:
        """The steps that were recorded."""
        return tuple(step for step in self.steps if not step.assumed)

    def changed(self, *legs: Kind, by: Callable[[ProfileStep], ProfileStep]) -> "Profile":
        """The same client with a change to every step of these legs; all steps when none are named."""
        return replace(self, steps=tuple(by(step) if not legs or step.leg in legs else step for step in self.steps))


def to_table(profile: Profile) -> dict[str, Any]:
    """The profile as a TOML table; what says nothing is left out."""
    table = {name: value for name, value in asdict(profile).items() if value and name != "steps"}
    steps = []
    for step in profile.steps:
        kept = {name: value for name, value in asdict(step).items() if value}
        kept["leg"] = step.leg.value
        if step.style == DEFAULT_STYLE:
            del kept["style"]
        steps.append(kept)
    return {"format": FORMAT, **table, "step": steps}


def from_table(table: dict[str, Any], where: str) -> Profile:
    """The profile in a TOML table.

    Raises ReplayFailure when it says something that a profile cannot say.
    """
    from pydantic import TypeAdapter, ValidationError

    table = dict(table)
    if (version := table.pop("format", None)) != FORMAT:
        raise ReplayFailure(f"{where} is no client profile of format {FORMAT} (format = {version!r}).")
    table["steps"] = table.pop("step", [])
    try:
        profile: Profile = TypeAdapter(Profile).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReplayFailure(f"In {where}, {place}: {first['msg']}.") from None
    if not profile.steps:
        raise ReplayFailure(f"{where} has no step; a profile needs at least one.")
    for number, step in enumerate(profile.steps, 1):
        problem = _problem(step)
        if problem:
            raise ReplayFailure(f"In {where}, step {number} ({step.leg}): {problem}.")
    return profile


def _problem(step: ProfileStep) -> str:
    if step.leg not in LEGS:
        return f"a profile has no leg {step.leg}; choose one of {', '.join(LEGS)}"
    if step.style not in STYLES:
        return f"there is no style {step.style!r}; choose one of {', '.join(STYLES)}"
    if not all(Placeholders(text).is_valid() for text in step.texts()):
        return "a dollar sign stands for nothing; write ${name} for a value, and $$ for the sign itself"
    return ""


def save_profile(profile: Profile, path: Path) -> None:
    """Write a profile as TOML; it holds no secret.

    Raises ReplayFailure when the file cannot be written.
    """
    write_toml(to_table(profile), path, "A client as it was recorded; ${name} is a value made anew in each replay.")


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises ReplayFailure when the file cannot be read, or is none.
    """
    return from_table(read_toml(path), str(path))


def write_toml(table: dict[str, Any], path: Path, comment: str) -> None:
    """Write a TOML file with a comment in front.

    Raises ReplayFailure when that cannot be done.
    """
    import tomli_w

    try:
        path.write_text(f"# {comment}\n{_readable(tomli_w.dumps(table))}", "utf-8")
    except OSError as error:
        raise ReplayFailure(f"{path} cannot be written ({error.strerror}); choose another place.") from None


def _readable(toml: str) -> str:
    """A pair on one line, and JSON without a backslash before every quote: people edit this."""
    toml = re.sub(rf"\[\n\s+({_STRING}),\n\s+({_STRING}),\n\s+\]", r"[\1, \2]", toml)
    return re.sub(r'^body = "(.*)"$', _literal, toml, flags=re.MULTILINE)


def _literal(line: re.Match[str]) -> str:
    text = tomllib.loads(line[0])["body"]
    return line[0] if "'" in text or not text.isprintable() else f"body = '{text}'"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises ReplayFailure when it cannot be read, or is none.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ReplayFailure(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ReplayFailure(f"{path} is not a TOML file: {error}.") from None
