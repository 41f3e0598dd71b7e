"""Text that acts on a tracker, a browser, a diagram or a terminal, and the reference story with it in every place."""

import json
from dataclasses import replace
from urllib.parse import quote

from inspector.session.model import Body, Exchange
from tests.tui.story import AUTHKIT, access_token, story

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "![x](https://evil.example/x.png) <img src=x onerror=alert(1)>",
    "link": "[click](javascript:alert(1)) https://evil.example www.evil.example <https://evil.example>",
    "mention": "@octocat and @org/team, octocat@example.com, warpdotdev/warp#1 #1 GH-1",
    "commit": "deadbeef deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "fence": "```\n\n# heading\n\n```mermaid\n~~~\n``` ````",
    "details": "</details></summary></code></pre><details open>",
    "table": "a | b \\| c |\n|---|---|",
    "mermaid": 'x;\nend\nclick C href "javascript:alert(1)" %%{init: {"securityLevel":"loose"}}%%',
    "terminal": "\x1b[31mred\x1b]8;;https://evil.example\x07link\x9b2J \u202eevil\u200b\u2066",
    "attribute": "\" onmouseover=alert(1) x='",
    "entity": "&lt;script&gt; &#64;octocat &amp;",
    "list": "- item\n1. item\n> quote\n===\n---\n    code",
    "cdata": "]]><!-- --> <?xml ?> \x00\x08\ufffe",
    "backticks": "` `` ``` ```` `",
    "shell": '\'; touch /tmp/pwned; $(touch /tmp/pwned) `touch /tmp/pwned` "$HOME" \\',
    "surrogate": "\ud800 half",
}


def hostile_story(text: str) -> list[Exchange]:
    """The story told by parties who put this text wherever they have a say."""
    exchanges = story()
    told = [text.encode(errors="replace").decode(), text]
    first, prm, _, metadata, register, authorize, token, last = exchanges
    hello = json.loads(first.request_body.data)
    hello["params"]["clientInfo"] = {"name": text, "version": text}
    published = json.loads(prm.response_body.data) | {
        "resource_name": text,
        "resource": f"http://localhost:3001/{told[0]}",
    }
    described = json.loads(metadata.response_body.data) | {
        "service_documentation": text,
        "issuer": f"{AUTHKIT}/{told[0]}",
    }
    registered = json.loads(register.request_body.data) | {"client_name": text, "scope": text}
    issued = json.loads(token.response_body.data) | {"access_token": access_token(told[0]), "scope": text, "x": text}
    header = told[0].encode().decode("latin-1")
    return [
        replace(first, request_body=_json(hello), reason=text),
        replace(prm, response_body=_json(published)),
        exchanges[2],
        replace(metadata, response_body=_json(described)),
        replace(register, request_body=_json(registered), response_body=_json(registered)),
        replace(authorize, url=f"{authorize.url}&scope={quote(told[0])}&x={told[0]}"),
        replace(token, response_body=_json(issued)),
        replace(
            last,
            response_headers=(("www-authenticate", f'Bearer error="invalid_token", error_description="{header}"'),),
            response_body=_json({"error": text, "error_description": text}),
            request_headers=(*last.request_headers, ("user-agent", header)),
        ),
        replace(last, id=9, method=text[:40] or "X", url=f"http://localhost:3001/mcp/{told[0]}", error=text),
    ]


def _json(document: object) -> Body:
    return Body.whole(json.dumps(document).encode())
