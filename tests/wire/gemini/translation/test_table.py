"""The table of Gemini's generateContent tells the truth: each row is tried."""

from __future__ import annotations

import json

import pytest

from headworks.wire import hub
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.gemini.translation.table import TABLE
from headworks.wire.hub.fields import FIELDS, fields_of
from tests.wire.hub.samples import BASES, OTHER, PLAIN, SAMPLES, answered, asked

OWN = {
    "tool_result.value": hub.Question(
        model="m",
        turns=(hub.Turn(role="tool", parts=(hub.ToolResult(call_id="c", parts=(hub.Value({"a": 1}),)),)),),
        origin=OTHER,
    ),
    "reasoning.shown": asked(reasoning=hub.Reasoning(shown="auto")),
    "tools.group": asked(tools=(hub.ToolGroup(name="g", tools=(hub.Tool(name="f"),)),)),
    "thinking": answered(hub.Thinking(origin=hub.GENERATE, text="hm")),
    "audio.stored": asked(hub.Audio(source=hub.Stored("f", hub.MESSAGES))),
    "video.stored": asked(hub.Video(source=hub.Stored("f", hub.MESSAGES))),
    "text.signature": answered(hub.Text(text="", signature="s", origin=hub.MESSAGES)),
    "tool_call.signature": answered(hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.MESSAGES)),
}
"""Where the sample has more than the one field here, or what is this vendor's own."""

QUESTIONS = {**SAMPLES, **OWN}
IN_THE_PATH = "streamed"


def with_fate(fate: hub.Fate) -> list[str]:
    return [field for field, row in TABLE.rows.items() if row.fate == fate]


def test_every_field_has_a_row_and_the_order_is_the_hubs() -> None:
    assert list(TABLE.rows) == list(FIELDS)


def test_a_row_that_is_not_carried_says_why_or_how() -> None:
    assert [field for field, row in TABLE.rows.items() if row.fate != "carried" and not row.note] == []
    assert [field for field, row in TABLE.rows.items() if row.fate == "carried" and not row.name] == [IN_THE_PATH]


@pytest.mark.parametrize("field", [field for field in with_fate("carried") if field != IN_THE_PATH])
def test_what_is_carried_stands_in_the_body_and_is_read_there(field: str) -> None:
    assert field in fields_of(question_of(body_of(QUESTIONS[field], "m")), hub.GENERATE)
    assert hub.carried(QUESTIONS[field], TABLE) == hub.Carried()


@pytest.mark.parametrize("field", with_fate("emulated"))
def test_what_is_emulated_changes_the_body(field: str) -> None:
    assert hub.carried(QUESTIONS[field], TABLE).emulated == (field,)
    assert body_of(QUESTIONS[field], "m") != body_of(BASES.get(field, PLAIN), "m")


@pytest.mark.parametrize("field", with_fate("left_out"))
def test_what_is_left_out_is_named_and_not_in_the_body(field: str) -> None:
    named = field if field != "extra" else f"extra.{OTHER}.novel"
    assert named in hub.carried(QUESTIONS[field], TABLE).left_out
    sent, base = (json.loads(body_of(one, "m")) for one in (QUESTIONS[field], BASES.get(field, PLAIN)))
    if field == "turns.name":  # a turn without parts is none
        assert sent["contents"] == [{"role": "user", "parts": [{"text": " "}]}]
    else:
        assert sent == base


@pytest.mark.parametrize("field", with_fate("refused"))
def test_what_is_refused_raises_before_anything_is_sent(field: str) -> None:
    with pytest.raises(hub.Unsupported) as caught:
        body_of(QUESTIONS[field], "m")
    assert caught.value.field == field


def test_a_bucket_of_another_cloud_is_refused() -> None:
    with pytest.raises(hub.Unsupported, match="gs://"):
        body_of(asked(hub.Image(source=hub.Located("s3://b/a.png"))), "m")


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ({"cachedContent": "cachedContents/a"}, "cachedContent"),
        ({"tools": {"a": 1}}, "tools"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
    ],
)
def test_what_only_this_api_can_say_and_the_answer_depends_on_is_refused_elsewhere(
    member: dict[str, object], name: str
) -> None:
    question = question_of(json.dumps({"contents": [], **member, "novel": 1}).encode())
    assert question.required == (name,)
    elsewhere = hub.Table(dialect=OTHER, title="another API", rows=TABLE.rows)
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(question, elsewhere)
    assert caught.value.said_in(TABLE).param == name
