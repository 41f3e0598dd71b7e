"""A browser for authorization servers that ask nothing: follows redirects until one leads to the client, or nowhere.

Names under .test are this machine, as a hosts file would have it. As a program, for xdg-open: the URL is the argument.
"""

import os
import sys
import time
from urllib.parse import urlsplit

import httpx

CA_VARIABLE = "TEST_NAMES_CA"
"""Environment variable with the file of the CA that such names are signed by."""


def visit(url: str) -> httpx.Response:
    """What is at a URL."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    with httpx.Client(trust_env=False, timeout=30, verify=_trust()) as http:
        if not name.endswith(".test"):
            return http.get(url)
        here = parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl()
        return http.get(here, headers={"Host": parts.netloc}, extensions={"sni_hostname": name})


def _trust() -> "str | bool":
    return os.environ.get(CA_VARIABLE) or True


def main(url: str) -> None:
    """Go on until nobody sends us on, on our own: nobody waits for a browser or reads what it prints."""
    if os.fork():
        return
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream.fileno())
    give_up = time.monotonic() + 30
    while url and time.monotonic() < give_up:
        try:
            url = visit(url).headers.get("location", "")
        except httpx.ConnectError:
            time.sleep(0.05)  # the client begins to listen for the callback after it has opened the browser


if __name__ == "__main__":
    main(sys.argv[1])
