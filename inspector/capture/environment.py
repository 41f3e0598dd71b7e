"""The environment variables that make a client use the proxy and trust its certificates, each with its reason."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

type Shell = Literal["posix", "fish", "powershell"]

CA_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CODEX_CA_CERTIFICATE")
"""Variables that name a file of trusted certificates."""

BROWSER_SHIM = "browser-of-the-client"
"""The stand-in that the variable BROWSER names; no command of the system is called so."""

_PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

_WHY = {
    "HTTP_PROXY": "Python, Rust, Bun and Node clients send http requests to this proxy; Rust looks at capitals first.",
    "http_proxy": "The same for undici (Node), which looks at small letters first, and for curl, which knows no other.",
    "HTTPS_PROXY": "The same for https.",
    "https_proxy": "The same for https, in the spelling that undici and curl look at first.",
    "ALL_PROXY": "For clients that have a single variable for every scheme.",
    "all_proxy": "The same in small letters.",
    "NO_PROXY": "Empty, or servers on localhost would be reached around the proxy.",
    "no_proxy": "Empty in both spellings, because clients differ in which one they read first.",
    "NODE_USE_ENV_PROXY": "Node 24 ignores the proxy variables without it; Node 20 ignores them always.",
    "NODE_EXTRA_CA_CERTS": "Node and Bun read further trusted certificates from here, at the start of the process.",
    "SSL_CERT_FILE": "OpenSSL, httpx, Go and Rust read all trusted certificates from here, so the system's are in it.",
    "REQUESTS_CA_BUNDLE": "The Python library requests reads its trusted certificates from here.",
    "CURL_CA_BUNDLE": "curl reads its trusted certificates from here, and not from SSL_CERT_FILE on every system.",
    "CODEX_CA_CERTIFICATE": "Codex reads its trusted certificates from here before SSL_CERT_FILE.",
    "PATH": "Commands that open a browser are found here first, so that the authorization request is seen.",
    "BROWSER": "The same for clients that look for the browser here.",
}


@dataclass(frozen=True, slots=True)
class ClientVariable:
    """One variable, and in one sentence who reads it."""

    name: str
    value: str
    why: str


def client_variables(
    proxy_url: str, ca_bundle: Path, base_env: Mapping[str, str], shim_dir: Path | None = None
) -> tuple[ClientVariable, ...]:
    """What is set on top of `base_env`; `shim_dir` holds stand-ins for the commands that open a browser."""
    values = dict.fromkeys(_PROXY_VARIABLES, proxy_url) | dict.fromkeys(CA_VARIABLES, str(ca_bundle))
    values |= {"NO_PROXY": "", "no_proxy": "", "NODE_USE_ENV_PROXY": "1"}
    if shim_dir is not None:
        values["PATH"] = os.pathsep.join(filter(None, (str(shim_dir), base_env.get("PATH"))))
        values["BROWSER"] = BROWSER_SHIM  # a bare name: clients split the value at spaces
    return tuple(ClientVariable(name, values[name], why) for name, why in _WHY.items() if name in values)


def client_environment(
    proxy_url: str, ca_bundle: Path, base_env: Mapping[str, str], shim_dir: Path | None = None
) -> dict[str, str]:
    """The whole environment of a client: `base_env` with the variables in it."""
    variables = client_variables(proxy_url, ca_bundle, base_env, shim_dir)
    return {**base_env, **{variable.name: variable.value for variable in variables}}


def as_shell(variables: Iterable[ClientVariable], shell: Shell = "posix") -> str:
    """The variables as commands of a shell, to be evaluated by it, each under its reason."""
    return "".join(f"# {each.why}\n{_assignment(each, shell)}\n" for each in variables)


def as_json(variables: Iterable[ClientVariable]) -> str:
    """The variables as one JSON object, as clients have it under `env` in their configuration."""
    return json.dumps({each.name: each.value for each in variables}, indent=2)


def _assignment(variable: ClientVariable, shell: Shell) -> str:
    match shell:
        case "posix":
            return f"export {variable.name}={shlex.quote(variable.value)}"
        case "fish":
            value = variable.value.replace("\\", "\\\\").replace("'", "\\'")
            return f"set -gx {variable.name} '{value}'"
        case "powershell":
            value = variable.value.replace("'", "''")
            return f"$env:{variable.name} = '{value}'"
