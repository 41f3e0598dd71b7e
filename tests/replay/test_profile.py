"""A profile is readable, can be edited, and holds nothing that must not be kept."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import ReplayFailure
from inspector.replay.encoding import STYLES, common_style, styles_of, write
from inspector.replay.from_run import completed, profile_of
from inspector.replay.profile import from_table, load_profile, save_profile, to_table
from inspector.replay.values import Unknown, Values
from inspector.session.model import Body, Exchange
from inspector.timeline.message import Kind
from inspector.verdict.analysis import analyse
from tests.replay.recording import judged, record_exchanges

SECRET = "s3cr3t-that-must-not-be-kept"


@pytest.fixture(scope="module")
def warp() -> list[Exchange]:
    """What a client without resource sends."""
    return asyncio.run(record_exchanges("warp"))


def test_it_says_what_the_client_sends_relative_to_the_servers(warp: list[Exchange]) -> None:
    profile = profile_of(judged(warp).run)
    assert (profile.client, profile.redirect_uri) == ("dev.warp.Warp-Stable v0.2026.04", "warp://mcp/oauth2callback")
    assert [(step.leg, step.url) for step in profile.steps] == [
        (Kind.MCP, "${mcp_url}"),
        (Kind.MCP, "${mcp_url}"),
        (Kind.RESOURCE_METADATA, "${challenge.resource_metadata}"),
        (Kind.SERVER_METADATA, "${issuer_origin}/.well-known/oauth-authorization-server"),
        (Kind.REGISTER, "${as.registration_endpoint}"),
        (Kind.AUTHORIZE, "${as.authorization_endpoint}"),
        (Kind.TOKEN, "${as.token_endpoint}"),
        (Kind.MCP, "${mcp_url}"),
    ]
    assert profile.steps[6].form == (
        ("grant_type", "authorization_code"),
        ("code", "${code}"),
        ("code_verifier", "${code_verifier}"),
        ("client_id", "${client_id}"),
        ("redirect_uri", "${redirect_uri}"),
    )
    assert [step.outcome for step in profile.steps] == [
        "401",
        "401",
        "200",
        "200",
        "201",
        "code",
        "200",
        "401 invalid_token",
    ]


def test_what_the_client_would_do_next_is_marked_as_assumed(warp: list[Exchange]) -> None:
    profile = completed(profile_of(judged(warp).run))
    assumed = [step for step in profile.steps if step.assumed]
    assert ["notifications/initialized" in assumed[0].body, "tools/list" in assumed[1].body] == [True, True]
    assert all(step.has_token for step in assumed)
    assert profile.recorded == profile.steps[:-2]


async def test_nothing_is_assumed_of_a_client_that_got_in() -> None:
    profile = profile_of(judged(await record_exchanges("compliant")).run)
    assert completed(profile) == profile


def test_it_is_written_and_read_again_as_it_was(warp: list[Exchange], tmp_path: Path) -> None:
    profile = completed(profile_of(judged(warp).run))
    save_profile(profile, tmp_path / "warp.toml")
    assert load_profile(tmp_path / "warp.toml") == profile
    text = (tmp_path / "warp.toml").read_text()
    assert '["grant_type", "authorization_code"],' in text
    assert """body = '{"jsonrpc":"2.0","method":"initialize\"""" in text


def test_no_secret_is_kept(warp: list[Exchange], tmp_path: Path) -> None:
    exchanges = [
        replace(
            exchange,
            url=exchange.url.replace("/mcp", f"/mcp?api_key={SECRET}")
            if exchange.url.endswith("/mcp")
            else exchange.url,
            request_headers=(
                *exchange.request_headers,
                ("Cookie", f"session={SECRET}"),
                ("X-Api-Key", SECRET),
                ("traceparent", SECRET),
            ),
        )
        for exchange in warp
    ]
    registration = next(e for e in exchanges if e.method == "POST" and "register" in e.url)
    body = registration.request_body.data.replace(b"{", b'{"software_statement":"' + SECRET.encode() + b'",', 1)
    exchanges[exchanges.index(registration)] = replace(registration, request_body=Body.whole(body))
    run = analyse(exchanges).runs[-1].run
    save_profile(completed(profile_of(run)), tmp_path / "profile.toml")
    text = (tmp_path / "profile.toml").read_text()
    known = {SECRET}
    for message in run.messages:
        known |= {
            value for name, value in message.params.pairs if name in ("code", "code_verifier", "state", "client_id")
        }
        known |= {message.bearer or SECRET}
        if message.kind is Kind.TOKEN and message.document:
            known |= {str(message.document.raw["access_token"])}
    assert len(known) >= 5
    assert [value for value in known if value in text] == []
    assert "X-Api-Key" in text


def test_a_call_with_arguments_is_left_out_and_said_to_be(warp: list[Exchange]) -> None:
    opening = warp[0]
    call = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"pay","arguments":{"to":"' + SECRET.encode()
    later = replace(opening, id=99, request_body=Body.whole(call + b'"}}}'), started_at=opening.started_at + 0.001)
    profile = profile_of(analyse([*warp, later]).runs[-1].run)
    assert not any(SECRET in text for step in profile.steps for text in step.texts())
    assert any("tools/call with arguments" in note for note in profile.notes)


def test_an_authorization_that_was_not_captured_is_told_from_the_token_request(warp: list[Exchange]) -> None:
    without = [exchange for exchange in warp if "/authorize" not in exchange.url]
    profile = profile_of(analyse(without).runs[-1].run)
    (step,) = [step for step in profile.steps if step.leg is Kind.AUTHORIZE]
    assert dict(step.query)["code_challenge"] == "${code_challenge}"
    assert any("not captured" in note for note in profile.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "no client profile of format 1"),
        ({"step": []}, "has no step"),
        ({"colour": "blue"}, "colour"),
        ({"step": [{"leg": "other", "method": "GET", "url": "/"}]}, "no leg other"),
        ({"step": [{"leg": "mcp", "method": "GET", "url": "$mcp"}]}, "dollar sign"),
        ({"step": [{"leg": "mcp", "method": "GET", "url": "/", "style": "odd"}]}, "style 'odd'"),
        ({"step": [{"leg": "mcp", "method": "GET"}]}, "url"),
    ],
)
def test_a_profile_that_is_none_is_one_sentence(warp: list[Exchange], change: dict[str, object], said: str) -> None:
    table = to_table(profile_of(judged(warp).run)) | change
    with pytest.raises(ReplayFailure, match=said) as failure:
        from_table(table, "edited.toml")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("text", ["", "not = [toml", "\xff"])
def test_a_file_that_is_no_profile(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ReplayFailure, match=r"odd\.toml"):
        load_profile(file)
    with pytest.raises(ReplayFailure, match="cannot be read"):
        load_profile(tmp_path / "missing.toml")


@pytest.mark.parametrize("name", STYLES)
def test_parameters_are_written_as_the_client_wrote_them(name: str) -> None:
    pairs = (("scope", "a b~c"), ("resource", "http://localhost:1/m*'(x)@,"), ("empty", ""))
    assert name in styles_of(pairs, write(pairs, name))
    written = write(pairs, name)
    assert name in styles_of(pairs, written)
    assert write(pairs, common_style([styles_of(pairs, written)])) == written


def test_a_dollar_sign_of_the_client_stays_one() -> None:
    values = Values("http://localhost:1/mcp")
    for text in ("$", "$$", "${mcp_url}", "$mcp_url", "a${}b"):
        assert values.fill(values.text(f'{{"name":"{text}"}}')) == f'{{"name":"{text}"}}'
        assert values.fill(values.scope(text)) == text


def test_a_value_that_nobody_gave_is_not_made_up_silently() -> None:
    values = Values("http://localhost:1/mcp")
    with pytest.raises(Unknown, match="code"):
        values.fill("${code}")
    assert values.fill("${made_up.code}") == values.fill("${made_up.code}") != ""


def test_the_verifier_is_known_by_its_proof_when_a_code_is_sent_twice(warp: list[Exchange]) -> None:
    first = next(exchange for exchange in warp if exchange.url.endswith("/oauth2/token"))
    other = re.sub(rb"code_verifier=[^&]*", b"code_verifier=" + b"x" * 43, first.request_body.data)
    second = replace(first, id=98, request_body=Body.whole(other), started_at=warp[-1].started_at + 0.001)
    profile = profile_of(analyse([*warp, second]).runs[-1].run)
    forms = [dict(step.form) for step in profile.steps if step.leg is Kind.TOKEN]
    assert [form["code_verifier"] for form in forms] == ["${code_verifier}", "${made_up.code_verifier}"]
    assert [form["code"] for form in forms] == ["${code}", "${code}"]
