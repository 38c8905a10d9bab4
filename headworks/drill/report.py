"""Reports of drills: the object of `--json`, JUnit's XML, and the table in `docs/failure.md`.

Always true: on virtual time the same seed gives the same bytes; there is no clock, no path and no process id in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias
from xml.etree import ElementTree

import msgspec

from headworks.drill.call_outcome import Kind
from headworks.drill.evidence import Evidence, Figures, all_attempts, figures
from headworks.drill.verdict import Said, judge

Loop: TypeAlias = Literal["real", "virtual"]

DIGITS = 3
"""Decimals of seconds: milliseconds. On virtual time they are exact, on the real loop there is nothing to see below."""


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call: when, for how long (seconds), and its outcome."""

    at: float
    took: float
    streamed: bool
    kind: Kind
    status: int
    code: str
    attempts: int | None


class AttemptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a target: when, until when (seconds), and how it ended."""

    at: float
    until: float
    target: str
    why: str
    outcome: str
    error: str


class DrillOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one drill. window: when the faults were active; faults: from, until, and which."""

    name: str
    shows: str
    verdict: Said
    why: list[str]
    alias: str
    window: tuple[float, float]
    faults: list[tuple[float, float, str]]
    figures: Figures
    calls: list[CallLine]
    attempts: list[AttemptLine]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `--json`. copy: differences of the copy that are special to this file. dialect: in which callers asked."""

    system: str
    copy: list[str] = []
    loop: Loop
    seed: int
    verdict: Said
    drills: list[DrillOutcome]
    dialect: str = "chat"


def overall(outcomes: Sequence[DrillOutcome]) -> Said:
    """The verdict on all of them: the worst."""
    said = {outcome.verdict for outcome in outcomes}
    return "does not hold" if "does not hold" in said else "cannot say" if "cannot say" in said or not said else "holds"


def drill_outcome(name: str, evidence: Evidence) -> DrillOutcome:
    """Makes the outcome of a run."""
    drill = evidence.drill
    seen = figures(evidence)
    said = judge(evidence, seen)
    tries = {record.request_id: len(record.attempts) for record in evidence.records}
    return DrillOutcome(
        name=name,
        shows=drill.shows,
        verdict=said.said,
        why=said.why,
        alias=evidence.alias,
        window=drill.window,
        faults=[(fault.from_, fault.until, fault.fault) for fault in drill.faults]
        + ([(drill.trouble.from_, drill.trouble.until, drill.trouble.what)] if drill.trouble else []),
        figures=_round(seen),
        calls=[
            CallLine(
                at=round(one.arrived, DIGITS),
                took=round(one.took, DIGITS),
                streamed=one.streamed,
                kind=one.outcome.kind,
                status=one.outcome.status,
                code=one.outcome.code,
                attempts=tries.get(one.request_id),
            )
            for one in evidence.results
        ],
        attempts=[
            AttemptLine(
                at=round(one.started_at - evidence.began_at, DIGITS),
                until=round(max(one.ended_at, one.started_at) - evidence.began_at, DIGITS),
                target=one.target,
                why=one.why,
                outcome=one.outcome,
                error=one.error,
            )
            for one in all_attempts(evidence.records)
        ],
    )


def _round(seen: Figures) -> Figures:
    changes = {
        name: round(value, DIGITS) for name, value in msgspec.structs.asdict(seen).items() if isinstance(value, float)
    }
    return msgspec.structs.replace(seen, **changes)


def junit(report: Report) -> bytes:
    """The report as JUnit's XML: one test case for each drill; `cannot say` is an error."""
    said = [drill.verdict for drill in report.drills]
    suite = ElementTree.Element(
        "testsuite",
        name=f"headworks drill ({report.system}, {report.loop} loop)",
        tests=str(len(said)),
        failures=str(said.count("does not hold")),
        errors=str(said.count("cannot say")),
    )
    if report.copy:
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="copy", value="; ".join(report.copy))
    for drill in report.drills:
        took = max((one.at + one.took for one in drill.calls), default=0.0)
        case = ElementTree.SubElement(
            suite, "testcase", classname="headworks.drill", name=drill.name, time=f"{took:.3f}"
        )
        if drill.verdict != "holds":
            kind = "failure" if drill.verdict == "does not hold" else "error"
            ElementTree.SubElement(case, kind, message="; ".join(drill.why)).text = drill.shows
    ElementTree.indent(suite)
    written: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


TABLE = (
    "| drill | fault | what the caller sees | attempts per call | added latency | cost | recovery |",
    "|---|---|---|---|---|---|---|",
)


def table(outcomes: Sequence[DrillOutcome]) -> list[str]:
    """The rows of `docs/failure.md`: what callers saw, in Markdown."""
    return [*TABLE, *(_row(one) for one in outcomes)]


def _row(one: DrillOutcome) -> str:
    seen = one.figures
    cells = [
        f"`{one.name}`",
        one.shows,
        caller_sees(one),
        _number(seen.per_call, "{:.1f}"),
        _number(seen.added, "{:.1f} s"),
        _number(seen.cost, "x {:.1f}"),
        _number(seen.recovery, "{:.1f} s"),
    ]
    return f"| {' | '.join(cells)} |"


def caller_sees(one: DrillOutcome, *, counted: bool = True) -> str:
    """What callers got during the fault, in Markdown; with the number of calls."""
    seen = one.figures
    said = [("complete", seen.whole)]
    for code, count in seen.codes.items():
        status, _, word = code.partition(" ")
        what = f"error event `{word}`" if status == "event" else f"{status} `{word}`"
        said.append((what, count))
    said += [("broken connection", seen.broken), ("no connection", seen.unserved)]
    return "; ".join(f"{what} ({count})" if counted else what for what, count in said if count)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
