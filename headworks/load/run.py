"""Runs a load against a running gateway, and makes the report.

Always true: the calls follow from the seed alone; the report covers the calls that were due after the warm-up and were
sent on schedule; nothing is sent to any other address than the given one.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from headworks import __version__
from headworks.core.clock import wall
from headworks.core.figures import written_figure
from headworks.http.client import Client
from headworks.http.dial import Origin
from headworks.http.proxy import Proxy
from headworks.load.arrivals import Arrival, RequestBodies
from headworks.load.call import Caller, CallResult, HttpCaller
from headworks.load.max_rate import (
    MAX_PROBE_SECONDS,
    WARM_UP,
    Probe,
    ProbeState,
    RateSearch,
    calls_needed,
    judgeable_calls,
    probe_state,
    rate_criteria,
    search_max_rate,
)
from headworks.load.open_loop import LoopLimits, OpenLoop
from headworks.load.sessions import judge_sessions
from headworks.load.stats import percentile
from headworks.load.verdict import (
    ComparedValue,
    Costs,
    Measured,
    Plan,
    Verdict,
    compare,
    count_good,
    judge,
    overall_verdict,
)
from headworks.system.schema.requirements import Objective, Traffic
from headworks.system.verdicts.inputs import StatedInputs

MIN_TOLERATED_DELAY: Final = 0.005
"""Seconds by which the p99 of sends may be late, where no latency limit is below ten times that."""

TOLERATED_DELAY_SHARE: Final = 0.1
"""The share of the tightest latency limit by which the p99 of sends may be late: more would distort the numbers."""

DEFAULT_LATENCY_LIMIT: Final = 10.0
"""Seconds: the latency limit that is assumed where no objective sets one."""

PERCENTS: Final = (50.0, 90.0, 95.0, 99.0)

MAX_IDLE_CONNECTIONS: Final = 4096
"""Idle connections that are kept open."""

DrawArrivals = Callable[[float, float], Sequence[Arrival]]
"""Draws the calls for a number of seconds, at a multiple of the configured rate."""

Redraw = Callable[[int], DrawArrivals]
"""Gives the draws of the same load by another seed."""


class LoadConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Configuration of a load. traffic: of the file; source: the same in words. draw: draws the calls; rate: calls a second.
    seconds: measured time, after `warm_up` seconds. max_rate: if set, search for the maximum rate up to this one.
    stop_on_overload: end a load that exceeds the capacity. redraw: draws other loads like it. context, proxy: how the gateway is
    reached. mean_rates: calls a second of each alias, on average over a window of this traffic. inputs: the system's, for its
    outages."""

    url: str
    origin: Origin
    system: str
    digest: str
    objectives: Sequence[Objective]
    session_objectives: Sequence[Objective] = ()
    traffic: Traffic
    source: str
    draw: DrawArrivals
    rate: float
    longest: int
    seconds: float
    warm_up: float
    seed: int
    key: str | None = None
    patience: float = 150.0
    stop_on_overload: bool = True
    max_rate: float | None = None
    plan: Plan | None = None
    redraw: Redraw | None = None
    context: ssl.SSLContext | None = None
    proxy: Proxy | None = None
    mean_rates: Mapping[str, float] = {}
    inputs: StatedInputs | None = None

    @property
    def bound(self) -> float:
        """The largest latency limit of any objective, in seconds."""
        found = [float(one.limit.value) for one in self.objectives if one.metric in ("time_to_first_token", "duration")]
        return max(found, default=DEFAULT_LATENCY_LIMIT)

    @property
    def tolerated(self) -> float:
        """Seconds by which the p99 of sends may be late."""
        found = [float(one.limit.value) for one in self.objectives if one.metric in ("time_to_first_token", "duration")]
        return max(MIN_TOLERATED_DELAY, TOLERATED_DELAY_SHARE * min(found)) if found else MIN_TOLERATED_DELAY


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """A latency's percentiles, seconds at `PERCENTS`: of whole answers, from the instants at which they were due."""

    alias: str
    metric: str
    calls: int
    at: list[float]


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """The load generator itself. late_p50, late_p99, late_most: seconds between due and sent; busy: the share of a core that
    it used. trusted: it kept its schedule, so the numbers are the gateway's and not its own."""

    late_p50: float
    late_p99: float
    late_most: float
    tolerated: float
    busy: float
    trusted: bool


class InDialect(msgspec.Struct, frozen=True, kw_only=True):
    """The calls in one API: how many, and of them with a complete answer."""

    calls: int
    ok: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a load. verdict: as for an objective, or `invalid` where the generator was late, or `unserved` where the
    gateway did not listen or every call was the caller's own fault.

    goodput: calls a second, of whole answers that meet every latency objective. pace: seconds between two pieces of a
    stream's content. found: what the cache said. dialects: by the API in which calls were sent. stopped: why it ended early, "" where it did not.
    prediction: what the intervals of `compared` are, or why there are none.
    """

    headworks: str
    system: str
    digest: str
    url: str
    at: float
    traffic: str
    seed: int
    seconds: float
    rate: float
    calls: int
    ended: dict[str, int]
    codes: dict[str, int]
    found: dict[str, int]
    goodput: float
    latencies: list[Latency]
    pace: list[float]
    tokens_per_second: float
    generator: Generator
    verdict: str
    why: str
    verdicts: list[Verdict]
    stopped: str
    searched: RateSearch | None = None
    compared: list[ComparedValue] = []
    prediction: str = ""
    percents: tuple[float, ...] = PERCENTS
    dialects: dict[str, InDialect] = {}


ProgressSink = Callable[[str], None]
Pricing = Callable[[Sequence[CallResult], float], Costs]
"""Gives the cost of these calls, the first of which was sent at this wall-clock instant."""


async def load(wanted: LoadConfig, told: ProgressSink, pricing: Pricing) -> Report:
    """Runs the load and returns its report. Errors of calls are in the report, and are not raised."""
    client = Client(wanted.origin, context=wanted.context, proxy=wanted.proxy, max_idle=MAX_IDLE_CONNECTIONS)
    run = f"{wanted.seed}-{int(wall() * 1000):x}"
    questions = RequestBodies(run, wanted.longest)
    caller = HttpCaller(client, questions, key=wanted.key, patience=wanted.patience)
    try:
        searched = await find_max_rate(wanted, caller, told) if wanted.max_rate is not None else None
        faster = speed(wanted, searched)
        began = wall()
        caller.gaps = type(caller.gaps)("f")
        loop = await run_load(wanted, caller, told, faster)
        costs = pricing(loop.results, began)
    finally:
        await client.close()
    return report(wanted, loop, sorted(caller.gaps), costs, searched, began)


def speed(wanted: LoadConfig, searched: RateSearch | None) -> float:
    """The measured rate divided by the configured one: a search measures at the maximum rate that it found."""
    return 1.0 if searched is None or searched.holds is None else searched.holds / wanted.rate


async def run_load(wanted: LoadConfig, caller: Caller, told: ProgressSink, faster: float = 1.0) -> OpenLoop:
    """Runs one load at a multiple of the configured rate."""
    arrivals = wanted.draw(wanted.warm_up + wanted.seconds, faster)
    caller.next_load()

    def decide(loop: OpenLoop) -> str:
        told(progress(loop, wanted.warm_up + wanted.seconds))
        return why_unserved(loop)

    pace = LoopLimits(
        bound=2 * wanted.bound if wanted.stop_on_overload else 0.0, patience=wanted.patience, stop_reason=decide
    )
    loop = OpenLoop(caller, arrivals, pace)
    await loop.run()
    return loop


def why_unserved(loop: OpenLoop) -> str:
    """Why the load should stop at once: no connection, or every call is rejected as the caller's fault; else ""."""
    over = [one for one in loop.results[:200] if one.has_ended]
    if len(over) >= 20 and all(one.ended in ("unreachable", "refused") for one in over):
        return f"none of the first {len(over)} calls was served: {failure_text(over[0])}"
    return ""


def failure_text(one: CallResult) -> str:
    if one.ended == "unreachable":
        return "no connection"
    return f"status {one.status}" + (f", {one.code}" if one.code else "")


def progress(loop: OpenLoop, seconds: float) -> str:
    """The progress of a load in one line."""
    ended = loop.ended
    lately = [one for one in loop.results[-400:] if one.is_whole]
    firsts = sorted([one.first for one in lately if one.first_at] or [one.duration for one in lately])
    of = "first token" if any(one.first_at for one in lately) else "answer"
    shown = f", {of} p95 {1000 * percentile(firsts, 95).value:.0f} ms" if firsts else ""  # type: ignore[union-attr]
    bad = sum(ended.values()) - ended["ok"]
    return (
        f"{max(0.0, loop.elapsed):.0f} of {seconds:.0f} s: {len(loop.results)} sent, {ended['ok']} ok, "
        f"{bad} failed, {loop.in_flight} in flight{shown}"
    )


async def find_max_rate(wanted: LoadConfig, caller: Caller, told: ProgressSink) -> RateSearch:
    """Searches for the maximum rate that meets every objective."""
    kept = rate_criteria(wanted.objectives)
    bound = wanted.bound

    async def probing(rate: float) -> Probe:
        found = [ProbeState(None, True, "")]

        def decide(loop: OpenLoop) -> str:
            found[0] = probe_state(judgeable_calls(loop, bound), kept)
            told(f"probe at {written_figure(rate, 4)}/s: {progress(loop, seconds)}")
            return why_unserved(loop) or (found[0].why if found[0].holds is not None else "")

        caller.next_load()
        seconds = WARM_UP + bound + min(max(wanted.seconds, calls_needed(kept) / rate), MAX_PROBE_SECONDS)
        loop = OpenLoop(
            caller,
            wanted.draw(seconds, rate / wanted.rate),
            LoopLimits(bound=2 * bound, patience=2 * bound, stop_reason=decide),
        )
        await loop.run()
        one = found[0]
        if one.holds is None:
            one = (
                ProbeState(False, False, loop.stopped)
                if loop.stopped
                else probe_state(judgeable_calls(loop, bound), kept)
            )
        generator = check_generator(loop.results, wanted, loop.busy)
        if not generator.trusted and one.holds is not True:  # late sends make it harder to hold, never easier
            one = ProbeState(
                None, one.leans, f"the load generator was {1000 * generator.late_p99:.0f} ms late; {one.why}"
            )
        return Probe(
            rate=rate, holds=one.holds, leans=one.leans, calls=len(loop.results), seconds=loop.elapsed, why=one.why
        )

    assert wanted.max_rate is not None
    return await search_max_rate(wanted.rate, wanted.max_rate, probing)


def check_generator(calls: Sequence[CallResult], wanted: LoadConfig, busy: float) -> Generator:
    late = sorted([max(0.0, one.sent_at - one.due_at) for one in calls])
    most = late[-1] if late else 0.0
    middle, high = (found.value if (found := percentile(late, part)) is not None else 0.0 for part in (50, 99))
    return Generator(
        late_p50=middle,
        late_p99=high,
        late_most=most,
        tolerated=wanted.tolerated,
        busy=busy,
        trusted=high <= wanted.tolerated,
    )


def measured(
    wanted: LoadConfig, calls: Sequence[CallResult], seconds: float, costs: Costs, faster: float = 1.0
) -> Measured:
    """What is judged: of a load that was sent, and of one that was simulated. faster: by what the configured rate was multiplied."""
    return Measured(
        calls=calls,
        seconds=seconds,
        costs=costs,
        objectives=wanted.objectives,
        mean_rates={alias: rate * faster for alias, rate in wanted.mean_rates.items()},
        inputs=wanted.inputs,
    )


def report(
    wanted: LoadConfig, loop: OpenLoop, gaps: Sequence[float], costs: Costs, searched: RateSearch | None, at: float
) -> Report:
    """Makes the report of one load."""
    since = loop.began_at + wanted.warm_up
    until = loop.ended_at if loop.stopped else loop.began_at + wanted.warm_up + wanted.seconds
    calls = [one for one in loop.results if one.due_at >= since] if not loop.stopped else list(loop.results)
    seconds = max(until - (since if not loop.stopped else loop.began_at), 1e-9)
    if not loop.stopped and calls:
        seconds = covered(seconds, calls[-1].due_at - since, len(calls))
    seen = measured(wanted, calls, seconds, costs, speed(wanted, searched))
    verdicts = [judge(one, seen, wanted.traffic) for one in wanted.objectives]
    verdicts += [judge_sessions(one, seen, wanted.traffic) for one in wanted.session_objectives]
    generator = check_generator(calls, wanted, loop.busy)
    verdict: str = overall_verdict(verdicts)
    why = ""
    ended = Counter(one.ended for one in calls)
    over = len(calls) - ended["left"]
    if not calls:
        verdict, why = "invalid", "no call was sent: use a longer --seconds or a higher --rate"
    elif over and ended["refused"] + ended["unreachable"] == over:
        first = next(one for one in calls if one.ended in ("refused", "unreachable"))
        verdict, why = "unserved", f"no call was served: {failure_text(first)}"
    elif not generator.trusted:
        late = (
            f"p99 of send delay is {1000 * generator.late_p99:.1f} ms, the limit is {1000 * generator.tolerated:.1f} ms"
        )
        verdict = "invalid"
        why = f"the load generator did not keep its schedule: {late}"
    elif loop.stopped:
        verdict, why = "does not hold", loop.stopped
    whole = [one for one in calls if one.is_whole]
    if verdict == "holds" and not whole:  # without an objective nothing else would say it
        verdict, why = "cannot say", f"none of {len(calls)} calls had a complete answer"
    return Report(
        headworks=__version__,
        system=wanted.system,
        digest=wanted.digest,
        url=wanted.url,
        at=at,
        traffic=wanted.source,
        seed=wanted.seed,
        seconds=seconds,
        rate=seen.rate,
        calls=len(calls),
        ended=dict(sorted(ended.items())),
        codes=dict(Counter(f"{one.status} {one.code}".strip() for one in calls if not one.is_whole and one.status)),
        found=dict(Counter(one.cache_status for one in calls if one.cache_status)),
        dialects=in_dialect(calls),
        goodput=count_good(calls, wanted.objectives) / seconds,
        latencies=latency_rows(whole),
        pace=[found.value for part in PERCENTS if (found := percentile(gaps, part)) is not None],
        tokens_per_second=sum([one.output for one in whole]) / seconds,
        generator=generator,
        verdict=verdict,
        why=why,
        verdicts=verdicts,
        stopped=loop.stopped,
        searched=searched,
        compared=[] if wanted.plan is None else compare(wanted.plan, verdicts, seen),
    )


def in_dialect(calls: Sequence[CallResult]) -> dict[str, InDialect]:
    """How many calls were sent in each API, and came back whole."""
    sent = Counter(one.dialect for one in calls)
    whole = Counter(one.dialect for one in calls if one.is_whole)
    return {word: InDialect(calls=count, ok=whole[word]) for word, count in sorted(sent.items())}


def covered(seconds: float, last: float, count: int) -> float:
    """The seconds that so many calls stand for, the last of them due after `last` seconds: a trace may end early."""
    return min(seconds, max(last, 1e-9) * count / max(count - 1, 1))


def latency_rows(whole: Sequence[CallResult]) -> list[Latency]:
    """The latencies of each alias, and of all where there are several."""
    names = sorted({one.alias for one in whole})
    rows: list[Latency] = []
    for alias in names if len(names) < 2 else ["", *names]:
        mine = [one for one in whole if not alias or one.alias == alias]
        for metric, values in (
            ("time_to_first_token", [one.first for one in mine if one.streamed and one.first_at]),
            ("duration", [one.duration for one in mine]),
        ):
            values.sort()
            at = [found.value for part in PERCENTS if (found := percentile(values, part)) is not None]
            if at:
                rows.append(Latency(alias=alias, metric=metric, calls=len(values), at=at))
    return rows
