"""The report as one self-contained HTML page: no script, no font, no image and no outside address.

Always true: the same report gives the same bytes; every text that came from a file is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from headworks.charts.style import PAGE_STYLE
from headworks.twin.report.plots import effect_figures, limit_figures, objective_figures
from headworks.twin.report.report import Report, effort_words, is_measurable, verdict_words
from headworks.twin.report.summary import carrying_lines, cost_words, summary
from headworks.twin.verdicts.verdict import Verdict, format_value

STYLE: Final = (
    PAGE_STYLE
    + """
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: 0 0 .3rem }
p.soft, td.soft { color: var(--soft) } td.soft { min-width: 14rem } p.verdict { font-size: 1.15rem; max-width: 48rem } ul { padding-left: 1.2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600; color: var(--soft) }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.holds { color: var(--good) } .does { color: var(--bad) } .cannot { color: var(--unsure) } .not { color: var(--soft) }
pre { overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; border: 1px solid var(--line); padding: .6rem }
td.verdict { font-weight: 600 } td.verdict, .whole { white-space: nowrap }
"""
).strip()


def html_report(report: Report) -> str:
    """The whole page."""
    return page(f"Plan of {report.system}", "\n".join(_parts(report)))


def page(title: str, body: str) -> str:
    """A page around a body, whose texts are escaped."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _parts(report: Report) -> Iterator[str]:
    yield f"<h1>Plan of {escape(report.system)}</h1>"
    yield f'<p class="soft">{escape(report.traffic)}</p>'
    yield f'<p class="verdict">{escape(summary(report))}</p>'
    yield "<h2>Objectives</h2>" + _verdict_table(report.verdicts)
    if report.constraints:
        rows = [(one.constraint, one.target, one.verdict, one.why) for one in report.constraints]
        yield "<h2>Constraints</h2>" + table(("constraint", "target", "verdict", "why"), rows)
    if report.rests_on:
        rests = [(one.objective, one.target, one.origin, one.said) for one in report.rests_on]
        yield "<h2>Verdicts that depend on speeds that are not in the file</h2>" + table(
            ("objective", "target", "its speed is", "by"), rests
        )
    yield figures(objective_figures(report))
    if report.effort.runs:
        yield "<h2>How far it carries</h2>" + items(carrying_lines(report))
    yield "<h2>Why</h2>" + items([*(one.said for one in report.overloads), report.binding.said])
    if report.remedies:
        yield "<h2>What would help: the cheapest change that meets each missed objective</h2>" + _remedy_table(report)  # fmt: skip
    if drawn := list(limit_figures(report)):
        yield f"<h2>Use of each limit {'over the day' if report.days else 'over the trace'}</h2>" + figures(drawn)
    yield "<h2>Other settings, and what they give</h2>" + _settings_table(report)
    if drawn := list(effect_figures(report)):
        yield "<h2>Effect of each setting</h2>" + figures(drawn)
    yield "<h2>What was assumed</h2>" + table(
        ("about", "assumption", "to replace it"), [(one.about, one.assumed, one.instead) for one in report.assumptions]
    )
    prices = "; ".join(f"{name} {of}" for name, of in report.prices.items())
    yield f'<p class="soft">{escape(verdict_words(report))}; {escape(effort_words(report))}; prices: {escape(prices)}</p>'


def items(lines: Sequence[str]) -> str:
    """A list of lines."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _settings_table(report: Report) -> str:
    """Each setting that was tried, and what each objective is then: a dot where it changes nothing that is measurable."""
    names = [
        one for one in report.verdicts if any(e.objective == one.id for s in report.sensitivities for e in s.effects)
    ]
    rows = []
    for change in report.sensitivities:
        known = {one.objective: one for one in change.effects}
        cells = []
        for verdict in names:
            effect = known.get(verdict.id)
            if effect is None or effect.after is None or not is_measurable(effect):
                cells.append("\N{MIDDLE DOT}")
                continue
            cells.append(f"{format_value(verdict.metric, effect.after)} ({effect.change * 100:+.1f}% of the limit)")
        rows.append((change.knob, change.said, *cells))
    return table(("setting", "change", *(one.id for one in names)), rows) if rows else "<p>None was tried.</p>"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _verdict_table(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for one in verdicts:
        value = "-" if one.value is None else format_value(one.metric, one.value)
        low = "?" if one.low is None else format_value(one.metric, one.low)
        high = "?" if one.high is None else format_value(one.metric, one.high)
        between = "" if one.value is None else f"{low} .. {high}"
        style = "cannot" if one.said != one.verdict else one.verdict.split(" ")[0]
        rows.append(
            f'<tr><td class="whole">{escape(one.id)}</td><td>{escape(one.alias or "all")}</td><td>{escape(one.objective)}</td>'
            f'<td class="verdict {style}">{escape(one.said)}</td><td class="whole">{value}</td><td class="whole">{between}</td>'
            f'<td class="soft">{escape(one.why)}</td></tr>'
        )
    head = "".join(
        f"<th>{title}</th>" for title in ("objective", "alias", "requirement", "verdict", "predicted", "range", "why")
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _remedy_table(report: Report) -> str:
    metrics = {one.id: one.metric for one in report.verdicts}
    rows = [
        (
            one.objective,
            f"{one.knob}: {one.said}" + ("" if one.is_enough else " (not enough alone, but the closest)"),
            format_value(metrics[one.objective], one.value),
            "unknown" if one.cost_after is None else format_value("cost_per_call", one.cost_after),
            cost_words(report, one).removeprefix("for "),
            ", ".join(one.turns),
            ", ".join(one.breaks),
        )
        for one in report.remedies
    ]
    return table(
        (
            "objective",
            "change",
            "predicted then",
            "cost per call",
            "a month",
            "objectives it meets",
            "objectives it breaks",
        ),
        rows,
    )


def figures(drawn: Iterable[tuple[str, str]]) -> str:
    """Plots beside each other, each with its title."""
    made = [f"<figure><h3>{escape(title)}</h3>{plot}</figure>" for title, plot in drawn]
    return f'<div class="plots">{"".join(made)}</div>' if made else ""
