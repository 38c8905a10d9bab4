"""What we write passes the published types of OpenAI's SDK, and its accumulator."""

from __future__ import annotations

import json

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.sse import events_in

ORIGIN = hub.MESSAGES
USAGE = hub.Usage(tokens=reply.Usage(input=3, cached_input=2, output=5, reasoning=1))
PIECES: list[hub.Piece] = [
    hub.Started(id="msg_1", model="claude"),
    hub.ChoiceStarted(),
    hub.ThinkingDelta(origin=ORIGIN, text="I think"),
    hub.ThinkingDelta(origin=ORIGIN, signature="s"),
    hub.TextDelta(text="It is ", part=1),
    hub.TextDelta(text="so.", part=1),
    hub.LikelyDelta(likely=(hub.Likely(token="so", logprob=-0.5, others=(hub.Likely(token="no", logprob=-2.0),)),)),
    hub.CitationDelta(citation=hub.Citation(url="https://x.example", title="t", unit="char"), part=1),
    hub.ToolCallDelta(part=2, id="toolu_1", name="f"),
    hub.ToolCallDelta(part=3, id="toolu_2", name="g"),
    hub.ToolCallDelta(part=2, arguments='{"a":'),
    hub.ToolCallDelta(part=3, arguments="{}"),
    hub.ToolCallDelta(part=2, arguments="1}"),
    hub.RefusalDelta(text="no", part=4),
    hub.Finished(finish=hub.Finish(reason="pause", extra={ORIGIN: {"stop_reason": "pause_turn"}})),
    hub.Counted(usage=USAGE),
]


def test_every_event_is_of_the_sdks_type_and_its_accumulator_makes_the_whole_answer() -> None:
    caller = ChatEvents(id="req_1", model="assistant", created=7)
    events = b"".join([caller.feed([piece]) for piece in PIECES]) + caller.end()
    state = ChatCompletionStreamState()
    for event in events_in(events)[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate(json.loads(event.data), strict=True))
    made = state.get_final_completion()
    [choice] = made.choices
    assert (made.id, made.model, made.created, choice.finish_reason) == ("msg_1", "claude", 7, "stop")
    assert (choice.message.content, choice.message.refusal) == ("It is so.", "no")
    assert [(one.id, one.function.name, one.function.arguments) for one in choice.message.tool_calls or ()] == [
        ("toolu_1", "f", '{"a":1}'),
        ("toolu_2", "g", "{}"),
    ]
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.total_tokens) == (5, 6, 11)


def test_a_whole_answer_is_of_the_sdks_type() -> None:
    parts = (
        hub.Thinking(origin=ORIGIN, text="I think", signature="s"),
        hub.Text(text="It is so.", citations=(hub.Citation(url="https://x.example", title="t", unit="char"),)),
        hub.ToolCall(id="toolu_1", name="f", arguments='{"a":1}'),
        hub.ToolCall(id="toolu_2", name="g", arguments="x", is_custom=True),
    )
    likely = (hub.Likely(token="so", logprob=-0.5, octets=(115, 111)),)
    choice = hub.Choice(parts=parts, finish=hub.Finish(reason="refusal"), likely=likely)
    answer = hub.Answer(choices=(choice,), id="msg_1", model="claude", usage=USAGE, service_tier="default")
    body = ChatEvents(id="req_1", model="assistant", created=7).whole(answer)
    made = ChatCompletion.model_validate(json.loads(body), strict=True)
    assert made.choices[0].message.annotations is not None
    assert made.choices[0].message.annotations[0].url_citation.end_index == len("It is so.")
    assert [one.type for one in made.choices[0].message.tool_calls or ()] == ["function", "custom"]
