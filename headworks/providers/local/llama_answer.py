"""An answer of llama.cpp, assembled event by event.

Always true: text is given out once and in order; under a grammar nothing is given out before the grammar's marker was
seen, so an answer that the schema does not hold is refused before the caller has been shown a status.
"""

from __future__ import annotations

import msgspec

from headworks.core.errors import CallError, Malformed
from headworks.core.reply import Usage
from headworks.providers.local.json_grammar import JSON_MARKER
from headworks.providers.local.request import ParsedRequest, too_long


class Delta(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    delta: Delta
    finish_reason: str | None = None


class PromptDetails(msgspec.Struct):
    cached_tokens: int = 0


class Counts(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: PromptDetails | None = None


class Fault(msgspec.Struct):
    code: int = 500
    message: str = ""
    type: str = ""
    n_prompt_tokens: int | None = None


class Event(msgspec.Struct):
    """A chunk of OpenAI's wire format with llama.cpp's additions, or an error."""

    choices: list[Choice] = []
    usage: Counts | None = None
    error: Fault | None = None


_event = msgspec.json.Decoder(Event)


class LlamaAnswer:
    """One answer as it grows. `finish` and `usage` are known once it has ended."""

    def __init__(self, asked: ParsedRequest, context: int) -> None:
        self.finish: str | None = None
        self.usage = Usage()
        self._asked = asked
        self._context = context
        self._pieces: list[str] = []
        self._held_back = ""  # not given out yet: spaces, or a part of the marker
        self._has_begun = False
        self._marker_tokens = 0  # tokens before the answer itself

    @property
    def text(self) -> str:
        """Everything given out so far."""
        return "".join(self._pieces)

    def feed(self, event: bytes) -> str:
        """Takes an event and returns the text that it adds. Raises CallError where the answer cannot be given."""
        heard = _event.decode(event)
        if heard.error is not None:
            raise self._fault(heard.error)
        added = ""
        for choice in heard.choices:
            if choice.delta.content:
                added += self._more(choice.delta.content)
            if choice.finish_reason is not None:
                self._end(choice.finish_reason)
        if heard.usage is not None:
            self._count(heard.usage)
        return added

    def _more(self, text: str) -> str:
        if not self._has_begun:
            self._held_back = text = (self._held_back + text).lstrip()
            if self._asked.in_json:
                self._marker_tokens += 1
                if JSON_MARKER.startswith(text) and text != JSON_MARKER:
                    return ""
                if not text.startswith(JSON_MARKER):
                    raise _schema_not_supported()
                text = text.removeprefix(JSON_MARKER)
            elif not text:
                return ""
            self._has_begun = True
        self._pieces.append(text)
        return text

    def _end(self, finish: str) -> None:
        if self._asked.in_json and finish == "stop":
            # A grammar can be given up half-way (it grew too large): then the text goes on without it.
            try:
                msgspec.json.decode(self.text)
            except msgspec.DecodeError:
                raise (
                    CallError("The model left the schema.") if self._has_begun else _schema_not_supported()
                ) from None
        self.finish = finish

    def _count(self, counts: Counts) -> None:
        details = counts.prompt_tokens_details
        cached = min(details.cached_tokens, counts.prompt_tokens) if details is not None else 0
        output = counts.completion_tokens - self._marker_tokens
        self.usage = Usage(
            input=counts.prompt_tokens - cached,
            cached_input=cached,
            output=max(0, min(output, self._asked.max_tokens)),
        )

    def _fault(self, fault: Fault) -> CallError:
        if fault.type == "exceed_context_size_error":
            return too_long(self._context, fault.n_prompt_tokens)
        if 400 <= fault.code < 500:
            return Malformed(f"llama.cpp cannot do this: {fault.message}")
        return CallError(f"llama.cpp failed: {fault.message}")


def _schema_not_supported() -> Malformed:
    return Malformed(
        "This JSON Schema cannot be held to: a keyword, type or reference in it is not understood.",
        param="response_format.json_schema.schema",
    )
