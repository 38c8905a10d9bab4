"""Counters and histograms of calls, updated from their records.

Always true: what is counted here is what the journal was given, so counters and records agree to the digit. Labels are
bounded by the system file: an alias that is not in it is `unknown`, keys and targets are those that the stack itself has
named, everything else is a closed set. Counting is plain dicts and lists, because it stands on the way of every call's
last chunk: `prometheus_client`'s `labels().inc()` costs 1.1 us where this costs 0.1, and is used for the text only
(`docs/adr/0022`). Nothing here knows a clock, a file or a socket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection
from typing import Final

import msgspec

from headworks.core.masking import NOTHING, Mask
from headworks.core.record import Opened, Record
from headworks.layers.trace import Journal
from headworks.telemetry.histogram import Histogram

UNKNOWN: Final = "unknown"
"""Stands for every model name that the system file does not have."""

SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds of calls and first tokens: Prometheus' own (x 2.5, x 2, x 2) up to the usual total of 120 s and beyond."""

OTHERS: Final = ("cached_input", "cache_write", "cache_write_1h", "audio_input", "reasoning", "audio_output")
"""The classes of `Usage` that most answers have nothing of. All are disjoint: their sum is all that was used."""


class Tally:
    """Calls that ended alike: their times, tokens and cost.

    durations: seconds from the arrival to the last chunk. heads: seconds from the arrival to the head, of streamed
    calls. tokens: of every attempt, also of those whose answer nobody got. cost_nano: where it is known; unpriced: how
    many calls made an attempt and have no known cost.
    """

    __slots__ = ("cost_nano", "durations", "heads", "input", "others", "output", "unpriced")

    def __init__(self) -> None:
        self.durations = Histogram(SECONDS)
        self.heads = Histogram(SECONDS)
        self.input = 0
        self.output = 0
        self.others: defaultdict[str, int] = defaultdict(int)
        self.cost_nano = 0
        self.unpriced = 0

    @property
    def tokens(self) -> dict[str, int]:
        """By class, those of which there were any."""
        found = {"input": self.input, "output": self.output, **self.others}
        return {name: count for name, count in found.items() if count}


class Metrics:
    """The counters of all calls since the process started. A reload does not reset them."""

    def __init__(self) -> None:
        self.calls: defaultdict[tuple[str, str, str, int], Tally] = defaultdict(Tally)
        """By alias, key, outcome and the hundreds of the status."""
        self.attempts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        """By target, why and outcome."""
        self.cached: defaultdict[tuple[str, str], int] = defaultdict(int)
        """By alias and what the cache had to say, calls that it was asked for."""
        self.responses: defaultdict[str, int] = defaultdict(int)
        """Answers of Responses that were to be kept, by what became of them: `kept`, or why not; `unread`: calls whose earlier answer
        could not be read."""
        self.model_changes: defaultdict[tuple[str, str], int] = defaultdict(int)
        """By target, and which field of its vendor's answers had a new name. Not read off records, which do not have it."""

    def observe(self, record: Record, alias: str) -> None:
        """Counts one call under an alias of the system file, or under UNKNOWN."""
        # One table and one look into it, because a tuple of strings costs as much as all that follows.
        tally = self.calls[alias, record.key, record.outcome, record.status // 100]
        arrived_at = record.arrived_at
        seconds = record.last_at - arrived_at
        durations = tally.durations
        durations.counts[bisect_left(SECONDS, seconds)] += 1
        durations.sum += seconds
        if record.streamed and record.head_at:
            tally.heads.add(record.head_at - arrived_at)
        if record.cache:
            self.cached[alias, record.cache] += 1
        attempts = record.attempts
        if not attempts:
            return
        for attempt in attempts:
            self.attempts[attempt.target, attempt.why, attempt.outcome] += 1
            usage = attempt.tokens
            if usage is not None:
                tally.input += usage.input
                tally.output += usage.output
                if (
                    usage.cached_input
                    or usage.reasoning
                    or usage.cache_write
                    or usage.cache_write_1h
                    or usage.audio_input
                    or usage.audio_output
                ):
                    for name in OTHERS:
                        tally.others[name] += getattr(usage, name)
        if record.cost_nano is None:
            tally.unpriced += 1
        else:
            tally.cost_nano += record.cost_nano


class Recorder:
    """A journal that also counts: it appends each record, then updates the metrics. mask: hides secrets in records."""

    def __init__(self, journal: Journal, metrics: Metrics, aliases: Collection[str], mask: Mask = NOTHING) -> None:
        self.journal = journal
        self.metrics = metrics
        self.aliases = frozenset(aliases)
        self.mask = mask

    def append(self, record: Record) -> None:
        if (record.error or record.user or record.trace) or len(record.attempts) > 1 or record.asked or record.answered:
            record = masked(record, self.mask)
        self.journal.append(record)
        self.metrics.observe(record, record.model if record.model in self.aliases else UNKNOWN)

    def open(self, call: Opened) -> bool:
        return self.journal.open(call)


def masked(record: Record, mask: Mask) -> Record:
    """The record with no secret in what callers and vendors wrote. Bodies are searched as answers are: a short secret may be a
    word of theirs."""
    attempts = [
        msgspec.structs.replace(one, reason=mask.text(one.reason)) if one.reason else one for one in record.attempts
    ]
    return msgspec.structs.replace(
        record,
        attempts=attempts,
        reason=mask.text(record.reason),
        model=mask.long(record.model),
        user=mask.long(record.user),
        trace=mask.long(record.trace),
        asked=mask.long(record.asked),
        answered=mask.long(record.answered),
    )
