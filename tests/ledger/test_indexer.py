"""The indexer: every record of the journal is in the store once, whatever happens meanwhile."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.lines import CHUNK
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt, StoreTrouble
from tests.children import running
from tests.ledger.records import ids, journal, line, record, stored

ROOT = Path(__file__).parent.parent.parent


def indexer(folder: Path, at: StoreAt, **options: float) -> Indexer:
    return Indexer(folder / "journal", at, **options)


def test_a_live_file_is_followed_and_each_record_is_there_once(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    index = indexer(tmp_path, at)
    for number in range(5):
        written.append(record(number))
        index.catch_up()
        assert stored(at) == ids(*range(number + 1))
    index.catch_up()
    assert stored(at) == ids(*range(5))
    assert (index.indexed, index.behind, index.skipped) == (5, 0, 0)
    assert written.path.exists()
    written.close()
    index.catch_up()
    assert not written.path.exists()
    assert stored(at) == ids(*range(5))


def test_only_the_owner_can_read_the_store(tmp_path: Path) -> None:
    journal(tmp_path / "journal", record(1))
    index = indexer(tmp_path, SqliteAt(tmp_path / "ledger.db"))
    index.catch_up()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("ledger.db*")} == {0o600}
    index.close()


def test_a_torn_last_line_is_skipped_and_counted_and_the_file_goes(tmp_path: Path, at: StoreAt) -> None:
    path = journal(tmp_path / "journal", record(1))
    with path.open("ab") as file:
        file.write(line(record(2))[:-20])
    index = indexer(tmp_path, at)
    index.catch_up()
    assert (index.indexed, index.skipped) == (1, 1)
    assert stored(at) == ids(1)
    assert not path.exists()


def test_the_begin_of_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    whole = line(record(1))
    os.write(written._file, whole[:50])
    index = indexer(tmp_path, at)
    index.catch_up()
    assert (index.indexed, index.skipped, index.behind) == (0, 0, 50)
    os.write(written._file, whole[50:])
    index.catch_up()
    assert (index.indexed, index.skipped, index.behind) == (1, 0, 0)
    written.close()


@pytest.mark.parametrize(
    "garbage",
    [b"\n", b"{}\n", b"\0" * 4096 + b"\n", b'{"request_id": "req_1"\n', b"\xff\xfe\n", b"[" * 9000 + b"\n", b"1e999\n"],
)
def test_a_garbled_line_in_the_middle_stops_nothing(tmp_path: Path, at: StoreAt, garbage: bytes) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "1-1-0000.jsonl").write_bytes(line(record(1)) + garbage + line(record(2)))
    index = indexer(tmp_path, at)
    index.catch_up()
    assert (index.indexed, index.skipped) == (2, 1)
    assert stored(at) == ids(1, 2)


def test_a_line_longer_than_any_record_stops_nothing_and_memory_stays_bounded(tmp_path: Path, at: StoreAt) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "1-1-0000.jsonl").write_bytes(line(record(1)) + b"x" * (3 * CHUNK) + b"\n" + line(record(2)))
    index = indexer(tmp_path, at)
    index.catch_up()
    assert stored(at) == ids(1, 2)
    assert index.skipped >= 1


@pytest.mark.parametrize("instant", [-1.0, 1e300, 9.9e9])
def test_a_record_whose_clock_is_out_of_bounds_is_skipped(tmp_path: Path, at: StoreAt, instant: float) -> None:
    journal(tmp_path / "journal", record(1), record(2, at=instant))
    index = indexer(tmp_path, at)
    index.catch_up()
    assert (index.indexed, index.skipped) == (1, 1)


def test_many_chunks_are_indexed_whole(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", *(record(number, user="u" * 3000) for number in range(1200)))
    index = indexer(tmp_path, at)
    index.catch_up()
    assert stored(at) == ids(*range(1200))


def test_calls_of_one_microsecond_are_all_kept(tmp_path: Path, at: StoreAt) -> None:
    alike = [record(number, at=1795305600.0) for number in range(300)]
    assert len({one.request_id for one in alike}) == 300
    journal(tmp_path / "journal", *alike)
    indexer(tmp_path, at).catch_up()
    assert sorted(stored(at)) == ids(*range(300))


def test_calls_of_one_microsecond_whose_ids_begin_alike_are_all_kept(tmp_path: Path, at: StoreAt) -> None:
    """The store knows 12 bits of an id's chance: two calls at once share them now and then."""
    names = [f"req_01a2049ffc00abc{number:017x}" for number in range(5)]
    journal(tmp_path / "journal", *(record(1, request_id=name) for name in names))
    indexer(tmp_path, at).catch_up()
    assert sorted(stored(at)) == names


def test_the_same_lines_in_a_second_file_are_not_doubled(tmp_path: Path, at: StoreAt) -> None:
    """As after a copy of the journal's folder was put back."""
    alike = [record(number, at=1795305600.0 + number // 4) for number in range(40)]
    journal(tmp_path / "journal", *alike)
    indexer(tmp_path, at).catch_up()
    journal(tmp_path / "journal", *alike, started_at=2.0)
    indexer(tmp_path, at).catch_up()
    assert sorted(stored(at)) == ids(*range(40))


def test_two_indexers_at_once_index_every_record_once(tmp_path: Path, at: StoreAt, url: str) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    for number in range(500):
        written.append(record(number))
    script = (
        "import sys; from pathlib import Path; from headworks.ledger.indexer import Indexer\n"
        "from headworks.ledger.store_url import store_at\n"
        "folder = Path(sys.argv[1])\n"
        "Indexer(folder / 'journal', store_at(sys.argv[2], folder), lock_timeout=20).catch_up()\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), url], cwd=ROOT) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]  # which also made the store: nobody clashed
    assert stored(at) == ids(*range(500))
    written.close()


def test_kill_9_of_the_indexer_at_any_instant_loses_and_doubles_nothing(tmp_path: Path, at: StoreAt, url: str) -> None:
    count = 1800 if at.is_shared else 6000
    third = count // 3
    for start in range(0, count, third):
        journal(tmp_path / "journal", *(record(n) for n in range(start, start + third)), started_at=float(start))
    script = (
        "import signal, sys; from pathlib import Path; from headworks.ledger import lines\n"
        "from headworks.ledger.indexer import Indexer\n"
        "from headworks.ledger.store_url import store_at\n"
        "lines.CHUNK = 20_000\n"
        # SIGPROF ends it as SIGKILL does, after so much of the processor: no pause of the machine gives it the time to end.
        "signal.setitimer(signal.ITIMER_PROF, float(sys.argv[3]))\n"
        "folder = Path(sys.argv[1])\n"
        "Indexer(folder / 'journal', store_at(sys.argv[2], folder), lock_timeout=20).catch_up()\n"
    )
    rng = random.Random(3)
    ended: int | None = None
    kills = 0
    for _ in range(40):
        # Longer each time: a fast processor is killed more than once, and a slow one ends.
        seconds = 0.008 * 1.5**kills * (0.5 + rng.random())
        command = [sys.executable, "-c", script, str(tmp_path), url, f"{seconds:f}"]
        with running(command, cwd=ROOT) as child:
            ended = child.wait()
        if ended == 0:
            break
        kills += 1
    assert ended == 0
    assert kills >= 3
    assert stored(at) == ids(*range(count))
    assert list((tmp_path / "journal").glob("*.jsonl")) == []


def test_a_locked_store_is_said_and_then_nothing_is_missing(tmp_path: Path) -> None:
    journal(tmp_path / "journal", record(1), record(2))
    SqliteAt(tmp_path / "ledger.db").open().close()
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    index = indexer(tmp_path, SqliteAt(tmp_path / "ledger.db"), lock_timeout=0.0)
    with pytest.raises(StoreTrouble, match="another process holds its lock"):
        index.catch_up()
    assert index.behind > 0
    other.execute("ROLLBACK")
    other.close()
    index.catch_up()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1, 2)


def test_a_store_that_was_deleted_is_made_anew_from_what_the_journal_has(tmp_path: Path) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.append(record(1))
    index = indexer(tmp_path, SqliteAt(tmp_path / "ledger.db"))
    index.catch_up()
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    written.append(record(2))
    index.catch_up()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1, 2)
    written.close()


def test_a_store_whose_folder_is_gone_is_said_and_then_nothing_is_missing(tmp_path: Path) -> None:
    journal(tmp_path / "journal", record(1))
    away = tmp_path / "away"
    away.write_text("in the way")
    index = Indexer(tmp_path / "journal", SqliteAt(away / "ledger.db"))
    with pytest.raises(StoreTrouble, match="does not work"):
        index.catch_up()
    away.unlink()
    index.catch_up()
    assert stored(SqliteAt(away / "ledger.db")) == ids(1)


def test_a_file_that_is_no_store_is_said_and_left_alone(tmp_path: Path) -> None:
    path = journal(tmp_path / "journal", record(1))
    (tmp_path / "ledger.db").write_bytes(b"precious" * 1000)
    with pytest.raises(StoreTrouble, match="not a database"):
        indexer(tmp_path, SqliteAt(tmp_path / "ledger.db")).catch_up()
    assert (tmp_path / "ledger.db").read_bytes() == b"precious" * 1000
    assert path.exists()


def test_a_read_only_store_is_said_and_costs_no_record(tmp_path: Path) -> None:
    """The child gives up root, whom no mode stops."""
    journal(tmp_path / "journal", record(1))
    SqliteAt(tmp_path / "ledger.db").open().close()
    script = (
        "import os, sys; from pathlib import Path; from headworks.ledger.indexer import Indexer\n"
        "from headworks.ledger.sqlite import SqliteAt; from headworks.ledger.store import StoreTrouble\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: Indexer(Path('journal'), SqliteAt(Path('ledger.db'))).catch_up()\n"
        "except StoreTrouble as trouble: print(trouble)\n"
    )
    (tmp_path / "ledger.db").chmod(0o444)
    for folder in (tmp_path, tmp_path / "journal"):
        folder.chmod(0o555)
    (tmp_path / "journal").chmod(0o555)
    for file in (tmp_path / "journal").iterdir():
        file.chmod(0o444)
    child = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    for folder in (tmp_path, tmp_path / "journal"):
        folder.chmod(0o755)
    (tmp_path / "ledger.db").chmod(0o600)
    assert "does not work" in child.stdout, child.stderr
    indexer(tmp_path, SqliteAt(tmp_path / "ledger.db")).catch_up()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1)


def test_a_full_disk_is_said_and_then_nothing_is_missing(tmp_path: Path) -> None:
    journal(tmp_path / "journal", *(record(number) for number in range(2000)))
    SqliteAt(tmp_path / "ledger.db").open().close()
    index = indexer(tmp_path, SqliteAt(tmp_path / "ledger.db"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(StoreTrouble, match="does not work"):
            index.catch_up()
        assert list((tmp_path / "journal").iterdir())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    index.catch_up()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(*range(2000))


def test_nothing_is_removed_while_the_store_that_has_it_is_not_there(tmp_path: Path) -> None:
    path = journal(tmp_path / "journal", record(1))
    index = indexer(tmp_path, SqliteAt(tmp_path / "ledger.db"))
    store = index.store()
    (tmp_path / "ledger.db").unlink()
    index._remove(store, path)
    assert path.exists()
    index.catch_up()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1)


def test_two_machines_whose_journals_have_the_same_names_share_a_store(tmp_path: Path, at: StoreAt) -> None:
    """As two containers do, which are both process 7. A file of SQLite belongs to one machine."""
    if not at.is_shared:
        pytest.skip("no shared store")
    for number, folder in enumerate(("one", "other")):
        journal(tmp_path / folder / "journal", record(2 * number), record(2 * number + 1))
        indexer(tmp_path / folder, at).catch_up()
    assert stored(at) == ids(0, 1, 2, 3)
