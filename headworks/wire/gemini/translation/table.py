"""What becomes of each field of a question on its way to a vendor of Gemini's generateContent.

The API's reference is the source where no other is named (https://ai.google.dev/api/generate-content, and the types and converters
of google-genai 2.34.0, read 2026-11-30).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.hub import GENERATE, Row, Table

_CONFIG: Final = "generationConfig."
_DATA: Final = "inlineData"
_FILE: Final = "fileData"
_FOREIGN: Final = "it means something to its vendor only"

_ROWS: Final[dict[str, Row]] = {
    "system": Row("carried", "systemInstruction"),
    "turns.system": Row("emulated", "contents", "as the user's text, behind `System instruction: `"),
    "turns.name": Row("left_out", "", "a content has no name"),
    "text": Row("carried", "contents[].parts[].text"),
    "text.citations": Row("left_out", "", "a content that is sent has none"),
    "text.signature": Row("left_out", "thoughtSignature", _FOREIGN),
    "image": Row("carried", _DATA, "from a web address as `fileData`: Google fetches it"),
    "image.detail": Row("left_out", "mediaResolution", "other words, and of some models only"),
    "image.stored": Row("refused", _FILE, "a picture is sent as base64 or by its address"),
    "image.bucket": Row("carried", _FILE, "`gs://` only"),
    "audio": Row("carried", _DATA),
    "audio.url": Row("carried", _FILE),
    "audio.stored": Row("refused", _FILE, "the id is another vendor's"),
    "audio.earlier": Row("refused", "", "sound of earlier answers has no id"),
    "video": Row("carried", _DATA),
    "video.stored": Row("refused", _FILE, "the id is another vendor's"),
    "document": Row("carried", _DATA),
    "document.url": Row("carried", _FILE),
    "document.stored": Row("refused", _FILE, "the id is another vendor's"),
    "document.text": Row("carried", _DATA),
    "document.parts": Row("emulated", "", "as its parts, below its name"),
    "document.context": Row("emulated", "", "as text before the document"),
    "document.cites": Row("left_out", "", "answers cite what hosted tools found"),
    "search_result": Row("emulated", "", "as text: title, address, content"),
    "thinking": Row("carried", "contents[].parts[].thought"),
    "thinking.foreign": Row("left_out", "", _FOREIGN),
    "refusal": Row("emulated", "contents[].parts[].text", "as text"),
    "tool_call": Row("carried", "functionCall"),
    "tool_call.custom": Row("emulated", "functionCall", "its text as the argument `input`"),
    "tool_call.signature": Row("left_out", "thoughtSignature", _FOREIGN),
    "tool_result": Row("carried", "functionResponse.response.output"),
    "tool_result.is_error": Row("carried", "functionResponse.response.error"),
    "tool_result.media": Row("emulated", "functionResponse.parts", "before Gemini 3 as parts behind the results"),
    "tool_result.value": Row("carried", "functionResponse.response"),
    "native": Row("left_out", "", _FOREIGN),
    "native.asked": Row("refused", "contents[].parts", "there is no such part"),
    "tools": Row("carried", "functionDeclarations", "without keywords of JSON Schema that it does not know"),
    "tools.strict": Row("left_out", "", "arguments fit the schema as far as the model keeps to it"),
    "tools.custom": Row("emulated", "functionDeclarations", "as functions of one text, `input`"),
    "tools.hosted": Row(
        "emulated",
        "tools",
        "as `googleSearch`, `codeExecution`, `urlContext`; others, and all of them beside functions, left out",
    ),
    "tools.group": Row("emulated", "functionDeclarations", "as single functions named `GROUP__TOOL`"),
    "tool_choice": Row("carried", "functionCallingConfig.mode"),
    "tool_choice.name": Row("carried", "functionCallingConfig.allowedFunctionNames"),
    "tool_choice.allowed": Row(
        "emulated", "functionCallingConfig.allowedFunctionNames", "where none must be called: the others are not sent"
    ),
    "tool_choice.hosted": Row("refused", "toolConfig", "no hosted tool can be demanded"),
    "parallel": Row("left_out", "", "the model decides"),
    "output.json": Row("carried", _CONFIG + "responseMimeType"),
    "output.schema": Row("carried", _CONFIG + "responseJsonSchema"),
    "sampling.temperature": Row("carried", _CONFIG + "temperature"),
    "sampling.top_p": Row("carried", _CONFIG + "topP"),
    "sampling.top_k": Row("carried", _CONFIG + "topK"),
    "sampling.logit_bias": Row("refused", "", "there is none"),
    "sampling.seed": Row("carried", _CONFIG + "seed"),
    "sampling.presence_penalty": Row("carried", _CONFIG + "presencePenalty"),
    "sampling.frequency_penalty": Row("carried", _CONFIG + "frequencyPenalty"),
    "sampling.choices": Row("carried", _CONFIG + "candidateCount"),
    "sampling.logprobs": Row("carried", _CONFIG + "responseLogprobs"),
    "sampling.top_logprobs": Row("carried", _CONFIG + "logprobs"),
    "max_output": Row("carried", _CONFIG + "maxOutputTokens"),
    "stop": Row("carried", _CONFIG + "stopSequences"),
    "reasoning.effort": Row(
        "emulated", "thinkingConfig", "as `thinkingLevel`; before Gemini 3 as `thinkingBudget`; before 2.5 left out"
    ),
    "reasoning.budget": Row(
        "emulated", "thinkingConfig.thinkingBudget", "from Gemini 3 on as the nearest `thinkingLevel`"
    ),
    "reasoning.mode": Row("emulated", "thinkingConfig", "`off` as the least there is; else the model decides"),
    "reasoning.shown": Row("carried", "thinkingConfig.includeThoughts"),
    "verbosity": Row("left_out", "", "there is none"),
    "modalities": Row("carried", _CONFIG + "responseModalities"),
    "speech": Row("carried", _CONFIG + "speechConfig", "voices have names of their own; sound comes as PCM"),
    "cache": Row("left_out", "cachedContent", "prompts are cached without marks"),
    "cache_key": Row("left_out", "", "prompts are cached without one"),
    "cache_retention": Row("left_out", "", "prompts are cached without one"),
    "user": Row("left_out", "", "there is none"),
    "metadata": Row("left_out", "labels", "Vertex's labels have narrow rules, and show on the bill"),
    "service_tier": Row("left_out", "serviceTier", "tiers have names and prices of their own"),
    "store": Row("left_out", "", "answers are not kept"),
    "streamed": Row("carried", "", "in the path"),
    "extra": Row("left_out", "", _FOREIGN),
    "required": Row("refused", "", "there is no such field, and the answer would be another"),
}

TABLE: Final = Table(dialect=GENERATE, title="Gemini's generateContent", rows=MappingProxyType(_ROWS))
