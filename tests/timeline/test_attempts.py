"""One attempt is one run: where one ends and the next begins."""

from dataclasses import replace

from tests.timeline.build import AS, MCP, Client, exchange, ids, run_of, runs_of

A, B = Client("a"), Client("b", agent="claude-code/2.1")


def test_an_abandoned_attempt_and_a_good_one_are_two_runs() -> None:
    abandoned, good = runs_of([*A.story()[:5], *Client("b").story()])
    assert ids(abandoned) == [1, 2, 3, 4, 5]
    assert ids(good) == [6, 7, 8, 9, 10, 11, 12, 13]
    assert not abandoned.complete
    assert good.complete


def test_an_attempt_that_begins_without_a_refusal_takes_its_discovery_along() -> None:
    again = Client("b").story()[1:]
    abandoned, good = runs_of([*A.story()[:5], *again])
    assert ids(abandoned) == [1, 2, 3, 4, 5]
    assert ids(good) == [6, 7, 8, 9, 10, 11, 12]


def test_an_attempt_that_fails_early_is_an_attempt() -> None:
    refused = exchange("POST", f"{AS}/oauth2/register", 400, sent={"redirect_uris": []}, headers={"user-agent": "node"})
    first, second = runs_of([*A.story(), A.resource_metadata(), A.server_metadata(), refused])
    assert (ids(first)[-1], ids(second)) == (8, [9, 10, 11])
    first, second = runs_of([*A.story(), B.resource_metadata()])
    assert (ids(first)[-1], ids(second)) == (8, [9])


def test_a_program_that_does_not_name_itself_in_discovery_is_none_of_its_own() -> None:
    """The SDK for Python sends no user agent with its metadata requests."""
    nameless = replace(A, agent="")
    assert len(run_of([*A.story(), nameless.resource_metadata()]).messages) == 9


def test_registering_again_after_a_refused_code_is_the_same_attempt() -> None:
    assert len(run_of([*A.story()[:5], A.redeem(400), A.register()]).messages) == 7


def test_a_request_in_a_session_begins_nothing() -> None:
    stream = exchange(
        "GET", MCP, 200, headers={"user-agent": A.agent, "mcp-session-id": "s", "accept": "text/event-stream"}
    )
    assert len(run_of([*A.story(), stream]).messages) == 9


LOOK = exchange(
    "GET",
    MCP,
    401,
    headers={"user-agent": A.agent, "accept": "text/event-stream"},
    answered={"www-authenticate": f'Bearer resource_metadata="{A.metadata_url}"'},
)


def test_a_look_at_what_the_server_asks_for_is_no_attempt_of_a_client_that_is_signed_in() -> None:
    """Codex looks whether its servers support a sign-in, each time it is started."""
    look = [LOOK, A.resource_metadata(), A.server_metadata()]
    run = run_of([*A.story(), *look, A.call(token=A.token())])
    assert len(run.messages) == 12
    assert run.complete


def test_a_look_that_a_sign_in_follows_is_its_beginning() -> None:
    again = Client("b").story()[1:]
    first, second = runs_of([*A.story(), LOOK, *again])
    assert (ids(first), ids(second)) == ([1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 16])


def test_discovery_after_a_second_refusal_is_for_the_second_attempt() -> None:
    """The authorization server is known from the first attempt, and so is not looked up again."""
    first, second = runs_of([*A.story()[:5], A.refused(), A.server_metadata(), Client("b").register()])
    assert (ids(first), ids(second)) == ([1, 2, 3, 4, 5], [6, 7, 8])


def test_what_is_remembered_is_the_clients_own_registration() -> None:
    document = Client("c", client_id="https://client.example/metadata.json", resource=MCP)
    _, second = runs_of([*A.story()[:5], document.authorize()])
    assert ids(second) == [2, 3, 6]
    assert second.registration is None


def test_signing_in_again_after_success_is_another_run() -> None:
    for skipped in (0, 1):  # with and without a refusal first
        first, second = runs_of([*A.story(), *Client("b").story()[skipped:]])
        assert ids(first) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert len(second.messages) == 8 - skipped


def test_a_second_attempt_from_memory_shows_what_the_client_remembers() -> None:
    """The same client opens the sign-in page once more, and asks for no metadata and no registration again."""
    again = A.again()
    first, second = runs_of([*A.story()[:5], *again.story()[4:]])
    assert ids(first) == [1, 2, 3, 4, 5]
    assert ids(second) == [2, 3, 4, 6, 7, 8, 9]
    assert second.published_resource == MCP


def test_a_refusal_then_a_second_attempt_from_memory() -> None:
    again = A.again()
    first, second = runs_of([*A.story()[:5], again.refused(), *again.story()[4:]])
    assert ids(first) == [1, 2, 3, 4, 5]
    assert ids(second) == [2, 3, 4, 6, 7, 8, 9, 10]


def test_a_token_that_is_refused_and_renewed_by_signing_in_stays_one_run() -> None:
    again = A.again()
    story = [*A.story(), A.refused(token=A.token()), A.resource_metadata(), A.server_metadata(), *again.story()[4:]]
    assert ids(run_of(story)) == list(range(1, len(story) + 1))


def test_signing_in_after_the_token_was_renewed_is_another_run() -> None:
    again = A.again()
    first, second = runs_of([*A.story(), A.refused(token=A.token()), A.refresh(), again.authorize()])
    assert ids(first)[-1] == 10
    assert ids(second)[-1] == 11


def test_step_up_stays_in_its_run() -> None:
    again = A.again()
    forbidden = A.call("tools/call", 403, A.token(), answered={"www-authenticate": 'Bearer error="insufficient_scope"'})
    run = run_of([*A.story(), forbidden, again.authorize(), again.redeem(), A.call("tools/call", token=again.token())])
    assert len(run.authorizations) == 2
    assert [step.phase for step in run.steps][-3:] == [6, 6, 5]
