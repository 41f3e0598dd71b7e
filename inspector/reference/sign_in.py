"""The OAuth side of a scripted client: from a 401 challenge to an access token, exactly as its profile says."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from string import Template
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx

from inspector.reference.answers import Audience, audience_of, challenge_parameter, json_object, problem, strings
from inspector.reference.browser import BrowserStopped, authorization_response
from inspector.reference.profile import Pairs, Profile, filled


class Stopped(Exception):
    """The client gives up; the text is what it would tell its user."""


class SignIn:
    """What one client knows of its authorization server. `access_token` is empty until `run` is over.

    `client_document` is the URL of the client's own metadata document, empty when it publishes none.
    """

    access_token = ""
    audience: Audience = None

    def __init__(
        self,
        profile: Profile,
        mcp_url: str,
        http: httpx.AsyncClient,
        browser: httpx.AsyncClient,
        client_document: str = "",
    ) -> None:
        self._profile = profile
        self._mcp_url = mcp_url
        self._http = http
        self._browser = browser
        self._client_document = client_document
        self._metadata: dict[str, Any] = {}
        self._registration: dict[str, Any] = {}
        self._values = {**profile.own_values(mcp_url), "resource": mcp_url, "scope": ""}

    async def run(self, challenge: str) -> None:
        """Sign in after a 401 with this `WWW-Authenticate` header.

        Raises:
            Stopped: the client cannot go on, or its checks forbid it.
        """
        await self._discover(challenge)
        await self._identify()
        await self._authorize()
        await self._fetch_token("Token exchange", self._profile.token)

    async def step_up(self, challenge: str) -> None:
        """Ask for the scope of a 403 challenge on top of what was asked for before (2026-07-28, Step-Up Flow)."""
        scope = [*self._values["scope"].split(), *challenge_parameter(challenge, "scope").split()]
        self._values["scope"] = " ".join(dict.fromkeys(scope))
        await self._authorize()
        await self._fetch_token("Token exchange", self._profile.token)

    async def refresh(self) -> None:
        """Renew the access token."""
        if "refresh_token" not in self._values:
            raise Stopped("The authorization server issued no refresh token.")
        await self._fetch_token("Refresh", self._profile.refresh)

    # Discovery

    async def _discover(self, challenge: str) -> None:
        server = urlsplit(self._mcp_url)
        issuer = origin = f"{server.scheme}://{server.netloc}"
        if places := self._profile.discovery.protected_resource:
            well_known = f"{origin}/.well-known/oauth-protected-resource"
            candidates = {
                "challenge": challenge_parameter(challenge, "resource_metadata"),
                "path": well_known + server.path.rstrip("/"),
                "root": well_known,
            }
            resource = await self._first_document([url for place in places if (url := candidates[place])])
            if resource is None:
                raise Stopped("The server publishes no protected resource metadata.")
            issuers = strings(resource.get("authorization_servers"))
            if not issuers:
                raise Stopped("The protected resource metadata names no authorization server.")
            issuer = issuers[0]
            self._values["resource"] = str(resource.get("resource") or self._mcp_url)
            self._values["scope"] = " ".join(strings(resource.get("scopes_supported")))
            if "resource" in self._profile.checks and not _covers(self._values["resource"], self._mcp_url):
                raise Stopped(f"The metadata is about {self._values['resource']}, not about {self._mcp_url}.")
        self._values["scope"] = challenge_parameter(challenge, "scope") or self._values["scope"]
        self._metadata = await self._server_metadata(issuer)

    async def _server_metadata(self, issuer: str) -> dict[str, Any]:
        url = urlsplit(issuer)
        origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/")
        documents = self._profile.discovery.authorization_server
        urls = [f"{origin}/.well-known/{document}{path}" for document in documents]
        if path and "openid-configuration" in documents:  # its own standard appends where RFC 8414 inserts
            urls.append(f"{origin}{path}/.well-known/openid-configuration")
        metadata = await self._first_document(urls)
        if metadata is None and self._profile.discovery.default_endpoints:
            return {f"{name}_endpoint": f"{origin}/{place}" for name, place in _DEFAULT_ENDPOINTS.items()}
        if metadata is None:
            raise Stopped(f"The authorization server {issuer} publishes no metadata.")
        if "issuer" in self._profile.checks and metadata.get("issuer") != issuer:
            raise Stopped(f"The metadata found for {issuer} names another issuer.")
        if "pkce" in self._profile.checks and "S256" not in strings(metadata.get("code_challenge_methods_supported")):
            raise Stopped(f"The authorization server {issuer} does not say that it supports PKCE with S256.")
        return metadata

    async def _first_document(self, urls: list[str]) -> dict[str, Any] | None:
        for url in dict.fromkeys(urls):
            answer = await self._http.get(url, headers=list(self._profile.discovery.headers))
            if answer.status_code == 200 and (document := json_object(answer)):
                return document
        return None

    # Who the client is: pre-registered, by its own document, or by registering (2025-11-25, Client Registration)

    async def _identify(self) -> None:
        endpoint = self._metadata.get("registration_endpoint")
        if self._profile.client_id:
            self._values["client_id"] = self._profile.client_id
        elif self._client_document and self._metadata.get("client_id_metadata_document_supported") is True:
            self._values["client_id"] = self._client_document
        elif isinstance(endpoint, str):
            await self._register(endpoint)
        elif self._profile.fallback_client_id:
            self._values["client_id"] = self._profile.fallback_client_id
        else:
            raise Stopped("The authorization server offers no dynamic client registration.")

    async def _register(self, endpoint: str) -> None:
        answer = await self._http.post(endpoint, json=filled(self._profile.registration, self._values))
        self._registration = json_object(answer)
        if answer.status_code not in (200, 201) or not self._registration.get("client_id"):
            raise Stopped(f"Registration failed: {problem(answer)}")
        self._values["client_id"] = str(self._registration["client_id"])

    # Authorization and tokens

    async def _authorize(self) -> None:
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        self._values["code_verifier"] = verifier
        self._values["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self._values["state"] = secrets.token_urlsafe(24)
        endpoint = self._endpoint("authorization_endpoint")
        url = endpoint + ("&" if "?" in endpoint else "?") + urlencode(self._parameters(self._profile.authorize))
        try:
            callback = await authorization_response(self._browser, url, self._profile.redirect_uri)
        except BrowserStopped as stopped:
            raise Stopped(str(stopped)) from None
        answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        self._check_authorization_response(answer)
        self._values["code"] = answer["code"]

    def _check_authorization_response(self, answer: Mapping[str, str]) -> None:
        checks = self._profile.checks
        if "state" in checks and answer.get("state") != self._values["state"]:
            raise Stopped("The authorization response carries another state.")
        expected = self._metadata.get("authorization_response_iss_parameter_supported") is True or "iss" in answer
        if "iss" in checks and expected and answer.get("iss") != self._metadata.get("issuer"):
            raise Stopped("The authorization response comes from another issuer.")
        if "code" not in answer:
            reason = ": ".join(answer[name] for name in ("error", "error_description") if name in answer)
            raise Stopped(f"Authorization failed: {reason or 'the response carries no code'}")

    async def _fetch_token(self, purpose: str, parameters: Pairs) -> None:
        form = self._parameters(parameters)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if secret := self._registration.get("client_secret"):
            if self._registration.get("token_endpoint_auth_method") == "client_secret_post":
                form.append(("client_secret", str(secret)))
            else:
                credentials = f"{quote(self._values['client_id'], safe='')}:{quote(str(secret), safe='')}"
                headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
        answer = await self._http.post(self._endpoint("token_endpoint"), content=urlencode(form), headers=headers)
        tokens = json_object(answer)
        if answer.status_code != 200 or not tokens.get("access_token"):
            raise Stopped(f"{purpose} failed: {problem(answer)}")
        access_token = str(tokens["access_token"])
        if not (access_token.isascii() and access_token.isprintable()):
            raise Stopped("The access token holds characters that cannot be sent in a header.")
        self.access_token, self.audience = access_token, audience_of(access_token)
        if tokens.get("refresh_token"):
            self._values["refresh_token"] = str(tokens["refresh_token"])

    def _endpoint(self, name: str) -> str:
        endpoint = self._metadata.get(name)
        if not isinstance(endpoint, str):
            raise Stopped(f"The authorization server metadata names no {name}.")
        return endpoint

    def _parameters(self, pairs: Pairs) -> list[tuple[str, str]]:
        templates = [(name, Template(value)) for name, value in pairs]
        return [
            (name, template.substitute(self._values))
            for name, template in templates
            if all(self._values[known] for known in template.get_identifiers())
        ]


_DEFAULT_ENDPOINTS = {"authorization": "authorize", "token": "token", "registration": "register"}
"""Where a client of 2025-03-26 looks when there is no metadata, under the MCP origin (Fallbacks for Servers)."""


def _covers(resource: str, url: str) -> bool:
    """Whether metadata for this resource may be used for this URL: the same, or above it (as the SDKs allow)."""
    return url == resource or url.startswith(resource.rstrip("/") + "/")
