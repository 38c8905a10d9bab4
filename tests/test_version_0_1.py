"""What 0.1 wrote stays readable, and counts the same: system file, ledger (both stores), journal, results of an eval."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from click.testing import CliRunner

from headworks.cli.main import commands
from headworks.evals.results import Header, Result, lines
from headworks.evals.statistics.table import PASS, Table
from headworks.ledger.store_url import store_at
from tests.servers import PostgresServer

OLD = Path(__file__).parent / "data" / "v0.1"
KEPT = 1793664000
"""The beginning of the window in which 0.1 said what was spent (seconds since 1970)."""

SECRETS = {
    "WEB_KEY": "hw-web-0123456789abcdefghijkl",
    "POOR_KEY": "hw-poor-0123456789abcdefghijkl",
    "AWAY_KEY": "hw-away-0123456789abcdefghijk",
    "HEADWORKS_ADMIN_KEY": "hw-admin-0123456789abcdefghijkl",
}


class System:
    """A copy of the old folder, over one store."""

    def __init__(self, folder: Path, store: str, url: str) -> None:
        self.folder = folder
        self.store = store
        self.url = url

    def run(self, *command: str, exit_code: int = 0) -> str:
        file = str(self.folder / "headworks.yaml")
        result = CliRunner().invoke(commands, [*command, file], env={**SECRETS, "LEDGER_URL": self.url})
        assert result.exit_code == exit_code, (result.output, result.exception)
        return result.output

    def said(self, *command: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*command, "--json").splitlines()]

    def expected(self, what: str) -> list[dict[str, Any]]:
        text = (OLD / "expected" / f"{self.store}-{what}.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(params=["sqlite", "postgresql"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    store = request.param
    for name in ("headworks.yaml", "prompts", "suites"):
        source = OLD / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    shutil.copytree(OLD / store, tmp_path / ".headworks", ignore=shutil.ignore_patterns("ledger.sql"))
    if store == "sqlite":
        return System(tmp_path, store, "sqlite:///.headworks/ledger.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    schema = f"old_{token_hex(6)}"
    dump = (OLD / store / "ledger.sql").read_text().replace("headworks.", f"{schema}.")
    with server.admin() as connection:
        connection.execute(dump.replace("SCHEMA headworks;", f"SCHEMA {schema};"))
    connection.close()
    return System(tmp_path, store, server.url(schema))


def part(row: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Of a row what 0.1 had: later versions may say more."""
    return {name: row[name] for name in expected}


def test_calls_of_0_1_are_all_there_with_their_tokens_and_cost(system: System) -> None:
    expected = system.expected("calls")
    found = system.said("logs")
    assert len(found) == len(expected) == 182
    for row, old in zip(found, expected, strict=True):
        row["attempts"] = [[one["target"], one["outcome"], one["cost_nano"]] for one in row["attempts"]]
        assert part(row, old) == old


@pytest.mark.parametrize(("by", "what"), [("key", "sums-key"), ("alias,target", "sums-alias-target")])
def test_sums_of_0_1_are_the_same(system: System, by: str, what: str) -> None:
    expected = system.expected(what)
    found = system.said("logs", "--by", by)
    names = by.split(",")
    in_order = sorted(found, key=lambda row: [row[name] for name in names])
    for row, old in zip(in_order, sorted(expected, key=lambda row: [row[name] for name in names]), strict=True):
        assert part(row, old) == old


def test_keys_of_0_1_are_what_they_were_and_have_spent_what_they_had(system: System) -> None:
    system.run("logs")  # indexes what is left in the journal
    expected = system.expected("keys")
    assert [part(row, old) for row, old in zip(system.said("keys", "list"), expected, strict=True)] == expected
    store = store_at(system.url, system.folder).open()
    try:
        spent = store.spent(KEPT)
    finally:
        store.close()
    assert (spent["key/web"], spent["key/poor"]) == (42_067_000, 1_563_000)
    assert spent["group/product"] == spent["key/web"]


def test_the_system_file_of_0_1_is_right(system: System) -> None:
    assert "is right: 3 models, 3 providers, 2 keys" in system.run("check")


def test_results_of_an_eval_of_0_1_are_read() -> None:
    read = [line for _, line in lines(OLD / "evals" / "basics.jsonl")]
    assert isinstance(read[0], Header)
    assert (read[0].suite, read[0].samples) == ("basics", 3)
    results = [line for line in read if isinstance(line, Result)]
    assert [one.outcome for one in results].count("pass") == 2
    assert len(results) == 6
    assert sum(one.cost_nano or 0 for one in results) == 3_438_000
    table = Table(OLD / "evals" / "basics.jsonl")
    assert table.is_complete
    assert {name: (table.asked(name), table.count(name, PASS)) for name in table.columns} == {
        "plain": (3, 1),
        "typos": (3, 1),
    }
