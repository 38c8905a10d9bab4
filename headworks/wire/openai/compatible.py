"""Vendors of OpenAI's dialect that differ from OpenAI: what their rows of `wire/presets.py` say of a request.

Always true: a caller's own bytes stay his own. Only what we write ourselves is written in the vendor's way: a bound that we
add, the wish for token counts, and a body that is translated from another API.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.wire import hub
from headworks.wire.openai.body import with_bound
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.dialect import OPENAI, USUAL, speaking
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.openai.translation.table import TABLE
from headworks.wire.presets import Preset
from headworks.wire.sides import VendorDialect

_NEWER: Final = "max_completion_tokens"

NAMELESS: Final = b'""'
"""A model of no name, so of none that takes the newer name of the bound only."""


class CompatibleChat(OpenAIChat):
    """`/chat/completions` of one vendor, by its row."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.table: Final = msgspec.structs.replace(
            TABLE, title=f"{preset.title}'s API", rows=MappingProxyType({**TABLE.rows, **preset.fates})
        )
        hints = [field for field, row in preset.fates.items() if row.fate == "left_out"]
        self._unsaid = tuple(TABLE.rows[field].name for field in hints if "[]" not in TABLE.rows[field].name)
        self._is_nameless = "turns.name" in hints

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        if call.bound is not None and self.preset.bound == "max_tokens":
            # For this vendor the older name is right whatever the model is called.
            call = msgspec.structs.replace(call, body=with_bound(call.body, NAMELESS, call.bound), bound=None)
        return super().request(call, model, counted=counted and self.preset.counts)

    def body_of(  # type: ignore[override]  # there it is a function
        self, question: hub.Question, model: str, left_out: list[str] | None = None
    ) -> bytes:
        hub.carried(question, self.table, left_out)
        if self._is_nameless:
            question = msgspec.structs.replace(
                question, system=_nameless(question.system), turns=_nameless(question.turns)
            )
        return body_of(question, model, written=self._written)

    def _written(self, body: dict[str, Any]) -> dict[str, Any]:
        for name in self._unsaid:
            body.pop(name, None)
        for name, other in self.preset.renamed.items():
            if name in body:
                body[other] = body.pop(name)
        if self.preset.bound == "max_tokens" and _NEWER in body:
            body["max_tokens"] = body.pop(_NEWER)
        return body


def _nameless(turns: tuple[hub.Turn, ...]) -> tuple[hub.Turn, ...]:
    return tuple(msgspec.structs.replace(turn, name="") if turn.name else turn for turn in turns)


def openai_at(preset: Preset | None, apis: Sequence[str] = ()) -> VendorDialect:
    """What a vendor of OpenAI's dialect speaks: the APIs that are said of it, else those of its row, in OpenAI's own way where its
    row says nothing else."""
    has = tuple(apis) or (() if preset is None else preset.apis) or USUAL
    if preset is None or not preset.is_particular:
        return OPENAI if has == USUAL else speaking(has)
    return speaking(has, CompatibleChat(preset))
