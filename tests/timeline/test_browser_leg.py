"""The way through the browser: captured, recorded, or out of sight."""

from dataclasses import replace
from itertools import chain
from urllib.parse import urlencode

import pytest

from inspector.session.model import State
from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, Client, exchange, ids, kinds, names, run_of, runs_of

A = Client("a")
OTHER_SERVER = "http://localhost:3001/other"


def test_an_authorization_request_the_client_tries_itself_first() -> None:
    """fastmcp asks before it opens the browser: two requests with the same state."""
    story = A.story()
    run = run_of([*story[:4], story[4], *story[4:]])
    assert len(run.of(Kind.AUTHORIZE)) == 2
    assert len(run.authorizations) == 1


def test_the_recorded_request_and_the_browsers_own_are_one() -> None:
    story = A.story()
    run = run_of([*story[:4], A.recorded(), *story[4:]])
    (authorization,) = run.authorizations
    assert authorization.request.exchange.state is State.COMPLETE
    assert authorization.code == "code-a"


@pytest.mark.parametrize("state", ["", "always the same"])
def test_copies_are_known_without_anything_random_in_them(state: str) -> None:
    request = {"response_type": "code", "client_id": A.id, "redirect_uri": A.redirect_uri, "state": state}
    url = f"{AS}/oauth2/authorize?{urlencode(request)}"
    copy, own = exchange("GET", url), exchange("GET", url, 302, answered=A.redirect)
    story = A.story()
    first, second = runs_of(
        [*story[:4], replace(copy, state=State.RECORDED), own, *story[:4], replace(copy, state=State.RECORDED), own]
    )
    assert [len(run.authorizations) for run in (first, second)] == [1, 1]
    assert len(first.messages) == len(second.messages) == 6


def test_a_browser_leg_that_was_not_captured() -> None:
    story = A.story()
    run = run_of([*story[:4], *story[5:]])
    assert len(run.messages) == 7
    assert run.authorizations == ()
    assert run.complete


def test_only_the_recorders_copy_was_captured() -> None:
    """The browser is outside the proxy; the proof key ties the token request to its authorization request."""
    one, two = A.story(), Client("b").story()
    one[4], two[4] = A.recorded(), Client("b").recorded()
    runs = runs_of([*one[:5], *two[:5], *one[5:], *two[5:]])
    assert [names(run) for run in runs] == [["client-a"], ["client-b"]]
    assert all(run.code_exchanges[0].authorization is run.authorizations[0] for run in runs)


def test_only_the_recorders_copies_of_plain_challenges_were_captured() -> None:
    """The challenge is then the verifier itself (RFC 7636 section 4.2)."""
    clients = A, Client("b")
    stories = [
        [*client.story()[:4], replace(client.authorize(None, code_challenge=client.verifier), state=State.RECORDED)]
        for client in clients
    ]
    runs = runs_of([*chain(*stories), *(replace(client, client_id="").redeem(client_id="") for client in clients)])
    assert [len(run.code_exchanges) for run in runs] == [1, 1]
    assert all(run.code_exchanges[0].verifier_matches for run in runs)


def test_answers_to_the_client_find_the_request_they_answer() -> None:
    """By the state they carry, when no redirect and no referer leads to them."""
    one, two = A.story(), Client("b").story()
    page = [exchange("GET", story[4].url, 200) for story in (one, two)]
    login = exchange("POST", f"{AS}/login", 302, answered=A.redirect)
    callback = exchange("GET", A.redirect["location"], 200)
    first, second = runs_of([*one[:4], page[0], *two[:4], page[1], login, callback])
    assert ids(first) == [1, 2, 3, 4, 5, 11, 12]
    assert kinds(first)[-2:] == [Kind.INTERACTION, Kind.CALLBACK]
    assert ids(second) == [6, 7, 8, 9, 10]
    alone, _ = runs_of([*one[:4], page[0], *two[:4], page[1], callback])
    assert kinds(alone)[-1] is Kind.CALLBACK


def test_a_code_alone_ties() -> None:
    """One client id at two servers, and no proof keys."""
    url = "https://client.example/metadata.json"
    stories = []
    for client in (Client("a", client_id=url, resource=MCP), Client("b", OTHER_SERVER, client_id=url)):
        asked = replace(client.authorize(), url=client.authorize().url.partition("&code_challenge")[0])
        stories.append([*client.discovery(), asked, client.redeem(code_verifier="")])
    first, second = runs_of([*stories[0][:4], *stories[1][:4], stories[0][4], stories[1][4]])
    assert (ids(first), ids(second)) == ([1, 2, 3, 4, 9], [5, 6, 7, 8, 10])


def test_callbacks_of_the_authorization_server_itself_are_hops() -> None:
    """A social login comes back to the authorization server before that goes back to the client."""
    social = "https://accounts.example/o/oauth2/auth?client_id=theirs&response_type=code&state=internal"
    back = f"{AS}/callback?code=social&state=internal"
    story = A.story()
    leg = [
        A.authorize(302, social),
        exchange("GET", social, 302, answered={"location": back}),
        exchange("GET", back, 302, answered=A.redirect),
        exchange("GET", A.redirect["location"], 200),
    ]
    run = run_of([*story[:4], *leg, *story[5:]])
    assert kinds(run)[4:8] == [Kind.AUTHORIZE, Kind.INTERACTION, Kind.INTERACTION, Kind.CALLBACK]
    assert [authorization.code for authorization in run.authorizations] == ["code-a"]


def test_a_consent_form_that_repeats_the_request() -> None:
    story = A.story()
    page = exchange("GET", A.authorize().url, 200)
    consent = exchange("POST", f"{AS}/oauth2/authorize", 302, form={**A.request, "yes": "1"}, answered=A.redirect)
    run = run_of([*story[:4], page, consent, *story[5:]])
    (authorization,) = run.authorizations
    assert authorization.code == "code-a"
    assert run.code_exchanges[0].authorization is authorization
