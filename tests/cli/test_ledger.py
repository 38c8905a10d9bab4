"""`headworks ledger`: what a user sees of a backup, and how each command ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.main import run
from headworks.ledger.erasure import purge_user
from headworks.ledger.identity import departure, identity, note, noted
from headworks.ledger.journal import Journal
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.sqlite import SqliteAt
from tests.ledger.records import ids, journal, record, stored

SYSTEM = """
providers: {vendor: {dialect: openai, base_url: "https://api.example.com/v1", api_key: "${env:NOT_SET_ANYWHERE}"}}
models: {assistant: vendor/gpt}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    file = tmp_path / "system.yaml"
    file.write_text(SYSTEM)
    return file


def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "system.yaml"
    file.write_text(SYSTEM)
    return file


def test_a_backup_is_made_verified_and_restored_elsewhere(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)  # a gateway serves
    for number in range(3):
        written.append(record(number))
    target = tmp_path / "backup"
    assert run(["ledger", "backup", str(target), str(system)]) == HOLDS
    said = capsys.readouterr().out
    assert "3 records only in the journal, $0.000003" in said
    assert run(["ledger", "verify", str(target)]) == HOLDS
    assert capsys.readouterr().out == said
    there = elsewhere(tmp_path)
    assert run(["ledger", "restore", str(target), str(there)]) == HOLDS
    assert "3 calls and 0 keys are now in" in capsys.readouterr().out
    assert stored(SqliteAt(there.parent / "ledger.db")) == ids(0, 1, 2)
    assert run(["ledger", "restore", str(target), str(there)]) == COULD_NOT_RUN
    assert "--overwrite" in capsys.readouterr().err
    assert run(["ledger", "restore", "--overwrite", str(target), str(there)]) == HOLDS
    assert run(["ledger", "restore", "--overwrite", str(target), str(system)]) == COULD_NOT_RUN
    assert "a gateway writes the journal" in capsys.readouterr().err
    written.close()


def test_verify_ends_with_1_where_it_is_not_whole_and_restore_changes_nothing(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal(tmp_path / "journal", record(1))
    target = tmp_path / "backup"
    assert run(["ledger", "backup", "--json", str(target), str(system)]) == HOLDS
    assert json.loads(capsys.readouterr().out)["contents"]["waiting"] == 1
    target.write_bytes(target.read_bytes()[:-20])
    assert run(["ledger", "verify", str(target)]) == FAILS
    assert "cut off" in capsys.readouterr().err
    there = elsewhere(tmp_path)
    assert run(["ledger", "restore", str(target), str(there)]) == COULD_NOT_RUN
    assert "nothing was changed" in capsys.readouterr().err
    assert not (there.parent / "ledger.db").exists()
    target.write_text("what is this?")
    assert run(["ledger", "verify", str(target)]) == FAILS
    assert run(["ledger", "verify", str(tmp_path / "nowhere")]) == COULD_NOT_RUN


def test_a_backup_is_not_overwritten_and_needs_a_ledger(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup"
    assert run(["ledger", "backup", str(target), str(system)]) == COULD_NOT_RUN
    assert "no ledger yet" in capsys.readouterr().err
    assert not (tmp_path / "ledger.db").exists()
    journal(tmp_path / "journal", record(1))
    target.write_text("mine")
    assert run(["ledger", "backup", str(target), str(system)]) == COULD_NOT_RUN
    assert "already exists" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_a_restore_says_which_keys_were_revoked_since_and_that_up_will_not_start(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at, folder = SqliteAt(tmp_path / "ledger.db"), tmp_path / "journal"
    store = at.open()
    keys = Keys(store)
    keys.put("key", "web", Entry(digest="00" * 32), None)
    note(folder, store)
    assert run(["ledger", "backup", str(tmp_path / "backup"), str(system)]) == HOLDS
    keys.put("key", "web", Entry(digest="00" * 32, revoked_at=2.0), keys.row("key", "web"))
    keys.put("key", "later", Entry(digest="11" * 32, revoked_at=2.0), None)  # not in the backup at all
    keys.put("revoked", "filed", Entry(revoked_at=2.0), None)
    purge_user(store, "ann", 2.0)
    note(folder, store)
    assert run(["ledger", "restore", "--overwrite", str(tmp_path / "backup"), str(system)]) == HOLDS
    said = capsys.readouterr().err
    assert "these keys were revoked and are valid again: filed, web;" in said
    assert "1 user who was purged may be back" in said
    assert "it is an older copy" in said
    assert "--new-ledger" in said
    assert departure(identity(store), noted(folder))  # `up` ends with exit 3
    store.close()
