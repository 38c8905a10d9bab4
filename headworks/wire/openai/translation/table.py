"""What becomes of each field of a question on its way to a vendor of OpenAI's chat.

The API's reference is the source where no other is named (https://platform.openai.com/docs/api-reference/chat/create). What
only compatible servers take (`top_k`, `video_url`, `cache_control`) is sent to a vendor where the caller said so in this
dialect, and counts as not carried where he said it in another: OpenAI would refuse the whole call.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.hub import CHAT, Row, Table

_ROWS: Final[dict[str, Row]] = {
    "system": Row("carried", "messages"),
    "turns.system": Row("carried", "messages"),
    "turns.name": Row("carried", "messages[].name"),
    "text": Row("carried", "messages[].content"),
    "text.citations": Row("left_out", "messages[].annotations", "a message that is sent has none"),
    "text.signature": Row("left_out", "", "it means something to its vendor only"),
    "image": Row("carried", "image_url"),
    "image.detail": Row("carried", "image_url.detail"),
    "image.stored": Row("refused", "image_url", "a picture is sent as base64 or by its address"),
    "image.bucket": Row("refused", "image_url", "only web addresses are fetched"),
    "audio": Row("carried", "input_audio"),
    "audio.url": Row("refused", "input_audio", "sound is sent as base64"),
    "audio.stored": Row("refused", "input_audio", "sound is sent as base64"),
    "audio.earlier": Row("carried", "messages[].audio.id"),
    "video": Row("refused", "video_url", "it takes no films"),
    "video.stored": Row("refused", "video_url", "it takes no films"),
    "document": Row("carried", "file"),
    "document.url": Row("refused", "file", "a document is sent as base64"),
    "document.stored": Row("refused", "file.file_id", "the id is another vendor's"),
    "document.text": Row("emulated", "file", "as text, below its name"),
    "document.parts": Row("emulated", "file", "as its parts, below its name"),
    "document.context": Row("emulated", "", "as text before the document"),
    "document.cites": Row("left_out", "", "answers cite the web only"),
    "search_result": Row("emulated", "", "as text: title, address, content"),
    "thinking": Row("carried", "messages[].reasoning_content"),
    "thinking.foreign": Row("left_out", "messages[].reasoning_details", "it means something to its vendor only"),
    "refusal": Row("carried", "messages[].refusal"),
    "tool_call": Row("carried", "messages[].tool_calls"),
    "tool_call.custom": Row("carried", "messages[].tool_calls[].custom"),
    "tool_call.signature": Row("left_out", "extra_content", "it means something to its vendor only"),
    "tool_result": Row("carried", "messages[].content"),
    "tool_result.is_error": Row("emulated", "", "the text begins with `Error: `"),
    "tool_result.media": Row("emulated", "messages[].content", "in a user's message behind the results"),
    "tool_result.value": Row("emulated", "messages[].content", "as JSON text"),
    "native": Row("left_out", "", "it means something to its vendor only"),
    "native.asked": Row("refused", "messages[].content", "there is no such part"),
    "tools": Row("carried", "tools"),
    "tools.strict": Row("carried", "tools[].function.strict"),
    "tools.custom": Row("carried", "tools[].custom"),
    "tools.hosted": Row("left_out", "tools", "it runs no tools, but for `web_search_options` of its search models"),
    "tools.group": Row("emulated", "tools", "as single tools named `GROUP__TOOL`"),
    "tool_choice": Row("carried", "tool_choice"),
    "tool_choice.name": Row("carried", "tool_choice.function.name"),
    "tool_choice.allowed": Row("carried", "tool_choice.allowed_tools"),
    "tool_choice.hosted": Row("refused", "tool_choice", "it runs no such tool"),
    "parallel": Row("carried", "parallel_tool_calls"),
    "output.json": Row("carried", "response_format"),
    "output.schema": Row("carried", "response_format.json_schema"),
    "sampling.temperature": Row("carried", "temperature"),
    "sampling.top_p": Row("carried", "top_p"),
    "sampling.top_k": Row("left_out", "top_k", "OpenAI has none; many compatible servers do"),
    "sampling.logit_bias": Row("carried", "logit_bias"),
    "sampling.seed": Row("carried", "seed"),
    "sampling.presence_penalty": Row("carried", "presence_penalty"),
    "sampling.frequency_penalty": Row("carried", "frequency_penalty"),
    "sampling.choices": Row("carried", "n"),
    "sampling.logprobs": Row("carried", "logprobs"),
    "sampling.top_logprobs": Row("carried", "top_logprobs"),
    "max_output": Row("carried", "max_completion_tokens"),
    "stop": Row("carried", "stop"),
    "reasoning.effort": Row("carried", "reasoning_effort"),
    "reasoning.budget": Row(
        "emulated", "reasoning_effort", "as an effort: `low` up to 1,024 tokens, `medium` up to 8,192, else `high`"
    ),
    "reasoning.mode": Row("emulated", "reasoning_effort", "`off` as the effort `none`; else the model decides"),
    "reasoning.shown": Row("left_out", "", "a vendor shows it or does not"),
    "verbosity": Row("carried", "verbosity"),
    "modalities": Row("carried", "modalities"),
    "speech": Row("carried", "audio"),
    "cache": Row(
        "left_out", "prompt_cache_breakpoint", "prompts are cached without marks; models before gpt-5.6 take none"
    ),
    "cache_key": Row("carried", "prompt_cache_key"),
    "cache_retention": Row("carried", "prompt_cache_retention"),
    "user": Row("carried", "user"),
    "metadata": Row("carried", "metadata"),
    "service_tier": Row("carried", "service_tier"),
    "store": Row("carried", "store"),
    "streamed": Row("carried", "stream"),
    "extra": Row("left_out", "", "it means something to its vendor only"),
    "required": Row("refused", "", "there is no such field, and the answer would be another"),
}

TABLE: Final = Table(dialect=CHAT, title="OpenAI's chat completions", rows=MappingProxyType(_ROWS))
