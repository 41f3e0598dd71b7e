import json
from dataclasses import replace

import pytest

from inspector.rules.model import Party
from inspector.session.model import Body, Exchange, State, Translation
from inspector.tui.looks import aside
from inspector.tui.masking import Masker, Veil
from inspector.tui.panes.explained import DIFFERS, difference, expected_and_found
from inspector.tui.panes.message import request_lines, response_lines
from inspector.tui.panes.raw import raw_lines
from inspector.tui.panes.start import start_lines
from inspector.tui.panes.status import Origin, status_parts, verdict_text
from inspector.tui.panes.token import token_lines
from inspector.tui.panes.why import why_lines
from inspector.tui.recording import Recording
from inspector.tui.view import RunView, Selection
from inspector.tui.widgets.detail import LineMaker
from inspector.verdict.analysis import Analysis
from tests.tui.stage import problems_at
from tests.tui.story import CLIENT_ID, CODE, MCP, PRM, START, VERIFIER, access_token, initialize, patched, story

TOKEN_STEP, USE_STEP, AUTHORIZE_STEP, PROBES_STEP = 6, 7, 5, 3
VERDICT = Selection()
FILE = Origin("recording", "demo.mitm", live=False)
LIVE = Origin("live", "127.0.0.1:8080", live=True)


def view_of(exchanges: list[Exchange]) -> RunView:
    analysis = Analysis()
    analysis.add(exchanges)
    return RunView(analysis.runs[-1], Masker(b"key"))


def said(make: LineMaker, view: RunView, selection: Selection = VERDICT, *, lifted: bool = False) -> str:
    """Every line with its marks."""
    lines = make(view, selection, view.veil(lifted=lifted))
    return "\n".join(" ".join((line.plain, *(finding.rule for finding in line.findings))) for line in lines)


def line_of(text: str, beginning: str) -> str:
    return next(line for line in text.split("\n") if line.strip().startswith(beginning))


STORY = view_of(story())
CLEAN = view_of(story(resource=True))


def test_the_verdict_names_party_cause_observations_and_who_is_cleared() -> None:
    text = said(why_lines, STORY)
    verdict = STORY.judged.verdict
    assert verdict.party is Party.CLIENT
    assert "Fault: client" in text
    assert "resource-missing-authorize" in text
    assert verdict.summary in text
    for seen in verdict.observations:
        assert f"step {seen.step}: {seen.text}" in text
    assert "✓ MCP server: " in text
    assert "client: Send resource=http://localhost:3001/mcp" in text


def test_observations_lead_to_their_steps() -> None:
    lines = why_lines(STORY, Selection(), STORY.veil())
    targets = [line.target.step for line in lines if line.key and line.key.startswith("step ") and line.target]
    assert targets == [seen.step for seen in STORY.judged.verdict.observations]


def test_silence_does_not_look_like_health() -> None:
    text = said(why_lines, CLEAN)
    silent = CLEAN.judged.checked.not_observed
    assert silent
    assert f"{len(silent)} not observed" in text
    for silence in silent:
        assert silence.rule in text
        assert silence.reason in text


def test_a_finding_is_told_with_expected_found_cause_cure_and_source() -> None:
    finding = STORY.judged.checked.of("aud-is-client-id")[0]
    text = said(why_lines, STORY, Selection.of(finding))
    assert text.index("Expected: ") < text.index("Found: ")
    assert MCP in line_of(text, "Expected")
    assert CLIENT_ID in line_of(text, "Found")
    assert "resource-missing-authorize" in line_of(text, "Cause")
    assert "fresh-token-rejected" in line_of(text, "Leads to")
    assert line_of(text, "Fix").startswith("Fix: Client:")
    assert "RFC 8707" in line_of(text, "Spec")
    assert finding.level in line_of(text, "Spec")


def test_a_step_tells_its_problems_or_that_there_are_none() -> None:
    assert problems_at(STORY, TOKEN_STEP) in said(why_lines, STORY, Selection(TOKEN_STEP))
    assert problems_at(STORY, PROBES_STEP) in said(why_lines, STORY, Selection(PROBES_STEP))


def test_a_folded_step_lists_its_exchanges() -> None:
    lines = why_lines(STORY, Selection(PROBES_STEP), STORY.veil())
    assert [line.target.exchange for line in lines if line.target and line.key] == [3, 4]
    assert "404" in said(why_lines, STORY, Selection(PROBES_STEP))


def test_what_is_not_sent_is_shown_where_it_should_be() -> None:
    text = said(request_lines, STORY, Selection(AUTHORIZE_STEP))
    assert line_of(text, "resource") == f"resource: {aside('not sent')} resource-missing-authorize"
    text = said(request_lines, STORY, Selection(TOKEN_STEP))
    assert line_of(text, "resource") == f"resource: {aside('not sent')} resource-missing-token"


def test_parameters_stand_one_by_one_and_secrets_hidden() -> None:
    text = said(request_lines, STORY, Selection(TOKEN_STEP))
    assert "grant_type: authorization_code" in text
    assert f"client_id: {CLIENT_ID}" in text
    assert CODE not in text
    assert VERIFIER not in text
    assert "code: " + aside("hidden 26 chars #")[:-1] in text


def test_the_same_secret_is_recognisable_in_every_step() -> None:
    sent = line_of(said(request_lines, STORY, Selection(TOKEN_STEP)), "code: ")
    received = line_of(said(response_lines, STORY, Selection(AUTHORIZE_STEP)), "code: ")
    assert sent == received


def test_no_pane_holds_a_secret_until_it_is_revealed() -> None:
    secrets = (
        CODE,
        VERIFIER,
        access_token(CLIENT_ID),
        access_token(CLIENT_ID).split(".")[1],
        "q7Yx0pL2vN8",
        "HqX2v9RkT",
    )
    makers: tuple[LineMaker, ...] = (why_lines, request_lines, response_lines, token_lines, raw_lines)
    revealed = ""
    for step in STORY.steps:
        for make in makers:
            text = said(make, STORY, Selection(step))
            assert not [secret for secret in secrets if secret in text], (step, make)
            revealed += said(make, STORY, Selection(step), lifted=True)
    assert all(secret in revealed for secret in secrets)


def test_the_response_marks_status_body_and_header() -> None:
    text = said(response_lines, STORY, Selection(TOKEN_STEP))
    assert "aud-is-client-id" in line_of(text, '"access_token"')
    assert line_of(text, "200").startswith("200 OK")
    assert "180ms" in text


def test_a_challenge_is_shown_parameter_by_parameter() -> None:
    text = said(response_lines, STORY, Selection(USE_STEP))
    assert "scheme: Bearer" in text
    assert "error: invalid_token" in text
    assert f"resource_metadata: {PRM}" in text


def test_a_redirect_shows_the_parameters_it_gives() -> None:
    text = said(response_lines, STORY, Selection(AUTHORIZE_STEP))
    assert "state: Zk3vPq81mXc0" in text
    assert "iss: https://imaginative-palm-54.authkit.app" in text


def test_the_token_pane_tells_claims_times_signature_and_the_audience_expected() -> None:
    text = said(token_lines, STORY, Selection(TOKEN_STEP))
    assert f"aud: {CLIENT_ID} aud-is-client-id" in text
    assert "✗ not resource of the protected resource metadata" in text
    assert f"expected {MCP}" in text
    assert "exp: 2026-11-21 15:00:19Z  1h00m after this exchange" in text
    assert line_of(text, "signature") == "signature: not checked: no key set was captured"
    assert "Refresh token" in text
    assert "Opaque" in text


def test_without_a_token_the_last_one_issued_is_shown_with_a_way_to_it() -> None:
    lines = token_lines(STORY, Selection(AUTHORIZE_STEP), STORY.veil())
    assert [line.target.step for line in lines if line.target] == [TOKEN_STEP]


def test_a_token_shows_how_much_of_its_life_was_left() -> None:
    assert line_of(said(token_lines, STORY, Selection(TOKEN_STEP)), "lifetime").endswith(
        "1h00m left of 1h00m at this exchange"
    )


def test_a_parameter_says_what_it_was_compared_with() -> None:
    text = said(request_lines, CLEAN, Selection(TOKEN_STEP))
    assert "✓ hashes to the code_challenge of step 5" in text
    assert "✓ the code of the redirect" in text
    assert "✓ registered in step 4" in text
    assert "✓ equals resource of the protected resource metadata" in text


def test_a_parameter_says_what_it_means() -> None:
    lines = request_lines(CLEAN, Selection(AUTHORIZE_STEP), CLEAN.veil())
    remarks = {line.key: line.remark for line in lines if line.key}
    assert "becomes the token's `aud`" in remarks["resource"]
    assert remarks["code_challenge_method"]
    assert "host" not in remarks or not remarks["host"]


def test_the_members_of_metadata_say_what_they_mean() -> None:
    lines = response_lines(STORY, Selection(2), STORY.veil())
    member = next(line for line in lines if line.text.plain.startswith('  "authorization_servers"'))
    assert member.remark == "the issuers whose tokens this server takes"


def test_a_json_rpc_body_is_told_as_messages() -> None:
    assert "request initialize  id 0" in said(request_lines, STORY, Selection(1))


def test_server_sent_events_are_told_one_by_one() -> None:
    events = (
        'event: message\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
        'data: {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"\\u001b[31mno"}}\n\n'
    )
    last = story(resource=True)[-1]
    streamed = replace(
        last,
        response_headers=(("content-type", "text/event-stream"),),
        response_body=Body.whole(events.encode()),
    )
    view = view_of([*story(resource=True)[:-1], streamed])
    text = said(response_lines, view, Selection(view.judged.run.step_by_exchange[last.id]))
    assert "notification notifications/progress" in text
    assert "error -32600 \\x1b[31mno  id 7" in text


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ("http://localhost:3001/mcp", "http://localhost:3001/mcp/", "the same after: "),
        ("aud = http://localhost:3001/mcp", "aud = http://127.0.0.1:3001/mcp", "two names of this machine"),
        (
            "http://localhost:3001/mcp",
            "http://localhost:3001",
            "a parent of the expected URL; differs from character 22",
        ),
        ("http://localhost:3001/mcp", "client_01", ""),
        ("not sent", "sent", ""),
    ],
)
def test_a_difference_is_put_into_words(expected: str, found: str, words: str) -> None:
    said_words = difference(expected, found)
    assert said_words.startswith(words) if words else said_words == ""


def test_the_characters_that_differ_are_marked() -> None:
    lines = list(expected_and_found("http://localhost:3001/mcp", "http://127.0.0.1:3001/mcp", Veil(Masker(b"key")), ""))
    found = lines[1].text
    marked = [found.plain[span.start : span.end] for span in found.spans if span.style == DIFFERS]
    assert marked == ["127.0.0.1"]


@pytest.mark.parametrize("exp", [1e400, -1e18, 2**70, True, "soon", [[]], {"a": {}}, None])
def test_odd_claims_are_shown_as_they_are(exp: object) -> None:
    exchanges = story()
    answer = {"access_token": access_token("x")}
    header, _, signature = answer["access_token"].split(".")
    import base64

    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp, "aud": 5}).encode()).decode().rstrip("=")
    body = json.dumps({"access_token": f"{header}.{claims}.{signature}"}).encode()
    exchanges[6] = replace(exchanges[6], response_body=Body.whole(body))
    text = said(token_lines, view_of(exchanges[:7]), Selection(TOKEN_STEP))
    assert "exp: " in text
    assert "aud: 5" in text


def test_a_leg_that_was_not_captured_is_said_to_be() -> None:
    exchanges = [exchange for exchange in story() if exchange.id != 6]
    view = view_of(exchanges)
    unseen = next(step for step in view.steps.values() if not step.exchanges)
    assert "not in sight" in said(why_lines, view, Selection(unseen.id))
    assert "not captured" in said(request_lines, view, Selection(unseen.id))
    assert "not captured" in said(response_lines, view, Selection(unseen.id))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.REQUEST, "No response yet"),
        (State.FAILED, "the connection broke"),
        (State.RECORDED, "keeps requests only"),
    ],
)
def test_a_response_that_is_not_there_says_why(state: State, words: str) -> None:
    exchanges = story()
    exchanges[6] = replace(
        exchanges[6], status=None, state=state, response_body=Body(), response_end=0.0, error="reset by peer"
    )
    assert words in said(response_lines, view_of(exchanges[:7]), Selection(TOKEN_STEP))


def test_what_the_inspector_changed_on_the_way_is_shown() -> None:
    exchanges = story()
    change = Translation("query", "resource", "http://127.0.0.1:9/mcp", MCP)
    exchanges[5] = replace(exchanges[5], translations=(change,))
    text = said(request_lines, view_of(exchanges), Selection(AUTHORIZE_STEP))
    assert "Changed on the way: address translated\nquery resource" in text
    assert f"client sent: http://127.0.0.1:9/mcp\n  server got: {MCP}" in text
    assert "the client sent" not in text.partition("Changed on the way")[0]


def test_what_a_wire_patch_or_the_reader_changed_is_told_apart_from_what_the_client_sent() -> None:
    view = view_of(patched())
    text = said(request_lines, view, Selection(TOKEN_STEP))
    parameters, _, changed = text.partition("Changed on the way")
    assert f"resource: {MCP}" in parameters
    assert "~ patch add-resource; the client sent nothing" in parameters
    assert aside("not sent") not in parameters, "a parameter with a finding is not absent for that"
    assert changed.startswith(f": patch add-resource\nbody resource\n  client sent: {aside('nothing')}\n")
    raw = said(raw_lines, view, Selection(TOKEN_STEP))
    got, _, sent = raw.partition("Request as the client sent it")
    assert "resource=" in got
    assert "resource=" not in sent.partition("Response")[0]
    by_hand = replace(patched()[6], translations=(Translation("request.body", "resource", "", MCP, "step"),))
    text = said(request_lines, view_of([*patched()[:6], by_hand]), Selection(TOKEN_STEP))
    assert "~ you changed it in step mode; the client sent nothing" in text


def test_what_a_response_had_changed_is_told_there() -> None:
    exchanges = story()
    change = Translation("response.body", "registration_endpoint", "http://127.0.0.1:9/r", f"{MCP}/r", "patch-answer")
    exchanges[3] = replace(exchanges[3], translations=(change,))
    view = view_of(exchanges)
    text = said(response_lines, view, Selection(3))
    assert f"  client got: http://127.0.0.1:9/r\n  server sent: {MCP}/r" in text
    assert "Changed on the way" not in said(request_lines, view, Selection(3))


def test_raw_shows_start_lines_headers_and_bodies() -> None:
    text = said(raw_lines, STORY, Selection(USE_STEP))
    assert f"POST {MCP} HTTP/1.1" in text
    assert "authorization: Bearer " + aside("hidden JWT")[:-1] in text
    assert '"method": "initialize"' in text
    assert "HTTP/1.1 401 Unauthorized" in text
    assert PRM in text


def bar(origin: Origin, view: RunView | None, recording: Recording | None = None) -> str:
    recording = recording or Recording((view.judged,) if view else (), 8 if view else 0)
    return verdict_text(origin, recording, view).plain.strip()


def test_the_verdict_line_names_party_cause_and_sentence() -> None:
    line = bar(FILE, STORY)
    assert line.startswith("✗ Fault: client · resource-missing-authorize · ")
    assert STORY.judged.verdict.summary in line


def test_a_clean_run_looks_calm() -> None:
    checked = CLEAN.judged.checked
    calm = f"✓ No fault found · {len(checked.passed)} checks passed · {len(checked.not_observed)} not observed"
    assert bar(FILE, CLEAN).startswith(calm)


def test_a_run_that_is_not_over_is_not_called_clean() -> None:
    line = bar(LIVE, view_of(story(resource=True)[:5]))
    assert line.startswith("? ")
    assert "No fault" not in line


def test_trouble_with_the_feed_is_said_in_the_verdict_line() -> None:
    assert "x.har is damaged." in bar(FILE, None, Recording(ended=True, trouble="x.har is damaged."))


def test_the_status_line_keeps_the_important_parts() -> None:
    parts = status_parts(LIVE, Recording((STORY.judged, CLEAN.judged), 16), CLEAN, 2, False)
    words = {importance: part.plain for importance, part in parts}
    assert words[0].strip() == "● LIVE 127.0.0.1:8080"
    assert words[1] == f"Warp v0.2026.04 → {MCP}"
    assert words[2].startswith("run 2/2")
    assert words[3] == "secrets hidden"


def test_a_fault_in_another_run_is_not_lost_from_sight() -> None:
    parts = status_parts(LIVE, Recording((STORY.judged, CLEAN.judged), 16), CLEAN, 2, False)
    assert any("fault in run 1" in part.plain for _, part in parts)


def test_a_finished_capture_is_no_longer_live() -> None:
    parts = status_parts(LIVE, Recording((STORY.judged,), 8, ended=True), STORY, 1, False)
    assert "LIVE" not in parts[0][1].plain


def test_the_empty_state_says_what_to_do_next() -> None:
    recipe = ("Send the client through the proxy: HTTPS_PROXY=http://127.0.0.1:8080", "Connect the client")
    text = "\n".join(line.plain for line in start_lines(replace(LIVE, recipe=recipe), Recording()))
    assert "Nothing captured yet" in text
    assert "1: Send the client through the proxy: HTTPS_PROXY=http://127.0.0.1:8080" in text
    assert "2: Connect the client" in text


def test_traffic_without_a_sign_in_is_counted() -> None:
    text = "\n".join(line.plain for line in start_lines(LIVE, Recording((), 12)))
    assert "12 exchanges" in text


def test_times_stay_out_of_what_was_not_timed() -> None:
    exchanges = [
        replace(each, started_at=START, response_end=0.0, state=State.REQUEST, status=None) for each in story()[:1]
    ]
    assert "ms" not in said(response_lines, view_of(exchanges), Selection(1))


def test_the_first_request_alone_makes_a_run() -> None:
    assert "No cause found" in said(why_lines, view_of([initialize(1, 0.0, 401)]))
