"""Every chat body, answer and stream that stands in the tests of `wire/`: the recorded ones, and each text in their code.

Those of this folder are left out: what is said here for the hub stands below.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from headworks.wire.openai.chat import is_stream

WIRE = Path(__file__).parents[2]
RECORDED = WIRE / "openai" / "recorded"


def _texts() -> dict[str, bytes]:
    """Bytes literals of the tests by place, and the recorded files by name."""
    found = {path.name: path.read_bytes() for path in sorted(RECORDED.iterdir())}
    for path in sorted(set(WIRE.rglob("test_*.py")) - set(Path(__file__).parent.iterdir())):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                found[f"{path.stem}:{node.lineno}:{node.col_offset}"] = node.value
    return found


def _has(text: bytes, name: str) -> bool:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and isinstance(said.get(name), list)


_FOUND = _texts()

STREAMS = {name: text for name, text in _FOUND.items() if is_stream(text) and b"choices" in text}
ANSWERS = {name: text for name, text in _FOUND.items() if _has(text, "choices")}
QUESTIONS = {name: text for name, text in _FOUND.items() if _has(text, "messages")}


# What clients send, in the forms of `openai`'s types and of the clients themselves


def _question(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


_CALL = {"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": '{"command":"ls"}'}}
_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"command": {"type": "string", "description": "é \u2028"}, "deep": {"$ref": "#/$defs/x"}},
    "required": ["command"],
    "additionalProperties": False,
    "$defs": {"x": {"type": ["string", "null"], "default": None}},
}

_MORE_QUESTIONS: dict[str, bytes] = {
    "OpenCode": _question(
        messages=[
            {"role": "system", "content": "You are OpenCode."},
            {"role": "system", "content": "# Environment"},
            {"role": "user", "content": [{"type": "text", "text": "list"}]},
            {"role": "assistant", "content": "I look.", "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a.txt\n"},
        ],
        tools=[{"type": "function", "function": {"name": "bash", "description": "Runs.", "parameters": _SCHEMA}}],
        tool_choice="auto",
        max_tokens=32000,
        temperature=0,
        top_p=1,
        stream=True,
        stream_options={"include_usage": True},
    ),
    "Qwen Code": _question(
        messages=[
            {"role": "system", "content": [{"type": "text", "text": "Q", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ],
        metadata={"sessionId": "s", "promptId": "p"},
        vl_high_resolution_images=True,
    ),
    "pi": _question(
        messages=[{"role": "developer", "content": "pi"}, {"role": "user", "content": "go"}],
        stream=True,
        store=False,
        max_completion_tokens=32000,
        reasoning_effort="high",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        tools=[{"type": "function", "function": {"name": "read", "parameters": _SCHEMA, "strict": False}}],
    ),
    "both bounds": _question(max_tokens=1, max_completion_tokens=2),
    "bounds that are none": _question(max_tokens=-1, n=1.0, seed=-3, top_logprobs="many"),
    "every field": _question(
        n=2,
        stop=["a", "b"],
        seed=7,
        logprobs=True,
        top_logprobs=3,
        logit_bias={"50256": -100},
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        top_k=40,
        min_p=0.1,
        parallel_tool_calls=False,
        user="u",
        safety_identifier="s",
        service_tier="flex",
        verbosity="low",
        modalities=["text", "audio"],
        audio={"voice": {"id": "voice_1"}, "format": "wav", "speed": 2},
        prediction={"type": "content", "content": "x"},
        web_search_options={"search_context_size": "low"},
        prompt_cache_options={"mode": "explicit", "ttl": "30m"},
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": _SCHEMA, "strict": True}},
        reasoning={"effort": "low", "exclude": True},
        moderation=None,
        unknown={"a": [1, None, {"b": 1e5}]},
    ),
    "the user's newer name": _question(safety_identifier="s", stop="x"),
    "JSON without a schema": _question(response_format={"type": "json_object"}),
    "text": _question(response_format={"type": "text"}),
    "a form that nobody knows": _question(response_format={"type": "grammar", "grammar": "root ::= x"}),
    "a schema with more": _question(response_format={"type": "json_schema", "json_schema": {"schema": {}, "x": 1}}),
    "a schema beside text": _question(response_format={"type": "text", "json_schema": {"schema": {}}}),
    "a schema without a name": _question(response_format={"type": "json_schema", "json_schema": {"schema": True}}),
    "a named tool": _question(tool_choice={"type": "function", "function": {"name": "bash"}}),
    "a named custom tool": _question(tool_choice={"type": "custom", "custom": {"name": "patch"}}),
    "allowed tools": _question(
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "a"}}]},
        }
    ),
    "allowed tools of two kinds": _question(
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "b"}}, {"type": "x"}]},
        }
    ),
    "allowed tools in no mode": _question(tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "x"}}),
    "any tool": _question(tool_choice="any"),
    "no tool": _question(tool_choice="none"),
    "a word that nobody knows": _question(tool_choice="whichever"),
    "a hosted tool": _question(tool_choice={"type": "web_search"}, tools=[{"type": "web_search", "x": 1}, "odd"]),
    "a choice that nobody knows": _question(tool_choice={"type": "function", "function": {"nom": "x"}}),
    "a choice of no type": _question(tool_choice={"function": 1}),
    "tools of many kinds": _question(
        tools=[
            {"type": "function", "function": {"name": "a"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "function", "function": {"name": "b", "parameters": {}, "strict": True, "x": [1]}, "y": 2},
            {"type": "function", "function": {"name": "c", "description": "c", "strict": "yes"}},
            {"type": "custom", "custom": {"name": "d", "description": "e", "format": {"type": "text"}, "z": 1}},
            {"type": "custom", "custom": {"name": "d"}},
            {"type": "function", "function": {"parameters": {}}},
            {"function": {"name": "e"}},
        ]
    ),
    "tools that are no list": _question(tools={"a": 1}),
    "functions": _question(
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
        functions=[{"name": "f", "description": "d", "parameters": _SCHEMA}],
        function_call={"name": "f"},
    ),
    "functions, and whichever": _question(functions=[{"name": "f"}], function_call="auto"),
    "functions that are none": _question(functions=[{"nom": "f"}], function_call={"nom": "f"}),
    "both kinds of functions": _question(functions=[{"name": "f"}], tools=[], function_call="none"),
    "pictures, sound, files and films": _question(
        messages=[
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "x": 1}, "y": 2},
                    {"type": "image_url", "image_url": "https://x.example/b.png"},
                    {"type": "image_url", "image_url": {"url": "data:image/svg+xml;charset=utf-8;base64,PHN2Zz4="}},
                    {"type": "image_url", "image_url": {"url": "data:,plain"}},
                    {"type": "image_url", "image_url": {"detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGR", "format": "wav"}},
                    {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mpeg", "x": 1}},
                    {"type": "input_audio", "input_audio": {"data": 1}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
                    {"type": "file", "file": {"file_id": "file-1", "x": 1}, "cache_control": {"type": "ephemeral"}},
                    {"type": "file", "file": {"file_data": "https://x.example/a.pdf"}},
                    {"type": "file", "file": {"file_data": "JVBE"}},
                    {"type": "file", "file": {"file_data": "JVBE", "file_id": "file-1"}},
                    {"type": "file", "file": "file-1"},
                    {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
                    {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA", "fps": 2}},
                    {"type": "video_url", "video_url": "https://x.example/a.mp4"},
                    {"type": "text", "text": 3},
                    {"type": "refusal", "refusal": None},
                    {"type": ["text"]},
                    {"type": "new", "new": 1},
                    "odd",
                ],
            }
        ]
    ),
    "an assistant's turns": _question(
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "", "refusal": None, "annotations": [], "audio": None, "tool_calls": None},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "refusal": "I cannot."},
            {"role": "assistant", "content": None, "audio": {"id": "audio_1"}},
            {"role": "assistant", "audio": {"id": "audio_1", "more": 1}},
            {"role": "assistant", "content": "x", "reasoning_content": "hm", "prefix": True},
            {"role": "assistant", "content": "x", "reasoning_content": ""},
            {"role": "assistant", "content": "x", "reasoning": "hm"},
            {"role": "assistant", "content": "x", "reasoning": "hm", "reasoning_content": "hm"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "T"}]},
                    {"type": "text", "text": "A"},
                ],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "T", "closed": True}]},
            {
                "role": "assistant",
                "content": "x",
                "reasoning": "abc",
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "abc",
                        "signature": "s",
                        "format": "anthropic-claude-v1",
                        "index": 0,
                    },
                    {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "id": "rs_1", "format": "openai-responses-v1"},
                    {"type": "reasoning.summary", "summary": "sum", "format": "new"},
                    {"type": "reasoning.new", "format": 1},
                    "odd",
                ],
                "tool_calls": [
                    {**_CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}},
                    {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                    {"function": {"name": "f", "arguments": {"already": "read"}, "x": 1}},
                ],
            },
            {"role": "assistant", "content": "x", "reasoning_details": [], "tool_calls": []},
            {"role": "assistant", "tool_calls": [_CALL, "odd"]},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "new", "new": {"name": "x"}}]},
            {"role": "assistant", "tool_calls": [{"id": 1, "type": "function", "function": {"name": "x"}}]},
            {"role": "assistant", "tool_calls": {"a": 1}, "function_call": {"name": "f"}},
            {"role": "assistant", "function_call": {"name": "f", "arguments": {}}},
            {
                "role": "tool",
                "tool_call_id": "call_1",
                "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}],
            },
            {"role": "tool", "tool_call_id": "c2", "name": "patch", "content": "", "is_error": True},
            {
                "role": "tool",
                "tool_call_id": "c3",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}}],
            },
            {"role": "tool", "content": "no id"},
            {"role": "function", "name": "f", "tool_call_id": "c", "content": None},
            {"role": "system", "content": "in the middle"},
            {"role": "oracle", "content": {"new": True}},
            {"role": "user", "content": 5},
            {"role": "user"},
        ]
    ),
    "texts and flags of other types": _question(
        user=5,
        stream="yes",
        store=1,
        verbosity=2,
        metadata=[1],
        audio="loud",
        reasoning_effort=3,
        stop=[1],
        modalities={"a": 1},
        web_search_options=[],
        logit_bias=[1],
        logprobs=5,
        max_completion_tokens="9",
        max_tokens=3,
        temperature=True,
    ),
    "numbers in other notations": b'{"model":"m","messages":[],"max_tokens":2e2,"n":2.0,"temperature":1.0,"big":12345678901234567890123}',
    "halves of a pair": b'{"model":"m","messages":[{"role":"user","content":"\\ud83d"}],"x":"\\ude00"}',
}
QUESTIONS |= _MORE_QUESTIONS


# What vendors answer


def _event(*choices: object, **fields: object) -> bytes:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": choices, **fields}).encode() + b"\n\n"


def _delta(delta: object, index: int = 0, finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"index": index, "delta": delta, "finish_reason": finish, **fields}


def _calls(*calls: object) -> bytes:
    return _event(_delta({"tool_calls": list(calls)}))


_TOKEN = {
    "token": "a",
    "logprob": -0.1,
    "bytes": [97],
    "top_logprobs": [{"token": "b", "logprob": -2.5, "bytes": None}],
}
_STOP = _event(_delta({}, finish="stop"))
_END = _STOP + _event(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}) + b"data: [DONE]\n\n"

STREAMS |= {
    "calls side by side": _calls(
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{"}},
    )
    + _calls({"index": 0, "function": {"arguments": '{"x":'}})
    + _calls({"index": 1, "function": {"arguments": "}"}}, {"index": 0, "function": {"arguments": "1}"}})
    + _END,
    "a custom call, and text behind it": _event(_delta({"role": "assistant", "content": "first"}))
    + _calls({"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": "**"}})
    + _calls({"index": 0, "custom": {"input": "*"}})
    + _event(_delta({"content": "then"}))
    + _END,
    "a call whose name comes late and again": _calls({"index": 0, "id": "a", "type": "function"})
    + _calls({"index": 0, "id": "a", "function": {"name": "f"}})
    + _calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}, "x": 1})
    + _END,
    "a call of a kind that nobody knows": _calls({"index": 0, "id": "a", "type": "novel", "function": {"name": "f"}})
    + _END,
    "a signed call": _calls(
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        }
    )
    + _END,
    "the deprecated call": _event(_delta({"role": "assistant", "function_call": {"name": "f", "arguments": ""}}))
    + _event(_delta({"function_call": {"arguments": "{}"}}))
    + _event(_delta({"content": "x", "function_call": {"name": "", "arguments": ""}}, finish="function_call"))
    + b"data: [DONE]\n\n",
    "a refusal": _event(_delta({"role": "assistant", "content": None, "refusal": ""}))
    + _event(_delta({"refusal": "I can"}, logprobs={"content": None, "refusal": [_TOKEN]}))
    + _event(_delta({"refusal": "not."}))
    + _END,
    "logprobs": _event(_delta({"content": "a"}, logprobs={"content": [_TOKEN], "refusal": None}))
    + _event(_delta({"content": ""}, logprobs={"content": [], "refusal": []}))
    + _event(_delta({"content": "a"}, logprobs={"content": [_TOKEN, {**_TOKEN, "novel": 1}]}))
    + _event(_delta({"content": "a"}, logprobs={"tokens": ["a"], "token_logprobs": [-0.1]}))
    + _event(_delta({"content": "a"}, logprobs={"content": {"a": 1}}))
    + _END,
    "sound": _event(_delta({"role": "assistant", "audio": {"id": "audio_1", "transcript": "Hel"}}))
    + _event(_delta({"audio": {"data": "UklG"}}))
    + _event(_delta({"audio": {"data": "Rg==", "transcript": "lo", "novel": 1}}))
    + _event(_delta({"audio": {"expires_at": 1729018505}}))
    + _END,
    "citations and pictures": _event(_delta({"content": "see"}))
    + _event(
        _delta(
            {
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://x.example", "title": "t", "start_index": 0, "end_index": 3},
                    },
                    {"type": "file_citation", "file_citation": {"file_id": "f"}},
                    "odd",
                ]
            }
        )
    )
    + _event(
        _delta({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}, "index": 0}]})
    )
    + _event(_delta({"images": [{"type": "new"}], "annotations": None}))
    + _END,
    "reasoning in blocks": _event(
        _delta(
            {
                "role": "assistant",
                "content": "",
                "reasoning": "a",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a", "format": "anthropic-claude-v1", "index": 0},
                ],
            }
        )
    )
    + _event(
        _delta(
            {
                "reasoning": "",
                "reasoning_details": [
                    {"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
                    {"type": "reasoning.encrypted", "data": "ZA==", "format": "openai-responses-v1", "index": 1},
                    {"type": "reasoning.summary", "summary": "in short", "index": 2},
                    "odd",
                ],
            }
        )
    )
    + _event(_delta({"content": "b", "reasoning_content": "late"}))
    + _END,
    "Mistral's content": _event(
        _delta(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "T"}, {"type": "x"}, "odd"]},
                    {"type": "text", "text": "A"},
                    {"type": "text", "text": "B", "novel": 1},
                    {"type": "text", "text": ""},
                    {"type": "reference", "reference_ids": [1]},
                    {"type": "refusal", "refusal": "no"},
                    {"type": "thinking", "thinking": []},
                    {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                ]
            }
        )
    )
    + _END,
    "what nobody knows": _event(
        _delta({"role": "assistant", "content": "a", "novel": {"x": 1}}, native_finish_reason="x", token_ids=[7]),
        provider="p",
        nvext={"worker": 1},
        list=[1],
    )
    + _event(_delta({"content": "b", "novel": {"x": 1}}, token_ids=[7]), provider="p", nvext={"worker": 2}, list=[1])
    + _event(_delta({"content": ["odd"], "tool_calls": ["odd"], "audio": {}}), service_tier="default")
    + _event("odd", _delta({"content": "c"}), _delta("odd", 1), id="c2", created=9, model="m2")
    + b'data: {"type":"ping"}\n\nevent: note\ndata: {"a":1}\n\n'
    + _END,
    "several choices in one event": _event(_delta({"content": "a"}), _delta({"content": "x"}, 1))
    + _event(_delta({"content": "b"}, finish="stop"), _delta({"content": "y"}, 1, "length"))
    + b"data: [DONE]\n\n",
    "Moonshot's usage": _event(_delta({"content": "a"}))
    + _event(_delta({}, finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}))
    + b"data: [DONE]\n\n",
    "Groq's usage": _event(_delta({"content": "a"}), x_groq={"id": "r"})
    + _event(_delta({}, finish="stop"), x_groq={"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    + b"data: [DONE]\n\n",
    "usage all the way": _event(_delta({"content": "a"}), usage={"prompt_tokens": 3, "completion_tokens": 1})
    + _event(_delta({"content": "b"}), usage={"prompt_tokens": 3, "completion_tokens": 2})
    + _END,
    "finish reasons of others": _event(
        _delta({"content": "a"}), _delta({"content": "b"}, 1), _delta({"content": "c"}, 2)
    )
    + _event(_delta({}, 0, "model_length"), _delta({}, 1, "eos"), _delta({}, 2, "novel"))
    + b"data: [DONE]\n\n",
    "halves of a pair": _event(_delta({"content": "\ud83d"})) + _event(_delta({"content": "\ude00"})) + _END,
}


def _answer(message: object, finish: str | None = "stop", **fields: object) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **fields}
    ).encode()


ANSWERS |= {
    "calls": _answer(
        {"role": "assistant", "content": None, "tool_calls": [_CALL, _CALL]}, "tool_calls", service_tier="flex"
    ),
    "the deprecated call": _answer({"function_call": {"name": "f", "arguments": "{}"}, "content": ""}, "function_call"),
    "everything beside text": _answer(
        {
            "role": "assistant",
            "content": "see",
            "refusal": "no",
            "reasoning_content": "hm",
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.example", "title": "t"}}, 5],
            "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}],
            "audio": {"id": "a", "data": "UklG", "expires_at": 5, "transcript": "x", "novel": 1},
            "novel": {"x": [1]},
        },
        usage={"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.1},
        citations=["https://x.example"],
        system_fingerprint="fp",
    ),
    "annotations without text": _answer(
        {"annotations": [{"type": "x"}], "audio": {"id": 5}, "images": ["odd"], "refusal": ""}
    ),
    "sound by its id alone": _answer({"audio": {"id": "a"}}),
    "a list as content": _answer(
        {
            "content": [
                {"type": "thinking", "thinking": "T"},
                {"type": "text", "text": "A"},
                {"type": "text", "text": "B"},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
            ]
        }
    ),
    "texts as content": _answer({"content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}),
    "reasoning in blocks": _answer(
        {
            "content": "x",
            "reasoning": "T",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "T", "signature": "s", "format": "google-gemini-v1"},
                {"type": "reasoning.encrypted", "data": "ZA=="},
            ],
        },
        usage={},
    ),
    "odd choices": b'{"choices":[5,{"message":null},{"index":7,"finish_reason":"novel","logprobs":{"content":[],"refusal":null}}],"usage":5}',
    "logprobs": json.dumps(
        {
            "id": 5,
            "created": "now",
            "choices": [
                {"message": {"content": "a"}, "logprobs": {"content": [_TOKEN, {"token": "b", "logprob": -9999.0}]}},
                {"message": {"content": "a"}, "logprobs": {"content": [{"token": 5}], "refusal": None}},
                {"message": {"content": "a"}, "logprobs": {"new": []}, "finish_reason": 5},
            ],
        }
    ).encode(),
    "half of a pair": b'{"id":"c","choices":[{"index":0,"message":{"content":"\\ud83d"},"finish_reason":"stop"}],"x":1}',
}
