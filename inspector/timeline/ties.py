"""Values that only the parties of one sign-in know, by which its messages are told from another's."""

from collections.abc import Iterator

from inspector.protocol import jwt, pkce, urls
from inspector.protocol.params import Params
from inspector.timeline.flow import request_key
from inspector.timeline.message import Kind, Message

type Tie = tuple[str, str]
"""What the value is, and its fingerprint: secrets are not kept."""

_SECRETS = ("code", "refresh_token", "token")
_TOKENS = ("access_token", "refresh_token", "id_token")


def shown(message: Message) -> Iterator[Tie]:
    """What a message shows to belong to a sign-in, what proves most first."""
    if message.bearer:
        yield _tie("secret", message.bearer)
    if message.kind is Kind.MCP:
        # Some clients put the token where none may be (OAuth 2.1 section 5.1).
        if "access_token" in message.query:
            yield _tie("secret", message.query.get("access_token") or "")
        return
    if message.kind is Kind.AUTHORIZE:
        # Some clients always send the same state; without a challenge every attempt may then look the same.
        if "code_challenge" in message.params:
            yield asks(message)
        if request_uri := message.params.get("request_uri"):
            yield _tie("pushed", request_uri)
        yield leads_to(message.exchange.url)
        return
    if verifier := message.params.get("code_verifier"):
        yield _tie("challenge", pkce.s256(verifier))
        yield _tie("challenge", verifier)
    yield from (_tie("secret", value) for name in _SECRETS if (value := message.params.get(name)))
    if message.kind in (Kind.OTHER, Kind.CALLBACK):
        yield leads_to(message.exchange.url)
        back = _redirect_params(message)
        yield from (_tie("state", value) for given in (back, message.query) if (value := given.get("state")))
        if referer := message.request_header("referer"):
            yield _tie("page", referer)


def taught(message: Message) -> Iterator[Tie]:
    """What later messages of the same sign-in may show."""
    if message.bearer:
        yield _tie("secret", message.bearer)
    if message.kind is Kind.MCP:
        return
    match message.kind:
        case Kind.AUTHORIZE | Kind.INTERACTION:
            if message.kind is Kind.AUTHORIZE:
                yield asks(message)
                yield from (
                    _tie(name, value)
                    for name, parameter in (("challenge", "code_challenge"), ("state", "state"))
                    if (value := message.params.get(parameter))
                )
                if message.pushed_as:
                    yield _tie("pushed", message.pushed_as)
            yield _tie("page", message.exchange.url)
            if message.location:
                yield leads_to(urls.resolve(message.exchange.url, message.location))
            if code := _redirect_params(message).get("code"):
                yield _tie("secret", code)
        case Kind.TOKEN:
            given = [message.params.get(name) for name in _SECRETS]
            answer = message.good_document
            issued = [answer.text(name) for name in _TOKENS] if answer else []
            yield from (_tie("secret", value) for value in (*given, *issued) if value)
        case Kind.REGISTER if message.document and (client_id := message.document.text("client_id")):
            yield names(client_id)
        case _:
            pass


def names(client_id: str) -> Tie:
    """The tie between a registration and the first authorization request of the client it made."""
    return _tie("client", client_id)


def holds(secret: str) -> Tie:
    """The tie between everything that has one secret, such as a code."""
    return _tie("secret", secret)


def asks(message: Message) -> Tie:
    """The tie between an authorization request and its copies."""
    return _tie("request", request_key(message))


def leads_to(url: str) -> Tie:
    """The tie between a redirect and the request it leads to."""
    return _tie("next", url)


def _redirect_params(message: Message) -> Params:
    return Params.parse(urls.query_of(message.location or ""))


def _tie(what: str, value: str) -> Tie:
    return what, jwt.fingerprint(value)
