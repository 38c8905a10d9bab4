"""A caller's body to a Question.

Always true: what is not understood is kept. A field that is known but says something unknown stays in `extra` beside those
that are not known at all, so a vendor of this dialect is sent it as it came, and for every other it is left out by name.
Null is what is missing. The body was checked by `read_messages`; what would break this reader is refused all the same.
"""

from __future__ import annotations

from types import NoneType
from typing import Any, Final, TypeAlias, cast

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.anthropic.translation import tools
from headworks.wire.anthropic.translation.blocks import CACHE, mark_of, parts_of
from headworks.wire.hub.values import MESSAGES, Raw, only
from headworks.wire.json_body import MOST_TOKENS, whole
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import Members, members

_Fields: TypeAlias = dict[str, Any]

_ROLES: Final = frozenset({"user", "assistant", "system"})
_SAMPLING: Final = ("temperature", "top_p", "top_k")
_REQUIRED: Final = frozenset({"tools", "tool_choice", "output_config.format", "output_format", "thread", "compaction"})
"""What decides the form of the answer, or what it goes on from: a vendor of another API that is not told would answer something
else. Of the first four only what is said in a way that is not understood."""

_MODES: Final = {"enabled": "on", "adaptive": "adaptive", "disabled": "off"}
_SHOWN: Final = {"summarized": "auto", "omitted": "none"}


def question_of(body: bytes) -> hub.Question:
    """Raises Malformed, with `param` where one field is the reason."""
    try:
        return _question(members(body))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None
    except ValueError:
        raise Malformed("The body cannot be read: something in it is no JSON, or a number is too long.") from None


def _question(found: Members) -> hub.Question:
    fields: _Fields = {}
    extra: _Fields = {}
    spelled: list[str] = []
    said = _popped(found, "messages")
    if not isinstance(said, (list, NoneType)):
        raise Malformed("`messages` must be a list.", param="messages")
    turns = tuple([_turn(at, message) for at, message in enumerate(said or ())])
    fields["model"] = _taken(found, "model", str) or ""
    _system(found, fields)
    _tools(found, fields)
    _sampling(found, fields)
    _thinking(found, fields)
    _output(found, fields, extra, spelled)
    _rest(found, fields)
    extra |= {name: value for name, raw in found.items() if (value := read_json(raw)) is not None}
    required = [name for name in extra if name in _REQUIRED]
    if isinstance(config := extra.get("output_config"), dict) and "format" in config:
        required.append("output_config.format")
    return hub.Question(
        turns=turns,
        origin=MESSAGES,
        spelled=tuple(spelled),
        required=tuple(required),
        extra=only(MESSAGES, extra),
        **fields,
    )


def _popped(found: Members, name: str) -> Any:
    raw = found.pop(name, None)
    return None if raw is None else read_json(raw)


def _taken(found: Members, name: str, kind: type | tuple[type, ...]) -> Any:
    """The value, taken out, where it is of this kind; None where it is null, or of another kind and stays."""
    if name not in found:
        return None
    value = read_json(found[name])
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        del found[name]
        return value
    return None


# Fields


def _system(found: Members, fields: _Fields) -> None:
    said = _taken(found, "system", (str, list))
    if said:
        fields["system"] = (hub.Turn(role="system", parts=parts_of(said)),)


def _tools(found: Members, fields: _Fields) -> None:
    if "tools" in found and (read := tools.tools_of(found["tools"])) is not None:
        if read:
            fields["tools"] = read
        del found["tools"]
    if (choice := _taken(found, "tool_choice", dict)) is not None:
        read_choice = tools.choice_of(choice)
        if read_choice is None:
            found["tool_choice"] = Raw(write_json(choice))
        else:
            fields["tool_choice"], parallel = read_choice
            if parallel is not None:
                fields["parallel"] = parallel


def _sampling(found: Members, fields: _Fields) -> None:
    said: _Fields = {}
    for name in _SAMPLING:
        if (value := _taken(found, name, (int, float))) is not None:
            said[name] = value
    if said:
        fields["sampling"] = hub.Sampling(**said)


def _thinking(found: Members, fields: _Fields) -> None:
    said = _taken(found, "thinking", dict)
    if said is None:
        return
    mode, rest = said.get("type"), dict(said)
    if mode not in _MODES:
        found["thinking"] = Raw(write_json(said))
        return
    del rest["type"]
    budget = rest.pop("budget_tokens") if isinstance(rest.get("budget_tokens"), int) else None
    shown = _SHOWN[rest.pop("display")] if rest.get("display") in _SHOWN else ""
    fields["reasoning"] = hub.Reasoning(
        mode=cast(Any, _MODES[mode]),
        budget=budget,
        shown=shown,
        extra=only(MESSAGES, {"thinking": rest} if rest else {}),
    )


def _output(found: Members, fields: _Fields, extra: _Fields, spelled: list[str]) -> None:
    """`output_config`: how much effort, and the form of the answer; and its older name `output_format`."""
    config = _taken(found, "output_config", dict)
    form = config.get("format") if config else None
    if config:
        rest = dict(config)
        if form is not None and (output := tools.output_of(form)) is not None:
            fields["output"] = output
            del rest["format"]
        if isinstance(effort := rest.get("effort"), str) and effort:
            known = fields.get("reasoning", hub.Reasoning())
            fields["reasoning"] = hub.Reasoning(
                effort=effort, budget=known.budget, mode=known.mode, shown=known.shown, extra=known.extra
            )
            del rest["effort"]
        rest = {name: value for name, value in rest.items() if value is not None}
        if rest:
            extra["output_config"] = rest
    if form is None and (older := _taken(found, "output_format", dict)) is not None:
        output = tools.output_of(older)
        if output is None:
            extra["output_format"] = older
        else:
            fields["output"] = output
            spelled.append("output_format")


def _rest(found: Members, fields: _Fields) -> None:
    if "max_tokens" in found:
        number = whole(found["max_tokens"])
        if number is None or not 0 <= number <= MOST_TOKENS:
            _taken(found, "max_tokens", ())
        else:
            fields["max_output"] = number
            del found["max_tokens"]
    stop = _taken(found, "stop_sequences", list)
    if stop is not None and not all(isinstance(one, str) for one in stop):
        found["stop_sequences"] = Raw(write_json(stop))
    elif stop:
        fields["stop"] = tuple(stop)
    if (flag := _taken(found, "stream", bool)) is not None:
        fields["streamed"] = flag
    if (labels := _taken(found, "metadata", dict)) is not None:
        if isinstance(labels.get("user_id"), str) and labels["user_id"]:
            fields["user"] = labels.pop("user_id")
        labels = {name: value for name, value in labels.items() if value is not None}
        if labels:
            found["metadata"] = Raw(write_json(labels))
    if (cache := _taken(found, CACHE, dict)) is not None:
        fields["cache"] = mark_of({CACHE: cache})


# Turns


def _turn(at: int, message: Any) -> hub.Turn:
    if type(message) is dict and len(message) == 2 and type(text := message.get("content")) is str:
        role = message.get("role")
        if type(role) is str and role in _ROLES:  # as many are
            return hub.Turn(role=cast(hub.Role, role), parts=(hub.Text(text=text),))
    role = message.pop("role", None) if isinstance(message, dict) else None
    if not isinstance(role, str):
        path = f"messages[{at}]"
        raise Malformed(f"`{path}` must be an object with a `role`.", param=path)
    content = message.get("content")
    parts: tuple[hub.Part, ...] = ()
    if isinstance(content, (str, list)):
        del message["content"]
        parts = parts_of(content)
    if role not in _ROLES:
        message["role"], role = role, "user"
    return hub.Turn(role=cast(hub.Role, role), parts=parts, extra=only(MESSAGES, message))
