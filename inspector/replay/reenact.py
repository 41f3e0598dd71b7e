"""Performs a recorded client at the bundled reference servers, as it was or with a change, and judges what it does."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from inspector.reference.authkit.store import Client
from inspector.reference.client_document import published
from inspector.reference.pair import Reference
from inspector.replay.compare import Difference, changes, compare
from inspector.replay.fixes import Fix
from inspector.replay.from_run import completed, profile_of
from inspector.replay.mirror import Mirror, mirror_of
from inspector.replay.perform import Browse, OnProgress, Performance, name_of, no_progress, perform
from inspector.replay.profile import Profile
from inspector.replay.values import Values
from inspector.replay.wire import Destinations, Record, Wire
from inspector.session.model import Exchange
from inspector.timeline.message import Kind
from inspector.verdict.analysis import analyse
from inspector.verdict.evidence import works
from inspector.verdict.model import Judged
from inspector.verdict.proof import Ending, Proof, prove

REFERENCE = "the reference servers"
_SECRET_BY_HAND = secrets.token_urlsafe(16)


class InMemory:
    """Keeps the exchanges of replays that belong to no session."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> Exchange:
        """Give the exchange a number."""
        kept = replace(exchange, id=len(self.exchanges) + 1, changed=len(self.exchanges) + 1)
        self.exchanges.append(kept)
        return kept


@dataclass(frozen=True, slots=True)
class Attempt:
    """One performance with the exchanges it made and what the rules and the verdict say about them.

    `judged` is None when no request reached the MCP server.
    """

    label: str
    performance: Performance
    exchanges: tuple[Exchange, ...]
    judged: Judged | None

    @property
    def ending(self) -> Ending:
        """How it went, for a proof."""
        run = self.judged.run if self.judged else None
        verdict = self.judged.verdict if self.judged else None
        outcomes = self.performance.outcomes
        last = f"{name_of(outcomes[-1][0])}: {outcomes[-1][1]}" if outcomes else "nothing was sent"
        audiences = [t.token.audiences for t in run.token_exchanges if t.token] if run else []
        return Ending(
            server=run.server_url if run else "",
            authorized=run is not None and works(run),
            status=next((e.status for e in reversed(self.exchanges)), None),
            audience=tuple(audiences[-1] or ()) if audiences else (),
            cause=verdict.cause if verdict else None,
            findings=tuple({f.rule: None for f in self.judged.checked.findings}) if self.judged else (),
            said=last,
        )

    def differences(self, recorded: Profile) -> tuple[Difference, ...]:
        """How what was sent differs from what was recorded, correlated values and mapped origins aside."""
        styles = [step.style for step in recorded.steps]
        sent = profile_of(self.judged.run, styles).steps if self.judged else ()
        beyond = sum(step.assumed for step, _ in self.performance.outcomes)  # these are the last ones
        return compare(recorded.recorded, sent[: len(sent) - beyond])


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The same client twice: as it was, and with one change. `verdict` is the one that the proof is about."""

    original: Judged
    mirror: Mirror
    before: Attempt
    after: Attempt
    proof: Proof


async def reenact(
    profile: Profile,
    mirror: Mirror,
    *,
    label: str = "replay",
    record: Record | None = None,
    on_progress: OnProgress = no_progress,
) -> Attempt:
    """Perform a client at reference servers of its own, set up like `mirror`. Cancel the task to stop it.

    Every exchange goes through `record`, marked as a replay and with `label`.

    Raises:
        ReplayFailure: the profile asks for a request that cannot be sent.
        ReferenceFailure: the servers cannot be set up like that.
    """
    async with Reference(mirror.settings, faults=mirror.faults) as pair:
        _know_client(pair, profile)
        values = Values(pair.mcp_url)
        _remember(values, profile, pair)
        aliases = [url.replace("localhost", "127.0.0.1", 1) for url in (pair.mcp_url, pair.issuer)]
        destinations = Destinations((pair.mcp_url, pair.issuer, *aliases))
        return await attempt(profile, values, destinations, label=label, record=record, on_progress=on_progress)


async def attempt(
    profile: Profile,
    values: Values,
    destinations: Destinations,
    *,
    label: str,
    record: Record | None = None,
    on_progress: OnProgress = no_progress,
    browse: Browse | None = None,
) -> Attempt:
    """Perform a client at servers that run already, and judge it. `browse` is the leg through the browser.

    Raises:
        ReplayFailure: the profile asks for a request that cannot be sent.
    """
    made: list[Exchange] = []
    keep = record or InMemory()
    async with (
        _document(profile, values),
        Wire(destinations, record=keep, label=label, on_exchange=made.append) as wire,
    ):
        performance = await perform(profile, values, wire, label=label, on_progress=on_progress, browse=browse)
    return Attempt(label, performance, tuple(made), _judged(made, values.fill("${mcp_url}")))


async def what_if(
    judged: Judged,
    *,
    profile: Profile | None = None,
    fixes: Sequence[Fix] = (),
    server_faults: tuple[str, ...] = (),
    record: Record | None = None,
    on_progress: OnProgress = no_progress,
) -> WhatIf:
    """Perform the client of a run twice at the reference servers: as it was, and with fixes or faults of the server.

    Raises:
        ReplayFailure: the client cannot be performed.
        ReferenceFailure: a fault is unknown, or contradicts how the servers of the recording behaved.
    """
    whole = completed(profile or profile_of(judged.run))
    mirror = mirror_of(judged.run)
    changed = whole
    for fix in fixes:
        changed = fix.change(changed)
    other = mirror.with_faults(server_faults) if server_faults else mirror
    source = f"replay of run {judged.run.id}"
    names = ", ".join((*(fix.name for fix in fixes), *server_faults))
    before = await reenact(whole, mirror, label=source, record=record, on_progress=on_progress)
    after = await reenact(changed, other, label=f"{source} with {names}", record=record, on_progress=on_progress)
    return WhatIf(judged, mirror, before, after, proof_of(judged, before, after, fixes, server_faults))


def proof_of(
    judged: Judged,
    before: Attempt,
    after: Attempt,
    fixes: Sequence[Fix],
    server_faults: tuple[str, ...] = (),
    against: str = REFERENCE,
) -> Proof:
    """What two attempts prove about a verdict, or about the fault that the fix is made for."""
    said = [change_in_words(before.performance.profile, after.performance.profile, fixes)] if fixes else []
    said += [f"the servers with {', '.join(server_faults)}"] if server_faults else []
    cause = judged.verdict.cause
    mended = [rule for fix in fixes for rule in fix.rules]
    shown = [rule for rule in before.ending.findings if rule in mended]
    return prove(
        cause if cause in mended or not shown else shown[0],
        ", ".join(said) or "nothing changed",
        against,
        before.ending,
        after.ending,
        first_difference(before, after),
    )


def change_in_words(before: Profile, after: Profile, fixes: Sequence[Fix] = ()) -> str:
    """What a fix changed, in a few words: the parameters by name, and on how many requests."""
    found = changes(before, after)
    parameters = [each for each in found if each.part in ("query", "form")]
    if not parameters or len(parameters) < len(found):
        return " and ".join(fix.description for fix in fixes) or "changed by hand"
    said = []
    for verb, chosen in (
        ("added", [each for each in parameters if each.one is None]),
        ("changed", [each for each in parameters if each.one is not None and each.other is not None]),
        ("left out", [each for each in parameters if each.other is None]),
    ):
        if chosen:
            *most, last = dict.fromkeys(each.name for each in chosen)
            names = f"{', '.join(most)} and {last}" if most else last
            steps = {each.step for each in chosen}
            said.append(f"{names} {verb} on {len(steps)} request{'' if len(steps) == 1 else 's'}")
    return ", ".join(said)


def first_difference(before: Attempt, after: Attempt) -> str:
    """Where the two first were answered differently; empty when nowhere."""
    left, right = before.performance.outcomes, after.performance.outcomes
    for (step, one), (changed, other) in zip(left, right, strict=False):
        if name_of(step) != name_of(changed):
            return f"{name_of(changed)}: {other} (only with the change)"
        if one != other:
            return f"{name_of(step)}: {one or 'no answer'} -> {other or 'no answer'}"
    for further, verb in ((right[len(left) :], "only with the change"), (left[len(right) :], "only without it")):
        if further:
            return f"{name_of(further[0][0])}: {further[0][1]} ({verb})"
    return ""


def _know_client(pair: Reference, profile: Profile) -> None:
    """Let the emulator know a client that was entered by hand, where the recording shows that it was known."""
    accepted = any(step.leg is Kind.AUTHORIZE and not step.outcome.startswith("page") for step in profile.steps)
    if profile.client_id and profile.redirect_uri and accepted:
        method = "none"
        if any("${basic}" in value for step in profile.steps for _, value in step.headers):
            method = "client_secret_basic"
        elif any(name == "client_secret" for step in profile.steps for name, _ in step.form):
            method = "client_secret_post"
        secret = None if method == "none" else _SECRET_BY_HAND
        pair.authkit.store.clients[profile.client_id] = Client(
            profile.client_id, profile.client, (profile.redirect_uri,), method, secret
        )


def _remember(values: Values, profile: Profile, pair: Reference) -> None:
    """What a client knows that was recorded without discovery, and its secret where it was entered by hand."""
    legs = {step.leg for step in profile.steps}
    if profile.client_id:
        values.set("client_secret", _SECRET_BY_HAND)
    if Kind.RESOURCE_METADATA not in legs:
        values.know_issuer(pair.issuer)
    if Kind.SERVER_METADATA not in legs:
        for name, path in (("authorization", "authorize"), ("token", "token"), ("registration", "register")):
            values.set(f"as.{name}_endpoint", f"{pair.issuer}/oauth2/{path}")


@asynccontextmanager
async def _document(profile: Profile, values: Values) -> AsyncIterator[None]:
    """Publish the client's metadata document where it is known by one."""
    async with AsyncExitStack() as open_things:
        if profile.document:
            metadata: dict[str, str | list[str]] = {
                "client_name": profile.client,
                "redirect_uris": [profile.redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }
            values.set("client_id", await open_things.enter_async_context(published(metadata)))
        yield


def _judged(exchanges: Sequence[Exchange], mcp_url: str) -> Judged | None:
    runs = [judged for judged in analyse(exchanges).runs if judged.run.server_url == mcp_url]
    return max(runs, key=lambda judged: len(judged.run.messages), default=None)
