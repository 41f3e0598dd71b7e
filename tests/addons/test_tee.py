import asyncio
import hashlib

from addons.tee import Coalesced, Tee
from inspector.session.model import Body


def test_chunks_pass_unchanged_and_the_beginning_is_kept() -> None:
    tee = Tee(keep=5)
    assert [tee(chunk) for chunk in (b"abc", b"", b"def", b"gh", b"")] == [b"abc", b"", b"def", b"gh", b""]
    assert tee.body(whole=False) == Body(b"abcde", 8, "")
    assert tee.body(whole=True) == Body(b"abcde", 8, hashlib.sha256(b"abcdefgh").hexdigest())


def test_every_chunk_is_announced_but_not_the_end() -> None:
    sizes: list[int] = []
    tee = Tee(10, lambda: sizes.append(tee.body(whole=False).size))
    for chunk in (b"a", b"bc", b""):
        tee(chunk)
    assert sizes == [1, 3]


def test_what_is_beyond_the_limit_takes_no_memory() -> None:
    tee = Tee(keep=10)
    for _ in range(1000):
        tee(b"x" * 1000)
    assert len(tee.body(whole=False).data) == 10


async def test_the_first_poke_acts_at_once_and_later_ones_together() -> None:
    acted = asyncio.Queue[float]()
    loop = asyncio.get_running_loop()
    coalesced = Coalesced(lambda: acted.put_nowait(loop.time()), interval=0.05)
    coalesced.poke()
    assert acted.qsize() == 1
    for _ in range(100):
        coalesced.poke()
    assert acted.qsize() == 1
    first, second = await acted.get(), await acted.get()
    assert second - first >= 0.04  # the loop's clock may be coarse
    assert acted.empty()


async def test_the_first_action_can_be_put_off() -> None:
    acted = asyncio.Queue[float]()
    loop = asyncio.get_running_loop()
    coalesced = Coalesced(lambda: acted.put_nowait(loop.time()), interval=60, delay=0.05)
    asked = loop.time()
    coalesced.poke()
    coalesced.poke()
    assert acted.empty()
    assert await acted.get() - asked >= 0.04
    assert acted.empty()


async def test_what_is_cancelled_in_time_never_acts() -> None:
    acted: list[None] = []
    coalesced = Coalesced(lambda: acted.append(None), interval=0.01, delay=0.01)
    coalesced.poke()
    coalesced.cancel()
    await asyncio.sleep(0.03)
    assert acted == []


async def test_a_cancelled_poke_does_not_act() -> None:
    acted: list[None] = []
    coalesced = Coalesced(lambda: acted.append(None), interval=0.01)
    coalesced.poke()
    coalesced.poke()
    coalesced.cancel()
    await asyncio.sleep(0.03)
    assert len(acted) == 1
