"""What callers of OpenAI's chat and of Gemini's API get from one another's vendors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.gemini.translation.calls import UNSIGNED
from headworks.wire.gemini.translation.decoder import GeneratePieces
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import VendorSide
from headworks.wire.sse import events_in
from headworks.wire.translated import between
from tests.wire.gemini.corpus import ANSWERS, RECORDED, STREAMS, body, model, question, user
from tests.wire.hub.samples import asked

NEW = "gemini-3.5-flash"
OLD = "gemini-2.5-flash"


def side(caller: Any, vendor: Any) -> VendorSide:
    found = between(caller, vendor)
    assert found is not None
    return found


TO_GEMINI = side(CHAT, GEMINI)
TO_OPENAI = side(GENERATE, OPENAI)


def call(caller: Any, said: Any, **fields: Any) -> Call:
    return Call(id="r1", alias="assistant", body=body(said), dialect=caller, **fields)


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "a", "messages": list(messages) or [{"role": "user", "content": "hi"}], **fields}


def sent(said: Any, name: str = NEW) -> Any:
    """What a vendor of Gemini's is sent for a caller of OpenAI's."""
    return json.loads(TO_GEMINI.request(call(CHAT, said), json.dumps(name).encode(), counted=True))


def forwarded(said: Any, *, streamed: bool = False) -> Any:
    """What a vendor of OpenAI's is sent for a caller of Gemini's."""
    made = call(GENERATE, said, streamed=streamed, include_usage=True)
    return json.loads(TO_OPENAI.request(made, b'"gpt"', counted=True))


def told(stream: bytes, caller: Any, way: VendorSide) -> tuple[list[Chunk], Any]:
    decoder = way.decoder(
        call(caller, chat() if caller is CHAT else question(), include_usage=True, streamed=True), b"{}"
    )
    assert decoder is not None
    return decoder.feed(stream) + decoder.end(), decoder


def events(chunks: Sequence[Chunk]) -> list[Any]:
    data = b"".join([chunk.data for chunk in chunks])
    return [json.loads(one.data) for one in events_in(data) if one.data != b"[DONE]"]


CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
OTHER = {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}


# OpenAI's callers at Gemini


def test_the_model_and_the_way_of_delivery_stand_in_the_path_and_the_tokens_are_always_told() -> None:
    assert TO_GEMINI.path("gemini-x", streamed=True) == b"/models/gemini-x:streamGenerateContent?alt=sse"
    assert TO_GEMINI.path("tunedModels/a b", streamed=False) == b"/tunedModels/a%20b:generateContent"
    assert "stream" not in json.dumps(sent(chat(stream=True)))


def test_results_of_one_turns_calls_are_one_content_in_order_and_what_comes_between_follows_them() -> None:
    said = sent(
        chat(
            {"role": "system", "content": "S"},
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "I call.", "tool_calls": [CALLED, OTHER]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "system", "content": "mind"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
            {"role": "user", "content": "and?"},
        )
    )
    assert said["systemInstruction"] == {"parts": [{"text": "S"}]}
    assert said["contents"] == [
        user({"text": "go"}),
        model(
            {"text": "I call."},
            {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": UNSIGNED},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        ),
        user(
            {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"id": "c2", "name": "g", "response": {"output": "two"}}},
            {"text": "System instruction: mind"},
            {"text": "and?"},
        ),
    ]


def test_a_model_before_gemini_3_is_sent_no_signature_in_place_of_one() -> None:
    said = sent(chat({"role": "assistant", "tool_calls": [CALLED]}, {"role": "user", "content": "x"}), OLD)
    assert "thoughtSignature" not in json.dumps(said)


def test_a_signature_goes_to_openais_client_and_comes_back() -> None:
    chunks, _ = told(STREAMS["thinking_call.sse"], CHAT, TO_GEMINI)
    deltas = [choice["delta"] for one in events(chunks) for choice in one["choices"]]
    [made] = [one for delta in deltas for one in delta.get("tool_calls", ())]
    signature = made["extra_content"]["google"]["thought_signature"]
    back = sent(chat({"role": "assistant", "tool_calls": [{name: made[name] for name in made if name != "index"}]}))
    assert back["contents"] == [
        model({"functionCall": {"name": "now", "args": {}}, "thoughtSignature": signature}),
    ]
    assert [choice["finish_reason"] for one in events(chunks) for choice in one["choices"]][-1] == "tool_calls"


def test_calls_without_an_id_get_one_each_and_the_same_whenever_the_answer_is_read() -> None:
    made = GeneratePieces().whole(ANSWERS["parallel_calls.json"]).choices[0].parts
    ids = [part.id for part in made if isinstance(part, hub.ToolCall)]
    assert len(set(ids)) == 3
    assert all(len(id) <= 40 for id in ids)
    assert ids == [
        part.id
        for part in GeneratePieces().whole(ANSWERS["parallel_calls.json"]).choices[0].parts
        if isinstance(part, hub.ToolCall)
    ]


def test_instructions_alone_are_the_users_turn_and_nothing_at_all_is_a_blank_one() -> None:
    assert sent(chat({"role": "system", "content": "S"})) == {"contents": [user({"text": "S"})]}
    assert sent({"model": "a", "messages": []})["contents"] == [user({"text": " "})]


@pytest.mark.parametrize(
    ("name", "fields", "thinking"),
    [
        (NEW, {"reasoning_effort": "high"}, {"thinkingLevel": "HIGH"}),
        (NEW, {"reasoning_effort": "none"}, {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro-preview", {"reasoning_effort": "minimal"}, {"thinkingLevel": "LOW"}),
        (OLD, {"reasoning_effort": "medium"}, {"thinkingBudget": 8192}),
        (OLD, {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
        (OLD, {"reasoning_effort": "novel"}, {"thinkingBudget": -1}),
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, {"thinkingBudget": 128}),
        ("gemini-2.0-flash", {"reasoning_effort": "high"}, None),
        (NEW, {}, None),
    ],
)
def test_effort_is_what_each_generation_takes(name: str, fields: Any, thinking: Any) -> None:
    assert sent(chat(**fields), name).get("generationConfig", {}).get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("name", "reasoning", "thinking"),
    [
        (OLD, hub.Reasoning(budget=100_000, shown="full"), {"includeThoughts": True, "thinkingBudget": 24_576}),
        (OLD, hub.Reasoning(mode="adaptive"), {"thinkingBudget": -1}),
        (OLD, hub.Reasoning(shown="none"), {"includeThoughts": False}),
        (NEW, hub.Reasoning(budget=1), {"thinkingLevel": "MINIMAL"}),
        (NEW, hub.Reasoning(budget=2000), {"thinkingLevel": "MEDIUM"}),
        (NEW, hub.Reasoning(budget=90_000), {"thinkingLevel": "HIGH"}),
        (NEW, hub.Reasoning(mode="adaptive"), None),
        (NEW, hub.Reasoning(mode="off"), {"thinkingLevel": "MINIMAL"}),
    ],
)
def test_a_budget_is_what_each_generation_takes(name: str, reasoning: hub.Reasoning, thinking: Any) -> None:
    said = json.loads(body_of(asked(reasoning=reasoning), name))
    assert said.get("generationConfig", {}).get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("choice", "names", "config"),
    [
        ("required", ["f", "g"], {"mode": "ANY"}),
        ("none", ["f", "g"], {"mode": "NONE"}),
        ({"type": "function", "function": {"name": "f"}}, ["f", "g"], {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "g"}}]},
            },
            ["g"],
            {"mode": "AUTO"},
        ),
    ],
)
def test_the_choice_among_functions(choice: Any, names: list[str], config: Any) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    said = sent(chat(tools=tools, tool_choice=choice))
    assert [one["name"] for one in said["tools"][0]["functionDeclarations"]] == names
    assert said["toolConfig"]["functionCallingConfig"] == config


SEARCH = hub.HostedTool(kind="web_search", dialect=hub.MESSAGES, value={})
NOVEL = hub.HostedTool(kind="novel", dialect=hub.MESSAGES, value={})


@pytest.mark.parametrize(
    ("name", "tools", "written"),
    [
        (OLD, (SEARCH, NOVEL, SEARCH), [{"googleSearch": {}}]),
        (OLD, (hub.Tool(name="f"), SEARCH), [{"functionDeclarations": [{"name": "f"}]}]),
        (NEW, (hub.Tool(name="f"), SEARCH), [{"functionDeclarations": [{"name": "f"}]}]),
        (NEW, (NOVEL,), None),
    ],
)
def test_a_hosted_tool_is_googles_where_no_function_stands_beside(name: str, tools: Any, written: Any) -> None:
    said = json.loads(body_of(asked(tools=tools, tool_choice=hub.ToolChoice()), name))
    assert said.get("tools") == written
    assert ("toolConfig" in said) == (written is not None)


def test_groups_and_tools_that_take_free_text_are_functions() -> None:
    group = hub.ToolGroup(name="files", tools=(hub.CustomTool(name="patch", description="Patches."),))
    [tool] = json.loads(body_of(asked(tools=(group,)), NEW))["tools"]
    [function] = tool["functionDeclarations"]
    assert (function["name"], function["description"]) == ("files__patch", "Patches.")
    assert function["parametersJsonSchema"]["required"] == ["input"]


def test_a_picture_in_a_result_stands_in_it_from_gemini_3_on_and_follows_it_before() -> None:
    picture = hub.Image(source=hub.Inline("iVBO", "image/png"))
    found = hub.Found(url="u", title="t", parts=(hub.Text(text="x"),))
    parts = (
        hub.Text(text="a"),
        hub.Value({"b": 1}),
        found,
        hub.Refusal(text="no"),
        hub.Only(dialect=hub.GENERATE, value=1),
        picture,
    )
    turn = hub.Turn(role="tool", parts=(hub.ToolResult(call_id="c", name="f", parts=parts),))
    asked_for = hub.Question(model="m", turns=(turn,), origin=hub.MESSAGES)
    text = 'a\n{"b":1}\nt\nu\nx\nno'
    new, old = (json.loads(body_of(asked_for, name))["contents"][0]["parts"] for name in (NEW, OLD))
    blob = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
    assert new == [{"functionResponse": {"id": "c", "name": "f", "response": {"output": text}, "parts": [blob]}}]
    assert old == [{"functionResponse": {"id": "c", "name": "f", "response": {"output": text}}}, blob]


def test_values_and_errors_of_results() -> None:
    results = (
        hub.ToolResult(call_id="a", name="f", parts=(hub.Value([1]),)),
        hub.ToolResult(call_id="b", name="f", parts=(hub.Value({"x": 1}),), is_error=True),
        hub.ToolResult(call_id="c", name="f", parts=()),
    )
    asked_for = hub.Question(model="m", turns=(hub.Turn(role="tool", parts=results),), origin=hub.MESSAGES)
    [content] = json.loads(body_of(asked_for, NEW))["contents"]
    given = [part["functionResponse"]["response"] for part in content["parts"]]
    assert given == [{"output": [1]}, {"error": {"x": 1}}, {"output": ""}]


@pytest.mark.parametrize(
    ("arguments", "args"), [("", {}), ("[1]", {"input": [1]}), ("{broken", {"input": "{broken"}), ('{"a":1}', {"a": 1})]
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, args: Any) -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    [content] = sent(chat({"role": "assistant", "tool_calls": [called]}))["contents"]
    assert content["parts"][0]["functionCall"]["args"] == args


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x.example/a"}},
            {"fileUri": "https://x.example/a", "mimeType": "image/jpeg"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.example/a.WEBP?w=1#x"}},
            {"fileUri": "https://x.example/a.WEBP?w=1#x", "mimeType": "image/webp"},
        ),
    ],
)
def test_a_picture_behind_an_address_is_named_with_its_kind(part: Any, written: Any) -> None:
    assert sent(chat({"role": "user", "content": [part]}))["contents"][0]["parts"] == [{"fileData": written}]


def test_an_answer_of_geminis_as_a_chat_completion() -> None:
    chunk = TO_GEMINI.whole(ANSWERS["grounded.json"], call(CHAT, chat()))
    said = json.loads(chunk.data)
    [choice] = said["choices"]
    text = "Café: London is cloudy. It is 19°C."
    assert choice["message"]["content"] == text
    places = [one["url_citation"] for one in choice["message"]["annotations"]]
    assert [(one["url"], text[one["start_index"] : one["end_index"]]) for one in places] == [
        ("https://a.example/w", "Café: London is cloudy."),
        ("https://a.example/w", "It is 19°C."),
        ("https://b.example", "It is 19°C."),
    ]
    assert said["usage"]["completion_tokens"] == 60
    assert (said["id"], said["model"], choice["finish_reason"], chunk.finish) == (
        "g1",
        "gemini-2.5-flash",
        "stop",
        "stop",
    )


@pytest.mark.parametrize(
    ("name", "finish", "word"),
    [
        ("blocked.json", "content_filter", "content_filter"),
        ("malformed_call.json", "stop", "malformed_call"),
        ("parallel_calls.json", "tool_calls", "tool_calls"),
    ],
)
def test_how_an_answer_ends_in_openais_words(name: str, finish: str, word: str) -> None:
    chunk = TO_GEMINI.whole(ANSWERS[name], call(CHAT, chat()))
    assert (json.loads(chunk.data)["choices"][0]["finish_reason"], chunk.finish) == (finish, word)


@pytest.mark.parametrize("name", [name for name in STREAMS if "error" not in name and "overloaded" not in name])
def test_a_stream_of_geminis_is_a_chat_that_ends(name: str) -> None:
    chunks, decoder = told(STREAMS[name], CHAT, TO_GEMINI)
    assert decoder.fault is None
    assert b"".join([one.data for one in chunks]).endswith(b"data: [DONE]\n\n")
    text = "".join(
        [
            choice["delta"].get("content") or ""
            for one in events(chunks)
            for choice in one["choices"]
            if not choice["index"]
        ]
    )
    assert text == "".join([one.text for one in chunks])
    assert len([one for one in events(chunks) if one.get("usage")]) == (0 if decoder.usage is None else 1)


def test_a_key_of_ours_that_is_refused_is_told_in_our_words() -> None:
    error = TO_GEMINI.error(400, (), RECORDED["api_key.json"], 0.0)
    assert (error.blame, CHAT.status(error), json.loads(CHAT.problem(error))["error"]["code"]) == (
        "vendor",
        502,
        "upstream_denied",
    )


# Gemini's callers at OpenAI


def test_a_question_of_geminis_as_a_chat() -> None:
    said = forwarded(
        question(
            user({"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}),
            model({"functionCall": {"name": "f", "args": {"a": 1}}}, {"functionCall": {"name": "f", "args": {}}}),
            user(
                {"functionResponse": {"name": "f", "response": {"output": "one"}}},
                {"functionResponse": {"name": "f", "response": {"result": 2}}},
                {"functionResponse": {"name": "g", "response": {}}},
            ),
            systemInstruction={"parts": [{"text": "S"}]},
            tools=[
                {
                    "functionDeclarations": [
                        {
                            "name": "f",
                            "parameters": {
                                "type": "OBJECT",
                                "properties": {"a": {"type": "STRING", "nullable": True, "enum": ["x"]}},
                            },
                        }
                    ]
                }
            ],
            toolConfig={"functionCallingConfig": {"mode": "ANY"}},
            generationConfig={
                "maxOutputTokens": 9,
                "thinkingConfig": {"thinkingLevel": "LOW"},
                "responseMimeType": "application/json",
            },
            safetySettings=[],
        ),
        streamed=True,
    )
    calls = said["messages"][2]["tool_calls"]
    assert [one["id"] for one in calls] == ["hw_call_0", "hw_call_1"]
    assert [one.get("tool_call_id") for one in said["messages"][3:]] == ["hw_call_0", "hw_call_1", None]
    assert said["messages"][0] == {"role": "system", "content": "S"}
    assert said["messages"][1]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBO"},
    }
    assert said["tools"][0]["function"]["parameters"]["properties"]["a"] == {
        "type": ["string", "null"],
        "enum": ["x", None],
    }
    assert (said["stream"], said["stream_options"], said["model"]) == (True, {"include_usage": True}, "gpt")
    assert (said["tool_choice"], said["max_completion_tokens"], said["reasoning_effort"]) == ("required", 9, "low")
    assert said["response_format"] == {"type": "json_object"}


def chunk(delta: Any, finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **fields}
    return b"data: %b\n\n" % json.dumps({"id": "c", "model": "gpt", "created": 1, "choices": [choice]}).encode()


COUNTS = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'
DONE = b"data: [DONE]\n\n"


def fragment(index: int, arguments: str, **fields: Any) -> dict[str, Any]:
    return {
        "tool_calls": [
            {
                "index": index,
                **fields,
                "function": {"arguments": arguments, **({"name": fields["id"]} if "id" in fields else {})},
            }
        ]
    }


def test_calls_that_grow_side_by_side_are_whole_in_one_event_at_the_end() -> None:
    stream = (
        chunk({"role": "assistant", "content": "I "})
        + chunk({"content": "call."})
        + chunk(fragment(0, '{"a"', id="f", type="function"))
        + chunk(fragment(1, "{}", id="g", type="function"))
        + chunk(fragment(0, ":1}"))
        + chunk({}, "tool_calls")
        + COUNTS
        + DONE
    )
    chunks, decoder = told(stream, GENERATE, TO_OPENAI)
    said = events(chunks)
    assert [one["candidates"][0]["content"]["parts"] for one in said] == [
        [{"text": "I "}],
        [{"text": "call."}],
        [
            {"functionCall": {"id": "f", "name": "f", "args": {"a": 1}}},
            {"functionCall": {"id": "g", "name": "g", "args": {}}},
        ],
    ]
    assert said[-1]["candidates"][0]["finishReason"] == "STOP"
    assert said[-1]["usageMetadata"] == {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9}
    assert {one["responseId"] for one in said} == {"c"}
    assert (decoder.finish, decoder.is_done) == ("STOP", True)


def test_arguments_that_are_no_json_end_like_geminis_own_malformed_call() -> None:
    stream = chunk(fragment(0, '{"a"', id="f", type="function")) + chunk({}, "tool_calls") + COUNTS + DONE
    [said] = events(told(stream, GENERATE, TO_OPENAI)[0])
    [candidate] = said["candidates"]
    assert (candidate["finishReason"], candidate["content"]["parts"]) == ("MALFORMED_FUNCTION_CALL", [{"text": ""}])
    assert "`f`" in candidate["finishMessage"]
    message = {"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f", "arguments": "{"}}]}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    answer = json.loads(TO_OPENAI.whole(body(whole), call(GENERATE, question())).data)
    assert answer["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"


def test_text_behind_calls_and_thoughts_between_keep_their_order() -> None:
    stream = (
        chunk({"reasoning_content": "hm"})
        + chunk(fragment(0, "{}", id="f", type="function"))
        + chunk({"content": "then"})
        + chunk({"reasoning_content": "and"})
        + chunk({"refusal": "no"})
        + chunk({"refusal": ""})
        + chunk({}, "stop")
        + DONE
    )
    chunks, _ = told(stream, GENERATE, TO_OPENAI)
    assert [part for one in events(chunks) for part in one["candidates"][0]["content"]["parts"]] == [
        {"text": "hm", "thought": True},
        {"functionCall": {"id": "f", "name": "f", "args": {}}},
        {"text": "then"},
        {"text": "and", "thought": True},
        {"text": "no"},
        {"text": ""},
    ]


def test_two_choices_likelihoods_and_citations_stand_in_the_last_event() -> None:
    token = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}],
    }
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://x.example", "title": "X", "start_index": 0, "end_index": 1},
    }
    stream = (
        chunk({"content": "é."}, logprobs={"content": [token], "refusal": None})
        + chunk({"content": "x"}, index=1)
        + chunk({"annotations": [note, {"type": "file_citation"}]})
        + chunk({}, "stop")
        + chunk({}, "length", index=1)
        + COUNTS
        + DONE
    )
    chunks, _ = told(stream, GENERATE, TO_OPENAI)
    first, second = events(chunks)[-1]["candidates"]
    assert first["logprobsResult"] == {
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -2.0}]}],
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
    }
    assert first["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://x.example", "title": "X"}}],
        "groundingSupports": [{"segment": {"endIndex": 2, "text": "é"}, "groundingChunkIndices": [0]}],
    }
    assert (second["finishReason"], second["index"]) == ("MAX_TOKENS", 1)


def test_an_answer_of_openais_as_geminis() -> None:
    message = {
        "role": "assistant",
        "content": "see",
        "reasoning_content": "hm",
        "refusal": "no",
        "tool_calls": [CALLED],
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}],
        "audio": {"id": "a", "data": "UklG", "transcript": "x", "expires_at": 5},
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
    }
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 1},
    }
    logprobs = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}], "refusal": None}
    whole = {
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": logprobs}],
        "usage": usage,
    }
    answer = json.loads(TO_OPENAI.whole(body(whole), call(GENERATE, question())).data)
    assert answer["candidates"][0]["content"]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "see"},
        {"text": "no"},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
    ]
    assert answer["candidates"][0]["groundingMetadata"]["groundingChunks"] == [{"web": {"uri": "u", "title": "t"}}]
    assert answer["candidates"][0]["logprobsResult"] == {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    assert answer["usageMetadata"] == {
        "promptTokenCount": 9,
        "cachedContentTokenCount": 2,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 17,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 6}, {"modality": "AUDIO", "tokenCount": 3}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 1}],
    }
    assert (answer["modelVersion"], answer["responseId"]) == ("assistant", "r1")


def test_sound_and_whole_parts_of_a_stream() -> None:
    encoder = GenerateEvents(id="r", model="m")
    thought = hub.Thinking(origin=hub.CHAT)
    cited = hub.Text(text="a", citations=(hub.Citation(url="u"), hub.Citation(title="a book"), hub.Citation(url="u")))
    data = encoder.feed(
        [
            hub.Started(id="x", usage=hub.Usage(tokens=Usage(input=3))),
            hub.AudioDelta(transcript="words only"),
            hub.AudioDelta(data="QQ=="),
            hub.AudioDelta(data="QQ==", media_type="audio/wav"),
            hub.Whole(value=thought, part=1),
            hub.Whole(value=cited, part=2),
            hub.ThinkingDelta(origin=hub.CHAT, part=3),
            hub.TextDelta(text="", part=4),
            hub.RefusalDelta(text="", part=5),
            hub.ToolCallDelta(name="f", part=6),
            hub.RefusalDelta(text="n", part=7),
            hub.RefusalDelta(text="o", part=7),
            hub.OnlyEvent(dialect=hub.MESSAGES, value={"type": "ping"}),
            hub.LikelyDelta(),
        ]
    )
    data += encoder.end()
    first, last = [json.loads(one.data) for one in events_in(data)]
    assert first["candidates"][0]["content"]["parts"] == [
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "QQ=="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}},
        {"text": "a"},
        {"functionCall": {"name": "f", "args": {}}},
        {"text": "no"},
    ]
    assert len(last["candidates"][0]["groundingMetadata"]["groundingSupports"]) == 2
    assert "finishReason" not in last["candidates"][0]
    assert last["usageMetadata"]["promptTokenCount"] == 3


def test_what_is_nested_too_deep_to_be_written_is_garbled() -> None:
    nested: Any = 0
    for _ in range(3000):
        nested = [nested]
    extra = {hub.GENERATE: {"x": nested}}
    with pytest.raises(Garbled):
        GenerateEvents().whole(hub.Answer(choices=(), extra=extra))
    encoder = GenerateEvents()
    with pytest.raises(Garbled):
        encoder.feed([hub.TextDelta(text="a"), hub.ChoiceExtra(extra=extra)])
    encoder = GenerateEvents()
    encoder.feed([hub.ChoiceExtra(extra=extra)])
    with pytest.raises(Garbled):
        encoder.end()


# Rare pieces and parts


def test_free_text_of_a_custom_tool_is_the_argument_input() -> None:
    called = hub.ToolCall(id="c", name="patch", arguments="*** Begin", is_custom=True)
    answer = hub.Answer(choices=(hub.Choice(parts=(called,), finish=hub.Finish(reason="tool_calls")),))
    [part] = json.loads(GenerateEvents().whole(answer))["candidates"][0]["content"]["parts"]
    assert part == {"functionCall": {"id": "c", "name": "patch", "args": {"input": "*** Begin"}}}


def test_what_has_no_words_in_geminis_answer_is_left_out() -> None:
    parts = (
        hub.Audio(id="a", transcript="x"),
        hub.Value({"a": 1}),
        hub.Thinking(origin=hub.CHAT),
        hub.ToolCall(id="", name="f", arguments=""),
        hub.ToolResult(call_id="c", parts=()),
    )
    answer = hub.Answer(choices=(hub.Choice(parts=parts),))
    said = json.loads(GenerateEvents().whole(answer))["candidates"][0]
    assert said["content"]["parts"] == [{"text": '{"a":1}'}, {"functionCall": {"name": "f", "args": {}}}]
    assert "finishReason" not in said


def test_likelihoods_without_a_number_are_tokens_all_the_same() -> None:
    answer = hub.Answer(choices=(hub.Choice(likely=(hub.Likely(token="a"),)),))
    said = json.loads(GenerateEvents().whole(answer))["candidates"][0]
    assert said["logprobsResult"] == {"chosenCandidates": [{"token": "a"}]}


def test_what_only_this_api_says_of_a_candidate_is_said_again_as_often() -> None:
    result = {"chosenCandidates": [{"token": "a"}], "logProbabilitySum": -1}
    one = {"content": {"parts": [{"text": "a"}]}, "logprobsResult": result, "safetyRatings": [1], "novel": 1}
    stream = b"".join(
        b"data: %b\n\n" % body({"candidates": [said], "createTime": "now", "novel": 1})
        for said in (one, {"safetyRatings": [2]}, {"finishReason": "STOP"}, {"finishReason": "STOP"})
    )
    stream += b'data: {"createTime": "now", "candidates": ["odd"]}\n\n'
    vendor, caller = GeneratePieces(), GenerateEvents()
    said = [json.loads(one.data) for one in events_in(caller.feed(vendor.feed(stream)) + caller.end())]
    assert [one["candidates"][0].get("safetyRatings") for one in said] == [[1], [2]]
    assert [one["candidates"][0]["logprobsResult"] for one in said] == [
        {"logProbabilitySum": -1},
        {"chosenCandidates": [{"token": "a"}]},
    ]
    assert [one["createTime"] for one in said] == ["now", "now"]
    whole = GenerateEvents().whole(GeneratePieces().whole(body({"candidates": [one]})))
    assert json.loads(whole)["candidates"][0]["logprobsResult"] == result


def test_sound_of_a_stream_says_its_kind_and_words_alone_are_no_sound() -> None:
    stream = (
        chunk({"audio": {"id": "a", "transcript": "x"}}) + chunk({"audio": {"data": "QQ=="}}) + chunk({}, "stop") + DONE
    )
    chunks, _ = told(stream, GENERATE, TO_OPENAI)
    parts = [part for one in events(chunks) for part in one["candidates"][0]["content"]["parts"]]
    assert parts[0]["inlineData"]["data"] == "QQ=="


def test_grounding_behind_each_text_is_told_once_of_a_stream() -> None:
    grounding = json.loads(RECORDED["grounded.json"])["candidates"][0]["groundingMetadata"]
    text = "Café: London is cloudy. It is 19°C."
    stream = b"data: %b\n\n" % body({"candidates": [{"content": {"parts": [{"text": text[:10]}]}}]})
    last = {"content": {"parts": [{"text": text[10:]}]}, "groundingMetadata": grounding, "finishReason": "STOP"}
    stream += b"data: %b\n\n" % body({"candidates": [last]})
    chunks, _ = told(stream, CHAT, TO_GEMINI)
    notes = [
        note for one in events(chunks) for choice in one["choices"] for note in choice["delta"].get("annotations", ())
    ]
    assert [text[one["url_citation"]["start_index"] : one["url_citation"]["end_index"]] for one in notes] == [
        "Café: London is cloudy.",
        "It is 19°C.",
        "It is 19°C.",
    ]


def test_a_thought_before_a_cited_text_and_members_of_a_content_stay() -> None:
    content = {"parts": [{"text": "hm", "thought": True}, {"text": "a"}], "novel": 1}
    cited = {"citationSources": [{"uri": "u", "endIndex": 1}]}
    said = {"candidates": [{"content": content, "citationMetadata": cited}]}
    [choice] = GeneratePieces().whole(body(said)).choices
    assert [len(part.citations) for part in choice.parts if isinstance(part, hub.Text)] == [1]
    written = json.loads(GenerateEvents().whole(hub.Answer(choices=(choice,))))
    assert written["candidates"][0]["content"] == {**content, "role": "model"}
    assert written["candidates"][0]["citationMetadata"] == cited


def test_more_text_is_told_by_candidate_and_what_is_new_beside_it_is_told_too() -> None:
    def event(*candidates: Any, **fields: Any) -> bytes:
        return b"data: %b\n\n" % body({"candidates": candidates, **fields})

    def said(text: str, index: int, role: str = "model") -> dict[str, Any]:
        return {"content": {"parts": [{"text": text}, {"text": ""}], "role": role}, "index": index}

    vendor = GeneratePieces()
    vendor.feed(event(said("a", 0), said("x", 1), responseId="r"))
    pieces = vendor.feed(event(said("b", 0), said("y", 1), responseId="r") + event(said("c", 0), responseId="r"))
    assert [(piece.text, piece.choice) for piece in pieces if isinstance(piece, hub.TextDelta)] == [
        *(("b", 0), ("y", 1), ("c", 0)),
    ]
    assert next(type(piece) for piece in vendor.feed(event(said("z", 2), responseId="r"))) is hub.ChoiceStarted
    assert vendor.feed(event(said("d", 0), responseId="s"))[0] == hub.Started(id="s")
    assert vendor.feed(event(said("e", 0), responseId="s", modelVersion="m"))[0] == hub.Started(model="m")


def test_a_picture_that_is_an_instruction_between_turns_is_one_without_words() -> None:
    picture = hub.Image(source=hub.Inline("iVBO", "image/png"))
    turns = (
        hub.Turn(role="system", parts=(picture, hub.Text(text="look"))),
        hub.Turn(role="user", parts=(hub.Text(text=""),)),
    )
    [content] = json.loads(body_of(hub.Question(model="m", turns=turns, origin=hub.CHAT), NEW))["contents"]
    assert content["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        {"text": "System instruction: look"},
    ]
