"""Writes the tables of `docs/failure.md`: what callers saw in the drills of the library.

python tools/failure.py            the vendors' table, from virtual drills (a second)
python tools/failure.py --real     and that of the system faults, from drills in real time (half a minute)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from headworks.drill.library import library
from headworks.drill.report import DrillOutcome, caller_sees
from headworks.drill.run import Run, run_in_real_time, run_in_virtual_time
from headworks.drill.system_copy import DrilledSystem, parse_system
from headworks.system.starter import text

PAGE = Path(__file__).parent.parent / "docs" / "failure.md"

WITH = "targets: [shaky/simulated, steady/simulated]\n    mid_stream: restart"
SYSTEMS = {
    "with a fallback, `mid_stream: restart`": WITH,
    "with a fallback, `mid_stream: error`": "targets: [shaky/simulated, steady/simulated]",
    "without a fallback": "targets: [shaky/simulated]",
}
"""The alias `simulated` of the starter system as it is, and two poorer ones."""


def main() -> None:
    page = placed(PAGE.read_text(encoding="utf-8"), "vendors", vendors())
    if "--real" in sys.argv[1:]:
        page = placed(page, "troubles", troubles())
    PAGE.write_text(page, encoding="utf-8")


def placed(page: str, name: str, rows: Sequence[str], tool: str = "tools/failure.py") -> str:
    """The page with these rows between its two marks. Raises ValueError where a mark is missing."""
    begin, end = f"<!-- {name}: written by {tool} -->", f"<!-- end of {name} -->"
    before, after = page.index(begin) + len(begin), page.index(end)
    return "\n".join([page[:before], "", *rows, "", page[after:]])


def vendors() -> list[str]:
    """What callers see of each fault of a vendor, by system."""
    drills = {name: drill for name, drill in library().items() if drill.trouble is None}
    came = [list(run_in_virtual_time(Run(drilled=system(aliases), drills=drills))) for aliases in SYSTEMS.values()]
    rows = [
        f"| drill | fault | {' | '.join(SYSTEMS)} | attempts | added latency | cost | recovery |",
        f"|---|---|{'---|' * len(SYSTEMS)}---|---|---|---|",
    ]
    for outcomes in zip(*came, strict=True):
        first = outcomes[0]
        seen = first.figures
        figures = [
            f"{seen.per_call:.1f}",
            "-" if seen.added is None else f"{seen.added:.1f} s",
            f"x {seen.cost:.1f}",
            f"{seen.recovery:.1f} s",
        ]
        rows.append(f"| {' | '.join([f'`{first.name}`', first.shows, *map(told, outcomes), *figures])} |")
    return rows


def told(outcome: DrillOutcome) -> str:
    """What callers see, as short as it can be said."""
    return caller_sees(outcome, counted=False)


def troubles() -> list[str]:
    """What callers see of each trouble."""
    drills = {name: drill for name, drill in library().items() if drill.trouble is not None}
    outcomes = run_in_real_time(Run(drilled=system(WITH), drills=drills), lambda one: print(one.verdict, one.name))
    return [
        "| drill | fault | what the caller sees | verdict |",
        "|---|---|---|---|",
        *(f"| `{one.name}` | {one.shows} | {told(one)} | {one.verdict} |" for one in outcomes),
    ]


def system(aliases: str) -> DrilledSystem:
    """The starter system with the alias `simulated` written so."""
    written = text()
    assert WITH in written, "the starter system is written otherwise"
    return parse_system(written.replace(WITH, aliases).encode(), "starter.yaml", Path())


if __name__ == "__main__":
    main()
