"""Identifiers shaped like those of WorkOS: a prefix and a ULID."""

import secrets
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(prefix: str) -> str:
    """A fresh id such as `client_01K8...`: 48 bits of time in milliseconds, 80 random bits, in base 32."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return prefix + "_" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
