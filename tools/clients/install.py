"""Environments for the clients: one a column, built from locks with hashes, in the user's cache folder. Never ours.

Locks stand in `locks/COLUMN/`: `python.txt` (made from `python.in`) and, where there are packages of npm, `package-lock.json`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools.clients.client import Places

LOCKS: Final = Path(__file__).parent / "locks"
QUIET: Final = ("--quiet", "--disable-pip-version-check")
HASHED: Final = ("--require-hashes", "--only-binary", ":all:", "--no-deps")


class Uninstallable(Exception):
    """A column that cannot be installed here, and why."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "headworks" / "clients"


def installed(column: str) -> Places:
    """Where the column is. Installs it the first time. Raises Uninstallable."""
    lock = LOCKS / column
    read = [file.read_bytes() for file in sorted(lock.iterdir())]
    folder = cache() / f"{column}-{sha256(b''.join(read)).hexdigest()[:12]}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _python(lock, folder)
        if (lock / "package-lock.json").exists():
            _packages(lock, folder)
        (folder / "installed").touch()
    brought = next(folder.glob("node_modules/node-*/bin/node"), None)
    return Places(folder / "venv/bin/python", folder, str(brought or shutil.which("node") or "node"))


def _python(lock: Path, folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    python = str(folder / "venv/bin/python")
    _run([python, "-m", "pip", "install", *QUIET, *HASHED, "-r", str(lock / "python.txt")], folder)


def _packages(lock: Path, folder: Path) -> None:
    if shutil.which("npm") is None:
        raise Uninstallable("npm is not installed")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock / name, folder)
    # Not `npm ci`: it fails where a registry lacks the packages of other platforms, which are optional. Exact versions and
    # the lock's hashes hold all the same.
    _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], folder)


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Uninstallable(f"{command[0]}: {type(error).__name__}") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Uninstallable(f"{Path(command[0]).name} ended with {done.returncode}: {' '.join(last)[:200]}")


def version(column: str, package: str) -> str:
    """The version of a package, as the column's locks have it."""
    lock = LOCKS / column
    manifest = lock / "package.json"
    if manifest.exists() and (found := json.loads(manifest.read_text())["dependencies"].get(package)):
        return str(found)
    lines = (lock / "python.in").read_text().splitlines()
    pinned = {name.partition("[")[0]: number for name, _, number in (line.partition("==") for line in lines)}
    return pinned[package]
