"""Agents' turns between Gemini's and Anthropic's APIs: what each vendor thinks and signs comes back to it."""

from __future__ import annotations

import json
from typing import Any

from headworks.core.call import Call
from headworks.gateway.leaves import DIALECTS
from headworks.server.app import CALLERS
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.sides import VendorSide
from headworks.wire.sse import events_in
from headworks.wire.translated import between
from tests.wire.gemini.corpus import STREAMS, body, question, user

MESSAGES = CALLERS["/v1/messages"]
TOOLS = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}]


def side(caller: Any, vendor: str) -> VendorSide:
    found = between(caller, DIALECTS[vendor])
    assert found is not None
    return found


def events(way: VendorSide, caller: Any, asked: dict[str, Any], stream: bytes) -> list[Any]:
    call = Call(id="r", alias="a", body=body(asked), dialect=caller, streamed=True, include_usage=True)
    decoder = way.decoder(call, b"{}")
    assert decoder is not None
    data = b"".join([chunk.data for chunk in decoder.feed(stream) + decoder.end()])
    assert decoder.fault is None
    return [json.loads(one.data) for one in events_in(data)]


def sent(way: VendorSide, caller: Any, asked: dict[str, Any], model: bytes) -> Any:
    return json.loads(way.request(Call(id="r", alias="a", body=body(asked), dialect=caller), model, counted=True))


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    said = [{"type": "content_block_start", "index": index, "content_block": start}]
    said += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    said += [{"type": "content_block_stop", "index": index}]
    return b"".join([b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in said])


CLAUDES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude","content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
    + block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "see."},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk="},
    )
    + block(1, {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"})
    + block(
        2,
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"a"'},
        {"type": "input_json_delta", "partial_json": ":1}"},
    )
    + b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}\n\n'
    + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def test_a_gemini_client_that_drops_thoughts_sends_claude_its_thinking_back() -> None:
    way = side(GENERATE, "anthropic")
    asked = question(tools=TOOLS, generationConfig={"thinkingConfig": {"thinkingBudget": 2048}})
    said = events(way, GENERATE, asked, CLAUDES)
    parts = [part for one in said for part in one["candidates"][0]["content"]["parts"]]
    assert [part["text"] for part in parts if part.get("thought")] == ["Let me ", "see."]
    kept = [part for part in parts if "functionCall" in part]
    result = {"functionResponse": {"id": "toolu_1", "name": "f", "response": {"output": "x"}}}
    turns = [*asked["contents"], {"role": "model", "parts": kept}, user(result)]
    messages = sent(way, GENERATE, {**asked, "contents": turns}, b'"claude"')["messages"]
    assert messages[1]["content"] == [
        {
            "type": "thinking",
            "thinking": "Let me see.",
            "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=",
        },
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ]
    assert messages[2]["content"][0]["tool_use_id"] == "toolu_1"


def test_an_anthropic_client_sends_gemini_its_signature_back() -> None:
    way = side(MESSAGES, "gemini")
    asked: dict[str, Any] = {
        "model": "a",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "go"}],
        "tools": [{"name": "now", "input_schema": {"type": "object"}}],
        "stream": True,
    }
    blocks: list[dict[str, Any]] = []
    for said in events(way, MESSAGES, asked, STREAMS["thinking_call.sse"]):
        if said["type"] == "content_block_start":
            blocks.append(said["content_block"])
        elif said["type"] == "content_block_delta" and said["delta"]["type"] == "signature_delta":
            blocks[-1]["signature"] = said["delta"]["signature"]
    [called] = [one for one in blocks if one["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": called["id"], "content": "12:00"}
    turns = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    contents = sent(way, MESSAGES, {**asked, "messages": [*asked["messages"], *turns]}, b'"gemini-3-pro"')["contents"]
    [call] = [part for part in contents[1]["parts"] if "functionCall" in part]
    assert call["thoughtSignature"] == "CiIBVKhc7vB+vaaq6rA/KC79Ts7iXagI"
    assert contents[2]["parts"] == [{"functionResponse": {"name": "now", "response": {"output": "12:00"}}}]
