"""Performs a profile live: each recorded request again, with the values of now in the place of those of then."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from inspector.protocol import urls
from inspector.protocol.params import Params
from inspector.reference.browser import BrowserStopped, followed
from inspector.replay.encoding import DEFAULT_STYLE, Pairs, write
from inspector.replay.from_run import outcome_of
from inspector.replay.profile import Profile, ProfileStep
from inspector.replay.standard import is_refusal
from inspector.replay.values import Unknown, Values, names_in
from inspector.replay.wire import NotNamed, Wire, as_response
from inspector.timeline.message import Kind, Message

_DISCOVERY = (Kind.RESOURCE_METADATA, Kind.SERVER_METADATA, Kind.KEYS, Kind.PREFLIGHT)
_BROWSER_AGENT = "Mozilla/5.0 (compatible; replay)"
_RPC_METHOD = re.compile(r'"method"\s*:\s*"([^"]*)"')
_NAMES = {
    Kind.RESOURCE_METADATA: "protected resource metadata",
    Kind.SERVER_METADATA: "authorization server metadata",
    Kind.KEYS: "signing keys",
    Kind.PREFLIGHT: "CORS preflight",
    Kind.REGISTER: "registration",
    Kind.AUTHORIZE: "authorization",
    Kind.TOKEN: "token request",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is: `done` of `total` steps, and what came of the last one. `label` says which replay."""

    label: str
    done: int
    total: int
    what: str
    outcome: str


type OnProgress = Callable[[Progress], None]


type Browse = Callable[[str, str, Wire], Awaitable[str]]
"""Takes an authorization request to the user and gives the URL with the answer: called with URL and redirect URI.

Raises BrowserStopped when there is none, httpx.HTTPError when a server does not answer.
"""


def no_progress(progress: Progress) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Performance:
    """How each performed step ended, and why it went no further where the client was not at its end."""

    profile: Profile
    outcomes: list[tuple[ProfileStep, str]] = field(default_factory=list)
    ended: str = ""


def name_of(step: ProfileStep) -> str:
    """A step in a few words."""
    if step.leg is Kind.MCP:
        return _rpc_method(step) or f"{step.method} to the MCP server"
    return "refresh" if step.grant_type == "refresh_token" else _NAMES[step.leg]


async def perform(
    profile: Profile,
    values: Values,
    wire: Wire,
    *,
    label: str = "",
    on_progress: OnProgress = no_progress,
    browse: Browse | None = None,
) -> Performance:
    """Perform a profile at the servers of `values`. A refusal is a result, not an error.

    The client goes the way it went in the recording as long as the servers answer as they did there. Where they refuse
    what they did not refuse, it stops. Where they take what they had refused, it leaves out how it dealt with the
    refusal. `browse` is the leg through the browser; without one, redirects are followed, and a form is answered where
    it is on this machine.

    Raises:
        ReplayFailure: a request cannot be sent at all.
    """
    browse = browse or _scripted_browser
    made = Performance(profile)
    values.set("redirect_uri", profile.redirect_uri)
    if profile.client_id:
        values.set("client_id", profile.client_id)
    place = 0
    while place < len(profile.steps):
        step = profile.steps[place]
        if step.assumed and made.outcomes and is_refusal(made.outcomes[-1][1]):
            break
        try:
            outcome, problem = await _send(step, values, wire, browse)
        except Unknown as unknown:
            if step.leg not in _DISCOVERY:
                made.ended = f"The {name_of(step)} needs {_in_words(str(unknown))}, which no server gave."
                break
            place += 1
            continue
        except NotNamed as refusal:
            made.ended = f"The {name_of(step)} would have left the replay. {refusal}"
            break
        made.outcomes.append((step, outcome))
        on_progress(Progress(label, place + 1, len(profile.steps), name_of(step), outcome))
        if not outcome:
            made.ended = f"The {name_of(step)} got no answer: {problem or 'the connection broke'}."
            break
        if _stops(step, outcome):
            made.ended = f"The {name_of(step)} ended with {outcome}, where the recording has {step.outcome}."
            break
        place = _next(profile.steps, place, outcome)
    return made


async def _send(step: ProfileStep, values: Values, wire: Wire, browse: Browse) -> tuple[str, str]:
    """Send one request; how it ended, and why not where it got no answer."""
    if step.leg is Kind.AUTHORIZE:
        values.make_proof()
    url = values.fill(step.url)
    if step.query:
        style = DEFAULT_STYLE if step.form else step.style
        url += ("&" if "?" in url else "?") + write(_filled(step.query, values), style)
    if step.leg is Kind.AUTHORIZE and step.method == "GET":
        return await _authorize(url, values, wire, browse)
    body = write(_filled(step.form, values), step.style) if step.form else values.fill(step.body)
    # A server that gave no session, or agreed on a revision without the header, wants to hear of neither.
    headers = tuple(
        (name, value)
        for name, value in step.headers
        if not value.startswith("${mcp.") or all(values.get(known) is not None for known in names_in(value))
    )
    exchange = await wire.send(step.method, url, _filled(headers, values), body.encode(errors="replace"))
    message = Message(exchange, step.leg)
    values.learn(message)
    return outcome_of(message), exchange.error


def _filled(pairs: Pairs, values: Values) -> Pairs:
    return tuple((values.fill(name), values.fill(value)) for name, value in pairs)


async def _authorize(url: str, values: Values, wire: Wire, browse: Browse) -> tuple[str, str]:
    """The leg through the browser; the code is what the client learns."""
    try:
        answer = await browse(url, values.get("redirect_uri") or "", wire)
    except BrowserStopped:
        return "page", ""
    except httpx.HTTPError as error:
        return "", str(error)
    given = Params.parse(urls.query_of(answer))
    if code := given.get("code"):
        values.set("code", code)
        return "code", ""
    return f"error {given.get('error')}", ""


async def _scripted_browser(url: str, redirect_uri: str, wire: Wire) -> str:
    """Follow the pages of the authorization server as a browser would."""
    exchange = await wire.send("GET", url, (("User-Agent", _BROWSER_AGENT),))
    if exchange.status is None:
        raise httpx.ConnectError(exchange.error)
    async with wire.browser(_BROWSER_AGENT) as browser:
        on_this_machine = urls.is_loopback(url)
        return await followed(browser, as_response(exchange), redirect_uri, answer_forms=on_this_machine)


def _stops(step: ProfileStep, outcome: str) -> bool:
    """Whether the recording does not show what the client does after this."""
    if step.leg in _DISCOVERY or (step.method in ("GET", "DELETE") and step.leg is Kind.MCP):
        return False
    if not is_refusal(outcome) or not step.outcome:
        return False
    if _rpc_method(step) == "tools/call" and outcome.startswith("400"):
        return False  # another server has other tools
    # What a client does after another refusal than the recorded one is not known.
    return not is_refusal(step.outcome) or step.outcome.split()[0] != outcome.split()[0]


def _next(steps: Sequence[ProfileStep], place: int, outcome: str) -> int:
    """The step that follows: the next one, or where the client goes when it is not refused as it was."""
    step, following = steps[place], place + 1
    if is_refusal(outcome) or not is_refusal(step.outcome):
        return following
    match step.leg:
        case Kind.RESOURCE_METADATA | Kind.SERVER_METADATA:
            while following < len(steps) and steps[following].leg is step.leg:
                following += 1
            return following
        case Kind.REGISTER:
            wanted = [n for n, s in enumerate(steps) if n > place and s.leg is Kind.AUTHORIZE]
        case Kind.AUTHORIZE:
            wanted = [n for n, s in enumerate(steps) if n > place and s.grant_type == "authorization_code"]
        case Kind.TOKEN:
            wanted = [n for n, s in enumerate(steps) if n > place and s.leg is Kind.MCP]
        case Kind.MCP:
            wanted = [n for n, s in enumerate(steps) if n > place and s.leg is Kind.MCP and _what(s) != _what(step)]
        case _:
            return following
    return wanted[0] if wanted else len(steps)


def _what(step: ProfileStep) -> tuple[str, str]:
    return step.method, _rpc_method(step)


def _rpc_method(step: ProfileStep) -> str:
    found = _RPC_METHOD.search(step.body)
    return found[1] if found else ""


def _in_words(name: str) -> str:
    return f"`{name.removeprefix('as.').removeprefix('prm.').removeprefix('challenge.')}`"
