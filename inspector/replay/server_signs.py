"""How each fault of the MCP server shows in a recording."""

from collections.abc import Callable

from inspector.protocol import content, urls
from inspector.protocol.challenge import Challenge
from inspector.protocol.urls import Grade
from inspector.replay.facts import are_pages, member, names_itself, statuses
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run


def _first_refusal(run: Run) -> Message | None:
    return next(iter(run.unauthorized), None)


def _challenge_absent(run: Run) -> bool:
    refused = _first_refusal(run)
    return refused is not None and not refused.challenges and not refused.exchange.response_header("www-authenticate")


def _challenge_has(run: Run, test: Callable[[Challenge], bool], *, with_token: bool = False) -> bool:
    """Whether a challenge to a request with or without a token is so."""
    asked = [m for m in run.refusals if (m.bearer is not None) is with_token]
    return any(test(message.bearer_challenge) for message in asked if message.bearer_challenge)


def _names_other_origin(run: Run) -> bool:
    def elsewhere(challenge: Challenge) -> bool:
        named = challenge.get("resource_metadata") or ""
        return bool(urls.origin(named)) and not urls.same_origin(named, run.server_url)

    return _challenge_has(run, elsewhere)


def _unterminated(run: Run) -> bool:
    headers = [value for m in run.unauthorized for value in m.exchange.response_header_all("www-authenticate")]
    return any(value.count('"') % 2 for value in headers)


def _redirects_to_slash(run: Run) -> bool:
    return any(m.location == m.url + "/" for m in run.of(Kind.MCP))


def _metadata_redirected(run: Run) -> bool:
    moved = [(m.url, m.location) for m in run.of(Kind.RESOURCE_METADATA) if m.location]
    return any(not urls.same_origin(url, urls.resolve(url, location or "")) for url, location in moved)


def _root_named(run: Run) -> bool:
    """Whether the challenge names the metadata of the origin, though the endpoint has a path."""
    has_path = bool(urls.path_of(run.server_url).strip("/"))
    root = "/.well-known/oauth-protected-resource"
    return has_path and _challenge_has(run, lambda c: (c.get("resource_metadata") or "").endswith(root))


def _blocked(run: Run) -> bool:
    refused = [u.request for u in run.uses if u.request.status == 403]
    return any(content.media_type(m.exchange.response_headers) == "text/html" for m in refused)


def _challenge_unnamed(run: Run) -> bool:
    refused = _first_refusal(run)
    challenge = refused.bearer_challenge if refused else None
    return challenge is not None and challenge.get("resource_metadata") is None


def _challenge_without_scope(run: Run) -> bool:
    refused = _first_refusal(run)
    challenge = refused.bearer_challenge if refused else None
    return challenge is not None and challenge.get("scope") is None


def _no_metadata(run: Run) -> bool:
    found = statuses(run, Kind.RESOURCE_METADATA)
    return bool(found) and all(status == 404 for status in found) and _challenge_unnamed(run)


def _named_not_found(run: Run) -> bool:
    found = statuses(run, Kind.RESOURCE_METADATA)
    return bool(found) and all(status == 404 for status in found) and not _challenge_unnamed(run)


def _only_at_root(run: Run) -> bool:
    path = urls.path_of(run.server_url).rstrip("/")
    asked = run.of(Kind.RESOURCE_METADATA)
    at_path = [m.status for m in asked if path and m.url.endswith(path)]
    at_root = [m.status for m in asked if m.url.endswith("/.well-known/oauth-protected-resource")]
    return bool(at_path) and 200 not in at_path and 200 in at_root


def _resource_is(run: Run, *grades: Grade, fragment: bool = False) -> bool:
    published = run.published_resource
    if not published or urls.has_fragment(published) is not fragment:
        return False
    return fragment or urls.compare(run.server_url, published).grade in grades


def _slash_added(run: Run) -> bool:
    return run.published_resource == run.server_url + "/"


def _no_servers(run: Run) -> bool:
    found = list(member(run, Kind.RESOURCE_METADATA, "authorization_servers"))
    return bool(found) and not any(found)


def _any_audience(run: Run) -> bool:
    expected = run.published_resource or run.server_url
    return any(
        use.accepted_protected and use.token and use.token.audiences and expected not in use.token.audiences
        for use in run.uses
    )


def _good_refused(run: Run) -> bool:
    expected = run.published_resource or run.server_url
    refused = [u for u in run.uses if u.rejected and u.token and expected in (u.token.audiences or ())]
    expired = [u for u in refused if u.token and (u.token.number("exp") or float("inf")) < u.request.at]
    codes = [u.request.bearer_challenge.get("error") for u in refused if u.request.bearer_challenge]
    stepping = "insufficient_scope" in codes
    return bool(refused) and len(refused) > len(expired) and not stepping and not any(u.accepted for u in run.uses)


def _scope_refusals(run: Run, status: int) -> list[Message]:
    found = [u.request for u in run.uses if u.request.status == status and u.request.bearer_challenge]
    return [m for m in found if m.bearer_challenge and m.bearer_challenge.get("error") == "insufficient_scope"]


SERVER_SIGNS: tuple[tuple[str, Callable[[Run], bool]], ...] = (
    ("forbidden-without-token", lambda run: any(m.status == 403 and not m.bearer for m in run.of(Kind.MCP)[:1])),
    ("redirect-to-slash", _redirects_to_slash),
    ("challenge-absent", _challenge_absent),
    ("challenge-other-origin", _names_other_origin),
    ("challenge-unterminated", _unterminated),
    ("prm-absent", _no_metadata),
    ("challenge-without-metadata-url", _challenge_unnamed),
    ("challenge-without-scope", _challenge_without_scope),
    # A challenge has one flaw at a time: what a client acts on goes before what it only reads.
    ("challenge-unregistered-error", lambda run: _challenge_has(run, lambda c: c.get("error") == "unauthorized")),
    ("challenge-error-without-token", lambda run: _challenge_has(run, lambda c: bool(c.get("error")))),
    ("challenge-without-error", lambda run: _challenge_has(run, lambda c: not c.get("error"), with_token=True)),
    ("prm-not-found", _named_not_found),
    ("prm-root-only", lambda run: _only_at_root(run) or _root_named(run)),
    ("prm-redirected", _metadata_redirected),
    ("prm-html", lambda run: are_pages(run, Kind.RESOURCE_METADATA)),
    ("prm-unauthorized", lambda run: {*statuses(run, Kind.RESOURCE_METADATA)} == {401}),
    ("prm-resource-missing", lambda run: run.resource_metadata is not None and not run.published_resource),
    ("prm-resource-trailing-slash", _slash_added),
    ("prm-resource-origin", lambda run: _resource_is(run, Grade.ANCESTOR) and not _slash_added(run)),
    ("prm-resource-loopback-alias", lambda run: _resource_is(run, Grade.LOOPBACK_ALIAS)),
    ("prm-resource-with-fragment", lambda run: _resource_is(run, fragment=True)),
    (
        "prm-resource-other",
        lambda run: _resource_is(run, Grade.OTHER, Grade.SAME_ORIGIN, Grade.SCHEME_ONLY, Grade.DESCENDANT),
    ),
    ("prm-without-authorization-servers", _no_servers),
    ("prm-names-itself", names_itself),
    ("blocked-at-edge", _blocked),
    ("any-audience-accepted", _any_audience),
    ("other-audience-expected", _good_refused),
    (
        "step-up",
        lambda run: any(m.bearer_challenge and m.bearer_challenge.get("scope") for m in _scope_refusals(run, 403)),
    ),
    ("step-up-unexplained", lambda run: bool(_scope_refusals(run, 403))),
    ("step-up-as-401", lambda run: bool(_scope_refusals(run, 401))),
)
"""Each fault with what shows it, in the order in which a client would meet them."""
