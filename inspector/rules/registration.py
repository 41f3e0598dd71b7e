"""Rules about client registration (RFC 7591)."""

from collections.abc import Iterator

from inspector.protocol import urls
from inspector.rules.model import Confidence, Fault, NotObserved, Party, Phase, Place, Severity, observed, place
from inspector.rules.registry import rule
from inspector.rules.translated import redirect_uri_sent, redirect_uris_sent
from inspector.timeline.message import Kind, Message
from inspector.timeline.run import Run

_TOO_MANY = 429
_BROKEN = 500


@rule(
    "registration-rejected",
    title="Registration refused",
    phase=Phase.REGISTRATION,
    party=Party.CONFIGURATION,
    severity=Severity.ERROR,
    levels="diag | diag | diag | diag",
    confidence=Confidence.LIKELY,
)
def registration_rejected(run: Run) -> Iterator[Fault | NotObserved]:
    """A client without an identity cannot sign in.

    What it checks: A registration request was answered with an error, and no later one succeeded. It is a warning when
    the client asked for authorization all the same. A client that knows no authorization server and guesses `/register`
    on the MCP server is not counted.

    Why it matters: The flow ends here, and most clients only say that the connection failed.

    How to fix: Operator: turn on dynamic client registration (AuthKit: Connect, Configuration; it is off by default
    and the endpoint then answers 404). Client: correct what the error names, often the redirect URI's scheme.

    When it is a false alarm: The client goes on with a registration it already has.

    References: RFC 7591 section 3.2.2.
    """
    answers = [m for m in run.of(Kind.REGISTER) if m.answered]
    for message in observed(answers, "N1", "no registration in the capture"):
        accepted_later = any(m.at > message.at and (m.status or 0) < 300 for m in answers)
        if (message.status or 0) < 400 or accepted_later:
            continue
        guessed = urls.same_origin(message.url, run.server_url) and message.url not in _advertised(run)
        if guessed and not run.server_metadata:
            yield NotObserved("N3", "the client guessed an endpoint on the MCP server")
            continue
        error = message.oauth_error
        went_on = any(m.at > message.at for m in run.of(Kind.AUTHORIZE))
        switched_off = message.status == 404
        reason = (
            "dynamic client registration looks switched off" if switched_off else f"reason given: {error or 'none'}"
        )
        yield Fault(
            f"The authorization server refused to register the client ({reason}).",
            (place(message, "status"), place(message, "json", "error")),
            expected="201 with a client_id",
            found=f"{message.status} {error or ''}".strip(),
            severity=Severity.WARNING if went_on else None,
            party=_party(message),
            cause="redirect-uri-custom-scheme" if error == "invalid_redirect_uri" and own_scheme(message) else None,
        )


def _party(message: Message) -> Party | None:
    """Who is behind a refusal, where the status or the error tells."""
    if message.status == _TOO_MANY:
        return Party.UNKNOWN
    if (message.status or 0) >= _BROKEN:
        return Party.AUTHORIZATION_SERVER
    return Party.CLIENT if message.oauth_error == "invalid_client_metadata" else None


def own_scheme(message: Message) -> str | None:
    """The first redirect URI of a registration with a scheme of the application's own (RFC 8252 section 7.1)."""
    return next((uri for uri in redirect_uris_sent(message) if _is_own_scheme(uri)), None)


def _is_own_scheme(uri: str) -> bool:
    return urls.is_absolute(uri) and uri.partition(":")[0].lower() not in ("http", "https")


def _advertised(run: Run) -> tuple[str, ...]:
    documents = [message.good_document for message in run.of(Kind.SERVER_METADATA)]
    endpoints = (document.text("registration_endpoint") for document in documents if document)
    return tuple(endpoint for endpoint in endpoints if endpoint)


@rule(
    "redirect-uri-insecure",
    title="Redirect URI is http to a non-loopback host",
    phase=Phase.REGISTRATION,
    party=Party.CLIENT,
    severity=Severity.ERROR,
    levels="MUST | MUST | MUST | MUST",
)
def redirect_uri_insecure(run: Run) -> Iterator[Fault | NotObserved]:
    """A code sent over plain http can be read on the way.

    What it checks: Redirect URIs in registrations and authorization requests are https, loopback, or a private-use
    scheme.

    Why it matters: Whoever reads the code on the network can try to redeem it.

    How to fix: Client: use https, or http://127.0.0.1 with a port of its own.

    When it is a false alarm: None known.

    References: MCP 2025-06-18 Communication Security; OAuth 2.1 section 2.3.1.
    """
    seen: dict[str, Place] = {}
    for message in run.of(Kind.REGISTER):
        for uri in redirect_uris_sent(message):
            seen.setdefault(uri, place(message, "json", "redirect_uris"))
    for authorization in run.authorizations:
        if requested := redirect_uri_sent(authorization.request):
            seen.setdefault(requested, place(authorization.request, "query", "redirect_uri"))
    for uri in observed(list(seen), "N1", "no redirect URI in the capture"):
        if uri.lower().startswith("http:") and not urls.is_loopback(uri):
            yield Fault(
                "The redirect URI is plain http to another machine.",
                (seen[uri],),
                expected="https, or http on loopback",
                found=uri,
            )
