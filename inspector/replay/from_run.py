"""Makes a client profile from a recorded run: secrets become placeholders, addresses become relative to the server."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from inspector.protocol import content, jsonrpc, urls
from inspector.replay import standard
from inspector.replay.encoding import Pairs, common_style, styles_of
from inspector.replay.profile import LEGS, Profile, ProfileStep
from inspector.replay.values import Values, escaped
from inspector.replay.wire import is_of_the_connection
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_HARMLESS_HEADERS = re.compile(
    r"accept(-.*)?|user-agent|content-type|content-length|connection|cache-control|pragma|dnt|priority|sec-.*|"
    r"mcp-protocol-version|mcp-method|mcp-name|last-event-id|access-control-request-.*|x-requested-with|x-stainless-.*"
)
_HARMLESS_PARAMETERS = frozenset(
    {
        "response_type",
        "response_mode",
        "code_challenge_method",
        "grant_type",
        "audience",
        "prompt",
        "access_type",
        "provider",
        "screen_hint",
        "display",
        "max_age",
        "ui_locales",
        "client_name",
        "token_type_hint",
        "client_assertion_type",
        "subject_token_type",
        "requested_token_type",
        "application_type",
    }
)
_SECRET_MEMBERS = re.compile(r'("(?:software_statement|client_secret|registration_access_token)"\s*:\s*)"[^"]*"')
_SAID_TO_ALL = re.compile(
    r"initialize|ping|server/discover|logging/setLevel|notifications/(initialized|cancelled|roots/list_changed)|"
    r"(tools|prompts|resources|resources/templates)/list"
)
"""JSON-RPC methods whose parameters say nothing of the user's own."""


def profile_of(run: Run, prefer_styles: Sequence[str] = ()) -> Profile:
    """The client of a run as a profile. Requests that cannot or must not be repeated are left out, and noted.

    How parameters are written often shows in a few characters only, and in a run that has none of them not at all:
    then a style of `prefer_styles` is taken.
    """
    return _Reader(run, prefer_styles).profile()


class _Reader:
    """Walks through a run with what the client knows at each moment."""

    def __init__(self, run: Run, prefer_styles: Sequence[str]) -> None:
        self._run = run
        self._values = Values(run.server_url, run.issuer or "")
        self._notes: list[str] = []
        found = [_styles(m, content.text(m.exchange.request_headers, m.exchange.request_body)) for m in run.messages]
        # Which of two styles a request shows hangs on the characters that chance has put into it; where another
        # recording of the same client has settled that, this one is read likewise.
        self._preferred = Counter(prefer_styles).most_common()
        self._common_style = self._preferred[0][0] if self._preferred else common_style(found)
        self._is_document = False
        self._client_id = ""
        self._authorize = {a.request.id: a for a in run.authorizations}
        # Of several that send one code the one with the right proof tells which verifier it was.
        by_proof = sorted(run.code_exchanges, key=lambda exchange: exchange.verifier_matches is True)
        self._redeemed = {t.authorization.request.id: t for t in by_proof if t.authorization}
        self._unseen = {t.request.id: t for t in run.code_exchanges if not t.authorization and "code" in t.params}
        self._redirect_uri = self._first_redirect_uri()
        self._values.set("redirect_uri", self._redirect_uri)
        self._know_endpoints()

    def profile(self) -> Profile:
        """The whole walk."""
        steps = []
        for message in self._run.messages:
            if message.kind in LEGS and (message.kind is not Kind.AUTHORIZE or message.id in self._authorize):
                if message.id in self._unseen:
                    self._values.set("code", self._unseen[message.id].params.get("code") or "")
                    steps.append(self._unseen_authorization(message))
                self._know_beforehand(message)
                if step := self._step(message):
                    steps.append(step)
                self._values.learn(message)
        if not any(step.leg is Kind.MCP for step in steps):
            self._note("No request to the MCP server is in the recording.")
        return Profile(
            client=self._run.client.label,
            revision=self._run.revision.client,
            steps=tuple(steps),
            redirect_uri=self._redirect_uri,
            client_id=self._client_id,
            document=self._is_document,
            notes=tuple(self._notes),
        )

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    # What a client knows without having been told in this recording

    def _first_redirect_uri(self) -> str:
        sent = [message.params.get("redirect_uri") for message in self._run.of(Kind.AUTHORIZE, Kind.TOKEN)]
        for message in self._run.of(Kind.REGISTER):
            sent += (message.sent.texts("redirect_uris") or ())[:1] if message.sent else ()
        return next((uri for uri in sent if uri), "")

    def _know_endpoints(self) -> None:
        """Endpoints that were used and that no document of the recording names: the client remembers them."""
        named = {value for m in self._run.of(Kind.SERVER_METADATA) if m.good_document for value in _strings(m)}
        used = {"authorization_endpoint": Kind.AUTHORIZE, "token_endpoint": Kind.TOKEN}
        used["registration_endpoint"] = Kind.REGISTER
        for name, kind in used.items():
            url = next((m.url for m in self._run.of(kind)), "")
            if url and url not in named and not urls.same_origin(url, self._run.server_url):
                self._values.set(f"as.{name}", url)
                self._note(f"The {name} is not in the recorded metadata; the client is taken to remember it.")

    def _know_beforehand(self, message: Message) -> None:
        """What a request itself gives away: what the client has made for it, and what nobody was seen to give it."""
        params = message.params
        if message.kind is Kind.AUTHORIZE:
            self._know_proof(message)
        if message.kind in (Kind.AUTHORIZE, Kind.TOKEN) and (client_id := params.get("client_id")):
            self._know_client(client_id)
        if message.kind is Kind.TOKEN:
            if (code := params.get("code")) and (self._values.get("code") is None):
                self._values.set("code", code)
            if self._values.get("code_verifier") is None and (verifier := params.get("code_verifier")):
                self._values.set("code_verifier", verifier)
            if secret := params.get("client_secret"):
                self._know_secret(secret)
            self._know_basic(message)

    def _know_proof(self, message: Message) -> None:
        authorization = self._authorize[message.id]
        exchange = self._redeemed.get(message.id)
        challenge, sent = authorization.params.get("code_challenge"), None
        if exchange and exchange.verifier_matches:
            sent = exchange.params.get("code_verifier")
        plain = authorization.params.get("code_challenge_method") in (None, "plain")
        if challenge and (sent == challenge or (sent is None and plain)):
            self._values.set("code_verifier", challenge)
            self._values.set("code_challenge", "")
        elif challenge:
            self._values.set("code_challenge", challenge)
            self._values.set("code_verifier", sent or "")
        for name in ("state", "nonce"):
            if value := authorization.params.get(name):
                self._values.set(name, value)
        if authorization.code:
            self._values.set("code", authorization.code)

    def _know_client(self, client_id: str) -> None:
        if self._values.get("client_id") == client_id or any(
            m.document and m.document.text("client_id") == client_id for m in self._run.of(Kind.REGISTER)
        ):
            return
        if "://" in client_id:
            self._is_document = True
        elif not self._client_id:
            self._client_id = client_id
        self._values.set("client_id", client_id)

    def _know_secret(self, secret: str) -> None:
        # A secret that no registration gave is one entered by hand, or made up.
        if self._values.get("client_secret") is None and not self._run.of(Kind.REGISTER):
            self._values.set("client_secret", secret)

    def _know_basic(self, message: Message) -> None:
        scheme, _, credentials = content.header(message.exchange.request_headers, "authorization").partition(" ")
        if scheme.lower() != "basic":
            return
        try:
            user, _, secret = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        from urllib.parse import unquote

        self._know_client(unquote(user))
        self._know_secret(unquote(secret))

    def _unseen_authorization(self, token_request: Message) -> ProfileStep:
        """The authorization request that must have come before a token request, told from that one."""
        self._note("The authorization request was not captured; it is told from the token request.")
        query = [("response_type", "code"), ("client_id", "${client_id}"), ("redirect_uri", "${redirect_uri}")]
        query.append(("state", "${state}"))
        if "code_verifier" in token_request.params:
            query += [("code_challenge", "${code_challenge}"), ("code_challenge_method", "S256")]
        resources = token_request.params.all("resource")
        query += [("resource", self._parameter("resource", value)) for value in resources]
        return ProfileStep(Kind.AUTHORIZE, "GET", "${as.authorization_endpoint}", tuple(query), outcome="code")

    # One request

    def _step(self, message: Message) -> ProfileStep | None:
        exchange = message.exchange
        if message.request_lost:
            self._note(f"A request was left out, because its body was not kept whole: {message.kind}.")
            return None
        body = content.text(exchange.request_headers, exchange.request_body)
        if message.kind is Kind.MCP and not self._may_repeat(message, body):
            return None
        pairs = self._pairs(message.form.pairs)
        query = self._pairs(message.query.pairs)
        is_form = bool(message.form)
        return ProfileStep(
            leg=message.kind,
            method=exchange.method,
            url=self._url(message),
            query=query,
            # The browser's headers are not the client's.
            headers=() if message.kind is Kind.AUTHORIZE else tuple(self._headers(message)),
            form=pairs,
            body="" if is_form else self._body(message, body),
            style=self._style(_styles(message, body)),
            outcome=self._outcome(message),
        )

    def _style(self, styles: frozenset[str]) -> str:
        if not styles or self._common_style in styles:
            return self._common_style
        return next((name for name, _ in self._preferred if name in styles), common_style([styles]))

    def _may_repeat(self, message: Message, body: str) -> bool:
        """Only what says nothing of the user's own, and changes nothing: listing, and tools without arguments."""
        if not body:
            return True
        calls = message.rpc_sent
        for call in calls:
            harmless = call.method == "tools/call" and not call.params.get("arguments")
            if not (harmless or _SAID_TO_ALL.fullmatch(call.method)):
                self._note(f"Left out, because it may say or do something of the user's own: {_method(call)}.")
                return False
        return bool(calls)

    def _url(self, message: Message) -> str:
        known = {
            Kind.MCP: ("mcp_url",),
            Kind.RESOURCE_METADATA: ("challenge.resource_metadata",),
            Kind.AUTHORIZE: ("as.authorization_endpoint",),
            Kind.TOKEN: ("as.token_endpoint",),
            Kind.REGISTER: ("as.registration_endpoint",),
            Kind.KEYS: ("as.jwks_uri",),
        }.get(message.kind, ())
        address = message.url
        for name in known:  # an endpoint may have a query of its own, in front of which nothing is added
            endpoint = self._values.get(name)
            if endpoint and urls.without_query(endpoint) == address and "?" not in endpoint:
                return f"${{{name}}}"
        return self._values.address(address, *known)

    def _pairs(self, pairs: Pairs) -> Pairs:
        return tuple((escaped(name), self._parameter(name, value)) for name, value in pairs)

    def _parameter(self, name: str, value: str) -> str:
        match name:
            case "resource":
                return self._values.address(value, "prm.resource", "mcp_url", "issuer")
            case "scope":
                return self._values.scope(value)
            case "redirect_uri":
                return self._values.address(value, "redirect_uri")
            case "client_id":
                known = self._values.get("client_id") == value or "://" in value
                return "${client_id}" if known else self._values.secret("client_id", value)
            case "code_challenge" if value == self._values.get("code_verifier"):
                return "${code_verifier}"
            case _ if name in _HARMLESS_PARAMETERS:
                return escaped(value)
            case _:
                return self._values.secret(name, value)

    def _headers(self, message: Message) -> Iterator[tuple[str, str]]:
        for name, value in message.exchange.request_headers:
            kind = name.lower()
            if kind == "host" or is_of_the_connection(name, value):
                continue
            if kind in ("content-length", "transfer-encoding"):
                yield (name if kind == "content-length" else "Content-Length"), "${length}"
            elif kind == "authorization":
                yield name, self._authorization(value)
            elif kind == "mcp-session-id":
                yield name, self._values.secret("mcp.session_id", value)
            elif kind in ("origin", "referer"):
                yield name, self._values.address(value)
            elif _HARMLESS_HEADERS.fullmatch(kind):
                yield name, escaped(value)
            else:
                self._note(f"The value of the header {name} was not kept, as it may be a secret.")
                yield name, self._values.secret(f"header_{kind}", value)

    def _authorization(self, value: str) -> str:
        scheme, space, credentials = value.partition(" ")
        if scheme.lower() == "basic":
            return f"{scheme}{space}{self._values.basic(credentials)}"
        if scheme.lower() in ("bearer", "dpop"):
            return f"{scheme}{space}{self._values.secret('access_token', credentials.strip())}"
        return self._values.secret("authorization", value)

    def _body(self, message: Message, body: str) -> str:
        if message.kind in (Kind.MCP, Kind.REGISTER):
            return _SECRET_MEMBERS.sub(r'\1"withheld"', self._values.text(body))
        return ""

    def _outcome(self, message: Message) -> str:
        if message.kind is not Kind.AUTHORIZE:
            return outcome_of(message)
        authorization = self._authorize[message.id]
        if authorization.response:
            given = authorization.response[1]
            return "code" if "code" in given else f"error {given.get('error')}"
        if message.id in self._redeemed:
            return "code"
        shown = authorization.hops[-1] if authorization.hops else message
        return "" if shown.status is None else "page"


def outcome_of(message: Message) -> str:
    """How a request ended: its status, and the OAuth error code where there is one."""
    if message.status is None:
        return ""
    challenged = message.bearer_challenge.get("error") if message.bearer_challenge else None
    return " ".join(part for part in (str(message.status), message.oauth_error or challenged) if part)


def completed(profile: Profile) -> Profile:
    """The profile with what the client does next, where the recording ends in a refusal; marked as assumed."""
    return replace(profile, steps=(*profile.steps, *standard.completed(profile.steps)))


def _styles(message: Message, body: str) -> frozenset[str]:
    if message.kind not in (Kind.AUTHORIZE, Kind.TOKEN):
        return frozenset()
    if message.form:
        return styles_of(message.form.pairs, body)
    return styles_of(message.query.pairs, urls.query_of(message.exchange.url))


def _strings(message: Message) -> Iterator[str]:
    if message.good_document:
        for value in message.good_document.raw.values():
            if isinstance(value, str):
                yield urls.without_query(value)


def _method(call: jsonrpc.RpcMessage) -> str:
    if not call.method:
        return "an answer of the client"
    return f"{call.method} with arguments" if call.method == "tools/call" else call.method
