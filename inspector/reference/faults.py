"""The faults that can be switched on in the reference servers, and the rules that each one provokes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from enum import StrEnum
from itertools import permutations
from typing import Any

from inspector.errors import ReferenceFailure
from inspector.reference.settings import Settings


class Side(StrEnum):
    """Who goes wrong."""

    MCP_SERVER = "mcp-server"
    AUTHORIZATION_SERVER = "authorization-server"

    @property
    def flaws(self) -> str:
        """The field of `Settings` that holds what this side can do wrong."""
        return "server_flaws" if self is Side.MCP_SERVER else "authkit_flaws"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, as changes to the fields of `Settings` or of the flaws of its side.

    `provokes` are the rules that have something to say, at any severity, about a client that does nothing wrong; none
    where that client is not harmed, or where no rule looks at it.
    """

    name: str
    side: Side
    description: str
    provokes: tuple[str, ...]
    changes: Mapping[str, Any]

    def contradicts(self, other: "Fault") -> bool:
        """Whether both change the same thing, or this one leaves no room for the other."""
        no_room = _LEAVES_NO_ROOM.get(self.name)
        same_thing = self.side is other.side and self.changes.keys() & other.changes.keys()
        return bool(same_thing or (no_room and other.name.startswith(no_room)))


def _server(name: str, description: str, *provokes: str, **changes: Any) -> Fault:
    return Fault(name, Side.MCP_SERVER, description, provokes, changes)


def _issuer(name: str, description: str, *provokes: str, **changes: Any) -> Fault:
    return Fault(name, Side.AUTHORIZATION_SERVER, description, provokes, changes)


FAULTS: tuple[Fault, ...] = (
    # The 401
    _server(
        "redirect-to-slash", "Redirects the endpoint to the same URL with a slash at its end.", redirects_to_slash=True
    ),
    _server(
        "forbidden-without-token",
        "Answers a request without a token with 403 instead of 401.",
        missing_token_status=403,
    ),
    _server(
        "forbidden-when-expired",
        "Answers an expired token with 403 instead of 401; tokens live for two seconds.",
        expired_token_status=403,
        token_lifetime=2,
    ),
    _server("challenge-absent", "Answers 401 without WWW-Authenticate.", challenge="absent"),
    _server(
        "challenge-without-metadata-url",
        "Leaves resource_metadata out of the challenge.",
        challenge="without-metadata-url",
    ),
    _server(
        "challenge-relative-url", "Gives resource_metadata as a path without scheme and host.", challenge="relative-url"
    ),
    _server(
        "challenge-other-origin",
        "Gives resource_metadata with 127.0.0.1 where clients use localhost.",
        challenge="other-origin",
    ),
    _server(
        "challenge-unterminated",
        "Forgets the closing quote of the challenge's last parameter.",
        challenge="unterminated",
    ),
    _server("challenge-without-scope", "Leaves the scope out of the challenge.", challenge="without-scope"),
    _server(
        "challenge-error-without-token",
        "Says invalid_token to a request that had no token.",
        challenge="error-without-token",
    ),
    _server(
        "challenge-unregistered-error",
        "Says error=unauthorized, which is no code of RFC 6750, in every challenge.",
        challenge="unregistered-error",
    ),
    _server(
        "challenge-without-error", "Does not say invalid_token when it refuses a token.", challenge="without-error"
    ),
    _server(
        "cors-headers-hidden",
        "Does not let scripts of other origins read WWW-Authenticate and Mcp-Session-Id.",
        cross_origin="headers-hidden",
    ),
    _server(
        "cors-preflight-refused",
        "Treats the preflight of a browser like any other request without a token.",
        cross_origin="preflight-refused",
    ),
    # Protected resource metadata
    _server(
        "legacy-server",
        "Knows only revision 2025-03-26: a bare challenge, no protected resource metadata, no stateless requests.",
        revision="2025-03-26",
    ),
    _server("prm-absent", "Publishes no protected resource metadata, and names none.", metadata="unnamed-and-absent"),
    _server("prm-not-found", "Names protected resource metadata that is not there.", metadata="named-and-absent"),
    _server("prm-root-only", "Publishes protected resource metadata at the root only.", metadata="root-only"),
    _server("prm-html", "Answers requests for protected resource metadata with a web page.", metadata="html"),
    _server("prm-unauthorized", "Answers requests for protected resource metadata with 401.", metadata="unauthorized"),
    _server(
        "prm-redirected",
        "Redirects requests for protected resource metadata to another origin.",
        metadata="redirected",
    ),
    _server("prm-resource-missing", "Leaves resource out of the protected resource metadata.", resource="missing"),
    _server(
        "prm-resource-trailing-slash",
        "Publishes its URL with a slash at the end as the resource.",
        resource="trailing-slash",
    ),
    _server("prm-resource-origin", "Publishes its origin as the resource.", resource="origin"),
    _server(
        "prm-resource-loopback-alias",
        "Publishes 127.0.0.1 as its host where clients use localhost.",
        resource="loopback-alias",
    ),
    _server("prm-resource-other", "Publishes another server's URL as the resource.", resource="other"),
    _server(
        "prm-resource-with-fragment", "Publishes its URL with a fragment as the resource.", resource="with-fragment"
    ),
    _server(
        "prm-issuer-without-scheme",
        "Names the authorization server by host and port only.",
        authorization_servers="without-scheme",
    ),
    _server(
        "prm-without-authorization-servers",
        "Names no authorization server in the protected resource metadata.",
        authorization_servers="none",
    ),
    _server(
        "prm-names-itself",
        "Names itself as the authorization server, and serves a copy of the other one's metadata.",
        authorization_servers="itself",
    ),
    # Authorization server metadata
    _issuer("as-metadata-absent", "Publishes no metadata.", metadata="none"),
    _issuer("as-metadata-html", "Answers requests for its metadata with a web page.", metadata="html"),
    _issuer("as-metadata-incomplete", "Leaves token_endpoint out of its metadata.", metadata_incomplete=True),
    _issuer("as-endpoint-insecure", "Advertises an endpoint at http on another machine.", endpoint_insecure=True),
    _issuer(
        "as-metadata-openid-only",
        "Publishes openid-configuration only, which at AuthKit says nothing of PKCE.",
        metadata="openid-only",
    ),
    _issuer("issuer-trailing-slash", "States its issuer with a slash at the end.", issuer="trailing-slash"),
    _issuer("issuer-other", "States another issuer than the one its metadata was asked for.", issuer="other"),
    _issuer("pkce-not-advertised", "Leaves code_challenge_methods_supported out of its metadata.", pkce="unadvertised"),
    _issuer("pkce-plain-only", "Advertises the PKCE method plain and not S256.", pkce="plain-only"),
    # Registration
    _issuer(
        "registration-off",
        "Takes neither registrations nor client ID metadata documents, as AuthKit at first.",
        dcr=False,
        cimd=False,
    ),
    _issuer(
        "registration-not-found",
        "Advertises a registration endpoint that answers 404, and nothing else.",
        registration="not-found",
        cimd=False,
    ),
    _issuer(
        "registration-redirect-uri-refused",
        "Refuses to register a redirect URI on loopback or of an app's own scheme.",
        registration="redirect-uri-refused",
        cimd=False,
    ),
    _issuer(
        "registration-secret-forced",
        "Registers every client as confidential, whatever it asked for.",
        registration="secret-forced",
        cimd=False,
    ),
    _issuer("cimd-off", "Has client ID metadata documents switched off, as AuthKit has at first.", cimd=False),
    _issuer("cimd-refused", "Advertises client ID metadata documents and knows no client by them.", cimd_refused=True),
    # The authorization response
    _issuer("application-not-found", "Forgets every client as soon as it has registered.", clients_forgotten=True),
    _issuer("access-denied", "Refuses every authorization request for reasons of policy.", access_denied=True),
    _issuer(
        "invalid-target-at-authorize",
        "Refuses every resource at the authorization endpoint.",
        resource_refused_early=True,
    ),
    _issuer("state-dropped", "Leaves state out of the authorization response.", state_dropped=True),
    _issuer(
        "iss-sent",
        "Sends the right iss in the authorization response and says so, which AuthKit does not do.",
        response_iss="right",
    ),
    _issuer(
        "iss-trailing-slash",
        "Sends iss with a slash at the end in the authorization response.",
        response_iss="trailing-slash",
    ),
    _issuer(
        "iss-other",
        "Sends the iss of another authorization server in the authorization response.",
        response_iss="other",
    ),
    _issuer("iss-promised", "Promises iss in its metadata and sends none.", response_iss="promised"),
    # The token response
    _issuer(
        "no-resource-indicators",
        "Has no resource indicator, so that every token is for the environment's client id.",
        resource_indicators=(),
    ),
    _issuer(
        "resource-not-registered",
        "Has only another server's resource indicator, and refuses the token request with invalid_target.",
        resource_indicators=("https://other-resource.example/mcp",),
    ),
    _issuer("aud-trailing-slash", "Adds a slash to the audience of access tokens.", audience="trailing-slash"),
    _issuer("aud-other", "Issues access tokens for its default resource, whichever was asked for.", audience="other"),
    _issuer("aud-missing", "Issues access tokens without an audience.", audience="missing"),
    _issuer("token-opaque", "Issues access tokens that are no JWT.", opaque_tokens=True),
    _issuer(
        "token-issuer-trailing-slash", "Adds a slash to the issuer in access tokens.", claimed_issuer="trailing-slash"
    ),
    _issuer(
        "token-issuer-other", "Puts another issuer into access tokens than into its metadata.", claimed_issuer="other"
    ),
    _issuer(
        "clock-behind",
        "Has a clock two hours behind, so that tokens have expired when they are issued.",
        clock_offset=-7200,
    ),
    _issuer("clock-ahead", "Has a clock two hours ahead, so that tokens are not valid yet.", clock_offset=7200),
    _issuer(
        "keys-unpublished", "Signs access tokens with a key that its key set does not hold.", signing_key="unpublished"
    ),
    _issuer(
        "keys-rotated",
        "Signs each access token with a new key, and publishes all of them.",
        signing_key="new-each-time",
    ),
    _issuer("token-type-missing", "Leaves token_type out of the token response.", token_type_missing=True),
    _issuer("token-cacheable", "Leaves Cache-Control: no-store out of the token response.", cacheable=True),
    _issuer("pkce-unchecked", "Redeems codes without looking at the code verifier.", pkce_unchecked=True),
    # Refresh
    _issuer(
        "refresh-token-missing", "Issues no refresh token although offline_access was granted.", refresh_tokens="none"
    ),
    _issuer(
        "refresh-token-kept",
        "Does not rotate refresh tokens; takes no client ID metadata documents.",
        refresh_tokens="kept",
        cimd=False,
    ),
    _issuer(
        "refresh-drops-resource", "Forgets at a refresh which resource the token was for.", refresh_drops_resource=True
    ),
    # Using the token
    _server(
        "step-up",
        "Asks for little scope at sign-in and answers 403 insufficient_scope to a tool that needs more.",
        step_up="asked-for",
    ),
    _server(
        "step-up-unexplained",
        "Asks for little scope at sign-in, and at a tool that needs more does not say for what.",
        step_up="unexplained",
    ),
    _server(
        "step-up-as-401",
        "Asks for little scope at sign-in and answers 401 insufficient_scope to a tool that needs more.",
        step_up="as-401",
    ),
    _server(
        "blocked-at-edge",
        "Has something in front that answers requests with a token like a bot rule of a CDN.",
        blocked_at_edge=True,
    ),
    _server("any-audience-accepted", "Does not look at the audience of a token.", accept_any_audience=True),
    _server(
        "other-audience-expected",
        "Is configured to expect another audience than the resource it publishes.",
        expects_other_audience=True,
    ),
    _server("expired-accepted", "Accepts tokens that have expired.", accepts_expired=True),
    _server("keys-never-refetched", "Fetches the key set once and never again.", keys_never_refetched=True),
    _server(
        "token-checked-once",
        "Checks the token when a session begins; after that the session id is enough.",
        token_checked_once=True,
    ),
    _server("no-api-key", "Has no key for the user API, so that get-workos-user fails.", api_key=False),
)
"""Every fault, in the order in which a client would meet it."""

_LEAVES_NO_ROOM = {
    "legacy-server": "prm-",
    "prm-absent": "prm-",
    "prm-not-found": "prm-",
    "prm-html": "prm-",
    "prm-unauthorized": "prm-",
    "prm-redirected": "prm-",
    "as-metadata-absent": "issuer-",
    "as-metadata-html": "issuer-",
}
"""What would have no effect beside a fault, by the beginning of its name."""

_SETTINGS = {field.name for field in fields(Settings)}
_BY_NAME = {fault.name: fault for fault in FAULTS}


def with_faults(settings: Settings, names: Sequence[str]) -> Settings:
    """Settings with these faults on top.

    Raises:
        ReferenceFailure: a name is unknown, or two faults contradict each other.
    """
    chosen = [fault_named(name) for name in dict.fromkeys(names)]
    for one, other in permutations(chosen, 2):
        if one.contradicts(other):
            raise ReferenceFailure(f"The faults {one.name} and {other.name} contradict each other; choose one of them.")
    for fault in chosen:
        own = {name: value for name, value in fault.changes.items() if name not in _SETTINGS}
        flaws = replace(getattr(settings, fault.side.flaws), **own)
        settings = replace(settings, **{name: fault.changes[name] for name in fault.changes.keys() - own.keys()})
        settings = replace(settings, **{fault.side.flaws: flaws})
    return settings


def fault_named(name: str) -> Fault:
    """The fault of this name.

    Raises:
        ReferenceFailure: there is none.
    """
    if name not in _BY_NAME:
        close = get_close_matches(name, _BY_NAME, n=1)
        advice = f"did you mean {close[0]}?" if close else "`reference --list-faults` names them all."
        raise ReferenceFailure(f"There is no fault {name!r}; {advice}")
    return _BY_NAME[name]


def fault_table() -> str:
    """All faults as a Markdown table."""
    rows = ["| fault | side | what goes wrong | rules it provokes |", "|---|---|---|---|"]
    for fault in FAULTS:
        provoked = ", ".join(f"`{rule}`" for rule in fault.provokes) or "-"
        rows.append(f"| `{fault.name}` | {fault.side} | {fault.description} | {provoked} |")
    return "\n".join(rows) + "\n"
