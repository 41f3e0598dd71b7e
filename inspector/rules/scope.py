"""Rules about which scopes are asked for, and what happens when they do not suffice."""

from collections.abc import Iterator

from inspector.rules.facts import metadata_behind, published, scope_requests, where
from inspector.rules.model import Fault, NotObserved, Party, Phase, Severity, joined, observed, place
from inspector.rules.registry import rule
from inspector.timeline.flow import Authorization
from inspector.timeline.message import Message
from inspector.timeline.run import Run

_IDENTITY_SCOPES = {"openid", "profile", "email", "offline_access"}


def _scopes(authorization: Authorization) -> set[str]:
    return set((authorization.params.get("scope") or "").split())


@rule(
    "scope-exceeds-metadata",
    title="Client requests scopes nobody asked for",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | SHOULD | SHOULD",
)
def scope_exceeds_metadata(run: Run) -> Iterator[Fault | NotObserved]:
    """Ask for what is needed, and no more.

    What it checks: Each scope requested is in a challenge before it, in the published scopes_supported, or was granted
    before. The scopes of OpenID Connect are left out, and a scope is reported once.

    Why it matters: Users are asked to consent to more than the server needs.

    How to fix: Client: take the challenge's scopes, else those of the protected resource metadata, else none.

    When it is a false alarm: The user configured the scope. SDKs fall back to the authorization server's list.

    References: MCP 2025-11-25 Scope Selection Strategy.
    """
    document = published(run).document
    supported = set((document.texts("scopes_supported") if document else None) or ())
    reported: set[str] = set()
    for each in scope_requests(run):
        extra = sorted(each.scopes - each.named - supported - each.granted - _IDENTITY_SCOPES - reported)
        reported.update(extra)
        if extra:
            yield Fault(
                f"The client asks for scopes that neither a challenge nor the metadata names: {joined(extra)}.",
                (place(each.authorization.request, where(each.authorization.request), "scope"),),
                expected=" ".join(sorted(each.named or supported)) or "no scope",
                found=each.authorization.params.get("scope") or "",
            )


@rule(
    "scope-omitted-though-supported",
    title="No scope requested although PRM lists scopes_supported",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | SHOULD | SHOULD",
)
def scope_omitted_though_supported(run: Run) -> Iterator[Fault | NotObserved]:
    """Where no challenge names scopes, the metadata's are the ones to ask for.

    What it checks: Without a challenge scope, the first authorization request has every scope of the published
    scopes_supported.

    Why it matters: The token may lack what the server needs, and the user signs in twice.

    How to fix: Client: request all of scopes_supported when the challenge names none.

    When it is a false alarm: The user or an administrator narrowed the scopes.

    References: MCP 2025-11-25 Scope Selection Strategy.
    """
    message = published(run)
    supported = (message.document.texts("scopes_supported") if message.document else None) or ()
    observed(supported, "N10", "the metadata lists no scopes")
    first = scope_requests(run)[0]
    if first.named:
        return
    lacking = [scope for scope in supported if scope not in first.scopes]
    if lacking:
        request = first.authorization.request
        yield Fault(
            f"The client does not ask for what the metadata lists: {joined(lacking)}.",
            (place(request, where(request), "scope"), place(message, "json", "scopes_supported")),
            expected=" ".join(supported),
            found=first.authorization.params.get("scope") or "not sent",
        )


@rule(
    "offline-access-not-offered",
    title="offline_access requested although the AS does not list it",
    phase=Phase.AUTHORIZE,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | - | MAY",
)
def offline_access_not_offered(run: Run) -> Iterator[Fault | NotObserved]:
    """A scope the server does not know can spoil the whole request.

    What it checks: offline_access is requested only where the authorization server lists it, or a challenge names it.

    Why it matters: Some authorization servers answer invalid_scope.

    How to fix: Client: add offline_access only when scopes_supported of the authorization server has it.

    When it is a false alarm: The server knows the scope and does not list it.

    References: MCP 2026-07-28 Refresh Tokens (SEP-2207).
    """
    for each in scope_requests(run):
        authorization = each.authorization
        metadata = metadata_behind(run, authorization).document
        offered = metadata.texts("scopes_supported") if metadata else None
        if offered is None:
            yield NotObserved("N3", "the authorization server does not list its scopes")
        elif "offline_access" in each.scopes - each.named - {*offered}:
            yield Fault(
                "The client asks for offline_access, which the authorization server does not list.",
                (place(authorization.request, where(authorization.request), "scope"),),
                expected=" ".join(offered),
                found=authorization.params.get("scope") or "",
            )


def _step_ups(run: Run) -> list[Message]:
    """Answers that ask a client with a token for more scope (MCP 2025-11-25 Runtime Insufficient Scope Errors)."""
    answers = [use.request for use in run.uses if use.request.status in (401, 403)]
    named = [m for m in answers if m.bearer_challenge and m.bearer_challenge.get("error") == "insufficient_scope"]
    return [m for m in named if m.bearer_challenge and m.bearer_challenge.get("scope")]


@rule(
    "step-up-not-attempted",
    title="Client ignores insufficient_scope",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.INFO,
    levels="- | - | SHOULD | SHOULD",
)
def step_up_not_attempted(run: Run) -> Iterator[Fault | NotObserved]:
    """The server says which scope is missing, and the client can ask for it.

    What it checks: After a 403 with insufficient_scope and `scope`, the client asks for authorization with that scope.

    Why it matters: The user sees "forbidden" where a consent page would do.

    How to fix: Client: authorize again with the scopes of the challenge.

    When it is a false alarm: The user declined, or the capture ended.

    References: MCP 2025-11-25 Step-Up Authorization Flow.
    """
    challenge = observed(_step_ups(run), "N1", "no challenge for more scope")[-1]
    wanted = set(((challenge.bearer_challenge.get("scope") if challenge.bearer_challenge else None) or "").split())
    later = [a for a in run.authorizations if a.request.at > challenge.at]
    if any(wanted <= _scopes(a) for a in later):
        return
    if not later and any(t.request.at > challenge.at for t in run.code_exchanges):
        raise NotObserved("N1", "the authorization request was not captured")
    yield Fault(
        "The client did not ask for the scope that the server said was missing.",
        (place(challenge, "header", "www-authenticate"),),
        expected=f"an authorization request with {joined(sorted(wanted))}",
        found="none" if not later else later[-1].params.get("scope") or "no scope",
    )


@rule(
    "step-up-scope-union-missing",
    title="Re-authorization drops earlier scopes",
    phase=Phase.RESOURCE_ACCESS,
    party=Party.CLIENT,
    severity=Severity.WARNING,
    levels="- | - | - | SHOULD",
)
def step_up_scope_union_missing(run: Run) -> Iterator[Fault | NotObserved]:
    """More scope must not cost what the client had.

    What it checks: An authorization request after a challenge for more scope has the scopes of the request before it
    as well.

    Why it matters: The new token lacks the old scopes, the next call fails, and the client goes back and forth.

    How to fix: Client: request the union of the earlier and the challenged scopes.

    When it is a false alarm: The authorization server merges scopes, or one scope implies another.

    References: MCP 2026-07-28 Step-Up Authorization Flow (SEP-2350).
    """
    challenges = observed(_step_ups(run), "N1", "no challenge for more scope")
    for challenge in challenges:
        before = [a for a in run.authorizations if a.request.at < challenge.at]
        after = [a for a in run.authorizations if a.request.at > challenge.at]
        if before and after and (lost := _scopes(before[-1]) - _scopes(after[0])):
            yield Fault(
                f"The new authorization request drops scopes of the earlier one: {joined(sorted(lost))}.",
                (
                    place(after[0].request, where(after[0].request), "scope"),
                    place(before[-1].request, where(before[-1].request), "scope"),
                ),
                expected=" ".join(sorted(_scopes(before[-1]) | _scopes(after[0]))),
                found=after[0].params.get("scope") or "not sent",
            )
            return
