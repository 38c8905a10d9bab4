"""Legacy completions: by vendors that have them in the caller's bytes, elsewhere as one turn of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest
from openai.types import Completion

from headworks.core import reply
from headworks.core.call import Call
from headworks.core.dialect import Weight
from headworks.core.errors import CallError, Cut, Failed, Garbled, Malformed, Rejected, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.openai.completions.body import answers_asked
from headworks.wire.openai.completions.caller import COMPLETIONS, DENSE
from headworks.wire.openai.completions.translation import question_of
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.forms import DONE
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.sse import events_in
from tests.server.test_app import Answered
from tests.stack.speaking import answered, counts, piece, stop, streamed, whole
from tests.wire.toy.test_toy import SYSTEM, Front, play

VENDOR = OpenAICompletions()
STREAM = (
    b'data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":"This","index":0,'
    b'"logprobs":null,"finish_reason":null}],"model":"gpt-3.5-turbo-instruct"}\n\n'
    b'data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":" is","index":0,'
    b'"logprobs":null,"finish_reason":"stop"}],"model":"gpt-3.5-turbo-instruct"}\n\n'
    b'data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[],"usage":{"prompt_tokens":5,'
    b'"completion_tokens":2,"total_tokens":7},"model":"gpt-3.5-turbo-instruct"}\n\n' + DONE
)
"""In the form of https://platform.openai.com/docs/api-reference/completions/object (read 2026-11-30)."""
WHOLE = {
    "id": "cmpl-7",
    "object": "text_completion",
    "created": 1589478378,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"text": "This is", "index": 0, "logprobs": None, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}
NATIVE = SYSTEM.replace('FIRST/v1"}', 'FIRST/v1", apis: [chat, completions]}')


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "Say", **fields}).encode()


def asked(**fields: Any) -> Call:
    return Call(id="req_1", alias="m", body=body(**fields), dialect=COMPLETIONS, streamed=True)


# Through the port


async def ask(front: Front, **fields: Any) -> Answered:
    made = msgspec.json.encode({"model": "assistant", "prompt": "Say", **fields})
    return await front.facing.ask("POST", "/v1/completions", made)


def run(
    main: Callable[[Front], Coroutine[Any, Any, None]], scripts: Sequence[list[bytes]], text: str = SYSTEM
) -> Front:
    return play(main, scripts, text=text)


def test_a_chat_vendor_completes_a_prompt_as_one_turn_streamed_and_whole() -> None:
    async def main(front: Front) -> None:
        got = await ask(front, stream=True)
        chunks = [json.loads(one.data) for one in events_in(got.body) if one.data != b"[DONE]"]
        assert "".join([one["choices"][0]["text"] for one in chunks]) == "Hello"
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert got.body.endswith(DONE)
        for chunk in chunks:
            Completion.model_validate({**chunk, "choices": [{**chunk["choices"][0], "finish_reason": "stop"}]})
        counted = await ask(front, stream=True, stream_options={"include_usage": True})
        assert b'"usage":{"prompt_tokens":7' in counted.body
        said = await ask(front, max_tokens=5)
        Completion.model_validate(said.json)
        assert (said.json["choices"][0]["text"], said.json["usage"]["prompt_tokens"]) == ("Hello", 7)

    vendor = streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), DONE)
    front = run(
        main, [vendor, vendor, answered("Hello", {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})]
    )
    assert front.vendors[0].paths == ["/v1/chat/completions"] * 3
    assert front.asked[0][2]["messages"] == [{"role": "user", "content": "Say"}]
    assert front.asked[0][2]["max_completion_tokens"] == 5


def test_a_vendor_that_has_them_gets_the_callers_bytes() -> None:
    async def main(front: Front) -> None:
        got = await ask(front, stream=True, suffix="!", echo=True)
        assert b'"text":" is"' in got.body
        assert b'"usage"' not in got.body
        assert (await ask(front, prompt=[1, 2])).json == WHOLE

    front = run(main, [streamed(STREAM), whole(WHOLE)], NATIVE)
    assert front.vendors[0].paths == ["/v1/completions"] * 2
    assert front.asked[0][0]["suffix"] == "!"
    assert front.asked[0][1]["prompt"] == [1, 2]
    assert [record.cost_nano for record in front.facing.journal.records] == [
        5 * 1000 + 2 * 10_000,
        5 * 1000 + 7 * 10_000,
    ]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "!"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"best_of": 2}, "best_of"),
        ({"logprobs": 3}, "logprobs"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
    ],
)
def test_what_a_chat_cannot_do_is_refused_with_the_field(fields: dict[str, Any], param: str) -> None:
    async def main(front: Front) -> None:
        got = await ask(front, **fields)
        assert (got.status, got.json["error"]["param"]) == (400, param)

    assert run(main, []).asked == [[], []]


def test_an_answer_is_kept_in_the_form_in_which_it_came() -> None:
    async def main(front: Front) -> None:
        await ask(front)
        assert (await ask(front)).headers[b"x-headworks-cache"] == b"hit"
        assert (await ask(front, stream=True)).headers[b"x-headworks-cache"] != b"hit"

    text = SYSTEM.replace("retry:", "cache: {exact: 1h}\n    retry:")
    answers = [
        answered("a", {"prompt_tokens": 1, "completion_tokens": 1}),
        streamed(piece("a"), stop(), counts(1, 1), DONE),
    ]
    assert len(run(main, answers, text).asked[0]) == 2


# The caller's body


def test_what_is_asked_is_read() -> None:
    said = COMPLETIONS.read(body(stream=True, max_tokens=5, user="u", stream_options={"include_usage": True}))
    assert (said.model, said.streamed, said.include_usage, said.max_output, said.user) == ("m", True, True, 5, "u")
    assert COMPLETIONS.read(body(stream_options=None, n=2)).include_usage is False
    for fields, param in (
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"stream_options": 5}, "stream_options"),
        ({"n": "x"}, "n"),
        ({"best_of": 0.5}, "best_of"),
    ):
        with pytest.raises(Malformed) as caught:
            COMPLETIONS.read(body(**fields))
        assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, Weight()),
        ({"n": 2, "prompt": ["a", "b"]}, Weight(choices=4)),
        ({"n": None, "best_of": 3, "prompt": [[1], [2]]}, Weight(choices=6)),
        ({"prompt": [1, 2], "best_of": None}, Weight()),
        ({"n": "x"}, Weight(unbounded="n")),
        ({"best_of": "x"}, Weight(unbounded="best_of")),
    ],
)
def test_what_a_body_can_cost(fields: dict[str, Any], weight: Weight) -> None:
    assert COMPLETIONS.weigh(body(**fields)) == weight


def test_what_cannot_be_read_is_unbounded_and_one_answer() -> None:
    assert COMPLETIONS.weigh(b"[") == Weight(unbounded="prompt")
    assert answers_asked(b"[") == 1


def test_a_question_has_the_fields_that_a_chat_has_too() -> None:
    fields = {"temperature": 0.5, "n": 2, "seed": 3, "logit_bias": {"5": 1}, "stop": "x", "user": "u", "max_tokens": 4}
    said = json.loads(body_of(question_of(body(**fields, best_of=1, echo=False, novel=1)), "v"))
    assert said["messages"] == [{"role": "user", "content": "Say"}]
    assert (said["n"], said["seed"], said["stop"], said["user"]) == (2, 3, ["x"], "u")
    assert question_of(body(prompt=["Say"])).turns == question_of(body()).turns
    with pytest.raises(Malformed):
        question_of(b'{"model":"m","prompt":"a","novel":' + b"[" * 2000 + b"]" * 2000 + b"}")
    with pytest.raises(Malformed):
        question_of(b'{"model":"m","prompt":"a","novel":' + b"1" * 5000 + b"}")


def test_an_ordinary_call_is_one_text_and_nothing_else() -> None:
    assert COMPLETIONS.is_ordinary(body(), ())
    assert not COMPLETIONS.is_ordinary(body(suffix="a"), ())
    assert not COMPLETIONS.is_ordinary(body(), [(b"x-team", b"a")])
    assert not COMPLETIONS.is_ordinary(b"[", ())
    assert not COMPLETIONS.is_ordinary(body(stop=[[]] * DENSE), ())


def test_forms_are_not_made_of_one_another_and_every_choice_must_end() -> None:
    forms = COMPLETIONS.forms
    assert forms.as_body(b"", b"") is None
    assert forms.as_events(b"") is None
    assert forms.is_finished(body(), b"", "stop", streamed=True, is_bounded=False)
    assert not forms.is_finished(body(), b"", "length", streamed=True, is_bounded=False)
    two = json.dumps({"choices": [{"finish_reason": "stop"}]}).encode()
    assert not forms.is_finished(body(n=2), two, "stop", streamed=False, is_bounded=False)


# Encoder


def test_what_a_text_is_not_is_not_told() -> None:
    caller = COMPLETIONS.encoder(asked())
    pieces = [hub.Started(model="v"), hub.ChoiceStarted(), hub.TextDelta(text=""), hub.RefusalDelta(text="no")]
    assert [json.loads(one.data)["choices"][0]["text"] for one in events_in(caller.feed(pieces))] == ["no"]
    assert caller.end() == DONE
    counted = COMPLETIONS.encoder(asked())
    counted.feed([hub.Started(usage=hub.Usage(tokens=reply.Usage(input=1)))])
    assert b'"usage"' in counted.end()
    said = json.loads(counted.whole(hub.Answer(choices=(hub.Choice(parts=(hub.Thinking(origin="x"),)),))))
    assert (said["choices"][0]["text"], said["choices"][0]["finish_reason"]) == ("", None)
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    odd = hub.Usage(tokens=reply.Usage(), extra={hub.CHAT: {"x": deep}})
    broken = COMPLETIONS.encoder(asked())
    broken.feed([hub.Counted(usage=odd)])
    with pytest.raises(Garbled):
        broken.end()
    with pytest.raises(Garbled):
        broken.whole(hub.Answer(choices=(), usage=odd))


# The vendor's side


def fed(*pieces: bytes, **fields: Any) -> tuple[Any, list[Chunk]]:
    decoder = VENDOR.decoder(asked(**fields))
    chunks = [chunk for one in pieces for chunk in decoder.feed(one)]
    return decoder, chunks + decoder.end()


def test_a_stream_is_the_same_however_it_is_cut() -> None:
    decoder, chunks = fed(STREAM)
    assert ([one.text for one in chunks], decoder.usage, decoder.finish) == (
        ["This", " is", "", ""],
        Usage(input=5, output=2),
        "stop",
    )
    assert fed(*[STREAM[at : at + 1] for at in range(len(STREAM))])[1] == chunks


def test_a_stream_that_ends_early_is_never_whole() -> None:
    assert isinstance(fed(STREAM[:150] + b"\n\n")[0].fault, CallError)
    one = STREAM.partition(b"\n\n")[0] + b"\n\n"
    assert isinstance(fed(one)[0].fault, Cut)
    two = b'data: {"choices":[{"text":"b","index":1,"finish_reason":"stop"}]}\n\n'
    decoder, chunks = fed(two, n=2)
    assert (decoder.is_complete, chunks[0].text) == (False, "")
    failing = b'data: {"choices":[{"text":"b","index":0,"finish_reason":"error"}]}\n\n'
    assert isinstance(fed(failing)[0].fault, CallError)
    assert isinstance(fed(json.dumps(WHOLE).encode())[0].fault, Garbled)
    broken, _ = fed(b'{"error":{"message":"busy","code":503}}')
    assert isinstance(broken.fault, Failed)
    broken.give_up()


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"{}", b'{"choices":[]}', b'{"error":{"message":"no"}}', b'{"choices":[{"text":"a","finish_reason":"error"}]}',
     b'{"error":' + b"[" * 2000 + b"]" * 2000 + b"}", b'{"error":"x","novel":1e999}'],
)  # fmt: skip
def test_a_body_that_is_no_answer_is_an_error(answer: bytes) -> None:
    with pytest.raises(CallError):
        VENDOR.whole(answer, asked())


def test_a_whole_answer_says_what_is_in_it() -> None:
    chunk = VENDOR.whole(json.dumps(WHOLE).encode(), asked())
    assert (chunk.text, chunk.finish, chunk.size) == ("This is", "length", 7)
    assert VENDOR.spent(json.dumps(WHOLE).encode()).usage == chunk.usage
    assert VENDOR.spent(b"<").usage is None
    odd = VENDOR.whole(b'{"choices":[{"text":5,"index":"a"}]}', asked())
    assert (odd.text, odd.usage) == ("", None)


def test_an_event_without_text_has_no_content() -> None:
    _, [chunk, *_] = fed(b'data: {"choices":[{"text":"","index":0,"finish_reason":null}]}\n\n')
    assert not chunk.has_content


def test_what_a_vendor_is_sent() -> None:
    def request(counted: bool = False, **fields: Any) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            VENDOR.request(msgspec.structs.replace(asked(), **fields), b'"v"', counted=counted)
        )
        return said

    assert request() == {"model": "v", "prompt": "Say"}
    assert request(True)["stream_options"] == {"include_usage": True}
    assert request(bound=5)["max_tokens"] == 5
    assert request(bound=5, body=body(max_tokens=None))["max_tokens"] == 5
    assert VENDOR.forwards(b"openai-beta")
    assert VENDOR.returned((), frozenset()) == ("", ())
    assert VENDOR.error(400, (), b"no", 0.0).message == "no"
    refused = Rejected("x", said=VendorSaid(status=400, message="stream_options"))
    assert VENDOR.refuses_counting(refused, asked())
    assert not VENDOR.refuses_counting(Rejected("x"), asked())
    assert not VENDOR.refuses_counting(Rejected("x", said=VendorSaid(status=500)), asked())
