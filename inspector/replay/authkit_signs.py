"""How each fault of the authorization server shows in a recording."""

from collections.abc import Callable, Iterator

from inspector.protocol import content, urls
from inspector.replay.facts import are_pages, audiences_of, member, names_itself, names_resource, statuses
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_PATIENCE = 60
"""Seconds by which two clocks may differ without that being the fault."""


def _endpoint_missing(run: Run) -> bool:
    documents = [m.good_document for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    return bool(documents) and not any("token_endpoint" in document for document in documents)


def _endpoint_insecure(run: Run) -> bool:
    named = [m.good_document.raw for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    ends = [value for raw in named for name, value in raw.items() if name.endswith("_endpoint")]
    return any(isinstance(value, str) and not urls.is_secure(value) for value in ends)


def _forgotten(run: Run) -> bool:
    """Whether a client that had just registered ended on a page instead of getting an answer."""
    asked = [
        a
        for a in run.authorizations
        if a.response is None and not any(t.authorization is a for t in run.code_exchanges)
    ]
    known = [m.document.text("client_id") for m in run.of(Kind.REGISTER) if m.document]
    pages = [m.url for a in asked for m in a.hops] + [m.location or "" for a in asked for m in (a.request, *a.hops)]
    return any(a.params.get("client_id") in known for a in asked) and any("application_not_found" in p for p in pages)


def _clock(run: Run, *, ahead: bool) -> bool:
    for use in run.uses:
        if use.rejected and use.exchange and use.token:
            issued, expires = use.token.number("iat"), use.token.number("exp")
            if ahead and issued is not None and issued > use.request.at + _PATIENCE:
                return True
            if not ahead and expires is not None and expires < use.request.at:
                return True
    return False


def _answers(run: Run) -> list[Message]:
    return [t.request for t in run.code_exchanges if t.answer]


def _cacheable(run: Run) -> bool:
    return any("no-store" not in content.header(m.exchange.response_headers, "cache-control") for m in _answers(run))


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
    oauth = statuses(run, Kind.SERVER_METADATA, "oauth-authorization-server")
    openid = statuses(run, Kind.SERVER_METADATA, "openid-configuration")
    return bool(oauth) and 200 not in oauth and 200 in openid


def _no_server_metadata(run: Run) -> bool:
    found = statuses(run, Kind.SERVER_METADATA)
    return bool(found) and 200 not in found and not names_itself(run)


def _methods(run: Run) -> list[object]:
    return list(member(run, Kind.SERVER_METADATA, "code_challenge_methods_supported"))


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
    promised = True in member(run, Kind.SERVER_METADATA, "authorization_response_iss_parameter_supported")
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


AUTHKIT_SIGNS: tuple[tuple[str, Callable[[Run], bool]], ...] = (
    ("as-metadata-html", lambda run: are_pages(run, Kind.SERVER_METADATA)),
    ("as-metadata-absent", _no_server_metadata),
    ("as-metadata-openid-only", _openid_only),
    ("as-metadata-incomplete", _endpoint_missing),
    ("as-endpoint-insecure", _endpoint_insecure),
    ("issuer-trailing-slash", _issuer_slash),
    ("issuer-other", _issuer_other),
    ("pkce-not-advertised", lambda run: bool(_methods(run)) and not any(_methods(run))),
    ("pkce-plain-only", lambda run: _methods(run)[:1] == [["plain"]]),
    ("registration-not-found", lambda run: {*statuses(run, Kind.REGISTER)} == {404}),
    ("registration-redirect-uri-refused", _redirect_uri_refused),
    ("registration-secret-forced", _secret_forced),
    ("application-not-found", _forgotten),
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
    ("clock-behind", lambda run: _clock(run, ahead=False)),
    ("clock-ahead", lambda run: _clock(run, ahead=True)),
    ("token-type-missing", lambda run: any(m.document and "token_type" not in m.document for m in _answers(run))),
    ("token-cacheable", _cacheable),
    ("refresh-token-missing", _no_refresh_token),
    ("refresh-token-kept", _refresh_kept),
    ("refresh-drops-resource", _refresh_drops),
)
"""Each fault with what shows it, in the order in which a client would meet them."""
