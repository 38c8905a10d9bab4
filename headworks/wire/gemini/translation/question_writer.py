"""A Question to a body of generateContent.

Always true: what `table.py` calls refused raises before a byte is written, and what it calls left out is not written. What this dialect
alone says (`extra`) is put back last, and wins.

Theory. Gemini has two sides, `user` and `model`, and wants all results of one turn's calls in the one content behind them. So what another
API says in several messages is gathered: contents of one side that follow one another are one, results first. A question of this API
keeps its contents as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.gemini.translation import calls, tools
from headworks.wire.gemini.translation.content import written
from headworks.wire.gemini.translation.table import TABLE
from headworks.wire.hub.values import GENERATE, merged, own
from headworks.wire.json_text import write_json

Member: TypeAlias = dict[str, Any]

_SAMPLING: Final = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("choices", "candidateCount"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
)
_INSTRUCTED: Final = "System instruction: "
"""What stands before instructions between turns: there is no side for them."""


def body_of(question: hub.Question, model: str, left_out: list[str] | None = None, /) -> bytes:
    """The body for a vendor. Raises Unsupported for a field that this dialect cannot carry, before anything is sent.
    left_out: gets the names of the fields that are not carried."""
    hub.carried(question, TABLE, left_out)
    try:
        return write_json(_body(question, model))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None


def _body(question: hub.Question, model: str) -> Member:
    is_own = question.origin == GENERATE
    contents = _own_contents(question) if is_own else _contents(question, model)
    instructions = [part for turn in question.system for part in written(turn.parts)]
    if not contents and not is_own:  # instructions alone are a question elsewhere
        contents, instructions = [{"role": "user", "parts": instructions or [{"text": " "}]}], []
    body: Member = {"contents": contents}
    if instructions:
        body["systemInstruction"] = {"parts": instructions}
    if said := tools.written_tools(question.tools, tools.filtered_by(question.tool_choice)):
        body["tools"] = said
    choice = question.tool_choice
    if choice is not None and (said or is_own or not question.tools):  # beside no tool at all it is refused
        body["toolConfig"] = {"functionCallingConfig": tools.written_choice(choice)}
    if config := _config(question, model, is_own=is_own):
        body["generationConfig"] = config
    return merged(body, own(question.extra, GENERATE))


def _config(question: hub.Question, model: str, *, is_own: bool) -> Member:
    config: Member = {}
    for field, name in _SAMPLING:
        if (value := getattr(question.sampling, field)) is not None:
            config[name] = value
    if question.sampling.top_k is not None and not is_own:
        config["topK"] = int(question.sampling.top_k)
    if question.max_output is not None:
        config["maxOutputTokens"] = question.max_output
    if question.stop:
        config["stopSequences"] = list(question.stop)
    if question.modalities:
        config["responseModalities"] = [kind.upper() for kind in question.modalities]
    if question.output is not None and (is_own or question.output.form != "text"):
        config |= tools.written_output(question.output)
    if question.reasoning is not None and (
        said := tools.written_thinking(question.reasoning, model, is_own=GENERATE in question.reasoning.extra or is_own)
    ):
        config["thinkingConfig"] = said
    if question.speech is not None and (said := tools.written_speech(question.speech)):
        config["speechConfig"] = said
    return config


# Contents


def _own_contents(question: hub.Question) -> list[Member]:
    """A question of this API, as it was."""
    said: list[Member] = []
    for turn in question.turns:
        parts: list[Member] = []
        for part in turn.parts:
            if isinstance(part, hub.ToolResult):
                parts.append(calls.written_result(part, "", written(_media(part))))
            else:
                parts.extend(written([part]))
        content = {"role": "model" if turn.role == "assistant" else "user", "parts": parts}
        said.append(merged(content, own(turn.extra, GENERATE)))
    return said


def _contents(question: hub.Question, model: str) -> list[Member]:
    takes_media = tools.generation_of(model) >= 3  # pictures in a function's result (Gemini 3 and later)
    names: dict[str, str] = {}
    contents: list[Member] = []
    for turn in question.turns:
        role = "model" if turn.role == "assistant" else "user"
        results: list[Member] = []
        first = turn.parts[0] if len(turn.parts) == 1 else None
        if type(first) is hub.Text and first.text and not first.signature and not first.extra:  # as most are
            rest = [{"text": f"{_INSTRUCTED}{first.text}" if turn.role in ("system", "developer") else first.text}]
        else:
            names |= {part.id: part.name for part in turn.parts if isinstance(part, hub.ToolCall)}
            results, rest = _parts(turn, names, takes_media=takes_media)
        if not (results or rest):
            continue
        if contents and contents[-1]["role"] == role:
            _gather(contents[-1]["parts"], results, rest)
        else:
            contents.append({"role": role, "parts": results + rest if results else rest})
    if takes_media:
        _sign(contents)
    return contents


def _parts(turn: hub.Turn, names: dict[str, str], *, takes_media: bool) -> tuple[list[Member], list[Member]]:
    """The results of a turn, and what else it says. What a result cannot hold follows it."""
    results: list[Member] = []
    rest: list[Member] = []
    for part in turn.parts:
        if isinstance(part, hub.ToolResult):
            media = written(_media(part))
            results.append(calls.written_result(part, names.get(part.call_id, ""), media if takes_media else ()))
            rest.extend(() if takes_media else media)
        else:
            rest.extend(written([part]))
    if turn.role in ("system", "developer"):
        rest = [{**one, "text": _INSTRUCTED + one["text"]} if "text" in one else one for one in rest]
    return results, rest


def _media(result: hub.ToolResult) -> Sequence[hub.Part]:
    return [part for part in result.parts if isinstance(part, hub.MEDIA)]


def _gather(parts: list[Member], results: Sequence[Member], rest: Sequence[Member]) -> None:
    """Adds to a content of the same side. Results stand first, in their order."""
    at = next((at for at, part in enumerate(parts) if "functionResponse" not in part), len(parts))
    parts[at:at] = results
    parts.extend(rest)


def _sign(contents: Sequence[Member]) -> None:
    """Gives the first call of each content a signature where another vendor's model made it."""
    for content in contents:
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and content["role"] == "model":
            first.setdefault("thoughtSignature", calls.UNSIGNED)
