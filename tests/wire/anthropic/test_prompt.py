"""Prompts and schemas in a body of Messages."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.dialect import Schema
from headworks.core.errors import CallError, Malformed, Rejected, VendorSaid
from headworks.wire.anthropic.caller import MESSAGES

TURNS = MESSAGES.turns
RULES = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "Name a colour."}


def prompted(body: bytes, *messages: dict[str, str], schema: Schema | None = None, **parameters: Any) -> dict[str, Any]:
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in parameters.items()}
    made: dict[str, Any] = json.loads(TURNS.prompted(body, messages, raw, schema))
    return made


def test_a_prompts_messages_stand_before_the_callers_and_its_rules_before_his() -> None:
    body = b'{"model":"prompt/p","prompt":{"variables":{"a":1}},"system":"Mine.","messages":[{"role":"user","content":"x"}]}'
    assert TURNS.variables(body) == {"a": 1}
    made = prompted(body, RULES, ASK)
    assert made["messages"] == [ASK, {"role": "user", "content": "x"}]
    assert made["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Mine."}]
    assert "prompt" not in made
    assert made["max_tokens"] == 4096
    blocks = b'{"model":"p","system":[{"type":"text","text":"Mine."}]}'
    assert len(prompted(blocks, RULES, ASK)["system"]) == 2
    assert prompted(b'{"model":"p"}', RULES, ASK)["system"] == "Be brief."
    assert prompted(b'{"model":"p","messages":null}', RULES)["messages"] == [{"role": "user", "content": "Be brief."}]
    with pytest.raises(Malformed):
        prompted(b'{"model":"p","messages":5}', ASK)


def test_a_prompts_parameters_go_by_the_names_of_this_api() -> None:
    made = prompted(
        b'{"model":"p","temperature":1}', ASK, temperature=0, max_completion_tokens=50, stop="x", seed=5, top_p=0.5
    )
    assert (made["temperature"], made["max_tokens"], made["stop_sequences"], made["top_p"]) == (1, 50, ["x"], 0.5)
    assert "seed" not in made
    assert prompted(b'{"model":"p"}', ASK, stop=["x", "y"])["stop_sequences"] == ["x", "y"]


def test_a_schema_is_asked_for_in_this_apis_way_and_in_words_where_it_is_refused() -> None:
    schema = Schema("answer", b'{"type":"object"}')
    body = b'{"model":"p","output_config":{"effort":"low"},"output_format":{"type":"json_schema","schema":{}}}'
    made = prompted(body, ASK, schema=schema)
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert made["output_config"] == {"effort": "low", "format": form}
    assert "output_format" not in made
    for said, system in (({}, None), ({"system": "Mine."}, "Mine."), ({"output_config": 5}, None)):
        worded = json.loads(TURNS.in_words(json.dumps({**made, **said}).encode(), schema.text))
        assert "format" not in worded.get("output_config", {})
        shown = worded["system"] if system is None else worded["system"][1]["text"]
        assert shown.endswith('{"type":"object"}')
    again = json.loads(TURNS.mended(json.dumps(made).encode(), "", "no object"))
    assert [one["role"] for one in again["messages"]] == ["user", "assistant", "user"]
    assert "no object" in again["messages"][2]["content"]


@pytest.mark.parametrize(
    ("status", "message", "is_about"),
    [
        (400, "output_config.format: Extra inputs are not permitted", True),
        (400, "This model does not support structured outputs", True),
        (400, "messages: too many", False),
        (500, "output_config", False),
    ],
)
def test_a_vendor_that_takes_no_schema_says_so(status: int, message: str, is_about: bool) -> None:
    assert TURNS.says_no_format(Rejected(message, said=VendorSaid(status=status, message=message))) == is_about
    assert not TURNS.says_no_format(CallError(message))
