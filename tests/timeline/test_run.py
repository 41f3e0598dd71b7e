"""The parts of a run by name: what belongs to what, and what is known from where."""

from dataclasses import replace
from urllib.parse import urlencode

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from inspector.protocol.jwt import Signature
from inspector.session.model import Exchange
from inspector.timeline import Run
from inspector.timeline.message import Kind
from inspector.timeline.run import ExpectedResource
from tests.timeline.build import AS, MCP, Client, exchange, result, rpc, run_of

A = Client()
KEY = rsa.generate_private_key(65537, 2048)
TOKEN = pyjwt.encode({"aud": MCP}, KEY, "RS256", headers={"kid": "k"})
KEYS = exchange(
    "GET",
    f"{AS}/oauth2/jwks",
    200,
    answer={"keys": [RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k"}]},
)


def again(client: Client) -> Client:
    return replace(client, name=f"{client.name}2", client_id=client.id)


def granted(token: str) -> Exchange:
    return replace(A.redeem(), response_body=exchange("GET", "", answer={"access_token": token}).response_body)


def only_run(*exchanges: Exchange) -> Run:
    return run_of(exchanges)


# Authorization requests and the token requests that redeem them.


def test_a_token_request_redeems_the_request_that_got_its_code() -> None:
    two = again(A)
    story = [*A.story(), A.refused(token=A.token()), two.authorize(), A.authorize(), two.redeem()]
    run = run_of(story)
    assert [authorization.code for authorization in run.authorizations] == ["code-a", "code-a2"]
    assert run.code_exchanges[1].authorization is run.authorizations[1]


def test_without_its_code_the_proof_key_decides() -> None:
    two = again(A)
    run = run_of([*A.story(), A.refused(token=A.token()), two.recorded(), replace(A.recorded()), two.redeem()])
    exchange_of_two = run.code_exchanges[1]
    assert exchange_of_two.verifier_matches
    assert exchange_of_two.authorization is not None
    assert exchange_of_two.authorization.params.get("state") == "state-a2"


def test_a_wrong_verifier_is_shown_against_the_request_of_its_code() -> None:
    story = A.story()
    story[5] = A.redeem(400, code_verifier="w" * 43)
    run = run_of(story)
    (redeemed,) = run.code_exchanges
    assert redeemed.authorization is run.authorizations[0]
    assert redeemed.verifier_matches is False


def test_the_only_unanswered_request_of_the_client_is_taken_without_proof() -> None:
    story = A.story()
    bare = exchange("GET", f"{AS}/oauth2/authorize?{urlencode({'client_id': A.id, 'response_type': 'code'})}")
    run = run_of([*story[:4], bare, *story[5:]])
    assert run.code_exchanges[0].authorization is run.authorizations[0]
    assert run.code_exchanges[0].verifier_matches is None


def test_of_two_unanswered_requests_none_is_guessed() -> None:
    parameters = {"client_id": A.id, "response_type": "code"}
    asked = [
        exchange("GET", f"{AS}/oauth2/authorize?{urlencode({**parameters, 'scope': scope})}") for scope in ("a", "b")
    ]
    run = run_of([*A.story(), A.refused(token=A.token()), *asked, again(A).redeem(code_verifier="w" * 43)])
    assert run.code_exchanges[1].authorization is None


def test_a_refresh_redeems_nothing() -> None:
    run = run_of([*A.story()[:4], A.recorded(), A.refresh(), A.redeem()])
    assert run.refreshes[0].authorization is None
    assert run.code_exchanges[0].authorization is run.authorizations[0]
    assert (run.refreshes[0].refreshes, run.code_exchanges[0].refreshes) == (True, False)


def test_the_response_is_the_redirect_home_and_not_one_on_the_way() -> None:
    story = A.story()
    on_the_way = f"https://accounts.example/auth?{urlencode({'state': 'theirs', 'code': 'not this one'})}"
    leg = [
        A.authorize(302, on_the_way),
        exchange("GET", on_the_way, 302, answered={"location": f"{AS}/callback?code=nor%20this&state=theirs"}),
        exchange("GET", f"{AS}/callback?code=nor%20this&state=theirs", 302, answered=A.redirect),
    ]
    (authorization,) = run_of([*story[:4], *leg, *story[5:]]).authorizations
    assert authorization.code == "code-a"
    assert authorization.response is not None
    assert authorization.response[0].id == 7


def test_a_refusal_comes_the_same_way() -> None:
    back = f"{A.redirect_uri}?{urlencode({'error': 'access_denied', 'state': A.state})}"
    (authorization,) = run_of([*A.story()[:4], A.authorize(302, back)]).authorizations
    assert authorization.code is None
    assert authorization.response is not None
    assert authorization.response[1].get("error") == "access_denied"


def test_pushed_parameters() -> None:
    pushed = exchange("POST", f"{AS}/oauth2/par", 201, form=A.request, answer={"request_uri": "urn:x"})
    asked = exchange("GET", f"{AS}/oauth2/authorize?client_id={A.id}&request_uri=urn%3Ax", 302, answered=A.redirect)
    run = run_of([*A.story()[:4], pushed, asked, *A.story()[5:]])
    (authorization,) = run.authorizations
    assert (authorization.pushed, authorization.code) == (False, "code-a")
    assert run.code_exchanges[0].verifier_matches


def test_pushed_parameters_that_were_not_captured() -> None:
    asked = exchange("GET", f"{AS}/oauth2/authorize?client_id={A.id}&request_uri=urn%3Ax", 302, answered=A.redirect)
    run = run_of([*A.story()[:4], asked, *A.story()[5:]])
    assert run.authorizations[0].pushed
    assert run.code_exchanges[0].authorization is run.authorizations[0]
    assert run.code_exchanges[0].verifier_matches is None


def test_every_resource_is_kept() -> None:
    story = A.story()
    url = f"{story[4].url}&resource=https%3A%2F%2Fone&resource=https%3A%2F%2Ftwo"
    run = run_of([*story[:4], exchange("GET", url, 302, answered=A.redirect), A.redeem(resource=MCP)])
    assert run.authorizations[0].resources == ("https://one", "https://two")
    assert run.code_exchanges[0].resources == (MCP,)


# Tokens and their uses.


def test_the_signature_is_checked_with_captured_keys_whenever_they_come() -> None:
    story = [*A.story()[:5], granted(TOKEN), A.call(token=TOKEN)]
    assert run_of(story).uses[0].signature is Signature.NOT_CHECKED
    run = run_of([*story, KEYS])
    assert (run.code_exchanges[0].signature, run.uses[0].signature) == (Signature.VALID, Signature.VALID)
    assert run.code_exchanges[0].token is not None
    assert run.code_exchanges[0].token.audiences == (MCP,)


def test_a_stored_token_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def verify(token: str, keys: object) -> Signature:
        calls.append(token)
        return Signature.VALID

    run = run_of([KEYS, *[A.call(token=TOKEN)] * 20])
    monkeypatch.setattr("inspector.timeline.run.jwt.verify", verify)
    assert [use.signature for use in run.uses] == [Signature.VALID] * 20
    assert calls == [TOKEN]


def test_an_opaque_token_is_used_too() -> None:
    run = run_of(A.story())
    assert [use.token for use in run.uses] == [None, None]
    assert all(use.exchange is run.code_exchanges[0] for use in run.uses)


@pytest.mark.parametrize(
    ("each", "accepted", "of_protected_work"),
    [
        (A.call("tools/list", token="t"), True, True),
        (A.call("initialize", token="t"), True, False),
        (A.call("ping", token="t"), True, False),
        (A.call("notifications/initialized", 202, "t"), True, False),
        (A.call("tools/list", 200, "t", answer={"jsonrpc": "2.0", "id": 1, "error": {"code": 1}}), False, False),
        (A.call("tools/list", 200, "t", answer=None), True, False),
        (A.call("tools/list", 401, "t"), False, False),
        (A.call("tools/list", 500, "t"), False, False),
        (
            A.call(token="t", sent=rpc("tools/list"), answer=[result(tools=[]), {"jsonrpc": "2.0", "error": {}}]),
            False,
            False,
        ),
    ],
)
def test_what_a_server_accepted(each: Exchange, accepted: bool, of_protected_work: bool) -> None:
    (use,) = only_run(each).uses
    assert (use.accepted, use.accepted_protected) == (accepted, of_protected_work)
    assert use.rejected is (each.status == 401)


def test_a_request_without_an_answer_is_no_use() -> None:
    assert only_run(A.call("tools/list", None, "t")).uses == ()


# Who is who.


def test_refusals_with_and_without_a_token() -> None:
    run = run_of([*A.story(), A.refused(token=A.token())])
    assert [message.id for message in run.unauthorized] == [1]
    assert [message.id for message in run.refusals] == [1, 9]


def test_the_first_good_document_is_the_one() -> None:
    root = "http://localhost:3001/.well-known/oauth-protected-resource"
    page = exchange("GET", root, 200)
    run = run_of([A.refused(), A.resource_metadata(status=404), page, A.resource_metadata(), A.resource_metadata(root)])
    assert run.resource_metadata is not None
    assert run.resource_metadata.id == 4
    assert run.published_resource == MCP
    assert run.offers_resource_metadata


def test_a_challenge_alone_shows_that_there_is_metadata() -> None:
    assert run_of([A.refused()]).offers_resource_metadata
    assert not run_of([A.refused(answered={"www-authenticate": "Bearer"})]).offers_resource_metadata


def test_the_server_metadata_whose_endpoints_were_used() -> None:
    other = replace(A, issuer="https://other.example")
    named = exchange("GET", A.metadata_url, 200, answer={"authorization_servers": [other.issuer, A.issuer]})
    run = run_of([A.refused(), named, other.server_metadata(), *A.story()[2:]])
    assert run.issuer == AS
    unused = run_of([A.refused(), named, other.server_metadata(), A.server_metadata()])
    assert unused.issuer == other.issuer


@pytest.mark.parametrize(
    ("exchanges", "issuer"),
    [
        (A.story()[:2], AS),
        ([A.refused()], None),
        ([Client(resource=MCP).recorded()], AS),
    ],
)
def test_the_issuer_as_far_as_the_capture_shows_it(exchanges: list[Exchange], issuer: str | None) -> None:
    assert run_of(exchanges).issuer == issuer


def test_the_last_registration_counts() -> None:
    refused = exchange("POST", f"{AS}/oauth2/register", 400, sent={"redirect_uris": []}, answer={"error": "x"})
    run = run_of([*A.discovery(), Client("old").register(), A.register(), refused])
    assert run.registration is not None
    assert run.registration.id == 5


def test_the_expected_resource_and_where_it_is_known_from() -> None:
    asking = replace(A, resource="http://localhost:3001")
    silent = exchange("GET", A.metadata_url, 404)
    assert run_of(A.story()).expected_resource == ExpectedResource(MCP, "protected resource metadata", assumed=False)
    sent = run_of([A.refused(), silent, A.server_metadata(), asking.authorize(), asking.redeem(resource="https://x")])
    assert sent.expected_resource == ExpectedResource(
        "http://localhost:3001", "the resource the client asked for", assumed=True
    )
    assert run_of([A.refused()]).expected_resource == ExpectedResource(MCP, "the MCP endpoint's URL", assumed=True)


@pytest.mark.parametrize(
    ("exchanges", "complete"),
    [
        (A.story(), True),
        (A.story()[:6], False),
        ([*A.story()[:5], A.redeem(400)], True),
        ([*A.story()[:6], A.refused(token=A.token())], True),
        ([*A.story()[:6], A.call("tools/list", 500, A.token())], False),
        (A.story()[:5], False),
    ],
)
def test_complete(exchanges: list[Exchange], complete: bool) -> None:
    assert run_of(exchanges).complete is complete


def test_the_end_of_a_run() -> None:
    run = run_of(A.story())
    assert run.last_at == run.messages[-1].exchange.response_end
    assert Run(1, ()).last_at == 0.0


def test_a_run_of_nothing() -> None:
    run = Run(1, ())
    assert (run.steps, run.uses, run.authorizations, run.issuer, run.expected_resource) == ((), (), (), None, None)
    assert not run.complete
    assert run.client.label == "client"


def test_messages_by_kind() -> None:
    run = run_of(A.story())
    assert [message.id for message in run.of(Kind.TOKEN, Kind.MCP)] == [1, 6, 7, 8]
