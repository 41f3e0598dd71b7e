"""Sets the reference servers up like the servers of a recording, as far as the recording shows how those behaved."""

from dataclasses import dataclass, replace

from inspector.errors import ReferenceFailure
from inspector.protocol import content
from inspector.reference.authkit.redirects import matches
from inspector.reference.faults import FAULTS, with_faults
from inspector.reference.settings import DEMO, MCP_URL, Settings
from inspector.replay.authkit_signs import AUTHKIT_SIGNS
from inspector.replay.facts import audiences_of, names_resource
from inspector.replay.server_signs import SERVER_SIGNS
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Kind
from inspector.timeline.run import Run


@dataclass(frozen=True, slots=True)
class Mirror:
    """Settings and faults of the reference servers, with what they were told from and what had to be assumed."""

    settings: Settings
    faults: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    def with_faults(self, names: tuple[str, ...]) -> "Mirror":
        """The same servers with more faults.

        Raises ReferenceFailure when one is unknown, or contradicts what the recording shows.
        """
        faults = tuple(dict.fromkeys((*self.faults, *names)))
        with_faults(self.settings, faults)
        return replace(self, faults=faults)


def mirror_of(run: Run) -> Mirror:
    """What the recording shows of the two servers; where it decides nothing they keep to the specification."""
    settings, seen, assumed = _settings(run)
    faults: list[str] = []
    # A sign that is not there says nothing: the client may not have looked.
    for name, shows in SERVER_SIGNS + AUTHKIT_SIGNS:
        if shows(run):
            try:
                with_faults(settings, (*faults, name))
            except ReferenceFailure:
                continue  # what was found first leaves no room for it
            faults.append(name)
    described = {fault.name: fault.description for fault in FAULTS}
    seen += [f"{name}: {described[name]}" for name in faults]
    return Mirror(settings, tuple(faults), tuple(seen), tuple(assumed))


def _settings(run: Run) -> tuple[Settings, list[str], list[str]]:
    seen: list[str] = []
    assumed: list[str] = []
    settings = replace(DEMO, auto_approve=True)
    documents = [m.good_document for m in run.of(Kind.SERVER_METADATA) if m.good_document]
    registered = any(m.document and m.document.text("client_id") for m in run.of(Kind.REGISTER))
    if documents or registered:
        dcr = registered or any("registration_endpoint" in document for document in documents)
        cimd = any(d.raw.get("client_id_metadata_document_supported") is True for d in documents)
        settings = replace(settings, dcr=dcr, cimd=cimd)
        seen.append(f"Dynamic client registration is {_on(dcr)}, client ID metadata documents are {_on(cimd)}.")
    else:
        assumed.append("Clients may register: no authorization server metadata is in the recording.")
    settings = replace(
        settings, resource_indicators=_indicators(run), registered_auth_method=_auth_method(run), lenient=_lenient(run)
    )
    if settings.registered_auth_method:
        seen.append(
            f"Clients are registered to authenticate with {settings.registered_auth_method}, whatever they ask."
        )
    if settings.lenient:
        seen.append("The authorization server took what it should have refused, so it is as lenient here.")
    if any(use.accepted and use.exchange and use.token is None for use in run.uses):
        settings = replace(settings, lenient=True, default_resource_indicator=MCP_URL)
        assumed.append("The access tokens cannot be read; they are taken to have been for the MCP server.")
    if _gives_default(run):
        settings = replace(settings, default_resource_indicator=MCP_URL)
        seen.append("A token request without resource gets a token for the MCP server: it is the default resource.")
    elif not any(t.access_token or t.error == "invalid_target" for t in run.token_exchanges):
        assumed.append("The resource indicators have the MCP server: no token is in the recording.")
    elif not any(names_resource(run, exchange) for exchange in run.code_exchanges):
        assumed.append("The resource indicators have the MCP server: no recorded request names it as its resource.")
    if not run.published_resource and not any("resource_metadata" in m.url for m in run.of(Kind.RESOURCE_METADATA)):
        assumed.append("The MCP server publishes its resource: the client did not read it in the recording.")
    if _without_sessions(run):
        settings = replace(settings, sessions=False)
        seen.append("The MCP server gives no session.")
    return settings, seen, assumed


def _on(value: bool) -> str:
    return "on" if value else "off"


def _without_sessions(run: Run) -> bool:
    opened = [m for m in run.of(Kind.MCP) if m.rpc_method == "initialize" and m.status == 200]
    return bool(opened) and not any(m.exchange.response_header("mcp-session-id") for m in opened)


def _auth_method(run: Run) -> str | None:
    """How clients were registered to authenticate, where that is not what they asked for (RFC 7591 section 3.2.1)."""
    for message in run.of(Kind.REGISTER):
        given = message.document.text("token_endpoint_auth_method") if message.document else None
        asked = (message.sent.text("token_endpoint_auth_method") if message.sent else None) or "client_secret_basic"
        if given in ("none", "client_secret_post", "client_secret_basic") and given != asked:
            return given
        public = any(t.answer and _method_used(t) == "none" for t in run.code_exchanges)
        if given is None and asked != "none" and public:
            return "none"
    return None


def _is_unauthenticated(exchange: TokenExchange) -> bool:
    return content.header(exchange.request.exchange.request_headers, "authorization") == ""


def _lenient(run: Run) -> bool:
    """Whether something was taken that AuthKit refuses, such as a request without a proof key."""
    registered = [uri for m in run.of(Kind.REGISTER) if m.sent for uri in m.sent.texts("redirect_uris") or ()]
    for authorization in run.authorizations:
        params = authorization.params
        proven = params.get("code_challenge_method") == "S256" and "code_challenge" in params
        redirect_uri = params.get("redirect_uri")
        unknown = bool(registered) and redirect_uri and not any(matches(redirect_uri, uri) for uri in registered)
        if authorization.code and (not proven or unknown):
            return True
    return any(t.answer and t.authorization and _takes_anything(run, t) for t in run.code_exchanges)


def _takes_anything(run: Run, exchange: TokenExchange) -> bool:
    """Whether a token was issued without proof, to another redirect URI or with another authentication."""
    asked = exchange.authorization.params if exchange.authorization else None
    moved = asked is not None and asked.get("redirect_uri") != exchange.params.get("redirect_uri")
    document = run.registration.document if run.registration else None
    method = document.text("token_endpoint_auth_method") if document else None
    return exchange.verifier_matches is not True or moved or method not in (None, _method_used(exchange))


def _method_used(exchange: TokenExchange) -> str:
    if "client_secret" in exchange.params:
        return "client_secret_post"
    return "none" if _is_unauthenticated(exchange) else "client_secret_basic"


def _indicators(run: Run) -> tuple[str, ...]:
    """The server's own, and what the authorization server gave tokens for when asked, relative to the server."""
    granted = {
        audience.replace(run.server_url, MCP_URL) if run.server_url else audience
        for exchange in run.code_exchanges
        for audience in audiences_of(exchange)
        if audience in (*exchange.resources, *(exchange.authorization.resources if exchange.authorization else ()))
    }
    return tuple(dict.fromkeys((MCP_URL, *sorted(granted))))


def _gives_default(run: Run) -> bool:
    """Whether a sign-in that named no resource gave a token for this server (RFC 8707 section 2.1)."""
    expected = run.published_resource or run.server_url
    return any(
        t.authorization and not t.authorization.resources and not t.resources and expected in audiences_of(t)
        for t in run.code_exchanges
    )
