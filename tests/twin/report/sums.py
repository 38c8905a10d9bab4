"""Whether the numbers of a plan's report add up: each is held against every other that it follows from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from headworks.system.verdicts.verdict import overall
from headworks.twin.report.report import Report
from headworks.twin.verdicts.verdict import Verdict, format_value

LAST_BIT = 1e-9
PARTS = re.compile(r"([\d.]+)% of what is asked(?: is served,|:) ([\d.]+)% is never served")
RESTS_ON = re.compile(r"(\d+) runs, (?:(\d+) of )?(\d+) calls")
MONTH = re.compile(r"([\d,]+) calls at (\$[\d.,]+) each")


def contradictions(report: Report) -> list[str]:
    """What does not add up; empty for a sound report."""
    found = [*of_verdicts(report), *of_effort(report), *of_limits(report), *of_money(report), *of_the_rest(report)]
    return [*found, *of_remedies(report)]


def of_verdicts(report: Report) -> Iterator[str]:
    parts = [one.verdict for one in report.verdicts] + [one.verdict for one in report.constraints]
    if report.verdict != overall(parts):
        yield f"the whole {report.verdict}, though its parts are {parts}"
    for one in report.verdicts:
        if one.value is None:
            continue
        low = -1.0 if one.low is None else one.low
        high = float("inf") if one.high is None else one.high
        if not low - LAST_BIT <= one.value <= high + LAST_BIT:
            yield f"{one.id}: {one.value} is not within {low} .. {high}"
        if low < 0 <= one.value and one.low is not None:
            yield f"{one.id}: its range begins below nothing"
        if one.metric == "availability" and high > 1 and one.high is not None:
            yield f"{one.id}: more than all calls are answered"
        if "by arithmetic" not in one.why and one.verdict != by_range(one, low, high):
            yield f"{one.id} {one.verdict}, and its range is {low} .. {high}"
        yield from of_served(one)
        yield from of_quality(one)


def by_range(one: Verdict, low: float, high: float) -> str:
    if "<=" in one.objective:
        return "holds" if high <= one.limit else "does not hold" if low > one.limit else "cannot say"
    return "holds" if low >= one.limit else "does not hold" if high < one.limit else "cannot say"


def of_quality(one: Verdict) -> Iterator[str]:
    """What targets are worth, by the share of answers that each gives, is what the mix is worth; no effect is larger than what they
    differ by."""
    if one.quality is None or one.value is None:
        return
    shares = sum(target.share for target in one.quality.targets)
    if abs(shares - 1) > LAST_BIT:
        yield f"{one.id}: its targets give {shares} of the answers"
    worth = sum(target.share * target.value for target in one.quality.targets)
    if abs(worth - one.value) > LAST_BIT:
        yield f"{one.id}: {one.value}, and its targets are worth {worth}"
    values = [target.value for target in one.quality.targets]
    for effect in (one.quality.fallbacks, one.quality.outages):
        if abs(effect) > max(values) - min(values) + LAST_BIT:
            yield f"{one.id}: an effect of {effect}, though its targets are {values}"


def of_served(one: Verdict) -> Iterator[str]:
    if not 0 <= one.served <= 1:
        yield f"{one.id}: {one.served} of what is asked is served"
    parts = PARTS.search(one.why)
    if (parts is not None) != (one.served < 1):
        yield f"{one.id}: served {one.served}, and `{one.why}`"
    if parts is not None:
        if Decimal(parts[1]) + Decimal(parts[2]) != 100:
            yield f"{one.id}: {parts[1]}% and {parts[2]}% are not all"
        if abs(float(parts[1]) / 100 - one.served) > 0.006:
            yield f"{one.id}: {parts[1]}% is said of {one.served}"


def of_effort(report: Report) -> Iterator[str]:
    effort = report.effort
    if effort.calls != round(effort.measured / max(1, effort.runs)):
        yield f"{effort.runs} runs of {effort.calls} calls are not {effort.measured}"
    if effort.simulated < effort.measured:
        yield f"{effort.simulated} calls were simulated, and {effort.measured} of them measured"
    for one in report.verdicts:
        if (said := RESTS_ON.search(one.why)) is None:
            continue
        if int(said[1]) != effort.runs or int(said[3]) > effort.measured:
            yield f"{one.id} rests on {said[0]}, of {effort.runs} runs with {effort.measured} calls"
        if one.alias is None and int(said[3]) != effort.measured:
            yield f"{one.id} is about all calls and rests on {said[0]}, not on {effort.measured}"


def of_limits(report: Report) -> Iterator[str]:
    uses = {one.name: one for one in report.uses}
    if len(uses) < len({(one.name, one.path) for one in report.uses}) and report.binding.name:
        yield "two limits have one name"
    for one in report.uses:
        if not 0 <= one.elsewhere <= one.refused <= 1:
            yield f"{one.name} rejects {one.refused} of what asks for it, and {one.elsewhere} is answered elsewhere"
        if one.mean > one.at_peak + LAST_BIT:
            yield f"{one.name}: {one.mean} on average, {one.at_peak} at most"
        is_used_up = one.name.startswith("budget") and one.mean == one.at_peak > 1
        if is_used_up and abs(one.refused - (1 - 1 / one.mean)) > LAST_BIT:
            yield f"{one.name}: {one.mean} of it is asked, and {one.refused} refused"
    for closed in report.screening.limits:
        if abs(closed.use - closed.asked / closed.carries) > LAST_BIT * closed.use:
            yield f"{closed.name}: {closed.asked} of {closed.carries} is not {closed.use}"
    name = report.binding.name
    if name and (name not in uses or f"{uses[name].at_peak:.0%}" not in report.binding.said):
        yield f"the bottleneck is `{report.binding.said}`"
    for share in re.findall(r"rejects ([\d.]+)%", report.binding.said):
        if float(share) > 100 or (float(share) == 0 and uses[name].refused > 0):
            yield f"the bottleneck is `{report.binding.said}`"


def of_money(report: Report) -> Iterator[str]:
    each = {one.alias: one for one in report.verdicts if one.metric == "cost_per_call"}
    for one in report.verdicts:
        if one.metric != "cost" or one.value is None or (said := MONTH.search(one.why)) is None:
            continue
        calls = float(said[1].replace(",", ""))
        if (known := each.get(one.alias)) is not None and known.value is not None:
            if abs(calls * known.value - one.value) > 1e-5 * one.value + known.value:
                yield f"{one.id}: {calls} calls at {known.value} are not {one.value}"
            if said[2] != format_value("cost_per_call", known.value):
                yield f"{one.id}: a call costs {said[2]}, and {known.value}"
        if (rate := re.search(r"([\d.]+) calls/s", report.traffic)) is not None and one.alias is None:
            most = float(rate[1]) * 30 * 86400 * 1.005  # the rate is said to three digits
            if " in 30d" in one.objective and calls > most * one.served:
                yield f"{one.id}: {calls} calls of at most {most}, of which {one.served} are served"


def of_the_rest(report: Report) -> Iterator[str]:
    for course in report.latencies:
        if sorted(course.predicted) != course.predicted:
            yield f"{course.metric} of {course.alias}: a higher percentile is lower"
    rate = re.search(r"synthetic traffic, ([\d.]+) calls/s", report.traffic)
    for one in report.verdicts:
        is_known = one.metric == "goodput" and one.value is not None and rate is not None
        if is_known and one.value > float(rate[1]) * 1.005:
            yield f"{one.id}: {one.value} good calls a second of {rate[1]}"


def of_remedies(report: Report) -> Iterator[str]:
    judged = {one.id: one for one in report.verdicts}
    for offer in report.remedies:
        if judged[offer.objective].verdict == "holds":
            yield f"a remedy for {offer.objective}, which holds"
        if any(judged[name].verdict != "holds" for name in offer.breaks):
            yield f"{offer.knob} would break what does not hold: {offer.breaks}"
        if any(judged[name].verdict == "holds" for name in offer.turns):
            yield f"{offer.knob} would meet what holds: {offer.turns}"
        if offer.is_enough and offer.objective not in offer.turns:
            yield f"{offer.knob} is enough for {offer.objective}, and meets {offer.turns}"
        if offer.gained_low is None or not 0 < offer.gained_low <= offer.gained:
            yield f"{offer.knob} gains {offer.gained}, from {offer.gained_low} on"
