"""Options in the notations of the system file: `100k`, `$50`, `30d`."""

from __future__ import annotations

import re
import time
from typing import Any

import click

from headworks.system.notations import NOTATIONS
from headworks.system.scalars import Unreadable, duration, instant


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
