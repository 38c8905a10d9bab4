"""What becomes of each field of a question on its way to a dialect. Decided before anything is sent.

Four fates. `carried`: the target has the field. `emulated`: it has none, and gets the same effect another way, which the row
names. `left_out`: a hint that the answer can do without; `carried` returns its name. `refused`: the answer would not be what was
asked for, so the call gets 400 with the field, and a target that could is tried instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from headworks.core.errors import Refused, Retry
from headworks.wire.hub.fields import MOST_EXTRA, fields_of
from headworks.wire.hub.question import Question

Fate: TypeAlias = Literal["carried", "emulated", "left_out", "refused"]


class Row(msgspec.Struct, frozen=True):
    """name: what the dialect calls the field, or "". note: how it is emulated, or why it is not carried."""

    fate: Fate
    name: str = ""
    note: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one dialect, by the hub's names of the fields. title: the dialect in words, for people."""

    dialect: str
    title: str
    rows: Mapping[str, Row]


class Carried(msgspec.Struct, frozen=True):
    """What is not carried as it is, by the hub's names; of other dialects' own members the first MOST_EXTRA."""

    emulated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Unsupported(Refused):
    """A field that this target cannot carry. Another target may: nothing was sent yet.

    field: the hub's name; `param` has the same until a caller's side says it in its own words.
    """

    code = "unsupported_parameter"
    retry: Retry = "elsewhere"

    def __init__(self, field: str, title: str, note: str, *, name: str = "") -> None:
        """title: the target's dialect in words. note: why not. name: what the caller calls the field."""
        why = f": {note}" if note else ""
        super().__init__(f"`{name or field}` cannot be sent to a vendor that speaks {title}{why}.", param=name or field)
        self.field = field
        self.title = title
        self.note = note
        self.name = name

    def said_in(self, caller: Table) -> Unsupported:
        """The same refusal with the field as the caller's dialect calls it."""
        return Unsupported(self.field, self.title, self.note, name=self.name or caller.rows[self.field].name)


def carried(question: Question, table: Table, names: list[str] | None = None) -> Carried:
    """What the target's dialect does with the fields that this question uses. Raises Unsupported for the first one refused.

    names: gets what is left out, for the record of the call.
    """
    emulated: list[str] = []
    left_out: list[str] = []
    extra: list[str] = []
    for field in fields_of(question, table.dialect):
        row = table.rows.get(field)
        if row is None:
            extra.append(field)
        elif row.fate == "refused":
            name = question.required[0] if field == "required" else ""  # the caller's own word, which no table has
            raise Unsupported(field, table.title, row.note, name=name)
        elif row.fate == "emulated":
            emulated.append(field)
        elif row.fate == "left_out":
            left_out.append(field)
    left_out += extra[:MOST_EXTRA]
    if names is not None:
        names += left_out
    return Carried(tuple(emulated), tuple(left_out))
