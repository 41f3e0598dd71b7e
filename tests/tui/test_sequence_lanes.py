"""Who has a lane in the diagram, and between which lanes a step goes."""

from dataclasses import replace

from inspector.session.model import Exchange
from inspector.tui.widgets.sequence_lanes import Lane, Lanes
from tests.tui.alone import view_of
from tests.tui.story import AUTHKIT, CLIENT_ID, MCP, discovery, exchange, story


def ends(exchanges: list[Exchange]) -> dict[str, tuple[Lane, Lane]]:
    view = view_of(exchanges)
    lanes = Lanes.of(view.judged.run)
    return {step.title: lanes.ends(step, view.message_of_step(step)) for step in view.judged.run.steps}


def moved(exchanges: list[Exchange], host: str, client_id: str) -> list[Exchange]:
    """The same sign-in with the authorization server at another host, and another client id."""
    swapped = []
    for each in exchanges:
        texts = {"url": each.url}
        bodies = {}
        for name in ("request_body", "response_body"):
            body = getattr(each, name)
            data = body.data.replace(AUTHKIT.encode(), host.encode()).replace(CLIENT_ID.encode(), client_id.encode())
            bodies[name] = type(body).whole(data)
        url = texts["url"].replace(AUTHKIT, host).replace(CLIENT_ID, client_id)
        swapped.append(
            replace(each, url=url, request_body=bodies["request_body"], response_body=bodies["response_body"])
        )
    return swapped


def test_each_step_goes_from_who_asks_to_who_is_asked() -> None:
    found = ends(story())
    assert found["initialize"] == (Lane.CLIENT, Lane.SERVER)
    assert found["Protected resource metadata"] == (Lane.CLIENT, Lane.SERVER)
    assert found["Authorization server metadata"] == (Lane.CLIENT, Lane.AUTHORIZATION)
    assert found["Register client"] == (Lane.CLIENT, Lane.AUTHORIZATION)
    assert found["Authorize"] == (Lane.BROWSER, Lane.AUTHORIZATION)
    assert found["Token"] == (Lane.CLIENT, Lane.AUTHORIZATION)


def test_the_browser_has_a_lane_only_where_it_was_seen() -> None:
    assert Lanes.of(view_of(story()).judged.run).names == ("Client", "MCP server", "AuthKit", "Browser")
    unseen = [each for each in story() if each.id != 6]
    assert Lanes.of(view_of(unseen).judged.run).names == ("Client", "MCP server", "AuthKit")
    assert ends(unseen)["Authorize"] == (Lane.CLIENT, Lane.AUTHORIZATION)


def test_an_authorization_server_is_authkit_by_its_host_or_by_the_client_ids_it_gives() -> None:
    other = moved(story(), "https://login.example.com", "7f0c2d")
    assert "Authorization server" in Lanes.of(view_of(other).judged.run).names
    branded = moved(story(), "https://login.example.com", CLIENT_ID)
    assert "AuthKit" in Lanes.of(view_of(branded).judged.run).names
    lookalike = moved(story(), "https://notauthkit.app", "7f0c2d")
    assert "AuthKit" not in Lanes.of(view_of(lookalike).judged.run).names


def test_a_request_is_drawn_to_where_it_went_and_not_to_where_it_belongs() -> None:
    stray = exchange(9, "POST", MCP.replace("/mcp", "/token"), 1.0, 0.1, 404, form={"grant_type": "authorization_code"})
    assert ends([*discovery(), stray])["Token"] == (Lane.CLIENT, Lane.SERVER)


def test_one_origin_for_both_servers_still_has_both_lanes() -> None:
    found = ends(moved(story(), "http://localhost:3001", "7f0c2d"))
    assert found["initialize"] == (Lane.CLIENT, Lane.SERVER)
    assert found["Register client"] == (Lane.CLIENT, Lane.AUTHORIZATION)
    assert found["Authorization server metadata"] == (Lane.CLIENT, Lane.AUTHORIZATION)
