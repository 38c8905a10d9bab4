"""The fields of a question by name, and which of them a question uses.

Always true: what a dialect said in its own words (`extra` and `origin` tell) is no field that needs carrying on the way back
to the same dialect: it is put back as it was. So one question may use other fields for one target than for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from headworks.wire.hub.parts import (
    MEDIA,
    Audio,
    CacheMark,
    Composed,
    Document,
    Found,
    Image,
    Inline,
    Located,
    Only,
    Part,
    Plain,
    Refusal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Value,
    Video,
)
from headworks.wire.hub.question import AnyTool, CustomTool, HostedTool, Question, Tool, ToolGroup, Turn
from headworks.wire.hub.values import Extra

_Used: TypeAlias = dict[str, None]

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "system": "instructions before the first turn",
        "turns.system": "instructions between turns",
        "turns.name": "the name of who says a turn",
        "text": "text",
        "text.citations": "citations in an earlier answer",
        "text.signature": "a signature of another vendor on an earlier text",
        "image": "a picture as base64 or behind a web address",
        "image.detail": "how closely a picture is looked at",
        "image.stored": "a picture that another vendor has stored",
        "image.bucket": "a picture in a cloud's bucket (`gs://`, `s3://`)",
        "audio": "sound as base64",
        "audio.url": "sound behind an address",
        "audio.stored": "sound that another vendor has stored",
        "audio.earlier": "sound of an earlier answer, by its id",
        "video": "a film as base64 or behind an address",
        "video.stored": "a film that another vendor has stored",
        "document": "a document as base64",
        "document.url": "a document behind an address",
        "document.stored": "a document that another vendor has stored",
        "document.text": "a document as text",
        "document.parts": "a document in parts",
        "document.context": "words about a document",
        "document.cites": "whether the answer cites a document",
        "search_result": "a search result that the caller brings",
        "thinking": "thinking of earlier answers of the same dialect",
        "thinking.foreign": "thinking of earlier answers of another dialect",
        "refusal": "a refusal of an earlier answer",
        "tool_call": "a tool call of an earlier answer",
        "tool_call.custom": "a call of a tool that takes free text",
        "tool_call.signature": "a signature of another vendor on a tool call",
        "tool_result": "a tool's result as text",
        "tool_result.is_error": "that a tool failed",
        "tool_result.media": "a picture, sound, film or document in a tool's result",
        "tool_result.value": "a JSON value in a tool's result",
        "native": "a part of an earlier answer that only another dialect has",
        "native.asked": "a part of the caller's that only another dialect has",
        "tools": "functions that the caller runs",
        "tools.strict": "that arguments must fit the schema",
        "tools.custom": "tools that take free text",
        "tools.hosted": "tools that another vendor runs",
        "tools.group": "tools under one name",
        "tool_choice": "whether tools are used",
        "tool_choice.name": "the one tool that must be used",
        "tool_choice.allowed": "the tools that may be used",
        "tool_choice.hosted": "the tool of another vendor's that must be used",
        "parallel": "whether several tools may be called at once",
        "output.json": "that the answer is any JSON object",
        "output.schema": "the JSON schema that the answer fits",
        "sampling.temperature": "temperature",
        "sampling.top_p": "nucleus sampling",
        "sampling.top_k": "sampling from the likeliest tokens",
        "sampling.logit_bias": "biases of single tokens",
        "sampling.seed": "seed",
        "sampling.presence_penalty": "presence penalty",
        "sampling.frequency_penalty": "frequency penalty",
        "sampling.choices": "several answers to one question",
        "sampling.logprobs": "how likely each token was",
        "sampling.top_logprobs": "what else was likely",
        "max_output": "tokens of the answer at most",
        "stop": "texts that end the answer",
        "reasoning.effort": "how much to think, as a word",
        "reasoning.budget": "how much to think, in tokens",
        "reasoning.mode": "whether to think",
        "reasoning.shown": "whether thinking is shown",
        "verbosity": "how long the answer is, as a word",
        "modalities": "the kinds of output: text, sound, pictures",
        "speech": "voice and format of sound",
        "cache": "marks of the prompt cache",
        "cache_key": "what routes to a warm prompt cache",
        "cache_retention": "how long the prompt cache is kept",
        "user": "an id of the caller's user",
        "metadata": "the caller's labels",
        "service_tier": "the vendor's service tier",
        "store": "whether the vendor may keep the answer",
        "streamed": "that the answer is streamed",
        "extra": "what only another dialect can say",
        "required": "what only another dialect can say, and the answer depends on",
    }
)
"""What a table has a row for, in the order in which it is printed."""

MOST_EXTRA: Final = 50
"""Names of other dialects' own members that are told, and `_LONGEST` characters of each: a caller chooses them."""

_LONGEST: Final = 80
_SCALARS: Final = (
    *("parallel", "max_output", "stop", "verbosity", "modalities", "speech", "cache_key", "cache_retention"),
    *("user", "metadata", "service_tier", "store", "streamed"),
)
_UNSAID: Final = (None, "", (), False)
_SAMPLING: Final = (
    *("temperature", "top_p", "top_k", "logit_bias", "seed", "presence_penalty", "frequency_penalty"),
    *("choices", "logprobs", "top_logprobs"),
)


def fields_of(question: Question, dialect: str) -> list[str]:
    """The names of the fields that this question uses and that a target of this dialect has to carry.

    A member of another dialect's `extra` is told by its own name: `extra.anthropic.messages.container`.
    """
    used: _Used = {}
    if question.system:
        used["system"] = None
    for turn in question.system:
        _turn(turn, dialect, used)
    for turn in question.turns:
        if turn.role in ("system", "developer"):
            used["turns.system"] = None
        _turn(turn, dialect, used)
    for tool in question.tools:
        _tool(tool, dialect, used)
    _answering(question, dialect, used)
    _mark(question.cache, dialect, used)
    _extra(question.extra, dialect, used)
    if question.required and question.origin != dialect:
        used["required"] = None
    return list(used)


def _answering(question: Question, dialect: str, used: _Used) -> None:
    """How to answer."""
    choice = question.tool_choice
    if choice is not None:
        _extra(choice.extra, dialect, used)
        if choice.hosted and dialect not in choice.extra:
            used["tool_choice.hosted"] = None
        elif not choice.hosted:
            used["tool_choice.name" if choice.name else "tool_choice.allowed" if choice.allowed else "tool_choice"] = (
                None
            )
    if question.output is not None:
        _extra(question.output.extra, dialect, used)
        if question.output.form != "text":
            used[f"output.{question.output.form}"] = None
    if question.reasoning is not None:
        _extra(question.reasoning.extra, dialect, used)
        for name in ("effort", "mode", "shown"):
            if getattr(question.reasoning, name):
                used[f"reasoning.{name}"] = None
        if question.reasoning.budget is not None:
            used["reasoning.budget"] = None
    if question.speech is not None:
        _extra(question.speech.extra, dialect, used)
    for name in _SAMPLING:
        is_own = question.origin == dialect and name in question.spelled
        if getattr(question.sampling, name) is not None and not is_own:
            used[f"sampling.{name}"] = None
    for name in _SCALARS:
        value = getattr(question, name)
        if value not in _UNSAID or (value is False and name != "streamed"):
            used[name] = None


def _turn(turn: Turn, dialect: str, used: _Used) -> None:
    if turn.name:
        used["turns.name"] = None
    if turn.extra:
        _extra(turn.extra, dialect, used)
    is_asked = turn.role != "assistant"
    for part in turn.parts:
        if type(part) is Text and not (part.extra or part.cache or part.citations or part.signature):
            used["text"] = None  # as most are
        else:
            _part(part, dialect, used, is_asked=is_asked)


def _part(part: Part, dialect: str, used: _Used, *, is_asked: bool) -> None:
    if isinstance(part, Text):
        used["text"] = None
    if isinstance(part, Only):
        if part.dialect != dialect:
            used["native.asked" if is_asked else "native"] = None
        return
    if isinstance(part, Value):
        used["tool_result.value"] = None
        return
    is_own = dialect in part.extra
    if part.extra and not isinstance(part, Thinking):
        _parts_extra(part.extra, dialect, used)
    if not isinstance(part, Refusal) and part.cache is not None:
        _mark(part.cache, dialect, used)
    if isinstance(part, Text):
        if part.citations:
            used["text.citations"] = None
        if part.signature and part.origin != dialect and not is_own:
            used["text.signature"] = None
    elif isinstance(part, ToolCall):
        used["tool_call.custom" if part.is_custom else "tool_call"] = None
        if part.signature and part.origin != dialect and not is_own:
            used["tool_call.signature"] = None
    elif isinstance(part, ToolResult):
        _result(part, dialect, used)
    elif isinstance(part, Thinking):
        used["thinking" if is_own or part.origin == dialect else "thinking.foreign"] = None
    elif isinstance(part, Refusal):
        used["refusal"] = None
    elif isinstance(part, Found):
        used["search_result"] = None
    elif not is_own:
        _media(part, dialect, used)


def _result(part: ToolResult, dialect: str, used: _Used) -> None:
    used["tool_result"] = None
    if part.is_error:
        used["tool_result.is_error"] = None
    for inside in part.parts:
        if isinstance(inside, MEDIA) and dialect not in part.extra:
            used["tool_result.media"] = None
        _part(inside, dialect, used, is_asked=True)


def _media(part: Image | Audio | Video | Document, dialect: str, used: _Used) -> None:
    kind = type(part).__name__.lower()
    source = part.source
    if isinstance(part, Document):
        if part.context:
            used["document.context"] = None
        if part.cites is not None:
            used["document.cites"] = None
    if isinstance(part, Image) and part.detail:
        used["image.detail"] = None
    if source is None:
        used["audio.earlier"] = None
    elif isinstance(source, Stored):
        used[kind if source.origin == dialect else f"{kind}.stored"] = None
    elif isinstance(source, Plain):
        used["document.text"] = None
    elif isinstance(source, Composed):
        used["document.parts"] = None
        for inside in source.parts:
            _part(inside, dialect, used, is_asked=True)
    elif isinstance(source, Inline) or isinstance(part, Video):
        used[kind] = None
    else:
        _located(part, source, used)


def _located(part: Image | Audio | Document, source: Located, used: _Used) -> None:
    if isinstance(part, Image):
        used["image.bucket" if source.url.startswith(("gs://", "s3://")) else "image"] = None
    else:
        used["audio.url" if isinstance(part, Audio) else "document.url"] = None


def _tool(tool: AnyTool, dialect: str, used: _Used) -> None:
    if isinstance(tool, HostedTool):
        if tool.dialect != dialect:
            used["tools.hosted"] = None
        _mark(tool.cache, dialect, used)
        return
    if tool.extra:
        _extra(tool.extra, dialect, used)
    if isinstance(tool, ToolGroup):
        used["tools.group"] = None
        for one in tool.tools:
            _tool(one, dialect, used)
    elif isinstance(tool, CustomTool):
        used["tools.custom"] = None
    else:
        _function(tool, dialect, used)


def _function(tool: Tool, dialect: str, used: _Used) -> None:
    used["tools"] = None
    if tool.strict:
        used["tools.strict"] = None
    _mark(tool.cache, dialect, used)


def _mark(mark: CacheMark | None, dialect: str, used: _Used) -> None:
    if mark is not None and dialect not in mark.extra:
        used["cache"] = None


def _extra(extra: Extra, dialect: str, used: _Used) -> None:
    for name, members in extra.items():
        if name != dialect:
            for member in list(members)[:MOST_EXTRA]:
                used[f"extra.{name}.{member}"[:_LONGEST]] = None


def _parts_extra(extra: Extra, dialect: str, used: _Used) -> None:
    """The extra of a part, under one name for all parts: there may be many."""
    for name, members in extra.items():
        if name != dialect and members:
            used[f"extra.{name}.parts"] = None
