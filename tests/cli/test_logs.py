"""`headworks logs`: what a user finds from the terminal alone."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from headworks.cli.eval_from_log import from_log
from headworks.cli.exit_codes import COULD_NOT_RUN, FAILS, HOLDS, INTERRUPTED
from headworks.cli.logs_purge import not_reached
from headworks.cli.main import run
from headworks.cli.views import logs as logs_view
from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.ledger.journal import Journal
from headworks.ledger.sqlite import SqliteAt
from headworks.system.load import read
from tests.children import running
from tests.ledger.records import attempt, ids, journal, record

SYSTEM = """
providers: {vendor: {dialect: openai, base_url: "https://api.example.com/v1", api_key: "${env:NOT_SET_ANYWHERE}"}}
models: {assistant: vendor/gpt}
keys: {web: {key: "${env:NOT_SET_EITHER}"}, nightly: {key: "${file:nowhere.key}"}}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system file whose secrets are not here, as with a user who may only look."""
    file = tmp_path / "system.yaml"
    file.write_text(SYSTEM)
    return file


def failed(number: int, ago: float, took: float, key: str = "web") -> Record:
    return record(
        number,
        at=time.time() - ago,
        key=key,
        last_at=10.0 + took,
        status=502,
        outcome="failed",
        error="NoTarget",
        reason="Every target of this model was tried.",
        cost_nano=400,
        attempts=[
            attempt(
                "vendor/gpt",
                ended_at=10.0 + took / 2,
                head_at=0.0,
                outcome="failed",
                error="Failed",
                reason="The server had an error.",
                vendor_status=503,
                vendor_request_id="vendor-1",
                tokens=Usage(input=10),
                cost_nano=400,
            ),
            attempt(
                "other/gpt",
                why="fallback",
                started_at=10.0 + took / 2,
                ended_at=10.0 + took,
                head_at=0.0,
                outcome="expired",
                error="Expired",
                reason="timed out: first token",
                cost_nano=0,
            ),
        ],
    )


def printed(capsys: pytest.CaptureFixture[str], *arguments: object, ended: int = HOLDS) -> str:
    assert run(["logs", *map(str, arguments)]) == ended
    return capsys.readouterr().out


def lines(text: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in text.splitlines()]


def test_the_story_of_last_hours_slowest_failed_call_of_one_key(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which it was, why it failed, which attempts were made, what each cost."""
    calls = [failed(1, 7200, 90.0), failed(2, 1800, 5.0), failed(3, 1700, 50.0), failed(4, 60, 70.0, key="nightly")]
    journal(tmp_path / "journal", *calls, record(5, at=time.time() - 30, last_at=99.0))
    found = printed(capsys, "--since", "1h", "--failed", "--key", "web", "--sort", "slowest", "--last", 1, system)
    [header, row, hint] = found.splitlines()
    assert header.split()[:6] == ["time", "request", "model", "key", "outcome", "took"]
    assert "failed" in row
    assert "50.00 s" in row
    assert hint.endswith(f"headworks logs show {ids(3)[0][:20]}")
    shown = printed(capsys, *hint.partition("logs ")[2].split(), system)
    assert ids(3)[0] in shown
    for words in (
        "NoTarget: Every target of this model was tried.",
        "Failed: The server had an error.",
        "Expired: timed out: first token",
        "vendor/gpt  (first)",
        "other/gpt  (fallback)",
        "vendor's status 503",
        "vendor-1",
        "10 input tokens; cost $0.000000400",
        "cost     $0.000000400",
        "2 attempts",
    ):
        assert words in shown
    assert f"|{'-' * 20}{' ' * 20}|" in shown
    assert f"|{' ' * 20}{'-' * 20}|" in shown


def test_json_is_one_object_a_line_oldest_first_with_what_the_contract_names(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = Usage(input=5, cached_input=2, cache_write=1, audio_input=1, output=3, reasoning=4, audio_output=1)
    calls = [record(number, at=1000.0 - number, tokens=usage, cost_nano=1_500_000_000) for number in range(30)]
    journal(tmp_path / "journal", *calls, record(50, cost_nano=None, tokens=None))
    found = lines(printed(capsys, "--json", system))
    assert [one["request_id"] for one in found] == [*ids(*range(29, -1, -1)), *ids(50)]
    first, last = found[0], found[-1]
    assert (
        first
        | {
            "model": "assistant",
            "key": "web",
            "status": 200,
            "outcome": "ok",
            "input_tokens": 9,
            "output_tokens": 8,
            "tokens": msgspec.structs.asdict(usage),
            "cost": 1.5,
            "cost_nano": 1_500_000_000,
            "at": 971.0,
            "duration": 2.0,
            "first_token": 0.5,
        }
        == first
    )
    attempts = first["attempts"]
    assert isinstance(attempts, list)
    assert attempts[0]["target"] == "openai/gpt"
    assert attempts[0]["duration"] == 2.0
    assert (last["cost"], last["cost_nano"], last["input_tokens"]) == (None, None, 0)
    assert len(lines(printed(capsys, "--json", "--last", 7, system))) == 7


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [1, 2, 3, 4]),
        (["--alias", "small"], [2]),
        (["--key", "nightly"], [3]),
        (["--target", "b/x"], [4]),
        (["--outcome", "expired"], [3]),
        (["--failed"], [3]),
        (["--slow", "5s"], [2]),
        (["--error", "timed OUT"], [3]),
        (["--error", "expired"], [3]),
        (["--request-id", "req_0000000002"], [2]),
        (["--since", "2026-11-22T00:00:03+00:00"], [3, 4]),
        (["--until", "2026-11-22T00:00:02Z"], [1]),
        (["--since", "1h", "--key", "web"], []),
        (["--last", "2"], [3, 4]),
        (["--sort", "slowest", "--last", "1"], [2]),
        (["--alias", "nobody"], []),
        (["--user", "ann"], [2, 4]),
        (["--user", "ann", "--tag", "team:a"], [4]),
        (["--tag", "team:a"], [1, 4]),
        (["--user", "an"], []),
        (["--session", "run-1"], [3, 4]),
        (["--session", "run-1", "--user", "ann"], [4]),
        (["--session", "run"], []),
        (["--since", "0001-01-02", "--until", "9999-01-01"], [1, 2, 3, 4]),
        (["--since", "9999-01-01"], []),
        (["--slow", "3650d"], []),
    ],
)
def test_every_filter(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[int]
) -> None:
    journal(
        tmp_path / "journal",
        record(1, tags=("team:a",)),
        record(2, model="small", last_at=20.0, user="ann"),
        record(3, key="nightly", outcome="expired", error="Expired", reason="It timed out.", session="run-1"),
        record(
            4,
            attempts=[attempt("a/x"), attempt("b/x")],
            user="ann",
            tags=("team:a", "batch"),
            session="run-1",
            agent="b",
        ),
    )
    found = lines(printed(capsys, "--json", *arguments, system))
    assert [one["request_id"] for one in found] == ids(*expected)


def test_sums_as_a_table_and_as_json(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(
        tmp_path / "journal",
        *(record(number, cost_nano=2_000_000_000, tokens=Usage(input=5, output=5)) for number in range(4)),
        record(9, model="small", cost_nano=None, outcome="failed"),
    )
    table = printed(capsys, "--by", "alias,key", "--cost", system).splitlines()
    assert table[0].split() == ["alias", "key", "calls", "errors", "tokens", "cost", "p50", "p95"]
    assert table[1].split()[:6] == ["assistant", "web", "4", "0", "40", "$8.000000"]
    assert table[2].split()[:6] == ["small", "web", "1", "1", "0", "$0+?"]
    assert "1 calls have an unknown cost" in table[-1]
    [first, second] = lines(printed(capsys, "--by", "day,alias", "--json", system))
    assert (first["day"], first["alias"], first["calls"], first["cost"]) == ("2026-11-22", "assistant", 4, 8.0)
    assert (second["alias"], second["errors"], second["unpriced"]) == ("small", 1, 1)
    assert lines(printed(capsys, "--cost", "--json", system))[0]["alias"] == "assistant"


def test_sums_by_the_hour(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path / "journal", record(0), record(3599), record(3600, model="small"), record(7200))
    found = lines(printed(capsys, "--by", "hour", "--json", system))
    assert {one["hour"]: one["calls"] for one in found} == {
        "2026-11-22T00:00Z": 2,
        "2026-11-22T01:00Z": 1,
        "2026-11-22T02:00Z": 1,
    }
    assert printed(capsys, "--by", "alias,hour", system).splitlines()[0].split()[:2] == ["alias", "hour"]
    both = lines(printed(capsys, "--by", "hour,target", "--alias", "small", "--json", system))
    assert [(one["hour"], one["target"]) for one in both] == [("2026-11-22T01:00Z", "openai/gpt")]


def test_sums_by_user_and_session(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(
        tmp_path / "journal",
        *(record(number, user="ann", session=f"run-{number % 2}") for number in range(4)),
        record(8, session="run-0", attempts=[attempt("a/x"), attempt("b/x")]),
        record(9),
    )
    found = lines(printed(capsys, "--by", "session,user", "--json", system))
    assert {(one["session"], one["user"]): one["calls"] for one in found} == {
        ("run-0", "ann"): 2,
        ("run-1", "ann"): 2,
        ("run-0", "-"): 1,
        ("-", "-"): 1,
    }
    found = lines(printed(capsys, "--by", "session,target", "--session", "run-0", "--json", system))
    assert {one["target"]: one["calls"] for one in found} == {"openai/gpt": 2, "a/x": 1, "b/x": 1}


def test_one_call_tells_its_session_and_its_agents(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal(tmp_path / "journal", record(1, session="run-1", agent="explore", parent_agent="main"))
    assert [" ".join(line.split()) for line in printed(capsys, "show", ids(1)[0], system).splitlines()][5:7] == [
        "session run-1",
        "agent explore of main",
    ]


def test_csv_has_a_header_and_a_row_a_call(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = Usage(input=5, cached_input=2, output=3)
    calls = [
        record(
            1, user='a,"b"', tags=("x", "y"), tokens=usage, cost_nano=1_500_000_000, asked="words", answered="words"
        ),
        record(2, user="=cmd()", model="@x", cost_nano=None, attempts=[attempt("a/x"), attempt("b/x", why="retry")]),
        *(record(number, cost_nano=1) for number in range(3, 30)),
    ]
    journal(tmp_path / "journal", *calls)
    text = printed(capsys, "--csv", system)
    found = list(csv.DictReader(io.StringIO(text)))
    assert "words" not in text
    assert len(found) == 29
    first, second = found[:2]
    assert (first["request_id"], first["at"], first["user"]) == (ids(1)[0], "2026-11-22T00:00:01.000Z", 'a,"b"')
    assert (first["tags"], first["input_tokens"], first["output_tokens"]) == ("x y", "7", "3")
    assert (first["cost"], first["cost_nano"], found[2]["cost"]) == ("1.500000000", "1500000000", "0.000000001")
    assert (second["user"], second["model"]) == ("'=cmd()", "'@x")
    assert (second["cost"], second["attempts"], second["targets"]) == ("", "2", "a/x b/x")
    assert len(printed(capsys, "--csv", "--last", 3, system).splitlines()) == 4
    assert printed(capsys, "--csv", "--alias", "nobody", system).count("\n") == 1


def test_csv_of_sums(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path / "journal", record(1, cost_nano=1500), record(2, cost_nano=None, model="+small"))
    rows = printed(capsys, "--csv", "--by", "alias,day", system).splitlines()
    assert rows[0] == "alias,day,calls,errors,tokens,cost,cost_nano,unpriced,p50,p95"
    assert rows[1].startswith("assistant,2026-11-22,1,0,0,0.000001500,1500,0,")
    assert rows[2].startswith("'+small,2026-11-22,1,0,0,0.000000000,0,1,")


def test_csv_of_sums_leaves_empty_what_calls_do_not_have(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal(tmp_path / "journal", record(1, model="", key=""))
    [_, row] = csv.reader(printed(capsys, "--csv", "--by", "alias,key", system).splitlines())
    assert row[:3] == ["", "", "1"]


def test_a_name_that_a_caller_made_up_makes_no_column_wide(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal(tmp_path / "journal", record(1, model="a" * 256, outcome="refused"))
    table = printed(capsys, "--by", "alias,day", system).splitlines()
    assert "2026-11-22" in table[1]
    assert max(map(len, table)) <= 120


def test_eighty_columns_without_colour_are_enough(tmp_path: Path, system: Path) -> None:
    journal(tmp_path / "journal", *(failed(number, number, 5.0) for number in range(3)))
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    for arguments in (["--last", "2"], ["show", ids(1)[0]], ["--by", "alias,target,day"]):
        code = (
            "import sys; sys.stdout.isatty = lambda: True\n"
            "from headworks.cli.main import main; sys.argv = ['headworks', 'logs', *sys.argv[1:]]; main()"
        )
        command = [sys.executable, "-c", code, *arguments, str(system)]
        out = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60).stdout
        assert "\x1b" not in out
        assert max(map(len, out.splitlines())) <= 80, out
        assert "failed" in out or "attempts" in out


def test_nobodys_control_characters_reach_the_terminal(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2J\x07\u202e[red]x"
    calls = record(
        1, model=evil, user=evil, trace=evil, error="Failed", reason=evil, attempts=[attempt(evil, reason=evil)]
    )
    journal(tmp_path / "journal", calls)
    out = (
        printed(capsys, system)
        + printed(capsys, "show", ids(1)[0], system)
        + printed(capsys, "--by", "alias,target", system)
    )
    assert "[red]x" in out
    assert not any(letter in out for letter in "\x1b\x07\u202e")


def test_a_call_that_is_not_there_is_1(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logs", "show", "req_00ff00ff", str(system)]) == FAILS
    assert "no call has an id that begins with req_00ff00ff" in capsys.readouterr().err
    assert run(["logs", "--request-id", "nope", str(system)]) == FAILS


def test_an_empty_ledger_says_so(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, system) == "no calls match\n"
    assert printed(capsys, "--by", "alias", system) == "no calls match\n"
    assert printed(capsys, "--json", system) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--slow", "5"],
        ["--by", "vendor"],
        ["--by", "alias", "--last", "3"],
        ["--outcome", "good"],
        ["--follow", "--sort", "slowest"],
        ["--last", "0"],
        ["purge"],
        ["purge", "--compact"],
        ["purge", "--user", "ann", "--key", "web"],
        ["--json", "--csv"],
        ["--by", "week"],
        ["show"],
        ["no-such-file.yaml"],
    ],
)
def test_bad_usage_is_said(system: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(["logs", *arguments]) == COULD_NOT_RUN
    assert "Usage" in capsys.readouterr().err


def test_a_store_that_cannot_be_used_is_said(tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.db").write_bytes(b"precious" * 1000)
    assert run(["logs", str(system)]) == COULD_NOT_RUN
    assert "not a database" in capsys.readouterr().err


def test_purge_asks_first_and_deletes_what_was_named(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [record(number, key="nightly" if number % 2 else "web") for number in range(10)]
    journal(tmp_path / "journal", *calls)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(["logs", "purge", "--key", "nightly", str(system)]) == INTERRUPTED
    assert "Delete 5 calls for good?" in capsys.readouterr().out
    assert len(lines(printed(capsys, "--json", system))) == 10
    assert "5 calls deleted" in printed(capsys, "purge", "--key", "nightly", "--yes", system)
    assert [one["request_id"] for one in lines(printed(capsys, "--json", system))] == ids(0, 2, 4, 6, 8)
    assert "2 calls" in printed(capsys, "purge", "--before", "2026-11-22T00:00:04Z", "--key", "web", "--yes", system)
    assert [one["request_id"] for one in lines(printed(capsys, "--json", system))] == ids(4, 6, 8)
    assert "nothing was deleted" in printed(capsys, "purge", "--key", "nobody", "--yes", system)
    store = SqliteAt(tmp_path / "ledger.db").open()
    assert store.connection.execute("SELECT count(*) FROM records").fetchone() == (3,)
    store.close()


def test_a_users_calls_are_gone_at_once_and_their_costs_stay(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal(tmp_path / "journal", *(record(n, user="ann" if n % 2 else "bob", asked="words") for n in range(4)))
    before = printed(capsys, "--by", "key,alias", "--csv", system)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(["logs", "purge", "--user", "ann", str(system)]) == INTERRUPTED
    shown = capsys.readouterr()
    assert "Delete everything of this user, 2 calls, for good?" in shown.out
    assert "--yes" in shown.err
    said = printed(capsys, "purge", "--user", "ann", "--yes", system)
    assert "2 calls of ann are deleted; what they cost stays in the sums" in said
    assert "--compact rewrites both" in said
    assert [one["request_id"] for one in lines(printed(capsys, "--json", system))] == ids(0, 2)
    assert printed(capsys, "--by", "key,alias", "--csv", system) == before
    assert run(["logs", "show", ids(1)[0], str(system)]) == FAILS
    capsys.readouterr()
    assert from_log(system, "user=ann", None) == FAILS
    assert "0 calls" in capsys.readouterr().out
    assert "0 calls of ann" in printed(capsys, "purge", "--user", "ann", "--yes", system)


def test_compact_leaves_no_byte_of_a_user_and_names_what_it_does_not_reach(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system.write_text(SYSTEM.replace("vendor/gpt}", "{targets: vendor/gpt, cache: {exact: 1h}}}"))
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)  # a gateway that runs
    for number in range(6):
        written.append(record(number, user="ann@example.com" if number % 2 else "bob", asked=f"words of {number % 2}"))
    printed(capsys, "purge", "--user", "ann@example.com", "--yes", system)
    out = printed(capsys, "purge", "--user", "ann@example.com", "--compact", "--yes", system)
    files = [*tmp_path.glob("journal/*"), *tmp_path.glob("ledger.db*")]
    left = b"".join(file.read_bytes() for file in files)
    assert len(files) >= 2
    assert b"words of 0" in left
    assert not [one for one in (b"ann@", b"words of 1", *(one.encode() for one in ids(1, 3, 5))) if one in left]
    for words in (
        "no byte of these calls is left in them",
        "backups",
        "in flight",
        "cached answers in the gateway's memory",
        "vendors",
    ):
        assert words in out
    assert "PostgreSQL" not in out
    written.append(record(7, user="bob"))
    written.close()
    assert [one["request_id"] for one in lines(printed(capsys, "--json", system))] == ids(0, 2, 4, 7)


def test_compact_leaves_no_byte_of_calls_that_were_deleted(
    tmp_path: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    for number in range(4):
        written.append(record(number, key="nightly" if number % 2 else "web", asked=f"words of {number % 2}"))
    assert "2 calls deleted" in printed(capsys, "purge", "--key", "nightly", "--compact", "--yes", system)
    left = b"".join(file.read_bytes() for file in (*tmp_path.glob("journal/*"), *tmp_path.glob("ledger.db*")))
    assert b"words of 0" in left
    assert not [one for one in (b"words of 1", *(one.encode() for one in ids(1, 3))) if one in left]
    written.close()


def test_what_a_compaction_of_a_shared_ledger_does_not_reach_is_named() -> None:
    text = """
providers: {vendor: {dialect: simulated}}
models: {assistant: {targets: vendor/gpt, cache: {exact: 1h}}}
state: redis://somewhere:6379/0
log: {store: "postgresql://db/ledger", bodies: full}
"""
    found = read(text.encode(), file="x", folder=Path(), env={}).system
    said = " ".join(not_reached(found, 2, is_user=True))
    for words in (
        "write-ahead log",
        "standbys, backups",
        "pg_statistic",
        "2 other journals",
        "state's server",
        "--from-log",
    ):
        assert words in said
    said = " ".join(not_reached(found, 0, is_user=False))
    assert "kept answers" not in said
    assert "responses.store" not in said
    keeping = read((text + "responses: {store: 30d}\n").encode(), file="x", folder=Path(), env={}).system
    assert "responses.store" in " ".join(not_reached(keeping, 0, is_user=False))
    assert "responses.store" not in " ".join(not_reached(keeping, 0, is_user=True))  # of a user they are deleted
    assert "other journals" not in said


def test_follow_shows_calls_as_they_end(tmp_path: Path, system: Path) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.append(record(1, user="ann"))
    command = [sys.executable, "-m", "headworks", "logs", "--follow", "--csv", "--user", "ann", str(system)]
    with running(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("request_id,at,")
        seen = [child.stdout.readline().partition(",")[0]]
        written.append(record(2, user="bob"))
        written.append(record(3, user="ann"))
        seen.append(child.stdout.readline().partition(",")[0])
        written.close()
        fresh = Journal(tmp_path / "journal", started_at=2.0, sync=1.0)
        fresh.append(record(4, user="ann"))
        seen.append(child.stdout.readline().partition(",")[0])
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == INTERRUPTED
        fresh.close()
    assert seen == ids(1, 3, 4)


@pytest.mark.parametrize(
    ("started", "first", "duration", "expected"),
    [
        (0.0, None, 4.0, "-" * 40),
        (0.0, 1.0, 4.0, "-" * 10 + "=" * 30),
        (2.0, 1.0, 1.0, " " * 20 + "-" * 10 + " " * 10),
        (4.0, None, 0.0, " " * 39 + "-"),
        (0.0, 0.0, 0.0, "=" + " " * 39),
        (9.0, 5.0, 9.0, " " * 39 + "-"),
    ],
)
def test_a_bar_stays_within_its_frame(started: float, first: float | None, duration: float, expected: str) -> None:
    assert logs_view.bar(started, first, duration, 4.0) == expected


@pytest.mark.parametrize(
    ("nano", "expected"),
    [
        (None, "unknown"),
        (0, "$0"),
        (400, "$0.000000400"),
        (12_345, "$0.000012"),
        (4_000_000, "$0.004000"),
        (25_500_000_000, "$25.50"),
    ],
)
def test_money_is_shown_to_what_matters(nano: int | None, expected: str) -> None:
    assert logs_view.money(nano) == expected


def test_a_reader_who_leaves_early_hears_no_complaint(tmp_path: Path, system: Path) -> None:
    """`headworks logs --json | head -1`: more than a pipe holds is left unread."""
    journal(tmp_path / "journal", *[record(number) for number in range(1, 401)])
    command = [sys.executable, "-m", "headworks", "logs", "--json", str(system)]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert msgspec.json.decode(child.stdout.readline())["request_id"] == ids(1)[0]
        child.stdout.close()
        assert child.stderr.read() == ""


def test_an_estimate_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    for is_estimated in (False, True):
        one = record(1, tokens=Usage(input=5, output=2), estimated=is_estimated)
        assert logs_view.line_of(one).estimated == is_estimated
        logs_view.show_record(one)
        [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("tokens")]
        assert ("estimated" in line) == is_estimated
