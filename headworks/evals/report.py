"""Reports: JSON for machines, Markdown for a pull request, JUnit's XML for CI. The HTML page is `page.py`.

Always true: every report shows the same numbers, with their intervals; texts of a model or of a sample are escaped
wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec

from headworks.core.errors import EvalError
from headworks.core.money import written_dollars
from headworks.evals.results import Result, lines
from headworks.evals.statistics import compare
from headworks.evals.statistics.compare import Changed, Comparison, why_of
from headworks.evals.statistics.gate import Judged
from headworks.evals.statistics.intervals import Estimate
from headworks.evals.statistics.summary import Summary
from headworks.evals.statistics.table import Table

MAX_CHANGES = 20
"""Changed items that Markdown lists: a comment under a pull request is read, not searched."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and the run that it is compared with."""

    summary: Summary
    ours: Table
    theirs: Table | None = None
    comparison: Comparison | None = None

    @property
    def gates(self) -> list[Judged]:
        """Every verdict, that of the comparison too."""
        return [*self.summary.gates, *([self.comparison.gate] if self.comparison else [])]

    def changed(self, most: int) -> list[Changed]:
        """Items whose outcome differs from the other run, the worse ones first."""
        if self.theirs is None:
            return []
        found = zip(range(most), compare.changes(self.ours, self.theirs), strict=False)
        return [compare.with_texts(self.ours, self.theirs, one) for _, one in found]


def percent(share: float) -> str:
    """`63.8%`."""
    return f"{100 * share:.1f}%"


def with_interval(found: Estimate | None, *, points: bool = False) -> str:
    """A number with its interval: `63.8% [61.2, 66.4]`; differences in points, with their sign. `63.8% [cannot say]` where the
    clusters admit no interval."""
    if found is None:
        return ""
    value = f"{100 * found.value:+.1f}" if points else percent(found.value)
    if found.cannot_say:
        return f"{value} [cannot say]"
    if points:
        return f"{value} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return f"{value} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def pass_rate(share: Estimate | None) -> str:
    """The share that passes, and why it has no interval if it has none; `-` where no item has a verdict."""
    if share is not None and share.cannot_say:
        return f"{percent(share.value)} [cannot say: {share.cannot_say}]"
    return with_interval(share) or "-"


def p_value(p: float | None) -> str:
    """To three digits that count; `-` where nothing can be said."""
    return "-" if p is None else f"{p:.3g}"


def detectable(said: Summary) -> str:
    """Which differences between two systems this many samples can show: with clusters, what they are worth."""
    count = f"{said.samples} samples"
    if said.clusters:
        count += f" in {said.clusters} clusters"
    if said.gap_seen is None:
        return f"{count}: too few clusters, or one too large, to say which differences can be detected"
    if said.clusters:
        count += f" (worth {said.effective:.0f} independent ones)"
    points = 100 * said.gap_seen
    return (
        f"with {count} only differences above {points:.{0 if points >= 10 else 1}f} points can be detected (80 % power)"
    )


def needed(compared: Comparison) -> str:
    """How many items a difference of the margin needs; "" where nothing can be said."""
    if not compared.rows or not compared.rows[0].items_needed:
        return ""
    first = compared.rows[0]
    count = f"{first.items_needed} items"
    if groups := first.paired.difference.clusters:
        count += f" in {-(-first.items_needed * groups // first.samples)} clusters"
    return f"{count} are needed to detect a difference of {100 * compared.margin:.3g} points in this suite"


def dollars(nano: int | None) -> str:
    """A cost with four significant digits."""
    if nano is None:
        return "unknown"
    return "$0" if nano == 0 else written_dollars(int(float(f"{nano:.3e}")))


def as_json(reports: list[Report]) -> list[dict[str, Any]]:
    """Everything but the items, which are in the results files."""
    made = []
    for one in reports:
        said: dict[str, Any] = msgspec.to_builtins(one.summary, str_keys=True)
        said["comparison"] = None if one.comparison is None else msgspec.to_builtins(one.comparison)
        made.append(said)
    return made


def markdown(reports: list[Report]) -> str:
    """For a pull request: verdicts, a table for each suite, and what got worse."""
    parts: list[str] = []
    for one in reports:
        said = one.summary
        parts += [f"### Evaluation of `{said.suite}` on `{said.system}/{said.model}`", ""]
        for judged in one.gates:
            mark = {"holds": "✅", "does not hold": "❌", "not enough data": "❔"}[judged.verdict]
            interval = with_interval(judged.estimate, points=judged.bound <= 0)
            parts.append(
                f"- {mark} **{judged.id}** {_cell(judged.what)}: {judged.verdict}, {interval}; {_cell(judged.why)}"
            )
        if said.no_verdict:
            parts.append(f"- ❔ no verdict: {_cell(said.no_verdict)}")
        parts += [
            "",
            "| condition | samples | pass | drop from plain, points | p95 | cost |",
            "|---|--:|---|---|--:|--:|",
        ]
        for row in said.rows:
            cells = [
                row.condition, str(row.samples), pass_rate(row.share), with_interval(row.drop, points=True),
                f"{row.spread.p95:.2f} s", dollars(row.spread.cost_nano),
            ]  # fmt: skip
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
        if one.comparison is not None:
            parts += _comparison_table(one, one.comparison)
    return "\n".join(parts)


def _comparison_table(one: Report, compared: Comparison) -> list[str]:
    parts = [
        f"Against `{compared.theirs}`: {compared.worse} items got worse, {compared.better} better.",
        "",
        "| condition | pairs | ours | theirs | difference, points | p (Holm) | p95 | cost |",
        "|---|--:|--:|--:|---|--:|--:|--:|",
    ]
    for row in compared.rows:
        cells = [
            row.condition, str(row.samples), percent(row.paired.ours), percent(row.paired.theirs),
            with_interval(row.paired.difference, points=True), p_value(row.p),
            f"{row.ours.p95:.2f} s / {row.theirs.p95:.2f} s", f"{dollars(row.ours.cost_nano)} / {dollars(row.theirs.cost_nano)}",
        ]  # fmt: skip
        parts.append(f"| {' | '.join(cells)} |")
    parts.append("")
    if changed := [item for item in one.changed(MAX_CHANGES) if item.change == "worse"]:
        parts += ["<details><summary>What got worse</summary>", ""]
        parts += [f"- `{item.sample}` under {item.condition}: {_cell(item.why)}" for item in changed]
        parts += ["", "</details>", ""]
    return parts


def _cell(text: str) -> str:
    """A text on one line, in which Markdown and HTML find nothing of theirs."""
    line = " ".join(text.split())
    line = "".join(f"\\{one}" if one in "\\`*_[]|#~@" else one for one in line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_markdown(path: Path, reports: list[Report]) -> None:
    write_parts(path, iter([markdown(reports), "\n"]))


def write_junit(path: Path, reports: list[Report]) -> None:
    """A test suite for the gates, and one for each condition with its items."""
    write_parts(path, _junit(reports))


def _junit(reports: list[Report]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    for one in reports:
        name = one.summary.suite
        wrong = sum(gate.verdict == "does not hold" for gate in one.gates)
        unsaid = sum(gate.verdict == "not enough data" for gate in one.gates)
        yield (
            f'<testsuite name={quoteattr(f"{name} gates")} tests="{len(one.gates)}" failures="{wrong}" errors="0" '
            f'skipped="{unsaid}">\n'
        )
        for gate in one.gates:
            yield f"<testcase classname={quoteattr(name)} name={quoteattr(_xml(gate.what))}>"
            if gate.verdict != "holds":
                tag = "failure" if gate.verdict == "does not hold" else "skipped"
                yield f"<{tag} message={quoteattr(_xml(f'{gate.verdict}: {gate.why}'))}/>"
            yield "</testcase>\n"
        yield "</testsuite>\n"
        for row in one.summary.rows:
            failures = row.calls - row.passed - row.unjudged - row.failed
            yield (
                f'<testsuite name={quoteattr(f"{name} {row.condition}")} tests="{row.calls}" failures="{failures}" '
                f'errors="{row.unjudged + row.failed}">\n'
            )
            for result in results_of(one.ours, row.condition):
                yield _testcase(name, result)
            yield "</testsuite>\n"
    yield "</testsuites>\n"


def _testcase(suite: str, result: Result) -> str:
    name = f"{result.sample} {result.condition}" + (f" {result.repeat}" if result.repeat else "")
    head = f'<testcase classname={quoteattr(suite)} name={quoteattr(_xml(name))} time="{result.seconds:.3f}">'
    if result.outcome == "pass":
        return f"{head}</testcase>\n"
    tag = "failure" if result.outcome == "fail" else "error"
    text = escape(_xml(f"input: {result.asked}\nanswer: {result.answer}"))
    return f"{head}<{tag} message={quoteattr(_xml(why_of(result)))}>{text}</{tag}></testcase>\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return "".join(
        one
        for one in text
        if one in "\t\n\r" or (" " <= one <= "\ud7ff") or "\ue000" <= one <= "\ufffd" or one > "\uffff"
    )


def results_of(table: Table, condition: str | None = None) -> Iterator[Result]:
    """The items of a run as they are counted: the last line of each."""
    for offset, line in lines(table.path):
        if not isinstance(line, Result) or (condition is not None and line.condition != condition):
            continue
        first, repeats = table.columns.get(line.condition, (0, 0))
        row = table.rows.get(line.sample)
        if row is not None and line.repeat < repeats and table.offsets[row, first + line.repeat] == offset:
            yield line


def write_parts(path: Path, parts: Iterator[str]) -> None:
    """Writes a report as it is made. Raises EvalError."""
    try:
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(parts)
    except OSError as error:
        raise EvalError(f"{path} cannot be written: {error.strerror or error}") from error
