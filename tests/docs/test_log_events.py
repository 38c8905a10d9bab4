"""Each event of the log is in the table of `docs/telemetry.md`, and each of that table is one."""

from __future__ import annotations

import re
from pathlib import Path

import headworks

WRITTEN = re.compile(
    r"(?:\bnamed\(|of_problem\(|Notice\([^\n,]+,|_tell\(logging\.\w+,|tell\(warnings, [\w.]+,|tell\(error\.problems, [\w.]+,"
    r"|(?:host|_host|self)\.report\()\s*\"([a-z_]+)\""
)


def test_the_table_has_every_event() -> None:
    package = Path(headworks.__file__).parent
    written = {name for file in package.rglob("*.py") for name in WRITTEN.findall(file.read_text())}
    table = Path("docs/telemetry.md").read_text().partition("| event | level | when |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert written == told
