"""What is secret or personal in the messages of a sign-in, told by the name of its place: one table for every face."""

import re
from functools import lru_cache

CREDENTIALS = {
    "access_token": "access_token",
    "actor_token": "token",
    "api_key": "api_key",
    "apikey": "api_key",
    "assertion": "assertion",
    "auth_req_id": "auth_req_id",
    "authorization": "credentials",
    "client_assertion": "client_assertion",
    "client_secret": "client_secret",
    "code": "authorization_code",
    "code_verifier": "code_verifier",
    "cookie": "cookie",
    "csrf": "csrf_token",
    "device_code": "device_code",
    "id_token": "id_token",
    "id_token_hint": "id_token",
    "logout_token": "token",
    "otp": "password",
    "passcode": "password",
    "passwd": "password",
    "password": "password",
    "private_key": "private_key",
    "refresh_token": "refresh_token",
    "registration_access_token": "registration_access_token",
    "request": "request_object",
    "saml_response": "assertion",
    "secret": "secret",
    "session": "session_id",
    "sid": "session_id",
    "subject_token": "token",
    "ticket": "token",
    "token": "token",
    "user_code": "device_code",
}
"""Parameters and JSON members that let their holder in, with the kind of secret each one is."""

LINKS = {"nonce": "nonce", "state": "state"}
"""Values that tie requests together. Somebody who compares legs by eye wants to see them; a published report not."""

PERSONS = {
    "birthdate": "birthdate",
    "display_name": "name",
    "email": "email",
    "family_name": "name",
    "first_name": "name",
    "full_name": "name",
    "given_name": "name",
    "last_name": "name",
    "login_hint": "email",
    "middle_name": "name",
    "nickname": "name",
    "phone": "phone_number",
    "phone_number": "phone_number",
    "picture": "picture",
    "preferred_username": "name",
    "profile_picture_url": "picture",
    "street_address": "address",
    "sub": "subject",
    "unique_name": "name",
    "upn": "email",
    "user_email": "email",
    "user_id": "subject",
    "user_name": "name",
    "username": "name",
}
"""JSON members, claims and parameters that say who a person is. `name` is one only beside another of these."""

PRIVATE_KEY_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JSON Web Key that only its owner may know (RFC 7518 section 6)."""

_ENDINGS = (
    ("session_token", "session_id"),
    ("session_id", "session_id"),
    ("sessionid", "session_id"),
    ("_session", "session_id"),
    ("api_key", "api_key"),
    ("apikey", "api_key"),
    ("_assertion", "assertion"),
    ("_cookie", "cookie"),
    ("_credential", "credentials"),
    ("_credentials", "credentials"),
    ("_nonce", "nonce"),
    ("_otp", "password"),
    ("_passwd", "password"),
    ("_password", "password"),
    ("_secret", "secret"),
    ("_token", "token"),
    ("_verifier", "code_verifier"),
)
_NOT_SECRET = frozenset({"progress_token", "cancel_token"})
_SECRET_HEADER = re.compile(
    r"token|secret|api-?key|session|auth|signature|credential|csrf|xsrf|password|assertion|dpop"
)
_OPEN_HEADERS = frozenset(
    {"www-authenticate", "proxy-authenticate", "authentication-info", "x-auth-error", "origin-agent-cluster"}
)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PLACEHOLDER = re.compile(r"\[[a-z][a-z0-9_]* #[0-9a-f]{4,}\]")


@lru_cache(4096)
def kind_of_parameter(name: str) -> str | None:
    """The kind of secret a query, form or fragment parameter holds by its name; None when it is for everybody."""
    plain = plain_name(name)
    return CREDENTIALS.get(plain) or LINKS.get(plain) or PERSONS.get(plain) or _by_ending(plain)


@lru_cache(4096)
def kind_of_member(name: str) -> str | None:
    """The kind of secret a JSON member or claim holds by its name alone.

    `code`, `request` and `state` are other things in JSON more often than not; whoever knows the object decides.
    """
    plain = plain_name(name)
    return None if plain in ("code", "request", "state", "session", "phone") else kind_of_parameter(name)


@lru_cache(1024)
def kind_of_header(name: str) -> str | None:
    """The kind of secret a header field holds. Authorization and cookies have parts and are looked into besides."""
    lower = name.lower()
    if lower in _OPEN_HEADERS or lower.startswith(("access-control-", "sec-")) or not _SECRET_HEADER.search(lower):
        return None
    plain = plain_name(lower.removeprefix("x-"))
    return kind_of_parameter(plain) or _by_ending(f"_{plain}") or "credentials"


def is_placeholder(value: str) -> bool:
    """Whether a value stands in a published recording for a secret, so that nothing can be told from what it says."""
    return _PLACEHOLDER.fullmatch(value) is not None


def _by_ending(plain: str) -> str | None:
    if plain in _NOT_SECRET:
        return None
    return next((kind for ending, kind in _ENDINGS if plain.endswith(ending)), None)


def plain_name(name: str) -> str:
    """`firstName`, `first-name` and `https://example.com/first_name` are one name."""
    last = name.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return _WORD_START.sub("_", last).replace("-", "_").lower()
