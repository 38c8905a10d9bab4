"""Aggregates over calls: counts, tokens, money and durations, by alias, key, target, day or hour.

Percentiles are read off classes of durations (16 a doubling), so they are right within 2.2%. By target, attempts are
counted and not calls: a call that was tried twice cost money at two targets. Almost every call has one attempt, which
its row describes; only of the others the record itself is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from headworks.core.record import Record
from headworks.ledger.facts import GOOD
from headworks.ledger.query import Filter, Queries
from headworks.ledger.store import PER_OCTAVE, SHIFT, duration_class

By = Literal["alias", "key", "user", "session", "target", "day", "hour"]
HOUR, DAY = 3600, 86400

_COLUMNS = {
    "alias": "alias",
    "key": "key",
    "user": "enduser",
    "session": "session",
    "target": "targets",
    "day": f"(id >> {SHIFT}) / {DAY * 1_000_000}",
    "hour": f"(id >> {SHIFT}) / {HOUR * 1_000_000}",
}


class Sum(msgspec.Struct, kw_only=True):
    """One group. calls: attempts where it is by target. errors: neither ok nor left by the caller. cost_nano: of those
    whose cost is known; `unpriced` is how many others there are. p50, p95: seconds."""

    names: tuple[str, ...]
    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_nano: int = 0
    unpriced: int = 0
    p50: float = 0.0
    p95: float = 0.0


class _Group:
    def __init__(self, names: tuple[str, ...]) -> None:
        self.sum = Sum(names=names)
        self.classes: dict[int, int] = {}

    def add(self, duration: int, counts: Sequence[int]) -> None:
        """duration: its class. counts: calls, errors, tokens, cost, and how many of them have one."""
        calls, errors, tokens, cost, priced = counts
        total = self.sum
        total.calls += calls
        total.errors += errors
        total.tokens += tokens
        total.cost_nano += cost
        total.unpriced += calls - priced
        self.classes[duration] = self.classes.get(duration, 0) + calls

    def summed(self) -> Sum:
        self.sum.p50 = self.percentile(0.50)
        self.sum.p95 = self.percentile(0.95)
        return self.sum

    def percentile(self, share: float) -> float:
        """Seconds that this share of the calls took at most: the middle of the class where it is reached."""
        left = share * self.sum.calls
        for one in sorted(self.classes):
            left -= self.classes[one]
            if left <= 0:
                return float(2.0 ** ((one + 0.5) / PER_OCTAVE) / 1e6) if one else 0.0
        return 0.0


def sums(questions: Queries, asked: Filter, by: Sequence[By]) -> list[Sum]:
    """The groups of these calls, the most expensive first, then the largest. Raises StoreTrouble."""
    clauses = questions.clauses(asked)
    if clauses is None:
        return []
    groups: dict[tuple[str, ...], _Group] = {}
    texts = {one: dict(questions.names(_COLUMNS[one])) for one in ("alias", "key")}
    # Of these there may be as many as calls, and calls without one have the number 0.
    texts |= {one: {0: "", **dict(questions.names(_COLUMNS[one]))} for one in ("user", "session") if one in by}
    targets = dict(questions.names("targets"))
    texts["target"] = {number: name for number, name in targets.items() if " " not in name}
    source, where, values = questions.plan(clauses)
    columns = ", ".join(_COLUMNS[one] for one in by)
    query = (
        f"SELECT class, count(*), {_whole('sum(is_failed)')}, {_whole('sum(input + output)')},"
        f" {_whole('coalesce(sum(cost), 0)')}, count(cost), {columns}"
        f" FROM {source} WHERE {where} GROUP BY {columns}, class"
    )
    for duration, *rest in questions.store.stream(query, values):
        if (names := _names(by, rest[5:], texts)) is not None:
            groups.setdefault(names, _Group(names)).add(duration, rest[:5])
    if "target" in by and len(texts["target"]) < len(targets):
        for line in questions.several(asked):
            _attempts(groups, by, msgspec.json.decode(line, type=Record), asked.target)
    found = [group.summed() for group in groups.values()]
    return sorted(found, key=lambda one: (-one.cost_nano, -one.calls, one.names))


def _whole(sum: str) -> str:
    """PostgreSQL's sums of large whole numbers are decimals."""
    return f"CAST({sum} AS BIGINT)"


def _names(by: Sequence[By], numbers: Sequence[int], texts: dict[str, dict[int, str]]) -> tuple[str, ...] | None:
    """What a group is called; None where its rows have several attempts."""
    names = []
    for one, number in zip(by, numbers, strict=True):
        if one in _SPANS:
            span, called = _SPANS[one]
            name: str | None = called(number * span)
        else:
            name = texts[one].get(number)
        if name is None:
            return None
        names.append(name or "-")
    return tuple(names)


def _attempts(groups: dict[tuple[str, ...], _Group], by: Sequence[By], record: Record, target: str | None) -> None:
    known = {"day": _day(record.at), "hour": _hour(record.at)}
    said = {"alias": record.model, "key": record.key, "user": record.user, "session": record.session}
    known |= {one: name or "-" for one, name in said.items()}
    for attempt in record.attempts:
        if target is not None and attempt.target != target:
            continue
        names = tuple(attempt.target if one == "target" else known[one] for one in by)
        tokens = attempt.tokens.input_tokens + attempt.tokens.output_tokens if attempt.tokens is not None else 0
        is_priced = attempt.cost_nano is not None
        took = round(max(0.0, attempt.ended_at - attempt.started_at) * 1e6)
        counts = (1, int(attempt.outcome not in GOOD), tokens, attempt.cost_nano or 0, int(is_priced))
        groups.setdefault(names, _Group(names)).add(duration_class(took), counts)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _hour(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:00Z")


_SPANS: Final[Mapping[By, tuple[int, Callable[[float], str]]]] = MappingProxyType(
    {"day": (DAY, _day), "hour": (HOUR, _hour)}
)
