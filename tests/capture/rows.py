"""What the session holds about a test's own server, awaited by the push of the proxy."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from inspector.capture.proxy import RunningProxy
from inspector.capture.watch import changes
from inspector.session.model import Exchange, Incident, State
from inspector.session.reader import Session


async def rows(
    proxy: RunningProxy, where: str, when: Callable[[list[Exchange]], bool] = lambda found: bool(found)
) -> list[Exchange]:
    """Exchanges whose URL begins with `where`, in order of id, as soon as `when` holds for them."""
    async with asyncio.timeout(20), aclosing(changes(proxy)) as growth:
        async for _ in growth:
            found = recorded(proxy, where)
            if when(found):
                return found
    raise AssertionError("unreachable: changes() never ends")


async def row(proxy: RunningProxy, url: str, state: State = State.COMPLETE) -> Exchange:
    """The one exchange of that URL, as soon as it is in that state."""
    (found,) = await rows(proxy, url, lambda found: [each.state for each in found] == [state])
    return found


def recorded(proxy: RunningProxy, where: str) -> list[Exchange]:
    """Exchanges whose URL begins with `where`, in order of id, as they are now."""
    with Session.open(proxy.session) as session:
        return sorted((each for each in session.exchanges() if each.url.startswith(where)), key=lambda each: each.id)


async def incidents(proxy: RunningProxy, after: float) -> list[Incident]:
    """Incidents since that time, as soon as there is one."""
    async with asyncio.timeout(20), aclosing(changes(proxy)) as growth:
        async for _ in growth:
            with Session.open(proxy.session) as session:
                found = [each for each in session.incidents() if each.at >= after]
            if found:
                return found
    raise AssertionError("unreachable: changes() never ends")
