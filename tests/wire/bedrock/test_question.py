"""Questions as bodies of Converse: valid by the service's own model in botocore, and each field as the table says."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.bedrock.translation.content import MOST_ID, MOST_NAME, id_of
from headworks.wire.bedrock.translation.table import TABLE
from headworks.wire.bedrock.vendor import BedrockConverse
from headworks.wire.hub.fields import FIELDS
from headworks.wire.hub.values import CONVERSE, Raw

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NEWER = "global.anthropic.claude-opus-4-8-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"


@cache
def shape() -> Any:
    return botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def written(question: hub.Question, model: str = CLAUDE, **guardrail: str) -> dict[str, Any]:
    """The body, which the service's own model takes."""
    body: dict[str, Any] = json.loads(BedrockConverse(guardrail).body_of(question, model))
    report = ParamValidator().validate({"modelId": model, **body}, shape())
    assert not report.has_errors(), report.generate_report()
    return body


def asked(*parts: hub.Part, **more: Any) -> hub.Question:
    turns = (hub.Turn(role="user", parts=parts or (hub.Text(text="hi"),)),)
    return hub.Question(model="a", turns=turns, origin=hub.CHAT, **more)


def content(*parts: hub.Part, model: str = CLAUDE) -> Any:
    [message] = written(asked(*parts), model)["messages"]
    return message["content"]


def test_every_field_has_its_row() -> None:
    assert set(TABLE.rows) == set(FIELDS)


def test_turns_alternate_and_results_stand_in_the_users() -> None:
    call = hub.ToolCall(id="call_1", name="weather", arguments='{"city": "Paris"}')
    turns = (
        hub.Turn(role="user", parts=(hub.Text(text="hi"),)),
        hub.Turn(role="system", parts=(hub.Text(text="be brief"),)),
        hub.Turn(role="assistant", parts=(hub.Text(text="Let me look."), call)),
        hub.Turn(role="tool", parts=(hub.ToolResult(call_id="call_1", parts=(hub.Text(text="18 C"),)),)),
        hub.Turn(role="user", parts=(hub.Text(text="and now?"), hub.Text(text=" "))),
        hub.Turn(role="assistant", parts=(hub.Text(text=""),)),
    )
    system = (hub.Turn(role="system", parts=(hub.Text(text="You are kind."),)),)
    body = written(
        hub.Question(model="a", turns=turns, system=system, tools=(hub.Tool(name="weather"),), origin=hub.CHAT)
    )
    assert body["system"] == [{"text": "You are kind."}]
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"text": "be brief"}]
    assert body["messages"][1]["content"][1] == {
        "toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Paris"}}
    }
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "18 C"}]}},
        {"text": "and now?"},
    ]


def test_results_of_tools_stand_before_what_else_the_user_says() -> None:
    mark = hub.CacheMark()
    turns = (
        hub.Turn(role="system", parts=(hub.Text(text="be brief", cache=mark),)),
        hub.Turn(role="tool", parts=(hub.ToolResult(call_id="c", parts=(hub.Text(text="x"),), cache=mark),)),
        hub.Turn(role="user", parts=(hub.Text(text="go on"),)),
    )
    [message] = written(hub.Question(model="a", turns=turns, tools=(hub.Tool(name="f"),)))["messages"]
    assert [next(iter(one)) for one in message["content"]] == ["toolResult", "cachePoint", "text", "cachePoint", "text"]


@pytest.mark.parametrize(
    ("arguments", "is_custom", "said"),
    [
        ("", False, {}),
        ('{"a": 1}', False, {"a": 1}),
        ("[1]", False, {"input": [1]}),
        ("no json", False, {"input": "no json"}),
        ("free text", True, {"input": "free text"}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, is_custom: bool, said: Any) -> None:
    call = hub.ToolCall(id="", name="f", arguments=arguments, is_custom=is_custom)
    question = hub.Question(model="a", turns=(hub.Turn(role="assistant", parts=(call,)),), tools=(hub.Tool(name="f"),))
    assert written(question)["messages"][0]["content"] == [{"toolUse": {"toolUseId": "f", "name": "f", "input": said}}]


@given(st.text(max_size=200))
def test_an_id_is_in_the_alphabet_of_ids_and_the_same_each_time(id: str) -> None:
    made = id_of(id)
    assert made == id_of(id)
    assert 0 < len(made) <= MOST_ID
    assert all(letter.isascii() and (letter.isalnum() or letter in "_.:-") for letter in made)


def test_a_result_has_what_the_tool_gave() -> None:
    result = hub.ToolResult(
        call_id="c",
        is_error=True,
        parts=(
            hub.Value({"temperature": 18}),
            hub.Image(source=hub.Inline("aGk=", "image/png"), cache=hub.CacheMark()),
            hub.Found(url="https://a.example", title="A", parts=(hub.Text(text="a"),), cites=True),
        ),
    )
    [block] = content(result)
    said = block["toolResult"]
    assert (said["toolUseId"], said["status"]) == ("c", "error")
    assert [next(iter(one)) for one in said["content"]] == ["json", "image", "searchResult"]
    [empty] = content(hub.ToolResult(call_id="c", parts=()))
    assert empty["toolResult"]["content"] == [{"text": "(no output)"}]


PDF = hub.Inline("aGk=", "application/pdf")


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (hub.Image(source=hub.Inline("aGk=", "image/jpg")), {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}}),
        (
            hub.Image(source=hub.Located("s3://bucket/a.png")),
            {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}},
        ),
        (hub.Audio(source=hub.Inline("aGk=", "audio/mpeg")), {"audio": {"format": "mp3", "source": {"bytes": "aGk="}}}),
        (hub.Audio(source=hub.Inline("aGk=", "audio/wav")), {"audio": {"format": "wav", "source": {"bytes": "aGk="}}}),
        (
            hub.Video(source=hub.Located("s3://bucket/a.mp4")),
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/a.mp4"}}}},
        ),
        (
            hub.Document(source=PDF, name="Terms & conditions_v2.pdf", context="ours", cites=True),
            {
                "document": {
                    "name": "Terms - conditions-v2-pdf",
                    "format": "pdf",
                    "source": {"bytes": "aGk="},
                    "context": "ours",
                    "citations": {"enabled": True},
                }
            },
        ),
        (
            hub.Document(source=hub.Inline("aGk="), name="a.csv"),
            {"document": {"name": "a-csv", "format": "csv", "source": {"bytes": "aGk="}}},
        ),
        (
            hub.Document(source=hub.Located("s3://bucket/a.pdf")),
            {"document": {"name": "document", "format": "pdf", "source": {"s3Location": {"uri": "s3://bucket/a.pdf"}}}},
        ),
        (
            hub.Document(source=hub.Plain("text")),
            {"document": {"name": "document", "format": "txt", "source": {"text": "text"}}},
        ),
        (
            hub.Document(source=hub.Composed((hub.Text(text="a"), hub.Text(text="b")))),
            {"document": {"name": "document", "format": "txt", "source": {"content": [{"text": "a"}, {"text": "b"}]}}},
        ),
        (
            hub.Found(url="u", title="t", parts=(hub.Text(text="x"),)),
            {"searchResult": {"source": "u", "title": "t", "content": [{"text": "x"}]}},
        ),
        (hub.Refusal(text="no"), {"text": "no"}),
        (hub.Value({"a": 1}), {"text": '{"a":1}'}),
        (
            hub.Only(dialect=CONVERSE, value={"guardContent": {"text": {"text": "x"}}}),
            {"guardContent": {"text": {"text": "x"}}},
        ),
    ],
)
def test_a_part_is_a_block(part: hub.Part, block: Any) -> None:
    assert content(part) == [block]


def test_documents_of_one_name_get_names_of_their_own() -> None:
    blocks = content(*[hub.Document(source=PDF, name="a" * 300) for _ in range(3)])
    names = [one["document"]["name"] for one in blocks]
    assert len(set(names)) == 3
    assert all(len(name) <= MOST_NAME for name in names)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (hub.Image(source=hub.Located("https://a.example/a.png")), "image"),
        (hub.Image(source=hub.Inline("aGk=", "image/tiff")), "image"),
        (hub.Image(source=hub.Inline("aGk=")), "image"),
        (hub.Audio(source=hub.Inline("aGk=", "audio/midi")), "audio"),
        (hub.Video(source=hub.Inline("aGk=", "video/ogg")), "video"),
        (hub.Document(source=hub.Located("https://a.example/a.pdf")), "document"),
        (hub.Document(source=hub.Inline("aGk=", "application/zip")), "document"),
        (hub.Document(source=hub.Composed((hub.Image(source=hub.Inline("aGk=", "image/png")),))), "document.parts"),
        (hub.Image(source=hub.Stored("file_1", hub.CHAT)), "image.stored"),
        (hub.Audio(id="audio_1"), "audio.earlier"),
        (hub.Only(dialect=hub.MESSAGES, value={}), "native.asked"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(part: hub.Part, field: str) -> None:
    with pytest.raises(hub.Unsupported) as refused:
        written(asked(part))
    assert refused.value.field == field


def test_thinking_goes_back_to_its_own_vendor_only() -> None:
    own = hub.Thinking(origin=CONVERSE, text="so", signature="sig")
    redacted = hub.Thinking(origin=CONVERSE, redacted="c2VjcmV0")
    foreign = hub.Thinking(origin=hub.MESSAGES, text="other", signature="theirs")
    turn = hub.Turn(role="assistant", parts=(own, redacted, foreign, hub.Thinking(origin=CONVERSE, text="bare")))
    [message] = written(hub.Question(model="a", turns=(turn,)))["messages"]
    assert message["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "so", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
        {"reasoningContent": {"reasoningText": {"text": "bare"}}},
    ]
    assert "messages" not in written(hub.Question(model="a", turns=(hub.Turn(role="assistant", parts=(foreign,)),)))


def test_marks_of_the_cache_stand_behind_what_they_mark() -> None:
    hour, usual = hub.CacheMark(ttl="1h"), hub.CacheMark(ttl="30m")
    question = asked(
        hub.Text(text="long", cache=hour),
        hub.Text(text=" ", cache=hour),
        system=(hub.Turn(role="system", parts=(hub.Text(text="kind"),)),),
        tools=(hub.Tool(name="f", cache=usual),),
        cache=usual,
    )
    body = written(question)
    point, hourly = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][0]["content"] == [{"text": "long"}, hourly]
    assert body["system"] == [{"text": "kind"}]
    assert body["toolConfig"]["tools"][1] == point
    assert written(asked(cache=usual))["messages"][0]["content"] == [{"text": "hi"}, point]


SCHEMA = Raw(b'{"$schema":"https://json-schema.org/draft-07","type":"object","properties":{"a":{"type":"string"}}}')


def test_tools_and_their_schemas() -> None:
    tools = (
        hub.Tool(name="a", description="does", parameters=SCHEMA, strict=True),
        hub.Tool(name="b", parameters=Raw(b'{"type":"object"}')),
        hub.CustomTool(name="c"),
        hub.ToolGroup(name="g", tools=(hub.Tool(name="d"), hub.CustomTool(name="e"))),
        hub.HostedTool(kind="web_search", dialect=hub.MESSAGES, value={}),
        hub.HostedTool(kind="code", dialect=CONVERSE, value={"systemTool": {"name": "nova_code_interpreter"}}),
    )
    said = written(asked(tools=tools))["toolConfig"]["tools"]
    assert said[0]["toolSpec"] == {
        "name": "a",
        "description": "does",
        "inputSchema": {"json": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "strict": True,
    }
    assert [one["toolSpec"]["name"] for one in said[:5]] == ["a", "b", "c", "g__d", "g__e"]
    assert said[2]["toolSpec"]["inputSchema"]["json"]["required"] == ["input"]
    assert said[5] == {"systemTool": {"name": "nova_code_interpreter"}}
    odd = written(asked(tools=(hub.Tool(name="a", parameters=Raw(b'["$schema"]')),)))
    assert odd["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": ["$schema"]}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (None, None),
        (hub.ToolChoice(), {"auto": {}}),
        (hub.ToolChoice(mode="required"), {"any": {}}),
        (hub.ToolChoice(mode="required", name="b"), {"tool": {"name": "b"}}),
        (hub.ToolChoice(mode="auto", allowed=("b",)), {"auto": {}}),
    ],
)
def test_the_choice_among_tools(choice: hub.ToolChoice | None, said: Any) -> None:
    config = written(asked(tools=(hub.Tool(name="a"), hub.Tool(name="b")), tool_choice=choice))["toolConfig"]
    assert config.get("toolChoice") == said
    names = [one["toolSpec"]["name"] for one in config["tools"]]
    assert names == (["b"] if choice is not None and choice.allowed else ["a", "b"])


def test_no_tools_are_sent_where_none_may_be_used_but_a_turn_that_used_one_needs_them() -> None:
    tools, none = (hub.Tool(name="a"),), hub.ToolChoice(mode="none")
    assert "toolConfig" not in written(asked(tools=tools, tool_choice=none))
    used = asked(hub.ToolResult(call_id="c", parts=(hub.Text(text="x"),)), tools=tools, tool_choice=none)
    assert "toolChoice" not in written(used)["toolConfig"]
    assert "toolConfig" not in written(asked())


def test_how_to_answer() -> None:
    question = asked(
        sampling=hub.Sampling(temperature=1.7, top_p=0.5, choices=1, logprobs=False, top_logprobs=0, seed=4),
        max_output=100,
        stop=("END", ""),
        service_tier="priority",
        metadata={"team": "search", "odd": {"a": 1}, "bad\u00e9": "x"},
        output=hub.Output(form="schema", name="answer", schema=Raw(b'{"type":"object"}')),
        user="u",
        store=False,
    )
    body = written(question)
    assert body["inferenceConfig"] == {"temperature": 1, "topP": 0.5, "maxTokens": 100, "stopSequences": ["END"]}
    assert body["serviceTier"] == {"type": "priority"}
    assert body["requestMetadata"] == {"team": "search"}
    assert body["outputConfig"]["textFormat"] == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "answer"}},
    }
    assert set(body) == {
        *("messages", "inferenceConfig", "serviceTier", "requestMetadata", "outputConfig"),
    }
    words = written(asked(output=hub.Output(form="json"), service_tier="auto", metadata="x"))
    assert "JSON" in words["system"][0]["text"]
    assert "serviceTier" not in words
    assert "outputConfig" not in written(asked(output=hub.Output(form="text")))
    bare = written(asked(output=hub.Output(form="schema")))["outputConfig"]["textFormat"]
    assert bare["structure"] == {"jsonSchema": {"schema": "{}"}}


def test_labels_are_bounded() -> None:
    labels = {f"l{at}": "x" for at in range(40)}
    assert len(written(asked(metadata=labels))["requestMetadata"]) == 16


def test_a_guardrail_goes_with_every_call() -> None:
    body = written(asked(), guardrailIdentifier="g1", guardrailVersion="1", trace="enabled")
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g1", "guardrailVersion": "1", "trace": "enabled"}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (CLAUDE, {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        ("meta.llama3-3-70b-instruct-v1:0", None),
    ],
)
def test_top_k_is_in_the_models_own_words(model: str, said: Any) -> None:
    body = written(asked(sampling=hub.Sampling(top_k=5)), model)
    assert body.get("additionalModelRequestFields") == said


def thought(model: str, reasoning: hub.Reasoning, **more: Any) -> Any:
    return written(asked(reasoning=reasoning, **more), model).get("additionalModelRequestFields")


@pytest.mark.parametrize(
    ("model", "reasoning", "said"),
    [
        (CLAUDE, hub.Reasoning(budget=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        (CLAUDE, hub.Reasoning(effort="medium"), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        (CLAUDE, hub.Reasoning(effort="max"), {"thinking": {"type": "enabled", "budget_tokens": 32768}}),
        (CLAUDE, hub.Reasoning(mode="on"), {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        (CLAUDE, hub.Reasoning(effort="none"), None),
        (CLAUDE, hub.Reasoning(mode="off"), None),
        (CLAUDE, hub.Reasoning(shown="auto"), None),
        (
            "anthropic.claude-opus-4-20250514-v1:0",
            hub.Reasoning(budget=3000),
            {"thinking": {"type": "enabled", "budget_tokens": 3000}},
        ),
        ("anthropic.claude-3-haiku-20240307-v1:0", hub.Reasoning(effort="high"), None),
        (
            NEWER,
            hub.Reasoning(effort="xhigh"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
        ),
        (
            NEWER,
            hub.Reasoning(effort="minimal"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (NEWER, hub.Reasoning(effort="odd"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (NEWER, hub.Reasoning(budget=8000), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        (NEWER, hub.Reasoning(budget=90_000), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        (NEWER, hub.Reasoning(mode="adaptive"), {"thinking": {"type": "adaptive"}}),
        ("anthropic.claude-sonnet-5-v1:0", hub.Reasoning(mode="on"), {"thinking": {"type": "adaptive"}}),
        (NOVA, hub.Reasoning(effort="low"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        (NOVA, hub.Reasoning(effort="max"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, hub.Reasoning(mode="off"), None),
        (NOVA, hub.Reasoning(mode="on"), None),
        ("openai.gpt-oss-120b-1:0", hub.Reasoning(effort="medium"), {"reasoning_effort": "medium"}),
        ("openai.gpt-oss-120b-1:0", hub.Reasoning(effort="xhigh"), {"reasoning_effort": "high"}),
        ("meta.llama3-3-70b-instruct-v1:0", hub.Reasoning(effort="high"), None),
    ],
)
def test_how_much_to_think_is_in_the_models_own_words(model: str, reasoning: hub.Reasoning, said: Any) -> None:
    assert thought(model, reasoning) == said


def test_a_model_that_thinks_has_room_to_answer_and_no_temperature() -> None:
    sampling = hub.Sampling(temperature=0.5, top_p=0.9, top_k=3)
    body = written(asked(reasoning=hub.Reasoning(budget=5000), sampling=sampling))
    assert body["inferenceConfig"] == {"maxTokens": 5000 + 4096}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 5000}}
    bounded = written(asked(reasoning=hub.Reasoning(effort="high"), max_output=4000))
    assert bounded["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2000
    assert thought(CLAUDE, hub.Reasoning(effort="high"), max_output=1000) is None
    forced = {"tools": (hub.Tool(name="a"),), "tool_choice": hub.ToolChoice(mode="required")}
    assert thought(CLAUDE, hub.Reasoning(effort="high"), **forced) is None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"sampling": hub.Sampling(choices=2)}, "sampling.choices"),
        ({"sampling": hub.Sampling(logprobs=True)}, "sampling.logprobs"),
        ({"sampling": hub.Sampling(logit_bias={"1": 1})}, "sampling.logit_bias"),
        ({"speech": hub.Speech(voice="a")}, "speech"),
        ({"required": ("previous_response_id",)}, "required"),
        ({"tool_choice": hub.ToolChoice(hosted="web_search")}, "tool_choice.hosted"),
    ],
)
def test_a_field_that_the_table_refuses_is_refused(more: Any, field: str) -> None:
    with pytest.raises(hub.Unsupported) as refused:
        written(asked(**more))
    assert refused.value.field == field


def test_what_is_nested_too_deep_is_the_callers_fault() -> None:
    value: Any = 1
    for _ in range(20_000):
        value = [value]
    with pytest.raises(Malformed):
        BedrockConverse().body_of(asked(hub.ToolResult(call_id="c", parts=(hub.Value(value),))), CLAUDE)
