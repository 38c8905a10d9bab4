"""`headworks keys`: made, shown once, listed, rotated, revoked."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN, FAILS, HOLDS, INTERRUPTED
from headworks.cli.keys_options import RATES, SPENDING, allowance
from headworks.cli.main import run
from headworks.core.key import UNLIMITED, Allowance, Change, Spending, secret_digest
from headworks.core.per import Per, SessionLimits
from headworks.ledger.keys import Keys
from headworks.ledger.sqlite import SqliteAt
from tests.ledger.records import ids, journal, record

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


def test_the_limits_of_users_and_sessions_are_shown_and_a_change_keeps_them(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    per = "per: {user: {rpm: 60, budget: {amount: $1, every: 1d}}, session: {budget: $5, calls: 500}}"
    Path(system).write_text(SYSTEM.replace("rpm: 600", f"rpm: 600, {per}"))
    assert run(["keys", "show", "web", system]) == HOLDS
    said = capsys.readouterr().out
    assert re.search(r"^ +per user +60 rpm, \$1 every 1d *$", said, re.MULTILINE)
    assert re.search(r"^ +per session +500 calls, \$5 in all *$", said, re.MULTILINE)
    assert run(["keys", "list", system]) == HOLDS
    assert "600 rpm, per user, per session" in " ".join(capsys.readouterr().out.split())
    was = Allowance(per=Per(session=SessionLimits(calls=5)))
    nothing = dict.fromkeys((*RATES, *SPENDING.values()))
    assert allowance(nothing | {"rpm": 7}, was) == Allowance(rpm=7, per=was.per)


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
        (["change", "web", "--rpm", "1"], "change it there"),
        (["change", "nobody", "--rpm", "1"], "there is no key nobody"),
        (["change", "web"], "name at least one change"),
        (["change", "web", "--rpm", "1", "--without", "rpm"], "one of them"),
        (["change", "web", "--alert", "0%", "--without", "alert"], "alert"),
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


def test_a_keys_limits_and_budget_can_be_changed_and_what_is_not_named_stays(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = made(
        system, capsys, "--rpm", "60", "--budget", "$5", "--every", "1d", "--model", "assistant", "--tag", "a"
    )
    assert run(["keys", "change", "nightly", "--tpm", "100k", "--budget", "$7", "--group", "product", system]) == HOLDS
    said = capsys.readouterr().out
    assert (
        said
        == "nightly: 60 rpm, 100k tpm; $7 every 1d; assistant; group product; a; a running gateway applies it within a second\n"
    )
    [change] = changes(system)
    assert change.key is not None
    assert change.key.digest == secret_digest(secret)
    allowance = change.key.allowance
    assert (allowance.rpm, allowance.tpm, allowance.concurrency) == (60, 100_000, None)
    assert allowance.budget == Spending(amount=7_000_000_000, every="1d")
    assert run(["keys", "change", "nightly", "--every", "total", "--alert", "0%", "--expires", "1h", system]) == HOLDS
    without = [part for one in ("rpm", "models", "tags", "group") for part in ("--without", one)]
    capsys.readouterr()
    assert run(["keys", "change", "nightly", *without, "--priority", "high", "--json", system]) == HOLDS
    assert objects(capsys)[0]["name"] == "nightly"
    [change] = changes(system)
    assert change.key is not None
    assert change.key.allowance.rpm is None
    assert change.key.allowance.budget == Spending(amount=7_000_000_000, every="total", alert=0.0)
    assert (change.key.models, change.key.tags, change.key.group) == (frozenset(), (), "")
    assert (change.key.priority, change.key.expires_at < time.time() + 3601) == ("high", True)
    assert (
        run(["keys", "change", "nightly", "--without", "budget", "--without", "expires", "--without", "tpm", system])
        == HOLDS
    )
    assert "no limits" in capsys.readouterr().out
    [change] = changes(system)
    assert change.key is not None
    assert (change.key.allowance, change.key.expires_at) == (UNLIMITED, float("inf"))


def test_a_budget_of_a_key_that_had_none_needs_its_window(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    made(system, capsys)
    assert run(["keys", "change", "nightly", "--budget", "$7", system]) == COULD_NOT_RUN
    assert "--every 1d" in capsys.readouterr().err
    assert run(["keys", "change", "nightly", "--budget", "$7", "--every", "1d", "--estimate", "chars", system]) == HOLDS
    [change] = changes(system)
    assert change.key is not None
    assert change.key.allowance.budget == Spending(amount=7_000_000_000, every="1d", estimate="chars")


def test_a_revoked_name_can_be_used_again_and_each_key_has_spent_its_own(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = made(system, capsys, "--budget", "$5", "--every", "total")
    folder = Path(system).parent / "journal"
    journal(folder, record(1, key="nightly", cost_nano=2_000_000_000))
    assert run(["keys", "revoke", "nightly", system]) == HOLDS
    assert run(["keys", "change", "nightly", "--rpm", "1", system]) == COULD_NOT_RUN
    assert "`headworks keys create nightly`" in capsys.readouterr().err
    assert run(["keys", "create", "nightly", "--budget", "$5", "--every", "total", system]) == HOLDS
    shown = capsys.readouterr()
    assert shown.out.strip() != first
    assert "Logs and sums call it nightly#2; calls and spending of nightly stay separate." in shown.err
    [change] = changes(system)
    assert change.key is not None
    assert (change.name, change.key.name, change.key.digest) == (
        "nightly",
        "nightly#2",
        secret_digest(shown.out.strip()),
    )
    journal(folder, record(2, key="nightly#2", cost_nano=500_000_000), started_at=2.0)
    assert run(["keys", "show", "nightly", system]) == HOLDS
    said = capsys.readouterr().out
    assert "nightly#2" in said
    assert "spent    $0.5 in all" in said
    assert re.search(r"before   nightly, .* to .*: \$2 *$", said, re.MULTILINE)
    assert run(["keys", "list", system]) == HOLDS
    assert re.search(
        r"^key +nightly +nightly#2 ", capsys.readouterr().out, re.MULTILINE
    )  # commands take the first of them
    for asked, expected in (
        ("nightly", [1, 2]),
        ("nightly#1", [1]),
        ("nightly#2", [2]),
        ("night", []),
        ("nightly#", []),
    ):
        assert run(["logs", "--json", "--key", asked, system]) == HOLDS
        assert [one["request_id"] for one in objects(capsys)] == ids(*expected)
    assert run(["logs", "--by", "key", "--json", system]) == HOLDS
    assert {one["key"]: one["cost"] for one in objects(capsys)} == {"nightly": 2.0, "nightly#2": 0.5}
    assert run(["keys", "revoke", "nightly", system]) == HOLDS
    assert run(["keys", "create", "nightly", "--expires", "1ms", system]) == HOLDS
    assert run(["keys", "create", "nightly", system]) == HOLDS
    assert "nightly#4; calls and spending of nightly#3" in capsys.readouterr().err


def test_a_name_that_was_in_the_file_begins_with_nothing_spent(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    journal(Path(system).parent / "journal", record(1, key="late", cost_nano=7))
    assert run(["keys", "create", "late", system]) == HOLDS
    assert "Logs and sums call it late#2" in capsys.readouterr().err


def test_the_first_key_of_an_open_gateway_is_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "system.yaml"
    text = (
        'providers: {v: {dialect: simulated}}\nmodels: {a: v/x}\nlog: {journal: journal, store: "sqlite:///ledger.db"}'
    )
    file.write_text(text)
    for answer in ("", "n\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert run(["keys", "create", "first", "--json", str(file)]) == INTERRUPTED
        shown = capsys.readouterr()
        assert "anyone on this machine may call" in shown.err
        assert "no key was created" in shown.err
        assert shown.out == ""
    assert changes(str(file)) == []
    file.write_text(text + "\nserver: {listen: 0.0.0.0:8080}\nkeys: {}")  # nobody calls without a key there
    assert run(["keys", "create", "first", str(file)]) == HOLDS
    file.write_text(text)
    assert run(["keys", "create", "second", str(file)]) == HOLDS
    assert run(["keys", "revoke", "first", str(file)]) == HOLDS
    assert run(["keys", "revoke", "second", str(file)]) == HOLDS
    assert run(["keys", "create", "third", str(file)]) == HOLDS


def test_whoever_says_yes_gets_the_first_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "system.yaml"
    file.write_text("providers: {v: {dialect: simulated}}\nmodels: {a: v/x}")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(["keys", "create", "first", str(file)]) == HOLDS
    assert capsys.readouterr().out.startswith("hw_")


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
    assert "anyone on this machine may call" in capsys.readouterr().out
    assert run(["keys", "create", "first", "--yes", "--json", str(file)]) == HOLDS
    assert msgspec.json.decode(capsys.readouterr().out)["secret"].startswith("hw_")
    assert run(["keys", "create", "second", str(file)]) == HOLDS
    assert "It is the first key" not in capsys.readouterr().err


def test_an_expired_key_is_not_rotated(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could use the secret that it would show."""
    made(system, capsys, "--expires", "1ms")
    assert run(["keys", "rotate", "nightly", system]) == COULD_NOT_RUN
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nightly has expired: `headworks keys change nightly --expires 30d` first" in shown.err
    assert run(["keys", "change", "nightly", "--expires", "1h", system]) == HOLDS
    assert run(["keys", "rotate", "nightly", system]) == HOLDS


def test_a_key_with_a_budget_is_told_which_aliases_need_a_bound(
    system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "create", "funded", system, "--budget", "$5", "--every", "1d"]) == 0
    assert (
        "Its calls to assistant, other must set `max_tokens`, or the alias must set `max_output: 4k`"
        in capsys.readouterr().err
    )
    assert run(["keys", "create", "free", system]) == 0
    assert "max_tokens" not in capsys.readouterr().err
