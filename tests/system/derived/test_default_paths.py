"""Where the record of a system is kept when its file does not say: two files of a folder share only what both name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import headworks
from headworks.cli.exit_codes import HOLDS
from headworks.cli.ledger_location import ledger_of_file
from headworks.cli.main import run
from headworks.cli.reload import journal
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.sqlite import SqliteAt
from headworks.system.derived.default_paths import pin_default_folder
from headworks.system.load import Loaded, load, read
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import compose
from tests.ledger.records import ids, record, stored
from tests.ledger.test_opened import opened

TEXT = "providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}}}\nmodels: {a: sim/x}\n"


def file(folder: Path, name: str, more: str = "") -> Path:
    path = folder / name
    path.write_text(TEXT + more)
    return path


def kept(loaded: Loaded) -> tuple[str, str]:
    return loaded.system.log.store.reveal().removeprefix("sqlite:///"), loaded.system.log.journal


def places(folder: Path, name: str, more: str = "") -> tuple[str, str]:
    return kept(load(file(folder, name, more), {}))


OWN = ".headworks/systems/b.yaml"


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("headworks.yaml", "", (".headworks/ledger.db", ".headworks/journal")),
        ("b.yaml", "", (f"{OWN}/ledger.db", f"{OWN}/journal")),
        ("b.yaml", "log: {sync: 2s}", (f"{OWN}/ledger.db", f"{OWN}/journal")),
        ("b.yaml", "log: {store: 'sqlite:///x.db'}", ("x.db", f"{OWN}/journal")),
        ("b.yaml", "log: {journal: j}", (f"{OWN}/ledger.db", "j")),
        (
            "b.yaml",
            "log: {store: 'sqlite:///.headworks/ledger.db', journal: .headworks/journal}",
            (".headworks/ledger.db", ".headworks/journal"),
        ),
    ],
)
def test_a_file_has_the_places_that_it_names_and_others_of_its_own(
    tmp_path: Path, name: str, more: str, expected: tuple[str, str]
) -> None:
    assert places(tmp_path, name, more) == expected


def test_a_text_without_a_file_and_the_starter_keep_the_usual_place(tmp_path: Path) -> None:
    assert kept(read(TEXT.encode(), file="text", folder=tmp_path, env={}))[1] == ".headworks/journal"


def test_two_files_of_one_folder_share_neither_ledger_nor_journal_nor_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = file(tmp_path, "a.yaml"), file(tmp_path, "b.yaml")

    async def ask(path: Path) -> None:
        async with headworks.open(path) as system:
            await system.chat(model="a", messages=[{"role": "user", "content": "hi"}], max_tokens=1)

    asyncio.run(ask(one))
    assert run(["logs", "--json", str(one)]) == HOLDS
    assert capsys.readouterr().out.count("\n") == 1
    assert run(["logs", "--json", str(other)]) == HOLDS
    assert capsys.readouterr().out == ""
    assert run(["keys", "create", "first", "--yes", str(other)]) == HOLDS
    capsys.readouterr()
    assert run(["keys", "list", str(one)]) == HOLDS
    assert "anyone on this machine may call" in capsys.readouterr().out
    assert [ledger_of_file(path).journal.parent.name for path in (one, other)] == ["a.yaml", "b.yaml"]


def test_reload_looks_for_the_gateway_where_it_is(tmp_path: Path) -> None:
    for name, more, expected in (
        ("headworks.yaml", "", ".headworks/journal"),
        ("b.yaml", "", f"{OWN}/journal"),
        ("b.yaml", "log: {journal: j}", "j"),
    ):
        path = file(tmp_path, name, more)
        tree = compose(path.read_bytes(), Findings(name))
        assert tree is not None
        assert journal(tree, path) == expected


def test_the_digest_of_a_system_does_not_change_with_its_name(tmp_path: Path) -> None:
    digests = {load(file(tmp_path, name), {}).system.digest for name in ("headworks.yaml", "b.yaml")}
    assert digests == {read(TEXT.encode(), file="text", folder=tmp_path, env={}).system.digest}


# What version 0.1 has left


def earlier(folder: Path) -> None:
    """The ledger and the journal of version 0.1, which every file of a folder had."""
    (folder / ".headworks" / "journal").mkdir(parents=True)
    SqliteAt(folder / ".headworks" / "ledger.db").open().close()


def test_the_ledger_of_version_0_1_is_headworks_yamls(tmp_path: Path) -> None:
    earlier(tmp_path)
    assert places(tmp_path, "headworks.yaml") == (".headworks/ledger.db", ".headworks/journal")
    loaded = load(file(tmp_path, "b.yaml"), {})
    assert kept(loaded) == (f"{OWN}/ledger.db", f"{OWN}/journal")
    [warning] = loaded.warnings
    assert "go into their own folder" in warning.problem
    assert "journal: .headworks/journal" in warning.remedy
    (tmp_path / OWN).mkdir(parents=True)
    assert load(tmp_path / "b.yaml", {}).warnings == ()


def test_where_there_is_no_headworks_yaml_a_file_goes_on_with_the_ledger_of_version_0_1_for_good(
    tmp_path: Path,
) -> None:
    """Its keys and budgets are there: a name must not cost them, nor must what comes into the folder later."""
    earlier(tmp_path)
    loaded = load(file(tmp_path, "b.yaml"), {})
    assert kept(loaded) == (".headworks/ledger.db", ".headworks/journal")
    assert "version 0.1" in loaded.warnings[0].problem
    loaded.pin_default_folder()
    file(tmp_path, "headworks.yaml")
    again = load(tmp_path / "b.yaml", {})
    assert (kept(again), again.warnings) == ((".headworks/ledger.db", ".headworks/journal"), ())
    again.pin_default_folder()
    assert ledger_of_file(tmp_path / "b.yaml").journal == tmp_path / ".headworks" / "journal"
    assert places(tmp_path, "c.yaml") == (".headworks/systems/c.yaml/ledger.db", ".headworks/systems/c.yaml/journal")


def test_a_place_that_cannot_be_written_is_no_error_here(tmp_path: Path) -> None:
    earlier(tmp_path)
    (tmp_path / ".headworks" / "systems").write_text("in the way")
    loaded = load(file(tmp_path, "b.yaml"), {})
    loaded.pin_default_folder()
    assert kept(loaded)[1] == ".headworks/journal"


def test_two_files_that_name_one_ledger_lose_no_call_of_each_other(tmp_path: Path) -> None:
    """Each has a journal of its own, and each takes only calls of its own processes for dead ones."""
    shared = "log: {store: 'sqlite:///shared.db'}"
    at = SqliteAt(tmp_path / "shared.db")
    paths = [file(tmp_path, name, shared) for name in ("headworks.yaml", "b.yaml", "c.yaml")]
    journals = []
    for number, path in enumerate(paths):
        loaded = load(path, {})
        pin_default_folder(path, loaded.system.log)
        journals.append(Journal(tmp_path / loaded.system.log.journal, started_at=1.0, sync=1.0))
        journals[-1].open(opened(number))
    for written in (*journals, *journals):
        index = Indexer(written.folder, at)
        index.catch_up()
        index.close()
    assert stored(at) == []
    for number, written in enumerate(journals):
        written.append(record(number, cost_nano=10))
        written.close()
        index = Indexer(written.folder, at)
        index.catch_up()
        index.close()
    assert stored(at) == ids(0, 1, 2)
    store = at.open()
    assert store.spent(0) == {"key/web": 30}
    store.close()
