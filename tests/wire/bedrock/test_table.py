"""The table of Converse tells the truth: each row is tried with the samples of the hub."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.wire import hub
from headworks.wire.bedrock.translation.question_writer import body_of
from headworks.wire.bedrock.translation.table import TABLE
from headworks.wire.hub.fields import FIELDS
from tests.wire.hub.samples import BASES, OTHER, PLAIN, SAMPLES

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"

BY_ADDRESS = {"image", "image.bucket", "audio.url", "video", "document.url", "document.parts"}
"""Rows whose samples have a web address, or a picture in a document: refused, as their notes say."""

ELSEWHERE = {"streamed", "tool_choice.name", "tool_choice", "tool_choice.allowed", "thinking", "reasoning.mode"}
"""In the path; of tools that the sample has none of; of its own dialect only; `off`, which is told by saying nothing."""


def sent(question: hub.Question) -> Any:
    return json.loads(body_of(question, MODEL, {}))


def with_fate(*fates: hub.Fate) -> list[str]:
    return [field for field, row in TABLE.rows.items() if row.fate in fates]


def test_every_field_has_a_row_in_the_order_of_the_hub_and_says_why() -> None:
    assert list(TABLE.rows) == list(FIELDS)
    assert [field for field, row in TABLE.rows.items() if row.fate != "carried" and not row.note] == []


@pytest.mark.parametrize(
    "field", [one for one in with_fate("carried", "emulated") if one not in BY_ADDRESS | ELSEWHERE]
)
def test_what_is_carried_or_emulated_changes_the_body(field: str) -> None:
    assert sent(SAMPLES[field]) != sent(BASES.get(field, PLAIN)) or field == "text"


@pytest.mark.parametrize("field", with_fate("left_out"))
def test_what_is_left_out_is_named_and_not_in_the_body(field: str) -> None:
    named = field if field != "extra" else f"extra.{OTHER}.novel"
    assert named in hub.carried(SAMPLES[field], TABLE).left_out
    assert "novel" not in str(sent(SAMPLES[field]))
    if field not in ("turns.name", "tools.hosted"):
        assert sent(SAMPLES[field]) == sent(BASES.get(field, PLAIN))


@pytest.mark.parametrize("field", with_fate("refused"))
def test_what_is_refused_raises_before_anything_is_sent(field: str) -> None:
    with pytest.raises(hub.Unsupported) as caught:
        sent(SAMPLES[field])
    assert caught.value.field == field


@pytest.mark.parametrize("field", sorted(BY_ADDRESS))
def test_a_web_address_is_refused_where_only_base64_is_taken(field: str) -> None:
    with pytest.raises(hub.Unsupported):
        sent(SAMPLES[field])
