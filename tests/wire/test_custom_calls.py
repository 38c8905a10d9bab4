"""Tools that take free text, at a vendor that has functions only."""

from __future__ import annotations

from headworks.wire import hub
from headworks.wire.custom_calls import CustomCalls, custom_names, customized, text_of

NAMES = frozenset({"patch", "g__b"})


def test_the_names_are_those_that_the_vendor_is_sent() -> None:
    group = hub.ToolGroup(name="g", tools=(hub.Tool(name="a"), hub.CustomTool(name="b")))
    tools = (hub.Tool(name="f"), hub.CustomTool(name="patch"), group)
    assert custom_names(hub.Question(model="m", turns=(), tools=tools)) == NAMES


def test_the_text_is_the_one_argument_and_else_what_there_is() -> None:
    assert [text_of(one) for one in ('{"input":"x"}', '{"input":5}', "[1]", "{")] == ["x", '{"input":5}', "[1]", "{"]


def test_a_whole_answers_calls_are_the_callers_own() -> None:
    calls = tuple([hub.ToolCall(id="c", name=name, arguments='{"input":"x"}') for name in ("patch", "f")])
    answer = customized(hub.Answer(choices=(hub.Choice(parts=(*calls, hub.Text(text="t"))),)), NAMES)
    patch, function, _ = answer.choices[0].parts
    assert patch == hub.ToolCall(id="c", name="patch", arguments="x", is_custom=True)
    assert function == calls[1]


def test_a_streamed_call_is_told_when_it_is_over() -> None:
    custom = CustomCalls(NAMES)
    done = hub.Finished(finish=hub.Finish(reason="tool_calls"))
    opened = hub.ToolCallDelta(part=0, id="c", name="patch", arguments='{"in')
    other = hub.ToolCallDelta(part=1, id="d", name="f", arguments="{}")
    assert custom.told([hub.TextDelta(text="x")]) == [hub.TextDelta(text="x")]
    assert custom.told([opened]) == [hub.ToolCallDelta(part=0, id="c", name="patch", is_custom=True)]
    assert custom.told([hub.ToolCallDelta(part=0, arguments='put":"x"}'), other]) == [other]
    assert custom.told([done]) == [hub.ToolCallDelta(part=0, arguments="x", is_custom=True), done]
    assert custom.told([done]) == [done]
