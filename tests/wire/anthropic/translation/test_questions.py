"""Questions that cross: what callers of another API ask of Claude, and what Anthropic's callers ask of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.anthropic.models import abilities_of
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.question_writer import ANSWER, body_of
from headworks.wire.anthropic.translation.sealed import MARK, Sealed, opened, sealed, without_foreign
from headworks.wire.hub.values import CHAT, GENERATE, MESSAGES, Raw
from headworks.wire.openai.translation.question_reader import question_of as chat_question
from headworks.wire.openai.translation.question_writer import body_of as chat_body

MODEL = "claude-opus-5-5"
HELLO = {"role": "user", "content": "Hello"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def claude(model: str = MODEL, messages: Any = None, **fields: Any) -> dict[str, Any]:
    """The body that a chat caller's question becomes."""
    body = {"model": "a", "messages": [HELLO] if messages is None else messages, **fields}
    made: dict[str, Any] = json.loads(body_of(chat_question(json.dumps(body).encode()), model))
    return made


def chat(**fields: Any) -> dict[str, Any]:
    """The chat body that an Anthropic caller's question becomes."""
    body = {"model": "a", "max_tokens": 50, "messages": [HELLO], **fields}
    made: dict[str, Any] = json.loads(chat_body(question_of(json.dumps(body).encode()), "m"))
    return made


# Chat to Claude


def test_a_plain_question_has_the_bound_that_the_api_wants() -> None:
    made = claude(
        messages=[{"role": "system", "content": "Be brief."}, HELLO], user="ann", stream=True, n=1, logprobs=False
    )
    assert made == {
        "model": MODEL,
        "messages": [HELLO],
        "max_tokens": 128_000,
        "metadata": {"user_id": "ann"},
        "stream": True,
        "system": "Be brief.",
    }
    assert claude(max_tokens=7)["max_tokens"] == 7
    assert claude("deepseek-chat")["max_tokens"] == 8192
    several = claude(messages=[{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, HELLO])
    assert several["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    alone = claude(messages=[{"role": "system", "content": "Name a colour."}])
    assert (alone["messages"], "system" in alone) == (
        [{"role": "user", "content": [{"type": "text", "text": "Name a colour."}]}],
        False,
    )


def test_results_of_tools_stand_in_one_message_behind_their_calls() -> None:
    calls = [{"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": '{"n":1}'}} for n in (1, 2)]
    made = claude(
        messages=[
            HELLO,
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {
                "role": "tool",
                "tool_call_id": "call_2",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": ""},
        ],
        tools=[TOOL],
        parallel_tool_calls=False,
    )
    _, assistant, results, last = made["messages"]
    assert [block["id"] for block in assistant["content"]] == ["call_1", "call_2"]
    assert assistant["content"][0]["input"] == {"n": 1}
    assert results["role"] == "user"
    assert [block["type"] for block in results["content"]] == ["tool_result", "tool_result", "text"]
    assert results["content"][0] == {"type": "tool_result", "tool_use_id": "call_1", "content": "one"}
    assert last == {"role": "assistant", "content": "(nothing)"}
    assert made["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    ended = claude(
        messages=[HELLO, {"role": "tool", "tool_call_id": "c", "content": ""}, {"role": "assistant", "content": "x"}]
    )
    assert ended["messages"][1]["content"] == [{"type": "tool_result", "tool_use_id": "c", "content": ""}]
    final = claude(messages=[HELLO, {"role": "tool", "tool_call_id": "c", "content": "x"}])
    assert [message["role"] for message in final["messages"]] == ["user", "user"]


def test_calls_without_an_id_and_with_other_letters_are_given_one_that_is_taken() -> None:
    made = claude(
        messages=[
            HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
            {"role": "function", "name": "f", "content": "x"},
            {"role": "function", "name": "g", "content": "y"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a:b", "function": {"name": "f", "arguments": "[1]"}}],
            },
            {"role": "tool", "tool_call_id": "a:b", "content": "z"},
        ]
    )
    blocks = [block for message in made["messages"][1:] for block in message["content"]]
    assert [block.get("id", block.get("tool_use_id")) for block in blocks] == [
        "call_1",
        "call_1",
        "call_2",
        "a_b",
        "a_b",
    ]
    assert blocks[3]["input"] == {"arguments": [1]}


def test_pictures_and_documents_are_blocks() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}},
        {"type": "file", "file": {"file_data": "data:text/csv;base64,?"}},
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "y", "prompt_cache_breakpoint": {"ttl": "30m"}},
    ]
    content = claude(messages=[{"role": "user", "content": parts}])["messages"][0]["content"]
    assert [block.get("source", {}).get("type") for block in content] == [
        *("base64", "url", "base64", "text", "base64", None, None)
    ]
    assert (content[2]["title"], content[3]["source"]["data"]) == ("a.pdf", "a,b")
    assert content[5]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert content[6]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (None, {"type": "object", "properties": {}}),
        ({"type": "object", "anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}, 5]}, {"a": {}, "b": {}}),
        ({"properties": {"c": {}}}, {"c": {}}),
        ({"properties": 5, "oneOf": 5}, {}),
        (5, 5),
    ],
)
def test_a_tools_schema_is_an_object_without_a_choice_at_its_root(schema: Any, sent: Any) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    [made] = claude(tools=[tool])["tools"]
    told = made["input_schema"]
    assert (told if not isinstance(told, dict) or schema is None else told["properties"]) == sent
    if isinstance(told, dict):
        assert told["type"] == "object"


def test_which_tools_may_or_must_be_used() -> None:
    other = {"type": "function", "function": {"name": "g", "strict": True}}
    for choice, said in (
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ):
        assert claude(tools=[TOOL], tool_choice=choice)["tool_choice"] == said
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
    }
    made = claude(tools=[TOOL, other], tool_choice=allowed)
    assert ([tool["name"] for tool in made["tools"]], made["tool_choice"]) == (["g"], {"type": "any"})
    assert "tool_choice" not in claude(tool_choice="auto")
    assert "parallel" not in json.dumps(claude(tools=[TOOL], tool_choice="none", parallel_tool_calls=False))


def test_tools_of_free_text_and_groups_are_functions() -> None:
    group = hub.ToolGroup(name="g", tools=(hub.Tool(name="a"), hub.CustomTool(name="b")))
    custom = hub.CustomTool(name="patch", description="Patches.", format={"type": "grammar"})
    call = hub.ToolCall(id="c", name="patch", arguments="*** x", is_custom=True)
    turns = (hub.Turn(role="user", parts=(hub.Text(text="x"),)), hub.Turn(role="assistant", parts=(call,)))
    made = json.loads(body_of(hub.Question(model="m", turns=turns, tools=(group, custom), origin=CHAT), MODEL))
    assert [tool["name"] for tool in made["tools"]] == ["g__a", "g__b", "patch"]
    assert made["tools"][2]["input_schema"]["required"] == ["input"]
    assert "grammar" in made["tools"][2]["description"]
    assert made["messages"][1]["content"][0]["input"] == {"input": "*** x"}
    choice = hub.ToolChoice(allowed=("g__b",))
    some = hub.Question(model="m", turns=turns, tools=(group, custom), tool_choice=choice, origin=CHAT)
    assert [tool["name"] for tool in json.loads(body_of(some, MODEL))["tools"]] == ["g__b"]


def test_a_form_is_asked_for_by_schema_by_a_tool_or_in_words() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "default": 2},
            "l": {
                "type": "array",
                "minItems": 2,
                "items": {"oneOf": [{"type": "object", "properties": {}}, {"$ref": "#/$defs/x"}]},
            },
            "m": {"type": "array", "minItems": 1, "description": "Some", "maxItems": 3},
        },
        "$defs": {"x": {"type": "string"}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "description": "Says.", "schema": schema}}
    asked = claude(response_format=form)["output_config"]["format"]
    assert asked["schema"] == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "(minimum: 1)"},
            "l": {
                "type": "array",
                "description": "(minItems: 2)",
                "items": {
                    "anyOf": [
                        {"type": "object", "properties": {}, "additionalProperties": False},
                        {"$ref": "#/$defs/x"},
                    ]
                },
            },
            "m": {"type": "array", "minItems": 1, "description": "Some (maxItems: 3)"},
        },
        "$defs": {"x": {"type": "string"}},
        "additionalProperties": False,
    }
    older = claude("claude-3-7-sonnet-latest", response_format=form)
    assert older["tool_choice"] == {"type": "tool", "name": ANSWER}
    assert (older["tools"][0]["description"], older["tools"][0]["input_schema"]["type"]) == ("Says.", "object")
    busy = claude("claude-3-7-sonnet-latest", response_format=form, tools=[TOOL])
    assert "It must fit this JSON Schema: {" in busy["system"]
    assert claude(response_format={"type": "json_object"})["system"].startswith("Answer with one JSON object")
    assert "system" not in claude(response_format={"type": "text"})
    bare = {"type": "json_schema", "json_schema": {"name": "x"}}
    assert claude(response_format=bare)["output_config"]["format"]["schema"]["additionalProperties"] is False
    deep: Any = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    assert claude(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": deep}})


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "said"),
    [
        (MODEL, "high", {"type": "adaptive"}, "high"),
        (MODEL, "minimal", {"type": "adaptive"}, "low"),
        (MODEL, "none", {"type": "disabled"}, None),
        ("claude-fable-5", "none", None, None),
        ("claude-opus-4-5", "high", {"type": "enabled", "budget_tokens": 24_576}, "high"),
        ("claude-haiku-4-5", "low", {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-haiku-4-5", "novel", {"type": "enabled", "budget_tokens": 8192}, None),
        ("claude-3-5-haiku-latest", "high", None, None),
        ("us.anthropic.claude-sonnet-4-6", "max", {"type": "adaptive"}, "max"),
    ],
)
def test_an_effort_is_asked_for_as_the_model_takes_it(model: str, effort: str, thinking: Any, said: str | None) -> None:
    made = claude(model, reasoning_effort=effort)
    assert made.get("thinking") == thinking
    assert made.get("output_config", {}).get("effort") == said


def test_a_call_that_the_api_would_refuse_does_not_think() -> None:
    forced = claude(reasoning_effort="high", tools=[TOOL], tool_choice="required")
    assert "thinking" not in forced
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"}
    for extra, thinks in (({}, False), ({"reasoning_details": [signed]}, True)):
        messages = [HELLO, {"role": "assistant", "content": None, "tool_calls": [call], **extra}]
        made = claude("claude-haiku-4-5", messages, reasoning_effort="low")
        assert ("thinking" in made) == thinks
        assert (made["messages"][1]["content"][0]["type"] == "thinking") == thinks
        assert "thinking" in claude(MODEL, messages, reasoning_effort="low")
    said = claude("claude-haiku-4-5", [HELLO, {"role": "assistant", "content": "x"}, HELLO], reasoning_effort="low")
    assert "thinking" in said
    assert "thinking" not in claude("claude-haiku-4-5", reasoning_effort="low", max_tokens=500)


def test_sampling_that_a_thinking_or_a_newer_model_refuses_is_left_out() -> None:
    assert claude("claude-haiku-4-5", temperature=1.7, top_p=0.5).items() >= {"temperature": 1.0, "top_p": 0.5}.items()
    assert "temperature" not in claude("claude-haiku-4-5", temperature=1.7, reasoning_effort="low")
    assert "temperature" not in claude(MODEL, temperature=0.5)


def test_thinking_in_other_apis_words() -> None:
    turns = (hub.Turn(role="user", parts=(hub.Text(text="x"),)),)
    for asked, said in (
        (hub.Reasoning(shown="auto"), None),
        (hub.Reasoning(budget=0), {"type": "disabled"}),
        (hub.Reasoning(budget=-1, shown="none"), {"type": "adaptive", "display": "omitted"}),
        (hub.Reasoning(mode="adaptive"), {"type": "adaptive"}),
    ):
        question = hub.Question(model="m", turns=turns, reasoning=asked, origin=GENERATE)
        assert json.loads(body_of(question, MODEL)).get("thinking") == said
    budget = hub.Question(
        model="m", turns=turns, reasoning=hub.Reasoning(budget=2000), max_output=3000, origin=GENERATE
    )
    assert json.loads(body_of(budget, "claude-sonnet-4-5"))["thinking"]["budget_tokens"] == 1500


def test_what_cannot_be_asked_is_refused_with_the_field() -> None:
    for fields, field in (
        ({"n": 2}, "sampling.choices"),
        ({"logprobs": True}, "sampling.logprobs"),
        ({"stop": ["\n\n"]}, "stop"),
        ({"modalities": ["text", "audio"]}, "modalities"),
    ):
        with pytest.raises(hub.Unsupported) as caught:
            claude(**fields)
        assert caught.value.field == field
    assert claude(modalities=["text"], stop="x")["stop_sequences"] == ["x"]


def test_a_question_that_is_nested_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    part = hub.Only(dialect=MESSAGES, value=deep)
    question = hub.Question(model="m", turns=(hub.Turn(role="user", parts=(part,)),), origin=MESSAGES)
    with pytest.raises(Malformed):
        body_of(question, MODEL)
    for body in (
        b'{"model":"a","messages":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"model":"a","messages":5}',
        b'{"model":"a","messages":[5]}',
        b'{"model":"a","system":NaN}',
    ):
        with pytest.raises(Malformed):
            question_of(body)


# Anthropic's callers to chat


def test_what_claude_code_sends_is_understood_by_a_chat_vendor() -> None:
    made = chat(
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: a"},
            {"type": "text", "text": "You are.", "cache_control": {"type": "ephemeral"}},
        ],
        messages=[
            HELLO,
            {"role": "system", "content": "Mind this."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "a.txt", "is_error": True},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
        tools=[
            {
                "name": "Bash",
                "description": "Runs.",
                "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "adaptive"},
        output_config={"effort": "high"},
        context_management={"edits": []},
        metadata={"user_id": "ann"},
        stop_sequences=["x"],
        stream=True,
    )
    assert [message["role"] for message in made["messages"]] == [
        "system",
        "user",
        "system",
        "assistant",
        "tool",
        "user",
    ]
    assert [part["text"] for part in made["messages"][0]["content"]] == ["x-anthropic-billing-header: a", "You are."]
    assert made["messages"][3]["tool_calls"][0]["function"] == {"name": "Bash", "arguments": '{"command":"ls"}'}
    assert made["messages"][4] == {"role": "tool", "tool_call_id": "t", "content": "Error: a.txt"}
    assert [tool["function"]["name"] for tool in made["tools"]] == ["Bash"]
    assert made["reasoning_effort"] == "high"
    assert (made["tool_choice"], made["parallel_tool_calls"], made["max_completion_tokens"]) == ("required", False, 50)
    assert (made["stop"], made["user"], made["stream"]) == (["x"], "ann", True)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"thinking": {"type": "novel"}}, {"thinking": {"type": "novel"}}),
        ({"stop_sequences": [5]}, {"stop_sequences": [5]}),
        ({"max_tokens": -5}, {"max_tokens": -5}),
        ({"max_tokens": None}, {}),
        ({"system": 5}, {"system": 5}),
        ({"system": ""}, {}),
        ({"metadata": {"user_id": None}}, {}),
        (
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": 5}},
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": 5}},
        ),
        ({"tool_choice": {"type": "any", "name": "f"}}, {"tool_choice": {"type": "any", "name": "f"}}),
        ({"tool_choice": {"type": "any", "novel": 1}}, {"tool_choice": {"type": "any", "novel": 1}}),
        ({"tools": None}, {}),
        ({"tools": []}, {}),
        ({"output_format": {"type": "novel"}}, {"output_format": {"type": "novel"}}),
        ({"output_config": {"format": None, "effort": None}}, {}),
        ({"stream": None}, {}),
    ],
)
def test_a_field_that_says_something_unknown_is_kept_as_it_came(fields: dict[str, Any], kept: dict[str, Any]) -> None:
    question = question_of(json.dumps({"model": "a", "messages": [HELLO], **fields}).encode())
    assert dict(question.extra.get(MESSAGES, {})) == kept


def test_the_older_name_of_a_form_is_used_again() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    question = question_of(json.dumps({"model": "a", "messages": [], "output_format": form}).encode())
    assert question.output == hub.Output(form="schema", schema=Raw(b'{"type":"object"}'))
    assert json.loads(body_of(question, "m"))["output_format"] == form
    text = hub.Question(model="m", turns=(), output=hub.Output(form="text"), origin=MESSAGES)
    assert "output_config" not in json.loads(body_of(text, "m"))


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "custom", "name": "f", "input_schema": {"type": "object"}},
        {"name": "f", "input_schema": {"type": "object"}, "input_examples": [{}], "type": None},
        {"name": "f", "defer_loading": True, "input_schema": {"type": "object"}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "custom"},
    ],
)
def test_a_tool_comes_back_as_it_was(tool: dict[str, Any]) -> None:
    body = {"model": "a", "messages": [HELLO], "tools": [tool]}
    made = json.loads(body_of(question_of(json.dumps(body).encode()), "m"))
    assert made["tools"] == [{name: value for name, value in tool.items() if value is not None}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": 5},
        {"type": "image", "source": {"type": "text", "data": "x"}},
        {"type": "image", "source": {"type": "base64", "data": 5}},
        {"type": "image", "source": 5},
        {"type": "document", "source": {"type": "novel"}},
        {"type": "document", "source": {"type": "content", "content": 5}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "novel"}]}},
        {"type": "search_result", "source": 5},
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "novel"}]},
        {"type": "thinking", "thinking": 5},
        {"type": "redacted_thinking", "data": 5},
        {"type": "tool_use", "id": "t"},
        {"type": "tool_result", "tool_use_id": 5},
        {"type": "mcp_tool_use", "id": "t", "name": "f", "input": {}, "server_name": "s"},
        {"type": 5},
        5,
    ],
)
def test_a_block_that_is_not_understood_is_kept_whole(block: Any) -> None:
    body = {"model": "a", "messages": [{"role": "user", "content": [block]}]}
    question = question_of(json.dumps(body).encode())
    assert question.turns[0].parts == (hub.Only(dialect=MESSAGES, value=block),)
    assert json.loads(body_of(question, "m"))["messages"] == body["messages"]


def test_a_role_and_a_content_that_are_not_known_are_kept() -> None:
    messages = [{"role": "critic", "content": "x"}, {"role": "user", "content": 5}]
    question = question_of(json.dumps({"model": "a", "messages": messages}).encode())
    assert json.loads(body_of(question, "m"))["messages"] == messages


# What is sealed


def test_what_is_sealed_is_opened_and_no_vendor_of_this_api_is_sent_it() -> None:
    seal = Sealed(GENERATE, "call", "s")
    assert opened(sealed(seal)) == seal
    assert (opened("EqQB"), opened(MARK + "?"), opened(f"{MARK}e30=")) == (None, None, None)
    block = {"type": "thinking", "thinking": "", "signature": sealed(seal)}
    hidden = {"type": "redacted_thinking", "data": sealed(seal)}
    text = {"type": "text", "text": "x"}
    body = {
        "model": "a",
        "novel": 1,
        "messages": [
            HELLO,
            {"role": "assistant", "content": [block, text]},
            {"role": "assistant", "content": [hidden]},
        ],
    }
    kept = json.loads(without_foreign(json.dumps(body).encode()))
    assert kept == {**body, "messages": [HELLO, {"role": "assistant", "content": [text]}]}
    said = json.dumps({"messages": [5, {"content": [5, {"type": "text", "text": "hw1."}]}], "x": "hw1."}).encode()
    assert without_foreign(said) == said
    for odd in (b'{"a":"hw1."}', b'{"messages":5,"a":"hw1."}'):
        assert without_foreign(odd) == odd


def test_a_sealed_signature_belongs_to_what_stands_beside_it() -> None:
    call = {"type": "thinking", "thinking": "", "signature": sealed(Sealed(GENERATE, "call", "cs"))}
    text = {"type": "thinking", "thinking": "", "signature": sealed(Sealed(GENERATE, "text", "ts"))}
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    body = {
        "model": "a",
        "messages": [{"role": "assistant", "content": [text, call, {"type": "text", "text": "x"}, used, text]}],
    }
    parts = question_of(json.dumps(body).encode()).turns[0].parts
    assert parts == (
        hub.Text(text="x"),
        hub.ToolCall(id="t", name="f", arguments="{}", signature="cs", origin=GENERATE),
    )


@pytest.mark.parametrize(
    ("model", "thinks", "most"),
    [
        ("claude-3-haiku-20240307", "no", 4096),
        ("claude-3-5-sonnet-latest", "no", 8192),
        ("claude-sonnet-4-20250514", "budget", 64_000),
        ("claude-sonnet-4", "budget", 64_000),
        ("claude-opus-4-1-20250805", "budget", 32_000),
        ("anthropic/claude-opus-4.8", "adaptive", 128_000),
        ("claude-sonnet-5-5", "adaptive", 128_000),
        ("us.anthropic.claude-opus-4-6-v1:0", "adaptive", 128_000),
        ("claude-novel-9", "adaptive", 128_000),
        ("not-claude-5", "budget", 8192),
        ("kimi-k2", "budget", 8192),
    ],
)
def test_what_is_known_of_a_model(model: str, thinks: str, most: int) -> None:
    abilities = abilities_of(model)
    assert (abilities.thinks, abilities.most_output) == (thinks, most)
