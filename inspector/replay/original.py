"""Performs a recorded client at the servers of the recording, signed in by the user, with a client made for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from inspector.display import visible
from inspector.errors import ReplayFailure
from inspector.protocol import content, urls
from inspector.replay.fixes import register_again
from inspector.replay.loopback import LoopbackLogin
from inspector.replay.perform import OnProgress, no_progress
from inspector.replay.profile import LEGS, Profile, ProfileStep
from inspector.replay.reenact import Attempt, attempt
from inspector.replay.throwaway import AGENT, CLIENT_NAME, deregister
from inspector.replay.values import Values, json_text
from inspector.replay.wire import Destinations, Record, Wire
from inspector.session.model import Exchange
from inspector.timeline.message import Kind
from inspector.timeline.run import Run

_ENDPOINTS = {
    "authorization_endpoint": Kind.AUTHORIZE,
    "token_endpoint": Kind.TOKEN,
    "registration_endpoint": Kind.REGISTER,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What performing a client at its own servers means; nothing is sent before somebody agrees to it."""

    run: Run
    profile: Profile
    servers: tuple[str, ...]

    @property
    def registers(self) -> bool:
        """Whether a client is created at the authorization server."""
        return any(step.leg is Kind.REGISTER for step in self.profile.steps)

    def lines(self) -> Iterator[str]:
        """What will be sent and created, before it is, safe for a terminal."""
        yield visible(f"{len(self.profile.recorded)} recorded requests will be performed live at")
        yield from (visible(f"  {server}") for server in self.servers)
        if self.registers:
            yield visible(f"A client is registered there as {CLIENT_NAME!r}, and removed again where that is offered.")
        else:
            yield visible(f"The client {self.profile.client_id} is used; it must allow a redirect to 127.0.0.1.")
        yield "Your browser opens, and you sign in with your own account. No recorded secret is sent."
        yield "The token that comes back is written to the session, like every other answer."


@dataclass(frozen=True, slots=True)
class AtOriginal:
    """What came of it; `remarks` are sentences on what was created and removed."""

    attempt: Attempt
    remarks: tuple[str, ...]


def plan_of(run: Run, profile: Profile, *, client_id: str = "") -> Plan:
    """How a client is performed at the servers of its recording.

    `client_id` is a client that the authorization server knows; without one a client is registered.

    Raises:
        ReplayFailure: an address of the recording is none that can be sent to.
    """
    if client_id:
        steps = tuple(step for step in profile.steps if step.leg is not Kind.REGISTER)
        profile = replace(profile, client_id=client_id, document=False, steps=steps)
    elif profile.client_id or profile.document or not any(step.leg is Kind.REGISTER for step in profile.steps):
        profile = register_again(profile)
    profile = replace(
        profile,
        steps=tuple(_for_real(step) for step in profile.steps),
        notes=(*profile.notes, "Redirect URI, client name and missing User-Agents are those of the replay."),
    )
    addresses = [run.server_url, run.issuer or ""]
    addresses += [message.url for message in run.of(*LEGS)]
    for message in run.of(Kind.SERVER_METADATA):
        if document := message.good_document:
            addresses += [document.text(name) or "" for name in _ENDPOINTS]
    servers = tuple(dict.fromkeys(found for address in addresses if (found := urls.origin(address))))
    Destinations(servers)
    if not run.server_url:
        raise ReplayFailure("The recording does not show the MCP server, so there is nothing to perform it at.")
    return Plan(run, profile, servers)


async def perform_at_original(
    plan: Plan,
    *,
    record: Record,
    login: LoopbackLogin,
    change: Callable[[Profile], Profile] | None = None,
    label: str = "replay at the original servers",
    on_progress: OnProgress = no_progress,
) -> AtOriginal:
    """Perform the client as planned; whoever calls this has shown the plan. `login` is entered already.

    What was registered is removed again also when it is stopped or goes wrong.

    Raises:
        ReplayFailure: a request cannot be sent at all.
    """
    registered: list[Exchange] = []

    def kept(exchange: Exchange) -> Exchange:
        done = record(exchange)
        sent = content.json_value(done.request_headers, done.request_body)
        if done.method == "POST" and isinstance(sent, dict) and "redirect_uris" in sent:
            registered.append(done)
        return done

    destinations = Destinations(plan.servers)
    changed = change(plan.profile) if change else plan.profile
    profile = replace(changed, redirect_uri=login.redirect_uri)
    try:
        made = await attempt(
            profile,
            _values(plan.run),
            destinations,
            label=label,
            record=kept,
            on_progress=on_progress,
            browse=login,
        )
    finally:
        async with Wire(destinations, record=record, label=label) as wire:
            remarks = [await deregister(wire, registration) for registration in registered]
    return AtOriginal(made, tuple(remark for remark in remarks if remark))


def _values(run: Run) -> Values:
    """What the client knew without being told in the recording; what it is told now replaces it."""
    values = Values(run.server_url, run.issuer or "")
    for name, kind in _ENDPOINTS.items():
        if url := next((message.url for message in run.of(kind)), None):
            values.set(f"as.{name}", url)
    return values


def _for_real(step: ProfileStep) -> ProfileStep:
    """A step as a real server takes it: with a User-Agent, and registering under a name that says what it is."""
    if step.leg is Kind.AUTHORIZE:
        return step
    agent = next((value for name, value in step.headers if name.lower() == "user-agent"), "")
    if not agent or agent.lower().startswith("python-urllib"):
        others = tuple(pair for pair in step.headers if pair[0].lower() != "user-agent")
        step = replace(step, headers=(*others, ("User-Agent", AGENT)))
    if step.leg is Kind.REGISTER:
        metadata = content.parse_json(step.body)
        if isinstance(metadata, dict):
            named = {"client_name": CLIENT_NAME, "redirect_uris": ["${redirect_uri}"]}
            return replace(step, body=json_text(metadata | named))
    return step
