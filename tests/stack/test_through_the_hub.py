"""OpenAI's callers at OpenAI's vendors, forced through the hub: what they get means what they get when the bytes pass."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from headworks.core.errors import Cut, Rejected
from headworks.core.record import Record
from headworks.gateway.leaves import DIALECTS
from headworks.testing import Answer
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.forms import as_body, parted
from tests.stack.speaking import (
    CUT,
    DONE,
    TWO,
    Spoken,
    answered,
    counts,
    event,
    events,
    piece,
    play,
    stop,
    streamed,
    whole,
)

HUB: Final = {"openai": {"openai.by-another-name": OPENAI["openai.chat"]}}
"""A vendor that is asked in the same words, and is not known to be."""

ONE: Final = TWO.replace("[first/m, second/m]", "[first/m]")
TOOLS: Final = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}]
CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def delta(**said: Any) -> bytes:
    return event({"id": "c", "model": "m", "choices": [{"index": 0, "delta": said, "finish_reason": None}]})


def called(index: int, **function: Any) -> dict[str, Any]:
    return {"index": index, "function": function}


STREAMS: Final = {
    "text": [delta(role="assistant", content=""), piece("Hel"), piece("lo \u00e9"), stop(), counts(9, 2), DONE],
    "tools": [
        delta(role="assistant", tool_calls=[{**called(0, name="f", arguments=""), "id": "call_1", "type": "function"}]),
        delta(tool_calls=[called(0, arguments='{"a"')]),
        delta(tool_calls=[called(0, arguments=": 1}")]),
        stop("tool_calls"),
        counts(9, 7),
        DONE,
    ],
    "reasoning": [
        delta(reasoning_content="hm, "),
        delta(reasoning_content="yes"),
        piece("Yes."),
        stop(),
        counts(9, 5),
        DONE,
    ],
    "no end mark": [piece("Hello"), stop("length"), counts(9, 1)],
}
BODIES: Final = {
    "text": answered("Hello \u00e9", {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
    "tools": whole(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 7,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16},
        }
    ),
}


def asked(script: list[bytes], *, through_hub: bool, **fields: Any) -> tuple[Answer, Record, Any]:
    got: list[Answer] = []

    async def main(spoken: Spoken) -> None:
        got.append(await spoken.ask(**fields))

    spoken = play(main, [script], text=ONE, dialects=HUB if through_hub else DIALECTS)
    return got[0], spoken.record, spoken.vendors["first"].asked[0]


def told(answer: Answer) -> Any:
    """What an answer says, whichever form it has."""
    data = answer.data
    if answer.streamed:
        joined = as_body(*parted(answer.chunks), is_counted=False)
        assert joined is not None
        data = joined
    said = json.loads(data)
    return said["choices"], said.get("usage")


@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_means_the_same(name: str, is_counted: bool) -> None:
    fields = {"streamed": True, "include_usage": is_counted, "fields": {"tools": TOOLS, "temperature": 0.5}}
    hub, hubs_record, hubs_asked = asked(streamed(*STREAMS[name]), through_hub=True, **fields)
    direct, record, sent = asked(streamed(*STREAMS[name]), through_hub=False, **fields)
    assert told(hub) == told(direct)
    assert hub.text == direct.text
    assert (hub.finish, hub.usage) == (direct.finish, direct.usage)
    assert hub.data.endswith(DONE)
    assert [bool(one.get("usage")) for one in events(hub)].count(True) == is_counted
    assert hubs_asked == sent
    assert (hubs_record.cost_nano, hubs_record.outcome) == (record.cost_nano, record.outcome)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_means_the_same(name: str) -> None:
    hub, hubs_record, hubs_asked = asked(BODIES[name], through_hub=True, fields={"tools": TOOLS, "seed": 3})
    direct, record, sent = asked(BODIES[name], through_hub=False, fields={"tools": TOOLS, "seed": 3})
    assert told(hub) == told(direct)
    assert (hub.text, hub.finish, hub.usage) == (direct.text, direct.finish, direct.usage)
    assert hubs_asked == sent
    assert (hubs_record.cost_nano, hubs_record.outcome) == (record.cost_nano, record.outcome)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_error_is_the_same_before_the_head_and_after_it(is_streamed: bool) -> None:
    async def main(spoken: Spoken) -> None:
        with pytest.raises(Rejected, match="too odd"):
            await spoken.ask(streamed=is_streamed)
        with pytest.raises(Cut):
            await spoken.ask(streamed=True)

    refused = whole({"error": {"message": "too odd"}}, status=400)
    play(main, [refused, streamed(piece("Hel"), CUT)], text=ONE, dialects=HUB)


def test_several_choices_are_whole_only_once_each_has_ended() -> None:
    def said(index: int, text: str, finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
        return event({"id": "c", "choices": [choice]})

    script = streamed(said(0, "a"), said(1, "b"), said(0, "", "stop"), said(1, "", "stop"), DONE)
    hub, _, sent = asked(script, through_hub=True, streamed=True, fields={"n": 2})
    assert sent["n"] == 2
    assert [one["message"]["content"] for one in told(hub)[0]] == ["a", "b"]

    async def cut(spoken: Spoken) -> None:
        with pytest.raises(Cut):
            await spoken.ask(streamed=True, fields={"n": 2})

    play(cut, [streamed(said(0, "a"), said(1, "b"), said(0, "", "stop"))], text=ONE, dialects=HUB)


@pytest.mark.parametrize("mode", ["restart", "continue"])
def test_a_broken_stream_goes_on(mode: str) -> None:
    async def main(spoken: Spoken) -> None:
        answer = await spoken.ask(streamed=True)
        assert answer.text == "Hello there"
        assert len({one["id"] for one in events(answer)}) == 1

    rest = ["Hello ", "there"] if mode == "restart" else ["there"]
    text = TWO_TIERS.replace("MODE", mode)
    script = streamed(*map(piece, rest), stop(), DONE)
    spoken = play(main, [streamed(piece("Hello "), CUT)], [script], text=text, dialects=HUB)
    [sent] = spoken.vendors["second"].asked
    begun = [{"role": "assistant", "content": "Hello ", "prefix": True}] if mode == "continue" else []
    assert sent["messages"] == [{"role": "user", "content": "hello"}, *begun]


TWO_TIERS = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
  second: {dialect: openai, base_url: "http://127.0.0.1:SECOND/v1"}
models:
  assistant:
    targets: [[first/m], [{provider: second, model: m, prefill: prefix}]]
    mid_stream: MODE
    retry: {attempts: 1}
"""


def test_a_vendor_that_refuses_to_count_is_asked_without() -> None:
    async def main(spoken: Spoken) -> None:
        assert (await spoken.ask(streamed=True)).text == "Hello"

    refused = whole({"error": {"message": "stream_options is not known", "param": "stream_options"}}, status=400)
    spoken = play(main, [refused, streamed(piece("Hello"), stop(), DONE)], text=ONE, dialects=HUB)
    first, second = spoken.vendors["first"].asked
    assert "stream_options" in first
    assert "stream_options" not in second
