"""What becomes of each field of a question on its way to Bedrock's Converse.

The API's reference is the source where no other is named (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
and the service's model in botocore 1.44.8, both read in November 2026).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.hub import CONVERSE, Row, Table

_FOREIGN: Final = "it means something to its vendor only"
_STORED: Final = "the id is another vendor's"
_NO_FIELD: Final = "there is no such field"

_ROWS: Final[dict[str, Row]] = {
    "system": Row("carried", "system"),
    "turns.system": Row("emulated", "messages[]", "as text of a user's turn"),
    "turns.name": Row("left_out", "", _NO_FIELD),
    "text": Row("carried", "messages[].content[].text"),
    "text.citations": Row("left_out", "citationsContent", "a text that is sent has none"),
    "text.signature": Row("left_out", "", _FOREIGN),
    "image": Row("carried", "image", "as base64 only: a web address is refused"),
    "image.detail": Row("left_out", "", _NO_FIELD),
    "image.stored": Row("refused", "image", _STORED),
    "image.bucket": Row("carried", "image.source.s3Location", "`s3://` only"),
    "audio": Row("carried", "audio"),
    "audio.url": Row("carried", "audio.source.s3Location", "`s3://` only"),
    "audio.stored": Row("refused", "audio", _STORED),
    "audio.earlier": Row("refused", "audio", _STORED),
    "video": Row("carried", "video", "as base64, or `s3://`"),
    "video.stored": Row("refused", "video", _STORED),
    "document": Row("carried", "document"),
    "document.url": Row("carried", "document.source.s3Location", "`s3://` only"),
    "document.stored": Row("refused", "document", _STORED),
    "document.text": Row("carried", "document.source.text"),
    "document.parts": Row("carried", "document.source.content", "its texts"),
    "document.context": Row("carried", "document.context"),
    "document.cites": Row("carried", "document.citations"),
    "search_result": Row("carried", "searchResult"),
    "thinking": Row("carried", "reasoningContent"),
    "thinking.foreign": Row("left_out", "reasoningContent", _FOREIGN),
    "refusal": Row("emulated", "text", "as text"),
    "tool_call": Row("carried", "toolUse"),
    "tool_call.custom": Row("emulated", "toolUse", "as a call whose one argument `input` is the text"),
    "tool_call.signature": Row("left_out", "", _FOREIGN),
    "tool_result": Row("carried", "toolResult"),
    "tool_result.is_error": Row("carried", "toolResult.status"),
    "tool_result.media": Row("carried", "toolResult.content[]"),
    "tool_result.value": Row("carried", "toolResult.content[].json"),
    "native": Row("left_out", "", _FOREIGN),
    "native.asked": Row("refused", "messages[].content", "there is no such part"),
    "tools": Row("carried", "toolConfig.tools[].toolSpec"),
    "tools.strict": Row("carried", "toolSpec.strict"),
    "tools.custom": Row("emulated", "toolSpec", "as a function whose one argument `input` is the text"),
    "tools.hosted": Row("left_out", "toolConfig.tools", "it runs no such tools"),
    "tools.group": Row("emulated", "toolConfig.tools", "as single tools named `GROUP__TOOL`"),
    "tool_choice": Row(
        "carried", "toolConfig.toolChoice", "`none` by leaving the tools out where no turn has used one"
    ),
    "tool_choice.name": Row("carried", "toolConfig.toolChoice.tool"),
    "tool_choice.allowed": Row("emulated", "toolConfig.tools", "by sending those tools only"),
    "tool_choice.hosted": Row("refused", "toolConfig.toolChoice", "it runs no such tool"),
    "parallel": Row("left_out", "", _NO_FIELD),
    "output.json": Row("emulated", "system", "asked for in words"),
    "output.schema": Row("carried", "outputConfig.textFormat"),
    "sampling.temperature": Row("carried", "inferenceConfig.temperature", "at most 1"),
    "sampling.top_p": Row("carried", "inferenceConfig.topP"),
    "sampling.top_k": Row(
        "emulated", "additionalModelRequestFields", "of Claude and Nova; other models have other names"
    ),
    "sampling.logit_bias": Row("refused", "", _NO_FIELD),
    "sampling.seed": Row("left_out", "", _NO_FIELD),
    "sampling.presence_penalty": Row("left_out", "", _NO_FIELD),
    "sampling.frequency_penalty": Row("left_out", "", _NO_FIELD),
    "sampling.choices": Row("refused", "", "there is one answer to a question"),
    "sampling.logprobs": Row("refused", "", "no likelihoods are told"),
    "sampling.top_logprobs": Row("refused", "", "no likelihoods are told"),
    "max_output": Row("carried", "inferenceConfig.maxTokens"),
    "stop": Row("carried", "inferenceConfig.stopSequences"),
    "reasoning.effort": Row(
        "emulated", "additionalModelRequestFields", "in the words of Claude, Nova 2 and gpt-oss; other models decide"
    ),
    "reasoning.budget": Row(
        "emulated", "additionalModelRequestFields.thinking", "of Claude; as an effort where it takes no budget"
    ),
    "reasoning.mode": Row("emulated", "additionalModelRequestFields.thinking", "of Claude; other models decide"),
    "reasoning.shown": Row("left_out", "", "a model shows it or does not"),
    "verbosity": Row("left_out", "", _NO_FIELD),
    "modalities": Row("left_out", "", "answers are text"),
    "speech": Row("refused", "", "answers are text"),
    "cache": Row("carried", "cachePoint"),
    "cache_key": Row("left_out", "", "prompts are cached by marks only"),
    "cache_retention": Row("left_out", "", "a mark has its own"),
    "user": Row("left_out", "", _NO_FIELD),
    "metadata": Row("carried", "requestMetadata", "up to 16 texts of its alphabet"),
    "service_tier": Row("carried", "serviceTier", "`priority`, `default`, `flex` and `reserved`; others are left out"),
    "store": Row("left_out", "", "nothing is stored"),
    "streamed": Row("carried", "", "by the path"),
    "extra": Row("left_out", "", _FOREIGN),
    "required": Row("refused", "", "there is no such field, and the answer would be another"),
}

TABLE: Final = Table(dialect=CONVERSE, title="Bedrock's Converse", rows=MappingProxyType(_ROWS))
