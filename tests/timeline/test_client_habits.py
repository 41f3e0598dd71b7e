"""What clients and servers do that a simple reading of the specification does not expect."""

from dataclasses import replace

from inspector.timeline.message import Kind
from tests.timeline.build import AS, MCP, Client, exchange, kinds, names, run_of, runs_of

A, B = Client("a"), Client("b", agent="claude-code/2.1")


def test_metadata_at_an_address_of_its_own() -> None:
    url = "https://cdn.example/prm.json"
    refused = A.refused(answered={"www-authenticate": f'Bearer resource_metadata="{url}?v=1"'})
    run = run_of([refused, A.resource_metadata(f"{url}?v=1"), *A.story()[2:]])
    assert kinds(run)[1] is Kind.RESOURCE_METADATA
    assert run.published_resource == MCP


def test_metadata_behind_a_redirect() -> None:
    moved = exchange("GET", A.metadata_url, 307, answered={"location": "https://cdn.example/prm.json"})
    run = run_of([A.refused(), moved, A.resource_metadata("https://cdn.example/prm.json"), *A.story()[2:]])
    assert kinds(run)[1:3] == [Kind.RESOURCE_METADATA] * 2
    assert run.published_resource == MCP


def test_probes_of_a_fetching_and_an_event_stream_client_are_one_attempt() -> None:
    """mcp-remote opens its stream with undici and posts with the fetch of Node.js."""
    probe = exchange("GET", MCP, 401, headers={"user-agent": "undici", "accept": "text/event-stream"})
    assert len(run_of([probe, probe, *A.story()]).messages) == 10


def test_two_registrations_in_one_sign_in() -> None:
    """opencode registers twice per login."""
    first = Client("first").register()
    run = run_of([*A.discovery(), first, *A.discovery(), *A.story()[3:]])
    assert len(run.of(Kind.REGISTER)) == 2
    assert len(run.messages) == 12


def test_a_token_request_in_json_is_tied_like_any_other() -> None:
    one, two = A.story(), B.story()
    one[5] = A.redeem(as_json=True)
    first, second = runs_of([*one[:5], *two[:5], *one[5:], *two[5:]])
    assert (names(first), names(second)) == (["client-a"], ["client-b"])
    assert first.code_exchanges[0].authorization is first.authorizations[0]


def test_the_endpoint_with_a_slash_is_the_same_endpoint() -> None:
    moved = A.call("initialize", 307, answered={"location": f"{MCP}/"})
    slash = replace(A, server=f"{MCP}/")
    run = run_of([moved, slash.refused(), *A.story()[1:6], slash.call(token=A.token())])
    assert len(run.messages) == 8
    assert run.server_url == MCP


def test_the_endpoint_behind_a_redirect_is_the_same_endpoint() -> None:
    moved = A.call("initialize", 308, answered={"location": "https://new.example/mcp"})
    run = run_of([moved, replace(A, server="https://new.example/mcp").refused()])
    assert len(run.messages) == 2


def test_a_client_id_nobody_registered_is_followed_where_it_names_the_server() -> None:
    story = A.story()
    stray = replace(A, client_id="stale", resource=MCP)
    run = run_of([*story[:4], stray.authorize(), stray.redeem(), *story[6:]])
    assert len(run.authorizations) == 1
    assert run.code_exchanges[0].authorization is run.authorizations[0]


def test_a_resource_under_its_public_name() -> None:
    """Behind a proxy the server calls itself otherwise than the client does."""
    public = "https://public.example/mcp"
    named = exchange("GET", A.metadata_url, 200, answer={"resource": public, "authorization_servers": [AS]})
    stray = replace(A, client_id="stale", resource=public)
    run = run_of([A.refused(), named, *A.story()[2:4], stray.authorize()])
    assert len(run.authorizations) == 1


def test_an_authorization_request_is_enough_to_begin_with() -> None:
    client = Client(resource=MCP)
    run = run_of([client.recorded(), client.redeem(), *client.story()[6:]])
    assert run.server_url == MCP
    assert len(run.messages) == 4


def test_what_is_not_text_breaks_nothing() -> None:
    odd = {"access_token": "\ud800", "refresh_token": 5, "id_token": None}
    story = A.story()
    story[5] = exchange("POST", f"{AS}/oauth2/token", 200, form={"grant_type": "\x00"}, answer=odd)
    run = run_of([*story, exchange("POST", f"{AS}/oauth2/token", sent={"code_verifier": "\ud800", "grant_type": "x"})])
    assert run.steps
    assert run.uses
