"""A caller's body of generateContent to a Question.

Always true: what is not understood is kept, in `extra` under the first spelling of its name; null is what is missing. The model
and the way of delivery stand in the path: who asks puts them in.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.gemini.names import camel, cameled
from headworks.wire.gemini.translation import tools
from headworks.wire.gemini.translation.calls import Named
from headworks.wire.gemini.translation.content import parts_of
from headworks.wire.hub.values import GENERATE, only
from headworks.wire.json_text import read_json
from headworks.wire.members import members

_Fields: TypeAlias = dict[str, Any]

_NUMBERS: Final = (
    ("temperature", "temperature"),
    ("topP", "top_p"),
    ("topK", "top_k"),
    ("presencePenalty", "presence_penalty"),
    ("frequencyPenalty", "frequency_penalty"),
)
_COUNTS: Final = (("seed", "seed"), ("candidateCount", "choices"), ("logprobs", "top_logprobs"))
_REQUIRED: Final = frozenset({"cachedContent", "tools", "toolConfig", "generationConfig.responseMimeType"})
"""What decides the answer and is not understood here, or by nobody else: a vendor of another API would answer something else."""


def question_of(body: bytes, /) -> hub.Question:
    """Raises Malformed, with `param` where one field is the reason."""
    try:
        return _question({camel(name): raw for name, raw in members(body).items()})
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None
    except ValueError:
        raise Malformed("The body cannot be read: something in it is no JSON, or a number is too long.") from None


def _question(found: dict[str, Any]) -> hub.Question:
    fields: _Fields = {}
    named = Named()
    contents = read_json(found.pop("contents")) if "contents" in found else None
    if contents is not None and not isinstance(contents, list):
        raise Malformed("`contents` must be a list.", param="contents")
    turns = [_turn(at, one, named) for at, one in enumerate(contents or ())]
    found.pop("model", None)
    if "systemInstruction" in found:
        fields["system"] = _system(read_json(found.pop("systemInstruction")))
    if "tools" in found and (read := tools.tools_of(found["tools"])) is not None:
        fields["tools"] = read
        del found["tools"]
    extra = {name: value for name, raw in found.items() if (value := read_json(raw)) is not None}
    _choose(extra, fields)
    _configure(extra, fields)
    required = [name for name in extra if name in _REQUIRED]
    config = extra.get("generationConfig")
    if isinstance(config, dict) and config.get("responseMimeType") not in (None, "", "text/plain"):
        required.append("generationConfig.responseMimeType")
    return hub.Question(
        model="",
        turns=tuple(turns),
        origin=GENERATE,
        required=tuple(required),
        extra=only(GENERATE, extra),
        **fields,
    )


def _turn(at: int, content: Any, named: Named) -> hub.Turn:
    if isinstance(content, dict) and len(content) == 2 and isinstance(parts := content.get("parts"), list):
        role = content.get("role")
        if role in ("user", "model"):  # as most are
            read = parts_of(parts, named)
            return hub.Turn(role=_role(role, read), parts=read)
    return _odd_turn(at, content, named)


def _role(role: Any, read: tuple[hub.Part, ...]) -> hub.Role:
    if role == "model":
        return "assistant"
    return "tool" if read and all(type(part) is hub.ToolResult for part in read) else "user"


def _odd_turn(at: int, content: Any, named: Named) -> hub.Turn:
    rest = dict(content) if isinstance(content, dict) else None
    parts = rest.pop("parts", None) if rest is not None else None
    if isinstance(parts, dict):
        parts = [parts]  # the API takes one in place of a list of one
    if rest is None or not isinstance(parts, list | None):
        path = f"contents[{at}]"
        raise Malformed(f"`{path}` must be an object with a list of `parts`.", param=path)
    role = rest.pop("role", None)
    if role not in (None, "user", "model", "function", "tool", ""):
        rest["role"] = role
    read = parts_of(parts or (), named)
    return hub.Turn(role=_role(role, read), parts=read, extra=only(GENERATE, rest))


def _system(said: Any) -> tuple[hub.Turn, ...]:
    if isinstance(said, str):
        said = {"parts": [{"text": said}]}
    parts = said.get("parts") if isinstance(said, dict) else None
    if isinstance(parts, dict):
        parts = [parts]
    read = parts_of(parts, Named()) if isinstance(parts, list) else ()
    return (hub.Turn(role="system", parts=read),) if read else ()


def _choose(extra: _Fields, fields: _Fields) -> None:
    said = extra.get("toolConfig")
    if not isinstance(said, dict):
        return
    config = dict(cameled(said))
    if (choice := tools.choice_of(config.get("functionCallingConfig"))) is not None:
        fields["tool_choice"] = choice
        del config["functionCallingConfig"]
    if config:
        extra["toolConfig"] = config
    else:
        del extra["toolConfig"]


def _configure(extra: _Fields, fields: _Fields) -> None:
    said = extra.get("generationConfig")
    if not isinstance(said, dict):
        return
    config = {name: value for name, value in cameled(said).items() if value is not None}
    sampling: _Fields = {}
    for name, field in _NUMBERS:
        if type(config.get(name)) in (int, float):
            sampling[field] = config.pop(name)
    for name, field in _COUNTS:
        if (count := _count(config, name)) is not None:
            sampling[field] = count
    if isinstance(config.get("responseLogprobs"), bool):
        sampling["logprobs"] = config.pop("responseLogprobs")
    if sampling:
        fields["sampling"] = hub.Sampling(**sampling)
    if (most := _count(config, "maxOutputTokens")) is not None:
        fields["max_output"] = most
    if (stop := _texts(config, "stopSequences")) is not None:
        fields["stop"] = stop
    if (kinds := _texts(config, "responseModalities")) is not None:
        fields["modalities"] = tuple([kind.lower() for kind in kinds])
    for field, read in (
        ("output", tools.output_of(config)),
        ("reasoning", tools.thinking_of(config)),
        ("speech", tools.speech_of(config)),
    ):
        if read is not None:
            fields[field] = read
    if config:
        extra["generationConfig"] = config
    else:
        del extra["generationConfig"]


def _count(config: _Fields, name: str) -> int | None:
    """A whole number, taken out; proto3 takes a text for it."""
    value = config.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        return None
    del config[name]
    return value


def _texts(config: _Fields, name: str) -> tuple[str, ...] | None:
    value = config.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return None
    return tuple(config.pop(name))
