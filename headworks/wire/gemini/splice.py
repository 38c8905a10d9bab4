"""Another attempt's stream, rewritten so that the caller's SDK sees one stream that never broke.

Always true: every event that is shown has the id and the model of the first attempt's events; text that was shown before is not
shown again (what is new, the given `Seam` says); the tokens are those of the whole answer. Events with nothing left in them are
dropped.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.dialect import Before, Prefill, Seam
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk
from headworks.wire.gemini.answer import UNSAID, decoded, parts_of
from headworks.wire.gemini.body import BOUND, CONFIG, choices_asked, named, replaced
from headworks.wire.gemini.names import camel
from headworks.wire.json_body import whole
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members
from headworks.wire.prefill import tokens_of
from headworks.wire.sse import events_in

_KEPT: Final = ("responseId", "modelVersion", "createTime")
_NOTHING: Final[tuple[Any, ...]] = (None, False, "", [], {})


def config_of(body: bytes) -> dict[str, Any]:
    """`generationConfig` in proto3's first spelling; empty where there is none, or it is no object."""
    found = members(body)
    name = named(found, CONFIG)
    config = read_json(found[name]) if name is not None else None
    return {camel(one): value for one, value in config.items()} if isinstance(config, dict) else {}


def may_resume(body: bytes, /) -> bool:
    """Whether another attempt may go on with an answer to this: one candidate, text, and no numbers beside each token."""
    config = config_of(body)
    if config.get("responseLogprobs") not in _NOTHING or choices_asked(body) != 1:
        return False
    modalities = config.get("responseModalities")
    return modalities in _NOTHING or (
        isinstance(modalities, list) and all(str(one).upper() == "TEXT" for one in modalities)
    )


def may_continue(body: bytes, /) -> bool:
    """Whether an answer may be gone on with from its middle: a grammar would begin anew there."""
    return config_of(body).get("responseMimeType") in (None, "", "text/plain")


def reasoning_in(data: bytes, /) -> str | None:
    """The thoughts of a chunk's events; None where they carry something that is neither that nor text."""
    said = ""
    for event in events_in(data):
        try:
            piece = decoded(event.data)
        except (ValueError, RecursionError):
            return None
        for candidate in piece.candidates or ():
            for part in parts_of(candidate):
                if part.other or part.function_call is not None or part.thought_signature or candidate.index:
                    return None
                if part.thought:
                    said += part.text or ""
    return said


class Rewriting:
    """Rewrites chunks of one attempt. first: an event with content of the first attempt. before: what of the answer was there, where
    it goes on; None where it begins anew."""

    def __init__(self, first: bytes, seam: Seam, before: Before | None, /) -> None:
        self._stamp: dict[str, Any] = {}
        self._seam = seam
        self._before = before
        self._fresh = ""
        for event in events_in(first):
            self._stamp |= {name: value for name, value in _read(event.data).items() if name in _KEPT}

    def chunk(self, chunk: Chunk, /) -> Chunk | None:
        """The chunk as the caller may see it, None where nothing of it is left. Raises what the seam raises."""
        self._fresh = ""
        usage = chunk.usage if chunk.usage is None or self._before is None else self._before.joined(chunk.usage)
        data = b"".join([self._event(event.data) for event in events_in(chunk.data)])
        if not data and usage is None and not chunk.last:
            return None
        has_content = chunk.has_content and bool(data)
        return msgspec.structs.replace(chunk, data=data, text=self._fresh, usage=usage, has_content=has_content)

    def _event(self, data: bytes) -> bytes:
        said = _read(data)
        is_shown = bool(said.get("promptFeedback"))
        for candidate in said.get("candidates") or ():
            is_shown |= self._candidate(candidate)
        if not is_shown:
            return b""
        if isinstance(usage := said.get("usageMetadata"), dict) and self._before is not None:
            _join(usage, self._before)
        return b"data: %b\n\n" % write_json(said | self._stamp)

    def _candidate(self, candidate: dict[str, Any]) -> bool:
        """Takes out of a candidate what was shown; whether there is anything left."""
        content = candidate.get("content")
        content = content if isinstance(content, dict) else {}
        kept: list[Any] = []
        for part in content.get("parts") or ():
            text = part.get("text")
            if not isinstance(text, str) or part.keys() - {"text", "thought"}:
                self._seam.other()
                kept.append(part)
            elif part.get("thought"):
                if fresh := self._seam.reasoning(text):
                    kept.append({**part, "text": fresh})
            elif fresh := self._seam.text(text):
                self._fresh += fresh
                kept.append({**part, "text": fresh})
        if "parts" in content:
            content["parts"] = kept
        is_over = candidate.get("finishReason") not in (None, *UNSAID)
        if is_over:
            self._seam.other()
        return bool(kept) or is_over


def _read(data: bytes) -> dict[str, Any]:
    try:
        said = read_json(data)
    except (ValueError, RecursionError):
        raise Diverged("The stream went on with an event that cannot be told again.") from None
    return said if isinstance(said, dict) else {}


def _join(usage: dict[str, Any], before: Before) -> None:
    """Tokens of the whole answer, as `Before.joined`, in the vendor's own words."""
    asked, said, total = (usage.get(name) for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount"))
    if not isinstance(asked, int):
        return
    said = said if isinstance(said, int) else 0
    prompt = max(0, asked - before.handed) if before.asked is None else before.asked.input_tokens
    usage["promptTokenCount"], usage["candidatesTokenCount"] = prompt, said + before.said
    if isinstance(total, int):
        usage["totalTokenCount"] = total + prompt - asked + before.said
    if isinstance(cached := usage.get("cachedContentTokenCount"), int):
        usage["cachedContentTokenCount"] = min(cached, prompt)
    usage.pop("promptTokensDetails", None)


def prefilled(body: bytes, text: str, form: Prefill, /) -> bytes:
    """The body with the beginning of the answer as its last content, and its bound lowered by that much."""
    found = members(body)
    contents = bytes(found["contents"]).rstrip()
    content = msgspec.json.encode({"role": "model", "parts": [{"text": text}]})
    body = replaced(body, found, "contents", contents[:-1] + b"," + content + b"]")
    found = members(body)
    if (name := named(found, CONFIG)) is None:
        return body
    config = read_json(found[name]) or {}
    for spelled in BOUND:
        if spelled in config and (bound := whole(msgspec.Raw(write_json(config[spelled])))) is not None and bound > 0:
            config[spelled] = max(1, bound - tokens_of(text))
    return replaced(body, found, name, write_json(config))
