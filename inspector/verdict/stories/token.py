"""What becomes of a token that is for the right server: refused although it is right, or good for too little."""

from inspector.protocol.jwt import Signature
from inspector.rules.model import Checked, Confidence, Party
from inspector.timeline.run import Run
from inspector.verdict.evidence import (
    authorization_server_cleared,
    client_cleared,
    seen_audience,
    seen_refusal,
    seen_resource,
    standing_errors,
    wanted,
)
from inspector.verdict.model import Remedy, Verdict

_AUDIENCE_RULES = ("aud-is-client-id", "aud-mismatch", "aud-canonicalization", "aud-missing")


def good_token_refused(run: Run, checked: Checked) -> Verdict | None:
    """A token that is right in every claim was refused: the server."""
    found = [f for f in standing_errors(run, checked, "fresh-token-rejected") if f.party is Party.MCP_SERVER]
    if not found or standing_errors(run, checked, *_AUDIENCE_RULES):
        return None
    finding = found[-1]
    use = next((use for use in run.uses if use.request.id == finding.places[0].exchange), None)
    signature = use.signature if use else Signature.NOT_CHECKED
    known = {
        Signature.VALID: "its signature verifies against the captured keys",
        Signature.UNKNOWN_KEY: "but the captured key set has no key with its kid",
    }.get(signature, "its signature could not be checked here")
    exchange = use.exchange if use else None
    return Verdict(
        Party.MCP_SERVER,
        Confidence.GUESS if signature is Signature.UNKNOWN_KEY else finding.confidence,
        finding.rule,
        f"The MCP server refuses a token that is right: audience, issuer and lifetime are as promised, {known}.",
        (*seen_resource(run), *seen_audience(run, exchange), *seen_refusal(run, exchange)),
        (*client_cleared(run), *authorization_server_cleared(run, exchange)),
        (
            Remedy(
                Party.MCP_SERVER,
                f"Compare the configured audience with {wanted(run)} and the configured issuer with {run.issuer}, byte "
                "for byte; check the key set URL, the allowed algorithms and the clock. The reason is in the server's "
                "log, not on the wire.",
            ),
        ),
    )
