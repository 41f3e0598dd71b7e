"""The MCP side of a scripted client: JSON-RPC over Streamable HTTP, with a session or, since 2026-07-28, without."""

from typing import Any

import httpx

from inspector.reference.answers import rpc_result, strings
from inspector.reference.profile import Profile
from inspector.reference.sign_in import Stopped

_STATELESS_SINCE = "2026-07-28"
_VERSION_HEADER_SINCE = "2025-06-18"
_META = "io.modelcontextprotocol"


class Conversation:
    """What one client says to one MCP server. `status` is that of the last answer."""

    access_token = ""
    status: int | None = None

    def __init__(self, profile: Profile, mcp_url: str, http: httpx.AsyncClient) -> None:
        self._profile = profile
        self._mcp_url = mcp_url
        self._http = http
        self._stateless = profile.protocol_version >= _STATELESS_SINCE
        self._client_info = {"name": profile.client_name, "version": profile.client_version}
        self._session: dict[str, str] = {}
        self._request_id = 0

    async def open(self) -> httpx.Response:
        """The first request: `initialize`, or `server/discover` in a revision without sessions."""
        if self._stateless:
            return await self._post("server/discover", {})
        version = self._profile.protocol_version
        return await self._post(
            "initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": self._client_info}
        )

    async def begin(self, opened: httpx.Response) -> None:
        """Take what the server answered to `open`, and tell it that the session begins where there is one.

        Raises:
            Stopped: the answer cannot be used.
        """
        result = result_of(opened)
        version = self._profile.protocol_version
        if self._stateless:
            if version not in strings(result.get("supportedVersions")):
                raise Stopped(f"The server does not speak {version}.")
            return
        negotiated = str(result.get("protocolVersion", version))
        if negotiated >= _VERSION_HEADER_SINCE:
            self._session["MCP-Protocol-Version"] = negotiated
        if session_id := opened.headers.get("mcp-session-id"):
            self._session["Mcp-Session-Id"] = session_id
        await self._post("notifications/initialized")

    async def call(self, name: str) -> httpx.Response:
        """One of the profile's calls: a method, or `tools/call` with the name of a tool."""
        method, _, tool = name.partition(" ")
        return await self._post(method, {"name": tool, "arguments": {}} if tool else {})

    async def _post(self, method: str, params: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Accept": "application/json, text/event-stream", **self._session}
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            if self._stateless:
                params |= {"_meta": self._meta()}
                headers |= {"MCP-Protocol-Version": self._profile.protocol_version, "Mcp-Method": method}
                headers |= {"Mcp-Name": params["name"]} if "name" in params else {}
            message |= {"id": self._request_id, "params": params}
            self._request_id += 1
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        answer = await self._http.post(self._mcp_url, json=message, headers=headers)
        self.status = answer.status_code
        return answer

    def _meta(self) -> dict[str, Any]:
        """What each request says for itself where there is no handshake (2026-07-28, Per-Request Protocol Fields)."""
        return {
            f"{_META}/protocolVersion": self._profile.protocol_version,
            f"{_META}/clientInfo": self._client_info,
            f"{_META}/clientCapabilities": {},
        }


def result_of(answer: httpx.Response) -> dict[str, Any]:
    """The result of a JSON-RPC response.

    Raises:
        Stopped: there is none.
    """
    result = rpc_result(answer)
    if result is None:
        raise Stopped("The server answered with a JSON-RPC error, or with something else than JSON-RPC.")
    return result
