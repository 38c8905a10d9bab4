"""What keeps `headworks up` from starting: another gateway that counts there, or another ledger than before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN, HOLDS
from headworks.cli.main import run
from headworks.gateway.lock import LOCK
from headworks.ledger.identity import Identity, identity, note, noted
from headworks.ledger.lock import FileLock
from headworks.ledger.sqlite import SqliteAt
from tests.e2e.running import free_port

SYSTEM = """
providers: {sim: {dialect: simulated}}
models: {assistant: sim}
keys: {web: {key: web-key-0123456789abcdef}}
server: {listen: "127.0.0.1:PORT", workers: 1}
state: memory
log: {journal: journal, store: "sqlite:///ledger.db"}
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    file = tmp_path / "system.yaml"
    file.write_text(SYSTEM.replace("PORT", str(free_port())))
    return file


@pytest.mark.parametrize("lock", [f"journal/{LOCK}", "ledger.db.lock"])
@pytest.mark.parametrize("workers", [1, 2])
def test_who_comes_second_ends_with_3_and_says_who_is_there_and_what_to_do(
    system: Path, lock: str, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if workers > 1:
        text = system.read_text().replace("workers: 1", "workers: 2").replace("state: memory", "state: embedded")
        system.write_text(text)
    claim = FileLock(system.parent / lock)
    assert claim.acquire("headworks, process 4242 on web-1, /srv/other.yaml", shared=False) is None
    assert run(["up", str(system)]) == COULD_NOT_RUN
    claim.release()
    said = capsys.readouterr().err
    assert "is in use by headworks, process 4242 on web-1, /srv/other.yaml" in said
    assert "`log: {store: ..., journal: ...}`" in said
    assert "`state: redis://...`" in said


def test_a_log_for_machines_says_it_too(system: Path, caplog: pytest.LogCaptureFixture) -> None:
    system.write_text(system.read_text().replace("log: {", "log: {format: json, "))
    claim = FileLock(system.parent / "ledger.db.lock")
    assert claim.acquire("somebody", shared=False) is None
    assert run(["up", str(system)]) == COULD_NOT_RUN
    claim.release()
    [said] = [one for one in caplog.records if getattr(one, "fields", {}).get("event") == "not_started"]
    assert "ledger.db is in use by somebody" in said.getMessage()
    assert not [one for one in caplog.records if one.name == "headworks.hold"]


def test_a_key_that_is_changed_while_nothing_serves_is_noted(system: Path) -> None:
    """Or the copy from before the change would be taken for the newest."""
    journal, at = system.parent / "journal", SqliteAt(system.parent / "ledger.db")
    assert run(["keys", "revoke", "web", str(system)]) == HOLDS
    first = noted(journal)
    assert first is not None
    assert first.changes == 1
    assert run(["keys", "revoke", "web", "--undo", str(system)]) == HOLDS
    assert noted(journal) == Identity(first.id, 2)
    assert run(["keys", "list", str(system)]) == HOLDS
    assert noted(journal) == Identity(first.id, 2)
    with closing(at.open()) as store:
        assert identity(store) == noted(journal)


def test_a_user_who_is_purged_while_nothing_serves_is_noted_too(system: Path) -> None:
    """In a copy from before it is no one."""
    assert run(["logs", "purge", "--user", "ann", "--yes", str(system)]) == HOLDS
    known = noted(system.parent / "journal")
    assert known is not None
    assert known.changes == 1


def test_keys_of_another_ledger_are_warned_of_and_do_not_pass_for_the_right_ones(
    system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = system.parent / "journal"
    with closing(SqliteAt(system.parent / "other.db").open()) as store:
        known = note(journal, store)
    assert run(["keys", "revoke", "web", str(system)]) == HOLDS
    assert "is not the ledger that `headworks up` used last: it is another store" in capsys.readouterr().err
    assert noted(journal) == known
