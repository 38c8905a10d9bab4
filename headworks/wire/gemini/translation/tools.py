"""Tools, the choice among them, and the form of the answer, to and from the hub's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from headworks.wire import hub
from headworks.wire.gemini.names import camel, cameled
from headworks.wire.gemini.translation.schemas import as_raw, for_gemini, from_openapi
from headworks.wire.hub.values import GENERATE, Raw, merged, only, own
from headworks.wire.json_text import read_json

Member: TypeAlias = dict[str, Any]

_HOSTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "googleSearch": "web_search",
        "googleSearchRetrieval": "web_search",
        "enterpriseWebSearch": "web_search",
        "codeExecution": "code_execution",
        "urlContext": "url_context",
        "fileSearch": "file_search",
        "retrieval": "file_search",
        "computerUse": "computer",
    }
)
"""The vendor's own tools, and the hub's word for each; others keep their name."""

_OURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "web_search": "googleSearch",
        "web_search_preview": "googleSearch",
        "code_execution": "codeExecution",
        "code_interpreter": "codeExecution",
        "url_context": "urlContext",
        "web_fetch": "urlContext",
    }
)
"""What another vendor's tool is here. It is used where no function stands beside: before Gemini 3 both at once are refused, and from then on
they are taken with a flag that wants the tool's own calls sent back, for which other APIs have no words
(ai.google.dev/gemini-api/docs/tool-combination, ag2ai/ag2#3145, read 2026-12-01)."""

_INPUT: Final = Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
"""What a tool that takes free text is here: a function of one text."""

_ABSENT: Final = Raw(b"")


class _Function(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    name: str
    description: str | None = None
    parameters_json_schema: Raw = _ABSENT


class _Tool(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    function_declarations: list[_Function]


_USUAL: Final = msgspec.json.Decoder(list[_Tool])


# Tools to the hub


def tools_of(raw: Raw) -> tuple[hub.AnyTool, ...] | None:
    """`tools`; None where it is no list. A schema that is JSON Schema stays unread."""
    try:
        return tuple([_usual(one) for tool in _USUAL.decode(raw) for one in tool.function_declarations])
    except msgspec.DecodeError:
        said = read_json(raw)
    if not isinstance(said, list):
        return None
    found: list[hub.AnyTool] = []
    for tool in said:
        found.extend(_tools(tool))
    return tuple(found)


def _usual(said: _Function) -> hub.Tool:
    schema = said.parameters_json_schema
    parameters = None if len(schema) == 0 or bytes(schema) == b"null" else schema
    return hub.Tool(name=said.name, description=said.description or "", parameters=parameters)


def _tools(said: Any) -> Iterable[hub.AnyTool]:
    if not isinstance(said, dict):
        return [hub.HostedTool(kind="", dialect=GENERATE, value=said)]
    rest = dict(cameled(said))
    functions = rest.pop("functionDeclarations", None)
    found = [_function(one) for one in functions] if isinstance(functions, list) else []
    for name, value in rest.items():
        found.append(hub.HostedTool(kind=_HOSTED.get(name, name), dialect=GENERATE, value={name: value}))
    return found


def _function(said: Any) -> hub.AnyTool:
    rest = dict(cameled(said)) if isinstance(said, dict) else {}
    name = rest.pop("name", None)
    if not isinstance(name, str):
        return hub.HostedTool(kind="", dialect=GENERATE, value={"functionDeclarations": [said]})
    description = rest.pop("description", None)
    parameters: Raw | None = None
    if rest.get("parametersJsonSchema") is not None:
        parameters = as_raw(rest.pop("parametersJsonSchema"))
    elif rest.get("parameters") is not None:
        parameters = as_raw(from_openapi(rest["parameters"]))  # as it stood it is kept in `extra`
    return hub.Tool(
        name=name,
        description=description if isinstance(description, str) else "",
        parameters=parameters,
        extra=only(GENERATE, rest),
    )


# Tools from the hub


def written_tools(tools: Sequence[hub.AnyTool], allowed: Sequence[str] = ()) -> list[Member]:
    """allowed: the only functions that may be called, where there is no other word for that."""
    functions: list[Member] = []
    own_tools: list[Member] = []
    mapped: list[str] = []
    for tool in tools:
        if isinstance(tool, hub.HostedTool):
            if tool.dialect == GENERATE:
                own_tools.append(tool.value)
            elif (word := _OURS.get(tool.kind)) is not None:
                mapped.append(word)
        elif isinstance(tool, hub.ToolGroup):
            functions.extend([_written(one, hub.flat_name(tool.name, one.name)) for one in tool.tools])
        else:
            functions.append(_written(tool, tool.name))
    if allowed:
        functions = [one for one in functions if one["name"] in allowed]
    said: list[Member] = [{"functionDeclarations": functions}] if functions else []
    if not functions:
        own_tools += [{word: {}} for word in dict.fromkeys(mapped) if not any(word in one for one in own_tools)]
    return said + own_tools


def _written(tool: hub.Tool | hub.CustomTool, name: str) -> Member:
    said: Member = {"name": name}
    if tool.description:
        said["description"] = tool.description
    if isinstance(tool, hub.CustomTool):
        return {**said, "parametersJsonSchema": _INPUT}
    extra = own(tool.extra, GENERATE)
    if tool.parameters is not None and "parameters" not in extra:
        said["parametersJsonSchema"] = for_gemini(tool.parameters)
    return merged(said, extra) if extra else said


# The choice among them


_MODES: Final[Mapping[str, Any]] = MappingProxyType({"AUTO": "auto", "ANY": "required", "NONE": "none"})
_WORDS: Final[Mapping[str, str]] = MappingProxyType({"auto": "AUTO", "required": "ANY", "none": "NONE"})


def choice_of(said: Any) -> hub.ToolChoice | None:
    """`functionCallingConfig`; None where it is nothing that is known here."""
    if not isinstance(said, dict):
        return None
    config = cameled(said)
    names = config.get("allowedFunctionNames") or []
    word = str(config.get("mode") or "AUTO").upper()
    extra = only(GENERATE, {"functionCallingConfig": dict(config)})
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    if config.keys() - {"mode", "allowedFunctionNames"} or word not in _MODES or (names and word != "ANY"):
        mode = _MODES.get(word, "auto")
        return hub.ToolChoice(mode=mode, allowed=tuple(names), extra=extra)
    if len(names) == 1:
        return hub.ToolChoice(mode="required", name=names[0])
    return hub.ToolChoice(mode=_MODES[word], allowed=tuple(names))


def written_choice(choice: hub.ToolChoice) -> Member:
    if (said := own(choice.extra, GENERATE).get("functionCallingConfig")) is not None:
        return dict(said)
    names = [choice.name] if choice.name else list(choice.allowed)
    if choice.mode == "required" and names:
        return {"mode": "ANY", "allowedFunctionNames": names}
    return {"mode": _WORDS[choice.mode]}


def filtered_by(choice: hub.ToolChoice | None) -> tuple[str, ...]:
    """The functions that may be called and need not: there is no word for it, so the others are not sent."""
    is_own = choice is None or GENERATE in choice.extra
    return () if is_own or choice is None or choice.mode != "auto" else choice.allowed


# The form of the answer


JSON: Final = "application/json"
_SCHEMAS: Final = ("responseSchema", "responseJsonSchema")


def output_of(config: Member) -> hub.Output | None:
    """The form, taken out of `generationConfig` (first spelling of names); None where it says none that is known here."""
    kind = config.get("responseMimeType")
    if kind == "text/plain" and not any(name in config for name in _SCHEMAS):
        del config["responseMimeType"]
        return hub.Output(form="text")
    if kind != JSON:
        return None
    del config["responseMimeType"]
    if (schema := config.pop("responseJsonSchema", None)) is not None:
        return hub.Output(form="schema", schema=as_raw(schema))
    if (schema := config.pop("responseSchema", None)) is not None:
        raw = as_raw(from_openapi(schema))
        return hub.Output(form="schema", schema=raw, extra={GENERATE: {"responseSchema": schema}})
    return hub.Output(form="json")


def written_output(output: hub.Output) -> Member:
    if output.form == "text":
        return {"responseMimeType": "text/plain"}
    said: Member = {"responseMimeType": JSON}
    extra = own(output.extra, GENERATE)
    if output.form == "schema" and output.schema is not None and not extra:
        said["responseJsonSchema"] = for_gemini(output.schema)
    return {**said, **extra}


# Thinking


_BUDGETS: Final[Mapping[str, int]] = MappingProxyType(
    {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
)
_LEVELS: Final[Mapping[str, str]] = MappingProxyType(
    {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}
)
"""Google's equivalents (ai.google.dev/gemini-api/docs/openai and /thinking, read 2026-11-30). What is more than `medium` is HIGH."""

_EFFORTS: Final = frozenset({"minimal", "low", "medium", "high"})
_MOST_BUDGET: Final = 24_576
_GENERATION: Final = re.compile(r"(?:^|/)gemini-(\d{1,2})(?:\.(\d{1,2}))?(?:-|$)")
_SILENT: Final = re.compile(r"(?:^|/)(?:gemma|learnlm|gemini-(?:1|2\.0)[.-])")
"""Models that take no thinking configuration."""


def generation_of(model: str) -> float:
    """2.5 of `gemini-2.5-pro`; 3 where the name does not say it."""
    match = _GENERATION.search(model)
    return float(f"{match[1]}.{match[2] or 0}") if match is not None else 3.0


def thinking_of(config: Member) -> hub.Reasoning | None:
    """`thinkingConfig`, taken out of `generationConfig`; what is not understood of it stays in `extra`."""
    said = config.get("thinkingConfig")
    if not isinstance(said, dict):
        return None
    rest = dict(cameled(config.pop("thinkingConfig")))
    level = rest.get("thinkingLevel")
    effort = str(level).lower() if isinstance(level, str) and level.lower() in _EFFORTS else ""
    if effort:
        del rest["thinkingLevel"]
    budget = rest.pop("thinkingBudget") if type(rest.get("thinkingBudget")) is int else None
    shown = rest.pop("includeThoughts") if isinstance(rest.get("includeThoughts"), bool) else None
    return hub.Reasoning(
        effort=effort,
        budget=budget,
        shown="" if shown is None else "auto" if shown else "none",
        extra=only(GENERATE, rest),
    )


def written_thinking(asked: hub.Reasoning, model: str, *, is_own: bool) -> Member:
    """is_own: said by a caller of this API, who knows what the model takes."""
    said: Member = {}
    if asked.shown:
        said["includeThoughts"] = asked.shown != "none"
    if is_own:
        if asked.effort:
            said["thinkingLevel"] = asked.effort.upper()
        if asked.budget is not None:
            said["thinkingBudget"] = asked.budget
        return {**said, **own(asked.extra, GENERATE)}
    if _SILENT.search(model):
        return {}
    effort = "none" if asked.mode == "off" else asked.effort
    if generation_of(model) >= 3 and (effort or asked.budget is not None):
        said["thinkingLevel"] = _LEVELS.get(effort or _effort(asked.budget or 0), "HIGH")
        if said["thinkingLevel"] == "MINIMAL" and "flash" not in model:
            said["thinkingLevel"] = "LOW"  # only the Flash models know less
    elif generation_of(model) < 3 and (budget := _budget(asked, effort)) is not None:
        said["thinkingBudget"] = max(budget, 128) if budget >= 0 and "pro" in model else budget
    return said


def _budget(asked: hub.Reasoning, effort: str) -> int | None:
    if asked.budget is not None:
        return min(asked.budget, _MOST_BUDGET)
    if effort:
        return _BUDGETS.get(effort, -1)
    return -1 if asked.mode else None  # the model decides


def _effort(budget: int) -> str:
    return next((word for word in ("minimal", "low", "medium") if budget <= _BUDGETS[word]), "high")


# Sound


def speech_of(config: Member) -> hub.Speech | None:
    """`speechConfig`, taken out; its `extra` has it as it stood."""
    said = config.get("speechConfig")
    if not isinstance(said, dict):
        return None
    del config["speechConfig"]
    voice: Any = said
    for name in ("voiceConfig", "prebuiltVoiceConfig", "voiceName"):
        voice = {camel(key): value for key, value in voice.items()}.get(name) if isinstance(voice, dict) else None
    return hub.Speech(voice=voice if isinstance(voice, str) else None, extra={GENERATE: {"speechConfig": said}})


def written_speech(speech: hub.Speech) -> Member:
    if said := own(speech.extra, GENERATE).get("speechConfig"):
        return dict(said)
    return (
        {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": speech.voice}}} if isinstance(speech.voice, str) else {}
    )
