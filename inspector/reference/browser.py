"""The browser leg without a browser: follows redirects and answers the first form it meets, up to the redirect URI."""

from html.parser import HTMLParser

import httpx

from inspector.protocol import urls

_MAX_STEPS = 20


class BrowserStopped(Exception):
    """The pages end before the redirect URI; the text says where."""


async def authorization_response(http: httpx.AsyncClient, url: str, redirect_uri: str) -> str:
    """The URL, with code or error, to which the authorization server finally sends the browser.

    Raises:
        BrowserStopped: it never does.
        httpx.HTTPError: a server does not answer.
    """
    return await followed(http, await http.get(url), redirect_uri)


async def followed(
    http: httpx.AsyncClient, response: httpx.Response, redirect_uri: str, *, answer_forms: bool = True
) -> str:
    """The same from the answer to the authorization request on; without `answer_forms` a form is where it ends.

    Raises:
        BrowserStopped: it never does.
        httpx.HTTPError: a server does not answer.
    """
    try:
        return await _redirected(http, response, redirect_uri, answer_forms=answer_forms)
    except (httpx.InvalidURL, UnicodeError):
        raise BrowserStopped("The authorization server sent the browser to an address that is no URL.") from None


async def _redirected(
    http: httpx.AsyncClient, response: httpx.Response, redirect_uri: str, *, answer_forms: bool
) -> str:
    for _ in range(_MAX_STEPS):
        if response.is_redirect or "location" in response.headers:
            target = urls.resolve(str(response.url), response.headers["location"])
            if _is_at(target, redirect_uri):
                return target
            response = await http.get(target)
            continue
        form = _FirstForm()
        form.feed(response.text)
        if form.method != "post" or not answer_forms:
            page = response.url.copy_with(query=None)
            problem = response.url.params.get("error")
            reason = f"error {problem}" if problem else f"status {response.status_code}"
            raise BrowserStopped(f"The authorization server kept the browser on {page} ({reason}).")
        response = await http.post(urls.resolve(str(response.url), form.action), data=form.fields)
    raise BrowserStopped(f"The authorization server redirected the browser more than {_MAX_STEPS} times.")


def _is_at(url: str, redirect_uri: str) -> bool:
    return url == redirect_uri or url.startswith((redirect_uri + "?", redirect_uri + "&", redirect_uri + "#"))


class _FirstForm(HTMLParser):
    """The first form of a page, filled in as it comes and sent with its first button."""

    def __init__(self) -> None:
        super().__init__()
        self.method = ""
        self.action = ""
        self.fields: dict[str, str] = {}
        self._inside = False
        self._pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.method:
            self.method, self.action = attributes.get("method", "get").lower(), attributes.get("action", "")
            self._inside = True
        elif self._inside and (tag == "input" or (tag == "button" and not self._pressed)):
            self._pressed = self._pressed or tag == "button"
            if name := attributes.get("name"):
                self.fields[name] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
