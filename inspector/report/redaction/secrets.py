"""The secrets of one recording: their kind, where they stand, and the placeholder each one is replaced by."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from inspector.protocol.secrets import is_placeholder

SHORTEST_WORD = 6
"""Characters from which a secret is looked for where its name does not give it away, as a word of its own."""

SHORTEST_ANYWHERE = 8
"""Characters from which it is looked for also inside other words, and in other encodings."""

SIGNATURE = "signature"
"""The kind of a JSON Web Token's last part, which is hidden also where it stands alone."""

_MOST_PLACES = 20
_VAGUE = ("token", "secret", "credentials", "cookie", "form_value")
"""Kinds that a better one replaces: the same value as `access_token` in the answer that issued it."""


@dataclass(slots=True)
class Secret:
    """One value that must not leave; `masked` is the user's choice.

    `places` says where it stands in the first exchanges that hold it, `count` how many do, `last` is the latest one.
    """

    value: str = field(repr=False)
    kind: str
    fingerprint: str
    masked: bool = True
    places: dict[int, str] = field(default_factory=dict)
    count: int = 0
    last: int = 0

    @property
    def placeholder(self) -> str:
        """What stands in its place."""
        return f"[{self.kind} #{self.fingerprint}]"


@dataclass(frozen=True, slots=True)
class Masked:
    """One line of the preview: what is hidden, under which name, and in how many exchanges; where in the first ones."""

    kind: str
    fingerprint: str
    length: int
    places: tuple[tuple[int, str], ...]
    count: int
    masked: bool


class Secrets:
    """Every secret found so far. Equal values are one secret and have one fingerprint, whatever their place.

    The fingerprint is keyed, so that nobody without the key can try guesses against it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._by_value: dict[str, Secret] = {}
        self._by_fingerprint: dict[str, Secret] = {}
        self._public: set[str] = set()

    def __iter__(self) -> Iterator[Secret]:
        return iter(self._by_value.values())

    def __len__(self) -> int:
        return len(self._by_value)

    def get(self, value: str) -> Secret | None:
        """The secret of that value."""
        return self._by_value.get(value)

    def publish(self, value: str) -> None:
        """Note a value that everybody may see, such as a client id, and that other places must not make secret."""
        # Nothing makes an address of a person public.
        if "@" not in value:
            self._public.add(value)

    def add(self, value: str, kind: str, exchange: int = 0, place: str = "") -> Secret | None:
        """Note a secret; None for what needs no hiding: nothing, what is masked already, a published value."""
        if not value.strip() or value in self._public or is_placeholder(value.rpartition(".")[2]):
            return None
        secret = self._by_value.get(value) or self._new(value, kind)
        if secret.kind in _VAGUE and kind not in _VAGUE:
            secret.kind = kind
        if place and (exchange != secret.last or not secret.count):
            secret.count, secret.last = secret.count + 1, exchange
            if len(secret.places) < _MOST_PLACES:
                secret.places[exchange] = place
        return secret

    def take_back_public(self) -> None:
        """Forget what turned out to be published after it had been taken for a secret."""
        for value in self._public & self._by_value.keys():
            del self._by_fingerprint[self._by_value.pop(value).fingerprint]

    def preview(self) -> list[Masked]:
        """What is hidden, in the order it was found."""
        return [
            Masked(each.kind, each.fingerprint, len(each.value), tuple(each.places.items()), each.count, each.masked)
            for each in self
            if each.kind != SIGNATURE
        ]

    def set_masked(self, fingerprint: str, masked: bool) -> None:
        """Hide or show one secret, by its fingerprint. KeyError when there is none."""
        secret = self._by_fingerprint[fingerprint]
        secret.masked = masked
        # A token and its signature are one thing to whoever chooses.
        signature = self._by_value.get(secret.value.rpartition(".")[2])
        if signature and signature.kind == SIGNATURE:
            signature.masked = masked

    def _new(self, value: str, kind: str) -> Secret:
        digest = hmac.new(self._key, value.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
        length = 4
        # Two secrets must never look like one: readers compare legs by these digits.
        while digest[:length] in self._by_fingerprint:
            length += 2
        secret = Secret(value, kind, digest[:length])
        self._by_value[value] = self._by_fingerprint[secret.fingerprint] = secret
        return secret
