"""Clients that are known by the URL of a metadata document: what is fetched, from where, and what is refused."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from inspector.reference.authkit import client_documents
from inspector.reference.authkit.client_documents import ClientDocuments, UnusableDocument
from inspector.reference.listener import bound_socket, serving
from inspector.reference.settings import DEMO

if TYPE_CHECKING:
    from tests.reference.conftest import Pair, StartPair

CALLBACK = "http://127.0.0.1/callback"
PUBLIC = "93.184.215.14"


class Site:
    """A web site on this machine that publishes client documents, good and bad."""

    origin = ""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/{name:path}", self.answer)])

    def document(self, url: str) -> dict[str, Any]:
        return {"client_id": url, "client_name": "By document", "redirect_uris": [CALLBACK]}

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append(name)
        good = self.document(f"{self.origin}/{name}")
        match name:
            case "endless":
                return StreamingResponse(self.endless(request), media_type="application/json")
            case "never":
                await hung_up(request)
            case "moved":
                return RedirectResponse(f"{self.origin}/good")
            case "missing":
                return JSONResponse(good, status_code=404)
            case "page":
                return Response(json.dumps(good), media_type="text/html")
            case "broken":
                return Response("{", media_type="application/json")
            case "list":
                return JSONResponse([good])
            case "large":
                return JSONResponse(good | {"padding": "x" * 6000})
            case "compressed":
                return JSONResponse(good, headers={"Content-Encoding": "gzip"})
        changes: dict[str, dict[str, Any]] = {
            "other-id": {"client_id": f"{self.origin}/good"},
            "slash-id": {"client_id": f"{self.origin}/slash-id/"},
            "nameless": {"client_name": None},
            "half-name": {"client_name": "\ud800"},
            "no-redirect": {"redirect_uris": []},
            "bad-redirect": {"redirect_uris": ["http://app.example/callback"]},
            "odd-redirect": {"redirect_uris": [7]},
            "secret": {"client_secret": "hush"},
            "secret-expiry": {"client_secret_expires_at": 0},
            "basic": {"token_endpoint_auth_method": "client_secret_basic"},
            "explicitly-public": {"token_endpoint_auth_method": "none"},
        }
        return Response(json.dumps(good | changes.get(name, {})), media_type="application/json; charset=utf-8")

    async def endless(self, request: Request) -> AsyncIterator[bytes]:
        yield b" " * 6000
        await hung_up(request)


async def hung_up(request: Request) -> None:
    """Wait until the other side has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    with bound_socket(0, "test site") as listening:
        site.origin = f"http://localhost:{listening.getsockname()[1]}"
        async with serving((site.app, listening)):
            yield site


async def problem_with(url: str, documents: ClientDocuments | None = None, *, allow_loopback: bool = True) -> str:
    """The error code for a document that cannot be used."""
    with pytest.raises(UnusableDocument) as refused:
        await (documents or ClientDocuments()).client(url, allow_loopback=allow_loopback)
    assert refused.value.description == client_documents.PROBLEMS[refused.value.error]
    return refused.value.error.removeprefix("client_")


@pytest.mark.parametrize("name", ["good", "explicitly-public"])
async def test_a_good_document_is_a_public_client(site: Site, name: str) -> None:
    url = f"{site.origin}/{name}"
    client = await ClientDocuments().client(url, allow_loopback=True)
    assert (client.client_id, client.name, client.redirect_uris) == (url, "By document", (CALLBACK,))
    assert (client.auth_method, client.secret) == ("none", None)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("endless", "document_too_large"),
        ("large", "document_too_large"),
        ("compressed", "document_too_large"),
        ("moved", "document_redirected"),
        ("missing", "document_unreachable"),
        ("page", "document_not_json"),
        ("broken", "document_not_json"),
        ("list", "document_not_json"),
        ("other-id", "document_id_mismatch"),
        ("slash-id", "document_id_mismatch"),
        ("nameless", "document_incomplete"),
        ("half-name", "document_incomplete"),
        ("no-redirect", "document_incomplete"),
        ("bad-redirect", "document_incomplete"),
        ("odd-redirect", "document_incomplete"),
        ("secret", "document_shared_secret"),
        ("secret-expiry", "document_shared_secret"),
        ("basic", "document_shared_secret"),
    ],
)
async def test_a_bad_document_is_no_client(site: Site, name: str, problem: str) -> None:
    assert await problem_with(f"{site.origin}/{name}") == problem
    assert site.asked == [name]  # a redirect is not followed


async def test_a_site_that_never_answers_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_documents, "_TIMEOUT", 0.05)
    assert await problem_with(f"{site.origin}/never") == "document_unreachable"


async def test_a_site_that_is_not_there() -> None:
    with bound_socket(0, "test site") as closed:
        url = f"http://localhost:{closed.getsockname()[1]}/good"
    assert await problem_with(url) == "document_unreachable"


async def test_good_documents_are_kept_for_a_while_and_bad_ones_are_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = ClientDocuments()
    for _ in range(2):
        await documents.client(f"{site.origin}/good", allow_loopback=True)
        await problem_with(f"{site.origin}/secret", documents)
    assert site.asked == ["good", "secret", "secret"]
    monkeypatch.setattr(client_documents, "_KEPT_FOR", 0)
    await documents.client(f"{site.origin}/fresh", allow_loopback=True)
    await documents.client(f"{site.origin}/fresh", allow_loopback=True)
    assert site.asked[3:] == ["fresh", "fresh"]


async def test_only_so_many_documents_are_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_documents, "_MOST_KEPT", 1)
    documents = ClientDocuments()
    for name in ("one", "two", "two", "one"):
        await documents.client(f"{site.origin}/{name}", allow_loopback=True)
    assert site.asked == ["one", "two", "one"]


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/client",
        "ftp://app.example/client",
        "https://app.example",
        "https://app.example/",
        "https://app.example/a/../client",
        "https://app.example/a/%2E%2e/client",
        "https://app.example/./client",
        "https://user@app.example/client",
        "https://user:secret@app.example/client",
        "https://app.example/client#part",
        "https://app.example/cli ent",
        "https://app.example/cli\u00ebnt",
        "https://app.example:port/client",
        "https://[app.example/client",
        "https:///client",
        "https://app.example/" + "x" * 3000,
    ],
)
async def test_urls_that_can_be_no_client_id(url: str) -> None:
    assert await problem_with(url) == "id_url_invalid"


@pytest.mark.parametrize("url", ["http://localhost:1/client", "http://127.0.0.1/client", "http://[::1]/client"])
async def test_http_on_this_machine_is_for_the_local_mode_only(url: str) -> None:
    assert await problem_with(url, allow_loopback=False) == "id_url_invalid"


class Network:
    """Names that mean one address the first time and another one ever after, and whoever is connected to."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        return self.answers.pop(0)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        document = {"client_id": "https://app.example/client", "client_name": "app", "redirect_uris": [CALLBACK]}
        if request.url.host == "2606:2800:21f:cb07:6820:80da:af6b:8b2c":
            raise httpx.ConnectError("no route", request=request)
        return httpx.Response(200, json=document)

    @property
    def documents(self) -> ClientDocuments:
        return ClientDocuments(self.resolve, httpx.MockTransport(self.handle))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.215.14",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
@pytest.mark.parametrize("also", [[], [PUBLIC]])
async def test_an_address_that_is_not_public_is_never_connected_to(address: str, also: list[str]) -> None:
    network = Network([*also, address])
    assert await problem_with("https://app.example/client", network.documents) == "document_private_address"
    assert network.requests == []


async def test_the_local_mode_does_not_open_other_names_of_this_machine() -> None:
    network = Network(["127.0.0.1"])
    assert await problem_with("https://rebound.example/client", network.documents) == "document_private_address"


async def test_localhost_must_be_this_machine() -> None:
    network = Network([PUBLIC])
    assert await problem_with("http://localhost/client", network.documents) == "document_private_address"


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    network = Network([PUBLIC], ["127.0.0.1"])
    client = await network.documents.client("https://app.example/client", allow_loopback=False)
    assert client.client_id == "https://app.example/client"
    (request,) = network.requests
    assert request.url == f"https://{PUBLIC}/client"
    assert request.headers["host"] == "app.example"
    assert request.extensions["sni_hostname"] == "app.example"
    assert "cookie" not in request.headers


async def test_the_next_address_is_tried_when_one_is_out_of_reach() -> None:
    network = Network(["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC])
    await network.documents.client("https://app.example/client", allow_loopback=False)
    assert [request.url.host for request in network.requests] == ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC]


async def test_a_name_without_addresses() -> None:
    assert await problem_with("https://app.example/client", Network([]).documents) == "document_unreachable"


async def signed_in(pair: "Pair", client_id: str) -> httpx.Response:
    code = await pair.code(client_id, resource=pair.reference.mcp_url)
    return await pair.redeem(client_id, code)


async def test_a_whole_flow_with_a_document_and_any_loopback_port(pair: "Pair", site: Site) -> None:
    answer = await signed_in(pair, f"{site.origin}/good")  # asks for port 33418 where the document names none
    assert answer.status_code == 200
    assert pair.reference.authkit.store.clients == {}


async def test_a_changed_document_does_not_cost_the_client_its_code(
    pair: "Pair", site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_documents, "_KEPT_FOR", 0)
    code = await pair.code(f"{site.origin}/good")
    monkeypatch.setattr(site, "document", lambda url: Site().document(url) | {"client_name": "Renamed"})
    assert (await pair.redeem(f"{site.origin}/good", code)).status_code == 200


async def test_a_redirect_uri_must_be_in_the_document(pair: "Pair", site: Site) -> None:
    answer = await pair.authorize(f"{site.origin}/good", redirect_uri="http://127.0.0.1:33418/other")
    assert answer.headers["location"] == "/oauth2/error?error=invalid_redirect_uri"


async def test_a_person_is_told_what_is_wrong_with_the_document(pair: "Pair", site: Site) -> None:
    answer = await pair.authorize(f"{site.origin}/secret")
    assert answer.headers["location"] == "/oauth2/error?error=client_document_shared_secret"
    page = await pair.http.get(pair.at_authkit(answer.headers["location"]))
    assert client_documents.PROBLEMS["client_document_shared_secret"] in page.text


async def test_the_token_endpoint_calls_such_a_client_invalid(pair: "Pair", site: Site) -> None:
    answer = await pair.redeem(f"{site.origin}/secret", "code")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["error_description"] == client_documents.PROBLEMS["client_document_shared_secret"]


async def test_without_the_toggle_a_url_is_an_unknown_client(start: "StartPair", site: Site) -> None:
    async with start(replace(DEMO, cimd=False)) as pair:
        answer = await pair.authorize(f"{site.origin}/good")
    assert answer.headers["location"] == "/oauth2/error?error=application_not_found"
    assert site.asked == []
