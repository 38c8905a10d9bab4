"""Gemini's generateContent as our vendor speaks it. It gives its calls no ids, as many models do: a result is matched by name and order.

Source of the forms: https://ai.google.dev/api/generate-content and the types of `google-genai` 2.34, read on 2026-12-01.
"""

from __future__ import annotations

import json
from typing import Any

from tools.clients.vendor.reading import data, decoded, objects, text_of
from tools.clients.vendor.script import Answer, Asked, Result


def read(body: dict[str, Any], path: str) -> Asked:
    contents = objects(body.get("contents"))
    parts = [part for one in contents for part in objects(one.get("parts"))]
    users = [p.get("text") for one in contents if one.get("role", "user") == "user" for p in objects(one.get("parts"))]
    answers = [one["functionResponse"] for one in parts if isinstance(one.get("functionResponse"), dict)]
    declared = [f for tool in objects(body.get("tools")) for f in objects(tool.get("functionDeclarations"))]
    return Asked(
        dialect="gemini",
        text=text_of([one for one in users if one]),
        tools=tuple(str(one.get("name", "")) for one in declared),
        results=tuple(Result("", str(one.get("name", "")), text_of(one.get("response"))) for one in answers),
        signatures=tuple(decoded(one.get("thoughtSignature")) for one in parts if "functionCall" in one),
        is_streamed=":streamGenerateContent" in path,
        thinks=True,
    )


def _last_part(answer: Answer) -> dict[str, Any] | None:
    if not answer.use:
        return None
    part: dict[str, Any] = {"functionCall": {"name": answer.use.name, "args": answer.use.arguments}}
    if answer.signature:
        part["thoughtSignature"] = answer.signature
    return part


def _said(answer: Answer, parts: list[dict[str, Any]], *, ends: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if ends:
        candidate["finishReason"] = "STOP"
    usage: dict[str, Any] = {"promptTokenCount": answer.input_tokens, "totalTokenCount": answer.input_tokens}
    if ends:
        usage["candidatesTokenCount"] = answer.output_tokens
        usage["totalTokenCount"] += answer.output_tokens
    if answer.cached_tokens:
        usage["cachedContentTokenCount"] = answer.cached_tokens
    made = {"modelVersion": answer.model, "responseId": answer.id}
    return {"candidates": [candidate], "usageMetadata": usage, **made}


def whole(answer: Answer) -> bytes:
    last = _last_part(answer)
    return json.dumps(_said(answer, [{"text": answer.text}, *([last] if last else [])], ends=True)).encode()


def stream(answer: Answer) -> list[bytes]:
    last = _last_part(answer)
    said = [data(_said(answer, [{"text": word}], ends=False)) for word in answer.words[: None if last else -1]]
    return [*said, data(_said(answer, [last or {"text": answer.words[-1]}], ends=True))]


ERRORS = {
    429: ("Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"),
    529: ("The model is overloaded. Please try again later.", "UNAVAILABLE"),
    400: ("The request is not right.", "INVALID_ARGUMENT"),
    402: ("You exceeded your current quota, please check your plan and billing details.", "RESOURCE_EXHAUSTED"),
}


def error(status: int) -> tuple[int, dict[str, str], bytes]:
    message, word = ERRORS[status]
    real = 429 if status == 402 else status
    return real, {}, json.dumps({"error": {"code": real, "message": message, "status": word}}).encode()
