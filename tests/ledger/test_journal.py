"""The journal: what was appended is there, whatever is killed or full."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import ConfigError
from headworks.core.record import Record
from headworks.ledger.journal import MOST_BACKLOG, Journal, MemoryJournal
from headworks.ledger.lines import is_final
from tests.children import running


def record(number: int) -> Record:
    return Record(
        request_id=f"req_{number}",
        at=1.0,
        arrived_at=1.0,
        operation="chat",
        model="assistant",
        status=200,
        outcome="ok",
        config="c",
    )


def written(path: Path) -> list[str]:
    return [msgspec.json.decode(line, type=Record).request_id for line in path.read_bytes().splitlines()]


def test_a_record_is_a_line_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", started_at=5.0, sync=1.0)
    journal.append(record(1))
    journal.append(record(2))
    assert written(journal.path) == ["req_1", "req_2"]
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    journal.close()


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, '.');"
        "from tests.ledger.test_journal import record; from headworks.ledger.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), started_at=1.0, sync=1.0)\n"
        "for number in range(10**9):\n"
        "    journal.append(record(number)); print(number, flush=True)\n"
    )
    with running([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(200)]
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().splitlines()[:-1]]
    [file] = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: content.rfind(b"\n") + 1])  # the last line may be torn: nobody had it acknowledged
    assert {f"req_{number}" for number in acknowledged} <= set(written(file))


def test_a_full_disk_costs_no_call_and_what_waited_is_written_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path, started_at=1.0, sync=1.0)
    journal.append(record(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the file's size is the nearest thing to a full disk that needs no disk: a write is cut short, then fails.
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 40, hard))
    try:
        for number in range(1, 50):
            journal.append(record(number))
        assert journal.backlog > 0
        assert not journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert journal.flush()
    assert journal.backlog == journal.lost == 0
    journal.append(record(50))
    journal.close()
    assert written(journal.path) == [f"req_{number}" for number in range(51)]


def test_the_backlog_is_bounded_and_what_it_cannot_hold_is_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path, started_at=1.0, sync=1.0)
    os.close(journal._file)
    journal._file = os.open("/dev/full", os.O_WRONLY)
    large = msgspec.structs.replace(record(1), user="u" * (MOST_BACKLOG // 4))
    for _ in range(6):
        journal.append(large)
    assert journal.backlog <= MOST_BACKLOG
    assert journal.lost == 3
    os.close(journal._file)


def test_a_full_disk_is_said_once_and_that_it_takes_records_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def events() -> list[str]:
        return [record.__dict__["fields"]["event"] for record in caplog.records]

    async def run() -> None:
        journal = Journal(tmp_path, started_at=1.0, sync=0.001)
        file, journal._file = journal._file, os.open("/dev/full", os.O_WRONLY)
        journal.append(record(1))
        syncing = asyncio.create_task(journal.keep_synced())
        async with asyncio.timeout(30):
            while "journal_full" not in events():
                await asyncio.sleep(0.001)
        for _ in range(10):  # it is tried at each of these
            await asyncio.sleep(0.002)
        os.close(journal._file)
        journal._file = file
        async with asyncio.timeout(30):
            while journal.backlog:
                await asyncio.sleep(0.001)
        syncing.cancel()
        await asyncio.wait([syncing])
        journal.close()

    asyncio.run(run())
    assert [event for event in events() if "forced" not in event] == ["journal_full", "journal_back"]
    assert events().count("journal_unforced") <= 1


def test_two_starts_never_share_a_file(tmp_path: Path) -> None:
    first = Journal(tmp_path, started_at=1.0, sync=1.0)
    second = Journal(tmp_path, started_at=2.0, sync=1.0)
    assert first.path != second.path
    first.close()
    second.close()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"log\.journal.*cannot be written"):
        Journal(tmp_path / "file" / "journal", started_at=1.0, sync=1.0)


def test_the_file_is_forced_to_the_disk_off_the_loop(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, started_at=1.0, sync=0.001)
        syncing = asyncio.create_task(journal.keep_synced())
        journal.append(record(1))
        async with asyncio.timeout(30):
            while journal._is_dirty:
                await asyncio.sleep(0.001)
        syncing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await syncing
        journal.close()

    asyncio.run(run())


@pytest.mark.parametrize("is_whole_folder", [True, False])
def test_a_file_that_was_removed_is_written_again(tmp_path: Path, is_whole_folder: bool) -> None:
    async def run() -> None:
        folder = tmp_path / "journal"
        journal = Journal(folder, started_at=1.0, sync=0.001)
        journal.append(record(1))
        first = journal.path
        shutil.rmtree(folder) if is_whole_folder else first.unlink()
        journal.append(record(2))
        syncing = asyncio.create_task(journal.keep_synced())
        async with asyncio.timeout(30):
            while journal.path == first or len(written(journal.path)) < 2:
                await asyncio.sleep(0.001)
        journal.append(record(3))
        assert sorted(written(journal.path)) == ["req_1", "req_2", "req_3"]
        assert not is_final_at(journal.path)  # still locked: nobody takes it for complete
        syncing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await syncing
        journal.close()

    asyncio.run(run())


def test_a_record_after_the_close_is_written_into_nobody_elses_file_and_said_to_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    journal.close()
    with (tmp_path / "other").open("w"):  # has the number that the journal had
        journal.append(record(1))
    assert (tmp_path / "other").read_bytes() == b""
    assert (journal.backlog, journal.lost) == (0, 1)
    assert "it is missing" in caplog.records[-1].getMessage()


def test_the_memory_journal_keeps_the_same_lines() -> None:
    journal = MemoryJournal()
    journal.append(record(1))
    assert [msgspec.json.decode(line, type=Record) for line in journal.lines().splitlines()] == [record(1)]


def test_a_full_file_is_followed_by_another_and_every_record_is_in_one(tmp_path: Path) -> None:
    size = len(msgspec.json.encode(record(10))) + 1
    journal = Journal(tmp_path, started_at=1.0, sync=1.0, rotated_at=3 * size)
    for number in range(10, 20):
        journal.append(record(number))
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert [len(written(file)) for file in files] == [3, 3, 3, 1]
    assert [one for file in files for one in written(file)] == [f"req_{number}" for number in range(10, 20)]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_file_is_final_when_its_writer_has_left_it(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, started_at=1.0, sync=0.001, rotated_at=1)
        journal.append(record(1))
        journal.append(record(2))
        syncing = asyncio.create_task(journal.keep_synced())
        async with asyncio.timeout(30):
            while finals(tmp_path) != [True, True, False]:
                await asyncio.sleep(0.001)
        syncing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await syncing
        journal.close()
        # A forcing to the disk that was cancelled holds the closed file until it is done.
        async with asyncio.timeout(30):
            while finals(tmp_path) != [True, True, True]:
                await asyncio.sleep(0.001)

    asyncio.run(run())


def finals(folder: Path) -> list[bool]:
    return [is_final_at(path) for path in sorted(folder.iterdir())]


def is_final_at(path: Path) -> bool:
    with path.open("rb") as file:
        return is_final(file.fileno())


def test_where_no_new_file_can_be_made_the_old_one_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = Journal(folder, started_at=1.0, sync=1.0, rotated_at=100)
    journal.append(record(1))
    old = journal.path
    folder.rename(tmp_path / "moved")
    journal.append(record(2))
    (tmp_path / "moved").rename(folder)
    assert written(old) == ["req_1", "req_2"]
    for number in range(3, 5):
        journal.append(record(number))
    journal.close()
    assert [one for file in sorted(folder.iterdir()) for one in written(file)] == [f"req_{n}" for n in range(1, 5)]
    assert len(list(folder.iterdir())) > 1
