"""What stops a sign-in before there is a token: discovery, PKCE, and what a careful client refuses to go on with."""

from inspector.protocol import urls
from inspector.rules.model import Checked, Confidence, Party
from inspector.timeline.message import Kind
from inspector.timeline.run import Run
from inspector.verdict.evidence import observe, seen_resource, standing_errors, wanted
from inspector.verdict.model import Cleared, Observation, Remedy, Verdict

_PROOF_RULES = ("pkce-missing", "pkce-method-not-s256", "code-verifier-missing", "code-verifier-mismatch")
_PROOF_ERRORS = ("invalid_grant", "invalid_request", "invalid_code")


def broken_proof(run: Run, checked: Checked) -> Verdict | None:
    """PKCE went wrong and the authorization server refused: the client."""
    found = sorted(standing_errors(run, checked, *_PROOF_RULES), key=lambda finding: _PROOF_RULES.index(finding.rule))
    refused = any(t.error in _PROOF_ERRORS for t in run.code_exchanges) or any(
        a.response and a.response[1].get("error") in _PROOF_ERRORS for a in run.authorizations
    )
    if not found or not refused:
        return None
    return Verdict(
        Party.CLIENT,
        Confidence.CERTAIN,
        found[0].rule,
        f"{found[0].message} The authorization server rightly refuses.",
        tuple(Observation(finding.step, finding.message) for finding in found),
        (Cleared(Party.AUTHORIZATION_SERVER, "It enforces PKCE, as OAuth 2.1 section 4.1.3 demands."),),
        (
            Remedy(
                Party.CLIENT,
                "Make a code_verifier of 43 to 128 characters for each request, send its S256 as code_challenge with "
                "code_challenge_method=S256, and the verifier itself with the code.",
            ),
        ),
    )


def stopped_at_the_slash(run: Run, checked: Checked) -> Verdict | None:
    """The client read the metadata, found a slash more or less than in its own URL, and went no further."""
    found = checked.of("endpoint-url-trailing-slash")
    if not found or checked.errors or not _stopped_at_discovery(run):
        return None
    finding = found[0]
    return Verdict(
        Party.CONFIGURATION,
        Confidence.LIKELY,
        finding.rule,
        f"{finding.message} Nothing else is different, and the client goes no further once it has read that.",
        (*seen_resource(run), Observation(finding.step, finding.message)),
        remedies=(Remedy(Party.CONFIGURATION, f"Give the client the URL {wanted(run)}, byte for byte."),),
    )


def looked_in_the_wrong_place(run: Run, checked: Checked) -> Verdict | None:
    """The client found no authorization server metadata, and has not asked where it has to be."""
    found = checked.of("as-discovery-order")
    asked = run.of(Kind.SERVER_METADATA)
    nowhere = bool(asked) and all((message.status or 0) >= 400 for message in asked)
    if not found or checked.errors or not nowhere or not _stopped_at_discovery(run):
        return None
    finding = found[0]
    return Verdict(
        Party.CLIENT,
        Confidence.LIKELY,
        finding.rule,
        f"The client finds no authorization server metadata. {finding.message}",
        tuple(observe(run, m, f"{urls.path_of(m.url)} is answered {m.status}") for m in asked),
        remedies=(Remedy(Party.CLIENT, f"Ask {finding.expected} (RFC 8414 section 3.1)."),),
    )


def _stopped_at_discovery(run: Run) -> bool:
    return not run.uses and not run.of(Kind.REGISTER, Kind.AUTHORIZE, Kind.TOKEN)


def silent_about_proof_keys(run: Run, checked: Checked) -> Verdict | None:
    """The metadata does not say that PKCE is supported, so that the client must stop: both have a case."""
    found = standing_errors(run, checked, "as-metadata-pkce-not-advertised")
    if not found or len(found) < len(checked.errors):
        return None
    finding = found[0]
    return Verdict(
        Party.UNKNOWN,
        Confidence.LIKELY,
        finding.rule,
        f"{finding.message} From 2025-11-25 on the client must then stop, and many authorization servers support PKCE "
        "without saying so: whether this one does is not in the capture.",
        (Observation(finding.step, finding.message),),
        remedies=(
            Remedy(Party.AUTHORIZATION_SERVER, 'Publish "code_challenge_methods_supported": ["S256"].'),
            Remedy(Party.CLIENT, "Take another document of the same server that says it, where there is one."),
        ),
    )
