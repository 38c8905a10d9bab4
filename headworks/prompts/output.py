"""The schema that a prompt's answers must fit. What `core/call.py: Fitting` asks for."""

from __future__ import annotations

import msgspec

from headworks.core.dialect import Schema as Asking
from headworks.prompts.frames import Source
from headworks.prompts.render_process import LARGE, RenderProcess
from headworks.prompts.schema import Schema


class Output:
    """One output schema, compiled once. schema: as a dialect is asked to ask for it."""

    def __init__(self, source: Source, render_process: RenderProcess | None = None) -> None:
        """render_process: who checks what is large, or dear to check; None does it here."""
        self._source = source
        self._render_process = render_process
        schema, name = source.output, source.name
        self._schema = Schema(schema)
        self.schema = Asking(name, msgspec.json.encode(schema))

    async def wrong(self, text: str) -> str | None:
        if self._render_process is not None and (self._schema.is_dear or len(text) > LARGE):
            return await self._render_process.judged(self._source, text)
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
