"""The Prometheus exposition. The names and labels of all metrics are here and nowhere else."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from headworks.ledger.ledger import Status
from headworks.policy.circuit import State
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.metrics import SECONDS, Metrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
L = TypeVar("L", bound=tuple[str, ...])
"""The values of some labels."""

STATES: Final[tuple[State, ...]] = ("closed", "open", "half_open")


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """The gauges at the moment of a scrape.

    budget_alerts: budgets that have reached their alert level. slots: by provider, those in use and how many there are. answers: by alias, those kept in this process, their bytes, and
    how many had to go before their time. journal_backlog: bytes. started_at: wall clock.
    ledger: how far the store is behind the journal. workers: by number, whether each answers calls; restarts: how often one
    was started again. Both only where there are several.
    """

    in_flight: int
    queued: int
    strangers: int
    circuits: Mapping[str, State]
    slots: Mapping[str, tuple[int, int]]
    answers: Mapping[str, tuple[int, int, int]]
    budget_alerts: Sequence[str]
    journal_appended: int
    journal_backlog: int
    journal_lost: int
    ledger: Status
    version: str
    config: str
    started_at: float
    reloads: Mapping[str, int]
    lags: Histogram
    workers: Mapping[str, bool] = {}
    restarts: int = 0


class Exposition:
    """Writes the counters, and readings that are given to it, as Prometheus' text."""

    def __init__(self) -> None:
        # Memory, processor time and open files of this process, from /proc; nothing where there is none.
        self._process = ProcessCollector(registry=None)

    def text(self, metrics: Metrics, now: Readings) -> bytes:
        """Some 10 us a line, 25 ms for twenty aliases with ten keys: for a thread, which may run beside the loop.

        A call that ends meanwhile may be in one family already and not yet in another.
        """
        return generate_latest(_Scrape(metrics, now)) + generate_latest(self._process)


class _Scrape(Collector):
    """The families of one answer."""

    def __init__(self, metrics: Metrics, now: Readings) -> None:
        self.metrics = metrics
        self.now = now

    def collect(self) -> Iterable[Metric]:
        yield from self._calls()
        yield from self._running(self.now)

    def _calls(self) -> Iterable[Metric]:
        calls = _counter("calls", "Calls that ended, each of which is a record.", "alias", "key", "outcome", "status")
        costs = _counter("cost_dollars", "What calls cost, where it is known.", "alias", "key")
        durations: defaultdict[tuple[str, str], Histogram] = defaultdict(lambda: Histogram(SECONDS))
        heads: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        tokens: Counter[tuple[str, str]] = Counter()
        nanos: Counter[tuple[str, str]] = Counter()
        unknown: Counter[str] = Counter()
        for (alias, key, outcome, hundreds), tally in list(self.metrics.calls.items()):  # the loop may add one
            calls.add_metric([alias, key, outcome, f"{hundreds}xx"], sum(tally.durations.counts))
            durations[alias, outcome].merge(tally.durations)
            if any(tally.heads.counts):
                heads[alias].merge(tally.heads)
            tokens.update({(alias, name): count for name, count in tally.tokens.items()})
            nanos[alias, key] += tally.cost_nano
            unknown[alias] += tally.unpriced
        for payer, nano in nanos.items():
            costs.add_metric(payer, nano / 1e9)
        yield calls
        yield costs
        yield _counted("calls_of_unknown_cost", "Calls that were tried and whose cost is not known.", unknown, "alias")
        yield _counted("tokens", "Tokens of every attempt; the classes are disjoint.", tokens, "alias", "class")
        attempts = dict(self.metrics.attempts)
        yield _counted("attempts", "Attempts at targets, and what for.", attempts, "target", "why", "outcome")
        cached = dict(self.metrics.cached)
        yield _counted("cache_calls", "Calls of aliases that keep or share answers.", cached, "alias", "found")
        kept = {(outcome,): count for outcome, count in list(self.metrics.responses.items())}
        yield _counted("stored_responses", "Answers of Responses that were to be kept.", kept, "outcome")
        changes = dict(self.metrics.model_changes)
        words = "Times that a vendor's answers named a model or a build that they had not named lately."
        yield _counted("vendor_model_changes", words, changes, "target", "field")
        name = "call_duration_seconds"
        yield _histogram(name, "From the arrival to the last chunk.", durations, "alias", "outcome")
        name = "first_token_seconds"
        yield _histogram(name, "Streamed calls: from the arrival to the first content.", heads, "alias")

    def _running(self, now: Readings) -> Iterable[Metric]:
        yield _one(_gauge("in_flight_calls", "Calls that have arrived and not ended."), now.in_flight)
        yield _one(_gauge("queued_calls", "Of these, calls that wait for a place."), now.queued)
        yield _one(
            _counter("strangers", "Callers without a key that is known: counted here, not journaled."), now.strangers
        )
        circuits = _gauge("circuit_state", "1 for the state in which a target's circuit is.", "target", "state")
        for target, current in now.circuits.items():
            for state in STATES:
                circuits.add_metric([target, state], state == current)
        yield circuits
        taken = _gauge("provider_slots_in_use", "Calls at a provider that has a `concurrency`.", "provider")
        there = _gauge("provider_slots", "The `concurrency` of a provider.", "provider")
        for provider, (in_use, limit) in now.slots.items():
            taken.add_metric([provider], in_use)
            there.add_metric([provider], limit)
        yield taken
        yield there
        kept = _gauge("cache_answers", "Answers that are kept in this process.", "alias")
        size = _gauge("cache_bytes", "Bytes that they take.", "alias")
        gone = _counter("cache_evicted", "Answers that made room for others before their time.", "alias")
        for alias, (count, taking, evicted) in now.answers.items():
            kept.add_metric([alias], count)
            size.add_metric([alias], taking)
            gone.add_metric([alias], evicted)
        yield kept
        yield size
        yield gone
        alerts = _gauge("budget_alert", "1 for a budget that has reached its alert level in this window.", "budget")
        for budget in now.budget_alerts:
            alerts.add_metric([budget], 1)
        yield alerts
        yield _one(_counter("journal_records", "Records that the journal took."), now.journal_appended)
        yield _one(_gauge("journal_backlog_bytes", "Bytes of records that wait for the disk."), now.journal_backlog)
        yield _one(_counter("journal_lost_records", "Records lost because the disk was full."), now.journal_lost)
        ledger = now.ledger
        yield _one(
            _gauge("ledger_behind_bytes", "Bytes of journal that the store has not got yet."), ledger.behind_bytes
        )
        yield _one(_gauge("ledger_behind_seconds", "For how long the store has been behind."), ledger.behind_seconds)
        yield _one(_counter("ledger_indexed", "Records that went into the store."), ledger.indexed)
        yield _one(_counter("ledger_skipped_lines", "Lines of the journal that were no records."), ledger.skipped)
        yield _histogram("event_loop_lag_seconds", "How late the event loop woke a sleeper.", {(): now.lags})
        yield _counted("reloads", "Times that the system file was read again.", now.reloads, "outcome")
        if now.workers:
            workers = _gauge("worker_up", "1 for a worker that answers calls.", "worker")
            for worker, is_up in now.workers.items():
                workers.add_metric([worker], is_up)
            yield workers
            yield _one(_counter("worker_restarts", "Times that a worker died and was started again."), now.restarts)
        built = _gauge("build_info", "1; what runs is in the labels.", "version", "python", "config")
        built.add_metric([now.version, platform.python_version(), now.config], 1)
        yield built
        yield _one(_gauge("start_time_seconds", "When the gateway started, in seconds since 1970."), now.started_at)


def _counter(name: str, words: str, *labels: str) -> CounterMetricFamily:
    """Prometheus adds `_total` to a counter's name."""
    return CounterMetricFamily(f"headworks_{name}", words, labels=labels)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"headworks_{name}", words, labels=labels)


def _counted(name: str, words: str, counts: Mapping[str, int] | Mapping[L, int], *labels: str) -> Metric:
    family = _counter(name, words, *labels)
    for values, count in counts.items():
        family.add_metric([values] if isinstance(values, str) else values, count)
    return family


def _histogram(name: str, words: str, found: Mapping[str, Histogram] | Mapping[L, Histogram], *labels: str) -> Metric:
    family = HistogramMetricFamily(f"headworks_{name}", words, labels=labels)
    for values, histogram in found.items():
        family.add_metric([values] if isinstance(values, str) else values, histogram.buckets(), histogram.sum)
    return family


def _one(family: CounterMetricFamily | GaugeMetricFamily, value: float) -> Metric:
    family.add_metric([], value)
    return family
