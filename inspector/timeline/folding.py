"""Folds what a client does over and over again, so that a run stays small however long it goes on."""

from itertools import islice

from inspector.session.model import State
from inspector.timeline.message import Message, settled
from inspector.timeline.steps import Loop

_LONGEST_CYCLE = 8


def fold(messages: dict[int, Message], loops: list[Loop]) -> list[int]:
    """Drop the middle turn of a cycle that was just gone through for the third time and ends in refusals.

    A client that never gives up makes a hundred requests a second: the first turn, the last and the count tell all.
    `messages` are in the order of their beginning. Gives the ids that were dropped.
    """
    if not _refused_lately(messages):
        return []
    newest = list(islice(reversed(messages.values()), 4 * _LONGEST_CYCLE))
    done = [message for message in newest if settled(message.exchange)][: 3 * _LONGEST_CYCLE]
    shapes = [message.shape for message in done]
    for length in range(1, len(done) // 3 + 1):
        last, middle, first = (shapes[length * turn : length * (turn + 1)] for turn in range(3))
        if last == middle == first and any(message.status == 401 for message in done[:length]):
            folded = [message.id for message in done[length : 2 * length]]
            for exchange_id in folded:
                del messages[exchange_id]
            kept = tuple(message.id for message in reversed(done[:length]))
            _count(loops, kept, set(folded))
            return folded
    return []


def _refused_lately(messages: dict[int, Message]) -> bool:
    """Whether the latest turn of any cycle can have a refusal; this is asked after every exchange."""
    turn = 0
    for message in islice(reversed(messages.values()), 4 * _LONGEST_CYCLE):
        exchange = message.exchange
        if exchange.state is State.COMPLETE or settled(exchange):
            if exchange.status == 401:
                return True
            turn += 1
            if turn == _LONGEST_CYCLE:
                break
    return False


def _count(loops: list[Loop], kept: tuple[int, ...], folded: set[int]) -> None:
    """Count one more turn. The cycle may have been noticed from another of its messages on before."""
    gone = [loop for loop in loops if folded & set(loop.last)]
    turns = next((loop.turns for loop in gone if len(loop.last) == len(kept)), 2)
    loops[:] = [loop for loop in loops if loop not in gone]
    loops.append(Loop(kept, turns + 1))
