"""The schema that a prompt's answers must fit. What `core/call.py: Fitting` asks for, in OpenAI's dialect."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.core.errors import CallError
from headworks.prompts.schema import Schema
from headworks.wire.openai_prompt import in_words, mended, says_no_format

MOST_NAME = 64
"""Characters of a schema's name that vendors take; of others than letters, digits, - and _ they take none."""


class Output:
    """One output schema, compiled once. response_format: the field that asks for it, as JSON."""

    def __init__(self, name: str, schema: Any) -> None:
        self._schema = Schema(schema)
        self._text = msgspec.json.encode(schema)
        asked = {"name": name.replace(".", "_")[:MOST_NAME], "strict": True, "schema": schema}
        self.response_format = msgspec.json.encode({"type": "json_schema", "json_schema": asked})

    def wrong(self, text: str) -> str | None:
        try:
            value = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return "it is not JSON" if text.strip() else "it is empty"
        found = self._schema.wrong(value)
        if found is None:
            return None
        path, rule = found
        return f"`{path.lstrip('.')}` {rule}" if path else f"it {rule}"

    def is_refused(self, error: CallError) -> bool:
        return says_no_format(error)

    def in_words(self, body: bytes) -> bytes:
        return in_words(body, self._text)

    def mended(self, body: bytes, text: str, why: str) -> bytes:
        return mended(body, text, why)
