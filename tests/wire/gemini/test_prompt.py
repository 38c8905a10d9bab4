"""A prompt and a schema written into a body of Gemini's."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.dialect import Schema
from headworks.core.errors import Malformed, Rejected, VendorSaid
from headworks.wire.gemini.caller import GENERATE
from tests.wire.gemini.corpus import body, configured, model, user
from tests.wire.gemini.corpus import question as asking

TURNS = GENERATE.turns
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "In German."},
    {"role": "user", "content": "Sum up:"},
    {"role": "assistant", "content": "Yes?"},
]
SCHEMA = Schema("answer", b'{"type":"object"}')


def prompted(said: Any, schema: Schema | None = None, **parameters: Any) -> Any:
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in parameters.items()}
    return json.loads(TURNS.prompted(body(said), MESSAGES, raw, schema))


def test_a_prompts_messages_come_before_the_callers_own() -> None:
    said = prompted(
        {
            "prompt": {"variables": {"a": 1}},
            "contents": [user({"text": "x"})],
            "system_instruction": {"parts": [{"text": "mine"}]},
        }
    )
    assert said == {
        "contents": [user({"text": "Sum up:"}), model({"text": "Yes?"}), user({"text": "x"})],
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In German."}, {"text": "mine"}]},
    }
    assert prompted({"contents": None, "systemInstruction": "odd"})["contents"] == [
        user({"text": "Sum up:"}),
        model({"text": "Yes?"}),
    ]
    alone = json.loads(TURNS.prompted(b"{}", MESSAGES[2:], {}, None))
    assert "systemInstruction" not in alone


def test_parameters_are_geminis_where_the_caller_sets_none() -> None:
    said = prompted(configured(temperature=1), temperature=0, max_tokens=5, stop="x", top_p=0.5, logit_bias={})
    assert said["generationConfig"] == {"temperature": 1, "maxOutputTokens": 5, "stopSequences": ["x"], "topP": 0.5}
    assert prompted(asking(), stop=["a"])["generationConfig"] == {"stopSequences": ["a"]}


def test_a_prompts_schema_is_not_for_the_caller_to_replace() -> None:
    said = prompted({"generation_config": {"response_schema": {}, "seed": 1}}, SCHEMA)
    assert said["generationConfig"] == {
        "seed": 1,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


def test_contents_that_are_no_list_are_malformed() -> None:
    with pytest.raises(Malformed) as caught:
        prompted({"contents": "hi"})
    assert caught.value.param == "contents"


def test_variables_are_read_as_in_every_body() -> None:
    assert TURNS.variables(body({"prompt": {"variables": {"a": 1}}})) == {"a": 1}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            Rejected(
                "", said=VendorSaid(status=400, message='Invalid JSON payload: Unknown name "responseJsonSchema"')
            ),
            True,
        ),
        (Rejected("", said=VendorSaid(status=400, message="JSON mode is not enabled for this model")), True),
        (Rejected("", said=VendorSaid(status=400, message="response_schema.type: must be specified")), True),
        (Rejected("", said=VendorSaid(status=400, message="contents is not specified")), False),
        (Rejected("", said=VendorSaid(status=429, message="response_schema")), False),
        (Rejected(""), False),
    ],
)
def test_a_vendor_that_takes_no_schema_says_so(error: Rejected, says: bool) -> None:
    assert TURNS.says_no_format(error) == says


def test_a_schema_in_words_stands_behind_the_instructions() -> None:
    said = json.loads(
        TURNS.in_words(body(configured(responseSchema={}, responseMimeType="application/json", seed=1)), b'{"x":1}')
    )
    assert said["generationConfig"] == {"seed": 1}
    assert said["systemInstruction"]["parts"][0]["text"].endswith('Schema: {"x":1}')
    assert "generationConfig" not in json.loads(TURNS.in_words(body(asking()), b"{}"))


def test_an_answer_that_did_not_fit_is_asked_again() -> None:
    said = json.loads(TURNS.mended(body(asking()), "{", "it is no JSON"))
    assert said["contents"][1] == model({"text": "{"})
    assert "it is no JSON" in said["contents"][2]["parts"][0]["text"]
