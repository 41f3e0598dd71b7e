"""What the signs of faults are told from in a recorded run."""

from collections.abc import Iterator

from inspector.protocol import content, urls
from inspector.timeline.flow import TokenExchange
from inspector.timeline.message import Kind
from inspector.timeline.run import Run


def names_resource(run: Run, exchange: TokenExchange) -> bool:
    """Whether the sign-in asked for the resource that the MCP server publishes."""
    resources = (*exchange.resources, *(exchange.authorization.resources if exchange.authorization else ()))
    expected = run.published_resource or run.server_url
    return expected in resources


def audiences_of(exchange: TokenExchange) -> tuple[str, ...]:
    """Whom the access token is for; nobody where it cannot be read."""
    return tuple(exchange.token.audiences or ()) if exchange.token else ()


def statuses(run: Run, kind: Kind, part: str = "") -> list[int]:
    """How requests of a kind were answered, those with `part` in their URL."""
    return [m.status for m in run.of(kind) if m.status is not None and part in m.url]


def are_pages(run: Run, kind: Kind) -> bool:
    """Whether requests of a kind were answered with web pages."""
    asked = run.of(kind)
    is_page = [content.media_type(m.exchange.response_headers) == "text/html" for m in asked if m.status == 200]
    return bool(is_page) and all(is_page)


def member(run: Run, kind: Kind, name: str) -> Iterator[object]:
    """One member of every good document of a kind."""
    for message in run.of(kind):
        if message.good_document:
            yield message.good_document.raw.get(name)


def names_itself(run: Run) -> bool:
    """Whether the MCP server names itself as the authorization server, and another one issues the tokens."""
    documents = [m.good_document for m in run.of(Kind.RESOURCE_METADATA) if m.good_document]
    servers = [server for d in documents for server in d.texts("authorization_servers") or ()]
    token = next((m.url for m in run.of(Kind.TOKEN)), "")
    own = bool(servers) and all(urls.same_origin(server, run.server_url) for server in servers)
    return own and bool(token) and not urls.same_origin(token, run.server_url)
