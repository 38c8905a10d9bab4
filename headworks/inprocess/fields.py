"""The fields that callers in this process may give by name, an API at a time. They go to the vendor as they are.

They are there for editors and type checkers. A field that is missing here is given in `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

Message: TypeAlias = Mapping[str, Any]
"""OpenAI's or Anthropic's: `{"role": "user", "content": "Hello!"}`."""


class Options(TypedDict, total=False):
    """Fields of OpenAI's chat request, beside `model`, `messages` and `stream`; they go to the vendor as they are."""

    audio: Mapping[str, Any]
    frequency_penalty: float
    logit_bias: Mapping[str, float]
    logprobs: bool
    max_completion_tokens: int
    max_tokens: int
    metadata: Mapping[str, str]
    modalities: Sequence[str]
    n: int
    parallel_tool_calls: bool
    presence_penalty: float
    prompt: Mapping[str, Any]
    reasoning_effort: str
    response_format: Mapping[str, Any]
    seed: int
    service_tier: str
    stop: str | Sequence[str]
    stream_options: Mapping[str, Any]
    temperature: float
    tool_choice: str | Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
    top_logprobs: int
    top_p: float
    user: str
    verbosity: str


class MessagesOptions(TypedDict, total=False):
    """Fields of Anthropic's Messages, beside `model`, `messages`, `max_tokens` and `stream`."""

    container: str | Mapping[str, Any]
    context_management: Mapping[str, Any]
    mcp_servers: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any]
    output_config: Mapping[str, Any]
    output_format: Mapping[str, Any]
    service_tier: str
    stop_sequences: Sequence[str]
    system: str | Sequence[Mapping[str, Any]]
    temperature: float
    thinking: Mapping[str, Any]
    tool_choice: Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
    top_k: int
    top_p: float


class ResponsesOptions(TypedDict, total=False):
    """Fields of OpenAI's Responses, beside `model`, `input` and `stream`."""

    background: bool
    conversation: str | Mapping[str, Any]
    include: Sequence[str]
    instructions: str
    max_output_tokens: int
    max_tool_calls: int
    metadata: Mapping[str, str]
    parallel_tool_calls: bool
    previous_response_id: str
    prompt: Mapping[str, Any]
    prompt_cache_key: str
    reasoning: Mapping[str, Any]
    safety_identifier: str
    service_tier: str
    store: bool
    stream_options: Mapping[str, Any]
    temperature: float
    text: Mapping[str, Any]
    tool_choice: str | Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: str
    user: str


class GenerateOptions(TypedDict, total=False):
    """Fields of Gemini's generateContent, beside `model` and `contents`, as its JSON calls them."""

    cachedContent: str
    generationConfig: Mapping[str, Any]
    labels: Mapping[str, str]
    safetySettings: Sequence[Mapping[str, Any]]
    systemInstruction: Mapping[str, Any]
    toolConfig: Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
