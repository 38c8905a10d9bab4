"""Function calls and their results in Gemini's API, to and from the hub's.

Theory. A call's `id` is optional there, and older clients answer by name alone. Every other API matches by the id. So a call that has
none gets one by its number in the conversation, the same whenever the conversation is told again; and a result without an id
belongs to the first call of its name that has no result yet. An id that was made here is not written back.

What a function gave is an object: `output` has it, `error` what went wrong, else all of it is the result
(google-genai's `FunctionResponse`, read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from headworks.wire import hub
from headworks.wire.gemini.names import cameled
from headworks.wire.hub.values import GENERATE, merged, only, own
from headworks.wire.json_text import read_json, write_json

Member: TypeAlias = dict[str, Any]

MADE: Final = "hw_call_"
"""How an id begins that we made."""

UNSIGNED: Final = "skip_thought_signature_validator"
"""What stands in place of a call's signature where another vendor's model made the call: without any, Gemini 3 refuses the whole
question (ai.google.dev/gemini-api/docs/thought-signatures, read 2026-11-30)."""


class Named:
    """The calls of one conversation, as they are read."""

    __slots__ = ("_open", "count", "thoughts")

    def __init__(self) -> None:
        self.count = 0
        self.thoughts: dict[str, tuple[hub.Thinking, ...]] = {}  # what a call's signature carries, by its id
        self._open: dict[str, list[str]] = {}  # the ids of calls without a result, by the function's name

    def called(self, rest: Member, signature: str) -> hub.ToolCall | None:
        """`functionCall`, taken out of a part's members; None where it is none."""
        inside = dict(cameled(rest["functionCall"]))
        name, args, id = inside.pop("name", ""), inside.pop("args", {}), inside.pop("id", "")
        if not isinstance(name, str) or not isinstance(id, str):
            return None
        del rest["functionCall"]
        if inside:
            rest["functionCall"] = inside
        if rest.get("thought") is False:
            del rest["thought"]
        arguments = write_json({} if args is None else args).decode()
        id = id or self.made(arguments)
        self.count += 1
        self._open.setdefault(name, []).append(id)
        return hub.ToolCall(
            id=id,
            name=name,
            arguments=arguments,
            signature=signature,
            origin=GENERATE if signature else "",
            extra=only(GENERATE, rest),
        )

    def made(self, arguments: str) -> str:
        """An id for a call that has none."""
        return f"{MADE}{self.count}"

    def answered(self, rest: Member, read: Callable[[list[Any]], tuple[hub.Part, ...]]) -> hub.ToolResult | None:
        """`functionResponse`, taken out of a part's members; None where it is none. read: its own parts."""
        inside = dict(cameled(rest["functionResponse"]))
        name, response, id = inside.pop("name", ""), inside.pop("response", None), inside.pop("id", "")
        if not isinstance(name, str) or not isinstance(id, str):
            return None
        media = inside.pop("parts", None) if isinstance(inside.get("parts", []), list) else None
        del rest["functionResponse"]
        if inside:
            rest["functionResponse"] = inside
        if rest.get("thought") is False:
            del rest["thought"]
        parts, is_error = _given(response)
        return hub.ToolResult(
            call_id=self._matched(id, name),
            name=name,
            parts=(*parts, *read(media or [])),
            is_error=is_error,
            extra=only(GENERATE, rest),
        )

    def _matched(self, id: str, name: str) -> str:
        waiting = self._open.get(name, [])
        if not id:
            return waiting.pop(0) if waiting else ""
        if id in waiting:
            waiting.remove(id)
        return id


def _given(response: Any) -> tuple[tuple[hub.Part, ...], bool]:
    """What a function gave, and whether it failed."""
    if isinstance(response, dict) and len(response) == 1:
        for name in ("output", "error"):
            if isinstance(text := response.get(name), str):
                return (hub.Text(text=text),), name == "error"
    return ((hub.Value(response),) if response is not None else ()), False


# From the hub


def written(call: hub.ToolCall) -> Member:
    inside: Member = {} if not call.id or call.id.startswith(MADE) else {"id": call.id}
    inside |= {"name": call.name, "args": arguments_of(call.arguments, is_custom=call.is_custom)}
    said: Member = {"functionCall": inside}
    if call.signature and call.origin == GENERATE:
        said["thoughtSignature"] = call.signature
    return merged(said, own(call.extra, GENERATE)) if call.extra else said


def arguments_of(text: str, *, is_custom: bool = False) -> Any:
    """The arguments as an object. Free text, and what is no object, stands in `input`."""
    if is_custom:
        return {"input": text}
    try:
        args = read_json(text.encode("utf-8", "surrogatepass")) if text.strip() else {}
    except (ValueError, RecursionError):
        return {"input": text}
    return args if isinstance(args, dict) else {"input": args}


def written_result(result: hub.ToolResult, name: str, media: Sequence[Member]) -> Member:
    """name: of the function, where the result does not say it. media: pictures and the like, as parts."""
    inside: Member = {} if not result.call_id or result.call_id.startswith(MADE) else {"id": result.call_id}
    inside |= {"name": result.name or name, "response": _response(result)}
    if media:
        inside["parts"] = list(media)
    said = {"functionResponse": inside}
    return merged(said, own(result.extra, GENERATE)) if result.extra else said


def _response(result: hub.ToolResult) -> Any:
    told = [part for part in result.parts if not isinstance(part, hub.MEDIA)]
    if len(told) == 1 and isinstance(one := told[0], hub.Value) and not result.is_error and isinstance(one.value, dict):
        return one.value
    values = [part.value for part in told if isinstance(part, hub.Value)]
    if len(told) == 1 and values:
        given: Any = values[0]
    else:
        given = "\n".join([text for part in told if (text := _text(part)) is not None])
    return {"error" if result.is_error else "output": given}


def _text(part: hub.Part) -> str | None:
    if isinstance(part, (hub.Text, hub.Refusal)):
        return part.text
    if isinstance(part, hub.Value):
        return write_json(part.value).decode()
    if isinstance(part, hub.Found):
        return f"{part.title}\n{part.url}\n" + "\n".join([one.text for one in part.parts])
    return None
