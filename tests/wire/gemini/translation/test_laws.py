"""What Gemini's API can say, it says to the hub and back without a loss, however the hub came by it."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.gemini.translation.answer_reader import answer_of
from headworks.wire.gemini.translation.decoder import GeneratePieces
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.hub.values import NO_EXTRA
from tests.laws import examples

TEXT = st.text(min_size=1, max_size=6)
NAME = st.sampled_from(["a", "b_c", "é"])
MEMBERS = st.sampled_from([{"novel": 1}, {"novel": {"a": [None, 1.5, False]}}, {"novel": "x", "other": [2**70]}])
EXTRA = st.just(NO_EXTRA) | MEMBERS.map(lambda members: {hub.GENERATE: members})
JSON = st.sampled_from(["{}", '{"a":1}', '{"a":[null,0.5,"é"]}'])
SCHEMA = st.sampled_from([hub.Raw(b"{}"), hub.Raw(b'{"type":"object","properties":{"a":{"type":["string","null"]}}}')])
SIGNED = st.sampled_from([{}, {"signature": "c2ln", "origin": hub.GENERATE}])


def maybe(strategy: st.SearchStrategy[Any], nothing: Any = None) -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


def some(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


PLAIN = st.builds(lambda text, signed, extra: hub.Text(text=text, extra=extra, **signed), TEXT, SIGNED, EXTRA)
THOUGHT = st.builds(
    lambda text, signed, extra: hub.Thinking(
        origin=hub.GENERATE, text=text, signature=signed.get("signature", ""), extra=extra
    ),
    TEXT,
    SIGNED,
    EXTRA,
)
CALL = st.builds(
    lambda id, name, args, signed, extra: hub.ToolCall(id=id, name=name, arguments=args, extra=extra, **signed),
    *(TEXT, NAME, JSON, SIGNED, EXTRA),
)
ASKED = st.one_of(
    PLAIN,
    st.builds(hub.Image, source=st.just(hub.Inline("QQ==", "image/png")), extra=EXTRA),
    st.builds(hub.Image, source=st.just(hub.Located("gs://b/a", "image/webp")), extra=EXTRA),
    st.builds(hub.Audio, source=st.just(hub.Inline("QQ==", "audio/wav")), extra=EXTRA),
    st.builds(hub.Video, source=st.just(hub.Located("https://x.example/a.mp4", "video/mp4")), extra=EXTRA),
    st.builds(
        hub.Document,
        source=st.sampled_from(
            [
                hub.Inline("QQ==", "application/pdf"),
                hub.Plain("a,é", "text/csv"),
                hub.Stored("https://generativelanguage.googleapis.com/v1beta/files/a", hub.GENERATE, "application/pdf"),
                hub.Located("https://youtu.be/x"),
            ]
        ),
        name=maybe(TEXT, ""),
        extra=EXTRA,
    ),
    st.builds(
        hub.Only, dialect=st.just(hub.GENERATE), value=st.just("odd") | st.just({"executableCode": {"code": "1"}})
    ),
)
RESULT = st.builds(
    hub.ToolResult,
    call_id=TEXT,
    name=NAME,
    parts=st.one_of(
        st.builds(lambda text: (hub.Text(text=text),), st.text(max_size=6)),
        st.sampled_from(
            [(hub.Value({"result": 1}),), (hub.Value({}), hub.Image(source=hub.Inline("QQ==", "image/png")))]
        ),
    ),
    extra=EXTRA,
)
TURN = st.one_of(
    st.builds(hub.Turn, role=st.just("user"), parts=some(ASKED, 1, 3), extra=EXTRA),
    st.builds(hub.Turn, role=st.just("assistant"), parts=some(THOUGHT | PLAIN | CALL, 0, 3), extra=EXTRA),
    st.builds(hub.Turn, role=st.just("tool"), parts=some(RESULT, 1, 2), extra=EXTRA),
)
TOOL = st.builds(hub.Tool, name=NAME, description=maybe(TEXT, ""), parameters=st.none() | SCHEMA, extra=EXTRA)
HOSTED = st.sampled_from(
    [
        hub.HostedTool(kind="web_search", dialect=hub.GENERATE, value={"googleSearch": {}}),
        hub.HostedTool(kind="novel", dialect=hub.GENERATE, value={"novel": {"a": 1}}),
    ]
)
CHOICE = st.one_of(
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    st.builds(hub.ToolChoice, mode=st.just("required"), name=TEXT),
    st.builds(hub.ToolChoice, mode=st.just("required"), allowed=some(TEXT, 2)),
)
NUMBER = st.none() | st.integers(0, 9) | st.floats(-2, 2)
COUNT = st.none() | st.integers(0, 2**31 - 1)
QUESTION = st.builds(
    hub.Question,
    model=st.just(""),
    system=st.just(()) | st.tuples(st.builds(hub.Turn, role=st.just("system"), parts=some(PLAIN, 1))),
    turns=some(TURN),
    tools=st.tuples(some(TOOL), some(HOSTED, most=1)).map(lambda both: (*both[0], *both[1])),
    tool_choice=st.none() | CHOICE,
    output=st.none()
    | st.sampled_from([hub.Output(form="text"), hub.Output(form="json")])
    | st.builds(hub.Output, form=st.just("schema"), schema=SCHEMA),
    sampling=st.builds(
        hub.Sampling,
        temperature=NUMBER,
        top_p=NUMBER,
        top_k=NUMBER,
        presence_penalty=NUMBER,
        frequency_penalty=NUMBER,
        seed=st.none() | st.integers(-(2**31), 2**31),
        choices=COUNT,
        logprobs=st.none() | st.booleans(),
        top_logprobs=COUNT,
    ),
    max_output=COUNT,
    stop=some(TEXT),
    reasoning=st.none()
    | st.builds(
        hub.Reasoning,
        effort=st.sampled_from(["low", "high"]),
        budget=st.none() | st.integers(-1, 99),
        shown=st.sampled_from(["", "auto", "none"]),
        extra=EXTRA,
    ),
    modalities=some(st.sampled_from(["text", "audio"])),
    origin=st.just(hub.GENERATE),
    extra=EXTRA,
)


@given(QUESTION)
@settings(max_examples=examples(10))
def test_a_question_comes_back_from_its_body(question: hub.Question) -> None:
    assert question_of(body_of(question, "m")) == question


# Answers

LIKELY = st.lists(
    st.builds(
        hub.Likely,
        token=TEXT,
        logprob=st.floats(-9, 0),
        others=some(st.builds(hub.Likely, token=TEXT, logprob=st.floats(-9, 0)), 1, 1),
        extra=EXTRA,
    ),
    min_size=1,
    max_size=2,
).map(tuple)
FINISH = st.sampled_from(
    [
        hub.Finish(reason="length"),
        hub.Finish(reason="content_filter", detail="why"),
        hub.Finish(reason="content_filter", extra={hub.GENERATE: {"finishReason": "RECITATION"}}),
        hub.Finish(reason="malformed_call", extra={hub.GENERATE: {"finishReason": "UNEXPECTED_TOOL_CALL"}}),
        hub.Finish(reason="other", extra={hub.GENERATE: {"finishReason": "LANGUAGE"}}),
    ]
)
USAGE = st.just(
    hub.Usage(
        tokens=reply.Usage(input=2, cached_input=1, output=1, reasoning=1),
        extra={
            hub.GENERATE: {
                "promptTokenCount": 3,
                "cachedContentTokenCount": 1,
                "candidatesTokenCount": 1,
                "thoughtsTokenCount": 1,
                "totalTokenCount": 5,
            }
        },
    )
)
PARTS = some(
    st.one_of(
        THOUGHT,
        PLAIN,
        CALL,
        st.builds(hub.Image, source=st.just(hub.Inline("QQ==", "image/png")), extra=EXTRA),
        st.just(hub.Only(dialect=hub.GENERATE, value={"codeExecutionResult": {"output": "1"}})),
    ),
    most=4,
)


@st.composite
def choices(draw: st.DrawFn) -> hub.Choice:
    parts = draw(PARTS)
    has_calls = any(isinstance(part, hub.ToolCall) for part in parts)
    own = hub.Finish(reason="tool_calls" if has_calls else "stop")
    return hub.Choice(
        parts=parts,
        finish=draw(st.none() | st.just(own) | FINISH),
        index=draw(st.integers(0, 5)),
        likely=draw(st.none() | LIKELY),
        extra=draw(EXTRA),
    )


ANSWER = st.builds(hub.Answer, choices=some(choices()), id=TEXT, model=TEXT, usage=st.none() | USAGE, extra=EXTRA)


@given(ANSWER)
@settings(max_examples=examples(10))
def test_an_answer_comes_back_from_its_body(answer: hub.Answer) -> None:
    assert answer_of(GenerateEvents().whole(answer)) == answer


@given(st.lists(choices(), min_size=1, max_size=2), st.integers(0, 99), st.booleans())
@settings(max_examples=examples(10))
def test_a_stream_says_what_the_whole_answer_says(made: list[hub.Choice], seed: int, at_once: bool) -> None:
    """The parts of an answer as pieces, written as events and read again, are the same parts; candidates side by side."""
    rng = random.Random(seed)
    said = [msgspec.structs.replace(choice, index=at, extra=NO_EXTRA) for at, choice in enumerate(made)]
    queues = [pieces_of(choice) for choice in said]
    pieces: list[hub.Piece] = [hub.Started(id="i", model="m")]
    while any(queues):
        queue = rng.choice([one for one in queues if one])
        pieces.append(queue.pop(0))
    encoder = GenerateEvents()
    data = encoder.feed(pieces) if at_once else b"".join([encoder.feed([one]) for one in pieces])
    data += encoder.end()
    again = read(data, len(said))
    assert again == [(joined(choice.parts), choice.finish, choice.likely or ()) for choice in said]


def pieces_of(choice: hub.Choice) -> list[hub.Piece]:
    pieces: list[hub.Piece] = [hub.ChoiceStarted(choice=choice.index)]
    for part, value in enumerate(choice.parts):
        at = {"choice": choice.index, "part": part}
        if isinstance(value, hub.Text):
            pieces += [
                hub.TextDelta(text=value.text, signature=value.signature, origin=value.origin, extra=value.extra, **at)
            ]
        elif isinstance(value, hub.Thinking):
            pieces += [
                hub.ThinkingDelta(
                    origin=value.origin, text=value.text, signature=value.signature, extra=value.extra, **at
                )
            ]
        elif isinstance(value, hub.ToolCall):
            half = len(value.arguments) // 2
            fields = {"signature": value.signature, "origin": value.origin, "extra": value.extra}
            pieces += [
                hub.ToolCallDelta(id=value.id, name=value.name, arguments=value.arguments[:half], **fields, **at)
            ]
            pieces += [hub.ToolCallDelta(arguments=value.arguments[half:], **at)]
        else:
            pieces += [hub.Whole(value=value, **at)]
    if choice.likely is not None:
        pieces += [hub.LikelyDelta(choice=choice.index, likely=choice.likely)]
    return pieces + ([hub.Finished(choice=choice.index, finish=choice.finish)] if choice.finish is not None else [])


def read(data: bytes, count: int) -> list[Any]:
    parts: list[list[hub.Part]] = [[] for _ in range(count)]
    finishes: list[hub.Finish | None] = [None] * count
    likely: list[tuple[hub.Likely, ...]] = [()] * count
    for piece in GeneratePieces().feed(data):
        if isinstance(piece, hub.TextDelta):
            parts[piece.choice].append(
                hub.Text(text=piece.text, signature=piece.signature, origin=piece.origin, extra=piece.extra)
            )
        elif isinstance(piece, hub.ThinkingDelta):
            parts[piece.choice].append(
                hub.Thinking(origin=piece.origin, text=piece.text, signature=piece.signature, extra=piece.extra)
            )
        elif isinstance(piece, hub.ToolCallDelta):
            parts[piece.choice].append(
                hub.ToolCall(
                    id=piece.id,
                    name=piece.name,
                    arguments=piece.arguments,
                    signature=piece.signature,
                    origin=piece.origin,
                    extra=piece.extra,
                )
            )
        elif isinstance(piece, hub.Whole):
            parts[piece.choice].append(piece.value)
        elif isinstance(piece, hub.Finished):
            finishes[piece.choice] = piece.finish
        elif isinstance(piece, hub.LikelyDelta):
            likely[piece.choice] = piece.likely or ()
    return [(joined(one), finish, tokens) for one, finish, tokens in zip(parts, finishes, likely, strict=True)]


def joined(parts: Any) -> list[hub.Part]:
    """Texts of one kind that follow one another are one text, however they came."""
    made: list[hub.Part] = []
    for part in parts:
        last = made[-1] if made else None
        is_plain = isinstance(part, (hub.Text, hub.Thinking)) and not part.signature and not part.extra
        if is_plain and type(last) is type(part) and not last.signature and not last.extra:
            made[-1] = msgspec.structs.replace(last, text=last.text + part.text)
        else:
            made.append(part)
    return made
