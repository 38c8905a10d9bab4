"""What Prometheus reads: it parses, it agrees with the journal of a chaotic run, and its labels are the file's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from headworks.core.record import Record
from headworks.gateway.assemble import assemble
from headworks.ledger.journal import MemoryJournal
from headworks.ledger.ledger import Status
from headworks.policy.circuit import State
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.telemetry.exposition import Exposition, Readings
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.metrics import Metrics, Recorder
from headworks.telemetry.watchdog import BOUNDS
from headworks.testing import run_virtual
from tests.stack.systems import World

PAGE = (Path(__file__).parent.parent.parent / "docs" / "telemetry.md").read_text(encoding="utf-8")


def readings(circuits: dict[str, State] | None = None) -> Readings:
    return Readings(
        in_flight=3,
        queued=2,
        strangers=2,
        circuits=circuits or {"first/m": "open"},
        slots={"first": (1, 40)},
        answers={"assistant": (3, 4000, 2)},
        budget_alerts=["key/web"],
        journal_appended=7,
        journal_backlog=11,
        journal_lost=13,
        ledger=Status(trouble="", behind_bytes=17, behind_records=1, behind_seconds=19.0, indexed=6, skipped=0),
        version="1.2.3",
        config="abc",
        started_at=5.0,
        reloads={"reloaded": 4, "refused": 1},
        lags=Histogram(BOUNDS),
        workers={"0": True, "1": False},
        restarts=3,
    )


def parsed(metrics: Metrics, now: Readings | None = None) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Samples by name and labels; none is there twice."""
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(Exposition().text(metrics, now or readings()).decode()):
        assert family.documentation
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            assert labels not in found[sample.name]
            found[sample.name][labels] = sample.value
    return found


def faulty(provider: str, model: str) -> Simulated:
    vendor = VendorSettings(
        first_token=Percentiles(p50=0.3, p99=2.0),
        per_token=Percentiles(p50=0.02, p99=0.06),
        faults={"server_error": 0.2, "cut": 0.1, "rate_limited": 0.05, "refused": 0.05},
        seed=3,
    )
    return Simulated(VendorState(provider, vendor), model)


def chaos() -> tuple[Metrics, list[Record]]:
    """Three hundred callers, some of whom hang up or ask for what is not there."""
    world = World(faulty)
    metrics, journal = Metrics(), MemoryJournal()
    world.assembled = assemble(world.system, faulty, Recorder(journal, metrics, world.system.models), seed=5)
    run_virtual(world.run(300, 50.0, seed=11))
    return metrics, journal.records


def test_counters_are_what_the_records_say() -> None:
    metrics, records = chaos()
    found = parsed(metrics)
    assert len(records) == 300
    assert len({record.outcome for record in records}) >= 4, "too tame to prove anything"

    def summed(name: str, label: str) -> Counter[str]:
        sums: Counter[str] = Counter()
        for labels, value in found[name].items():
            sums[dict(labels)[label]] += int(value)
        return +sums

    def alias(record: Record) -> str:
        return record.model if record.model in ("assistant", "plain") else "unknown"

    attempts = [attempt for record in records for attempt in record.attempts]
    assert summed("headworks_calls_total", "alias") == Counter(map(alias, records))
    assert summed("headworks_calls_total", "outcome") == Counter(record.outcome for record in records)
    assert summed("headworks_calls_total", "status") == Counter(f"{record.status // 100}xx" for record in records)
    assert summed("headworks_call_duration_seconds_count", "outcome") == Counter(record.outcome for record in records)
    assert summed("headworks_attempts_total", "target") == Counter(attempt.target for attempt in attempts)
    assert summed("headworks_attempts_total", "why") == Counter(attempt.why for attempt in attempts)
    assert summed("headworks_tokens_total", "class").total() == sum(
        attempt.tokens.input_tokens + attempt.tokens.output_tokens for attempt in attempts if attempt.tokens is not None
    )
    assert found["headworks_first_token_seconds_count"] == {
        frozenset({("alias", name)}): float(sum(alias(r) == name and r.streamed and r.head_at > 0 for r in records))
        for name in ("assistant", "plain")
    }


def test_labels_are_the_system_files() -> None:
    metrics, _ = chaos()
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for name, samples in parsed(metrics).items():
        if name.startswith("headworks_"):
            for sample in samples:
                for label, value in sample:
                    labels[label].add(value)
    assert labels["alias"] == {"assistant", "plain", "unknown"}
    assert labels["target"] == {"first/m", "second/m", "last/m"}
    assert labels["key"] == {""}
    assert labels["status"] <= {"2xx", "4xx", "5xx"}


def test_readings_are_taken_at_the_scrape() -> None:
    found = parsed(Metrics())
    nothing: frozenset[tuple[str, str]] = frozenset()
    assert found["headworks_in_flight_calls"][nothing] == 3
    assert found["headworks_strangers_total"][nothing] == 2
    assert found["headworks_journal_backlog_bytes"][nothing] == 11
    assert found["headworks_journal_lost_records_total"][nothing] == 13
    assert found["headworks_ledger_behind_bytes"][nothing] == 17
    assert found["headworks_ledger_behind_seconds"][nothing] == 19
    assert found["headworks_ledger_indexed_total"][nothing] == 6
    assert found["headworks_circuit_state"] == {
        frozenset({("target", "first/m"), ("state", state)}): float(state == "open")
        for state in ("closed", "open", "half_open")
    }
    for name, value in (("answers", 3), ("bytes", 4000), ("evicted_total", 2)):
        assert found[f"headworks_cache_{name}"][frozenset({("alias", "assistant")})] == value
    assert found["headworks_budget_alert"] == {frozenset({("budget", "key/web")}): 1}
    assert found["headworks_provider_slots"][frozenset({("provider", "first")})] == 40
    assert found["headworks_provider_slots_in_use"][frozenset({("provider", "first")})] == 1
    assert found["headworks_reloads_total"][frozenset({("outcome", "refused")})] == 1
    [built] = found["headworks_build_info"]
    assert ("config", "abc") in built
    assert ("version", "1.2.3") in built


def test_changes_of_a_vendors_model_are_counted_by_target_and_field() -> None:
    metrics = Metrics()
    metrics.model_changes["vendor/m", "system_fingerprint"] += 2
    [(labels, count)] = parsed(metrics)["headworks_vendor_model_changes_total"].items()
    assert (dict(labels), count) == ({"target": "vendor/m", "field": "system_fingerprint"}, 2)


def test_a_name_of_the_file_cannot_break_the_text() -> None:
    name = 'odd "quoted"\\\nname'
    found = parsed(Metrics(), readings({name: "closed"}))
    assert {dict(labels)["target"] for labels in found["headworks_circuit_state"]} == {name}


def test_the_page_lists_every_metric_and_no_other() -> None:
    metrics, _ = chaos()
    families = {
        family.name
        for family in text_string_to_metric_families(Exposition().text(metrics, readings()).decode())
        if family.name.startswith("headworks_")
    }
    listed = {name.removesuffix("_total") for name in re.findall(r"^\| `(headworks_[a-z_]+)`", PAGE, re.MULTILINE)}
    assert listed == families
