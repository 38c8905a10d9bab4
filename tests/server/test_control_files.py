"""How a running gateway is found: only while it lives, and by its own system file."""

from __future__ import annotations

import os
from pathlib import Path

from headworks.core.errors import Problem
from headworks.server.control_files import ControlFiles, Outcome


def outcome(begun_at: float) -> Outcome:
    return Outcome(begun_at=begun_at, is_reloaded=False, config="abc", problems=[Problem(problem="wrong", line=3)])


def test_a_lit_beacon_names_its_process_until_it_is_put_out(tmp_path: Path) -> None:
    mine, seen = (ControlFiles(tmp_path, tmp_path / "system.yaml") for _ in range(2))
    assert seen.pid() is None
    assert mine.publish_pid()
    assert seen.pid() == os.getpid()
    mine.withdraw_pid()
    assert seen.pid() is None
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_nobody_holds_is_no_process(tmp_path: Path) -> None:
    """Killed with -9: the file stays, and its number may be anybody's by now."""
    mine = ControlFiles(tmp_path, tmp_path / "system.yaml")
    assert mine.publish_pid()
    [file] = tmp_path.iterdir()
    content = file.read_bytes()
    mine.withdraw_pid()
    file.write_bytes(content)
    assert mine.pid() is None
    assert mine.publish_pid()


def test_one_gateway_a_file(tmp_path: Path) -> None:
    first, second, other = (ControlFiles(tmp_path, tmp_path / name) for name in ("a.yaml", "a.yaml", "b.yaml"))
    assert first.publish_pid()
    assert not second.publish_pid()
    assert other.publish_pid()
    second.withdraw_pid()
    assert first.pid() == os.getpid()


def test_an_outcome_is_that_of_a_reload_begun_since(tmp_path: Path) -> None:
    control_files = ControlFiles(tmp_path, tmp_path / "system.yaml")
    assert control_files.publish_pid()
    assert control_files.outcome(0.0) is None
    control_files.report(outcome(10.0))
    assert control_files.outcome(10.5) is None
    assert control_files.outcome(9.5) == outcome(10.0)


def test_who_has_not_lit_leaves_nothing(tmp_path: Path) -> None:
    ControlFiles(tmp_path, tmp_path / "system.yaml").report(outcome(1.0))
    assert list(tmp_path.iterdir()) == []


def test_its_files_are_its_owners_alone(tmp_path: Path) -> None:
    control_files = ControlFiles(tmp_path, tmp_path / "system.yaml")
    assert control_files.publish_pid()
    control_files.report(outcome(1.0))
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
