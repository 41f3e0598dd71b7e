"""What stops a sign-in before there is a token: PKCE, registration, and an authorization response nobody may use."""

from inspector.rules.facts import is_document_url
from inspector.rules.model import Checked, Confidence, Party, Phase
from inspector.timeline.message import Kind
from inspector.timeline.run import Run
from inspector.verdict.evidence import errors_from, observe, sign_in_of, standing_errors, works
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


def document_not_taken(run: Run, checked: Checked) -> Verdict | None:
    """The client id is the URL of a document, and the authorization server does not take it."""
    found = standing_errors(run, checked, "authorize-client-unknown")
    client_id = found[-1].found if found else ""
    if not is_document_url(client_id) or works(run):
        return None
    finding, asked = found[-1], next((a for a in run.authorizations if a.params.get("client_id") == client_id), None)
    redirect_uri = asked.params.get("redirect_uri") if asked else None
    offered = finding.party is Party.UNKNOWN
    fetched = run.of(Kind.CLIENT_METADATA)
    why = (
        "It fetches the document itself, past this capture, so that the reason is not on the wire."
        if offered
        else "Its metadata does not say that it takes such client ids (client_id_metadata_document_supported)."
    )
    return Verdict(
        finding.party,
        finding.confidence,
        finding.rule,
        f"The authorization server does not take the client ID metadata document {client_id} for a client id. {why}",
        (
            Observation(finding.step, finding.message),
            *(observe(run, m, f"The document is answered {m.status}") for m in fetched[-1:]),
        ),
        remedies=(
            Remedy(
                Party.CLIENT,
                f"Open {client_id} from outside: it must answer 200 with JSON, without a redirect, with exactly that "
                "URL as client_id" + (f" and {redirect_uri} among redirect_uris." if redirect_uri else "."),
            ),
            Remedy(
                Party.CONFIGURATION,
                "Switch on Client ID Metadata Document at the authorization server (AuthKit dashboard: Connect, "
                "Configuration), and let it reach that URL; its log says what it made of the document.",
            ),
            Remedy(Party.CLIENT, "Register instead, where the metadata has a registration_endpoint."),
        ),
    )


def another_than_authorized(run: Run, checked: Checked) -> Verdict | None:
    """The token request is refused, and it names another client or redirect URI than was asked for authorization."""
    last = run.token_exchanges[-1] if run.token_exchanges else None
    began = sign_in_of(run, last)
    if last is None or last.error is None or began is None or works(run):
        return None
    before = began if last.refreshes else began.authorization
    if before is None or before is last:
        return None
    asked, given = before.params, last.params
    differing = [
        n for n in ("client_id", "redirect_uri") if asked.get(n) and given.get(n) and asked.get(n) != given.get(n)
    ]
    if not differing:
        return None
    name = differing[0]
    what, first = ("refresh", "token request") if last.refreshes else ("token request", "authorization request")
    return Verdict(
        Party.CLIENT,
        Confidence.CERTAIN,
        None,
        f"The {what} has another {name} than the {first}, and the authorization server must then refuse it (RFC 6749 "
        "sections 4.1.3 and 6).",
        (
            observe(run, before.request, f"The {first} has {name}={asked.get(name)}"),
            observe(run, last.request, f"The {what} has {name}={given.get(name)}, and gets {last.error}"),
        ),
        (Cleared(Party.AUTHORIZATION_SERVER, f"It must compare {name} with the one the grant was given to."),),
        (Remedy(Party.CLIENT, f"Send {name}={asked.get(name)} on the {what} as well."),),
    )


def wrongly_encoded(run: Run, checked: Checked) -> Verdict | None:
    """The token request is JSON where a form is asked for, and is refused."""
    last = run.token_exchanges[-1] if run.token_exchanges else None
    if last is None or last.error is None or last.request.form or not last.request.sent or works(run):
        return None
    return Verdict(
        Party.CLIENT,
        Confidence.LIKELY,
        None,
        f"The client sends its token request as JSON and gets {last.error}: an authorization server reads "
        "application/x-www-form-urlencoded only (RFC 6749 section 4.1.3).",
        (observe(run, last.request, "The body of the token request is JSON"),),
        remedies=(Remedy(Party.CLIENT, "Send the parameters as application/x-www-form-urlencoded."),),
    )


def silent_about_proof_keys(run: Run, checked: Checked) -> Verdict | None:
    """The metadata does not say that PKCE is supported, so that the client must stop: both have a case."""
    found = standing_errors(run, checked, "as-metadata-pkce-not-advertised")
    if not found or len(found) < len(errors_from(checked, Phase.SERVER_METADATA)):
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
            Remedy(
                Party.UNKNOWN,
                "To tell: capture a client that goes on all the same. If its S256 challenge is taken, and a wrong "
                "code_verifier refused, only the line in the metadata is missing.",
            ),
        ),
    )


def response_without_promised_issuer(run: Run, checked: Checked) -> Verdict | None:
    """The metadata promises `iss`, the response has none, and the client discards it, as it must."""
    found = checked.of("as-metadata-iss-support-inconsistent")
    last = run.authorizations[-1] if run.authorizations else None
    if not found or found[0].found != "no iss" or run.uses or last is None or last.code is None:
        return None
    redeemed = any(exchange.request.at > last.request.at for exchange in run.token_exchanges)
    if redeemed or errors_from(checked, Phase.SERVER_METADATA):
        return None
    finding = found[0]
    return Verdict(
        Party.AUTHORIZATION_SERVER,
        Confidence.LIKELY,
        finding.rule,
        f"{finding.message} A client must then discard the response (RFC 9207 section 2.4), and this one does not "
        "redeem the code.",
        (Observation(finding.step, finding.message),),
        (Cleared(Party.CLIENT, "It may not redeem a code from a response whose issuer it cannot tell."),),
        (
            Remedy(
                Party.AUTHORIZATION_SERVER,
                "Send iss in every authorization response, errors included, or take "
                "authorization_response_iss_parameter_supported out of the metadata.",
            ),
        ),
    )


def issuer_ignored(run: Run, checked: Checked) -> Verdict | None:
    """The response comes from another issuer, or hides from whom, and the client redeems its code all the same."""
    found = standing_errors(run, checked, "client-redeems-after-iss-failure")
    if not found:
        return None
    finding = found[-1]
    sent = [f for f in checked.of("iss-mismatch", "as-metadata-iss-support-inconsistent") if f.rule == finding.cause]
    working = "Sign-in works, and that is the fault: " if works(run) else ""
    return Verdict(
        Party.CLIENT,
        # Before 2026-07-28 MCP leaves it to RFC 9207, which not every client has to follow.
        finding.confidence if finding.level == "MUST NOT" else Confidence.LIKELY,
        finding.rule,
        f"{working}the client redeems a code from a response that it has to discard ({finding.found}), which is how a "
        "mix-up attack succeeds. The authorization server is at fault as well, for sending such a response.",
        (*(Observation(f.step, f.message) for f in sent[-1:]), Observation(finding.step, finding.message)),
        remedies=(
            Remedy(
                Party.CLIENT,
                "Compare iss with the issuer of the metadata byte for byte before the code is redeemed, and stop where "
                "they differ (RFC 9207 section 2.4).",
            ),
            Remedy(Party.AUTHORIZATION_SERVER, f"Send {finding.expected.partition(',')[0]} in the response."),
        ),
    )
