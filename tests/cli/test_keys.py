"""`headworks keys`: made, shown once, listed, rotated, revoked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.cli.exits import COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.main import run
from headworks.core.key import Change, secret_digest
from headworks.ledger.keys import Keys
from headworks.ledger.sqlite import SqliteAt
from tests.ledger.records import journal, record

SYSTEM = """
providers: {vendor: {dialect: openai, base_url: "https://api.example.com/v1", api_key: "${env:NOT_SET_ANYWHERE}"}}
models: {assistant: vendor/gpt, other: vendor/gpt2}
keys: {web: {key: "${env:NOT_SET_EITHER}", rpm: 600, tags: [front]}}
groups: {product: {keys: [web], budget: {amount: $900, every: 30d}}}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""


@pytest.fixture
def system(tmp_path: Path) -> str:
    file = tmp_path / "system.yaml"
    file.write_text(SYSTEM)
    return str(file)


def changes(system: str) -> list[Change]:
    store = SqliteAt(Path(system).parent / "ledger.db").open()
    found, _ = Keys(store).changes(0)
    store.close()
    return found


def made(system: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The secret of a new key `nightly`."""
    assert run(["keys", "create", "nightly", *options, system]) == HOLDS
    return capsys.readouterr().out.strip()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]


def test_a_secret_is_shown_once_and_only_its_digest_is_kept(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    secret = made(
        system,
        capsys,
        "--model",
        "assistant",
        "--tag",
        "team:a",
        "--group",
        "product",
        "--budget",
        "$5",
        "--every",
        "1d",
    )
    assert secret.startswith("hw_")
    assert len(secret) == 46
    [change] = changes(system)
    assert change.key is not None
    assert change.key.digest == secret_digest(secret)
    assert (change.key.models, change.key.tags, change.key.group) == (frozenset({"assistant"}), ("team:a",), "product")
    assert change.key.allowance.budget is not None
    assert change.key.allowance.budget.amount == 5_000_000_000
    for stored in Path(system).parent.glob("ledger.db*"):
        assert secret.encode() not in stored.read_bytes()
    assert run(["keys", "show", "nightly", system]) == HOLDS
    assert run(["keys", "list", "--json", system]) == HOLDS
    said = capsys.readouterr().out
    assert secret not in said
    assert secret_digest(secret).hex() not in said


def test_keys_of_the_file_and_made_ones_are_listed_side_by_side(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made(system, capsys, "--expires", "1h")
    assert run(["keys", "group", "lab", "--rpm", "60", system]) == HOLDS
    capsys.readouterr()
    assert run(["keys", "list", "--json", system]) == HOLDS
    found = {(one["kind"], one["name"]): one for one in objects(capsys)}
    assert {name: one["origin"] for name, one in found.items()} == {
        ("key", "web"): "file",
        ("group", "product"): "file",
        ("group", "lab"): "made",
        ("key", "nightly"): "made",
    }
    assert found["key", "web"]["group"] == "product"
    assert found["key", "nightly"]["expires_at"] == pytest.approx(time.time() + 3600, abs=60)


def test_a_rotated_secret_stays_good_for_a_while(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = made(system, capsys)
    assert run(["keys", "rotate", "nightly", "--overlap", "2h", system]) == HOLDS
    second = capsys.readouterr().out.strip()
    [change] = changes(system)
    assert change.key is not None
    assert change.key.digest == secret_digest(second)
    [(digest, until)] = change.former
    assert digest == secret_digest(first)
    assert until == pytest.approx(time.time() + 7200, abs=60)
    assert run(["keys", "rotate", "nightly", "--now", system]) == HOLDS
    [change] = changes(system)
    assert change.former == ()


def test_revoking_is_for_both_kinds_and_only_the_files_come_back(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made(system, capsys)
    assert run(["keys", "revoke", "nightly", system]) == HOLDS
    assert run(["keys", "revoke", "web", system]) == HOLDS
    found = {change.name: change for change in changes(system)}
    assert found["nightly"].key is None
    assert found["web"] == Change(kind="revoked", name="web", is_revoked=True)
    assert run(["keys", "rotate", "nightly", system]) == COULD_NOT_RUN
    assert run(["keys", "revoke", "nightly", "--undo", system]) == COULD_NOT_RUN
    assert run(["keys", "revoke", "web", "--undo", system]) == HOLDS
    assert not {change.name: change for change in changes(system)}["web"].is_revoked


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "web"], "a key of the system file"),
        (["create", "x", "--model", "asistant"], "did you mean `assistant`"),
        (["create", "x", "--group", "prodct"], "did you mean `product`"),
        (["create", "x", "--budget", "5", "--every", "1d"], "$5?"),
        (["create", "x", "--budget", "$5"], "--every"),
        (["create", "x", "--expires", "tomorrow"], "2027-01-31"),
        (["rotate", "web"], "change it there"),
        (["revoke", "nobody"], "there is no key nobody"),
        (["group", "product", "--rpm", "1"], "change it there"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], said: str, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", *arguments, system]) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


def test_a_name_is_given_once(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    made(system, capsys)
    assert run(["keys", "create", "nightly", system]) == COULD_NOT_RUN
    assert "rotate nightly" in capsys.readouterr().err


def test_what_was_spent_is_shown_up_to_now(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    made(system, capsys, "--budget", "$5", "--every", "total")
    folder = Path(system).parent / "journal"
    journal(folder, record(1, key="nightly", cost_nano=2_500_000_000), record(2, key="web", cost_nano=1))
    assert run(["keys", "show", "nightly", system]) == HOLDS
    said = capsys.readouterr().out
    assert "$5 in all" in said
    assert "$2.5 in all" in said
    assert run(["keys", "show", "nobody", system]) == FAILS


def test_the_table_says_who_may_how_much(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    made(system, capsys, "--tpm", "100k", "--concurrency", "5", "--budget", "$0.5", "--every", "1w", "--tag", "team:a")
    assert run(["keys", "list", system]) == HOLDS
    said = capsys.readouterr().out
    for words in ("600 rpm", "100k tpm, 5 at once", "$0.5 every 1w", "$900 every 30d", "team:a", "front", "in use"):
        assert words in said


def test_without_any_key_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(
        'providers: {v: {dialect: simulated}}\nmodels: {a: v/x}\nlog: {journal: journal, store: "sqlite:///ledger.db"}'
    )
    assert run(["keys", "list", str(file)]) == HOLDS
    assert "anybody on this machine may call" in capsys.readouterr().out
    assert run(["keys", "create", "first", "--json", str(file)]) == HOLDS
    assert msgspec.json.decode(capsys.readouterr().out)["secret"].startswith("hw_")
    assert run(["keys", "create", "second", str(file)]) == HOLDS
    assert "It is the first key" not in capsys.readouterr().err


def test_an_expired_key_is_not_rotated(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could use the secret that it would show."""
    made(system, capsys, "--expires", "1ms")
    assert run(["keys", "rotate", "nightly", system]) == COULD_NOT_RUN
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nightly has expired: make a key with another name" in shown.err
