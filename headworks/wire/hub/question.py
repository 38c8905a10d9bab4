"""A question, in no vendor's words: what a caller asks of a model.

Always true: a field that was not said is None, "" or empty, and no writer says it then. `extra` has what only one dialect
can say; `required` names those of its members (of the dialect `origin`) without which the answer is not the one that was asked
for: an earlier answer's id (Responses), a guardrail (Bedrock), cached content (Gemini). `spelled` has the names that the caller's dialect (`origin`) used where it has two for one thing (`max_tokens` and
`max_completion_tokens`): a writer of the same dialect uses them again, every other ignores them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from headworks.wire.hub.parts import CacheMark, Part, Text
from headworks.wire.hub.values import NO_EXTRA, Extra, Json, Raw

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one side says at one time. name: of who says it (OpenAI).

    Results of tools stand in turns of the role `tool`, or beside other parts in a `user` turn, as their dialect has them.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str = ""
    extra: Extra = NO_EXTRA


def sole_text(turn: Turn) -> str:
    """The text of a turn that is one plain text and has nothing beside it, as most are; "" for any other."""
    parts = turn.parts
    if len(parts) != 1 or type(part := parts[0]) is not Text or turn.extra or turn.name:
        return ""
    return "" if part.extra or part.cache or part.citations or part.signature else part.text


# Tools


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the caller runs. parameters: its JSON schema. strict: arguments must fit it."""

    name: str
    description: str = ""
    parameters: Raw | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class CustomTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that takes free text (OpenAI). format: what the text must be like, a grammar for one."""

    name: str
    description: str = ""
    format: Json = None
    extra: Extra = NO_EXTRA


class HostedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the vendor runs. kind: what it does, in the hub's word: `web_search`, `code_execution`, `file_search`,
    `url_context`, `computer`, `shell`, `text_editor`, `image_generation`, `mcp`, or the vendor's own word.

    dialect: whose it is. value: how it stands there.
    """

    kind: str
    dialect: str
    value: Json = None
    cache: CacheMark | None = None


class ToolGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Tools under one name (Responses' `namespace`)."""

    name: str
    description: str = ""
    tools: tuple[Tool | CustomTool, ...] = ()
    extra: Extra = NO_EXTRA


AnyTool: TypeAlias = Tool | CustomTool | HostedTool | ToolGroup


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """mode: whether tools are used. name: the one that must be. allowed: those that may be, where not all of them.

    hosted: the kind of hosted tool that must be used. is_custom: `name` is a custom tool's.
    """

    mode: Literal["auto", "none", "required"] = "auto"
    name: str = ""
    is_custom: bool = False
    allowed: tuple[str, ...] = ()
    hosted: str = ""
    extra: Extra = NO_EXTRA


# How to answer


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the answer. json: any JSON object. schema: JSON that fits `schema`."""

    form: Literal["text", "json", "schema"]
    name: str = ""
    description: str = ""
    schema: Raw | None = None
    strict: bool | None = None
    extra: Extra = NO_EXTRA


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much to think. effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. budget: tokens of it at most.

    mode: `on`, `off`, or `adaptive` (the model decides). shown: whether its text, or a summary of it, is asked for:
    `none`, `auto`, `concise`, `detailed`, `full`.
    """

    effort: str = ""
    budget: int | None = None
    mode: Literal["", "on", "off", "adaptive"] = ""
    shown: str = ""
    extra: Extra = NO_EXTRA


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """choices: how many answers (`n`). top_logprobs: likeliest tokens to tell at each place; logprobs: whether to tell any.
    logit_bias: by a token's number."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    logit_bias: Json = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    choices: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer sounds. voice: a name, or what else a dialect knows voices by. format: `wav`, `mp3`, ..."""

    voice: Json = None
    format: str = ""
    extra: Extra = NO_EXTRA


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """system: what stands before the first turn: one turn a message (OpenAI), or one with all parts (Anthropic, Gemini, Bedrock).

    max_output: tokens. parallel: whether several tools may be called at once. cache: one mark for all of it (Anthropic's
    automatic caching); cache_key: what routes to a warm cache; cache_retention: how long it is kept. user: an id of the
    caller's user. metadata: the caller's own labels. store: whether the vendor may keep it.
    """

    model: str
    turns: tuple[Turn, ...]
    system: tuple[Turn, ...] = ()
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    output: Output | None = None
    sampling: Sampling = Sampling()
    max_output: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    verbosity: str = ""
    modalities: tuple[str, ...] = ()
    speech: Speech | None = None
    cache: CacheMark | None = None
    cache_key: str = ""
    cache_retention: str = ""
    user: str = ""
    metadata: Json = None
    service_tier: str = ""
    store: bool | None = None
    streamed: bool = False
    origin: str = ""
    spelled: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA

    def __repr__(self) -> str:
        # The generated one would print the caller's words.
        return (
            f"Question(model={self.model!r}, turns={len(self.turns)}, tools={len(self.tools)}, origin={self.origin!r})"
        )
