"""Errors that vendors send with status 200, where an answer should be: one row a form, with its source (`openai_inside.py`).

The tests walk this table, as a whole answer and as an event; `docs/compatibility.md` prints it.
"""

from __future__ import annotations

from typing import Final

import msgspec


class FailureForm(msgspec.Struct, frozen=True):
    """said: a body, or an event. status: what it is taken for, 0 where it says none. words: what of it the caller is shown."""

    vendors: str
    said: str
    status: int
    words: str
    source: str


def _finished(vendors: str, reason: str, status: int, source: str) -> FailureForm:
    said = '{"choices": [{"index": 0, "message": {"content": ""}, "delta": {}, "finish_reason": "' + reason + '"}]}'
    return FailureForm(vendors, said, status, f"The vendor ended the answer with the finish reason `{reason}`.", source)


FAILURE_FORMS: Final = (
    FailureForm(
        "OpenRouter",
        '{"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": '
        '"Provider returned error"}}]}',
        502,
        "Provider returned error",
        "https://openrouter.ai/docs/api/reference/errors-and-debugging",
    ),
    _finished("Mistral, Together, vLLM", "error", 502, "https://docs.mistral.ai/api/endpoint/chat"),
    _finished(
        "DeepSeek", "insufficient_system_resource", 503, "https://api-docs.deepseek.com/api/create-chat-completion"
    ),
    _finished("Zhipu", "network_error", 502, "https://docs.bigmodel.cn/api-reference"),
    _finished(
        "vLLM, SGLang", "abort", 502, "https://github.com/vllm-project/vllm/blob/main/vllm/v1/engine/__init__.py"
    ),
    FailureForm(
        "MiniMax: its limit",
        '{"choices": null, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}',
        429,
        "rate limit",
        "https://platform.minimax.io/docs/api-reference/errorcode",
    ),
    FailureForm(
        "MiniMax: its filter",
        '{"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}], "base_resp": {"status_code": 1027, '
        '"status_msg": "output new_sensitive"}}',
        400,
        "output new_sensitive",
        "https://platform.minimax.io/docs/api-reference/errorcode",
    ),
    FailureForm(
        "MiniMax: its credit",
        '{"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}',
        402,
        "insufficient balance",
        "https://platform.minimax.io/docs/api-reference/errorcode",
    ),
    FailureForm(
        "Groq, streamed",
        '{"choices": [], "x_groq": {"id": "req_1", "error": "the stream was stopped early"}}',
        502,
        "the stream was stopped early",
        "https://github.com/groq/groq-python/blob/main/src/groq/types/chat/chat_completion_chunk.py",
    ),
    FailureForm(
        "Google (Gemini's compatible API)",
        '[{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]',
        503,
        "The model is overloaded.",
        "https://ai.google.dev/gemini-api/docs/openai",
    ),
    FailureForm(
        "Baidu",
        '{"error_code": 18, "error_msg": "Open api qps request limit reached"}',
        429,
        "Open api qps request limit reached",
        "https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh",
    ),
    FailureForm(
        "older vLLM",
        '{"object": "error", "message": "the engine is dead", "type": "InternalServerError", "code": 500}',
        500,
        "the engine is dead",
        "https://github.com/vllm-project/vllm/blob/v0.8.0/vllm/entrypoints/openai/protocol.py",
    ),
    FailureForm(
        "Zhipu, and several behind Java's Spring",
        '{"code": 500, "msg": "404 NOT_FOUND", "success": false}',
        500,
        "404 NOT_FOUND",
        "https://docs.bigmodel.cn/cn/faq/api-code",
    ),
)
