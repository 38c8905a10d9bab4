"""What OpenAI's chat can say, it says to the hub and back without a loss, however the hub came by it."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.hub.values import NO_EXTRA
from headworks.wire.openai.translation.answer_reader import answer_of
from headworks.wire.openai.translation.calls import LEGACY
from headworks.wire.openai.translation.decoder import ChatPieces
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.message import citations_of
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.question_writer import body_of
from tests.laws import examples

TEXT = st.text(min_size=1, max_size=6)
NAME = st.sampled_from(["a", "b_c", "é"])
MEMBERS = st.sampled_from([{"novel": 1}, {"novel": {"a": [None, 1.5, False]}}, {"novel": "x", "other": [2**70]}])
EXTRA = st.just(NO_EXTRA) | MEMBERS.map(lambda members: {hub.CHAT: members})
OWN = MEMBERS.map(lambda members: {hub.CHAT: members}) | st.just({hub.CHAT: {}})
SCHEMA = st.sampled_from([None, hub.Raw(b"{}"), hub.Raw(b'{"type":"object","$defs":{"a":{"default":null}},"x":0.5}')])
MARK = st.none() | st.builds(
    lambda name, ttl: hub.CacheMark(ttl=ttl, extra={hub.CHAT: {name: {"type": "x"} | ({"ttl": ttl} if ttl else {})}}),
    st.sampled_from(["prompt_cache_breakpoint", "cache_control"]),
    st.sampled_from(["", "1h", "30m"]),
)
INLINE = st.builds(hub.Inline, st.sampled_from(["", "QQ=="]), st.sampled_from(["image/png", "application/pdf"]))
URL = st.builds(hub.Located, st.sampled_from(["https://x.example/a", "data:,x", "data:a;b;base64,eA=="]))


def maybe(strategy: st.SearchStrategy[Any], nothing: Any = None) -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


PLAIN = st.builds(hub.Text, text=st.text(max_size=6), cache=MARK, extra=EXTRA)
ASKED = st.one_of(
    PLAIN,
    st.builds(hub.Image, source=INLINE | URL, detail=st.sampled_from(["", "low"]), cache=MARK, extra=EXTRA),
    st.builds(hub.Audio, source=st.just(hub.Inline("QQ==", "audio/wav")), cache=MARK, extra=EXTRA),
    st.builds(hub.Video, source=INLINE | URL, cache=MARK, extra=OWN),
    st.builds(
        hub.Document,
        source=INLINE | st.just(hub.Stored("file-1", hub.CHAT)),
        name=maybe(TEXT, ""),
        cache=MARK,
        extra=EXTRA,
    ),
    st.builds(hub.Only, dialect=st.just(hub.CHAT), value=st.just("odd") | st.just({"type": "novel", "x": 1})),
)
CALL = st.builds(hub.ToolCall, id=TEXT, name=TEXT, arguments=st.text(max_size=6), is_custom=st.booleans(), extra=EXTRA)
THOUGHT = st.one_of(
    st.builds(hub.Thinking, origin=st.just(hub.CHAT), text=TEXT),
    st.builds(
        lambda text: hub.Thinking(
            origin=hub.MESSAGES,
            text=text,
            signature="s",
            extra={
                hub.CHAT: {
                    "reasoning": text,
                    "reasoning_details": [
                        {"type": "reasoning.text", "text": text, "signature": "s", "format": "anthropic-claude-v1"}
                    ],
                }
            },
        ),
        TEXT,
    ),
)


def turn(role: str, parts: st.SearchStrategy[tuple[hub.Part, ...]]) -> st.SearchStrategy[hub.Turn]:
    return st.builds(hub.Turn, role=st.just(role), parts=parts, name=maybe(TEXT, ""), extra=EXTRA)


def some(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def said(*runs: st.SearchStrategy[tuple[hub.Part, ...]]) -> st.SearchStrategy[tuple[hub.Part, ...]]:
    return st.tuples(*runs).map(lambda found: tuple(part for run in found for part in run))


SPOKEN = said(
    some(THOUGHT, most=1),
    some(PLAIN | st.builds(hub.Refusal, text=TEXT, extra=OWN)),
    some(st.builds(hub.Refusal, text=TEXT), most=1),
    some(st.builds(hub.Audio, id=TEXT), most=1),
    some(CALL),
    some(st.builds(hub.ToolCall, id=st.just(""), name=TEXT, arguments=TEXT, extra=st.just(LEGACY)), most=1),
)
RESULT = st.builds(hub.ToolResult, call_id=TEXT, parts=some(PLAIN, least=1), extra=EXTRA) | st.builds(
    hub.ToolResult, call_id=st.just(""), name=TEXT, parts=some(PLAIN, least=1), extra=EXTRA
)
TURN = st.one_of(
    turn("user", some(ASKED, least=1, most=3)),
    turn("assistant", SPOKEN),
    st.builds(hub.Turn, role=st.just("tool"), parts=RESULT.map(lambda one: (one,))),
)
SYSTEM = turn("system", some(PLAIN, least=1)) | turn("developer", some(PLAIN, least=1))
DESCRIBED = {"name": TEXT, "description": maybe(TEXT, ""), "extra": EXTRA}
TOOL = st.one_of(
    st.builds(hub.Tool, parameters=SCHEMA, strict=st.none() | st.booleans(), cache=MARK, **DESCRIBED),
    st.builds(hub.CustomTool, format=maybe(st.just({"type": "text"})), **DESCRIBED),
    st.just(hub.HostedTool(kind="web_search", dialect=hub.CHAT, value={"web_search_options": {"a": 1}})),
    st.just(hub.HostedTool(kind="novel", dialect=hub.CHAT, value={"type": "novel"})),
)
NUMBER = st.none() | st.integers(0, 9) | st.floats(-2, 2)
COUNT = st.none() | st.integers(0, 2**31 - 1)
CHOICE = st.one_of(
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    st.builds(hub.ToolChoice, mode=st.just("required"), name=TEXT, is_custom=st.booleans()),
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "required"]), allowed=some(TEXT, least=1)),
)
OUTPUT = st.sampled_from([hub.Output(form="text"), hub.Output(form="json")]) | st.builds(
    hub.Output,
    form=st.just("schema"),
    name=TEXT,
    description=maybe(TEXT, ""),
    schema=SCHEMA,
    strict=st.none() | st.booleans(),
)
SAMPLING = st.builds(
    hub.Sampling,
    temperature=NUMBER,
    top_p=NUMBER,
    logit_bias=st.none() | st.dictionaries(NAME, st.integers(-5, 5), max_size=2),
    seed=st.none() | st.integers(-(2**63), 2**64),
    presence_penalty=NUMBER,
    frequency_penalty=NUMBER,
    choices=COUNT,
    logprobs=st.none() | st.booleans(),
    top_logprobs=COUNT,
)


def tidy(question: hub.Question) -> hub.Question:
    """A search by the vendor comes last, and once; no spelling is kept of what is not said."""
    tools = [tool for tool in question.tools if "web_search_options" not in str(tool)]
    searches = [tool for tool in question.tools if "web_search_options" in str(tool)]
    said = {"max_tokens": question.max_output is not None, "safety_identifier": bool(question.user)}
    spelled = tuple(name for name in question.spelled if said[name])
    return msgspec.structs.replace(question, tools=(*tools, *searches[:1]), spelled=spelled)


QUESTION = st.builds(
    hub.Question,
    model=TEXT,
    system=some(SYSTEM),
    turns=st.just(()) | st.tuples(TURN, maybe(TURN | SYSTEM)).map(lambda both: tuple(one for one in both if one)),
    tools=some(TOOL, most=3),
    tool_choice=st.none() | CHOICE,
    parallel=st.none() | st.booleans(),
    output=st.none() | OUTPUT,
    sampling=SAMPLING,
    max_output=COUNT,
    stop=some(TEXT),
    reasoning=st.none() | st.builds(hub.Reasoning, effort=TEXT),
    verbosity=maybe(TEXT, ""),
    modalities=some(TEXT),
    speech=st.none() | st.builds(hub.Speech, voice=maybe(TEXT), format=maybe(TEXT, ""), extra=EXTRA),
    cache_key=maybe(TEXT, ""),
    cache_retention=maybe(TEXT, ""),
    user=maybe(TEXT, ""),
    metadata=st.none() | st.dictionaries(NAME, TEXT, max_size=2),
    service_tier=maybe(TEXT, ""),
    store=st.none() | st.booleans(),
    streamed=st.booleans(),
    origin=st.just(hub.CHAT),
    spelled=st.sampled_from([(), ("max_tokens",), ("safety_identifier",), ("max_tokens", "safety_identifier")]),
    extra=EXTRA,
).map(tidy)


@given(QUESTION)
@settings(max_examples=examples(15))
def test_a_question_comes_back_from_its_body(question: hub.Question) -> None:
    assert question_of(body_of(question, question.model)) == question


# Answers

LIKELY = st.lists(
    st.builds(
        hub.Likely,
        token=TEXT,
        logprob=st.floats(-9, 0),
        octets=st.none() | some(st.integers(0, 255)),
        others=some(st.builds(hub.Likely, token=TEXT, logprob=st.floats(-9, 0)), most=1),
    ),
    max_size=2,
).map(tuple)
FINISH = st.builds(
    hub.Finish, reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
) | st.sampled_from(
    [
        hub.Finish(reason="other", extra={hub.CHAT: {"finish_reason": "novel"}}),
        hub.Finish(reason="tool_calls", extra={hub.CHAT: {"finish_reason": "function_call"}}),
    ]
)
USAGE = st.just(
    hub.Usage(
        tokens=reply.Usage(input=2, cached_input=1, output=1, reasoning=1),
        extra={
            hub.CHAT: {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "total_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 1},
                "cost": 0.1,
            }
        },
    )
)
CITATION = citations_of(
    [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 2}}]
)
IMAGE = st.builds(hub.Image, source=INLINE | URL, extra=EXTRA)
SOUND = st.builds(
    hub.Audio, source=st.just(hub.Inline("QQ==")), id=TEXT, transcript=maybe(TEXT, ""), expires_at=COUNT, extra=EXTRA
)
WHOLE = said(
    some(THOUGHT, most=1),
    some(st.builds(hub.Text, text=TEXT, citations=st.sampled_from([(), tuple(CITATION)])), most=1),
    some(st.builds(hub.Refusal, text=TEXT), most=1),
    some(CALL),
    some(IMAGE),
    some(SOUND, most=1),
)
CHOICES = st.lists(
    st.builds(
        hub.Choice,
        parts=WHOLE,
        finish=st.none() | FINISH,
        index=st.integers(0, 5),
        likely=st.none() | LIKELY,
        likely_refusal=st.none() | LIKELY,
        extra=EXTRA,
    ),
    max_size=2,
).map(tuple)
ANSWER = st.builds(
    hub.Answer,
    choices=CHOICES,
    id=TEXT,
    model=TEXT,
    created=st.integers(1, 2**40),
    usage=st.none() | USAGE,
    service_tier=maybe(TEXT, ""),
    extra=EXTRA,
)


@given(ANSWER)
@settings(max_examples=examples(15))
def test_an_answer_comes_back_from_its_body(answer: hub.Answer) -> None:
    assert answer_of(ChatEvents().whole(answer)) == answer


# Streams


@st.composite
def choice_pieces(draw: st.DrawFn, choice: int) -> list[hub.Piece]:
    """What a stream says of one choice: parts in a row, calls that may grow side by side, and the end."""
    pieces: list[hub.Piece] = [hub.ChoiceStarted(choice=choice)]
    before = ""
    part = 0
    for kind in draw(
        st.lists(st.sampled_from(["text", "thinking", "refusal", "calls", "image", "audio", "extra"]), max_size=5)
    ):
        at = {"choice": choice, "part": part}
        if kind == "extra":
            pieces.append(
                hub.ChoiceExtra(extra={hub.CHAT: draw(MEMBERS)}, choice=choice, in_message=draw(st.booleans()))
            )
            continue
        if kind == before != "calls":
            continue
        before = kind
        part += 1
        if kind == "text":
            for text in draw(st.lists(TEXT, min_size=1, max_size=3)):
                pieces.append(hub.TextDelta(text=text, **at))
                if draw(st.booleans()):
                    pieces.append(hub.LikelyDelta(choice=choice, likely=draw(LIKELY)))
            pieces.extend(hub.CitationDelta(citation=one, **at) for one in draw(st.sampled_from([(), CITATION])))
        elif kind == "thinking":
            thoughts = draw(st.lists(TEXT, min_size=1, max_size=2))
            pieces.extend(hub.ThinkingDelta(origin=hub.CHAT, text=text, **at) for text in thoughts)
        elif kind == "refusal":
            pieces.extend(hub.RefusalDelta(text=text, **at) for text in draw(st.lists(TEXT, min_size=1, max_size=2)))
        elif kind == "image":
            pieces.append(hub.Whole(value=draw(IMAGE), **at))
        elif kind == "audio":
            pieces.append(hub.AudioDelta(id="a", transcript=draw(maybe(TEXT, "")), **at))
            pieces.append(hub.AudioDelta(data="QQ==", expires_at=draw(COUNT), **at))
        else:
            count = draw(st.integers(1, 3))
            customs = draw(st.lists(st.booleans(), min_size=count, max_size=count))
            for number, is_custom in enumerate(customs):
                place = {"choice": choice, "part": part - 1 + number, "is_custom": is_custom}
                pieces.append(
                    hub.ToolCallDelta(id=f"c{part}", name=draw(TEXT), arguments=draw(st.text(max_size=3)), **place)
                )
            for number in draw(st.lists(st.integers(0, count - 1), max_size=4)):
                place = {"choice": choice, "part": part - 1 + number, "is_custom": customs[number]}
                pieces.append(hub.ToolCallDelta(arguments=draw(TEXT), **place))
            part += count - 1
    if draw(st.booleans()):
        pieces.append(hub.Finished(finish=draw(FINISH), choice=choice))
    return pieces


@st.composite
def streams(draw: st.DrawFn) -> list[hub.Piece]:
    choices = [draw(choice_pieces(choice)) for choice in range(draw(st.integers(0, 2)))]
    rng = random.Random(draw(st.integers(0, 99)))
    extra = draw(EXTRA) if choices else NO_EXTRA
    pieces: list[hub.Piece] = [
        hub.Started(id="c", model="m", created=1, service_tier=draw(maybe(TEXT, "")), extra=extra)
    ]
    while any(choices):
        one = rng.choice([one for one in choices if one])
        pieces.append(one.pop(0))
    counted = [hub.Counted(usage=draw(USAGE))]
    return pieces + counted


@given(streams(), st.integers(0, 99))
@settings(max_examples=examples(30))
def test_pieces_come_back_from_their_events_however_they_come(pieces: list[hub.Piece], seed: int) -> None:
    rng = random.Random(seed)
    caller, vendor = ChatEvents(), ChatPieces()
    events = []
    at = 0
    while at < len(pieces):
        count = rng.randint(1, 4)
        events.append(caller.feed(pieces[at : at + count]))
        at += count
    assert vendor.feed(b"".join([*events, caller.end()])) + vendor.end() == pieces
