"""Every field of a question has a name, and a question tells which it uses."""

from __future__ import annotations

import pytest

from headworks.wire import hub
from headworks.wire.hub.fields import FIELDS, MOST_EXTRA, fields_of
from tests.wire.hub.samples import OTHER, PLAIN, PNG, SAMPLES, answered, asked, result


def test_every_field_has_a_sample() -> None:
    assert SAMPLES.keys() == FIELDS.keys()


@pytest.mark.parametrize("field", SAMPLES)
def test_a_question_that_uses_a_field_says_so(field: str) -> None:
    used = fields_of(SAMPLES[field], hub.CHAT)
    assert (field if field != "extra" else f"extra.{OTHER}.novel") in used
    assert field == "text" or field not in fields_of(PLAIN, hub.CHAT)


def test_every_member_of_a_question_is_a_field() -> None:
    told = {name.partition(".")[0] for name in FIELDS}
    rest = {"model", "turns", "origin", "spelled", "extra"}
    assert {name for name in hub.Question.__struct_fields__ if name not in told} <= rest
    assert {f"sampling.{name}" for name in hub.Sampling.__struct_fields__} <= FIELDS.keys()
    assert {f"reasoning.{name}" for name in hub.Reasoning.__struct_fields__} - {"reasoning.extra"} <= FIELDS.keys()


def test_every_kind_of_part_is_a_field() -> None:
    words = {"Found": "search_result", "Only": "native", "Value": "tool_result.value", "ToolCall": "tool_call"}
    kinds = {part.__name__ for part in hub.Part.__args__}
    assert {words.get(kind, "tool_result" if kind == "ToolResult" else kind.lower()) for kind in kinds} <= FIELDS.keys()


def own(name: str = "x") -> dict[str, dict[str, int]]:
    return {OTHER: {name: 1}}


@pytest.mark.parametrize(
    "question",
    [
        answered(hub.Text(text="a", signature="s", origin=OTHER)),
        answered(hub.Text(text="a", signature="s", extra=own())),
        answered(hub.ToolCall(id="c", name="f", arguments="", signature="s", origin=OTHER)),
        answered(hub.ToolCall(id="c", name="f", arguments="", signature="s", origin=hub.GENERATE, extra=own())),
        answered(hub.Thinking(origin=OTHER)),
        answered(hub.Thinking(origin=hub.MESSAGES, signature="s", extra=own())),
        answered(hub.Only(dialect=OTHER, value={})),
        asked(hub.Image(source=hub.Stored("f", OTHER))),
        asked(hub.Video(source=hub.Located("u"), extra={OTHER: {}})),
        asked(hub.Text(text="a", cache=hub.CacheMark(extra=own()))),
        asked(cache=hub.CacheMark(extra=own())),
        asked(extra=own()),
        asked(tools=(hub.HostedTool(kind="k", dialect=OTHER),)),
        asked(tool_choice=hub.ToolChoice(hosted="k", extra=own())),
        asked(sampling=hub.Sampling(top_k=1), spelled=("top_k",)),
        result(hub.Image(source=PNG), extra=own()),
        asked(output=hub.Output(form="text", extra=own()), speech=hub.Speech(extra=own())),
        asked(reasoning=hub.Reasoning(extra=own())),
    ],
)
def test_what_a_dialect_said_in_its_own_words_needs_no_carrying_back(question: hub.Question) -> None:
    usual = {"text", "image", "thinking", "tool_call", "tool_result", "speech"}
    assert set(fields_of(question, OTHER)) <= usual
    assert fields_of(question, hub.CHAT) != fields_of(question, OTHER)


def test_what_other_dialects_alone_say_is_told_by_name_and_not_without_end() -> None:
    used = fields_of(asked(extra={hub.MESSAGES: {f"m{at}": 1 for at in range(1000)}}), hub.CHAT)
    assert used == ["text", *[f"extra.anthropic.messages.m{at}" for at in range(MOST_EXTRA)]]
    assert max(map(len, fields_of(asked(extra={OTHER: {"x" * 10_000: 1}}), hub.CHAT))) <= 100


def test_of_parts_they_are_told_together() -> None:
    parts = [hub.Text(text="a", extra={hub.MESSAGES: {"x": at}}) for at in range(100)]
    assert fields_of(asked(*parts), hub.CHAT) == ["text", "extra.anthropic.messages.parts"]
    assert fields_of(asked(hub.Text(text="a", extra={hub.MESSAGES: {}})), hub.CHAT) == ["text"]


def test_neither_question_nor_answer_prints_what_was_said() -> None:
    assert "hi" not in repr(asked())
    assert "hi" not in repr(hub.Answer(choices=(hub.Choice(parts=(hub.Text(text="hi"),)),)))
