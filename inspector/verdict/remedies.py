"""What each party can do, with the exact string to send or to enter."""

from inspector.rules.model import Party
from inspector.timeline.run import Run
from inspector.verdict.evidence import wanted
from inspector.verdict.model import Remedy


def send_resource(run: Run) -> Remedy:
    """The client sends the right resource on both legs."""
    text = f"Send resource={wanted(run)} on the authorization request and on the token request, unchanged."
    return Remedy(Party.CLIENT, text)


def send_resource_on_refresh(run: Run) -> Remedy:
    """The client sends it on every refresh."""
    return Remedy(Party.CLIENT, f"Send resource={wanted(run)} on every refresh as well.")


def register_resource(run: Run, *, default: bool = False) -> Remedy:
    """The operator makes the resource known to the authorization server."""
    text = (
        f"Register {wanted(run)} at the authorization server, byte for byte "
        "(AuthKit dashboard: Connect, Configuration, MCP resource indicators)."
    )
    if default:
        text += " Make it the default one: clients that omit resource then get it."
    return Remedy(Party.CONFIGURATION, text)


def verify_audience(run: Run) -> Remedy:
    """The MCP server refuses what is not for it."""
    return Remedy(
        Party.MCP_SERVER,
        f"Verify that aud contains exactly {wanted(run)} and answer 401 with error=invalid_token otherwise. "
        "Remove client ids from the list of accepted audiences.",
    )


def allow_list(audience: str) -> Remedy:
    """The workaround at the MCP server, with its risk."""
    return Remedy(
        Party.MCP_SERVER,
        f"Workaround only: allow the audience {audience} (MCP_ALLOWED_TOKEN_AUDIENCES). "
        "Risk: the server then also accepts tokens that were issued for any other purpose with that audience.",
    )
