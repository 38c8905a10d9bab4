"""The drills that come with the package, and the reader of files with drills.

Always true: all problems of a file of drills are reported at once, with line and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from msgspec import inspect

from headworks.core.errors import ConfigError, Problem
from headworks.system.checks.drills import check_drills
from headworks.system.reader import Reader
from headworks.system.schema.drills import Drill, DrillFile
from headworks.system.schema.secrets import Sources
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, compose

LIBRARY: Final = "library.yaml"

QUICK: Final = ("error-500", "cut", "rate-limited", "html", "tls-failure", "sigkill")
"""The drills of `--quick`: a fault before the head, one after it, one that asks to wait, an answer that is none, and two of our
own troubles. On two cores about half a minute on the real loop."""


def library() -> dict[str, Drill]:
    """The drills that come with the package, in their order."""
    return read(files("headworks.drill").joinpath(LIBRARY).read_bytes(), LIBRARY, {})


def load(path: Path, targets: Mapping[str, Iterable[str]]) -> dict[str, Drill]:
    """The drills of a file. targets: those of each alias of the system. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        problem = Problem(
            file=str(path),
            problem=f"the file of drills cannot be read: {error.strerror or error}",
            remedy="name a YAML file that has `drills:` in it",
        )
        raise ConfigError([problem]) from error
    return read(content, str(path), targets)


def read(content: bytes, file: str, targets: Mapping[str, Iterable[str]]) -> dict[str, Drill]:
    """The drills in these bytes. Raises ConfigError with everything that is wrong with them."""
    findings = Findings(file)
    root = compose(content, findings)
    made = None if root is None else Reader(findings, Sources({}, Path())).read(root, inspect.type_info(DrillFile), ())
    drills = made.drills if isinstance(made, DrillFile) else {}
    check_drills(drills, targets, findings)
    if findings.errors:
        raise ConfigError(findings.errors)
    return drills
