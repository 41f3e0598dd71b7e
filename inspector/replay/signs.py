"""How each fault of the reference servers shows in a recording.

A sign that is not there says nothing: the client may not have looked.
"""

from collections.abc import Callable, Iterator

from inspector.protocol import content, urls
from inspector.protocol.urls import Grade
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run


def names_resource(run: Run, exchange: TokenExchange) -> bool:
    """Whether the sign-in asked for the resource that the MCP server publishes."""
    resources = (*exchange.resources, *(exchange.authorization.resources if exchange.authorization else ()))
    expected = run.published_resource or run.server_url
    return expected in resources


def audiences_of(exchange: TokenExchange) -> tuple[str, ...]:
    """Whom the access token is for; nobody where it cannot be read."""
    return tuple(exchange.token.audiences or ()) if exchange.token else ()


def _statuses(run: Run, kind: Kind, part: str = "") -> list[int]:
    return [m.status for m in run.of(kind) if m.status is not None and part in m.url]


def _first_refusal(run: Run) -> Message | None:
    return next(iter(run.unauthorized), None)


def _challenge_absent(run: Run) -> bool:
    refused = _first_refusal(run)
    return refused is not None and not refused.challenges and not refused.exchange.response_header("www-authenticate")


def _challenge_unnamed(run: Run) -> bool:
    refused = _first_refusal(run)
    challenge = refused.bearer_challenge if refused else None
    return challenge is not None and challenge.get("resource_metadata") is None


def _challenge_without_scope(run: Run) -> bool:
    refused = _first_refusal(run)
    challenge = refused.bearer_challenge if refused else None
    return challenge is not None and challenge.get("scope") is None


def _no_metadata(run: Run) -> bool:
    statuses = _statuses(run, Kind.RESOURCE_METADATA)
    return bool(statuses) and all(status == 404 for status in statuses) and _challenge_unnamed(run)


def _named_not_found(run: Run) -> bool:
    statuses = _statuses(run, Kind.RESOURCE_METADATA)
    return bool(statuses) and all(status == 404 for status in statuses) and not _challenge_unnamed(run)


def _only_at_root(run: Run) -> bool:
    path = urls.path_of(run.server_url).rstrip("/")
    asked = run.of(Kind.RESOURCE_METADATA)
    at_path = [m.status for m in asked if path and m.url.endswith(path)]
    at_root = [m.status for m in asked if m.url.endswith("/.well-known/oauth-protected-resource")]
    return bool(at_path) and 200 not in at_path and 200 in at_root


def _pages(run: Run, kind: Kind) -> bool:
    asked = run.of(kind)
    is_page = [content.media_type(m.exchange.response_headers) == "text/html" for m in asked if m.status == 200]
    return bool(is_page) and all(is_page)


def _resource_is(run: Run, *grades: Grade, fragment: bool = False) -> bool:
    published = run.published_resource
    if not published or urls.has_fragment(published) is not fragment:
        return False
    return fragment or urls.compare(run.server_url, published).grade in grades


def _slash_added(run: Run) -> bool:
    return run.published_resource == run.server_url + "/"


def _member(run: Run, kind: Kind, name: str) -> Iterator[object]:
    for message in run.of(kind):
        if message.good_document:
            yield message.good_document.raw.get(name)


def _no_servers(run: Run) -> bool:
    found = list(_member(run, Kind.RESOURCE_METADATA, "authorization_servers"))
    return bool(found) and not any(found)


def _names_itself(run: Run) -> bool:
    documents = [m.good_document for m in run.of(Kind.RESOURCE_METADATA) if m.good_document]
    servers = [server for d in documents for server in d.texts("authorization_servers") or ()]
    token = next((m.url for m in run.of(Kind.TOKEN)), "")
    own = bool(servers) and all(urls.same_origin(server, run.server_url) for server in servers)
    return own and bool(token) and not urls.same_origin(token, run.server_url)


def _issuer_named(run: Run) -> str | None:
    document = run.resource_metadata.document if run.resource_metadata else None
    return next(iter(document.texts("authorization_servers") or ()), None) if document else None


def _issuer_stated(run: Run) -> str | None:
    document = run.server_metadata.good_document if run.server_metadata else None
    return document.text("issuer") if document else None


def _issuer_slash(run: Run) -> bool:
    named, stated = _issuer_named(run), _issuer_stated(run)
    return bool(named and stated) and stated == f"{named}/"


def _issuer_other(run: Run) -> bool:
    named, stated = _issuer_named(run), _issuer_stated(run)
    return bool(named and stated) and not urls.compare(named or "", stated or "").same_identifier


def _openid_only(run: Run) -> bool:
    oauth = _statuses(run, Kind.SERVER_METADATA, "oauth-authorization-server")
    openid = _statuses(run, Kind.SERVER_METADATA, "openid-configuration")
    return bool(oauth) and 200 not in oauth and 200 in openid


def _no_server_metadata(run: Run) -> bool:
    statuses = _statuses(run, Kind.SERVER_METADATA)
    return bool(statuses) and 200 not in statuses and not _names_itself(run)


def _methods(run: Run) -> list[object]:
    return list(_member(run, Kind.SERVER_METADATA, "code_challenge_methods_supported"))


def _redirect_uri_refused(run: Run) -> bool:
    """A redirect URI was refused that native clients may have: on loopback, or of a scheme of their own."""
    refused = [m.sent.texts("redirect_uris") or () for m in run.of(Kind.REGISTER) if m.sent and m.oauth_error]
    errors = {m.oauth_error for m in run.of(Kind.REGISTER)}
    insecure = any(uri.startswith("http://") and not urls.is_loopback(uri) for uris in refused for uri in uris)
    return "invalid_redirect_uri" in errors and not insecure


def _secret_forced(run: Run) -> bool:
    return any(
        m.sent and m.sent.text("token_endpoint_auth_method") == "none" and m.document and "client_secret" in m.document
        for m in run.of(Kind.REGISTER)
    )


def _answered_with(run: Run, error: str) -> bool:
    return any(a.response and a.response[1].get("error") == error for a in run.authorizations)


def _states(run: Run) -> bool:
    answered = [a for a in run.authorizations if a.response and "state" in a.params]
    return any(a.response and "state" not in a.response[1] for a in answered)


def _iss(run: Run) -> list[str | None]:
    return [a.response[1].get("iss") for a in run.authorizations if a.response]


def _iss_is(run: Run, kind: str) -> bool:
    issuer = _issuer_stated(run)
    for sent in _iss(run):
        if sent is not None and issuer is not None:
            found = "right" if sent == issuer else "slash" if sent == f"{issuer}/" else "other"
            if found == kind:
                return True
    return False


def _iss_promised(run: Run) -> bool:
    promised = True in _member(run, Kind.SERVER_METADATA, "authorization_response_iss_parameter_supported")
    return promised and bool(_iss(run)) and not any(_iss(run))


def _without_indicators(run: Run) -> bool:
    """A resource was asked for, and the audience is a client id: AuthKit without a resource indicator."""
    for exchange in run.code_exchanges:
        audiences = audiences_of(exchange)
        if names_resource(run, exchange) and audiences and not any("://" in audience for audience in audiences):
            return True
    return False


def _resource_unknown(run: Run) -> bool:
    """invalid_target, although the published resource was sent, once, on every leg that could be seen."""
    expected = run.published_resource or run.server_url
    for exchange in run.code_exchanges:
        legs = [exchange.authorization.resources] if exchange.authorization else []
        legs += [exchange.resources] if exchange.resources or not legs else []
        if exchange.error == "invalid_target" and all(resources == (expected,) for resources in legs):
            return True
    return False


def _asked_and_got(run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    expected = run.published_resource or run.server_url
    for exchange in run.code_exchanges:
        if exchange.token and names_resource(run, exchange):
            yield expected, audiences_of(exchange)


def _slash_in_audience(run: Run) -> bool:
    return any(audiences == (f"{expected}/",) for expected, audiences in _asked_and_got(run))


def _other_audience(run: Run) -> bool:
    return any(
        any("://" in audience for audience in audiences)
        and not any(urls.compare(expected, audience).same_identifier for audience in audiences)
        for expected, audiences in _asked_and_got(run)
    )


def _no_audience(run: Run) -> bool:
    return any(t.token is not None and not audiences_of(t) for t in run.code_exchanges)


def _opaque(run: Run) -> bool:
    refused = {use.exchange for use in run.uses if use.rejected}
    return any(t.access_token and t.token is None and t in refused for t in run.code_exchanges)


def _token_issuer(run: Run, *, slash: bool) -> bool:
    stated = _issuer_stated(run)
    for exchange in run.code_exchanges:
        claimed = exchange.token.text("iss") if exchange.token else None
        if stated and claimed and claimed != stated:
            return (claimed == f"{stated}/") is slash
    return False


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
    stepping = any(u.request.bearer_challenge and u.request.bearer_challenge.get("scope") for u in refused)
    return bool(refused) and len(refused) > len(expired) and not stepping and not any(u.accepted for u in run.uses)


def _scope_refusals(run: Run, status: int) -> list[Message]:
    found = [u.request for u in run.uses if u.request.status == status and u.request.bearer_challenge]
    return [m for m in found if m.bearer_challenge and m.bearer_challenge.get("error") == "insufficient_scope"]


def _no_refresh_token(run: Run) -> bool:
    wanted = [t for t in run.code_exchanges if t.authorization and "offline_access" in (t.params.get("scope") or "")]
    return bool(wanted) and any(t.answer and "refresh_token" not in t.answer for t in wanted)


def _refresh_kept(run: Run) -> bool:
    answers = [t.answer for t in run.refreshes if t.answer]
    return any(t.answer and t.params.get("refresh_token") == t.answer.text("refresh_token") for t in run.refreshes) or (
        bool(answers) and not any("refresh_token" in answer for answer in answers)
    )


def _refresh_drops(run: Run) -> bool:
    expected = run.published_resource or run.server_url
    before = any(expected in audiences_of(t) for t in run.code_exchanges)
    return before and any(t.token and expected not in audiences_of(t) for t in run.refreshes)


SIGNS: tuple[tuple[str, Callable[[Run], bool]], ...] = (
    ("forbidden-without-token", lambda run: any(m.status == 403 and not m.bearer for m in run.of(Kind.MCP)[:1])),
    ("challenge-absent", _challenge_absent),
    ("prm-absent", _no_metadata),
    ("challenge-without-metadata-url", _challenge_unnamed),
    ("challenge-without-scope", _challenge_without_scope),
    ("prm-not-found", _named_not_found),
    ("prm-root-only", _only_at_root),
    ("prm-html", lambda run: _pages(run, Kind.RESOURCE_METADATA)),
    ("prm-unauthorized", lambda run: {*_statuses(run, Kind.RESOURCE_METADATA)} == {401}),
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
    ("prm-names-itself", _names_itself),
    ("as-metadata-html", lambda run: _pages(run, Kind.SERVER_METADATA)),
    ("as-metadata-absent", _no_server_metadata),
    ("as-metadata-openid-only", _openid_only),
    ("issuer-trailing-slash", _issuer_slash),
    ("issuer-other", _issuer_other),
    ("pkce-not-advertised", lambda run: bool(_methods(run)) and not any(_methods(run))),
    ("pkce-plain-only", lambda run: _methods(run)[:1] == [["plain"]]),
    ("registration-not-found", lambda run: {*_statuses(run, Kind.REGISTER)} == {404}),
    ("registration-redirect-uri-refused", _redirect_uri_refused),
    ("registration-secret-forced", _secret_forced),
    ("access-denied", lambda run: _answered_with(run, "access_denied")),
    ("invalid-target-at-authorize", lambda run: _answered_with(run, "invalid_target")),
    ("state-dropped", _states),
    ("iss-sent", lambda run: _iss_is(run, "right")),
    ("iss-trailing-slash", lambda run: _iss_is(run, "slash")),
    ("iss-other", lambda run: _iss_is(run, "other")),
    ("iss-promised", _iss_promised),
    ("no-resource-indicators", _without_indicators),
    ("resource-not-registered", _resource_unknown),
    ("aud-trailing-slash", _slash_in_audience),
    ("aud-other", _other_audience),
    ("aud-missing", _no_audience),
    ("token-opaque", _opaque),
    ("token-issuer-trailing-slash", lambda run: _token_issuer(run, slash=True)),
    ("token-issuer-other", lambda run: _token_issuer(run, slash=False)),
    ("any-audience-accepted", _any_audience),
    ("other-audience-expected", _good_refused),
    (
        "step-up",
        lambda run: any(m.bearer_challenge and m.bearer_challenge.get("scope") for m in _scope_refusals(run, 403)),
    ),
    ("step-up-unexplained", lambda run: bool(_scope_refusals(run, 403))),
    ("step-up-as-401", lambda run: bool(_scope_refusals(run, 401))),
    ("refresh-token-missing", _no_refresh_token),
    ("refresh-token-kept", _refresh_kept),
    ("refresh-drops-resource", _refresh_drops),
)
"""Each fault with what shows it, in the order in which a client would meet them."""
