"""What Anthropic's Messages can say, they say to the hub and back without a loss, however the hub came by it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.anthropic.caller import MESSAGES as CALLER
from headworks.wire.anthropic.translation.answer_reader import answer_of
from headworks.wire.anthropic.translation.citations import citations_of
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.anthropic.translation.encoder import MessagesEvents
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.question_writer import body_of
from headworks.wire.hub.values import MESSAGES, NO_EXTRA
from tests.laws import examples
from tests.wire.anthropic.accumulated import accumulated

MESSAGES_FORMS = CALLER.forms
TEXT = st.text(min_size=1, max_size=6)
ID = st.sampled_from(["toolu_1", "a-b_C"])
MEMBERS = st.sampled_from([{"novel": 1}, {"novel": {"a": [None, 1.5, False]}}, {"novel": "x", "other": [2**70]}])
EXTRA = st.just(NO_EXTRA) | MEMBERS.map(lambda members: {MESSAGES: members})
SCHEMA = st.sampled_from(
    [hub.Raw(b'{"type":"object"}'), hub.Raw(b'{"type":"object","$defs":{"a":{"default":null}},"x":0.5}')]
)


def mark(ttl: str) -> hub.CacheMark:
    said = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    return hub.CacheMark(ttl=ttl, extra={MESSAGES: {"cache_control": said}})


MARK = st.none() | st.sampled_from(["", "5m", "1h"]).map(mark)


def maybe(strategy: st.SearchStrategy[Any], nothing: Any = None) -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


def some(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


LOCATION = st.sampled_from(
    [
        {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 1, "end_char_index": 2},
        {"type": "page_location", "cited_text": "x", "document_index": 0, "start_page_number": 1, "end_page_number": 2},
        {"type": "web_search_result_location", "cited_text": "x", "url": "u", "title": "t", "encrypted_index": "e"},
        {"type": "novel"},
        "odd",
    ]
)
CITED = some(LOCATION).map(citations_of)
PLAIN = st.builds(hub.Text, text=TEXT, citations=CITED, cache=MARK, extra=EXTRA)
SIMPLE = st.builds(hub.Text, text=TEXT)
INLINE = st.builds(hub.Inline, st.sampled_from(["", "QQ=="]), st.sampled_from(["image/png", "application/pdf"]))
WHERE = INLINE | st.builds(hub.Located, TEXT) | st.builds(hub.Stored, TEXT, st.just(MESSAGES))
IMAGE = st.builds(hub.Image, source=WHERE, cache=MARK, extra=EXTRA)
DOCUMENT = st.builds(
    hub.Document,
    source=WHERE
    | st.builds(hub.Plain, TEXT, st.just("text/plain"))
    | some(SIMPLE | st.builds(hub.Image, source=INLINE), least=1).map(hub.Composed),
    name=maybe(TEXT, ""),
    context=maybe(TEXT, ""),
    cites=st.none() | st.booleans(),
    cache=MARK,
    extra=EXTRA,
)
FOUND = st.builds(
    hub.Found,
    url=TEXT,
    title=TEXT,
    parts=some(SIMPLE, least=1),
    cites=st.none() | st.booleans(),
    cache=MARK,
    extra=EXTRA,
)
ONLY = st.builds(
    hub.Only, dialect=st.just(MESSAGES), value=st.just({"type": "container_upload", "file_id": "f"}) | st.just("odd")
)
RESULT = st.builds(
    hub.ToolResult,
    call_id=ID,
    parts=some(PLAIN | IMAGE | DOCUMENT | FOUND),
    is_error=st.booleans(),
    cache=MARK,
    extra=EXTRA,
)
JSON = st.dictionaries(TEXT, st.none() | st.integers(-9, 9) | st.text(max_size=3), max_size=2)
ARGUMENTS = JSON.map(lambda said: msgspec.json.encode(said).decode())
CALL = st.builds(hub.ToolCall, id=ID, name=TEXT, arguments=ARGUMENTS, cache=MARK, extra=EXTRA)
THOUGHT = st.one_of(
    st.builds(hub.Thinking, origin=st.just(MESSAGES), text=TEXT, signature=maybe(TEXT, ""), extra=EXTRA),
    st.builds(hub.Thinking, origin=st.just(MESSAGES), redacted=TEXT, extra=EXTRA),
)


def turn(role: str, parts: st.SearchStrategy[Any]) -> st.SearchStrategy[hub.Turn]:
    return st.builds(hub.Turn, role=st.just(role), parts=some(parts, least=1, most=3), extra=EXTRA)


TURN = st.one_of(
    turn("user", PLAIN | IMAGE | DOCUMENT | FOUND | ONLY | RESULT),
    turn("assistant", PLAIN | THOUGHT | CALL | ONLY),
    turn("system", PLAIN),
)
TOOL = st.one_of(
    st.builds(
        hub.Tool,
        name=TEXT,
        description=maybe(TEXT, ""),
        parameters=SCHEMA,
        strict=st.none() | st.booleans(),
        cache=MARK,
        extra=EXTRA,
    ),
    st.sampled_from(
        [
            hub.HostedTool(
                kind="web_search", dialect=MESSAGES, value={"type": "web_search_20250305", "name": "web_search"}
            ),
            hub.HostedTool(
                kind="shell",
                dialect=MESSAGES,
                value={"type": "bash_20250124", "name": "bash", "cache_control": {"type": "ephemeral"}},
                cache=mark(""),
            ),
            hub.HostedTool(kind="", dialect=MESSAGES, value=5),
        ]
    ),
)
CHOICE = st.one_of(
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    st.builds(hub.ToolChoice, mode=st.just("required"), name=TEXT),
)
NUMBER = st.none() | st.integers(0, 9) | st.floats(0, 1)
REASONING = st.one_of(
    st.builds(hub.Reasoning, effort=TEXT),
    st.builds(
        hub.Reasoning,
        effort=maybe(TEXT, ""),
        mode=st.sampled_from(["on", "adaptive", "off"]),
        budget=st.none() | st.integers(0, 2**31),
        shown=st.sampled_from(["", "auto", "none"]),
        extra=st.just(NO_EXTRA) | st.just({MESSAGES: {"thinking": {"block_binding": {}}}}),
    ),
)


def tidy(question: hub.Question) -> hub.Question:
    """Without a choice of no tools that names whether they come at once, which the API has no words for."""
    if question.tool_choice is None and question.parallel is not None:
        return msgspec.structs.replace(question, tool_choice=hub.ToolChoice())
    if question.tool_choice is not None and question.tool_choice.mode == "none":
        return msgspec.structs.replace(question, parallel=None)
    return question


QUESTION = st.builds(
    hub.Question,
    model=TEXT,
    turns=some(TURN, most=3),
    system=maybe(turn("system", PLAIN).map(lambda one: (hub.Turn(role="system", parts=one.parts),)), ()),
    tools=some(TOOL),
    tool_choice=st.none() | CHOICE,
    parallel=st.none() | st.booleans(),
    output=st.none() | st.builds(hub.Output, form=st.just("schema"), schema=SCHEMA),
    sampling=st.builds(hub.Sampling, temperature=NUMBER, top_p=NUMBER, top_k=NUMBER),
    max_output=st.integers(0, 2**31 - 1),
    stop=some(TEXT),
    reasoning=st.none() | REASONING,
    cache=MARK,
    user=maybe(TEXT, ""),
    streamed=st.booleans(),
    origin=st.just(MESSAGES),
    extra=st.just(NO_EXTRA)
    | st.just({MESSAGES: {"container": "c", "context_management": {"edits": []}, "output_config": {"task_budget": {}}}})
    | st.just({MESSAGES: {"metadata": {"other": 1}, "service_tier": "auto"}}),
).map(tidy)


@settings(max_examples=examples(30))
@given(QUESTION)
def test_law_a_question_that_this_api_can_say_comes_back_as_it_was(question: hub.Question) -> None:
    assert question_of(body_of(question, question.model)) == question


@settings(max_examples=examples(20))
@given(QUESTION)
def test_law_a_body_that_went_through_the_hub_is_the_same_again(question: hub.Question) -> None:
    body = body_of(question, "m")
    assert json.loads(body_of(question_of(body), "m")) == json.loads(body)


# Answers

SPOKEN = st.one_of(
    st.builds(hub.Text, text=TEXT, citations=some(LOCATION.filter(lambda one: one != "odd")).map(citations_of)),
    st.builds(hub.Thinking, origin=st.just(MESSAGES), text=TEXT, signature=TEXT),
    st.builds(hub.Thinking, origin=st.just(MESSAGES), redacted=TEXT),
    st.builds(hub.ToolCall, id=ID, name=TEXT, arguments=ARGUMENTS),
    st.builds(
        hub.Only,
        dialect=st.just(MESSAGES),
        value=JSON.map(lambda said: {"type": "server_tool_use", "id": "s", "name": "web_search", "input": said}),
    ),
    st.builds(hub.Only, dialect=st.just(MESSAGES), value=st.just({"type": "container_upload", "file_id": "f"})),
)
USAGE = st.builds(
    lambda asked, said: {"input_tokens": asked, "output_tokens": said}, st.integers(1, 10**6), st.integers(0, 10**6)
)
FINISH = st.one_of(
    st.sampled_from(["stop", "length", "tool_calls", "pause", "context", "refusal"]).map(
        lambda reason: hub.Finish(reason=reason)
    ),
    st.builds(hub.Finish, reason=st.just("stop_sequence"), stop_sequence=TEXT),
    st.just(hub.Finish(reason="other", extra={MESSAGES: {"stop_reason": "compaction"}})),
    st.just(
        hub.Finish(
            reason="refusal",
            detail="no",
            extra={MESSAGES: {"stop_details": {"type": "refusal", "explanation": "no"}}},
        )
    ),
)
ANSWER = st.builds(
    lambda parts, finish, usage, extra: hub.Answer(
        choices=(hub.Choice(parts=parts, finish=finish),),
        id="msg_1",
        model="m",
        usage=hub.Usage(
            tokens=reply.Usage(input=usage["input_tokens"], output=usage["output_tokens"]), extra={MESSAGES: usage}
        ),
        extra=extra,
    ),
    some(SPOKEN, most=4),
    FINISH,
    USAGE,
    EXTRA,
)


def whole(pieces: list[hub.Piece]) -> dict[int, Any]:
    """What a stream's pieces add up to, a value a part."""
    parts: dict[int, Any] = {}
    for piece in pieces:
        if isinstance(piece, hub.Whole):
            parts[piece.part] = piece.value
        elif isinstance(piece, hub.TextDelta):
            known = parts.get(piece.part, hub.Text(text=""))
            parts[piece.part] = hub.Text(text=known.text + piece.text, citations=known.citations)
        elif isinstance(piece, hub.CitationDelta):
            known = parts.get(piece.part, hub.Text(text=""))
            parts[piece.part] = hub.Text(text=known.text, citations=(*known.citations, piece.citation))
        elif isinstance(piece, hub.ThinkingDelta):
            known = parts.get(piece.part, hub.Thinking(origin=piece.origin))
            parts[piece.part] = hub.Thinking(
                origin=piece.origin, text=known.text + piece.text, signature=piece.signature or known.signature
            )
        elif isinstance(piece, hub.ToolCallDelta):
            known = parts.get(piece.part, hub.ToolCall(id="", name="", arguments=""))
            parts[piece.part] = hub.ToolCall(
                id=known.id or piece.id, name=known.name or piece.name, arguments=known.arguments + piece.arguments
            )
    return parts


@settings(max_examples=examples(30))
@given(ANSWER)
def test_law_an_answer_comes_back_as_it_was_whole_and_streamed(answer: hub.Answer) -> None:
    body = MessagesEvents(id="x", model="y").whole(answer)
    assert answer_of(body) == answer
    told = MESSAGES_FORMS.as_events(body)
    assert told is not None
    pieces = MessagesPieces().feed(told[0])
    assert tuple(whole(pieces).values()) == answer.choices[0].parts
    assert [piece.finish for piece in pieces if isinstance(piece, hub.Finished)] == [answer.choices[0].finish]
    assert [piece.usage for piece in pieces if isinstance(piece, hub.Counted)] == [answer.usage]


@settings(max_examples=examples(20))
@given(ANSWER, st.integers(1, 9))
def test_law_a_stream_through_the_hub_adds_up_to_the_same_message(answer: hub.Answer, step: int) -> None:
    body = MessagesEvents(id="x", model="y").whole(answer)
    told = MESSAGES_FORMS.as_events(body)
    assert told is not None
    decoder, encoder = MessagesPieces(), MessagesEvents(id="x", model="y")
    pieces = decoder.feed(told[0])
    stream = b"".join([encoder.feed(pieces[at : at + step]) for at in range(0, len(pieces), step)]) + encoder.end()
    again = MESSAGES_FORMS.as_body(stream, b"")
    assert again is not None
    assert json.loads(again)["content"] == json.loads(body)["content"]
    assert answer_of(again).choices == answer.choices


def test_the_sdk_makes_of_our_stream_what_we_say_whole() -> None:
    answer = hub.Answer(
        choices=(
            hub.Choice(
                parts=(
                    hub.Thinking(origin=MESSAGES, text="hm", signature="s"),
                    hub.Text(text="It is so."),
                    hub.ToolCall(id="toolu_1", name="f", arguments='{"a":1}'),
                ),
                finish=hub.Finish(reason="tool_calls"),
            ),
        ),
        id="msg_1",
        model="m",
        usage=hub.Usage(tokens=reply.Usage(input=3, output=5)),
    )
    body = MessagesEvents(id="x", model="y").whole(answer)
    told = MESSAGES_FORMS.as_events(body)
    assert told is not None
    made = accumulated(told[0] + MESSAGES_FORMS.end)
    assert [block["type"] for block in made["content"]] == ["thinking", "text", "tool_use"]
    assert made["content"][2]["input"] == {"a": 1}
