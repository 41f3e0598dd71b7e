import json

import pytest
from mitmproxy.test import tutils

from addons.legs import Leg, leg_of

FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)


@pytest.mark.parametrize(
    ("path", "leg"),
    [
        ("/.well-known/oauth-protected-resource/mcp", Leg.RESOURCE_METADATA),
        ("/tenant/.well-known/openid-configuration", Leg.SERVER_METADATA),
        ("/.well-known/oauth-authorization-server", Leg.SERVER_METADATA),
        ("/oauth2/authorize?client_id=c&response_type=code", Leg.AUTHORIZE),
        ("/oauth2/authorize?client_id=c&request_uri=u", Leg.AUTHORIZE),
        ("/login?client_id=c", Leg.OTHER),
        ("/jwks", Leg.OTHER),
    ],
)
def test_a_get_by_its_address(path: str, leg: Leg) -> None:
    assert leg_of(tutils.treq(method=b"GET", path=path.encode(), content=b"")) is leg


@pytest.mark.parametrize(
    ("form", "leg"),
    [
        ("grant_type=authorization_code&code=c", Leg.TOKEN),
        ("grant_type=client_credentials", Leg.TOKEN),
        ("grant_type=refresh_token&refresh_token=r", Leg.REFRESH),
        ("client_id=c&response_type=code&code_challenge=x", Leg.AUTHORIZE),
        ("user=u&password=p", Leg.OTHER),
    ],
)
def test_a_form_by_its_parameters(form: str, leg: Leg) -> None:
    assert leg_of(tutils.treq(method=b"POST", headers=FORM, content=form.encode())) is leg


@pytest.mark.parametrize(
    ("document", "leg"),
    [
        ({"redirect_uris": ["http://127.0.0.1/cb"]}, Leg.REGISTER),
        ({"jsonrpc": "2.0", "method": "initialize"}, Leg.MCP),
        ([{"jsonrpc": "2.0"}], Leg.MCP),
        ({"x": 1}, Leg.OTHER),
        ([], Leg.OTHER),
    ],
)
def test_a_document_by_its_members(document: object, leg: Leg) -> None:
    assert leg_of(tutils.treq(method=b"POST", content=json.dumps(document).encode())) is leg


def test_an_event_stream_is_mcp_and_a_preflight_is_nothing() -> None:
    stream = ((b"accept", b"text/event-stream"),)
    assert leg_of(tutils.treq(method=b"GET", headers=stream, content=b"")) is Leg.MCP
    assert leg_of(tutils.treq(method=b"OPTIONS", path=b"/token", headers=FORM, content=b"grant_type=x")) is Leg.OTHER
