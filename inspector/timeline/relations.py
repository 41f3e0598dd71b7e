"""What a value of a message is tied to elsewhere in the run, and whether the two agree: for people to read.

Rules decide what is a fault. This says what a value was compared with, also where all is well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inspector.protocol import pkce, urls
from inspector.timeline.flow import Authorization, TokenExchange
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import ExpectedResource, Run


@dataclass(frozen=True, slots=True)
class Relation:
    """What a value was compared with: `agrees` is None where there was nothing to compare it with.

    `expected` is the other value where seeing it helps and it is no secret; `step` is the timeline row that has it.
    """

    text: str
    agrees: bool | None
    expected: str = ""
    step: int | None = None


type Relations = Mapping[str, Relation]
"""By the name of the parameter."""


def relations(run: Run, message: Message) -> Relations:
    """The ties of a request's parameters; empty for kinds that have none."""
    maker = _MAKERS.get(message.kind)
    return dict(maker(run, message)) if maker else {}


def _authorize(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    authorization = next((a for a in run.authorizations if message.id == a.request.id), Authorization(message))
    yield from _client(run, message)
    yield from _redirect_uri(run, message)
    yield from _resource(run, message)
    redeemed = [t for t in run.code_exchanges if t.authorization and t.authorization.request.id == message.id]
    if challenge := message.params.get("code_challenge"):
        yield "code_challenge", _challenge(run, challenge, redeemed)
    if state := message.params.get("state"):
        returned = authorization.response[1].get("state") if authorization.response else None
        if authorization.response is None:
            yield "state", Relation("the redirect back was not seen", None)
        else:
            step = run.step_of(authorization.response[0])
            same = returned == state
            yield "state", Relation("came back unchanged" if same else "did not come back as sent", same, step=step)


def _token(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    exchange = next((t for t in run.token_exchanges if t.request.id == message.id), TokenExchange(message))
    authorization = exchange.authorization
    begun = run.step_of(authorization.request) if authorization else None
    yield from _client(run, message)
    yield from _resource(run, message)
    if "code_verifier" in message.params:
        matches = exchange.verifier_matches
        words = {True: "hashes to the code_challenge", False: "does not hash to the code_challenge"}
        text = "the authorization request was not seen" if matches is None else f"{words[matches]} of step {begun}"
        yield "code_verifier", Relation(text, matches, step=begun)
    if (code := message.params.get("code")) and authorization and authorization.code:
        same = code == authorization.code
        text = "the code of the redirect" if same else "not the code of the redirect"
        yield "code", Relation(text, same, step=begun)
    if (sent := message.params.get("redirect_uri")) and authorization:
        asked = authorization.params.get("redirect_uri") or ""
        same = sent == asked
        text = f"the same as in step {begun}" if same else f"another than in step {begun}"
        yield "redirect_uri", Relation(text, same, "" if same else asked, begun)
    if (used := message.params.get("refresh_token")) and exchange.refreshes:
        issued = [t for t in run.token_exchanges if t.answer and t.answer.text("refresh_token") == used]
        if issued:
            step = run.step_of(issued[-1].request)
            yield "refresh_token", Relation(f"issued in step {step}", True, step=step)


def _challenge(run: Run, challenge: str, redeemed: list[TokenExchange]) -> Relation:
    for exchange in redeemed:
        verifier = exchange.params.get("code_verifier")
        if verifier is not None:
            step, same = run.step_of(exchange.request), pkce.belongs(verifier, challenge)
            words = "the hash of the code_verifier" if same else "not the hash of the code_verifier"
            return Relation(f"{words} of step {step}", same, step=step)
    return Relation("no token request with a code_verifier was seen", None)


def _client(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    sent = message.params.get("client_id")
    registered = run.registration.document.text("client_id") if run.registration and run.registration.document else None
    if not sent:
        return
    if sent.startswith("https://"):
        yield "client_id", Relation("a client metadata document", None)
    elif registered and run.registration:
        step, same = run.step_of(run.registration), sent == registered
        text = f"registered in step {step}" if same else f"another than registered in step {step}"
        yield "client_id", Relation(text, same, "" if same else registered, step)
    else:
        yield "client_id", Relation("no registration was seen: pre-registered, or stored from before", None)


def _redirect_uri(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    sent = message.params.get("redirect_uri")
    document = run.registration.document if run.registration else None
    known = (document.texts("redirect_uris") if document else None) or ()
    if not sent or not known or not run.registration:
        return
    step = run.step_of(run.registration)
    if sent in known:
        yield "redirect_uri", Relation(f"registered in step {step}", True, step=step)
    elif urls.is_loopback(sent) and any(_without_port(sent) == _without_port(uri) for uri in known):
        # RFC 8252 section 7.3: the port of a loopback redirect is the client's choice at the time.
        yield "redirect_uri", Relation(f"registered in step {step} with another loopback port, as permitted", True)
    else:
        yield "redirect_uri", Relation(f"not among those registered in step {step}", False, known[0], step)


def _without_port(uri: str) -> str:
    return f"{urls.host_of(uri)}{urls.path_of(uri)}"


def _resource(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    expected = run.expected_resource
    sent = message.params.all("resource")
    if not sent or expected is None or (expected.assumed and expected.value in sent):
        return
    step = run.step_of(run.resource_metadata) if run.resource_metadata and not expected.assumed else None
    yield "resource", with_expected(expected, sent, step)


def with_expected(expected: ExpectedResource, found: Sequence[str], step: int | None = None) -> Relation:
    """How what names this MCP server, a `resource` or an `aud`, goes with the identifier expected."""
    source = expected.source if expected.assumed else f"`resource` of the {expected.source}"
    if expected.value in found:
        return Relation(f"equals {source}", agrees=True, step=step)
    grade = urls.compare(expected.value, found[0]) if found else None
    agrees = None if expected.assumed else bool(grade and grade.same_identifier)
    return Relation(f"not {source}", agrees, expected.value, step)


def _server_metadata(run: Run, message: Message) -> Iterator[tuple[str, Relation]]:
    issuer = message.document.text("issuer") if message.document else None
    document = run.resource_metadata.document if run.resource_metadata else None
    named = (document.texts("authorization_servers") if document else None) or ()
    if not issuer or not named or not run.resource_metadata:
        return
    step = run.step_of(run.resource_metadata)
    same = issuer in named
    text = f"named in `authorization_servers` of step {step}" if same else f"not the one named in step {step}"
    yield "issuer", Relation(text, same, "" if same else named[0], step)


_MAKERS: Mapping[Kind, Callable[[Run, Message], Iterator[tuple[str, Relation]]]] = {
    Kind.AUTHORIZE: _authorize,
    Kind.TOKEN: _token,
    Kind.SERVER_METADATA: _server_metadata,
}
