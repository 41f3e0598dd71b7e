"""Who the client says it is."""

from inspector.session.model import Exchange
from inspector.timeline.client import Client as Identity
from tests.timeline.build import Client, rpc, run_of

A = Client(agent="node")


def hello(name: object, version: object = "1.0") -> Exchange:
    return A.refused(sent=rpc("initialize", {"clientInfo": {"name": name, "version": version}}))


def identity(*exchanges: Exchange) -> Identity:
    return run_of(exchanges).client


def test_the_handshake_names_it_even_when_it_is_refused() -> None:
    found = identity(hello("warp", "0.2026"))
    assert found == Identity("warp", "0.2026", "node")
    assert found.label == "warp 0.2026"


def test_the_last_word_wins() -> None:
    """mcp-remote introduces itself twice, the first time as a test."""
    assert identity(hello("mcp-remote-fallback-test", "0.0.0"), hello("claude", "1")).label == "claude 1"


def test_the_stateless_revision_names_it_in_each_request() -> None:
    meta = {"io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1"}}
    assert identity(A.call(sent=rpc("tools/list", {"_meta": meta}))).label == "claude-code 2.1"


def test_the_registration_names_it_where_nothing_else_does() -> None:
    assert identity(*A.discovery(), A.register()).label == "Client a"
    assert identity(hello("warp"), *A.discovery(), A.register()).name == "warp"


def test_the_user_agent_is_the_last_resort() -> None:
    assert identity(A.refused()).label == "node"
    assert identity(Client(agent="").refused()).label == "client"


def test_what_is_no_name_is_none() -> None:
    assert identity(hello(5)).name == ""
    assert identity(hello("")).name == ""
    assert identity(hello("warp", 7)).label == "warp"
    assert identity(A.refused(sent=rpc("initialize", {"clientInfo": "warp"}))).name == ""
