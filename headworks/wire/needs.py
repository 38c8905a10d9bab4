"""What a call needs of a model, read off its body.

Always true: what cannot be read needs nothing here; whoever sends it says what is wrong with it. `HINTS` are bytes that every API
writes where it asks for a feature, so that a body without them need not be read. A caller who escapes a plain letter of JSON hides
one; then the vendor says what it cannot do, as for any target of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from headworks.core.call import Call
from headworks.core.capability import Feature, Needs
from headworks.core.errors import CallError
from headworks.core.text import utf8_size
from headworks.wire import hub
from headworks.wire.density import require_sparse
from headworks.wire.sides import CallerSide

HINTS: Final[Mapping[str, Mapping[Feature, tuple[bytes, ...]]]] = MappingProxyType(
    {
        "openai.chat": {
            "images": (b'"image_url"',),
            "documents": (b"application/pdf",),
            "audio": (b'"input_audio"',),
            "tools": (b'"tools"', b'"functions"'),
            "structured_output": (b'"json_schema"',),
            "thinking": (b'"reasoning_effort"',),
        },
        "openai.responses": {
            "images": (b'"input_image"',),
            "documents": (b"application/pdf", b".pdf", b".PDF"),
            "audio": (b'"input_audio"',),
            "tools": (b'"tools"',),
            "structured_output": (b'"json_schema"',),
            "thinking": (b'"reasoning"',),
        },
        "anthropic.messages": {
            "images": (b'"image"',),
            "documents": (b"application/pdf", b".pdf", b".PDF"),
            "tools": (b'"tools"',),
            "structured_output": (b'"json_schema"',),
            "thinking": (b'"thinking"', b'"effort"'),
        },
        "gemini.generate": {
            "images": (b"image/",),
            "documents": (b"application/pdf", b".pdf", b".PDF"),
            "audio": (b"audio/",),
            "tools": (b'"tools"',),
            "structured_output": (b"esponseSchema", b"esponseJsonSchema", b"response_schema", b"response_json_schema"),
            "thinking": (b"hinkingConfig", b"thinking_config"),
        },
    }
)
"""By API: an API that is not here has no words for any of them. A search takes 0.4 us a KB, so there are few."""

PDF: Final = "application/pdf"

NOTHING: Final = Needs()

BETAS: Final = b"anthropic-beta"
"""A header whose values may raise a model's bounds: `output-128k-2025-02-19`, `context-1m-2025-08-07`
(https://platform.claude.com/docs/en/api/beta-headers)."""


def needs_of(call: Call) -> Needs:
    """What the call needs. Nothing, where it is no chat or cannot be read."""
    caller = call.dialect
    if not isinstance(caller, CallerSide) or caller.operation != "chat":
        return NOTHING
    try:
        require_sparse(call.body)
        question = caller.question_of(call.body)
    except CallError:
        return NOTHING
    rows = caller.table.rows
    betas = b",".join([value for name, value in call.forwarded if name == BETAS])
    parts = list(_parts(question))
    used = _features(question, parts, is_conformed=call.output is not None)
    return Needs(
        dialect=caller.name,
        features={feature: rows[field].name or field for feature, field in used},
        max_output=0 if b"output-" in betas else call.max_output or call.bound or 0,
        bound_name=rows["max_output"].name,
        text=0 if b"context-" in betas else sum(map(_text, parts)),
        text_name=rows["text"].name,
    )


def _features(question: hub.Question, parts: list[hub.Part], *, is_conformed: bool) -> Iterator[tuple[Feature, str]]:
    """Each feature, and the hub's name of the field that asks for it. is_conformed: where a vendor takes no schema it is asked for in
    words."""
    if any(isinstance(part, hub.Image) for part in parts):
        yield "images", "image"
    if any(isinstance(part, hub.Document) and _is_pdf(part) for part in parts):
        yield "documents", "document"
    if any(isinstance(part, hub.Audio) and part.source is not None for part in parts):
        yield "audio", "audio"
    if any(not isinstance(tool, hub.HostedTool) for tool in question.tools) and not _is_barred(question):
        yield "tools", "tools"
    if question.output is not None and question.output.form == "schema" and not is_conformed:
        yield "structured_output", "output.schema"
    thinking = question.reasoning
    if thinking is not None and thinking.mode != "off" and thinking.effort != "none":
        if thinking.budget:
            yield "thinking", "reasoning.budget"
        elif thinking.effort or thinking.mode:
            yield "thinking", "reasoning.effort" if thinking.effort else "reasoning.mode"


def _is_barred(question: hub.Question) -> bool:
    """Whether the call says that no tool is used: a vendor may take it without any."""
    return question.tool_choice is not None and question.tool_choice.mode == "none"


def _is_pdf(part: hub.Document) -> bool:
    source = part.source
    if isinstance(source, hub.Located):
        return source.media_type == PDF or source.url.partition("?")[0].lower().endswith(".pdf")
    return isinstance(source, hub.Inline) and source.media_type == PDF


def _parts(question: hub.Question) -> Iterator[hub.Part]:
    """Every part, those in results of tools too."""
    for turn in (*question.system, *question.turns):
        for part in turn.parts:
            yield part
            if isinstance(part, hub.ToolResult):
                yield from part.parts


def _text(part: hub.Part) -> int:
    """Bytes of text in a part."""
    if isinstance(part, hub.Text):
        return utf8_size(part.text)
    return utf8_size(part.arguments) if isinstance(part, hub.ToolCall) else 0
