"""How the log of `headworks up` is written: as text, or as an object a line, in every process and from the first line on."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from headworks.core.errors import ConfigError, HeadworksError, Problem
from headworks.core.notices import named, of_problem
from headworks.system.load import content_of
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import compose, text_at
from headworks.telemetry.log_lines import JsonLines, TextLines

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger("headworks.up")


def write_log(form: str, worker: int | None = None) -> None:
    """Writes this process's log to stderr, as `text` or as `json`. worker: which of several processes this is."""
    text = TEXT if worker is None else TEXT.replace("%(message)s", f"worker {worker}: %(message)s")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(worker) if form == "json" else TextLines(text))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if form == "json":
        logging.captureWarnings(True)
        sys.excepthook = unexpected
        threading.excepthook = lambda what: unexpected(what.exc_type, what.exc_value, what.exc_traceback)
        sys.unraisablehook = lambda what: unexpected(what.exc_type, what.exc_value, what.exc_traceback)


def unexpected(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What Python would print as a stack trace, as one line."""
    log.critical("a bug of ours: %s", kind.__qualname__, exc_info=(kind, error or kind(), trace), extra=named("bug"))


def asked_of(file: Path) -> str:
    """The format that a file asks for, also where something else is wrong with it; `text` where it cannot be read."""
    try:
        root = compose(content_of(file), Findings(str(file)))
    except ConfigError:
        return "text"
    return "json" if root is not None and text_at(root, "log", "format") == "json" else "text"


def tell_why(error: HeadworksError) -> None:
    """Logs why nothing is served, a line for each thing that is wrong."""
    if isinstance(error, ConfigError):
        tell(error.problems, logging.ERROR, "not_started")
    else:
        log.error("%s", error, extra=named("not_started"))


def tell(problems: Sequence[Problem], level: int, event: str) -> None:
    for one in problems:
        log.log(level, "%s", one, extra=of_problem(event, one))
