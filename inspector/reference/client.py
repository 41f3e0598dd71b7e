"""Runs a scripted client: one MCP client signing in at one MCP server, misbehaving exactly as its profile says."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx

from inspector.errors import ReferenceFailure
from inspector.reference.answers import (
    Audience,
    audience_of,
    challenge_parameter,
    json_object,
    problem,
    rpc_result,
    strings,
)
from inspector.reference.browser import BrowserStopped, authorization_response
from inspector.reference.profile import Pairs, Profile

_BROWSER_AGENT = "Mozilla/5.0 (compatible; scripted browser)"


@dataclass(frozen=True, slots=True)
class Step:
    """One HTTP exchange of the client or of its browser. `url` has no query, which may hold a code."""

    method: str
    url: str
    status: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `status` is the one of the last MCP request, `audience` the `aud` of the access token."""

    authorized: bool
    status: int | None
    audience: Audience
    sentence: str


class _Stopped(Exception):
    """The client gives up; the text is what it would tell its user."""


async def perform(
    profile: Profile,
    mcp_url: str,
    *,
    proxy: str | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    request_timeout: float = 10.0,
) -> Outcome:
    """Sign in at `mcp_url` and use it. Everything, also the browser leg, goes through `proxy` when there is one.

    A client that is refused is an outcome, not an error. After a 401 it tries once more, with a fresh token, and
    then gives up. `request_timeout` is in seconds.

    Raises:
        ReferenceFailure: a server or the proxy does not answer.
    """

    async def report(response: httpx.Response) -> None:
        request = response.request
        on_step(Step(request.method, str(request.url.copy_with(query=None)), response.status_code))

    def http() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            proxy=proxy, trust_env=False, timeout=request_timeout, event_hooks={"response": [report]}
        )

    async with http() as own, http() as browser:
        browser.headers["User-Agent"] = _BROWSER_AGENT
        client = _ScriptedClient(profile, mcp_url, own, browser)
        try:
            sentence = await client.run()
        except _Stopped as stopped:
            return Outcome(False, client.status, client.audience, str(stopped))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise ReferenceFailure(
                f"The client {profile.name} got no answer ({reason}); check that {mcp_url} and its "
                "authorization server run, and the proxy if there is one."
            ) from None
        except ValueError as error:  # a URL or a header value nobody can use
            return Outcome(False, client.status, client.audience, f"A server sent a value that cannot be used: {error}")
        return Outcome(True, client.status, client.audience, sentence)


class _ScriptedClient:
    """One run. `values` is what the templates of the profile may use, filled in as the client learns it."""

    def __init__(self, profile: Profile, mcp_url: str, http: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
        self.status: int | None = None
        self.audience: Audience = None
        self._profile = profile
        self._mcp_url = mcp_url
        self._http = http
        self._browser = browser
        self._metadata: dict[str, Any] = {}
        self._registration: dict[str, Any] = {}
        self._session: dict[str, str] = {}
        self._access_token = ""
        self._request_id = 0
        self._values = {
            "client_name": profile.client_name,
            "mcp_url": mcp_url,
            "redirect_uri": profile.redirect_uri,
            "resource": mcp_url,
            "scope": "",
        }
        del http.headers["User-Agent"]
        if profile.user_agent:
            http.headers["User-Agent"] = self._filled(profile.user_agent)

    async def run(self) -> str:
        """The whole conversation; returns what there is to say about its success."""
        answer = await self._initialize()
        if answer.status_code == 401:
            challenge = answer.headers.get("www-authenticate", "")
            if self._profile.discovery.probe_with_get:
                probe = await self._http.get(self._mcp_url, headers=list(self._profile.discovery.headers))
                challenge = probe.headers.get("www-authenticate", "")
            await self._discover(challenge)
            await self._register()
            await self._authorize()
            await self._fetch_token("token")
            answer = await self._initialize()
        if answer.status_code != 200:
            raise _Stopped(f"Transport creation error: Unexpected status code: {answer.status_code}")
        await self._use(answer)
        return f"Connected as {self._profile.client_name}, and every call was answered."

    # The MCP server

    async def _initialize(self) -> httpx.Response:
        information = {"name": self._profile.client_name, "version": self._profile.client_version}
        return await self._post(
            "initialize",
            {"protocolVersion": self._profile.protocol_version, "capabilities": {}, "clientInfo": information},
        )

    async def _use(self, initialized: httpx.Response) -> None:
        version = _result_of(initialized).get("protocolVersion", self._profile.protocol_version)
        self._session = {"MCP-Protocol-Version": str(version)}
        if session_id := initialized.headers.get("mcp-session-id"):
            self._session["Mcp-Session-Id"] = session_id
        await self._post("notifications/initialized")
        for call in self._profile.calls:
            if call == "refresh":
                await self._fetch_token("refresh")
                continue
            method, _, tool = call.partition(" ")
            answer = await self._post(method, {"name": tool, "arguments": {}} if tool else {})
            if answer.status_code != 200:
                raise _Stopped(f"{call} failed: Unexpected status code: {answer.status_code}")
            if _result_of(answer).get("isError"):
                raise _Stopped(f"{call} failed: the tool reports an error.")

    async def _post(self, method: str, params: dict[str, Any] | None = None) -> httpx.Response:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message |= {"id": self._request_id, "params": params}
            self._request_id += 1
        headers = {"Accept": "application/json, text/event-stream", **self._session}
        if self._access_token:
            headers["Authorization"] = f"Bearer {self._access_token}"
        answer = await self._http.post(self._mcp_url, json=message, headers=headers)
        self.status = answer.status_code
        return answer

    # Discovery and registration

    async def _discover(self, challenge: str) -> None:
        places = self._profile.discovery.protected_resource
        server = urlsplit(self._mcp_url)
        issuer = origin = f"{server.scheme}://{server.netloc}"
        if places:
            well_known = f"{origin}/.well-known/oauth-protected-resource"
            candidates = {
                "challenge": challenge_parameter(challenge, "resource_metadata"),
                "path": well_known + server.path.rstrip("/"),
                "root": well_known,
            }
            resource = await self._first_document([url for place in places if (url := candidates[place])])
            if resource is None:
                raise _Stopped("The server publishes no protected resource metadata.")
            issuers = strings(resource.get("authorization_servers"))
            if not issuers:
                raise _Stopped("The protected resource metadata names no authorization server.")
            issuer = issuers[0]
            self._values["resource"] = str(resource.get("resource") or self._mcp_url)
            self._values["scope"] = " ".join(strings(resource.get("scopes_supported")))
            if "resource" in self._profile.checks and not _covers(self._values["resource"], self._mcp_url):
                raise _Stopped(f"The metadata is about {self._values['resource']}, not about {self._mcp_url}.")
        self._values["scope"] = challenge_parameter(challenge, "scope") or self._values["scope"]
        await self._read_server_metadata(issuer)

    async def _read_server_metadata(self, issuer: str) -> None:
        url = urlsplit(issuer)
        origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/")
        documents = self._profile.discovery.authorization_server
        metadata = await self._first_document([f"{origin}/.well-known/{document}{path}" for document in documents])
        if metadata is None:
            raise _Stopped(f"The authorization server {issuer} publishes no metadata.")
        if "issuer" in self._profile.checks and metadata.get("issuer") != issuer:
            raise _Stopped(f"The metadata found for {issuer} names another issuer.")
        if "pkce" in self._profile.checks and "S256" not in strings(metadata.get("code_challenge_methods_supported")):
            raise _Stopped(f"The authorization server {issuer} does not say that it supports PKCE with S256.")
        self._metadata = metadata

    async def _first_document(self, urls: list[str]) -> dict[str, Any] | None:
        for url in dict.fromkeys(urls):
            answer = await self._http.get(url, headers=list(self._profile.discovery.headers))
            if answer.status_code == 200 and (document := json_object(answer)):
                return document
        return None

    async def _register(self) -> None:
        endpoint = self._metadata.get("registration_endpoint")
        if isinstance(endpoint, str):
            body = {name: self._filled_all(value) for name, value in self._profile.registration.items()}
            answer = await self._http.post(endpoint, json=body)
            self._registration = json_object(answer)
            if answer.status_code not in (200, 201) or not self._registration.get("client_id"):
                raise _Stopped(f"Registration failed: {problem(answer)}")
            self._values["client_id"] = str(self._registration["client_id"])
        elif self._profile.fallback_client_id:
            self._values["client_id"] = self._profile.fallback_client_id
        else:
            raise _Stopped("The authorization server offers no dynamic client registration.")

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
            raise _Stopped(str(stopped)) from None
        answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        self._check_authorization_response(answer)
        self._values["code"] = answer["code"]

    def _check_authorization_response(self, answer: Mapping[str, str]) -> None:
        checks = self._profile.checks
        if "state" in checks and answer.get("state") != self._values["state"]:
            raise _Stopped("The authorization response carries another state.")
        expected = self._metadata.get("authorization_response_iss_parameter_supported") is True or "iss" in answer
        if "iss" in checks and expected and answer.get("iss") != self._metadata.get("issuer"):
            raise _Stopped("The authorization response comes from another issuer.")
        if "code" not in answer:
            reason = ": ".join(answer[name] for name in ("error", "error_description") if name in answer)
            raise _Stopped(f"Authorization failed: {reason or 'the response carries no code'}")

    async def _fetch_token(self, leg: str) -> None:
        if leg == "refresh" and "refresh_token" not in self._values:
            raise _Stopped("The authorization server issued no refresh token.")
        form = self._parameters(self._profile.token if leg == "token" else self._profile.refresh)
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
            raise _Stopped(f"{'Token exchange' if leg == 'token' else 'Refresh'} failed: {problem(answer)}")
        self._access_token = str(tokens["access_token"])
        if not (self._access_token.isascii() and self._access_token.isprintable()):
            raise _Stopped("The access token holds characters that cannot be sent in a header.")
        self.audience = audience_of(self._access_token)
        if tokens.get("refresh_token"):
            self._values["refresh_token"] = str(tokens["refresh_token"])

    def _endpoint(self, name: str) -> str:
        endpoint = self._metadata.get(name)
        if not isinstance(endpoint, str):
            raise _Stopped(f"The authorization server metadata names no {name}.")
        return endpoint

    # Templates

    def _parameters(self, pairs: Pairs) -> list[tuple[str, str]]:
        return [(name, filled) for name, template in pairs if (filled := self._filled(template))]

    def _filled(self, template: str) -> str:
        return Template(template).substitute(self._values).strip()

    def _filled_all(self, value: str | list[str]) -> str | list[str]:
        return self._filled(value) if isinstance(value, str) else [self._filled(item) for item in value]


def _covers(resource: str, url: str) -> bool:
    """Whether metadata for this resource may be used for this URL: the same, or above it (as the SDKs allow)."""
    return url == resource or url.startswith(resource.rstrip("/") + "/")


def _result_of(answer: httpx.Response) -> dict[str, Any]:
    result = rpc_result(answer)
    if result is None:
        raise _Stopped("The server answered with a JSON-RPC error, or with something else than JSON-RPC.")
    return result
