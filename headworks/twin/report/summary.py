"""The verdict of a plan in sentences that need no table: what holds, what gives way first, what would help, how far it carries.

Always true: every number in a sentence is one of the report's; nothing is computed here but a difference of costs over a
month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from headworks.core.figures import written_figure
from headworks.core.money import NANO, written_dollars
from headworks.system.verdicts.quality import points
from headworks.system.verdicts.verdict import parted
from headworks.twin.report.report import Remedy, RemedyChange, Report
from headworks.twin.screening.giving_way import GATEWAY, Carrying
from headworks.twin.verdicts.bottleneck import NOTABLE_WAIT, RISKS
from headworks.twin.verdicts.quality import QualityMix, share_words
from headworks.twin.verdicts.verdict import Verdict, format_value

NUMBERS: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tpm": "tokens a minute",
        "rpm": "calls a minute",
        "concurrency": "calls at once",
        "slots": "slots",
        "budget": "budget",
    }
)

MISSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "time_to_first_token": "answers start after {value} at {percentile}, you asked for {limit}",
        "duration": "whole answers take {value} at {percentile}, you asked for {limit}",
        "availability": "{value} of the calls are answered, you asked for {limit}",
        "goodput": "{value} good answers a second are served, you asked for {limit}",
        "cost": "it costs {value}{window}, you asked for {limit} at most",
        "cost_per_call": "a call costs {value}, you asked for {limit} at most",
        "quality": "{value} of the answers are right, you asked for {limit}",
        "duration per session": "a session waits {value} for answers at {percentile}, you asked for {limit}",
        "availability per session": "{value} of the sessions have all calls answered, you asked for {limit}",
        "cost per session": "a session costs {value} at {percentile}, you asked for {limit} at most",
        "calls per session": "a session has {value} calls at {percentile}, you asked for {limit} at most",
    }
)


SAME_COST: Final = "at the same cost"

NOTABLE_SHARE: Final = 0.001
"""The share of calls that a limit rejects from which it is named as a cause: as of the bottleneck (`verdicts/bottleneck.py`)."""


def summary(report: Report) -> str:
    """The verdict on all of it, in a few sentences."""
    if not report.effort.runs:
        return f"No: {report.binding.said}."
    if refused := [one for one in report.constraints if one.verdict != "holds"]:
        left_out = ", ".join(dict.fromkeys(f"`{one.target}`" for one in refused))
        return f"Not yet: {left_out} must not be asked ({refused[0].constraint}). Without them: {_objectives(report)}"
    return _objectives(report)


def _objectives(report: Report) -> str:
    """The verdict on the objectives."""
    judged = [one for one in report.verdicts if one.verdict != "not judged"]
    failing = [one for one in judged if one.verdict == "does not hold"]  # in the order of the file: its author's
    unsure = [one for one in judged if one.verdict == "cannot say"]
    load = f"at {calls_a_second(report.carrying.rate)}"
    if not failing and not unsure:
        return " ".join([f"Yes: {_all_hold(report, judged)} {load}.", *_unmeasured(report), *_reach(report)])
    if failing:
        lead = f"Not yet: {load} {missed_words(failing[0])}."
        others = len(failing) - 1 + len(unsure)
    elif unsure[0].value is None:
        lead = f"Not known yet: of `{unsure[0].id}` nothing can be said ({unsure[0].why})."
        if unknown := [one.target for one in report.unmeasured if not one.is_known and unsure[0].id in one.objectives]:
            lead = f"Not known yet: nobody has measured how fast {_listed(unknown)} is, so nothing can be said of `{unsure[0].id}`."
        others = len(unsure) - 1
    else:
        lead = f"Not certain: {load} `{unsure[0].id}` ({unsure[0].objective}) may be missed: {_range_words(unsure[0])}."
        others = len(unsure) - 1
    more = f" {_counted(others, 'other promise').capitalize()} {'is' if others == 1 else 'are'} open or missed too." if others else ""  # fmt: skip
    sentences = [
        lead + more,
        measure_first(report),
        "" if not failing and waits_for_speed(report, unsure[0]) else first_to_give_way(report, (failing or unsure)[0]),
        *_help(report, [*failing, *unsure], judged),
    ]
    return " ".join(one for one in sentences if one)


def waits_for_speed(report: Report, verdict: Verdict) -> bool:
    """Whether a verdict cannot be given before a speed is measured: then nothing in the file is the cause."""
    return any(verdict.id in one.objectives for one in report.unmeasured)


def measure_first(report: Report) -> str:
    """What to do where verdicts wait for the speed of targets, with its cost; "" where none does."""
    waiting = report.unmeasured
    if not waiting:
        return ""
    costs = [one.cost_nano for one in waiting]
    known = [one for one in costs if one is not None]
    price = (
        f"for about {written_dollars(sum(known))} at most"
        if len(known) == len(costs)
        else "at a price that is not known"
    )
    names = "it" if len(waiting) == 1 else "each of them"
    who = f"{_listed([one.target for one in waiting])}: it asks {names} {waiting[0].calls} times, {price}"
    return f"Do this next: run `headworks probe`, which measures {who}. Then plan again. Or write `expect:` beside the target."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


def missed_words(one: Verdict) -> str:
    """What is predicted, and what was asked for."""
    if one.served == 0:
        return f"nothing is let in of what `{one.id}` promises"
    if one.value is None:
        return f"`{one.id}` does not hold ({one.objective})"
    percentile, _, rest = one.objective.partition(" of ")
    _, is_window, window = one.objective.partition(" in ")
    said = MISSED[one.metric].format(
        value=plain_value(one.metric, one.value),
        limit=plain_value(one.metric, one.limit),
        percentile=percentile if rest else "the mean",
        window=f" in {window}" if is_window else "",
    )
    return f"{said} of `{one.alias}`" if one.alias else said


def plain_value(metric: str, value: float) -> str:
    """A value to the digits that a sentence has: two, three of what is nearly 100 %."""
    match metric:
        case "availability":
            return f"{value * 100:.2g}%" if value < 0.9 else f"{value * 100:.4g}%"
        case "goodput":
            return written_figure(value)
        case "time_to_first_token" | "duration":
            return f"{written_figure(value, 2)} s" if value < 100 else f"{value:,.0f} s"
    return format_value(metric, value)


def limit_words(name: str) -> str:
    """A limit as a person says it: "the tokens a minute of `openai`"."""
    if name == GATEWAY:
        return "the calls that the gateway holds at once (`server.max_in_flight`)"
    unit, is_of, owner = name.partition(" of ")
    return f"the {UNITS[unit]} of `{owner}`" if is_of and unit in UNITS else f"`{name}`"


def calls_a_second(rate: float) -> str:
    """`20 calls a second`, to three digits."""
    said = written_figure(rate)
    return "1 call a second" if said == "1" else f"{said} calls a second"


def first_to_give_way(report: Report, missed: Verdict) -> str:
    """What is the cause: a limit of which more is asked than it admits, or at which calls wait or fail; else the vendors. A limit
    that sends calls on to the next tier makes them late, but no call fails by it. Of a missed quality: who gives most of the
    answers, and what they are worth."""
    if missed.metric == "quality":
        return "" if missed.quality is None else f"{_most_answers(missed.quality)}."
    is_late = missed.metric in ("time_to_first_token", "duration", "goodput")
    is_failed = missed.metric in ("availability", "goodput")
    for overload in report.overloads:
        if overload.grows or is_late:
            return f"{overload.said[0].upper()}{overload.said[1:]}."
    for one in report.uses:
        makes_late = is_late and one.waits > NOTABLE_WAIT
        makes_fail = is_failed and one.refused - one.elsewhere > NOTABLE_SHARE
        if one.name == report.binding.name and (makes_late or makes_fail):
            said = limit_words(one.name)
            gives = "gives" if said.startswith(("`", "the budget")) else "give"
            return f"{said[0].upper()}{said[1:]} {gives} way first."
    risk = RISKS.get(missed.metric)
    return f"No limit of the file is the cause: {risk}." if risk else ""


def _most_answers(mix: QualityMix) -> str:
    first = mix.targets[0]
    return f"`{first.target}` gives {share_words(first.share)} of the answers, and {points(first.value)} of its own are right"


def carrying_lines(report: Report) -> list[str]:
    """How far it carries, a line each."""
    found = report.carrying
    waiting = [one.target for one in report.unmeasured if not one.is_known]
    lines = [
        f"up to which load the latencies hold is not known before the speed of {_listed(waiting)} is measured"
        if waiting
        else _holds_up_to(found)
    ]
    if found.capacity is None:
        lines.append("no limit of the file bounds the load")
        return lines
    lines.append(f"by formulas the limits carry {calls_a_second(found.capacity)}; then {limit_words(found.first)} are used up")  # fmt: skip
    for one in found.multiples:
        if not one.gives_way:
            lines.append(f"at {one.factor:g}x ({calls_a_second(one.rate)}), by formulas, every limit has room")
            continue
        first, *others = one.gives_way
        more = f"; then {', '.join(limit_words(other.name) for other in others)}" if others else ""
        lines.append(
            f"at {one.factor:g}x ({calls_a_second(one.rate)}), by formulas, {limit_words(first.name)} give way first: {written_figure(first.carried)} of "
            f"{written_figure(first.offered)} calls a second are admitted{more}"
        )
    return lines


def _holds_up_to(found: Carrying) -> str:
    if found.holds_to is None and found.missed_at is None:
        return "no load was simulated beside the peak: it would take too long, or no promise depends on the load"
    missed = "" if found.missed_at is None else f"; at {calls_a_second(found.missed_at)} `{found.missed}` is missed"
    if found.holds_to is None:
        return f"the latencies hold at no load that was simulated{missed}"
    return f"the latencies hold up to {calls_a_second(found.holds_to)} in simulation{missed}"


def cost_words(report: Report, one: Remedy) -> str:
    """What a change costs a month; "" where a price is unknown."""
    if one.cost_before is None or one.cost_after is None:
        return ""
    before, after = one.month_before, one.month_after
    if before is None or after is None:
        before, after = (cost * report.calls_a_month for cost in (one.cost_before, one.cost_after))
    if f"{before:.1e}" == f"{after:.1e}":  # to two digits: the rest is noise
        return SAME_COST
    return f"for {dollars(abs(after - before))} {'more' if after > before else 'less'} a month"


def dollars(amount: float) -> str:
    """An amount of a month: whole dollars, cents below ten."""
    return f"${amount:,.0f}" if amount >= 10 else written_dollars(int(float(f"{amount * NANO:.2e}")))


def _help(report: Report, missed: Sequence[Verdict], judged: Sequence[Verdict]) -> list[str]:
    """The change that meets the most of what is missed, in one sentence."""
    enough = [one for one in report.remedies if one.is_enough and not one.breaks]
    if not enough:
        return ["No single change that was tried is enough."] if report.remedies else []
    by_change: dict[tuple[str, str], list[Remedy]] = {}
    for one in enough:
        by_change.setdefault((one.knob, one.said), []).append(one)
    best = max(by_change.values(), key=lambda offers: len(turned(offers)))
    first, met = best[0], turned(best)
    cost = cost_words(report, first)
    is_all = {one.id for one in missed} <= met
    what = (
        f"meet {_all_words(judged)}"
        if is_all
        else f"meet {_counted(len(met), 'promise')} of the {_number(len(missed))} that are open or missed"
    )
    metrics = {one.id: one.metric for one in report.verdicts}
    is_more_answered = any(metrics[one] in ("availability", "goodput") for one in met)
    note = " (more calls are answered then)" if "more" in cost and is_more_answered else ""
    return [f"Changing {change_words(first)} would {what}{f' {cost}' if cost else ''}{note}."]


def turned(offers: Sequence[Remedy]) -> set[str]:
    """The missed objectives that a change meets: those that it is offered for, and what it turns beside them."""
    return {id for one in offers for id in (one.objective, *one.turns)}


def change_words(one: Remedy | RemedyChange) -> str:
    """A change as a person says it, or two."""
    if isinstance(one, Remedy) and len(one.changes) > 1:
        return " and ".join(change_words(part) for part in one.changes)
    unit, is_of, _ = one.knob.partition(" of ")
    name = limit_words(one.knob) if is_of and unit in UNITS else f"`{one.knob}`"
    before, is_step, after = one.said.partition(" -> ")
    said = f"{name} from {before} to {after}" if is_step else f"{name} ({one.said})"
    return f"{said}, which the vendor must grant," if one.kind == "limit" else said


def _all_hold(report: Report, judged: Sequence[Verdict]) -> str:
    share = min((one.served for one in judged), default=1.0)
    of = "" if share >= 1 else f" for {parted(share)[0]} of what is asked"
    return f"{_all_words(judged)} {'holds' if len(judged) == 1 else 'hold'}{of}"


def _all_words(judged: Sequence[Verdict]) -> str:
    count = len(judged)
    return "the promise" if count == 1 else "both promises" if count == 2 else f"all {_number(count)} promises"


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _counted(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}{'' if count == 1 else 's'}"


def _range_words(one: Verdict) -> str:
    low = "?" if one.low is None else plain_value(one.metric, one.low)
    high = "?" if one.high is None else plain_value(one.metric, one.high)
    return f"{low} to {high} is likely"


def _unmeasured(report: Report) -> list[str]:
    left = [one.id for one in report.verdicts if one.verdict == "not judged"]
    return [f"Not judged: {', '.join(f'`{id}`' for id in left)}."] if left else []


def _reach(report: Report) -> list[str]:
    found = report.carrying
    if found.holds_to is not None and found.holds_to > found.rate:
        return [f"The latencies hold up to {calls_a_second(found.holds_to)}."]
    if found.capacity is not None:
        return [f"The limits carry {calls_a_second(found.capacity)}."]
    return []
