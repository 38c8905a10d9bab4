"""What Responses can say, it says to the hub and back without a loss, however the hub came by it."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.hub.values import NO_EXTRA
from headworks.wire.openai.responses.pieces import ResponsesPieces, answer_of
from headworks.wire.openai.responses.question_reader import question_of
from headworks.wire.openai.responses.question_writer import body_of
from tests.laws import examples
from tests.wire.openai.responses.speaking import encoder, judged

TEXT = st.text(min_size=1, max_size=6)
NAME = st.sampled_from(["a", "b_c", "d-e"])
MEMBERS = st.sampled_from([{"novel": 1}, {"novel": {"a": [None, 1.5, False]}}, {"novel": "x", "other": [2**70]}])
EXTRA = st.just(NO_EXTRA) | MEMBERS.map(lambda members: {hub.RESPONSES: members})
SCHEMA = st.sampled_from([None, hub.Raw(b"{}"), hub.Raw(b'{"type":"object","$defs":{"a":{"default":null}},"x":0.5}')])
MARK = st.none() | st.just(hub.CacheMark(ttl="30m", extra={hub.RESPONSES: {"prompt_cache_breakpoint": {"ttl": "30m"}}}))
INLINE = st.builds(hub.Inline, st.sampled_from(["", "QQ=="]), st.sampled_from(["image/png", "application/pdf"]))
URL = st.builds(hub.Located, st.sampled_from(["https://x.example/a", "data:,x"]))
STORED = st.just(hub.Stored("file-1", hub.RESPONSES))


def maybe(strategy: st.SearchStrategy[Any], nothing: Any = None) -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


def some(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


PLAIN = st.builds(hub.Text, text=st.text(max_size=6), cache=MARK, extra=EXTRA)
ASKED = st.one_of(
    PLAIN,
    st.builds(hub.Image, source=INLINE | URL | STORED, detail=st.sampled_from(["", "low"]), cache=MARK, extra=EXTRA),
    st.builds(hub.Audio, source=st.just(hub.Inline("QQ==", "audio/wav")), cache=MARK, extra=EXTRA),
    st.builds(
        hub.Document,
        source=INLINE | STORED | st.just(hub.Located("https://x.example/a")),
        name=maybe(TEXT, ""),
        cache=MARK,
        extra=EXTRA,
    ),
    st.builds(hub.Only, dialect=st.just(hub.RESPONSES), value=st.just("odd") | st.just({"type": "novel", "x": 1})),
)
CITATION = st.just(
    hub.Citation(
        url="u",
        title="t",
        start=0,
        end=1,
        extra={
            hub.RESPONSES: {
                "annotation": {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
            }
        },
    )
)
CALL = st.builds(
    lambda named, **fields: hub.ToolCall(**fields, **named),
    st.builds(lambda name: {"name": name}, TEXT)
    | st.just({"name": "n__f", "extra": {hub.RESPONSES: {"namespace": "n", "name": "f"}}}),
    id=TEXT,
    arguments=st.text(max_size=6),
    is_custom=st.booleans(),
)
THOUGHT = st.builds(
    hub.Thinking,
    origin=st.just(hub.RESPONSES),
    text=TEXT,
    redacted=maybe(TEXT, ""),
    is_summary=st.booleans(),
)
SPOKEN = st.builds(hub.Text, text=TEXT, citations=some(CITATION, most=1)) | st.builds(hub.Refusal, text=TEXT)
DONE = st.just(hub.Only(dialect=hub.RESPONSES, value={"type": "web_search_call", "id": "w", "status": "completed"}))
RESULT = st.builds(hub.ToolResult, call_id=TEXT, parts=some(PLAIN, least=1), is_custom=st.booleans())
ONE = st.one_of(
    st.builds(hub.Turn, role=st.just("user"), parts=some(ASKED, least=1, most=3), extra=EXTRA),
    st.builds(hub.Turn, role=st.just("assistant"), parts=some(SPOKEN | CALL | THOUGHT | DONE, least=1, most=4)),
    st.builds(hub.Turn, role=st.just("tool"), parts=some(RESULT, least=1)),
)
SYSTEM = st.builds(hub.Turn, role=st.sampled_from(["system", "developer"]), parts=some(PLAIN, least=1), extra=EXTRA)
DESCRIBED = {"name": NAME, "description": maybe(TEXT, ""), "extra": EXTRA}
FUNCTION = st.builds(hub.Tool, parameters=SCHEMA, strict=st.none() | st.booleans(), **DESCRIBED)
CUSTOM = st.builds(hub.CustomTool, format=maybe(st.just({"type": "text"})), **DESCRIBED)
TOOL = st.one_of(
    FUNCTION,
    CUSTOM,
    st.builds(hub.ToolGroup, tools=some(FUNCTION | CUSTOM), **DESCRIBED),
    st.just(hub.HostedTool(kind="web_search", dialect=hub.RESPONSES, value={"type": "web_search"})),
)
CHOICE = st.one_of(
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    st.builds(hub.ToolChoice, mode=st.just("required"), name=TEXT, is_custom=st.booleans()),
    st.builds(hub.ToolChoice, mode=st.sampled_from(["auto", "required"]), allowed=some(TEXT, least=1)),
)
OUTPUT = st.sampled_from([hub.Output(form="text"), hub.Output(form="json")]) | st.builds(
    hub.Output, form=st.just("schema"), name=TEXT, description=maybe(TEXT, ""), schema=SCHEMA, strict=st.booleans()
)
NUMBER = st.none() | st.integers(0, 9) | st.floats(-2, 2)
INSTRUCTED = st.just(hub.Turn(role="system", parts=(hub.Text(text="be"),)))


def runs(turns: tuple[hub.Turn, ...]) -> tuple[hub.Turn, ...]:
    """Turns as items tell them apart: what the assistant says in a row is one turn, and so are results in a row."""
    kept: list[hub.Turn] = []
    for turn in turns:
        if not kept or turn.role == "user" or turn.role != kept[-1].role:
            kept.append(turn)
    return tuple(kept)


def tidy(question: hub.Question) -> hub.Question:
    """Instructions are said as such where they are; no spelling is kept of what is not said."""
    system = (
        question.system
        if "instructions" not in question.spelled
        else (hub.Turn(role="system", parts=(hub.Text(text="be"),)), *question.system)
    )
    said = {"safety_identifier": bool(question.user), "instructions": True}
    spelled = tuple(name for name in question.spelled if said[name])
    return msgspec.structs.replace(question, system=system, spelled=spelled, turns=runs(question.turns))


QUESTION = st.builds(
    hub.Question,
    model=TEXT,
    system=some(SYSTEM),
    turns=st.tuples(ONE, maybe(ONE), maybe(ONE)).map(lambda all_: tuple(one for one in all_ if one)),
    tools=some(TOOL, most=3),
    tool_choice=st.none() | CHOICE,
    parallel=st.none() | st.booleans(),
    output=st.none() | OUTPUT,
    sampling=st.builds(hub.Sampling, temperature=NUMBER, top_p=NUMBER),
    max_output=st.none() | st.integers(0, 2**31 - 1),
    reasoning=st.none() | st.builds(hub.Reasoning, effort=TEXT, shown=maybe(TEXT, ""), extra=EXTRA),
    verbosity=maybe(TEXT, ""),
    cache_key=maybe(TEXT, ""),
    cache_retention=maybe(TEXT, ""),
    user=maybe(TEXT, ""),
    metadata=st.none() | st.dictionaries(NAME, TEXT, max_size=2),
    service_tier=maybe(TEXT, ""),
    streamed=st.booleans(),
    origin=st.just(hub.RESPONSES),
    spelled=st.sampled_from([(), ("instructions",), ("safety_identifier",), ("instructions", "safety_identifier")]),
    extra=EXTRA,
).map(tidy)


@given(QUESTION)
@settings(max_examples=examples(20))
def test_a_question_comes_back_from_its_body(question: hub.Question) -> None:
    assert question_of(body_of(question, question.model)) == question


# Answers

FINISH = st.sampled_from([hub.Finish(reason="stop"), hub.Finish(reason="length"), hub.Finish(reason="content_filter")])
USAGE = st.just(
    hub.Usage(
        tokens=reply.Usage(input=2, cached_input=1, output=1, reasoning=1),
        extra={
            hub.RESPONSES: {
                "input_tokens": 3,
                "output_tokens": 2,
                "total_tokens": 5,
                "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 1},
            }
        },
    )
)
TOLD_CALL = st.builds(hub.ToolCall, id=TEXT, name=NAME, arguments=st.just("{}"), is_custom=st.booleans())


def ended(finish: hub.Finish, parts: tuple[hub.Part, ...]) -> hub.Finish:
    """An answer with calls ended with them."""
    has_calls = any(isinstance(part, hub.ToolCall) for part in parts)
    return hub.Finish(reason="tool_calls") if finish.reason == "stop" and has_calls else finish


ANSWER = st.builds(
    lambda parts, finish, **fields: hub.Answer(
        choices=(hub.Choice(parts=parts, finish=ended(finish, parts)),), **fields
    ),
    parts=some(SPOKEN | TOLD_CALL, most=4),
    finish=FINISH,
    model=TEXT,
    usage=st.none() | USAGE,
    service_tier=maybe(TEXT, ""),
)


@given(ANSWER)
@settings(max_examples=examples(15))
def test_an_answer_comes_back_from_its_body(answer: hub.Answer) -> None:
    read = answer_of(encoder().whole(answer))
    assert msgspec.structs.replace(read, id="", created=0) == answer


@st.composite
def streams(draw: st.DrawFn) -> list[hub.Piece]:
    """What a stream says: parts in a row, and the end."""
    pieces: list[hub.Piece] = [hub.Started(model="m"), hub.ChoiceStarted()]
    has_calls = False
    before = ""
    part = 0
    for kind in draw(st.lists(st.sampled_from(["text", "refusal", "call", "custom"]), max_size=5)):
        if kind == before:
            continue
        before = kind
        if kind == "text":
            pieces += [hub.TextDelta(text=text, part=part) for text in draw(st.lists(TEXT, min_size=1, max_size=3))]
            pieces += [hub.CitationDelta(citation=one, part=part) for one in draw(some(CITATION, most=1))]
        elif kind == "refusal":
            pieces += [hub.RefusalDelta(text=text, part=part) for text in draw(st.lists(TEXT, min_size=1, max_size=2))]
        else:
            has_calls = True
            is_custom = kind == "custom"
            pieces.append(hub.ToolCallDelta(part=part, id=f"c{part}", name=draw(NAME), is_custom=is_custom))
            whole = ["{", "}"] if not is_custom else draw(st.lists(TEXT, max_size=2))
            pieces += [hub.ToolCallDelta(part=part, arguments=one, is_custom=is_custom) for one in whole]
        part += 1
    finish = draw(FINISH)
    if has_calls and finish.reason == "stop":
        finish = hub.Finish(reason="tool_calls")
    return [*pieces, hub.Finished(finish=finish), hub.Counted(usage=draw(USAGE))]


@given(streams(), st.integers(0, 99))
@settings(max_examples=examples(20))
def test_pieces_come_back_from_their_events_however_they_come(pieces: list[hub.Piece], seed: int) -> None:
    rng = random.Random(seed)
    caller, vendor = encoder(), ResponsesPieces()
    data = b""
    at = 0
    while at < len(pieces):
        count = rng.randint(1, 4)
        data += caller.feed(pieces[at : at + count])
        at += count
    data += caller.end()
    judged(data)
    read = vendor.feed(data) + vendor.end()
    first = read[0]
    assert isinstance(first, hub.Started)
    assert [msgspec.structs.replace(first, id="", created=0), *read[1:]] == pieces
