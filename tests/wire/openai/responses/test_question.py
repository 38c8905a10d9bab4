"""What callers of Responses ask, in the hub's words: turns, tools, the form of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.openai.responses.envelope import Sealed, is_ours, opened, sealed
from headworks.wire.openai.responses.question_reader import question_of
from headworks.wire.openai.responses.question_writer import body_of
from headworks.wire.openai.responses.table import TABLE
from headworks.wire.openai.translation.question_writer import body_of as chat_body

CODEX: dict[str, Any] = {
    "model": "m",
    "instructions": "You are Codex.",
    "input": [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "<permissions>"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "run it"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "name": "run", "namespace": "mcp", "arguments": "{}", "call_id": "c1"},
        {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "a"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "more"}]},
    ],
    "tools": [
        {"type": "function", "name": "look", "description": "d", "strict": False, "parameters": {"type": "object"}},
        {"type": "namespace", "name": "mcp", "description": "", "tools": [{"type": "function", "name": "run"}]},
        {"type": "web_search", "external_web_access": True},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "high", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "session",
    "text": {"verbosity": "low"},
}
"""What Codex CLI 0.171 sends, in short (captured 2026-11-30)."""


def asked(*items: Any, **fields: Any) -> hub.Question:
    body = {"model": "m", "input": list(items), **fields}
    return question_of(json.dumps(body).encode())


def again(question: hub.Question) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(body_of(question, question.model))
    return said


def test_what_codex_sends_is_asked_of_a_chat_vendor() -> None:
    body = json.loads(chat_body(question_of(json.dumps(CODEX).encode()), "v"))
    assert [one["role"] for one in body["messages"]] == [
        *("system", "system", "user", "assistant", "tool", "tool", "assistant", "user"),
    ]
    calls = body["messages"][3]["tool_calls"]
    assert [one["function"]["name"] for one in calls] == ["mcp__run", "look"]
    assert [one["tool_call_id"] for one in body["messages"][4:6]] == ["c1", "c2"]
    assert [one["function"]["name"] for one in body["tools"]] == ["look", "mcp__run"]
    assert (body["reasoning_effort"], body["verbosity"], body["prompt_cache_key"]) == ("high", "low", "session")
    assert "store" not in body
    assert "web_search" not in json.dumps(body)


def test_what_codex_sends_comes_back_from_the_hub() -> None:
    question = question_of(json.dumps(CODEX).encode())
    sent = {**CODEX, "input": [dict(one) for one in CODEX["input"]]}
    for item in sent["input"]:
        if item.get("role") in ("developer", "user"):  # one plain text is written as a string
            del item["type"]
            item["content"] = item["content"][0]["text"]
        if item.get("role") == "assistant":
            item["content"][0]["annotations"] = []
        if item.get("call_id") == "c2" and "output" in item:
            item["output"] = "a"
    assert again(question) == sent


def test_a_text_alone_is_a_turn_of_the_user() -> None:
    question = question_of(b'{"model":"m","input":"hi","instructions":"be"}')
    assert question.turns == (hub.Turn(role="user", parts=(hub.Text(text="hi"),)),)
    assert question.system == (hub.Turn(role="system", parts=(hub.Text(text="be"),)),)
    assert again(question) == {"model": "m", "input": "hi", "instructions": "be", "store": False}


def test_every_kind_of_content_is_read_and_written_back() -> None:
    content = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"ttl": "30m"}},
        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "JVBE"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "input_file", "file_id": "file-2", "novel": 1},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": 1, "format": "wav"}},
        {"type": "input_audio", "input_audio": "UklG"},
        {"type": "input_image"},
        {"type": "input_file", "file_id": "a", "file_url": "b"},
        {"type": "refusal", "refusal": 1},
        {"type": "input_text"},
        {"type": "novel"},
    ]
    question = asked({"role": "user", "content": content})
    kinds = [type(part).__name__ for part in question.turns[0].parts]
    assert kinds == ["Text", *["Image"] * 3, *["Document"] * 4, "Audio", *["Only"] * 7]
    assert again(question)["input"] == [{"role": "user", "content": content}]


def test_what_a_message_says_beside_its_content_is_kept() -> None:
    items = [
        {"role": "user", "content": "hi", "id": "msg_0", "status": "completed"},
        {"role": "critic", "content": "hm"},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {"type": "output_text", "text": "a", "annotations": [{"type": "file_citation", "file_id": "f"}]},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "x", "namespace": "n"},
        {"type": "function_call_output", "id": "o", "call_id": "c", "output": "ok", "name": "f"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "ok"},
    ]
    question = asked(*items)
    assert [turn.role for turn in question.turns] == ["user", "user", "assistant", "tool"]
    assert again(question)["input"] == items


def test_odd_contents_are_kept_as_they_are() -> None:
    items = [
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "input_image", "image_url": "https://x.example/a"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "novel"}]},
        {"type": "function_call_output", "call_id": "c", "output": {"a": 1}},
        {"role": "user", "content": [{"type": "input_text", "text": "a", "annotations": None}]},
        {"role": "user", "content": [{"type": "input_text"}]},
        {"role": "user", "content": None},
        {"role": "user", "content": [{"type": "output_text", "text": "b"}]},
    ]
    said = again(asked(*items))["input"]
    assert said[:2] == items[:2]
    assert said[2]["output"] == [{"a": 1}]
    assert said[3:] == [
        {"role": "user", "content": "a"},
        items[4],
        {"role": "user", "content": []},
        {"role": "user", "content": "b"},
    ]


def test_reasoning_comes_back_with_all_its_texts() -> None:
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}]},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "encrypted_content": "gAAA",
            "status": "completed",
        },
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "c"}]},
    ]
    question = asked(*items)
    thoughts = [part for part in question.turns[0].parts if isinstance(part, hub.Thinking)]
    assert [(one.text, one.is_summary) for one in thoughts] == [("a", True), ("a\n\nb", True), ("c", False)]
    assert again(question)["input"] == items


def test_what_openais_tools_did_is_left_out_elsewhere_and_what_was_sent_to_them_is_refused() -> None:
    did = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    question = asked({"role": "user", "content": "hi"}, did, {"role": "assistant", "content": "a"})
    assert again(question)["input"][1] == did
    assert len(json.loads(chat_body(question, "v"))["messages"]) == 2
    for item in (
        {"type": "item_reference", "id": "rs_1"},
        {"id": "rs_1"},
        {"type": "compaction", "encrypted_content": "gAAA"},
        {"type": "shell_call_output", "call_id": "c", "output": []},
        {"type": "function_call", "call_id": 1, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "output": "ok"},
    ):
        odd = asked(item)
        assert again(odd)["input"] == [item]
        with pytest.raises(hub.Unsupported) as caught:
            chat_body(odd, "v")
        assert caught.value.said_in(TABLE).param == "input"


def test_an_envelope_of_ours_becomes_what_its_vendor_wants_back() -> None:
    thought = {"type": "reasoning", "id": "x", "summary": [], "encrypted_content": sealed(Sealed(hub.CHAT, "hm"))}
    signature = Sealed(hub.GENERATE, signature="s", of="c")
    for_call = {"type": "reasoning", "id": "y", "summary": [], "encrypted_content": sealed(signature)}
    for_text = {**for_call, "encrypted_content": sealed(Sealed(hub.GENERATE, signature="t", of="text"))}
    broken = {**for_call, "encrypted_content": "hw1.!"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    question = asked(thought, call, for_call, for_text, broken)
    first, second = question.turns[0].parts
    assert first == hub.Thinking(origin=hub.CHAT, text="hm")
    assert second == hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.GENERATE)
    assert question.turns[0].extra == {}
    assert again(question)["input"] == [call]
    kept = asked(thought, {**call, "id": "fc_1"})
    assert again(kept)["input"] == [{**call, "id": "fc_1"}]
    assert json.loads(chat_body(question, "v"))["messages"][0]["reasoning_content"] == "hm"
    assert opened("hw1.e30=") is None
    assert not is_ours(None)


def test_tools_that_stand_among_the_items_are_tools() -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]}
    question = asked(added, {"role": "user", "content": "hi"}, tools=[{"type": "function", "name": "early"}])
    assert [tool.name for tool in question.tools if isinstance(tool, hub.Tool)] == ["early", "late"]


def test_every_kind_of_tool_is_read_and_written_back() -> None:
    tools = [
        {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
        {"type": "function", "name": "g", "parameters": {"a": 1}, "strict": False, "defer_loading": True},
        {"type": "function", "name": "h", "allowed_callers": ["direct"], "description": "x"},
        {"type": "custom", "name": "c", "description": "d", "format": {"type": "text"}, "novel": 1},
        {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "custom", "name": "c"}], "x": 1},
        {"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]},
        {"type": "namespace", "name": "n", "tools": 5},
        {"type": "web_search_preview"},
        {"type": "mcp", "name": "m", "server_label": "l"},
        {"type": 5},
    ]
    question = asked(tools=tools)
    kinds = [type(tool).__name__ for tool in question.tools]
    assert kinds == [*["Tool"] * 3, "CustomTool", "ToolGroup", *["HostedTool"] * 5]
    hosted = [tool.kind for tool in question.tools if isinstance(tool, hub.HostedTool)]
    assert hosted == ["namespace", "namespace", "web_search", "mcp", ""]
    assert again(question)["tools"] == tools
    assert asked(tools=None).tools == ()


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("required", hub.ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, hub.ToolChoice(mode="required", name="f")),
        ({"type": "custom", "name": "f"}, hub.ToolChoice(mode="required", name="f", is_custom=True)),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            hub.ToolChoice(allowed=("f",)),
        ),
    ],
)
def test_a_choice_among_tools_is_the_hubs(said: Any, choice: hub.ToolChoice) -> None:
    assert asked(tool_choice=said).tool_choice == choice
    assert again(asked(tool_choice=said))["tool_choice"] == said


@pytest.mark.parametrize(
    ("said", "name", "allowed", "hosted"),
    [
        ({"type": "function", "name": "f", "namespace": "n"}, "n__f", (), ""),
        ({"type": "web_search_preview"}, "", (), "web_search"),
        ({"type": "mcp", "server_label": "l", "name": "t"}, "", (), "mcp"),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "custom", "name": "f"}, {"type": "shell"}],
            },
            "",
            ("f",),
            "",
        ),
    ],
)
def test_a_choice_that_says_more_keeps_its_words(said: Any, name: str, allowed: tuple[str, ...], hosted: str) -> None:
    question = asked(tool_choice=said)
    choice = question.tool_choice
    assert choice is not None
    assert (choice.name, choice.allowed, choice.hosted) == (name, allowed, hosted)
    assert again(question)["tool_choice"] == said


@pytest.mark.parametrize(
    "member",
    [
        {"tool_choice": "any of them"},
        {"tool_choice": {"type": "function"}},
        {"tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}},
        {"tool_choice": {"name": "f"}},
        {"tools": "all"},
        {"text": {"format": {"type": "grammar"}}},
        {"text": {"format": {"type": "text", "novel": 1}}},
        {"text": {"format": {"type": "text", "strict": True}}},
        {"background": True},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_what_only_this_api_can_say_and_decides_the_answer_is_refused_elsewhere(member: dict[str, Any]) -> None:
    question = asked({"role": "user", "content": "hi"}, **member, novel=1)
    assert question.required == tuple(member)
    with pytest.raises(hub.Unsupported) as caught:
        chat_body(question, "v")
    assert caught.value.said_in(TABLE).param == next(iter(member))
    assert again(question).items() >= {**member, "novel": 1}.items()


def test_hints_that_only_this_api_has_are_left_out_elsewhere() -> None:
    fields = {"truncation": "auto", "max_tool_calls": 3, "text": {"novel": 1}, "text_novel": 1, "background": False}
    question = asked({"role": "user", "content": "hi"}, **fields)
    assert question.required == ()
    left_out = hub.carried(question, TABLE)
    assert left_out == hub.Carried()
    assert "truncation" not in json.loads(chat_body(question, "v"))
    assert again(question)["text"] == {"novel": 1}


@pytest.mark.parametrize(
    ("format", "output"),
    [
        ({"type": "text"}, hub.Output(form="text")),
        ({"type": "json_object"}, hub.Output(form="json")),
        (
            {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True, "description": "d"},
            hub.Output(form="schema", name="n", description="d", schema=hub.Raw(b'{"a": 1}'), strict=True),
        ),
        ({"type": "json_schema", "name": "answer"}, hub.Output(form="schema", name="answer")),
    ],
)
def test_the_form_of_the_answer_is_the_hubs(format: Any, output: hub.Output) -> None:
    question = asked(text={"format": format, "verbosity": "high"})
    assert (question.output, question.verbosity) == (output, "high")
    assert again(question)["text"] == {"format": format, "verbosity": "high"}
    assert asked(text={"format": None}).output is None


def test_numbers_names_and_labels_are_read_and_written_back() -> None:
    fields = {
        "max_output_tokens": 5,
        "temperature": 0.5,
        "top_p": 1,
        "top_logprobs": 3,
        "include": ["message.output_text.logprobs"],
        "safety_identifier": "u",
        "metadata": {"k": "v"},
        "service_tier": "flex",
        "prompt_cache_retention": "24h",
        "reasoning": {"effort": "low", "summary": "novel", "context": "all"},
        "stream": True,
    }
    question = asked({"role": "user", "content": "hi"}, **fields)
    assert question.sampling == hub.Sampling(temperature=0.5, top_p=1, logprobs=True, top_logprobs=3)
    assert (question.max_output, question.user, question.store) == (5, "u", None)
    assert again(question) == {"model": "m", "input": "hi", "store": False, **fields}
    assert again(asked(user="v"))["user"] == "v"
    assert asked(top_logprobs=2).sampling == hub.Sampling()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m","input":5}', "input"),
        (b'{"model":"m","input":[5]}', "input[0]"),
        (b'{"model":"m","input":[{}]}', "input[0]"),
        (b'{"model":"m","input":[{"type":5}]}', "input[0]"),
        (b'{"model":"m","input":[{"type":"message"}]}', "input[0].role"),
        (b'{"model":"m","input":' + b"[" * 2000 + b"]" * 2000 + b"}", None),
        (b'{"model":"m","metadata":{"a":' + b"1" * 5000 + b"}}", None),
    ],
)
def test_what_cannot_be_read_is_the_callers_fault(body: bytes, param: str | None) -> None:
    with pytest.raises(Malformed) as caught:
        question_of(body)
    assert caught.value.param == param


def test_a_body_that_would_be_nested_too_deep_is_not_sent() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    question = hub.Question(model="m", turns=(), metadata=deep)
    with pytest.raises(Malformed):
        body_of(question, "m")


def test_a_body_without_turns_is_one() -> None:
    assert again(question_of(b'{"model":"m","prompt":null,"input":null}')) == {
        "model": "m",
        "input": [],
        "store": False,
    }
    assert question_of(b'{"model":5,"input":"a"}').model == ""


@pytest.mark.parametrize(
    "asked",
    [{"modalities": ("text",)}, {"sampling": hub.Sampling(choices=1)}, {"sampling": hub.Sampling(logprobs=False)}],
)
def test_what_asks_for_nothing_is_not_refused(asked: dict[str, Any]) -> None:
    """pydantic-ai's `google:` says `responseModalities: ["TEXT"]` with every call; many clients of chat say `n: 1`."""
    question = hub.Question(
        model="m", turns=(hub.Turn(role="user", parts=(hub.Text(text="hi"),)),), origin=hub.CHAT, **asked
    )
    assert json.loads(body_of(question, "m")) == {"model": "m", "input": "hi", "store": False}


def test_what_asks_for_another_kind_of_output_is_refused() -> None:
    question = hub.Question(model="m", turns=(), modalities=("text", "audio"))
    with pytest.raises(hub.Unsupported):
        body_of(question, "m")
