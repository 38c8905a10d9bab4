"""The table of OpenAI's chat tells the truth: each row is tried."""

from __future__ import annotations

import json

import pytest

from headworks.wire import hub
from headworks.wire.hub.fields import FIELDS, fields_of
from headworks.wire.openai.translation.content import content_of
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.openai.translation.table import TABLE
from tests.wire.hub.samples import BASES, OTHER, PLAIN, PNG, SAMPLES, answered, asked, result


def with_fate(fate: hub.Fate) -> list[str]:
    return [field for field, row in TABLE.rows.items() if row.fate == fate]


def test_every_field_has_a_row_and_the_order_is_the_hubs() -> None:
    assert list(TABLE.rows) == list(FIELDS)


def test_a_row_that_is_not_carried_says_why_or_how() -> None:
    assert [field for field, row in TABLE.rows.items() if row.fate != "carried" and not row.note] == []
    assert [field for field, row in TABLE.rows.items() if row.fate == "carried" and not row.name] == []


@pytest.mark.parametrize("field", with_fate("carried"))
def test_what_is_carried_stands_in_the_body_and_is_read_there(field: str) -> None:
    assert field in fields_of(question_of(body_of(SAMPLES[field], "m")), hub.CHAT)
    assert hub.carried(SAMPLES[field], TABLE) == hub.Carried()


@pytest.mark.parametrize("field", with_fate("emulated"))
def test_what_is_emulated_changes_the_body(field: str) -> None:
    assert hub.carried(SAMPLES[field], TABLE).emulated == (field,)
    assert body_of(SAMPLES[field], "m") != body_of(BASES.get(field, PLAIN), "m")


@pytest.mark.parametrize("field", with_fate("left_out"))
def test_what_is_left_out_is_named_and_not_in_the_body(field: str) -> None:
    named = field if field != "extra" else f"extra.{OTHER}.novel"
    assert hub.carried(SAMPLES[field], TABLE).left_out == (named,)
    sent, base = (json.loads(body_of(one, "m")) for one in (SAMPLES[field], BASES.get(field, PLAIN)))
    if field.startswith("text."):  # the text itself is sent
        assert sent["messages"][1]["content"] == [{"type": "text", "text": "hi"}, {"type": "text", "text": ""}]
    else:
        assert sent == base


@pytest.mark.parametrize("field", with_fate("refused"))
def test_what_is_refused_raises_before_anything_is_sent(field: str) -> None:
    with pytest.raises(hub.Unsupported) as caught:
        body_of(SAMPLES[field], "m")
    assert caught.value.field == field


@pytest.mark.parametrize(
    "member",
    [
        {"guided_choice": ["yes", "no"]},
        {"structured_outputs": {"regex": "a+"}},
        {"response_format": {"type": "grammar", "grammar": "root ::= 'a'"}},
        {"tools": "all of them"},
    ],
)
def test_a_constraint_that_only_this_api_can_say_is_refused_elsewhere_and_kept_here(member: dict[str, object]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **member, "novel": 1}
    question = question_of(json.dumps(body).encode())
    assert question.required == tuple(member)
    elsewhere = hub.Table(dialect=OTHER, title="another API", rows=TABLE.rows)
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(question, elsewhere)
    assert caught.value.said_in(TABLE).param == next(iter(member))
    assert json.loads(body_of(question, "m")).items() >= {**member, "novel": 1}.items()


def messages(question: hub.Question) -> list[dict[str, object]]:
    said: list[dict[str, object]] = json.loads(body_of(question, "m"))["messages"]
    return said


def test_a_picture_in_a_tools_result_follows_all_results_of_the_turn() -> None:
    first = hub.ToolResult(call_id="a", parts=(hub.Text(text="1"), hub.Image(source=PNG)))
    second = hub.ToolResult(call_id="b", parts=(hub.Image(source=PNG),), is_error=True)
    turns = (
        hub.Turn(role="user", parts=(first, second, hub.Text(text="go on"))),
        hub.Turn(role="assistant", parts=(hub.Text(text="well"),)),
    )
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}}
    assert messages(hub.Question(model="m", turns=turns)) == [
        {"role": "tool", "content": "1", "tool_call_id": "a"},
        {"role": "tool", "content": "Error: ", "tool_call_id": "b"},
        {"role": "user", "content": [picture, picture, {"type": "text", "text": "go on"}]},
        {"role": "assistant", "content": "well"},
    ]
    assert messages(hub.Question(model="m", turns=turns[:1]))[2]["content"] == [
        picture,
        picture,
        {"type": "text", "text": "go on"},
    ]


def test_a_failed_tools_words_begin_with_error() -> None:
    assert messages(result(is_error=True))[0]["content"] == "Error: done"


def test_documents_become_their_text() -> None:
    plain = hub.Document(source=hub.Plain("body"), name="a.txt", context="old")
    composed = hub.Document(source=hub.Composed((hub.Text(text="p"),)))
    found = hub.Found(url="u", title="t", parts=(hub.Text(text="f"),))
    assert messages(asked(plain, composed, found))[0]["content"] == [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "a.txt\nold\nbody"},
        {"type": "text", "text": "p"},
        {"type": "text", "text": "t\nu\nf"},
    ]


def test_what_has_no_form_here_is_not_written_even_if_nobody_asked_the_table() -> None:
    assert content_of([hub.Audio(source=hub.Located("https://x.example/a.wav")), hub.Text(text="a")]) == [
        {"type": "text", "text": "a"}
    ]


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (hub.Reasoning(budget=0), "none"),
        (hub.Reasoning(budget=1024), "low"),
        (hub.Reasoning(budget=8192), "medium"),
        (hub.Reasoning(budget=64_000), "high"),
        (hub.Reasoning(budget=-1), None),
        (hub.Reasoning(mode="off", budget=5), "none"),
        (hub.Reasoning(mode="adaptive"), None),
        (hub.Reasoning(mode="on", effort="max"), "max"),
    ],
)
def test_how_much_to_think_is_said_in_words(reasoning: hub.Reasoning, effort: str | None) -> None:
    assert json.loads(body_of(asked(reasoning=reasoning), "m")).get("reasoning_effort") == effort


def test_tools_of_a_group_keep_its_name() -> None:
    tools = json.loads(body_of(SAMPLES["tools.group"], "m"))["tools"]
    assert [one[one["type"]]["name"] for one in tools] == ["g__f", "g__c"]


def test_what_another_dialect_spells_otherwise_has_the_usual_names() -> None:
    other = asked(
        max_output=5, user="u", spelled=("max_tokens", "safety_identifier", "functions"), tools=(hub.Tool(name="f"),)
    )
    said = json.loads(body_of(other, "m"))
    assert {"max_completion_tokens", "user", "tools"} <= said.keys()


def test_a_signature_of_this_dialects_own_comes_back() -> None:
    call = hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.GENERATE)
    kept = hub.ToolCall(id="c", name="f", arguments="{}", extra={hub.CHAT: {"extra_content": {"google": 1}}})
    assert "extra_content" not in json.dumps(messages(answered(call)))
    assert "extra_content" in json.dumps(messages(answered(kept)))
