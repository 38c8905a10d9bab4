"""What commands are given: options in the notations of the system file (`100k`, `$50`, `30d`), and the file itself."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import click

from headworks.system.schema.notations import NOTATIONS
from headworks.system.syntax.scalars import Unreadable, duration, instant


class Notated(click.ParamType[Any]):
    """A value in a unit's notation."""

    def __init__(self, unit: str) -> None:
        self.notation = NOTATIONS[unit]
        self.name = self.notation.noun.partition(" ")[2]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.notation.read(value)
        except Unreadable as error:
            self.fail(f"{error.problem}: {error.remedy}", param, ctx)


class SystemFile(click.Path):
    """The system file, which must be there: where it is not, what makes one is said."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if not Path(value).exists():
            self.fail(f"{value} does not exist: `headworks init` writes a first one, or name your own file", param, ctx)
        return super().convert(value, param, ctx)


class Until(click.ParamType[float]):
    """Seconds since 1970 from a date, or from a duration from now."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            if re.fullmatch(r"[0-9.]+(ms|[smhd])", text):
                return time.time() + duration(text)
            return instant(text)
        except Unreadable as error:
            self.fail(f"{error.problem}: {error.remedy}; or how long from now: 30d", param, ctx)
