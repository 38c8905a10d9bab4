"""What becomes of each field of a question on its way to a vendor of OpenAI's Responses.

The API's reference is the source where no other is named (https://platform.openai.com/docs/api-reference/responses/create), as
the types of openai-python 3.54 have it (read 2026-11-30). Callers of Responses are served without this way: their bytes pass.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.hub import RESPONSES, Row, Table

_ROWS: Final[dict[str, Row]] = {
    "system": Row("carried", "instructions"),
    "turns.system": Row("carried", "input"),
    "turns.name": Row("left_out", "", "an item has no name"),
    "text": Row("carried", "input"),
    "text.citations": Row("carried", "annotations"),
    "text.signature": Row("left_out", "", "it means something to its vendor only"),
    "image": Row("carried", "input_image"),
    "image.detail": Row("carried", "input_image.detail"),
    "image.stored": Row("refused", "input_image.file_id", "the id is another vendor's"),
    "image.bucket": Row("refused", "input_image", "only web addresses are fetched"),
    "audio": Row("carried", "input_audio"),
    "audio.url": Row("refused", "input_audio", "sound is sent as base64"),
    "audio.stored": Row("refused", "input_audio", "sound is sent as base64"),
    "audio.earlier": Row("refused", "", "sound of an earlier answer has no id here"),
    "video": Row("refused", "", "it takes no films"),
    "video.stored": Row("refused", "", "it takes no films"),
    "document": Row("carried", "input_file"),
    "document.url": Row("carried", "input_file.file_url"),
    "document.stored": Row("refused", "input_file.file_id", "the id is another vendor's"),
    "document.text": Row("emulated", "input_text", "as text, below its name"),
    "document.parts": Row("emulated", "input_text", "as its parts, below its name"),
    "document.context": Row("emulated", "input_text", "as text before the document"),
    "document.cites": Row("left_out", "", "it cites files of a file search only"),
    "search_result": Row("emulated", "input_text", "as text: title, address, content"),
    "thinking": Row("carried", "reasoning"),
    "thinking.foreign": Row("left_out", "reasoning", "it means something to its vendor only"),
    "refusal": Row("carried", "refusal"),
    "tool_call": Row("carried", "function_call"),
    "tool_call.custom": Row("carried", "custom_tool_call"),
    "tool_call.signature": Row("left_out", "", "it means something to its vendor only"),
    "tool_result": Row("carried", "function_call_output"),
    "tool_result.is_error": Row("emulated", "", "the text begins with `Error: `"),
    "tool_result.media": Row("carried", "function_call_output.output"),
    "tool_result.value": Row("emulated", "function_call_output.output", "as JSON text"),
    "native": Row("left_out", "", "it means something to its vendor only"),
    "native.asked": Row("refused", "input", "there is no such item"),
    "tools": Row("carried", "tools"),
    "tools.strict": Row("carried", "tools[].strict"),
    "tools.custom": Row("carried", "tools"),
    "tools.hosted": Row("left_out", "tools", "it is another vendor's"),
    "tools.group": Row("carried", "tools"),
    "tool_choice": Row("carried", "tool_choice"),
    "tool_choice.name": Row("carried", "tool_choice.name"),
    "tool_choice.allowed": Row("carried", "tool_choice.tools"),
    "tool_choice.hosted": Row("refused", "tool_choice", "it is another vendor's tool"),
    "parallel": Row("carried", "parallel_tool_calls"),
    "output.json": Row("carried", "text.format"),
    "output.schema": Row("carried", "text.format"),
    "sampling.temperature": Row("carried", "temperature"),
    "sampling.top_p": Row("carried", "top_p"),
    "sampling.top_k": Row("left_out", "", "there is no such field"),
    "sampling.logit_bias": Row("refused", "", "there is no such field, and the answer would be another"),
    "sampling.seed": Row("left_out", "", "there is no such field"),
    "sampling.presence_penalty": Row("left_out", "", "there is no such field"),
    "sampling.frequency_penalty": Row("left_out", "", "there is no such field"),
    "sampling.choices": Row("refused", "", "there is one answer to a question"),
    "sampling.logprobs": Row("carried", "include"),
    "sampling.top_logprobs": Row("carried", "top_logprobs"),
    "max_output": Row("carried", "max_output_tokens"),
    "stop": Row("refused", "", "there is no such field, and the answer would go on"),
    "reasoning.effort": Row("carried", "reasoning.effort"),
    "reasoning.budget": Row(
        "emulated", "reasoning.effort", "as an effort: `low` up to 1,024 tokens, `medium` up to 8,192, else `high`"
    ),
    "reasoning.mode": Row("emulated", "reasoning.effort", "`off` as the effort `none`; else the model decides"),
    "reasoning.shown": Row("carried", "reasoning.summary"),
    "verbosity": Row("carried", "text.verbosity"),
    "modalities": Row("refused", "", "it answers in text"),
    "speech": Row("refused", "", "it answers in text"),
    "cache": Row(
        "left_out", "prompt_cache_breakpoint", "prompts are cached without marks; models before gpt-5.6 take none"
    ),
    "cache_key": Row("carried", "prompt_cache_key"),
    "cache_retention": Row("carried", "prompt_cache_retention"),
    "user": Row("carried", "user"),
    "metadata": Row("carried", "metadata"),
    "service_tier": Row("carried", "service_tier"),
    "store": Row("left_out", "store", "no answer is kept at a vendor's: it is always false"),
    "streamed": Row("carried", "stream"),
    "extra": Row("left_out", "", "it means something to its vendor only"),
    "required": Row("refused", "", "there is no such field, and the answer would be another"),
}

TABLE: Final = Table(dialect=RESPONSES, title="OpenAI's Responses", rows=MappingProxyType(_ROWS))
