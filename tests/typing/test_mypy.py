"""The files of this folder are for type checkers: an `ignore` in them that is not needed is an error too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def test_a_users_editor_knows_what_comes_back() -> None:
    files = [str(file) for file in sorted(HERE.glob("*.py")) if not file.name.startswith("test_")]
    assert files
    command = [sys.executable, "-m", "mypy", "--strict", *files]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
