"""At 80 columns no table of any command breaks a word."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headworks.cli
from headworks.cli import check, drill
from headworks.cli.main import run
from headworks.cli.tables import Output, fitted_widths
from headworks.cli.views import eval as eval_view
from headworks.cli.views import load as load_view
from headworks.cli.views import logs as logs_view
from headworks.cli.views import plan as plan_view
from headworks.drill.library import library
from headworks.evals import report as evals_report
from headworks.evals.statistics import compare
from headworks.gateway.live_verdict import Live
from headworks.ledger.sums import Sum
from headworks.load.max_rate import Probe, RateSearch
from headworks.load.run import Generator, Latency
from headworks.load.run import Report as LoadReport
from headworks.load.verdict import ComparedValue
from headworks.load.verdict import Verdict as Measured
from headworks.system.load import read
from headworks.system.schema.requirements import Traffic
from headworks.twin.models.building import Assumption
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.report.report import Effect, Effort, Report, Sensitivity
from headworks.twin.screening.giving_way import Carrying, DayUse
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.verdict import Verdict
from tests.evals import test_running as evaluated
from tests.ledger.records import attempt, record

LONG = """
name: support-assistant
requirements:
  traffic: {peak_rps: 5, output_tokens: {p50: 20, p95: 40}, prompt_tokens: {p50: 100, p95: 300}}
  objectives:
    - {id: first-token-of-support, metric: time_to_first_token, percentile: 95, at_most: 200ms, alias: support-assistant-v2}
    - {id: cost-of-the-month, metric: cost_per_call, at_most: $0.000000001}
providers:
  first-vendor-in-frankfurt: {dialect: simulated, first_token: {p50: 300ms, p99: 900ms}, rpm: 600, concurrency: 9}
  second-vendor-in-virginia: {dialect: openai, base_url: "https://w/v1", concurrency: 7}
models:
  support-assistant-v2:
    targets: [first-vendor-in-frankfurt, second-vendor-in-virginia/organisation/gpt-oss-120b-instruct]
    price: {input: $1.25/M, output: $10/M}
"""

KEYS = """
groups: {customers-of-the-shop: {keys: [the-web-shop-of-today], rpm: 6000, tpm: 2M, budget: {amount: $900, every: 30d}}}
keys: {the-web-shop-of-today: {key: "${env:NOT_SET}", rpm: 600, concurrency: 20, models: [support-assistant-v2], tags: [front-end]}}
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_of(terminal: Terminal) -> list[str]:
    """What stands there, without colours."""
    return re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue()).splitlines()


class Screen:
    """Shows things on a terminal of so many columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def lines(self, columns: int, show: Callable[[], object]) -> list[str]:
        self.monkeypatch.setenv("COLUMNS", str(columns))
        self.monkeypatch.setenv("TERM", "dumb")
        terminal = Terminal()
        with redirect_stdout(terminal):
            show()
        return lines_of(terminal)

    def breaks_nothing(self, show: Callable[[], object]) -> list[str]:
        """What is shown at 80 columns: every word that there is with room for all."""
        narrow, wide = self.lines(80, show), self.lines(2000, show)
        whole = {word for line in narrow for word in line.split()}
        assert {word for line in wide for word in line.split() if word.strip("─")} <= whole
        return narrow


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    return Screen(monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "headworks.yaml"
    path.write_text(LONG + KEYS)
    return str(path)


def test_check(file: str, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_SET", "a-key-of-some-length")
    lines = screen.breaks_nothing(lambda: run(["check", file]))
    target = "second-vendor-in-virginia/organisation/gpt-oss-120b-instruct"
    assert any(target in line for line in lines)
    live = [Live(target=target, verdict="wrong", why="its vendor refuses us: 401 (invalid_api_key)", cost_nano=120)]
    screen.breaks_nothing(lambda: check.show_live(live, is_asked=True))


def test_plan(tmp_path: Path, screen: Screen) -> None:
    system = read(LONG.encode(), file="x", folder=tmp_path, env={}).system
    known = PlanInputs(read=lambda path: b"", records=None, is_fitted=False)
    ready = prepare(system, known)
    screen.breaks_nothing(lambda: plan_view.show_screening(ready.screening, ready.demand.source))
    effects = [
        Effect(objective=name, change=0.123, low=0.1, high=0.15)
        for name in ("first-token-of-support", "cost-of-the-month")
    ]
    report = Report(
        headworks="1",
        system="support-assistant",
        digest="d",
        verdict="does not hold",
        traffic="5 a second",
        overloads=[],
        verdicts=[
            Verdict(
                id=one.objective,
                objective="time_to_first_token p95 <= 200ms over 30d",
                alias="support-assistant-v2",
                metric="time_to_first_token",
                verdict="does not hold",
                limit=0.2,
                value=0.9,
                low=0.85,
                high=0.95,
                why="the whole interval is above the bound",
            )
            for one in effects
        ],
        binding=Bottleneck(name="x", at_peak=0.5, said="nothing"),
        remedies=[],
        sensitivities=[
            Sensitivity(knob="concurrency-of-first-vendor", said="doubled", kind="limit", path="p", effects=effects)
        ],
        uses=[],
        latencies=[],
        screening=ready.screening,
        assumptions=[Assumption(about="second-vendor-in-virginia", assumed="that it is as fast as others " * 4)],
        models=[],
        prices={},
        effort=Effort(seed=1, runs=2, most_runs=12, calls=100, measured=200, wanted=100, simulated=200),
        carrying=Carrying(rate=5.0, capacity=7.0, first="tpm of second-vendor-in-virginia", multiples=[]),
        distributions=[],
        days=[DayUse(name="tpm of second-vendor-in-virginia", hours=[0.5] * 24)],
        calls_a_month=1e6,
    )
    screen.breaks_nothing(lambda: plan_view.show(report, is_detailed=True))
    assert any("first-token-of-support" in line for line in screen.breaks_nothing(lambda: plan_view.show(report)))


def test_load(screen: Screen) -> None:
    report = LoadReport(
        headworks="1",
        system="shop",
        digest="d",
        url="http://here",
        at=0.0,
        traffic=str(Traffic()),
        seed=1,
        seconds=10.0,
        rate=20.0,
        calls=200,
        ended={"cut": 1, "ok": 199},
        codes={"200 upstream_cut": 1},
        found={"hit": 3},
        goodput=19.0,
        latencies=[
            Latency(
                alias="support-assistant-v2", metric="time_to_first_token", calls=90000, at=[0.0012, 0.2, 33.0, 40.0]
            )
        ],
        pace=[0.01, 0.02, 0.03, 0.04],
        tokens_per_second=5.0,
        generator=Generator(late_p50=0.0, late_p99=0.1, late_most=0.2, tolerated=0.05, busy=0.2, trusted=False),
        verdict="does not hold",
        why="",
        verdicts=[
            Measured(
                id="first-token-of-support",
                limit=0.2,
                alias="support-assistant-v2",
                objective="time_to_first_token p95 <= 200ms over 30d",
                metric="time_to_first_token",
                verdict="does not hold",
                value=0.3,
                low=0.25,
                high=0.35,
                why="0.3000 s is above the bound of 200 ms, which the whole interval is",
            )
        ],
        stopped="",
        searched=RateSearch(
            holds=20.0,
            fails=None,
            probes=[
                Probe(rate=20.0, holds=None, leans=True, calls=70000, seconds=1.0, why="a " * 60 + "remarkable reason")
            ],
        ),
        compared=[
            ComparedValue(
                what="the p95 of support-assistant-v2",
                metric="time_to_first_token",
                predicted=0.99,
                measured=0.98,
                error=-0.01,
                low=0.95,
                high=0.97,
                within=False,
            )
        ],
    )
    screen.breaks_nothing(lambda: load_view.show(report))


def test_keys(file: str, screen: Screen) -> None:
    lines = screen.breaks_nothing(lambda: run(["keys", "list", file]))
    assert any("customers-of-the-shop" in line for line in lines)
    screen.breaks_nothing(lambda: run(["keys", "show", "the-web-shop-of-today", file]))


def test_eval(tmp_path: Path, screen: Screen) -> None:
    session, ours = evaluated.ran(evaluated.files(tmp_path))
    _, theirs = evaluated.ran(evaluated.files(tmp_path, seed=5), evaluated.SessionOptions(fresh=True))
    found = compare.compare(ours, theirs, session.plan.suite, session.plan.conditions)
    report = evals_report.Report(summary=session.summary(ours), ours=ours, theirs=theirs, comparison=found)
    assert any("repetition" in line for line in screen.breaks_nothing(lambda: eval_view.show(report)))


def test_drills(screen: Screen) -> None:
    lines = screen.breaks_nothing(lambda: drill.show_list(library(), as_json=False))
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("model", "key"), [("assistant", "web"), ("support-assistant", "nightly-batch"), ("a" * 300, "b" * 300)]
)
def test_logs(model: str, key: str, screen: Screen) -> None:
    calls = [
        record(number, model=model, key=key, outcome="cancelled", cost_nano=123_456, attempts=[attempt("vendor/gpt")])
        for number in range(2)
    ]
    lines = screen.lines(80, lambda: logs_view.show_table(calls))
    assert max(map(len, lines)) <= 80
    assert sum(line.count("cancelled") for line in lines) == 2
    text = " ".join(" ".join(lines).split())
    assert (model in text and key in text) if len(model) < 20 else "…" in text


def test_sums(screen: Screen) -> None:
    names = ("support-assistant-v2", "nightly-batch", "second-vendor/gpt-oss-120b-instruct", "2026-11-30")
    one = Sum(names=names, calls=123456, errors=1234, tokens=123456789, cost_nano=10**13, unpriced=1, p50=0.1, p95=12.5)
    screen.breaks_nothing(lambda: logs_view.show_sums([one], ("alias", "key", "target", "day")))


def test_every_table_is_printed_by_output_or_tried_above() -> None:
    package = Path(headworks.cli.__file__).parent
    making = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "from rich.table import" in path.read_text()
    }
    assert making == {"tables.py", "views/logs.py"}  # of the latter: where there is more room than 80 columns


WORDS = st.lists(st.text("abc-é漢", min_size=1, max_size=30), max_size=12).map(" ".join)


@settings(max_examples=30)
@given(st.lists(st.lists(WORDS, min_size=5, max_size=5), min_size=1, max_size=4), st.integers(80, 140), st.booleans())
def test_law_no_word_is_broken_and_no_line_is_longer_than_the_screen(
    rows: list[list[str]], columns: int, is_headed: bool
) -> None:
    terminal = Terminal()
    with redirect_stdout(terminal):
        envelope = Output()
        envelope.console.width = columns
        table = envelope.table(*"first second third fourth fifth".split(), right=("third",), is_headed=is_headed)
        for row in rows:
            table.add_row(*row)
        envelope.print(table)
    lines = lines_of(terminal)
    assert {word for row in rows for cell in row for word in cell.split()} <= {
        w for line in lines for w in line.split()
    }


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 90)), min_size=1, max_size=9), st.integers(0, 200))
def test_law_widths_fit_and_none_is_below_its_longest_word(pairs: list[tuple[int, int]], room: int) -> None:
    least = [word for word, _ in pairs]
    natural = [word + more for word, more in pairs]
    found = fitted_widths(natural, least, room)
    if found is None:
        assert sum(least) > room
    else:
        assert sum(found) <= room or found == natural
        assert all(low <= one <= high for low, one, high in zip(least, found, natural, strict=True))
        assert sum(natural) > room or found == natural


def test_nothing_in_a_cell_is_markup(screen: Screen) -> None:
    def show() -> None:
        envelope = Output()
        table = envelope.table("name")
        table.add_row("[red]x[/red] :smile:")
        envelope.print(table)

    assert any("[red]x[/red] :smile:" in line for line in screen.lines(80, show))
