"""Runs a scripted client: one MCP client signing in at one MCP server, misbehaving exactly as its profile says."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from string import Template

import httpx

from inspector.errors import ReferenceFailure
from inspector.reference.answers import Audience, challenge_parameter
from inspector.reference.client_document import published
from inspector.reference.conversation import Conversation, result_of
from inspector.reference.profile import Profile, filled
from inspector.reference.sign_in import SignIn, Stopped

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
    then gives up; after a 403 for want of scope it asks once for more, unless its profile says otherwise.
    `request_timeout` is in seconds.

    Raises:
        ReferenceFailure: a server or the proxy does not answer.
    """

    async def report(response: httpx.Response) -> None:
        request = response.request
        on_step(Step(request.method, str(request.url.copy_with(query=None)), response.status_code))

    def http(user_agent: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            proxy=proxy, trust_env=False, timeout=request_timeout, event_hooks={"response": [report]}
        )
        del client.headers["User-Agent"]
        if user_agent:
            client.headers["User-Agent"] = user_agent
        return client

    own_values = profile.own_values(mcp_url)
    async with AsyncExitStack() as open_things:
        own = await open_things.enter_async_context(http(Template(profile.user_agent).substitute(own_values)))
        browser = await open_things.enter_async_context(http(_BROWSER_AGENT))
        document = ""
        if profile.client_id_metadata:
            metadata = filled(profile.client_id_metadata, own_values)
            document = await open_things.enter_async_context(published(metadata))
        sign_in = SignIn(profile, mcp_url, own, browser, document)
        conversation = Conversation(profile, mcp_url, own)
        try:
            await _ScriptedClient(profile, mcp_url, own, sign_in, conversation).run()
            authorized, sentence = True, f"Connected as {profile.client_name}, and every call was answered."
        except Stopped as stopped:
            authorized, sentence = False, str(stopped)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise ReferenceFailure(
                f"The client {profile.name} got no answer ({reason}); check that {mcp_url} and its "
                "authorization server run, and the proxy if there is one."
            ) from None
        except ValueError as error:  # a URL or a header value nobody can use
            authorized, sentence = False, f"A server sent a value that cannot be used: {error}"
        return Outcome(authorized, conversation.status, sign_in.audience, sentence)


class _ScriptedClient:
    """One run: which side comes when."""

    def __init__(
        self, profile: Profile, mcp_url: str, http: httpx.AsyncClient, sign_in: SignIn, conversation: Conversation
    ) -> None:
        self._profile = profile
        self._mcp_url = mcp_url
        self._http = http
        self._sign_in = sign_in
        self._conversation = conversation

    async def run(self) -> None:
        answer = await self._conversation.open()
        if answer.status_code == 401:
            await self._sign_in.run(await self._challenge(answer))
            answer = await self._with_token(self._conversation.open)
        if answer.status_code != 200:
            raise Stopped(f"Transport creation error: Unexpected status code: {answer.status_code}")
        await self._conversation.begin(answer)
        for call in self._profile.calls:
            if call == "refresh":
                await self._sign_in.refresh()
            else:
                await self._call(call)

    async def _challenge(self, refused: httpx.Response) -> str:
        if self._profile.discovery.probe_with_get:
            refused = await self._http.get(self._mcp_url, headers=list(self._profile.discovery.headers))
        challenge: str = refused.headers.get("www-authenticate", "")
        return challenge

    async def _call(self, call: str) -> None:
        answer = await self._with_token(lambda: self._conversation.call(call))
        if answer.status_code != 200:
            raise Stopped(f"{call} failed: Unexpected status code: {answer.status_code}")
        if result_of(answer).get("isError"):
            raise Stopped(f"{call} failed: the tool reports an error.")

    async def _with_token(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Send a request with the token, and once more with a wider one when the scope is not sufficient."""
        self._conversation.access_token = self._sign_in.access_token
        answer = await send()
        challenge = answer.headers.get("www-authenticate", "")
        wants_more = answer.status_code == 403 and challenge_parameter(challenge, "error") == "insufficient_scope"
        if wants_more and self._profile.step_up:
            await self._sign_in.step_up(challenge)
            self._conversation.access_token = self._sign_in.access_token
            answer = await send()
        return answer
