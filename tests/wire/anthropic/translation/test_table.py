"""The table of Anthropic's Messages tells the truth: each row is tried."""

from __future__ import annotations

import json

import pytest

from headworks.wire import hub
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.question_writer import body_of
from headworks.wire.anthropic.translation.table import TABLE
from headworks.wire.hub.fields import FIELDS, fields_of
from tests.wire.hub.samples import BASES, OTHER, PLAIN, SAMPLES, answered, asked

MODEL = "claude-opus-5-5"
OWN = {
    "thinking": answered(hub.Thinking(origin=hub.MESSAGES, text="hm", signature="s")),
    "reasoning.budget": asked(reasoning=hub.Reasoning(mode="on", budget=2000), max_output=5000),
    "reasoning.mode": asked(reasoning=hub.Reasoning(mode="off")),
    "reasoning.shown": asked(reasoning=hub.Reasoning(mode="adaptive", shown="auto")),
    "sampling.temperature": asked(sampling=hub.Sampling(temperature=0.5)),
    "sampling.top_p": asked(sampling=hub.Sampling(top_p=0.5)),
    "sampling.top_k": asked(sampling=hub.Sampling(top_k=40)),
    "parallel": asked(tools=(hub.Tool(name="f"),), parallel=False),
    "tool_choice": asked(tools=(hub.Tool(name="f"),), tool_choice=hub.ToolChoice(mode="required")),
    "tool_choice.name": asked(tools=(hub.Tool(name="f"),), tool_choice=hub.ToolChoice(mode="required", name="f")),
    "tool_choice.allowed": asked(
        tools=(hub.Tool(name="f"), hub.Tool(name="g"), hub.Tool(name="h")),
        tool_choice=hub.ToolChoice(allowed=("f", "g")),
    ),
    "thinking.foreign": answered(hub.Thinking(origin=hub.GENERATE, text="hm", signature="s")),
    "native": answered(hub.Only(dialect=hub.CHAT, value={"type": "novel"})),
    "native.asked": asked(hub.Only(dialect=hub.CHAT, value={"type": "novel"})),
    "image.stored": asked(hub.Image(source=hub.Stored("f", hub.CHAT))),
    "document.stored": asked(hub.Document(source=hub.Stored("f", hub.CHAT), name="n")),
}
"""Samples whose field says something in this API only beside another, or of another model, or that are of this API there."""

MODELS = {"reasoning.budget": "claude-haiku-4-5"} | {
    f"sampling.{name}": "claude-opus-4-6" for name in ("temperature", "top_p", "top_k")
}
SAID = SAMPLES | OWN


def written(question: hub.Question, field: str = "") -> bytes:
    return body_of(question, MODELS.get(field, MODEL))


def with_fate(fate: hub.Fate) -> list[str]:
    return [field for field, row in TABLE.rows.items() if row.fate == fate]


def test_every_field_has_a_row_and_the_order_is_the_hubs() -> None:
    assert list(TABLE.rows) == list(FIELDS)


def test_a_row_that_is_not_carried_says_why_or_how() -> None:
    assert [field for field, row in TABLE.rows.items() if row.fate != "carried" and not row.note] == []
    assert [field for field, row in TABLE.rows.items() if row.fate == "carried" and not row.name] == []


@pytest.mark.parametrize("field", with_fate("carried"))
def test_what_is_carried_stands_in_the_body_and_is_read_there(field: str) -> None:
    there = OTHER if field == "cache" else hub.MESSAGES  # a mark of this API's own needs no carrying there
    assert field in fields_of(question_of(written(SAID[field], field)), there)
    assert hub.carried(SAID[field], TABLE) == hub.Carried()


@pytest.mark.parametrize("field", with_fate("emulated"))
def test_what_is_emulated_changes_the_body(field: str) -> None:
    assert field in hub.carried(SAID[field], TABLE).emulated
    base = BASES.get(field, PLAIN)
    if field == "tool_choice.allowed":
        base = asked(tools=OWN[field].tools)
    assert written(SAID[field]) != written(base)


@pytest.mark.parametrize("field", with_fate("left_out"))
def test_what_is_left_out_is_named_and_not_in_the_body(field: str) -> None:
    named = field if field != "extra" else f"extra.{OTHER}.novel"
    assert hub.carried(SAID[field], TABLE).left_out == (named,)
    sent, base = (json.loads(written(one)) for one in (SAID[field], BASES.get(field, PLAIN)))
    if field == "turns.name":
        assert sent["messages"] == [{"role": "user", "content": "(nothing)"}]
    elif field.startswith("text."):
        assert "".join([block["text"] for block in sent["messages"][1]["content"]]) == "hi"
    else:
        assert sent == base


@pytest.mark.parametrize("field", with_fate("refused"))
def test_what_is_refused_raises_before_anything_is_sent(field: str) -> None:
    with pytest.raises(hub.Unsupported) as caught:
        written(SAID[field])
    assert caught.value.field == field


@pytest.mark.parametrize(
    "member",
    [
        {"tools": "all of them"},
        {"tool_choice": {"type": "novel"}},
        {"output_format": {"type": "grammar"}},
        {"thread": {"type": "continue", "previous_message_id": "m"}},
    ],
)
def test_what_decides_the_answer_and_only_this_api_can_say_is_refused_elsewhere(member: dict[str, object]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **member, "novel": 1}
    question = question_of(json.dumps(body).encode())
    assert question.required == tuple(member)
    elsewhere = hub.Table(dialect=OTHER, title="another API", rows=TABLE.rows)
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(question, elsewhere)
    assert caught.value.said_in(TABLE).param == next(iter(member))
    assert json.loads(written(question)).items() >= {**member, "novel": 1}.items()


def test_a_form_that_is_not_known_is_required_by_its_path() -> None:
    body = {"model": "m", "messages": [], "output_config": {"format": {"type": "grammar"}, "effort": "low"}}
    question = question_of(json.dumps(body).encode())
    assert question.required == ("output_config.format",)
    assert json.loads(written(question))["output_config"] == body["output_config"]
