"""Fits vendor models to the calls in the ledger.

Theory. Of each attempt the record has three instants (begun, head, end), its tokens, and how it ended; beside those of
the others it is known how many were in flight and whose prompts were read meanwhile. So for one target:

    writing      =  tokens * pace * (1 + crowding * (others in service))  +  stall * prompt tokens read meanwhile
    first token  =  base + (prefill + stall) * prompt tokens + stall * others' prompts read before + lean * others in flight

Both are fitted by least squares that admit no negative effect (Lawson and Hanson 1974), over relative errors, because a
long call's second is not worth more than a short one's. An effect stays only where leaving it out makes the errors
visibly worse: where data show none there is none. What is left over is the noise: its body log-normal by its quartiles,
its upper 5 % Pareto (Hill 1975) where that is heavier than the body would have it.

A vendor with a queue of its own shows it: never more than some number of calls are being written, while others wait.
Failures come in spells where one is followed by another much more often than by chance; then the spell's length is kept.

The tokens of each call come in classes, with prices of their own: `token_classes.py` fits them.

Always true: what rests on fewer than `MIN_ATTEMPTS` attempts is not fitted; what was found out, and what cannot be known
from these calls, is said in `notes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
from scipy.optimize import nnls

from headworks.core.record import AttemptRecord, Record
from headworks.core.reply import Usage
from headworks.gateway.prices import Prices
from headworks.system.schema.system import Fault, System
from headworks.system.syntax.scalars import written_duration
from headworks.twin.models.building import Assumption
from headworks.twin.models.random_streams import Floats
from headworks.twin.models.token_classes import INPUT_CLASSES, OUTPUT_CLASSES, class_shares, fit_classes
from headworks.twin.models.vendor_model import MIN_PARETO_INDEX, TAIL_FROM, TAIL_Z, Bursts, Latency, VendorModel

MIN_ATTEMPTS: Final = 30
"""Answered attempts below which a target is not fitted: of 30 the 95th percentile is the second largest."""

MAX_ERROR_RATIO: Final = 0.97
"""An effect is kept where the mean absolute error with it is below this part of that without it."""

MIN_WAIT_RATIO: Final = 1.5
"""Calls that found the vendor full must have a median first token this many times the usual one, to count as queued."""

MIN_AGREEMENT: Final = 0.6
"""The share of them that must start at the same level of concurrency: without a queue they start at any level."""

REWEIGHTINGS: Final = 6
"""Iterations of reweighted least squares: the estimates move by less than a thousandth by then."""

MAX_GAP: Final = 3
"""Most answers between two failures of one burst."""

DAY: Final = 86400.0
"""Seconds of attempts from which they have every hour of a day."""

FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "Throttled": "rate_limited",
        "Failed": "server_error",
        "Unreachable": "refused",
        "Garbled": "html",
        "Denied": "denied",
        "Rejected": "context_length",
        "Cut": "cut",
        "Expired": "silence",
    }
)
"""How a recorded error is played back."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """Models by target, and notes on the evidence."""

    models: dict[str, VendorModel]
    notes: list[Assumption]


class AttemptColumns(msgspec.Struct, frozen=True):
    """A target's answered attempts as columns, in order of their beginning; seconds, tokens."""

    begun: Floats
    head: Floats
    end: Floats
    prompt: Floats
    output: Floats
    streamed: Floats


def fit(records: Iterable[Record], system: System) -> Fitted:
    """The models of every target of a system that has enough attempts."""
    by_target: dict[str, list[tuple[Record, AttemptRecord]]] = {}
    for record in records:
        for attempt in record.attempts:
            by_target.setdefault(attempt.target, []).append((record, attempt))
    targets = {str(target) for model in system.models.values() for tier in model.targets for target in tier}
    models: dict[str, VendorModel] = {}
    notes: list[Assumption] = []
    for target in sorted(targets):
        rows = sorted(by_target.get(target, []), key=lambda row: (row[1].started_at, row[0].request_id))
        answered = [row for row in rows if row[1].outcome == "ok" and row[1].tokens is not None]
        if len(answered) < MIN_ATTEMPTS:
            said = f"too few answered calls to fit: {len(answered)} of at least {MIN_ATTEMPTS}"
            notes.append(Assumption(about=target, assumed=said, instead="serve more calls"))
            continue
        model, said = _fit_target(target, rows, attempt_columns(answered))
        usages = [one.tokens for _, one in answered if one.tokens is not None and not one.estimated]
        if len(usages) >= MIN_ATTEMPTS:
            model = msgspec.structs.replace(model, classes=fit_classes(usages, MIN_ATTEMPTS))
        models[target] = model
        notes.append(Assumption(about=target, assumed=said))
        notes += [Assumption(about=target, assumed=one) for one in token_notes(usages, len(answered))]
        notes += unpriced(system, target, [name for name, _, _ in class_shares(usages)])
        notes += [Assumption(about=target, assumed=one) for one in blind_spots(rows)]
    return Fitted(models=models, notes=notes)


def token_notes(usages: Sequence[Usage], answered: int) -> list[str]:
    """What the fit knows of the classes of tokens, and what it does not."""
    silent = answered - len(usages)
    notes: list[str] = []
    if silent:
        notes.append(
            f"the vendor did not say the tokens of {silent} of {answered} answers: their classes are not known"
        )
    if len(usages) < MIN_ATTEMPTS:
        return [*notes, "all its tokens count as plain input and output"]
    seen = class_shares(usages)
    for name, share, part in seen:
        side = "input" if name in INPUT_CLASSES else "output"
        notes.append(f"{share:.1%} of the calls have {name} tokens: {part:.1%} of the {side} of those calls")
    names = {name for name, _, _ in seen}
    unseen = [name for name in (*INPUT_CLASSES, *OUTPUT_CLASSES) if name not in names]
    if unseen:
        notes.append(f"no recorded call has {', '.join(unseen)} tokens: none are expected")
    if "cached_input" in names:
        notes.append(
            "the first token's time is that of the recorded share of cached input; of another share it is not known"
        )
    if "reasoning" in names:
        notes.append("reasoning tokens are timed like the rest of the answer: their own pace is not known")
    return notes


def unpriced(system: System, target: str, names: Sequence[str]) -> list[Assumption]:
    """The classes that the target's calls have and its price does not: with them no cost is known."""
    prices = Prices(system)
    known = [
        prices.of(model, one)
        for model in system.models.values()
        for tier in model.targets
        for one in tier
        if str(one) == target
    ]
    missing = [
        name for name in names if any(price is not None and price.cost(Usage(**{name: 1})) is None for price in known)
    ]
    if not missing:
        return []
    said = f"{', '.join(missing)} tokens have no price, so costs are not known"
    return [Assumption(about=target, assumed=said, instead=f"set `price: {{{missing[0]}: ...}}` under its model")]


def blind_spots(rows: Sequence[tuple[Record, AttemptRecord]]) -> list[str]:
    """What these attempts cannot show: other hours, and endings that are not played back."""
    at = [record.at for record, _ in rows]
    notes: list[str] = []
    if max(at) - min(at) < DAY:
        span = written_duration(float(max(1, round(max(at) - min(at)))))
        notes.append(f"the attempts are from {span}: how it is at other hours of the day is not known")
    others = Counter(
        one.error or one.outcome for _, one in rows if one.outcome not in ("ok", "cut") and one.error not in FAULTS
    )
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        notes.append(f"attempts that ended otherwise are not modelled: {kinds}")
    return notes


def attempt_columns(rows: Sequence[tuple[Record, AttemptRecord]]) -> AttemptColumns:
    def column(values: Iterable[float]) -> Floats:
        return np.array(list(values), dtype=float)

    tokens = [attempt.tokens for _, attempt in rows]
    return AttemptColumns(
        column(attempt.started_at for _, attempt in rows),
        column(attempt.head_at or attempt.ended_at for _, attempt in rows),
        column(attempt.ended_at for _, attempt in rows),
        column(0 if used is None else used.input_tokens for used in tokens),
        column(1 if used is None else max(1, used.output_tokens) for used in tokens),
        column(1.0 if record.streamed else 0.0 for record, _ in rows),
    )


def _fit_target(
    target: str, rows: Sequence[tuple[Record, AttemptRecord]], tries: AttemptColumns
) -> tuple[VendorModel, str]:
    slots = fit_slots(tries)
    service = service_starts(tries, slots)
    pace, crowding, stall = fit_pace(tries)
    first, prefill, lean = fit_first_token(tries, service, slots, stall)
    faults, bursts = fit_failures(rows)
    model = VendorModel(
        target=target,
        first=first,
        pace=pace,
        prefill=prefill,
        lean=lean,
        crowding=crowding,
        stall=stall,
        slots=slots,
        faults=faults,
        bursts=bursts,
        origins={"first_token": "fitted", "per_token": "fitted", "faults": "fitted", "tokens": "fitted"},
    )
    said = f"fitted from {len(rows)} attempts in the ledger, {len(tries.begun)} answered"
    if slots is None:
        most = int(in_flight_at(tries.begun, tries.begun, tries.end).max())
        said += f"; at most {most} ran at once and none queued, so behaviour at higher concurrency is unknown"
    return model, said


def in_flight_at(at: Floats, begun: Floats, ended: Floats) -> Floats:
    """How many of these are under way at each instant."""
    before = np.searchsorted(np.sort(begun), at, side="right")
    gone = np.searchsorted(np.sort(ended), at, side="right")
    return (before - gone).astype(np.float64)


def fit_slots(tries: AttemptColumns) -> int | None:
    """The number of slots of a vendor that queues calls; None where no queue shows. A queued call starts as soon as another
    one ends, while all other slots are taken: so calls that found the vendor full all start at one level of concurrency."""
    streamed = tries.streamed > 0
    if streamed.sum() < MIN_ATTEMPTS:
        return None
    first = (tries.head - tries.begun)[streamed]
    before = in_flight_at(tries.begun, tries.begun, tries.end)[streamed]
    writing = in_flight_at(tries.head, tries.head, tries.end)[streamed].astype(int)
    slots = int(np.argmax(np.bincount(writing[before >= np.quantile(before, 0.75)])))
    crowded, free = before > slots + 1, before < slots
    if crowded.sum() < MIN_ATTEMPTS or float((np.abs(writing[crowded] - slots) <= 1).mean()) < MIN_AGREEMENT:
        return None
    usual = float(np.median(first[free])) if free.sum() >= MIN_ATTEMPTS else float(np.quantile(first, 0.02))
    return slots if float(np.median(first[crowded])) > MIN_WAIT_RATIO * usual else None


def service_starts(tries: AttemptColumns, slots: int | None) -> Floats:
    """When each call had its slot: when it began or, in a queue, when the first of those before it was done."""
    if slots is None:
        return tries.begun
    ends = np.sort(tries.end)
    order = np.argsort(tries.begun, kind="stable")
    service = tries.begun.copy()
    # First come, first served: call k cannot begin before all but slots - 1 of the k before it have ended.
    for place, index in enumerate(order):
        if place >= slots:
            service[index] = max(tries.begun[index], ends[place - slots])
    return np.minimum(service, tries.head)


def relative_least_squares(columns: Sequence[Floats], wanted: Floats) -> tuple[Floats, float]:
    """Non-negative least squares over relative errors, and the mean error of the logarithm without its scale.

    Relative to what is predicted, look after look: relative to what was seen, fast calls would weigh most and every
    estimate would come out low. The 5 % that took longest beyond their prediction are left out: they are the tail's.
    """
    matrix = np.stack(columns, axis=1)
    predicted = np.full(len(wanted), float(np.median(wanted)))
    ratio, kept = np.ones(len(wanted)), np.ones(len(wanted), dtype=bool)
    found = np.zeros(len(columns))
    for _ in range(REWEIGHTINGS):
        found, _ = nnls(matrix[kept] / predicted[kept, None], wanted[kept] / predicted[kept])
        predicted = np.maximum(matrix @ found, 1e-9)
        ratio = wanted / predicted
        kept = ratio <= np.quantile(ratio, 0.95)
    logs = np.log(np.maximum(ratio[kept], 1e-9))
    return found, float(np.abs(logs - np.median(logs)).mean())


def select_effects(columns: Sequence[Floats], wanted: Floats) -> Floats:
    """The effects that are worth keeping: each column after the first only where it makes the errors visibly smaller."""
    kept = [0]
    found, error = relative_least_squares([columns[0]], wanted)
    left = list(range(1, len(columns)))
    while left:
        tried = [(relative_least_squares([columns[one] for one in (*kept, number)], wanted), number) for number in left]
        (_, best), number = min(tried, key=lambda one: (one[0][1], one[1]))
        if best > MAX_ERROR_RATIO * error:
            break
        kept.append(number)
        left.remove(number)
        error = best
    found, _ = relative_least_squares([columns[one] for one in kept], wanted)
    whole = np.zeros(len(columns))
    whole[kept] = found
    return whole


def fit_first_token(
    tries: AttemptColumns, service: Floats, slots: int | None, stall: float
) -> tuple[Latency, float, float]:
    """The first token's latency, and what each prompt token and each other call in flight add to it, beside the stall."""
    mine = tries.streamed > 0
    if mine.sum() < MIN_ATTEMPTS:  # only whole answers: the first token is what is not writing
        took = np.maximum(tries.end - tries.begun, 1e-4)
        effects = select_effects([np.ones(len(took)), tries.output, tries.prompt], took)
        return Latency(median=max(float(effects[0]), 1e-4)), float(effects[2]), 0.0
    read = stall * tries.prompt + prefill_blocking(tries, service, stall)
    took = np.maximum(tries.head - service - read, 1e-3)
    flight = in_flight_at(tries.begun, tries.begun, tries.end) - 1
    at_once = mine & (service <= tries.begun)
    if at_once.sum() >= MIN_ATTEMPTS:  # who waited was let in between two steps: the others come in the middle of one
        mine = at_once
    columns = [np.ones(int(mine.sum())), tries.prompt[mine]]
    if slots is None:
        columns.append(flight[mine])
    effects = select_effects(columns, took[mine])
    predicted = sum(
        (effect * column for effect, column in zip(effects, columns, strict=True)), np.zeros(int(mine.sum()))
    )
    noise = took[mine] / np.maximum(predicted, 1e-6)
    shape = fit_noise(noise)
    base = max(float(effects[0]), 1e-5)
    scale = shape.median
    time = Latency(median=base * scale, sigma=shape.sigma, tail=shape.tail)
    return time, float(effects[1]) * scale, float(effects[2]) * scale if len(effects) > 2 else 0.0


def fit_pace(tries: AttemptColumns) -> tuple[Latency, float, float]:
    """The pace, how much each further call slows it, and for how long a token of another's prompt stops it."""
    mine = (tries.streamed > 0) & (tries.output > 1) & (tries.end > tries.head)
    if mine.sum() < MIN_ATTEMPTS:
        took = np.maximum(tries.end - tries.begun, 1e-4)
        effects = select_effects([np.ones(len(took)), tries.output, tries.prompt], took)
        return Latency(median=max(float(effects[1]), 1e-6), sigma=0.1), 0.0, 0.0
    took = (tries.end - tries.head)[mine]
    tokens = tries.output[mine] - 1
    others = mean_concurrency(tries)[mine] - 1
    # A slow answer overlaps with more prompts being read, whether they stop it or not: so whether there is a stall is asked
    # of a stretch that does not depend on how slow this very call was, and how much it is, of the true one.
    usual = tries.head + np.maximum(0.0, tries.output - 1) * float(np.median(took / tokens))
    effects = select_effects([tokens, tokens * others, prompt_tokens_between(tries, tries.head, usual)[mine]], took)
    meanwhile = prompt_tokens_between(tries, tries.head, tries.end)[mine]
    present = [
        column for column, effect in zip((tokens, tokens * others, meanwhile), effects, strict=True) if effect > 0
    ]
    refound, _ = relative_least_squares(present, took)
    effects[effects > 0] = refound
    base = max(float(effects[0]), 1e-7)
    predicted = tokens * (base + effects[1] * others) + effects[2] * meanwhile
    shape = fit_noise(took / np.maximum(predicted, 1e-9))
    return (
        Latency(median=base * shape.median, sigma=shape.sigma, tail=shape.tail),
        float(effects[1]) / base,
        float(effects[2]),
    )


def mean_concurrency(tries: AttemptColumns) -> Floats:
    """The mean number of calls being written, itself included, while each call was written."""
    instants = np.concatenate([tries.head, tries.end])
    moves = np.concatenate([np.ones(len(tries.head)), -np.ones(len(tries.end))])
    order = np.lexsort((moves, instants))
    instants, level = instants[order], np.cumsum(moves[order])
    area = np.concatenate([[0.0], np.cumsum(np.diff(instants) * level[:-1])])

    def upto(at: Floats) -> Floats:
        place = np.clip(np.searchsorted(instants, at, side="right") - 1, 0, len(instants) - 1)
        made: Floats = area[place] + (at - instants[place]) * level[place]
        return made

    spans = np.maximum(tries.end - tries.head, 1e-9)
    return np.maximum(1.0, (upto(tries.end) - upto(tries.head)) / spans)


def prompt_tokens_between(tries: AttemptColumns, begun: Floats, ended: Floats) -> Floats:
    """Prompt tokens of the other calls whose first token came between two instants of each call."""
    order = np.argsort(tries.head, kind="stable")
    heads, total = tries.head[order], np.concatenate([[0.0], np.cumsum(tries.prompt[order])])
    upto, since = np.searchsorted(heads, ended, side="left"), np.searchsorted(heads, begun, side="right")
    found: Floats = np.maximum(0.0, total[upto] - total[since])
    return found


def prefill_blocking(tries: AttemptColumns, service: Floats, stall: float) -> Floats:
    """Seconds that each call waited, from its slot to its head, while other calls' prompts were read (head-of-line
    blocking by prefill). The first of those prompts may already have been partly read."""
    order = np.argsort(tries.head, kind="stable")
    heads, prompts = tries.head[order], tries.prompt[order]
    since = np.searchsorted(heads, service, side="right")
    next_one = np.minimum(since, len(heads) - 1)
    is_there = heads[next_one] < tries.head
    whole = stall * prompts[next_one]
    left = np.where(is_there, np.minimum(whole, heads[next_one] - service), 0.0)
    rest = stall * prompt_tokens_between(tries, service, tries.head) - np.where(is_there, whole, 0.0)
    found: Floats = left + np.maximum(0.0, rest)
    return found


def fit_noise(noise: Floats) -> Latency:
    """A body by its quartiles, and a Pareto tail where the upper 5 % are heavier than the body would have them."""
    logs = np.log(np.maximum(noise, 1e-9))
    low, middle, high = np.quantile(logs, [0.25, 0.5, 0.75])
    sigma = float(high - low) / 1.349
    median = float(np.exp(middle))
    border = median * float(np.exp(sigma * TAIL_Z))
    beyond = noise[noise > border]
    tail: float | None = None
    if len(beyond) >= 20:
        # Hill's estimate, from the 95th percentile of what was seen, so that the share of the tail is right too.
        start = float(np.quantile(noise, TAIL_FROM))
        over = noise[noise > start]
        index = 1 / max(1e-6, float(np.mean(np.log(over / start))))
        body = 1 / max(1e-6, sigma * (MEAN_ABOVE_P95 - TAIL_Z)) if sigma else float("inf")
        if index < 0.8 * body:
            tail = max(MIN_PARETO_INDEX, index)
            sigma = max(sigma, log(start / median) / TAIL_Z)
    return Latency(median=median, sigma=sigma, tail=tail)


MEAN_ABOVE_P95: Final = 2.0627
"""The mean of a standard normal above its 95th percentile: Hill's estimate for a log-normal's own tail."""


def fit_failures(rows: Sequence[tuple[Record, AttemptRecord]]) -> tuple[dict[Fault, float], Bursts | None]:
    """The share of each kind of failure among the attempts that reached the vendor, and whether they come in bursts."""
    reached = [attempt for _, attempt in rows if attempt.error in FAULTS or attempt.outcome in ("ok", "cut")]
    failed = [attempt for attempt in reached if attempt.error in FAULTS]
    if not failed:
        return {}, None
    shares: dict[Fault, float] = {}
    for attempt in failed:
        kind = FAULTS[attempt.error]
        shares[kind] = shares.get(kind, 0.0) + 1 / len(reached)
    return dict(sorted(shares.items())), failure_bursts(reached)


def failure_bursts(reached: Sequence[AttemptRecord]) -> Bursts | None:
    """Bursts of failures, where a failure follows a failure three times as often as by chance, and at least five did."""
    bad = np.array([attempt.error in FAULTS for attempt in reached])
    overall = float(bad.mean())
    again = float(bad[1:][bad[:-1]].mean()) if bad[:-1].any() else 0.0
    if int((bad[1:] & bad[:-1]).sum()) < 5 or again < 3 * overall:
        return None
    at = np.array([attempt.started_at for attempt in reached])
    places = np.flatnonzero(bad)
    groups = np.split(places, np.flatnonzero(np.diff(places) > MAX_GAP + 1) + 1)
    several = [group for group in groups if len(group) > 1]
    if not several or overall >= 1:
        return None
    lasting = float(np.mean([at[group[-1]] - at[group[0]] for group in several]))
    inside = sum(int(group[-1] - group[0] + 1) for group in several)
    share = min(1.0, sum(map(len, several)) / inside)
    return Bursts(lasting=lasting, share=share) if lasting > 0 and share > overall else None
