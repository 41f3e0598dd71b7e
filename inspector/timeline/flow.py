"""The linked messages of a sign-in: the authorization request, the token request that redeems it, the token's uses."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from inspector.protocol import jwt, pkce, urls
from inspector.protocol.documents import Document
from inspector.protocol.params import Params
from inspector.protocol.secrets import is_placeholder
from inspector.timeline.message import Message

_PROTECTED_ANSWER_STATUS = range(200, 300)
_OPEN_TO_ALL = ("", "initialize", "ping", "server/discover")


def request_key(message: Message) -> str:
    """What makes an authorization request this one and no other, so that its copies are known as such.

    The code challenge, which a client makes anew each time, with the state; without a challenge all that is sent.
    """
    challenge = message.params.get("code_challenge")
    return f"{challenge} {message.params.get('state')}" if challenge else repr(message.params.pairs)


@dataclass(frozen=True)
class Authorization:
    """One authorization request with, where it was seen, the authorization response (RFC 6749 section 4.1)."""

    request: Message
    hops: tuple[Message, ...] = ()

    @property
    def params(self) -> Params:
        """The request's parameters, from the query or a form."""
        return self.request.params

    @property
    def pushed(self) -> bool:
        """Whether the parameters are elsewhere: a pushed request or a request object (RFC 9126, RFC 9101)."""
        return "request_uri" in self.params or "request" in self.params

    @property
    def resources(self) -> tuple[str, ...]:
        """Every `resource` sent (RFC 8707 section 2)."""
        return self.params.all("resource")

    @cached_property
    def response(self) -> tuple[Message, Params] | None:
        """The hop that redirects back to the client, with the parameters it gives; None when it was not seen."""
        redirect_uri = self.params.get("redirect_uri")
        for hop in (self.request, *self.hops):
            target = hop.location
            if not target:
                continue
            given = Params(tuple(parse_qsl(urls.query_of(target), keep_blank_values=True)))
            back_home = redirect_uri is None or target.startswith(redirect_uri)
            if back_home and ("code" in given or "error" in given):
                return hop, given
        return None

    @property
    def code(self) -> str | None:
        """The authorization code, where the response was seen."""
        return self.response[1].get("code") if self.response else None


@dataclass(frozen=True)
class TokenExchange:
    """One request to the token endpoint, the authorization it redeems, and the token it got."""

    request: Message
    authorization: Authorization | None = None
    signature: jwt.Signature = jwt.Signature.NOT_CHECKED

    @property
    def params(self) -> Params:
        """The parameters, from the form, or where a client got it wrong from JSON or the query."""
        return self.request.params

    @property
    def grant_type(self) -> str:
        """The grant (RFC 6749 section 4), empty when none is named."""
        return self.params.get("grant_type") or ""

    @property
    def refreshes(self) -> bool:
        """Whether this is a refresh (RFC 6749 section 6)."""
        return self.grant_type == "refresh_token"

    @property
    def resources(self) -> tuple[str, ...]:
        """Every `resource` sent (RFC 8707 section 2.2)."""
        return self.params.all("resource")

    @property
    def answer(self) -> Document | None:
        """The token response, when it is a success."""
        return self.request.good_document

    @property
    def access_token(self) -> str | None:
        """The access token issued."""
        return self.answer.text("access_token") if self.answer else None

    @property
    def error(self) -> str | None:
        """The error code of a refusal (RFC 6749 section 5.2, RFC 8707 section 2)."""
        return self.request.oauth_error

    @cached_property
    def token(self) -> jwt.Jwt | None:
        """The decoded access token; None when there is none or it is opaque."""
        return jwt.decode(self.access_token) if self.access_token else None

    @property
    def verifier_matches(self) -> bool | None:
        """Whether the code verifier belongs to the challenge; None when either was not seen."""
        verifier = self.params.get("code_verifier")
        challenge = self.authorization.params.get("code_challenge") if self.authorization else None
        if self.authorization is None or verifier is None or challenge is None or is_placeholder(verifier):
            return None
        return pkce.belongs(verifier, challenge)


@dataclass(frozen=True)
class Use:
    """One request to the MCP server with a token, and the token exchange it came from if that was seen."""

    request: Message
    exchange: TokenExchange | None
    token: jwt.Jwt | None
    signature: jwt.Signature = jwt.Signature.NOT_CHECKED

    @property
    def rejected(self) -> bool:
        """Whether the server refused the token (RFC 6750 section 3.1)."""
        return self.request.status == 401

    @cached_property
    def accepted(self) -> bool:
        """Whether the server did what was asked: a JSON-RPC result, or a stream or acknowledgement with 2xx."""
        if self.request.status not in _PROTECTED_ANSWER_STATUS or self.request.is_page:
            return False
        return not any(answer.error is not None for answer in self.request.rpc_received)

    @cached_property
    def accepted_protected(self) -> bool:
        """Whether a JSON-RPC result came back for a method that only an authorized client may call.

        A handshake, a ping or a notification proves nothing: servers may leave them open.
        """
        if not self.accepted or self.request.rpc_method in _OPEN_TO_ALL:
            return False
        return any(answer.result is not None for answer in self.request.rpc_received)
