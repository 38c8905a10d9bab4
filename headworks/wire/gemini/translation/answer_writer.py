"""An Answer to the body of generateContent, whichever vendor gave it.

What a vendor of another API thought is shown as thoughts without a signature. Parts that only another dialect has are left out.
A call whose arguments are no JSON is none here: the candidate ends with MALFORMED_FUNCTION_CALL, as Gemini's own does.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from headworks.wire import hub
from headworks.wire.gemini.translation.citations import grounding_of
from headworks.wire.gemini.translation.content import with_extra, written
from headworks.wire.gemini.translation.sealed import is_worth_it, sealed
from headworks.wire.gemini.translation.words import finish_word, written_likely
from headworks.wire.gemini.translation.words import written as written_usage
from headworks.wire.hub.values import GENERATE, merged, own
from headworks.wire.json_text import read_json

Member: TypeAlias = dict[str, Any]

CITED: Final = frozenset({"groundingMetadata", "citationMetadata"})
"""Where this API's own citations stand: they are put back, and not made again of the hub's."""


def written_answer(answer: hub.Answer, head: Member) -> Member:
    """head: `responseId` and `modelVersion`, for an answer whose vendor says none."""
    extra = own(answer.extra, GENERATE)
    body: Member = {}
    if answer.choices and not (_is_empty(answer) and "promptFeedback" in extra):
        body["candidates"] = [_candidate(choice) for choice in answer.choices]
    if answer.usage is not None:
        body["usageMetadata"] = written_usage(answer.usage)
    body["modelVersion"] = answer.model or head["modelVersion"]
    body["responseId"] = answer.id or head["responseId"]
    return merged(body, extra)


def _is_empty(answer: hub.Answer) -> bool:
    return not any(choice.parts for choice in answer.choices)


def _candidate(choice: hub.Choice) -> Member:
    parts: list[Member] = []
    cited: list[tuple[int, str, tuple[hub.Citation, ...]]] = []
    broken = ""
    thoughts: list[hub.Thinking] = []
    for part in choice.parts:
        if isinstance(part, hub.Thinking) and is_worth_it(part):
            thoughts.append(part)
        if isinstance(part, hub.Text) and part.citations:
            cited.append((len(parts), part.text, part.citations))
        if isinstance(part, hub.ToolCall) and is_broken(part.arguments, is_custom=part.is_custom):
            broken = part.name
        elif isinstance(part, hub.ToolCall):
            parts.append(called(part, thoughts))
        else:
            parts.extend(shown(part))
    said: Member = {"content": {"parts": parts, "role": "model"}}
    if choice.finish is not None:
        said |= ended(choice.finish, broken)
    said["index"] = choice.index
    extra = own(choice.extra, GENERATE)
    if CITED.isdisjoint(extra) and (grounding := grounding_of(cited)):
        said["groundingMetadata"] = grounding
    if choice.likely is not None:
        said["logprobsResult"] = written_likely(choice.likely)
    return merged(said, extra)


def called(call: hub.ToolCall, thoughts: list[hub.Thinking]) -> Member:
    """A call; with what its vendor's model thought before it, which is taken."""
    [said] = written([call])
    if thoughts:
        said.setdefault("thoughtSignature", sealed(thoughts))
        thoughts.clear()
    return said


def shown(part: hub.Part) -> list[Member]:
    """A part of an answer, whoever gave it."""
    if isinstance(part, hub.Thinking):
        return [thought(part)] if part.text or part.origin == GENERATE else []
    return written([part])


def thought(part: hub.Thinking | hub.ThinkingDelta) -> Member:
    said: Member = {"text": part.text, "thought": True}
    if part.signature and part.origin == GENERATE:
        said["thoughtSignature"] = part.signature
    return with_extra(said, part.extra)


def is_broken(arguments: str, *, is_custom: bool = False) -> bool:
    """Whether a call's arguments are no JSON."""
    if is_custom or not arguments.strip():
        return False
    try:
        read_json(arguments.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return True
    return False


def ended(finish: hub.Finish, broken: str) -> Member:
    """Why a candidate ended. broken: the name of a function that was called with arguments that are no JSON."""
    if broken and finish.reason in ("tool_calls", "stop"):
        words = f"The model called `{broken}` with arguments that are not JSON."
        return {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": words}
    said: Member = {"finishReason": finish_word(finish)}
    if finish.detail:
        said["finishMessage"] = finish.detail
    return said
