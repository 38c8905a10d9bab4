"""Ids of tool calls as the API takes them: letters, digits, `_` and `-`, and one for each call.

Other APIs have calls without an id (OpenAI's `function_call`, Gemini), and ids with other letters. A call is given one by its
place, and its result the same: by the id that it has, or else by the tool's name, in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from headworks.wire import hub

_FIT: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")


def with_ids(turns: Sequence[hub.Turn]) -> tuple[hub.Turn, ...]:
    ids = _Ids()
    return tuple([_with(turn, ids) for turn in turns])


def _with(turn: hub.Turn, ids: _Ids) -> hub.Turn:
    if len(turn.parts) == 1 and type(turn.parts[0]) is hub.Text:
        return turn  # as most are
    parts = [ids.part(part) for part in turn.parts]
    is_same = all(one is other for one, other in zip(parts, turn.parts, strict=True))
    return turn if is_same else msgspec.structs.replace(turn, parts=tuple(parts))


class _Ids:
    """The calls without an id that wait for their results, by name."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[tuple[str, str]] = []

    def part(self, part: hub.Part) -> hub.Part:
        if isinstance(part, hub.ToolCall):
            return part if _FIT.fullmatch(part.id) else msgspec.structs.replace(part, id=self._called(part))
        if isinstance(part, hub.ToolResult) and not _FIT.fullmatch(part.call_id):
            id = fitting(part.call_id) if part.call_id else self._answered(part.name)
            return msgspec.structs.replace(part, call_id=id)
        return part

    def _called(self, call: hub.ToolCall) -> str:
        if call.id:
            return fitting(call.id)
        self._count += 1
        id = f"call_{self._count}"
        self._waiting.append((call.name, id))
        return id

    def _answered(self, name: str) -> str:
        found = next((one for one in self._waiting if one[0] == name), None) or next(iter(self._waiting), None)
        if found is None:
            self._count += 1
            return f"call_{self._count}"
        self._waiting.remove(found)
        return found[1]


def fitting(id: str) -> str:
    return _OTHER.sub("_", id)[:128]
