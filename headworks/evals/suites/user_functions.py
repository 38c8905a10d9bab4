"""Own functions: the Python file that a suite names, loaded once, its functions found by name.

Always true: a file is run as it would be by `python FILE`, in this process, with the rights of whoever runs the
evaluation; nothing is run that the suite does not name.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headworks.evals.suites.yaml_document import Problems, read_text


def run_module(path: Path, problems: Problems) -> dict[str, Any]:
    """What a Python file defines. Raises ConfigError, with the line where it failed."""
    source = read_text(path, problems)
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(source, str(path), "exec"), names)  # a user's own code: this is how an own scorer is one function
    except SyntaxError as error:
        problems.add(f"this is not Python: {error.msg}", "", line=error.lineno or 1, column=error.offset or 1)
    except Exception as error:  # noqa: BLE001  # a user's module: whatever it raises is told with its line
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename == str(path)]
        problems.add(
            f"it raised {type(error).__name__}: {error}", "", line=(frames[-1].lineno or 1) if frames else 1, column=1
        )
    problems.raise_any()
    return names


def function(names: dict[str, Any], name: str) -> Callable[..., Any] | None:
    """The function of this name, if the file has one."""
    found = names.get(name)
    return found if callable(found) else None
