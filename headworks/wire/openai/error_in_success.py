"""An error inside a success: what vendors send with status 200 where an answer should be.

Theory. An answer that says of itself that it failed is a failed attempt, whatever its status: another attempt may do
better, and nobody shall take what there is of it for the whole. Where it is said differs: in a choice (OpenRouter), as
the reason why it finished (DeepSeek, Mistral, Zhipu, engines that abort), beside the choices (MiniMax, Groq), or instead
of them (Baidu, Zhipu, older vLLM). The vendor's own words are kept; what they mean is `error_reading.py`'s to say.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from headworks.wire.openai.answer import Choice, Completion

FAILED_FINISHES: Final = MappingProxyType(
    {
        "error": 502,
        "insufficient_system_resource": 503,
        "network_error": 502,
        "abort": 502,
    }
)
"""Finish reasons that say that the answer failed, and the status that such an error would have had: OpenRouter, Mistral
and Together; DeepSeek; Zhipu; vLLM and SGLang."""

_MINIMAX: Final = MappingProxyType(
    {
        1000: (500, "server_error"),
        1001: (504, "server_error"),
        1002: (429, "rate_limit_error"),
        1004: (401, "authentication_error"),
        1008: (402, "insufficient_balance"),
        1024: (500, "server_error"),
        1026: (400, "content_filter"),
        1027: (400, "content_filter"),
        1033: (500, "server_error"),
        1039: (429, "rate_limit_error"),
        1041: (429, "rate_limit_error"),
        1042: (400, "invalid_request_error"),
        2013: (400, "invalid_request_error"),
        2045: (429, "rate_limit_error"),
        2049: (401, "invalid_api_key"),
        2056: (429, "insufficient_quota"),
        2061: (403, "permission_error"),
    }
)
"""MiniMax's codes: status and type. https://platform.minimax.io/docs/api-reference/errorcode"""

_BAIDU: Final = MappingProxyType({4: 429, 17: 429, 18: 429, 19: 429, 110: 401, 111: 401, 336100: 503, 336501: 429})
"""Baidu's codes: limits, tokens, a service that is busy. https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh"""

_WORDS: Final = ("message", "msg", "detail", "error_msg", "errors")
"""Members in which an object without choices says what went wrong."""


def failed_choice(choice: Choice) -> dict[str, Any] | None:
    """What a choice says of its own failure, as an error's body; None where it says nothing of the kind."""
    finish = choice.finish_reason or ""
    status = FAILED_FINISHES.get(finish)
    if choice.error:
        error = choice.error if isinstance(choice.error, dict) else {"message": str(choice.error)}
        return {"error": error if status is None or "code" in error else {**error, "status": status}}
    if status is None:
        return None
    return {"error": {"message": f"The vendor ended the answer with the finish reason `{finish}`.", "status": status}}


def failed_beside(piece: Completion) -> dict[str, Any] | None:
    """What stands beside the choices: MiniMax's `base_resp`, Groq's `x_groq`."""
    response = piece.base_resp
    if response is not None and response.status_code:
        status, kind = _MINIMAX.get(response.status_code, (502, "server_error"))
        words = response.status_msg or f"The vendor's status is {response.status_code}."
        return {"error": {"message": words, "type": kind, "code": str(response.status_code), "status_code": status}}
    if piece.x_groq is not None and piece.x_groq.error:
        error = piece.x_groq.error
        return {"error": error if isinstance(error, dict) else {"message": str(error), "status_code": 502}}
    return None


def failed_instead(content: Any) -> Any | None:
    """What stands instead of the choices, as an error's body: an object that says what went wrong, and that it did."""
    if not isinstance(content, dict) or content.get("choices") or not any(content.get(name) for name in _WORDS):
        return None
    code = content.get("error_code", content.get("code", content.get("status_code")))
    if not code and content.get("success") is not False and "error" not in (content.get("object"), content.get("type")):
        return None
    words = next((content[name] for name in _WORDS if content.get(name)), None)
    if not isinstance(words, str):
        return content
    said = {"message": words, "type": content.get("type"), "code": None if code is None else str(code)}
    status = _BAIDU.get(code) if isinstance(code, int) else None
    return {"error": said if status is None else {**said, "status_code": status}}
