"""What another vendor's model thought before a call goes through Gemini's clients and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pytest

from headworks.core.call import Call
from headworks.wire import hub
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.translation.calls import UNSIGNED
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.sealed import MARK, opened, sealed, without_foreign
from headworks.wire.gemini.vendor import GeminiGenerate
from headworks.wire.sse import events_in
from tests.wire.gemini.corpus import body, model, question, user

SIGNED = hub.Thinking(origin=hub.MESSAGES, text="hm", signature="EqQB")
REDACTED = hub.Thinking(origin=hub.MESSAGES, redacted="xyz")
SUMMARY = hub.Thinking(origin=hub.RESPONSES, redacted="enc", id="rs_1", text="in short", is_summary=True)
CALL = hub.ToolCall(id="c", name="f", arguments="{}")


def whole(*parts: hub.Part) -> list[dict[str, object]]:
    answer = hub.Answer(choices=(hub.Choice(parts=parts, finish=hub.Finish(reason="tool_calls")),))
    said: list[dict[str, object]] = json.loads(GenerateEvents().whole(answer))["candidates"][0]["content"]["parts"]
    return said


def again(parts: Sequence[object]) -> tuple[hub.Part, ...]:
    """What a client sends back, as it is read."""
    return question_of(body(question(user({"text": "go"}), model(*parts)))).turns[1].parts


def test_a_client_that_drops_thoughts_brings_them_back_with_the_call() -> None:
    said = whole(SIGNED, REDACTED, SUMMARY, CALL, hub.ToolCall(id="d", name="g", arguments="{}"))
    assert [list(part) for part in said] == [
        ["text", "thought"],
        ["text", "thought"],
        ["functionCall", "thoughtSignature"],
        ["functionCall"],
    ]
    base64.b64decode(str(said[2]["thoughtSignature"]), validate=True)  # google-genai refuses what is none
    kept = [part for part in said if "thought" not in part]
    assert again(kept) == (SIGNED, REDACTED, SUMMARY, CALL, hub.ToolCall(id="d", name="g", arguments="{}"))


def test_a_stream_says_the_same() -> None:
    encoder = GenerateEvents()
    data = encoder.feed([hub.ThinkingDelta(origin=hub.MESSAGES, text=text) for text in "hm"])
    data += encoder.feed([hub.ThinkingDelta(origin=hub.MESSAGES, signature="EqQB")])
    data += encoder.feed([hub.Whole(value=REDACTED, part=1), hub.ThinkingDelta(origin=hub.CHAT, text="no", part=2)])
    data += encoder.feed([hub.ToolCallDelta(id="c", name="f", part=3), hub.ToolCallDelta(arguments="{}", part=3)])
    data += encoder.feed([hub.Finished(finish=hub.Finish(reason="tool_calls"))]) + encoder.end()
    parts = [part for one in events_in(data) for part in json.loads(one.data)["candidates"][0]["content"]["parts"]]
    assert again([part for part in parts if "functionCall" in part]) == (SIGNED, REDACTED, CALL)


def test_thoughts_that_nobody_wants_back_are_not_sealed_and_a_signature_of_geminis_stays() -> None:
    assert "thoughtSignature" not in whole(hub.Thinking(origin=hub.CHAT, text="hm"), CALL)[1]
    own = hub.ToolCall(id="c", name="f", arguments="{}", signature="c2ln", origin=hub.GENERATE)
    assert whole(SIGNED, own)[1]["thoughtSignature"] == "c2ln"


@pytest.mark.parametrize(
    "signature", ["c2ln", MARK, f"{MARK}####", f"{MARK}MX0=", base64.b64encode(b'{"hw":1,"x":2}').decode()]
)
def test_what_was_not_sealed_here_is_a_signature_of_googles(signature: str) -> None:
    assert opened(signature) is None
    [call] = again([{"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": signature}])
    assert isinstance(call, hub.ToolCall)
    assert call.signature == signature


def test_base64_in_the_other_alphabet_is_opened_too() -> None:
    thought = hub.Thinking(origin=hub.MESSAGES, signature="??>>~~" * 5)
    said = sealed([thought])
    assert opened(said.replace("+", "-").replace("/", "_")) == (thought,)
    broken = {"functionCall": {"name": 5}, "thoughtSignature": said}
    assert again([broken]) == (hub.Only(dialect=hub.GENERATE, value=broken),)


def test_a_vendor_of_geminis_is_sent_googles_placeholder_instead() -> None:
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": sealed([SIGNED])}
    told = {"text": f"thoughtSignature {MARK}"}
    said = body(question(model(call, told)))
    made = json.loads(
        GeminiGenerate().request(Call(id="r", alias="a", body=said, dialect=GENERATE), b'"m"', counted=True)
    )
    assert made["contents"] == [model({**call, "thoughtSignature": UNSIGNED}, told)]
    assert without_foreign(body(question(model(told)))) == body(question(model(told)))
    plain = body(question())
    assert without_foreign(plain) is plain
