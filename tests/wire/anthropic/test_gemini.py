"""An Anthropic client on Gemini's side: what Gemini wants back with a call goes through the client and comes back to it."""

from __future__ import annotations

import json
from typing import Any

from headworks.core.call import Call
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.forms import as_body
from headworks.wire.anthropic.vendor import ANTHROPIC
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.translated import between
from tests.wire.anthropic.accumulated import accumulated

TOOL = {"name": "Bash", "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}}


def event(**content: Any) -> bytes:
    return b"data: %b\r\n\r\n" % json.dumps(content).encode()


def call(messages: list[Any]) -> Call:
    body = {"model": "a", "max_tokens": 100, "messages": messages, "tools": [TOOL], "stream": True}
    data = json.dumps(body).encode()
    return Call(id="r", alias="a", body=data, dialect=MESSAGES, streamed=True, include_usage=True)


def test_a_thought_signature_comes_back_with_its_call_and_anthropic_is_not_sent_it() -> None:
    side = between(MESSAGES, GEMINI)
    assert side is not None
    messages: list[Any] = [{"role": "user", "content": "list"}]
    sent = side.request(call(messages), b'"gemini-3-pro"', counted=True)
    decoder = side.decoder(call(messages), sent)
    assert decoder is not None
    thought = {"content": {"role": "model", "parts": [{"text": "hm", "thought": True}]}}
    asked = {"functionCall": {"name": "Bash", "args": {"command": "ls"}}, "thoughtSignature": "SIG=="}
    used = {"content": {"role": "model", "parts": [asked]}, "finishReason": "STOP"}
    count = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    chunks = decoder.feed(event(candidates=[thought]) + event(candidates=[used], usageMetadata=count)) + decoder.end()
    stream = b"".join([chunk.data for chunk in chunks])
    made = accumulated(stream)
    assert (made["stop_reason"], made["usage"]["input_tokens"]) == ("tool_use", 10)
    body = as_body(stream, b"")
    assert body is not None
    content = json.loads(body)["content"]
    result = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "a.txt"}
    messages += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    again = json.loads(side.request(call(messages), b'"gemini-3-pro"', counted=True))["contents"]
    assert again[1]["parts"][-1] == asked
    assert again[2]["parts"][0]["functionResponse"]["name"] == "Bash"
    own = json.loads(ANTHROPIC["anthropic.messages"].request(call(messages), b'"claude-opus-5-5"', counted=True))
    assert [block["type"] for block in own["messages"][1]["content"]] == ["tool_use"]
