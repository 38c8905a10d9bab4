"""What becomes of each field of a question on its way to a dialect. Decided before anything is sent.

Four fates. `carried`: the target has the field. `emulated`: it has none, and gets the same effect another way, which the row
names. `left_out`: a hint that the answer can do without; the record names it. `refused`: the answer would not be what was
asked for, so the call gets 400 with the field, and a target that could is tried instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from headworks.core.errors import Refused, Retry
from headworks.wire.hub.question import Question

Fate: TypeAlias = Literal["carried", "emulated", "left_out", "refused"]


class Row(msgspec.Struct, frozen=True):
    """name: what the dialect calls the field, or "". note: how it is emulated, or why it is not carried."""

    fate: Fate
    name: str = ""
    note: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one dialect, by the hub's names of the fields."""

    dialect: str
    title: str
    rows: Mapping[str, Row]


class Carried(msgspec.Struct, frozen=True):
    """What is not carried as it is. Both name the hub's fields."""

    emulated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Unsupported(Refused):
    """A field that this target cannot carry. Another target may: nothing was sent yet."""

    code = "unsupported_parameter"
    retry: Retry = "elsewhere"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, param=field)
        self.field = field


def carried(question: Question, table: Table) -> Carried:
    """What the target's dialect does with the fields that this question uses. Raises Unsupported for the first one refused."""
    raise NotImplementedError
