"""One question a field, asked in a dialect that nobody speaks: what a table does with each can be seen by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headworks.wire import hub

OTHER: Final = "test.other"
"""The dialect that the samples are asked in."""

PNG: Final = hub.Inline("iVBORw0K", "image/png")


def asked(*parts: hub.Part, **fields: Any) -> hub.Question:
    turn = hub.Turn(role="user", parts=(hub.Text(text="hi"), *parts))
    return hub.Question(**{"model": "m", "turns": (turn,), "origin": OTHER, **fields})


def answered(*parts: hub.Part) -> hub.Question:
    turn = hub.Turn(role="assistant", parts=(hub.Text(text="hi"), *parts))
    return hub.Question(model="m", turns=(*asked().turns, turn), origin=OTHER)


def sampled(**fields: Any) -> hub.Question:
    return asked(sampling=hub.Sampling(**fields))


def result(*parts: hub.Part, **fields: Any) -> hub.Question:
    said = hub.ToolResult(call_id="c", parts=(hub.Text(text="done"), *parts), **fields)
    return hub.Question(model="m", turns=(hub.Turn(role="tool", parts=(said,)),), origin=OTHER)


def document(source: hub.Source, **fields: Any) -> hub.Question:
    return asked(hub.Document(source=source, name="n", **fields))


PDF: Final = hub.Inline("JVBE", "application/pdf")
FOREIGN: Final = {OTHER: {"novel": 1}}

PLAIN: Final = asked()

BASES: Final[Mapping[str, hub.Question]] = {
    "text.citations": answered(),
    "text.signature": answered(),
    "thinking.foreign": answered(),
    "tool_call.signature": answered(hub.ToolCall(id="c", name="f", arguments="{}")),
    "native": answered(),
    "image.detail": asked(hub.Image(source=PNG)),
    "document.context": document(PDF),
    "document.cites": document(PDF),
    "tool_result.is_error": result(),
    "tool_result.media": result(),
    "tool_result.value": result(),
    "tools.strict": asked(tools=(hub.Tool(name="f"),)),
    "reasoning.shown": asked(reasoning=hub.Reasoning(effort="low")),
}
"""The same questions without the field, where that is not PLAIN."""

SAMPLES: Final[Mapping[str, hub.Question]] = {
    "system": asked(system=(hub.Turn(role="system", parts=(hub.Text(text="s"),)),)),
    "turns.system": hub.Question(
        model="m", turns=(*asked().turns, hub.Turn(role="system", parts=(hub.Text(text="s"),))), origin=OTHER
    ),
    "turns.name": hub.Question(model="m", turns=(hub.Turn(role="user", name="ann"),), origin=OTHER),
    "text": asked(hub.Text(text="more")),
    "text.citations": answered(hub.Text(text="", citations=(hub.Citation(url="u"),))),
    "text.signature": answered(hub.Text(text="", signature="s", origin=hub.GENERATE)),
    "image": asked(hub.Image(source=PNG), hub.Image(source=hub.Located("https://x.example/a.png"))),
    "image.detail": asked(hub.Image(source=PNG, detail="low")),
    "image.stored": asked(hub.Image(source=hub.Stored("f", hub.MESSAGES))),
    "image.bucket": asked(hub.Image(source=hub.Located("gs://b/a.png"))),
    "audio": asked(hub.Audio(source=hub.Inline("UklG", "audio/wav"))),
    "audio.url": asked(hub.Audio(source=hub.Located("https://x.example/a.wav"))),
    "audio.stored": asked(hub.Audio(source=hub.Stored("f", hub.GENERATE))),
    "audio.earlier": answered(hub.Audio(id="audio_1")),
    "video": asked(hub.Video(source=hub.Located("https://x.example/a.mp4"))),
    "video.stored": asked(hub.Video(source=hub.Stored("f", hub.GENERATE))),
    "document": document(PDF),
    "document.url": document(hub.Located("https://x.example/a.pdf")),
    "document.stored": document(hub.Stored("f", hub.MESSAGES)),
    "document.text": document(hub.Plain("text")),
    "document.parts": document(hub.Composed((hub.Text(text="a"), hub.Image(source=PNG)))),
    "document.context": document(PDF, context="of 2026"),
    "document.cites": document(PDF, cites=True),
    "search_result": asked(hub.Found(url="u", title="t", parts=(hub.Text(text="found"),))),
    "thinking": answered(hub.Thinking(origin=hub.CHAT, text="hm")),
    "thinking.foreign": answered(hub.Thinking(origin=hub.MESSAGES, text="hm", signature="s")),
    "refusal": answered(hub.Refusal(text="no")),
    "tool_call": answered(hub.ToolCall(id="c", name="f", arguments="{}")),
    "tool_call.custom": answered(hub.ToolCall(id="c", name="f", arguments="x", is_custom=True)),
    "tool_call.signature": answered(hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.GENERATE)),
    "tool_result": result(),
    "tool_result.is_error": result(is_error=True),
    "tool_result.media": result(hub.Image(source=PNG)),
    "tool_result.value": result(hub.Value({"a": 1})),
    "native": answered(hub.Only(dialect=hub.MESSAGES, value={"type": "server_tool_use"})),
    "native.asked": asked(hub.Only(dialect=hub.MESSAGES, value={"type": "container_upload"})),
    "tools": asked(tools=(hub.Tool(name="f", description="d", parameters=hub.Raw(b"{}")),)),
    "tools.strict": asked(tools=(hub.Tool(name="f", strict=True),)),
    "tools.custom": asked(tools=(hub.CustomTool(name="f"),)),
    "tools.hosted": asked(tools=(hub.HostedTool(kind="web_search", dialect=OTHER, value={}),)),
    "tools.group": asked(tools=(hub.ToolGroup(name="g", tools=(hub.Tool(name="f"), hub.CustomTool(name="c"))),)),
    "tool_choice": asked(tool_choice=hub.ToolChoice(mode="required")),
    "tool_choice.name": asked(tool_choice=hub.ToolChoice(mode="required", name="f")),
    "tool_choice.allowed": asked(tool_choice=hub.ToolChoice(mode="auto", allowed=("f", "g"))),
    "tool_choice.hosted": asked(tool_choice=hub.ToolChoice(mode="required", hosted="web_search")),
    "parallel": asked(parallel=False),
    "output.json": asked(output=hub.Output(form="json")),
    "output.schema": asked(output=hub.Output(form="schema", schema=hub.Raw(b"{}"))),
    "sampling.temperature": sampled(temperature=0.5),
    "sampling.top_p": sampled(top_p=0.5),
    "sampling.top_k": sampled(top_k=40),
    "sampling.logit_bias": sampled(logit_bias={"5": 1}),
    "sampling.seed": sampled(seed=0),
    "sampling.presence_penalty": sampled(presence_penalty=0.5),
    "sampling.frequency_penalty": sampled(frequency_penalty=0.5),
    "sampling.choices": sampled(choices=2),
    "sampling.logprobs": sampled(logprobs=True),
    "sampling.top_logprobs": sampled(top_logprobs=2),
    "max_output": asked(max_output=5),
    "stop": asked(stop=("x",)),
    "reasoning.effort": asked(reasoning=hub.Reasoning(effort="low")),
    "reasoning.budget": asked(reasoning=hub.Reasoning(budget=2000)),
    "reasoning.mode": asked(reasoning=hub.Reasoning(mode="off")),
    "reasoning.shown": asked(reasoning=hub.Reasoning(effort="low", shown="auto")),
    "verbosity": asked(verbosity="low"),
    "modalities": asked(modalities=("text", "audio")),
    "speech": asked(speech=hub.Speech(voice="alloy", format="wav")),
    "cache": asked(cache=hub.CacheMark(ttl="1h", extra={OTHER: {"cache_control": {}}})),
    "cache_key": asked(cache_key="k"),
    "cache_retention": asked(cache_retention="24h"),
    "user": asked(user="u"),
    "metadata": asked(metadata={"a": "b"}),
    "service_tier": asked(service_tier="flex"),
    "store": asked(store=False),
    "streamed": asked(streamed=True),
    "extra": asked(extra=FOREIGN),
    "required": asked(extra=FOREIGN, required=("novel",), origin=OTHER),
}
