"""A client that omits `resource` gets in with the wire patch, against servers that insist; and says what it sent."""

import pytest

from inspector.protocol.params import Params
from inspector.reference.client import perform
from inspector.reference.pair import Reference
from inspector.reference.profile import load_profile
from inspector.session.reader import Session
from inspector.session.undo import as_client_sent
from tests.capture.conftest import Start


@pytest.mark.parametrize("patches", [(), ("add-resource",)], ids=["as it is", "add-resource"])
async def test_the_client_of_the_story_gets_in_with_add_resource(start: Start, patches: tuple[str, ...]) -> None:
    async with Reference() as pair:
        proxy = start(targets=(pair.mcp_url,), patches=patches)
        outcome = await perform(load_profile("warp"), pair.mcp_url, proxy=proxy.url)
    proxy.stop()
    assert outcome.status == (200 if patches else 401)
    with Session.open(proxy.session) as session:
        exchanges = list(session.exchanges())
        incidents = [(each.kind, each.text) for each in session.incidents()]
    said = "The wire patch add-resource is on: not all that arrives was sent so."
    assert incidents == ([("patch", said)] if patches else [])
    asked = [each for each in exchanges if b"grant_type=" in each.request_body.data]
    asked += [each for each in exchanges if "response_type=" in each.url]
    assert len(asked) >= 2
    for exchange in asked:
        sent = as_client_sent(exchange)
        seen, own = (
            Params.parse(each.request_body.data.decode() or each.url.partition("?")[2]) for each in (exchange, sent)
        )
        assert own.all("resource") == ()
        assert seen.all("resource") == ((pair.mcp_url,) if patches else ())
