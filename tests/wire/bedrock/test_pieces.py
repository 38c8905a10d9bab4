"""An answer of Converse in the hub's words: whole and streamed are the same answer, and every caller can be told it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.errors import Garbled
from headworks.core.reply import Usage
from headworks.wire import hub
from headworks.wire.bedrock.translation.pieces import ConversePieces, answer_of
from headworks.wire.bedrock.vendor import BEDROCK
from headworks.wire.hub.values import CONVERSE
from headworks.wire.openai.caller import CHAT
from headworks.wire.translated import between
from tests.wire.bedrock.frames import TEXT, TOOLS, USAGE, WHOLE, delta, event, frame, stream


def pieces(events: Any) -> list[hub.Piece]:
    reader = ConversePieces()
    return [*reader.feed(stream(events)), *reader.end()]


def joined(found: list[hub.Piece]) -> tuple[list[hub.Part], hub.Finish | None, hub.Usage | None]:
    """The parts that the pieces make."""
    parts: dict[int, Any] = {}
    finish, usage = None, None
    for piece in found:
        match piece:
            case hub.TextDelta():
                before = parts.get(piece.part, hub.Text(text=""))
                parts[piece.part] = msgspec.structs.replace(before, text=before.text + piece.text)
            case hub.CitationDelta():
                before = parts.get(piece.part, hub.Text(text=""))
                parts[piece.part] = msgspec.structs.replace(before, citations=(*before.citations, piece.citation))
            case hub.ThinkingDelta():
                before = parts.get(piece.part, hub.Thinking(origin=CONVERSE))
                parts[piece.part] = msgspec.structs.replace(
                    before,
                    text=before.text + piece.text,
                    signature=piece.signature or before.signature,
                    redacted=piece.redacted or before.redacted,
                )
            case hub.ToolCallDelta():
                before = parts.get(piece.part, hub.ToolCall(id="", name="", arguments=""))
                parts[piece.part] = msgspec.structs.replace(
                    before,
                    id=piece.id or before.id,
                    name=piece.name or before.name,
                    arguments=before.arguments + piece.arguments,
                )
            case hub.Whole():
                parts[piece.part] = piece.value
            case hub.Finished():
                finish = piece.finish
            case hub.Counted():
                usage = piece.usage
    return [parts[at] for at in sorted(parts)], finish, usage


def meant(parts: list[hub.Part] | tuple[hub.Part, ...]) -> list[Any]:
    """Parts with arguments as values: how JSON is spaced means nothing."""
    return [
        (part.id, part.name, json.loads(part.arguments)) if isinstance(part, hub.ToolCall) else part for part in parts
    ]


def test_a_streamed_answer_means_what_the_whole_one_means() -> None:
    answer = ConversePieces().whole(json.dumps(WHOLE).encode())
    parts, finish, usage = joined(pieces(TOOLS))
    [choice] = answer.choices
    assert meant(parts) == meant(choice.parts)
    assert (finish, usage) == (choice.finish, answer.usage)
    assert choice.finish == hub.Finish(reason="tool_calls")
    assert answer.usage is not None
    assert answer.usage.tokens == Usage(input=30, cached_input=500, cache_write=100, output=12)


def test_thinking_keeps_what_its_vendor_wants_back() -> None:
    thought, redacted = joined(pieces(TOOLS))[0][:2]
    assert thought == hub.Thinking(origin=CONVERSE, text="The weather in Paris.", signature="EqQBCkYIBxgC")
    assert redacted == hub.Thinking(origin=CONVERSE, redacted="c2VjcmV0")


BLOCKS = st.one_of(
    st.text(min_size=1).map(lambda text: {"text": text}),
    st.tuples(st.text(max_size=5), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)).map(
        lambda said: {"toolUse": {"toolUseId": "t", "name": said[0] or "f", "input": said[1]}}
    ),
    st.tuples(st.text(min_size=1), st.text(max_size=5)).map(
        lambda said: {"reasoningContent": {"reasoningText": {"text": said[0], "signature": said[1]}}}
    ),
)


@given(blocks=st.lists(BLOCKS, max_size=4), size=st.integers(1, 9))
def test_any_answer_means_the_same_whole_and_streamed(blocks: list[Any], size: int) -> None:
    events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    for at, block in enumerate(blocks):
        if "text" in block:
            events += [delta(at, {"text": block["text"][i : i + size]}) for i in range(0, len(block["text"]), size)]
        elif "toolUse" in block:
            call = block["toolUse"]
            start = {"toolUse": {"toolUseId": "t", "name": call["name"]}}
            events.append(("contentBlockStart", {"contentBlockIndex": at, "start": start}))
            text = json.dumps(call["input"])
            events += [delta(at, {"toolUse": {"input": text[i : i + size]}}) for i in range(0, len(text), size)]
        else:
            said = block["reasoningContent"]["reasoningText"]
            events.append(delta(at, {"reasoningContent": {"text": said["text"]}}))
            events.append(delta(at, {"reasoningContent": {"signature": said["signature"]}}))
    events.append(("messageStop", {"stopReason": "end_turn"}))
    answer = answer_of({"output": {"message": {"content": blocks}}, "stopReason": "end_turn"})
    parts, finish, _ = joined(pieces(events))
    assert meant(parts) == meant(answer.choices[0].parts)
    assert finish == answer.choices[0].finish


@pytest.mark.parametrize(
    ("word", "reason", "extra"),
    [
        ("end_turn", "stop", False),
        ("max_tokens", "length", False),
        ("stop_sequence", "stop_sequence", False),
        ("guardrail_intervened", "content_filter", True),
        ("content_filtered", "content_filter", True),
        ("malformed_tool_use", "malformed_call", False),
        ("malformed_model_output", "other", True),
        ("model_context_window_exceeded", "context", False),
        ("something_new", "other", True),
        (None, "stop", False),
    ],
)
def test_why_an_answer_ended(word: Any, reason: str, extra: bool) -> None:
    [choice] = answer_of({"output": {"message": {}}, "stopReason": word}).choices
    assert choice.finish is not None
    assert choice.finish.reason == reason
    assert choice.finish.extra == ({CONVERSE: {"stopReason": word}} if extra else {})


def test_tokens_that_are_kept_for_an_hour_are_told_apart() -> None:
    details = [{"ttl": "1h", "inputTokens": 70}, {"ttl": "5m", "inputTokens": 30}, "none"]
    usage = answer_of({"output": {"message": {}}, "usage": {**USAGE, "cacheDetails": details}}).usage
    assert usage is not None
    assert (usage.tokens.cache_write, usage.tokens.cache_write_1h) == (30, 70)
    odd = {**USAGE, "cacheDetails": None, "inputTokens": True, "outputTokens": -1, "cacheReadInputTokens": "5"}
    usage = answer_of({"output": {"message": {}}, "usage": odd}).usage
    assert usage is not None
    assert usage.tokens == Usage(cache_write=100)


CITED = {
    "title": "Terms",
    "source": "doc",
    "sourceContent": [{"text": "30 "}, {"text": "days"}, {}, "x"],
    "location": {"documentPage": {"documentIndex": 0, "start": 2, "end": 3}},
}


def test_citations_come_with_their_text() -> None:
    block = {"citationsContent": {"content": [{"text": "Thirty "}, {"text": "days."}, 1], "citations": [CITED]}}
    [[text]] = [one.parts for one in answer_of({"output": {"message": {"content": [block]}}}).choices]
    assert isinstance(text, hub.Text)
    [citation] = text.citations
    assert (text.text, citation.text, citation.title) == ("Thirty days.", "30 days", "Terms")
    assert (citation.unit, citation.document, citation.start, citation.end) == ("page", 0, 2, 3)
    parts, _, _ = joined(pieces([delta(0, {"text": "Thirty days."}), delta(0, {"citation": CITED})]))
    assert parts == [hub.Text(text="Thirty days.", citations=(citation,))]
    [web] = joined(pieces([delta(0, {"citation": {"location": {"web": {"url": "https://a.example"}}}})]))[0]
    assert isinstance(web, hub.Text)
    assert (web.citations[0].url, web.citations[0].unit) == ("https://a.example", "answer")
    for odd in ({"citationsContent": {}}, {"citationsContent": {"citations": [None, {"location": {"web": 1}}]}}):
        assert answer_of({"output": {"message": {"content": [odd]}}}).choices[0].parts


def test_what_only_this_dialect_has_is_kept() -> None:
    block = {"image": {"format": "png", "source": {"bytes": "aGk="}}}
    content = [block, {}, "x", {"text": ""}, {"reasoningContent": {}}]
    parts = answer_of({"output": {"message": {"content": content}}}).choices[0].parts
    assert parts == (hub.Only(dialect=CONVERSE, value=block), hub.Thinking(origin=CONVERSE))
    start = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}})
    assert joined(pieces([start]))[0] == [hub.Only(dialect=CONVERSE, value={"image": {"format": "png"}})]
    told = [one for one in pieces(TOOLS) if isinstance(one, hub.ChoiceExtra)]
    assert told == [hub.ChoiceExtra(extra={CONVERSE: {"additionalModelResponseFields": {"stop_sequence": None}}})]


@pytest.mark.parametrize(
    "events",
    [
        [("contentBlockStart", {"start": None})],
        [("contentBlockStart", {"start": {}})],
        [("contentBlockDelta", {"delta": None})],
        [
            (
                "contentBlockDelta",
                {"delta": {"text": 1, "toolUse": {}, "reasoningContent": {}}, "contentBlockIndex": "x"},
            )
        ],
        [("metadata", {})],
        [("somethingNew", {})],
    ],
)
def test_an_event_that_says_nothing_adds_nothing(events: Any) -> None:
    assert joined(pieces(events))[0] == []


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b"{}", b'{"output": 1}', b'{"output": {"message": []}}', b"[" * 100_000]
)
def test_a_body_that_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        ConversePieces().whole(body)


@pytest.mark.parametrize(
    "data", [b"no event stream at all", frame({}, b"no json"), frame({}, b"[]"), frame({}, b"[" * 100_000)]
)
def test_events_that_cannot_be_read_are_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        ConversePieces().feed(data)
    assert ConversePieces().feed(frame({":event-type": "messageStart"}, b"")) == [hub.Started(), hub.ChoiceStarted()]


# Told to a caller of chat completions


def chat(*, streamed: bool) -> Call:
    body = {"model": "a", "messages": [{"role": "user", "content": "hi"}], "stream": streamed}
    return Call(id="1", alias="a", body=msgspec.json.encode(body), dialect=CHAT, streamed=streamed, include_usage=True)


def test_a_caller_of_chat_completions_gets_the_answer_whole() -> None:
    side = between(CHAT, BEDROCK)
    assert side is not None
    call = chat(streamed=False)
    chunk = side.whole(json.dumps(WHOLE).encode(), call, side.request(call, b'"m"', counted=False))
    said = json.loads(chunk.data)
    [choice] = said["choices"]
    assert choice["finish_reason"] == chunk.finish == "tool_calls"
    assert [one["function"]["name"] for one in choice["message"]["tool_calls"]] == ["weather", "now"]
    assert said["usage"]["prompt_tokens"] == 630
    assert said["usage"]["prompt_tokens_details"]["cached_tokens"] == 500


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_caller_of_chat_completions_gets_the_answer_streamed(size: int) -> None:
    side = between(CHAT, BEDROCK)
    assert side is not None
    call = chat(streamed=True)
    decoder = side.decoder(call, side.request(call, b'"m"', counted=True))
    assert decoder is not None
    data = stream(TEXT)
    chunks = [one for at in range(0, len(data), size) for one in decoder.feed(data[at : at + size])]
    events = b"".join(one.data for one in chunks)
    said = [json.loads(line[6:]) for line in events.decode().split("\n\n") if line.startswith("data: {")]
    text = "".join(one["choices"][0]["delta"].get("content") or "" for one in said if one["choices"])
    assert text == "Hello wörld"
    assert events.endswith(b"data: [DONE]\n\n")
    assert decoder.finish == "stop"
    assert chunks[-1].last


def test_a_stream_that_breaks_is_told_as_cut() -> None:
    side = between(CHAT, BEDROCK)
    assert side is not None
    call = chat(streamed=True)
    decoder = side.decoder(call, b"{}")
    assert decoder is not None
    decoder.feed(stream(TEXT[:3]) + event("messageStart", {})[:20])
    assert decoder.end() == []
    assert decoder.fault is not None
    assert decoder.fault.code == "upstream_cut"
