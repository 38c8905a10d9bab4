"""An answer in its other form: a stream as one body, a body as a stream. For answers that are kept or shared.

Theory. Every event of a stream is an answer by itself: its parts are appended, texts of one kind that follow one another joined; a
part with a signature stands alone. What a candidate says beside its parts is said last (a finish reason, ratings, what it is
grounded in), or grows (likelihoods, citations). A member that nobody here knows and that says two things is a reason to give
up: the vendor is asked then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headworks.core.reply import Chunk
from headworks.wire.gemini.answer import UNSAID, decoded, reason_of
from headworks.wire.gemini.body import choices_asked
from headworks.wire.json_text import read_json, write_json
from headworks.wire.sse import events_in

END: Final = b""
"""There is no end mark."""

KEEPALIVE: Final = b"\n"
"""An empty line, which every reader of a stream passes over. A comment is none here: google-genai reads every line that does not
begin with `data: ` as JSON, for so errors come (3.6.1, `_api_client.py`)."""

_OWN_END: Final = frozenset({"STOP"})
_OWN_OR_BOUND: Final = frozenset({"STOP", "MAX_TOKENS"})

_LAST: Final = frozenset(
    {
        *("finishReason", "finishMessage", "safetyRatings", "tokenCount", "avgLogprobs", "groundingMetadata"),
        *("urlContextMetadata", "usageMetadata", "modelVersion", "createTime", "responseId", "promptFeedback"),
        *("modelStatus", "logProbabilitySum"),
    }
)
"""Members of an answer or a candidate whose last value counts."""

_APPENDED: Final = frozenset({"chosenCandidates", "topCandidates", "citationSources", "citations"})
_INSIDE: Final = frozenset({"logprobsResult", "citationMetadata"})
_TEXT: Final = ({"text"}, {"text", "thought"})
"""Members of a part that is nothing but text."""


class _Unclear(Exception):
    """What this answer would be in the other form cannot be told for certain."""


def is_finished(asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool) -> bool:
    """Whether every candidate that was asked for lacks nothing. finish: the first candidate's finish reason."""
    finishes = _OWN_OR_BOUND if is_bounded else _OWN_END
    choices = choices_asked(asked)
    if choices == 1:
        return finish in finishes
    try:
        pieces = [decoded(event.data) for event in events_in(answer)] if streamed else [decoded(answer)]
    except (ValueError, RecursionError):
        return False
    found = [reason for piece in pieces for one in piece.candidates or () if (reason := reason_of(one)) is not None]
    return len(found) >= choices and finishes.issuperset(found)


def parted(chunks: Sequence[Chunk], /) -> tuple[bytes, bytes]:
    """A stream's events. No event has only the tokens: they come with every one."""
    return b"".join([chunk.unasked + chunk.data for chunk in chunks]), b""


def as_body(events: bytes, counts: bytes, /) -> bytes | None:
    """A stream as the body of an answer, or None where that cannot be told for certain."""
    try:
        made: dict[str, Any] = {}
        candidates: dict[int, dict[str, Any]] = {}
        for event in events_in(events + counts):
            _add(made, candidates, _members(read_json(event.data)))
        if "usageMetadata" not in made or sorted(candidates) != list(range(len(candidates))):
            return None
        if any(one.get("finishReason") in (None, *UNSAID) for one in candidates.values()):
            return None
        listed = [candidates[at] for at in sorted(candidates)]
        return write_json({"candidates": listed, **made} if listed else made)
    except (_Unclear, ValueError, RecursionError):
        return None


def as_events(body: bytes, /) -> tuple[bytes, bytes] | None:
    """An answer's body as the one event of a stream, or None."""
    try:
        answer = read_json(body)
        if not isinstance(answer, dict) or not isinstance(answer.get("usageMetadata"), dict):
            return None
        return b"data: %b\n\n" % write_json(answer), b""
    except (ValueError, RecursionError):
        return None


def _add(made: dict[str, Any], candidates: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
    for name, value in piece.items():
        if name != "candidates":
            made[name] = _merged(made[name], value, name) if name in made else value
    for at, one in enumerate(piece.get("candidates") or ()):
        index = _members(one).get("index", 0 if at == 0 else at)
        if type(index) is not int:
            raise _Unclear
        known = candidates.setdefault(index, {})
        for name, value in one.items():
            if name == "content":
                _grow(known.setdefault("content", {"parts": []}), _members(value))
            else:
                known[name] = _merged(known[name], value, name) if name in known else value


def _grow(content: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds a piece of a content: parts that are nothing but text of one kind are joined."""
    parts = content["parts"]
    content |= {name: value for name, value in more.items() if name != "parts"}
    for part in more.get("parts") or ():
        _members(part)
        last = parts[-1] if parts else {}
        if part.keys() in _TEXT and last.keys() == part.keys() and last.get("thought") == part.get("thought"):
            parts[-1] = {**last, "text": last["text"] + part["text"]}
        else:
            parts.append(part)


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unclear
    return value


def _merged(known: Any, said: Any, name: str) -> Any:
    """What a member is once it is said again."""
    if name in _APPENDED and isinstance(known, list) and isinstance(said, list):
        return known + said
    if name in _INSIDE and isinstance(known, dict) and isinstance(said, dict):
        made = dict(known)
        for key, value in said.items():
            made[key] = _merged(made[key], value, key) if key in made else value
        return made
    if name in _LAST or known == said:
        return said
    raise _Unclear
