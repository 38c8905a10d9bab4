"""Tools that take free text, at a vendor that has functions only.

Theory. Such a tool is sent as a function whose one argument `input` is the text. What the vendor calls has to become the caller's
own again: which tools those are stands in his body. A call's arguments are JSON until their end, so the text of one is told at
once, when its part is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from headworks.wire import hub
from headworks.wire.json_text import read_json

INPUT: Final = "input"
"""The one argument."""


def free_text() -> dict[str, Any]:
    """The schema of a function that stands for such a tool."""
    return {"type": "object", "properties": {INPUT: {"type": "string"}}, "required": [INPUT]}


def custom_names(question: hub.Question) -> frozenset[str]:
    """The names under which such tools are sent to a vendor."""
    found: list[str] = []
    for tool in question.tools:
        if isinstance(tool, hub.CustomTool):
            found.append(tool.name)
        elif isinstance(tool, hub.ToolGroup):
            found += [hub.flat_name(tool.name, one.name) for one in tool.tools if isinstance(one, hub.CustomTool)]
    return frozenset(found)


def text_of(arguments: str) -> str:
    """The text that a function's arguments carry; the arguments themselves where they carry none."""
    try:
        said = read_json(arguments.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return arguments
    text = said.get(INPUT) if isinstance(said, dict) else None
    return text if isinstance(text, str) else arguments


def customized(answer: hub.Answer, names: frozenset[str]) -> hub.Answer:
    """An answer whose calls of such tools are the caller's own."""
    choices = [
        msgspec.structs.replace(choice, parts=tuple([_customized(part, names) for part in choice.parts]))
        for choice in answer.choices
    ]
    return msgspec.structs.replace(answer, choices=tuple(choices))


def _customized(part: hub.Part, names: frozenset[str]) -> hub.Part:
    if isinstance(part, hub.ToolCall) and part.name in names and not part.is_custom:
        return msgspec.structs.replace(part, is_custom=True, arguments=text_of(part.arguments))
    return part


class CustomCalls:
    """Rewrites the pieces of one stream."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._open: dict[tuple[int, int], list[str]] = {}

    def told(self, pieces: Iterable[hub.Piece]) -> list[hub.Piece]:
        """The pieces with such calls as the caller's own; arguments are held back until their part is over."""
        made: list[hub.Piece] = []
        for piece in pieces:
            if isinstance(piece, hub.ToolCallDelta):
                place = (piece.choice, piece.part)
                if piece.name in self._names and not piece.is_custom:
                    self._open[place] = []
                if (held := self._open.get(place)) is not None:
                    held.append(piece.arguments)
                    if not piece.name:
                        continue
                    piece = msgspec.structs.replace(piece, arguments="", is_custom=True)
            elif isinstance(piece, hub.Finished):
                made += self.ended()
            made.append(piece)
        return made

    def ended(self) -> Sequence[hub.Piece]:
        """What was held back."""
        held, self._open = self._open, {}
        return [
            hub.ToolCallDelta(choice=choice, part=part, arguments=text_of("".join(texts)), is_custom=True)
            for (choice, part), texts in held.items()
        ]
