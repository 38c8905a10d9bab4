"""How vendors state what was used: one row a form, with its source, and how it is read (`openai_usage.py`).

The tests walk this table; `docs/compatibility.md` prints it. A row is a small answer in the vendor's form with the numbers
that its source shows, or numbers of the same kind.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.reply import Usage


class UsageForm(msgspec.Struct, frozen=True):
    """vendors: who speaks so. said: an answer, or an event, without all that is not usage. note: what is particular."""

    vendors: str
    said: str
    read: Usage
    note: str
    source: str
    is_answer: bool = True
    """False: of embeddings, which have no output."""


USAGE_FORMS: Final = (
    UsageForm(
        "OpenAI, Azure, and most who follow them",
        '{"usage": {"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306, "prompt_tokens_details": '
        '{"cached_tokens": 1920, "audio_tokens": 10}, "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 30}}}',
        Usage(input=76, cached_input=1920, audio_input=10, output=70, reasoning=200, audio_output=30),
        "parts are inside the two sums",
        "https://platform.openai.com/docs/api-reference/chat/object",
    ),
    UsageForm(
        "OpenRouter",
        '{"usage": {"prompt_tokens": 10339, "completion_tokens": 60, "total_tokens": 10399, "prompt_tokens_details": '
        '{"cached_tokens": 10318, "cache_write_tokens": 11}, "cost": 0.0012}}',
        Usage(input=10, cached_input=10318, cache_write=11, output=60),
        "tokens that were written to a cache; its own cost is not taken",
        "https://openrouter.ai/docs/guides/administration/usage-accounting",
    ),
    UsageForm(
        "DeepSeek, SiliconFlow",
        '{"usage": {"prompt_tokens": 102056, "completion_tokens": 252, "total_tokens": 102308, "prompt_cache_hit_tokens": 94464, '
        '"prompt_cache_miss_tokens": 7592, "completion_tokens_details": {"reasoning_tokens": 44}}}',
        Usage(input=7592, cached_input=94464, output=208, reasoning=44),
        "cached tokens by another name",
        "https://api-docs.deepseek.com/guides/kv_cache",
    ),
    UsageForm(
        "Moonshot, StepFun, Together",
        '{"usage": {"prompt_tokens": 19000, "completion_tokens": 21, "total_tokens": 19021, "cached_tokens": 10000}}',
        Usage(input=9000, cached_input=10000, output=21),
        "cached tokens beside the sums",
        "https://platform.stepfun.ai/docs/en/guides/developer/prompt-cache",
    ),
    UsageForm(
        "Moonshot, streamed",
        '{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 19, "completion_tokens": 13, '
        '"total_tokens": 32}}]}',
        Usage(input=19, output=13),
        "in the last choice",
        "https://platform.moonshot.ai/docs/api/chat",
    ),
    UsageForm(
        "Groq, streamed",
        '{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "req_1", "usage": {"queue_time": 0.02, '
        '"prompt_tokens": 18, "prompt_time": 0.001, "completion_tokens": 556, "completion_time": 0.46, "total_tokens": 574}}}',
        Usage(input=18, output=556),
        "in a member of its own",
        "https://github.com/groq/groq-python/blob/main/src/groq/types/chat/chat_completion_chunk.py",
    ),
    UsageForm(
        "Alibaba (DashScope)",
        '{"usage": {"prompt_tokens": 1605, "completion_tokens": 105, "total_tokens": 1710, "prompt_tokens_details": '
        '{"cached_tokens": 0, "cache_creation_input_tokens": 1595, "cache_type": "ephemeral"}}}',
        Usage(input=10, cache_write=1595, output=105),
        "written tokens by another name",
        "https://www.alibabacloud.com/help/en/model-studio/context-cache",
    ),
    UsageForm(
        "LiteLLM, Vercel, Databricks, and others before Claude",
        '{"usage": {"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306, "cache_read_input_tokens": 1500, '
        '"cache_creation_input_tokens": 400}}',
        Usage(input=106, cached_input=1500, cache_write=400, output=300),
        "Anthropic's words, inside the prompt",
        "https://docs.litellm.ai/docs/completion/prompt_caching",
    ),
    UsageForm(
        "proxies that hand Anthropic's numbers on",
        '{"usage": {"prompt_tokens": 20, "completion_tokens": 300, "cache_read_input_tokens": 1500, "cache_creation_input_tokens": 400}}',
        Usage(input=20, cached_input=1500, cache_write=400, output=300),
        "beside a prompt that is too small to hold them",
        "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
    ),
    UsageForm(
        "xAI",
        '{"usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, "completion_tokens_details": '
        '{"reasoning_tokens": 94}}}',
        Usage(input=32, output=9, reasoning=94),
        "reasoning is in the total and not in the completion",
        "https://docs.x.ai/docs/key-information/consumption-and-rate-limits",
    ),
    UsageForm(
        "Google (Gemini's compatible API)",
        '{"usage": {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623}}',
        Usage(input=20, output=603),
        "thoughts are in the total only, and billed as output",
        "https://ai.google.dev/gemini-api/docs/openai",
    ),
    UsageForm(
        "SGLang, NVIDIA",
        '{"usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120, "prompt_tokens_details": null, '
        '"reasoning_tokens": 80}}',
        Usage(input=20, output=20, reasoning=80),
        "reasoning beside the sums, and inside the completion",
        "https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/protocol.py",
    ),
    UsageForm(
        "Perplexity",
        '{"usage": {"prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196, "citation_tokens": 20016, '
        '"num_search_queries": 18, "reasoning_tokens": 73997}}',
        Usage(input=20049, output=7163, reasoning=73997),
        "what a search brought in is billed as input, its reasoning beside the completion; the fee for a search is not in a price a token",
        "https://docs.perplexity.ai/getting-started/models/models/sonar-deep-research",
    ),
    UsageForm(
        "Baidu (Qianfan)",
        '{"usage": {"prompt_tokens": 564, "completion_tokens": 20, "total_tokens": 584, "prompt_tokens_details": {"search_tokens": 500}}}',
        Usage(input=564, output=20),
        "what a search brought in is inside the prompt",
        "https://cloud.baidu.com/doc/WENXINWORKSHOP/s/Wlqatm587",
    ),
    UsageForm(
        "Voyage, for embeddings",
        '{"usage": {"total_tokens": 10}}',
        Usage(input=10),
        "only a total: of embeddings it is input",
        "https://docs.voyageai.com/reference/embeddings-api",
        is_answer=False,
    ),
    UsageForm(
        "any, with counts that are no integers",
        '{"usage": {"prompt_tokens": "25", "completion_tokens": 2.0, "prompt_tokens_details": {"cached_tokens": "5"}}}',
        Usage(input=20, cached_input=5, output=2),
        "a number in a string, or a float, is a count; other words are none",
        "https://www.rfc-editor.org/rfc/rfc8259#section-6",
    ),
)
