"""Clients and servers nobody here wrote, installed by the test run itself into a cache directory of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "acceptance"
NODE = "24"
FASTMCP = ("fastmcp==4.1.0",)
_TIMEOUT = 300
_OUT_OF_REACH = (
    *("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN"),
    *("E404", "ETARGET", "No matching distribution found"),
)
"""How npm and pip say that the package index does not answer or does not have a package; the rest fails the test."""


def npm_package(name: str, version: str) -> Path:
    """The installed package's directory. Skips the test where npm or the package index is missing."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, and this test drives a package from the npm registry")
    prefix = CACHE / f"{name}@{version}"
    package = prefix / "node_modules" / name
    if not (package / "package.json").exists():
        prefix.mkdir(parents=True, exist_ok=True)
        _install(
            [npm, "install", "--loglevel=error", "--no-audit", "--no-fund", "--prefix", ".", f"{name}@{version}"],
            prefix,
        )
    return package


def node() -> Path:
    """Node 24, which can be told to use proxy variables; Node 20 ignores them."""
    return npm_package("node", NODE) / "bin" / "node"


def entry_point(package: Path, command: str) -> Path:
    """The script behind a package's command."""
    manifest = json.loads((package / "package.json").read_text())
    return package / str(manifest["bin"][command])


def python_environment(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of a virtual environment that holds these and nothing of ours. Skips where there is no index."""
    directory = CACHE / name
    python, installed, wanted = directory / "bin" / "python", directory / "installed.txt", "\n".join(requirements)
    if not installed.exists() or installed.read_text() != wanted:
        directory.mkdir(parents=True, exist_ok=True)
        _install([sys.executable, "-m", "venv", "--clear", "."], directory)
        _install([str(python), "-m", "pip", "install", "--quiet", "--no-compile", *requirements], directory)
        installed.write_text(wanted)
    return python


def _install(command: Sequence[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode == 0:
        return
    if any(sign in done.stderr for sign in _OUT_OF_REACH):
        pytest.skip(f"the package index is out of reach, and this test needs {command[-1]}: {done.stderr}")
    pytest.fail(f"{command[-1]} could not be installed: {done.stderr}")
