"""The table of Responses tells the truth: each row is tried."""

from __future__ import annotations

import json

import pytest

from headworks.wire import hub
from headworks.wire.hub.fields import FIELDS, fields_of
from headworks.wire.openai.responses.content import content_of
from headworks.wire.openai.responses.items import items_of
from headworks.wire.openai.responses.question_reader import question_of
from headworks.wire.openai.responses.question_writer import body_of
from headworks.wire.openai.responses.table import TABLE
from tests.wire.hub.samples import BASES, OTHER, PLAIN, PNG, SAMPLES, answered, asked, result

_OWN = {"thinking": answered(hub.Thinking(origin=hub.RESPONSES, text="hm"))}
"""Samples that are another dialect's own thinking, as this one's."""


def sample(field: str) -> hub.Question:
    return _OWN.get(field, SAMPLES[field])


def with_fate(fate: hub.Fate) -> list[str]:
    return [field for field, row in TABLE.rows.items() if row.fate == fate]


def test_every_field_has_a_row_and_the_order_is_the_hubs() -> None:
    assert list(TABLE.rows) == list(FIELDS)


def test_a_row_that_is_not_carried_says_why_or_how() -> None:
    assert [field for field, row in TABLE.rows.items() if row.fate != "carried" and not row.note] == []
    assert [field for field, row in TABLE.rows.items() if row.fate == "carried" and not row.name] == []


@pytest.mark.parametrize("field", with_fate("carried"))
def test_what_is_carried_stands_in_the_body_and_is_read_there(field: str) -> None:
    assert hub.carried(sample(field), TABLE) == hub.Carried()
    read = question_of(body_of(sample(field), "m"))
    elsewhere = fields_of(read, hub.RESPONSES) + fields_of(read, OTHER)
    assert field in elsewhere or field == "thinking"
    assert body_of(sample(field), "m") != body_of(BASES.get(field, PLAIN), "m") or field == "text.citations"


@pytest.mark.parametrize("field", with_fate("emulated"))
def test_what_is_emulated_changes_the_body(field: str) -> None:
    assert hub.carried(SAMPLES[field], TABLE).emulated == (field,)
    assert body_of(SAMPLES[field], "m") != body_of(BASES.get(field, PLAIN), "m")


@pytest.mark.parametrize("field", with_fate("left_out"))
def test_what_is_left_out_is_named_and_not_in_the_body(field: str) -> None:
    named = field if field != "extra" else f"extra.{OTHER}.novel"
    assert hub.carried(SAMPLES[field], TABLE).left_out == (named,)
    sent, base = (json.loads(body_of(one, "m")) for one in (SAMPLES[field], BASES.get(field, PLAIN)))
    if field == "text.signature":  # the text itself is sent
        base["input"][1]["content"].append({"type": "output_text", "text": "", "annotations": []})
    if field == "turns.name":
        base["input"] = ""
        sent["input"] = "".join(sent["input"][0]["content"]) if isinstance(sent["input"], list) else sent["input"]
    assert sent == base


@pytest.mark.parametrize("field", with_fate("refused"))
def test_what_is_refused_raises_before_anything_is_sent(field: str) -> None:
    with pytest.raises(hub.Unsupported) as caught:
        body_of(SAMPLES[field], "m")
    assert caught.value.field == field


def test_documents_become_their_text() -> None:
    plain = hub.Document(source=hub.Plain("body"), name="a.txt", context="old")
    composed = hub.Document(source=hub.Composed((hub.Text(text="p"), hub.Image(source=PNG))), name="n", context="c")
    found = hub.Found(url="u", title="t", parts=(hub.Text(text="f"),))
    [item] = json.loads(body_of(asked(plain, composed, found), "m"))["input"]
    assert [part.get("text") for part in item["content"]] == ["hi", "a.txt\nold\nbody", "n", "c", "p", None, "t\nu\nf"]


def test_a_failed_tools_words_begin_with_error() -> None:
    assert json.loads(body_of(result(is_error=True), "m"))["input"][0]["output"] == "Error: done"
    picture = json.loads(body_of(result(hub.Image(source=PNG), is_error=True), "m"))["input"][0]["output"]
    assert picture[0] == {"type": "input_text", "text": "Error: "}


def test_results_beside_a_users_words_come_first() -> None:
    answer = hub.ToolResult(call_id="c", parts=(hub.Text(text="ok"),))
    turn = hub.Turn(role="user", parts=(answer, hub.Text(text="go on")))
    assert [item.get("type", item.get("role")) for item in items_of(turn)] == ["function_call_output", "user"]
    assert [item["type"] for item in items_of(hub.Turn(role="user", parts=(answer,)))] == ["function_call_output"]


def test_instructions_of_another_dialect_that_are_no_text_stay_messages() -> None:
    said = hub.Turn(role="system", parts=(hub.Image(source=PNG),))
    body = json.loads(body_of(asked(system=(said,)), "m"))
    assert "instructions" not in body
    assert body["input"][0]["role"] == "system"


def test_what_has_no_form_here_is_not_written_even_if_nobody_asked_the_table() -> None:
    odd = [hub.Audio(source=hub.Located("https://x.example/a.wav")), hub.Refusal(text="no"), hub.Text(text="a")]
    assert [part["text"] for part in content_of(odd)] == ["no", "a"]  # type: ignore[index]
    foreign = hub.Turn(role="assistant", parts=(hub.Thinking(origin=hub.MESSAGES), hub.Image(source=PNG)))
    assert list(items_of(foreign)) == []


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        (hub.Reasoning(shown="none"), None),
        (hub.Reasoning(shown="full", budget=1000), {"effort": "low", "summary": "detailed"}),
        (hub.Reasoning(mode="off"), {"effort": "none"}),
    ],
)
def test_how_much_to_think_is_said_in_words(reasoning: hub.Reasoning, said: object) -> None:
    assert json.loads(body_of(asked(reasoning=reasoning), "m")).get("reasoning") == said
