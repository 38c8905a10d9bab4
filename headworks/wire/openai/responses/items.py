"""The items of `input` to and from the hub's turns.

Theory. What a model said in one go (reasoning, messages, calls) is one turn of the assistant, and the results that follow it
one turn of tools, as other APIs want them: they have calls that were made together in one message. A message of anybody else
is a turn. What an item says beside its content (an id, a status) is kept on its turn, an entry an item (`items`), where there
is any.

An item that only OpenAI can read is kept whole: what a hosted tool did stands in the assistant's turn, where another vendor
can do without it; what was sent in (an item's id, a compacted conversation, the output of OpenAI's own shell) in a turn of
the user's, where it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES, Raw, merged, only, own
from headworks.wire.json_text import write_json
from headworks.wire.openai.responses import envelope
from headworks.wire.openai.responses.content import answered, content_of, parts_of
from headworks.wire.openai.responses.tools import name_in, tools_of

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_DONE: Final = frozenset(
    {
        *("web_search_call", "file_search_call", "computer_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_call", "mcp_list_tools", "mcp_approval_request", "tool_search_call", "program", "program_output"),
        *("local_shell_call", "shell_call", "apply_patch_call"),
    }
)
"""What OpenAI's tools did in an earlier answer."""

_SAID: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "message": frozenset({"type", "role", "content"}),
        "function_call": frozenset({"type", "call_id", "name", "namespace", "arguments"}),
        "custom_tool_call": frozenset({"type", "call_id", "name", "namespace", "input"}),
        "function_call_output": frozenset({"type", "call_id", "output"}),
        "custom_tool_call_output": frozenset({"type", "call_id", "output"}),
        "reasoning": frozenset({"type", "id", "summary", "content", "encrypted_content"}),
    }
)
"""Members of an item that the hub has words for. Of every other kind it has the whole item."""

_SPOKEN: Final = (hub.Text, hub.Refusal)
_UNSEALED: Final[dict[str, Any]] = {"type": "sealed"}
"""Stands for an item that was ours: it is written again by who wants it back, and by nobody else."""

_ITEM: Final[hub.Extra] = MappingProxyType({RESPONSES: MappingProxyType({})})
"""The `extra` of a turn that is one item, and no message."""


class _Run:
    """A turn under way: of the assistant, or of tools. counts: how many parts each item has. is_plain: its items can be told from
    its parts alone."""

    __slots__ = ("counts", "is_plain", "items", "parts", "role", "signatures")

    def __init__(self, role: hub.Role) -> None:
        self.role: hub.Role = role
        self.parts: list[hub.Part] = []
        self.items: list[dict[str, Any]] = []
        self.counts: list[int] = []
        self.is_plain = True
        self.signatures: dict[str, envelope.Sealed] = {}

    def turn(self) -> hub.Turn:
        parts = [_signed(part, self.signatures) for part in self.parts] if self.signatures else self.parts
        if self.is_plain:
            return hub.Turn(role=self.role, parts=tuple(parts))
        entries = [_entry(item, count) for item, count in zip(self.items, self.counts, strict=True)]
        return hub.Turn(role=self.role, parts=tuple(parts), extra={RESPONSES: {"items": entries}})


def _signed(part: hub.Part, signatures: dict[str, envelope.Sealed]) -> hub.Part:
    if isinstance(part, hub.ToolCall) and (said := signatures.get(part.id)) is not None:
        return msgspec.structs.replace(part, signature=said.signature, origin=said.origin)
    return part


def _entry(item: dict[str, Any], count: int) -> dict[str, Any]:
    """What is kept of an item beside what the hub has words for. parts: how many a message has."""
    kind = item.get("type") or "message"
    known = _SAID.get(kind)
    rest = {} if known is None else {name: value for name, value in item.items() if name not in known}
    if kind == "message":
        rest["parts"] = count
    return rest


def turns_of(items: Sequence[Any]) -> tuple[list[hub.Turn], list[hub.AnyTool]]:
    """The turns, and tools that stand among them. Raises Malformed."""
    turns: list[hub.Turn] = []
    tools: list[hub.AnyTool] = []
    run: _Run | None = None
    for at, item in enumerate(items):
        if (turn := _plain(item)) is not None:
            if run is not None:
                turns.append(run.turn())
                run = None
            turns.append(turn)
            continue
        kind = _kind(at, item)
        if kind == "additional_tools" and isinstance(item.get("tools"), list):
            tools.extend(tools_of(Raw(write_json(item["tools"]))) or ())
            continue
        role = _role_of(kind, item)
        if run is not None and (role is None or role != run.role):
            turns.append(run.turn())
            run = None
        if role is None:
            turns.append(_asked(kind, item))
            continue
        if run is None:
            run = _Run(role)
        _add(run, kind, item)
    if run is not None:
        turns.append(run.turn())
    return turns, tools


def _plain(item: Any) -> hub.Turn | None:
    """A message of one text and nothing else that is not the assistant's, as most are: it ends a run. None for any other item."""
    if type(item) is not dict or len(item) > 3 or item.get("type", "message") != "message":
        return None
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "developer", "system") or len(item) != (3 if "type" in item else 2):
        return None
    if type(content) is str:
        return hub.Turn(role=role, parts=(hub.Text(text=content),))
    if type(content) is list and len(content) == 1 and type(part := content[0]) is dict and len(part) == 2:
        text = part.get("text")
        if type(text) is str and part.get("type") == "input_text":
            return hub.Turn(role=role, parts=(hub.Text(text=text),))
    return None


def _kind(at: int, item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(item, dict) and kind is None:
        kind = "message" if "role" in item else "item_reference" if "id" in item else None
    if not isinstance(kind, str):
        path = f"input[{at}]"
        raise Malformed(f"`{path}` must be an object with a `type` or a `role`.", param=path)
    if kind == "message" and not isinstance(item.get("role"), str):
        path = f"input[{at}].role"
        raise Malformed(f"`{path}` must be a string.", param=path)
    return kind


def _role_of(kind: str, item: dict[str, Any]) -> hub.Role | None:
    """Whose run an item belongs to; None where it is a turn of its own."""
    if kind == "message":
        return "assistant" if item["role"] == "assistant" else None
    if kind in _CALLS:
        return "assistant" if _is_call(item) else None
    if kind in _RESULTS:
        return "tool" if isinstance(item.get("call_id"), str) else None
    return "assistant" if kind == "reasoning" or kind in _DONE else None


def _is_call(item: dict[str, Any]) -> bool:
    field = "arguments" if item["type"] == "function_call" else "input"
    return all(isinstance(item.get(name), str) for name in ("call_id", "name", field))


def _asked(kind: str, item: dict[str, Any]) -> hub.Turn:
    """A turn of the caller's."""
    if kind != "message":
        return hub.Turn(role="user", parts=(hub.Only(dialect=RESPONSES, value=item),), extra=_ITEM)
    role = item["role"]
    rest = {name: value for name, value in item.items() if name not in ("type", "role", "content")}
    if role not in _ROLES:
        rest["role"], role = role, "user"
    return hub.Turn(role=cast(hub.Role, role), parts=parts_of(item.get("content")), extra=only(RESPONSES, rest))


def _add(run: _Run, kind: str, item: dict[str, Any]) -> None:
    if kind == "reasoning" and isinstance(sealed := item.get("encrypted_content"), str) and envelope.is_ours(sealed):
        _unseal(run, envelope.opened(sealed))
        return
    known = _SAID.get(kind)
    run.is_plain &= known is None or item.keys() <= known
    if kind == "message":
        parts = parts_of(item.get("content"))
        follows = bool(run.items) and (run.items[-1].get("type") or "message") == "message"
        run.is_plain &= bool(parts) and not follows and all(isinstance(part, _SPOKEN) for part in parts)
        run.parts.extend(parts)
        run.counts.append(len(parts))
    else:
        run.parts.append(_part(kind, item))
        run.counts.append(1)
    run.items.append(item)


def _unseal(run: _Run, said: envelope.Sealed | None) -> None:
    """What another vendor wants back: its thinking, or the signature of what stands before."""
    if said is None:
        return
    if not said.of:
        run.parts.append(envelope.thinking_in(said))
        run.items.append(_UNSEALED)
        run.counts.append(1)
    elif said.of != envelope.TEXT:
        run.signatures[said.of] = said
    elif run.parts and isinstance(last := run.parts[-1], hub.Text):
        run.parts[-1] = msgspec.structs.replace(last, signature=said.signature, origin=said.origin)


def _part(kind: str, item: dict[str, Any]) -> hub.Part:
    if kind in _CALLS:
        return call_of(item)
    if kind in _RESULTS:
        name = item.get("name")
        return hub.ToolResult(
            call_id=item["call_id"],
            name=name if isinstance(name, str) else "",
            parts=parts_of(item.get("output")),
            is_custom=kind == "custom_tool_call_output",
        )
    return thinking_of(item) if kind == "reasoning" else hub.Only(dialect=RESPONSES, value=item)


def call_of(item: dict[str, Any]) -> hub.ToolCall:
    is_custom = item["type"] == "custom_tool_call"
    id, arguments = item.get("call_id"), item.get("input" if is_custom else "arguments")
    return hub.ToolCall(
        id=id if isinstance(id, str) else "",
        name=name_in(item) or "",
        arguments=arguments if isinstance(arguments, str) else "",
        is_custom=is_custom,
        extra=_named(item),
    )


def _named(item: dict[str, Any]) -> hub.Extra:
    """The two fields in which a tool of a group is named here."""
    group = item.get("namespace")
    is_named = isinstance(group, str) and group and isinstance(item.get("name"), str)
    return only(RESPONSES, {"namespace": group, "name": item["name"]} if is_named else {})


def thinking_of(item: dict[str, Any]) -> hub.Thinking:
    """extra: the texts as they stand there, where they are more than one."""
    summary, content = _texts(item.get("summary")), _texts(item.get("content"))
    redacted, id = item.get("encrypted_content"), item.get("id")
    said = {name: item[name] for name in ("summary", "content") if item.get(name)}
    return hub.Thinking(
        origin=RESPONSES,
        text="\n\n".join(summary or content),
        redacted=redacted if isinstance(redacted, str) else "",
        id=id if isinstance(id, str) else "",
        is_summary=bool(summary),
        extra=only(RESPONSES, said if len(summary) + len(content) > 1 else {}),
    )


def _texts(said: Any) -> list[str]:
    parts = said if isinstance(said, list) else ()
    return [one["text"] for one in parts if isinstance(one, dict) and isinstance(one.get("text"), str)]


# From the hub


def items_of(turn: hub.Turn) -> Iterator[dict[str, Any]]:
    """The items that say this turn."""
    if turn.role not in ("assistant", "tool") and (sole := hub.sole_text(turn)):
        yield {"role": turn.role, "content": sole}  # as most are
        return
    entries = own(turn.extra, RESPONSES).get("items")
    if turn.role not in ("assistant", "tool"):
        yield from _asked_items(turn)
    elif entries is None:
        yield from written_items(turn)
    else:
        yield from _as_they_came(turn, entries)


def _asked_items(turn: hub.Turn) -> Iterator[dict[str, Any]]:
    """Results first: where they stand beside other parts, they answer what was said before."""
    rest: list[hub.Part] = []
    for part in turn.parts:
        if isinstance(part, hub.ToolResult):
            yield _result(part)
        elif turn.extra == _ITEM and isinstance(part, hub.Only):
            yield part.value
        else:
            rest.append(part)
    if rest or not turn.parts:
        yield merged({"role": turn.role, "content": content_of(rest)}, own(turn.extra, RESPONSES))


def written_items(turn: hub.Turn) -> list[dict[str, Any]]:
    """The items of a turn of the assistant, or of tools. Texts that follow one another are one message."""
    items: list[dict[str, Any]] = []
    message: list[Any] | None = None
    for part in turn.parts:
        if isinstance(part, (hub.Text, hub.Refusal)) and turn.role == "assistant":
            if message is None:
                message = []
                items.append({"type": "message", "role": "assistant", "content": message})
            message.append(answered(part))
        elif (item := written_item(part)) is not None:
            message = None
            items.append(item)
    return items


def _as_they_came(turn: hub.Turn, entries: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same with what each item said beside its content."""
    at = 0
    for entry in entries:
        rest = dict(entry)
        count = rest.pop("parts", None)
        if count is None:
            for item in written_items(msgspec.structs.replace(turn, parts=turn.parts[at : at + 1])):
                yield {**item, **rest}
            at += 1
            continue
        content = [_in_message(part) for part in turn.parts[at : at + count]]
        yield {"type": "message", "role": "assistant", "content": content, **rest}
        at += count


def _in_message(part: hub.Part) -> Any:
    if isinstance(part, (hub.Text, hub.Refusal)):
        return answered(part)
    return part.value if isinstance(part, hub.Only) else next(iter(content_of([part])), None)


def written_item(part: hub.Part) -> dict[str, Any] | None:
    """A part as an item; None where it means nothing here."""
    if isinstance(part, hub.ToolCall):
        kind, field = ("custom_tool_call", "input") if part.is_custom else ("function_call", "arguments")
        said = {"type": kind, "call_id": part.id, "name": part.name, field: part.arguments}
        return merged(said, own(part.extra, RESPONSES))
    if isinstance(part, hub.ToolResult):
        return _result(part)
    if isinstance(part, hub.Thinking):
        return _reasoning(part) if part.origin == RESPONSES or RESPONSES in part.extra else None
    if isinstance(part, hub.Only) and part.dialect == RESPONSES and isinstance(part.value, dict):
        return part.value
    return None


def _result(part: hub.ToolResult) -> dict[str, Any]:
    kind = "custom_tool_call_output" if part.is_custom else "function_call_output"
    output = content_of(part.parts)
    if part.is_error:
        failed = "Error: "
        output = failed + output if isinstance(output, str) else [{"type": "input_text", "text": failed}, *output]
    said = {"type": kind, "call_id": part.call_id, "output": output}
    return merged(said, own(part.extra, RESPONSES))


def _reasoning(part: hub.Thinking) -> dict[str, Any]:
    texts = own(part.extra, RESPONSES)
    said: dict[str, Any] = {"type": "reasoning", "summary": []}
    if part.id:
        said["id"] = part.id
    if texts:
        said.update(texts)
    elif part.text and part.is_summary:
        said["summary"] = [{"type": "summary_text", "text": part.text}]
    elif part.text:
        said["content"] = [{"type": "reasoning_text", "text": part.text}]
    if part.redacted:
        said["encrypted_content"] = part.redacted
    return said
