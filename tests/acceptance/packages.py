"""Clients nobody here wrote, installed by the test run itself into a cache directory of its own."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "acceptance"
NODE = "24"
_TIMEOUT = 300


def npm_package(name: str, version: str) -> Path:
    """The installed package's directory. Skips the test where npm or the package index is missing."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, and this test drives a client from the npm registry")
    prefix = CACHE / f"{name}@{version}"
    package = prefix / "node_modules" / name
    if not (package / "package.json").exists():
        prefix.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(prefix), f"{name}@{version}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install {name}@{version}, so the package index is out of reach: {done.stderr}")
    return package


def node() -> Path:
    """Node 24, which can be told to use proxy variables; Node 20 ignores them."""
    return npm_package("node", NODE) / "bin" / "node"


def entry_point(package: Path, command: str) -> Path:
    """The script behind a package's command."""
    manifest = json.loads((package / "package.json").read_text())
    return package / str(manifest["bin"][command])
