"""What a simulated vendor says follows from the prompt and the seed, in the shapes that the official SDK reads."""

import subprocess
import sys
from typing import Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from headworks.core.errors import Rejected
from headworks.providers.simulated.answer_text import (
    Percentiles,
    TokenCounts,
    after_prefill,
    before_stop,
    other_key,
    pieces,
    text_key,
    tokens,
)
from headworks.providers.simulated.chat_answer import unit_vector
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.testing import Answer, ask, call, run_virtual

NOTHING = Percentiles(p50=0, p99=0)


def vendor(seed: int = 0, length: int = 12, model: str = "stand-in") -> Simulated:
    said = VendorSettings(
        first_token=NOTHING, per_token=NOTHING, output_tokens=Percentiles(p50=length, p99=length), seed=seed
    )
    return Simulated(VendorState("sim", said), model)


def say(text: str = "hello", *, of: Simulated | None = None, streamed: bool = False, **fields: Any) -> Answer:
    return run_virtual(ask(of or vendor(), call(text, streamed=streamed, fields=fields)))


def read(answer: Answer) -> ChatCompletion:
    """The SDK's own model of the answer, put together from the events by the SDK where it was streamed."""
    if not answer.streamed:
        return ChatCompletion.model_validate_json(answer.data, strict=True)
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for event in answer.data.decode().split("\n\n")[:-2]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(event.removeprefix("data: ")))
    return state.get_final_completion()


# Text


def test_the_same_prompt_and_seed_say_the_same_whatever_the_model() -> None:
    assert say(of=vendor(3)).text == say(of=vendor(3, model="other")).text
    assert say(of=vendor(3)).text != say(of=vendor(4)).text
    assert say("a").text != say("b").text


def test_the_callers_seed_comes_before_the_vendors() -> None:
    assert say(of=vendor(3), seed=9).text == say(of=vendor(4), seed=9).text == say(of=vendor(9)).text


def test_fields_and_spaces_around_the_messages_change_no_word() -> None:
    body = b'{ "temperature":0.2, "messages" : [ {"content":"hello","role":"user"} ] ,"model":"x", "unknown":{}}'
    asked = msgspec.structs.replace(call("hello"), body=body)
    assert run_virtual(ask(vendor(), asked)).text == say().text


def test_text_is_the_same_under_any_hash_seed() -> None:
    script = (
        "import sys; from headworks.testing import ask, call, run_virtual; "
        "from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState; "
        "sys.stdout.write(run_virtual(ask(Simulated(VendorState('sim', VendorSettings()), 'm'), call('x'))).text)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {say("x", of=Simulated(VendorState("sim", VendorSettings()), "m")).text}


def test_lengths_belong_to_the_text_and_spread() -> None:
    said = VendorSettings(first_token=NOTHING, per_token=NOTHING, output_tokens=Percentiles(p50=40, p99=200))
    one, other = Simulated(VendorState("a", said), "a"), Simulated(VendorState("b", said), "b")
    lengths = [len(say(f"question {number}", of=one).text.split()) for number in range(200)]
    assert lengths == [len(say(f"question {number}", of=other).text.split()) for number in range(200)]
    assert 30 <= sorted(lengths)[100] <= 50
    assert max(lengths) > 100


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_limit_cuts_the_same_text(field: str, streamed: bool) -> None:
    whole = say().text
    limit: dict[str, Any] = {field: 5}
    cut = say(streamed=streamed, **limit)
    assert cut.finish == "length"
    assert cut.text.split() == whole.split()[:5]
    assert whole.startswith(cut.text)
    limit = {field: 12}
    exact = say(streamed=streamed, **limit)
    assert (exact.finish, exact.text) == ("stop", whole)


def unstated() -> Simulated:
    """A vendor of whose answers' length nothing is said."""
    return Simulated(VendorState("sim", VendorSettings(first_token=NOTHING, per_token=NOTHING)), "m")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("tokens", [1, 7, 700])
def test_where_no_length_is_said_an_answer_is_as_long_as_its_call_allows(
    field: str, streamed: bool, tokens: int
) -> None:
    answer = say(
        "how long?", of=unstated(), streamed=streamed, **{field: tokens, "stream_options": {"include_usage": True}}
    )
    assert (len(answer.text.split()), answer.finish) == (tokens, "length")
    assert answer.usage is not None
    assert answer.usage.output == tokens
    longer = say("how long?", of=unstated(), max_tokens=900)
    assert longer.text.startswith(answer.text)


def test_without_a_limit_an_unsaid_length_is_drawn_as_ever() -> None:
    """Half have at most 40 tokens: the same as where the file says so."""
    stated = VendorSettings(first_token=NOTHING, per_token=NOTHING, output_tokens=Percentiles(p50=40, p99=200))
    other = Simulated(VendorState("sim", stated), "m")
    for number in range(20):
        ours, theirs = say(f"{number}", of=unstated()), say(f"{number}", of=other)
        assert (ours.text, ours.finish) == (theirs.text, theirs.finish)


def test_a_length_that_is_said_is_not_made_longer_by_a_call() -> None:
    assert (say(max_tokens=4096).text, say(max_tokens=4096).finish) == (say().text, "stop")


def test_an_aliases_bound_makes_no_answer_longer() -> None:
    plain, bounded = call("how long?"), msgspec.structs.replace(call("how long?"), max_output=4096)
    assert run_virtual(ask(unstated(), bounded)).text == run_virtual(ask(unstated(), plain)).text
    both = msgspec.structs.replace(call("how long?", fields={"max_tokens": 50}), max_output=20)
    assert len(run_virtual(ask(unstated(), both)).text.split()) == 20


def test_an_answer_as_long_as_its_call_ends_at_a_stop_sequence_and_is_gone_on_with() -> None:
    whole = say("why?", of=unstated(), max_tokens=60).text
    stopped = say("why?", of=unstated(), max_tokens=60, stop=whole.split()[20])
    assert stopped.finish == "stop"
    assert whole.startswith(stopped.text)
    begun = " ".join(whole.split()[:25])
    messages = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": begun}]
    rest = say(of=unstated(), messages=messages, max_tokens=60)
    assert (begun + rest.text, rest.finish) == (whole, "length")


def test_a_schema_is_answered_whole_however_much_a_call_allows() -> None:
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "w", "schema": Weather.model_json_schema(), "strict": True},
    }
    answer = say("q", of=unstated(), response_format=wanted, max_tokens=5000)
    assert answer.finish == "stop"
    Weather.model_validate_json(answer.text, strict=True)


def test_two_percentiles_of_a_file_are_those_of_the_answers() -> None:
    lengths = TokenCounts(Percentiles.through_95(180, 600))
    drawn = sorted(lengths.of(number.to_bytes(4, "big") + bytes(12)) for number in range(0, 2**32, 2**22))
    assert drawn[len(drawn) // 2] == pytest.approx(180, rel=0.02)
    assert drawn[len(drawn) * 95 // 100] == pytest.approx(600, rel=0.03)


def test_the_calls_own_bound_cuts_too() -> None:
    asked = msgspec.structs.replace(call(), max_output=3)
    answer = run_virtual(ask(vendor(), asked))
    assert (answer.finish, len(answer.text.split())) == ("length", 3)


def test_an_answer_that_was_begun_is_gone_on_with() -> None:
    whole = say("why?").text
    for begun in (whole[:1], whole[:13], whole.rsplit(" ", 1)[0], whole):
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": "why?"}, {"role": "assistant", "content": begun}],
        }
        asked = msgspec.structs.replace(call(), body=msgspec.json.encode(body))
        answer = run_virtual(ask(vendor(), asked))
        assert begun + answer.text == whole
        streamed = run_virtual(ask(vendor(), msgspec.structs.replace(asked, streamed=True)))
        assert (streamed.text, streamed.finish) == (answer.text, "stop")


def test_a_stop_sequence_ends_the_text_before_it() -> None:
    whole = say().text
    word = whole.split()[3]
    before = whole[: whole.index(word)]
    for stop in (word, ["nowhere", word], [word, ""]):
        answer = say(stop=stop)
        assert (answer.text, answer.finish) == (before, "stop")
    assert say(stop=whole[0]).text == ""
    nothing = say(stop=whole[0], streamed=True)
    assert (nothing.text, nothing.finish, nothing.usage and nothing.usage.output) == ("", "stop", 0)
    assert read(nothing).choices[0].finish_reason == "stop"


@pytest.mark.parametrize("streamed", [True, False])
def test_several_choices_are_different_texts_of_which_the_first_is_the_one(streamed: bool) -> None:
    answer = say(n=3.0, streamed=streamed)
    texts = [choice.message.content for choice in read(answer).choices]
    assert len(set(texts)) == 3
    assert texts[0] == answer.text == say().text
    assert answer.usage is not None
    assert answer.usage.output == 36


@pytest.mark.parametrize("streamed", [True, False])
def test_logprobs_are_there_for_every_token(streamed: bool) -> None:
    choice = read(say(logprobs=True, top_logprobs=2, streamed=streamed)).choices[0]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)
    assert read(say(streamed=streamed)).choices[0].logprobs is None


@pytest.mark.parametrize("streamed", [True, False])
def test_the_sdk_reads_what_it_was_sent(streamed: bool) -> None:
    answer = say("näïve ✓ question", streamed=streamed)
    completion = read(answer)
    assert completion.model == "stand-in"
    assert completion.choices[0].message.content == answer.text
    assert completion.choices[0].finish_reason == "stop"
    assert completion.created == 1_767_225_600


# Tools


class Place(pydantic.BaseModel):
    city: str
    country: Literal["NL", "DE"]


class Weather(pydantic.BaseModel):
    place: Place
    days: int = pydantic.Field(ge=1, le=14)
    units: Literal["metric", "imperial"] | None = None


WEATHER = {"type": "function", "function": {"name": "weather", "parameters": Weather.model_json_schema()}}
CLOCK = {"type": "function", "function": {"name": "clock"}}


@pytest.mark.parametrize("streamed", [True, False])
def test_a_tool_is_called_with_arguments_that_its_schema_allows(streamed: bool) -> None:
    for number in range(10):
        answer = say(f"question {number}", tools=[WEATHER], streamed=streamed)
        choice = read(answer).choices[0]
        assert choice.finish_reason == "tool_calls"
        assert not choice.message.content
        assert choice.message.tool_calls is not None
        (made,) = choice.message.tool_calls
        assert made.type == "function"
        assert made.function.name == "weather"
        Weather.model_validate_json(made.function.arguments, strict=True)
        assert made.id.startswith("call_")
        assert answer.text == ""
        assert [chunk.begins_tool_call for chunk in answer.chunks].count(True) == 1


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        (None, {"weather", "clock"}),
        ("auto", {"weather", "clock"}),
        ("required", {"weather", "clock"}),
        ("none", set()),
        ({"type": "function", "function": {"name": "clock"}}, {"clock"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]},
            },
            {"clock"},
        ),
    ],
)
def test_the_callers_choice_of_a_tool_is_kept(choice: Any, called: set[str]) -> None:
    seen = set()
    for number in range(12):
        answer = read(say(f"question {number}", tools=[WEATHER, CLOCK], tool_choice=choice))
        for made in answer.choices[0].message.tool_calls or ():
            assert made.type == "function"
            seen.add(made.function.name)
    assert seen == called


@pytest.mark.parametrize(("choice", "finish"), [("auto", "stop"), ("required", "tool_calls")])
def test_a_tools_result_is_answered_with_text_unless_a_call_is_required(choice: str, finish: str) -> None:
    made = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "what time is it?"},
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    answer = say(messages=messages, tools=[CLOCK], tool_choice=choice)
    assert answer.finish == finish
    assert bool(answer.text) == (finish == "stop")


def test_a_limit_cuts_arguments_too() -> None:
    answer = say(tools=[WEATHER], max_tokens=2)
    assert answer.finish == "length"


# Structured output


@pytest.mark.parametrize("streamed", [True, False])
def test_a_schema_is_answered_with_json_that_it_allows(streamed: bool) -> None:
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "w", "schema": Weather.model_json_schema(), "strict": True},
    }
    for number in range(10):
        answer = say(f"question {number}", response_format=wanted, streamed=streamed)
        assert answer.finish == "stop"
        Weather.model_validate_json(answer.text, strict=True)
        assert read(answer).choices[0].message.content == answer.text


def test_the_sdk_parses_a_stream_into_the_callers_own_class() -> None:
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "w", "schema": Weather.model_json_schema(), "strict": True},
    }
    answer = say(response_format=wanted, streamed=True)
    state = ChatCompletionStreamState(response_format=Weather)
    for event in answer.data.decode().split("\n\n")[:-2]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(event.removeprefix("data: ")))
    assert isinstance(state.get_final_completion().choices[0].message.parsed, Weather)


def test_json_without_a_schema_is_an_object_and_text_is_text() -> None:
    assert isinstance(msgspec.json.decode(say(response_format={"type": "json_object"}).text), dict)
    assert say(response_format={"type": "text"}).text == say().text


# What is refused


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"content": "no role"}]}, "messages[0]"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"functions": [{"name": "old"}]}, "functions"),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools"),
        ({"tools": [CLOCK], "tool_choice": "always"}, "tool_choice"),
        ({"tools": [CLOCK], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "blob"}}}]}, "tools"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#/$defs/no"}}}},
            "response_format",
        ),
    ],
)
def test_what_it_does_not_understand_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Rejected) as caught:
        say(**fields)
    assert caught.value.param == param
    assert caught.value.said is not None
    assert (caught.value.said.status, caught.value.said.param) == (400, param)
    assert caught.value.target == "sim/stand-in"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"messages":[{"role":"user","content":' + b"[" * 100_000]
)
def test_a_body_that_is_no_call_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected):
        run_virtual(ask(vendor(), msgspec.structs.replace(call(), body=body)))


# Laws of the words


@given(st.binary(min_size=16, max_size=16), st.integers(1, 200), st.integers(1, 200))
def test_a_shorter_text_is_a_prefix(key: bytes, count: int, more: int) -> None:
    short, long = tokens(key, count), tokens(key, count + more)
    assert len(short) == count
    assert long[:count] == short
    assert " ".join("".join(long).split()) == "".join(long)


@given(st.binary(min_size=16, max_size=16), st.integers(1, 60), st.data())
def test_the_beginning_and_the_rest_are_the_whole(key: bytes, count: int, data: st.DataObject) -> None:
    said = tokens(key, count)
    text = "".join(said)
    at = data.draw(st.integers(0, len(text)))
    assert text[:at] + "".join(after_prefill(said, text[:at])) == text
    assert after_prefill(said, "something else") == said


@given(st.binary(min_size=16, max_size=16), st.integers(1, 60), st.data())
def test_a_text_ends_before_its_first_stop(key: bytes, count: int, data: st.DataObject) -> None:
    said = tokens(key, count)
    text = "".join(said)
    at = data.draw(st.integers(0, len(text) - 1))
    stop = text[at : at + data.draw(st.integers(1, 5))]
    assert "".join(before_stop(said, [stop])) == text[: text.index(stop)]


@given(st.text(max_size=50))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_keys_tell_apart_where_messages_end() -> None:
    assert len({text_key(parts, 0) for parts in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"ab", b"c", b""])}) == 4
    key = text_key([b"a"], 0)
    assert len({other_key(key, index) for index in range(10)}) == 10
    assert other_key(key, 0) == key


@given(st.binary(min_size=16, max_size=16), st.integers(1, 300))
def test_vectors_have_length_one(key: bytes, dimensions: int) -> None:
    vector = unit_vector(key, dimensions)
    assert len(vector) == dimensions
    assert sum(x * x for x in vector) == pytest.approx(1.0, abs=1e-5)
