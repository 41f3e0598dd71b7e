"""What a gateway changes on the way: what it hides from a comparison, and what the client itself sent."""

from inspector.protocol import urls
from inspector.protocol.urls import Grade
from inspector.rules.model import NotObserved
from inspector.timeline.message import Message

_ALIGNED = {"default port", "letter case"}
"""Differences between two spellings of one origin. A gateway puts its own address for both."""


def through_gateway(message: Message) -> bool:
    """Whether the client sent this to an address of the inspector's, which stands for the server's."""
    return any(each.name == "Host" and not each.by for each in message.exchange.translations)


def hidden(message: Message, expected: str, found: str) -> bool:
    """Whether the client could not see that two URLs differ, because the gateway wrote the same origin for both."""
    if not through_gateway(message):
        return False
    comparison = urls.compare(expected, found)
    spelling = comparison.grade is Grade.NORMALIZED and _ALIGNED.issuperset(comparison.steps)
    return spelling or comparison.grade is Grade.SCHEME_ONLY


def not_hidden(message: Message, expected: str, found: str) -> None:
    """Leave the rule when the difference is one that the client could not see."""
    if hidden(message, expected, found):
        raise translated()


def translated() -> NotObserved:
    """Why a rule about what the client compares must stay silent behind a gateway."""
    return NotObserved("N9", "the gateway changes the addresses that the client compares")


def redirect_uris_sent(message: Message) -> tuple[str, ...]:
    """The redirect URIs of a registration request as the client sent them, without the gateway's own."""
    stated = (message.sent.texts("redirect_uris") if message.sent else None) or ()
    return _of_client(message, "request.body", stated)


def redirect_uris_answered(message: Message) -> tuple[str, ...]:
    """The redirect URIs of a registration response as the client got them."""
    stated = (message.document.texts("redirect_uris") if message.document else None) or ()
    return _of_client(message, "response.body", stated)


def redirect_uri_sent(message: Message) -> str | None:
    """The redirect URI of an authorization or token request as the client sent it."""
    value = message.params.get("redirect_uri")
    changed = (each for each in message.exchange.translations if each.name == "redirect_uri" and not each.by)
    return next((each.client for each in changed if each.upstream == value), value)


def _of_client(message: Message, part: str, stated: tuple[str, ...]) -> tuple[str, ...]:
    changed = (each for each in message.exchange.translations if each.name == "redirect_uris" and not each.by)
    return next((tuple(each.client.split()) for each in changed if each.part == part), stated)
