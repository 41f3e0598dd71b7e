"""Changes messages of the recorded conversation on their way, as wire patches and the user at a held message want it.

What is changed is recorded with both sides of it. The exchange keeps what upstream saw and sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from weakref import WeakSet

from mitmproxy.http import Headers, HTTPFlow, Response

from addons.breakpoints import Answer, Breakpoints, Decision, Drop, Gone, Held, Release, Side
from addons.browser import Redirect
from addons.incidents import released_sentence
from addons.legs import FORM, SIGN_IN, Leg, leg_of, leg_of_query, media_type
from addons.parts import Parts, change_request, change_response, differences, request_parts, response_parts
from addons.patches import Patches
from addons.recorder import Recorder
from addons.scope import Scope
from addons.wire import Edit, content_length, headers_of
from inspector.session.model import Translation

BY_HAND = "step"
"""Who wanted a change that is no patch."""

_HELD = 64 * 1024
"""Bytes of a request body that may be held to be changed."""

_MOST_SENT_ON = 100
"""Browsers that are waited for; beyond that the oldest is forgotten."""

_DROPPED = "Dropped by hand in step mode; the server did not see it."
_GONE = "The client went away while its request was held in step mode; the server did not see it."
_ANSWERED = "Answered by hand in step mode; the server did not see it."
_ANSWER_DROPPED = "The answer was dropped by hand in step mode; the client did not see it."
_ANSWER_GONE = "The client went away while the answer was held in step mode."


@dataclass(frozen=True, slots=True)
class Ending:
    """What a response is to become for the client: its parts, what was changed, and why it does not get there."""

    before: Parts
    parts: Parts
    translations: tuple[Translation, ...]
    error: str = ""

    def apply(self, flow: HTTPFlow) -> None:
        """Make it so; only after the response was recorded as upstream sent it."""
        if flow.response is not None:
            change_response(flow.response, self.before, self.parts)
        if self.error and flow.killable:
            flow.kill()


class Steering:
    """The patches and the breakpoints of one proxy.

    `changed` is called when other messages are held than before, `say` is told when one goes on by itself.
    """

    def __init__(self, scope: Scope, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self._scope = scope
        self._say = say
        self._over = WeakSet[HTTPFlow]()
        self._sent_on: dict[str, tuple[Translation, ...]] = {}
        self.patches = Patches()
        self.breakpoints = Breakpoints(changed)

    @property
    def active(self) -> bool:
        """Whether anything may be changed or held."""
        return self.breakpoints.on or bool(self.patches.active)

    def is_over(self, flow: HTTPFlow) -> bool:
        """Whether an exchange went no further than here; what is still to come of it is ours."""
        return flow in self._over

    def holds_request(self, flow: HTTPFlow) -> bool:
        """Whether the body of a request may have to change, by its headers."""
        if not self.active or (content_length(flow.request) or 0) > _HELD:
            return False
        return media_type(flow.request.headers.get("content-type", "")) in (FORM, "application/json")

    def holds_response(self, flow: HTTPFlow) -> bool:
        """Whether a response has to be read whole before the client gets it."""
        if not self.active:
            return False
        leg = leg_of(flow.request)
        return self.breakpoints.stops("response", leg) or self.patches.touches_response(leg)

    async def request(self, flow: HTTPFlow, recorder: Recorder) -> None:
        """Change a recorded request, and hold it where it is to be held."""
        followed = self._sent_on.pop(flow.request.pretty_url, None)
        if followed is not None:
            recorder.translated(flow, followed)  # a browser behind this proxy comes along where it was sent on to
            return
        leg, parts = leg_of(flow.request), request_parts(flow.request)
        resource = self._scope.resource_for(flow.request.pretty_url)
        for patch, after in self.patches.request(leg, parts, resource):
            self._change(flow, recorder, parts, after, patch.name)
            parts = after
        if not self.breakpoints.stops("request", leg):
            return
        decision = await self._hold("request", leg, flow, parts, recorder.write_now(flow))
        match decision:
            case Release(parts=edited) if edited is not None:
                self._change(flow, recorder, parts, edited, BY_HAND)
            case Answer(answer):
                recorder.translated(flow, differences("response", Parts((), b""), answer, BY_HAND))
                self._end(flow, recorder, _ANSWERED)
                flow.response = _response(answer)
            case Drop() | Gone():
                self._end(flow, recorder, _DROPPED if isinstance(decision, Drop) else _GONE)
                if flow.killable:
                    flow.kill()

    async def browser(self, flow: HTTPFlow, redirect: Redirect, recorder: Recorder) -> Redirect | None:
        """Change where a browser is sent on to; None when it goes nowhere, or has got its answer."""
        steered = await self._steered(flow, redirect, recorder)
        if steered is not None and leg_of_query(urlsplit(steered.asked.url).query) is Leg.AUTHORIZE:
            while len(self._sent_on) >= _MOST_SENT_ON:
                del self._sent_on[next(iter(self._sent_on))]
            self._sent_on[steered.asked.url] = tuple(each for each in steered.asked.translations if each.by)
        return steered

    async def _steered(self, flow: HTTPFlow, redirect: Redirect, recorder: Recorder) -> Redirect | None:
        target = urlsplit(redirect.target.decode("latin-1"))
        leg = leg_of_query(target.query)
        if leg is Leg.OTHER:
            return redirect
        path = target._replace(scheme="", netloc="").geturl()
        parts, translations = Parts((), b"", path=path), list(redirect.asked.translations)
        for patch, after in self.patches.request(leg, parts, self._scope.resource_for(redirect.asked.url)):
            translations += differences("request", parts, after, patch.name)
            parts = after
        redirect = _redirected(redirect, parts, translations)
        if not self.breakpoints.stops("request", leg):
            return redirect
        redirect = replace(redirect, asked=replace(redirect.asked, id=recorder.add(redirect.asked)))
        decision = await self._hold("request", leg, flow, parts, redirect.asked.id, url=redirect.asked.url)
        match decision:
            case Release(parts=edited):
                translations += differences("request", parts, edited, BY_HAND) if edited else []
                return _redirected(redirect, edited or parts, translations)
            case Answer(answer):
                translations += differences("response", Parts((), b""), answer, BY_HAND)
                recorder.add(replace(redirect.asked, translations=tuple(translations), error=_ANSWERED))
                flow.response = _response(answer)
            case Drop() | Gone():
                recorder.add(replace(redirect.asked, error=_DROPPED if isinstance(decision, Drop) else _GONE))
                if flow.killable:
                    flow.kill()
        return None

    def response_headers(self, flow: HTTPFlow) -> list[Translation]:
        """Change the headers of a recorded response; gives what was changed."""
        if flow.response is None or not self.patches.active:
            return []
        leg = leg_of(flow.request)
        if leg in SIGN_IN:
            return []  # there the patches are about the body
        before = parts = Parts(headers_of(flow.response.headers), b"", status=flow.response.status_code)
        found = []
        for patch, after in self.patches.response(leg, parts, ""):
            found += differences("response", parts, after, patch.name)
            parts = after
        change_response(flow.response, before, parts)
        return found

    async def response(self, flow: HTTPFlow, edit: Edit | None, recorder: Recorder) -> Ending:
        """What the client gets of a recorded response, `edit` applied, and holds it where it is to be held."""
        assert flow.response is not None
        leg, before = leg_of(flow.request), response_parts(flow.response)
        parts, translations = before, list(edit.translations) if edit else []
        if edit is not None:
            parts = replace(parts, body=edit.content)
        if flow.response.status_code == 200:
            for patch, after in self.patches.response(leg, parts, ""):
                translations += differences("response", parts, after, patch.name)
                parts = after
        error = ""
        if self.breakpoints.stops("response", leg):
            decision = await self._hold("response", leg, flow, parts, recorder.write_now(flow))
            match decision:
                case Release(parts=edited) | Answer(parts=edited):
                    translations += differences("response", parts, edited, BY_HAND) if edited else []
                    parts = edited or parts
                case Drop():
                    error = _ANSWER_DROPPED
                case Gone():
                    error = _ANSWER_GONE
        return Ending(before, parts, tuple(translations), error)

    async def _hold(self, side: Side, leg: Leg, flow: HTTPFlow, parts: Parts, row: int, url: str = "") -> Decision:
        request = flow.request
        held = Held(side, leg, request.method, url or request.pretty_url, parts, flow.client_conn, exchange=row)
        decision = await self.breakpoints.hold(held)
        if isinstance(decision, Release) and decision.why:
            at = urlsplit(held.url)
            self._say(released_sentence(held.method, at.netloc, at.path, decision.why))
        return decision

    def _change(self, flow: HTTPFlow, recorder: Recorder, before: Parts, after: Parts, by: str) -> None:
        change_request(flow.request, before, after)
        recorder.translated(flow, differences("request", before, after, by))
        recorder.request(flow)

    def _end(self, flow: HTTPFlow, recorder: Recorder, error: str) -> None:
        self._over.add(flow)
        recorder.end(flow, error)


def _redirected(redirect: Redirect, parts: Parts, translations: list[Translation]) -> Redirect:
    origin = urlsplit(redirect.target.decode("latin-1"))._replace(path="", query="", fragment="").geturl()
    target = (origin + parts.path).encode("latin-1")
    if target == redirect.target:
        return redirect
    url = target.decode("utf-8", "backslashreplace")
    return Redirect(target, replace(redirect.asked, url=url, translations=tuple(translations)))


def _response(answer: Parts) -> Response:
    headers = Headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers])
    return Response.make(answer.status, answer.body, headers)
