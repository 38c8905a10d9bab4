"""The schema that a prompt's answers must fit. What `core/call.py: Fitting` asks for, in OpenAI's dialect."""

from __future__ import annotations

import msgspec

from headworks.core.errors import CallError
from headworks.prompts.apart import LARGE, Apart
from headworks.prompts.frames import Source
from headworks.prompts.schema import Schema
from headworks.wire.openai.prompt import in_words, mended, says_no_format

MOST_NAME = 64
"""Characters of a schema's name that vendors take; of others than letters, digits, - and _ they take none."""


class Output:
    """One output schema, compiled once. response_format: the field that asks for it, as JSON."""

    def __init__(self, source: Source, apart: Apart | None = None) -> None:
        """apart: who checks what is large, or dear to check; None does it here."""
        self._source = source
        self._apart = apart
        schema, name = source.output, source.name
        self._schema = Schema(schema)
        self._text = msgspec.json.encode(schema)
        asked = {"name": name.replace(".", "_")[:MOST_NAME], "strict": True, "schema": schema}
        self.response_format = msgspec.json.encode({"type": "json_schema", "json_schema": asked})

    async def wrong(self, text: str) -> str | None:
        if self._apart is not None and (self._schema.is_dear or len(text) > LARGE):
            return await self._apart.judged(self._source, text)
        return self.judged(text)

    def judged(self, text: str) -> str | None:
        """The first schema violation of an answer, in words; None where it fits."""
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
