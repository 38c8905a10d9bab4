"""A suite on a real system in process: what is asked, what is written, what is never paid twice."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import EvalError
from headworks.evals import page, report, results
from headworks.evals.plan import Plan, RunOptions, estimate_run
from headworks.evals.results import Ended, Result, lines
from headworks.evals.runner import Progress
from headworks.evals.session import Session, SessionOptions
from headworks.evals.statistics import compare
from headworks.evals.statistics.table import Table
from headworks.evals.suites.suite import LoadedSuite
from headworks.evals.suites.suite_file import load
from headworks.system.load import Loaded, read

SYSTEM = """\
name: shop
requirements:
  objectives:
    - {id: answers, metric: quality, suite: shop, at_least: AT_LEAST}
providers:
  sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, seed: SEED, faults: {FAULTS}}
models:
  assistant: {targets: [sim], price: {input: $1/M, output: $2/M}, retry: {attempts: 1}}
suites: {shop: shop.yaml}
log: {store: "sqlite:///l.db", journal: j}
"""

SUITE = """\
version: 1
parameters: {max_tokens: 8}
scorers: [{kind: regex, pattern: '[aeiou]'}]
conditions: [typos, {kind: repetition, amount: 2}]
samples:
"""


def files(folder: Path, *, samples: int = 12, at_least: str = "50%", faults: str = "", seed: int = 0) -> Loaded:
    rows = "".join(f"  - {{input: which rake is number {number} for moss}}\n" for number in range(samples))
    (folder / "shop.yaml").write_text(SUITE + rows)
    text = SYSTEM.replace("AT_LEAST", at_least).replace("FAULTS", faults).replace("SEED", str(seed))
    return read(text.encode(), file="s", folder=folder, env=os.environ)


def suite(folder: Path) -> LoadedSuite:
    return load(folder / "shop.yaml", "shop")


def ran(loaded: Loaded, wanted: SessionOptions | None = None) -> tuple[Session, Table]:
    session = Session(loaded, suite(loaded.folder), wanted or SessionOptions())
    written = session.results()
    told: list[Progress] = []
    asyncio.run(session.run(written, told.append))
    assert told or written.path.exists()
    return session, Table(written.path)


def test_a_run_is_written_item_by_item_and_judged_against_the_objective(tmp_path: Path) -> None:
    session, table = ran(files(tmp_path))
    assert session.estimate.calls == 12 * 4
    said = session.summary(table)
    assert [(row.condition, row.samples, row.calls) for row in said.rows] == [
        ("plain", 12, 12),
        ("typos", 12, 12),
        ("repetition", 12, 24),
    ]
    assert said.is_complete
    assert [(one.id, one.verdict) for one in said.gates] == [("answers", "holds")]
    assert said.flicker is not None
    assert said.flicker.all_of[2] == 1.0
    assert said.cost_nano is not None
    assert 0 < said.cost_nano <= (session.estimate.cost_nano or 0)
    found = [line for _, line in lines(table.path) if isinstance(line, Result)]
    assert len(found) == 48
    assert all(one.answer and one.request_id and one.seconds > 0 for one in found)


def test_the_same_plan_asks_the_same_bytes(tmp_path: Path) -> None:
    loaded = files(tmp_path)
    bodies = [
        [item.asked.body for item in Plan(suite(tmp_path), loaded.system, RunOptions()).items()] for _ in range(2)
    ]
    assert bodies[0] == bodies[1]
    other = [item.asked.body for item in Plan(suite(tmp_path), loaded.system, RunOptions(seed=2)).items()]
    assert other != bodies[0]
    few = Plan(suite(tmp_path), loaded.system, RunOptions(samples=3, conditions=("none",)))
    assert estimate_run(few).calls == 3


def test_a_run_that_was_killed_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    loaded = files(tmp_path)
    _, whole = ran(loaded)
    kept = whole.path.read_bytes().splitlines(keepends=True)
    whole.path.write_bytes(b"".join(kept[:20]) + kept[20][:30])  # a kill in the middle of a write
    session, table = ran(loaded)
    assert table.path == whole.path
    items = [(one.sample, one.condition, one.repeat) for _, one in lines(table.path) if isinstance(one, Result)]
    assert len(items) == len(set(items)) == session.estimate.calls
    assert table.path.read_bytes().splitlines(keepends=True)[:20] == kept[:20]
    # A complete run is not gone on with, nor is one of another suite.
    assert results.unfinished(table.path.parent, session.plan.header().digest) is None
    again, other = ran(loaded)
    assert other.path != table.path
    assert again.summary(other).samples == 12


def test_two_runs_never_write_one_file(tmp_path: Path) -> None:
    session = Session(files(tmp_path), suite(tmp_path), SessionOptions())
    first = session.results()
    second = session.results()
    assert first.path != second.path
    first.close()
    second.close()


def test_a_bound_on_cost_is_never_exceeded_and_what_was_lost_counts(tmp_path: Path) -> None:
    loaded = files(tmp_path)
    bound = 200_000
    session, table = ran(loaded, SessionOptions(max_cost=bound))
    said = session.summary(table)
    assert not said.is_complete
    assert said.why == "the cost limit was reached"
    assert said.cost_nano is not None
    assert 0 < said.cost_nano <= bound
    before = said.samples
    # A call that was in flight when the process died may have cost what was reserved for it.
    with table.path.open("ab") as file:
        lost = results.Opened(sample="s", condition="plain", repeat=0, cost_nano=bound)
        file.write(msgspec.json.encode(lost) + b"\n")
    session, table = ran(loaded, SessionOptions(max_cost=bound))
    assert session.summary(table).samples == before
    # Without the bound the same run goes on to its end.
    session, table = ran(loaded)
    assert session.summary(table).is_complete


def test_a_bound_on_cost_needs_a_price(tmp_path: Path) -> None:
    loaded = files(tmp_path)
    model = msgspec.structs.replace(loaded.system.models["assistant"], price=None)
    system = msgspec.structs.replace(loaded.system, models={"assistant": model})
    with pytest.raises(EvalError, match="the price of `assistant` is unknown"):
        Session(msgspec.structs.replace(loaded, system=system), suite(tmp_path), SessionOptions(max_cost=1))


def test_calls_without_an_answer_are_no_verdict_and_are_asked_again(tmp_path: Path) -> None:
    session, table = ran(files(tmp_path, faults="server_error: 30%", samples=20))
    said = session.summary(table)
    assert said.rows[0].failed > 0
    assert said.gates[0].verdict == "not enough data"
    assert "had no answer" in said.gates[0].why


def test_a_system_that_answers_nothing_ends_the_run_and_nothing_is_said_of_it(tmp_path: Path) -> None:
    session, table = ran(files(tmp_path, faults="server_error: 100%", samples=40))
    said = session.summary(table)
    assert (said.is_complete, said.why) == (False, "none of the first 12 calls got an answer")
    assert 12 <= sum(row.failed for row in said.rows) == sum(row.calls for row in said.rows) < 40
    assert said.no_verdict == f"none of {said.rows[0].failed} calls had an answer"
    assert said.gates[0].verdict == "not enough data"


def test_two_systems_are_compared_sample_by_sample_and_reported(tmp_path: Path) -> None:
    loaded = files(tmp_path)
    session, ours = ran(loaded)
    session_b, theirs = ran(files(tmp_path, seed=5), SessionOptions(fresh=True))
    suite_ = session.plan.suite
    found = compare.compare(ours, theirs, suite_, session.plan.conditions)
    assert [row.condition for row in found.rows] == ["plain", "typos", "repetition"]
    assert found.rows[0].paired.difference.n == 12
    # Against itself nothing changed, and that is not enough to say that it is not three points worse.
    same = compare.compare(ours, ours, suite_, session.plan.conditions)
    assert (same.worse, same.better, same.gate.verdict) == (0, 0, "not enough data")
    assert same.gate.missing == 99 - 12  # (1 - 3 %)^99 is 4.9 %
    made = [report.Report(summary=session.summary(ours), ours=ours, theirs=theirs, comparison=found)]
    for name, write in (("h.html", page.write_html), ("j.xml", report.write_junit), ("m.md", report.write_markdown)):
        write(tmp_path / name, made)
        assert "shop" in (tmp_path / name).read_text()
    html = (tmp_path / "h.html").read_text()
    assert html.count("<svg") == 2  # what passes, and ours minus theirs
    assert 'aria-label="share that passes: plain ' in html
    assert ">typos</text>" in html
    assert session_b.summary(theirs).is_complete
    assert isinstance(report.as_json(made)[0]["comparison"], dict)


def test_a_file_that_is_none_of_ours_is_said(tmp_path: Path) -> None:
    other = tmp_path / "x.jsonl"
    other.write_text('{"line": "result"}\n')
    with pytest.raises(EvalError, match="is not a results file"):
        Table(other)
    with pytest.raises(EvalError, match="cannot be read"):
        Table(tmp_path / "none.jsonl")
    other.write_bytes(msgspec.json.encode(Ended(is_complete=True)))
    with pytest.raises(EvalError, match="is not a results file"):
        Table(other)


def test_conditions_have_gates_of_their_own_and_a_direction(tmp_path: Path) -> None:
    loaded = files(tmp_path, samples=40)
    file = tmp_path / "shop.yaml"
    mine = "[{kind: upper_case, claim: must_refuse, at_least: 50%}, {kind: typos, most_drop: 10%}, injection]"
    file.write_text(file.read_text().replace("[typos, {kind: repetition, amount: 2}]", mine))
    session, table = ran(loaded)
    said = session.summary(table)
    assert [(one.id, one.verdict) for one in said.gates] == [
        ("answers", "holds"),
        ("upper_case", "does not hold"),  # it refuses nothing
        ("typos-drop", "holds"),
    ]
    rows = {row.condition: row for row in said.rows}
    assert rows["upper_case"].passed == 0
    assert rows["upper_case"].drop is None
    assert rows["injection"].passed == 40
    assert said.groups == ()


def test_clusters_are_few_or_enough(tmp_path: Path) -> None:
    loaded = files(tmp_path, samples=30)
    file = tmp_path / "shop.yaml"
    text = file.read_text()
    for clusters, verdict in ((4, "not enough data"), (15, "holds")):
        rows = text
        for number in range(30):
            rows = rows.replace(f"number {number} for", f"number {number} of {clusters} for").replace(
                f"of {clusters} for moss}}", f"of {clusters} for moss, cluster: c{number % clusters}}}", 1
            )
        file.write_text(rows)
        session, table = ran(loaded, SessionOptions(choices=RunOptions(conditions=("none",))))
        [gate] = session.summary(table).gates
        assert (gate.verdict, gate.estimate.clusters) == (verdict, clusters)


def in_clusters(folder: Path, clusters: list[str]) -> Loaded:
    """A suite whose samples belong to these clusters; each has its cluster for a tag."""
    loaded = files(folder)
    rows = "".join(f"  - {{input: rake {n}, cluster: {c}, tags: [{c}]}}\n" for n, c in enumerate(clusters))
    (folder / "shop.yaml").write_text(SUITE.replace("conditions: [typos, {kind: repetition, amount: 2}]\n", "") + rows)
    return loaded


def test_every_figure_of_a_page_knows_the_clusters_or_is_not_shown(tmp_path: Path) -> None:
    session, table = ran(in_clusters(tmp_path, ["big"] * 16 + ["a", "b", "c", "d"]))
    said = session.summary(table)
    why = "80 % of the samples are one cluster"
    assert (said.samples, said.clusters, said.gap_seen) == (20, 5, None)
    assert said.rows[0].share is not None
    assert said.rows[0].share.cannot_say == why
    assert (said.gates[0].verdict, said.gates[0].why) == ("not enough data", why)
    tags = {group.name: group.share for group in said.groups}
    assert tags["big"] is not None
    assert tags["big"].cannot_say == "only 1 cluster: 5 at least"
    compared = compare.compare(table, table, session.plan.suite, session.plan.conditions)
    assert (compared.rows[0].p, compared.rows[0].items_needed, compared.gate.why) == (None, 0, why)
    made = report.Report(summary=said, ours=table, theirs=table, comparison=compared)
    assert report.needed(compared) == ""
    pages = (("h.html", page.write_html), ("m.md", report.write_markdown))
    for name, write in pages:
        write(tmp_path / name, [made])
        text = (tmp_path / name).read_text()
        assert f"100.0% [cannot say: {why}]" in text.replace("\\", "")
        assert "<svg" not in text
    assert "20 samples in 5 clusters: too few clusters, or one too large" in (tmp_path / "h.html").read_text()


def test_figures_of_clusters_say_what_these_are_worth(tmp_path: Path) -> None:
    session, table = ran(in_clusters(tmp_path, [f"c{n % 8}" for n in range(24)]))
    said = session.summary(table)
    assert (said.clusters, said.effective) == (8, 8.0)  # all answers are alike: so may each cluster's be
    assert report.detectable(said).startswith(
        "with 24 samples in 8 clusters (worth 8 independent ones) only differences"
    )
    assert report.detectable(said).endswith("points can be detected (80 % power)")


def test_what_a_comparison_needs_is_said_in_items_and_clusters(tmp_path: Path) -> None:
    loaded = in_clusters(tmp_path, [f"c{n % 8}" for n in range(24)])
    session, ours = ran(loaded)
    theirs = Table(ours.path)
    theirs.codes[:6] = 0
    compared = compare.compare(ours, theirs, session.plan.suite, session.plan.conditions)
    first = compared.rows[0]
    assert first.paired.chi2 is None
    needed = report.needed(compared)
    clusters = -(-first.items_needed * 8 // 24)
    assert needed == (
        f"{first.items_needed} items in {clusters} clusters are needed to detect a difference of 3 points in this suite"
    )
