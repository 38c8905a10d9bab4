"""Others on the same machine: what they find in our folders and our processes, and what they cannot slip in."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from tests.e2e.running import SCRIPT, free_port, up
from tests.e2e.test_workers import HEADERS, KEY, asked, children, system, until

SECRETS = {"WEB_KEY": KEY, "OTHER_SECRET": "other-secret-0123456789"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
    pytest.mark.skipif(not Path(SCRIPT[0]).exists(), reason="needs the installed command"),
]


def test_children_inherit_no_secret_and_run_nothing_that_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n")
    text = system(free_port()).replace(f"key: {KEY}", 'key: "${env:WEB_KEY}"').replace("workers: 3", "workers: 2")
    with up(tmp_path, text, command=SCRIPT, umask=0, **SECRETS) as running:
        assert asyncio.run(asked(running, 4)) == [200] * 4, (HEADERS, running.said().decode())
        until(lambda: any("ledger.child" in command for command in children(running.process.pid).values()))
        found = children(running.process.pid)
        assert sum("cli.worker" in command for command in found.values()) == 2
        for pid, command in found.items():
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            for name, value in SECRETS.items():
                assert name.encode() not in environment, command
                assert value.encode() not in environment, command
                assert value not in command
        assert not (tmp_path / "was-run").exists()
        [journal] = tmp_path.rglob("journal")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.parent.iterdir()}
        assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
        assert modes["journal"] == 0o700
        assert {mode & 0o077 for mode in modes.values()} == {0}, modes


def test_a_folder_that_is_open_to_others_is_left_so_and_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / ".headworks"
    folder.mkdir()
    folder.chmod(0o755)
    text = 'providers: {sim: {dialect: simulated}}\nmodels: {a: sim}\nserver: {listen: "127.0.0.1:PORT"}\n'
    with up(tmp_path, text) as running:
        pass
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert f"chmod 700 {folder}" in running.said().decode()
