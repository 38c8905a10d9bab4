"""What is read of a caller's body, and what a vendor is sent instead of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.dialect import Asked
from headworks.core.errors import Malformed
from headworks.wire.openai.body import choices_asked, may_ask_several
from headworks.wire.openai.caller import CHAT as CALLER
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.request import read_chat

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = OpenAIChat()


def body_of(**fields: Any) -> bytes:
    return json.dumps({"model": "assistant", "messages": MESSAGES} | fields).encode()


def request(body: bytes, *, counted: bool = True) -> bytes:
    asked = read_chat(body)
    call = Call(
        id="r", alias=asked.model, body=body, dialect=CALLER, streamed=asked.streamed, include_usage=asked.include_usage
    )
    return CHAT.request(call, b'"gpt-5"', counted=counted)


# Reading


def test_everything_that_policies_need_is_read() -> None:
    body = body_of(stream=True, stream_options={"include_usage": True}, max_tokens=7, user="u1")
    assert read_chat(body) == Asked("assistant", streamed=True, include_usage=True, max_output=7, user="u1")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream": None, "stream_options": None, "max_tokens": None, "user": None},
        {"stream": False, "stream_options": {}, "max_completion_tokens": -1},
        {"stream_options": {"include_usage": False}},
        {"stream_options": {"include_usage": None, "include_obfuscation": False}},
    ],
)
def test_what_is_not_said_is_not_there(fields: dict[str, Any]) -> None:
    assert read_chat(body_of(**fields)) == Asked("assistant")


@pytest.mark.parametrize(
    ("older", "newer", "bound"), [(5, None, 5), (None, 6, 6), (5, 6, 6), (6, 5, 6), (0, None, 0), (-1, 4, 4)]
)
def test_the_larger_bound_on_output_counts(older: int | None, newer: int | None, bound: int) -> None:
    assert read_chat(body_of(max_tokens=older, max_completion_tokens=newer)).max_output == bound


def test_a_prompt_brings_its_own_messages_so_none_are_asked_for() -> None:
    assert read_chat(b'{"model":"prompt/p"}') == Asked("prompt/p")
    assert read_chat(b'{"model":"prompt/p","messages":[]}') == Asked("prompt/p")
    with pytest.raises(Malformed, match="at least one message"):
        read_chat(b'{"model":"p","messages":[]}')


def test_roles_contents_and_fields_that_nobody_knows_are_not_our_business() -> None:
    messages = [{"role": "oracle", "content": {"new": True}}, {"role": "user"}]
    fields = {"reasoning": {"effort": "high"}, "temperature": None, "n": 2, "stop": ["."], "tools": [{"type": "new"}]}
    assert read_chat(body_of(messages=messages, **fields)).model == "assistant"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"messages": [1, 2]}, "messages[0]", "an object with a `role`"),
        ({"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}, "messages[1]", "an object with a `role`"),
        ({"messages": [{"role": 3}]}, "messages[0].role", "a string"),
        ({"temperature": "hot"}, "temperature", "a number, not a string"),
        ({"n": "many"}, "n", "a whole number, not a string"),
        ({"seed": True}, "seed", "a number, not true"),
        ({"tools": {}}, "tools", "a list, not an object"),
        ({"response_format": "json"}, "response_format", "an object, not a string"),
        ({"stop": 7}, "stop", "a string or a list"),
        ({"tool_choice": ["auto"]}, "tool_choice", "a string or an object, not a list"),
    ],
)
def test_a_type_that_no_vendor_takes_costs_no_call(fields: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        read_chat(body_of(**fields))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b'{"messages":[{"role":"u"}]}', "model", "missing"),
        (b'{"model":null,"messages":[{"role":"u"}]}', "model", "must be a string, not null"),
        (b'{"model":7,"messages":[{"role":"u"}]}', "model", "not a number"),
        (b'{"model":["a"],"messages":[{"role":"u"}]}', "model", "not a list"),
        (b'{"model":"","messages":[{"role":"u"}]}', "model", "empty"),
        (b'{"model":"a"}', "messages", "missing"),
        (b'{"model":"a","messages":null}', "messages", "must be a list, not null"),
        (b'{"model":"a","messages":"hi"}', "messages", "must be a list, not a string"),
        (b'{"model":"a","messages":{}}', "messages", "not an object"),
        (b'{"model":"a","messages":[]}', "messages", "at least one"),
        (b'{"model":"a","messages":[ \n]}', "messages", "at least one"),
        (b'{"model":"a","messages":[{"role":"u"}],"stream":"yes"}', "stream", "true or false, not a string"),
        (b'{"model":"a","messages":[{"role":"u"}],"stream":1}', "stream", "true or false"),
        (b'{"model":"a","messages":[{"role":"u"}],"stream_options":[]}', "stream_options", "an object, not a list"),
        (
            b'{"model":"a","messages":[{"role":"u"}],"stream_options":{"include_usage":1}}',
            "stream_options.include_usage",
            "true",
        ),
        (
            b'{"model":"a","messages":[{"role":"u"}],"stream_options":{"include_usage":true,"include_usage":false}}',
            "stream_options.include_usage",
            "occurs twice",
        ),
        (b'{"model":"a","messages":[{"role":"u"}],"max_tokens":"7"}', "max_tokens", "a whole number, not a string"),
        (b'{"model":"a","messages":[{"role":"u"}],"max_tokens":7.5}', "max_tokens", "a number of another kind"),
        (b'{"model":"a","messages":[{"role":"u"}],"max_tokens":true}', "max_tokens", "not true"),
        (b'{"model":"a","messages":[{"role":"u"}],"max_tokens":99999999999999999999}', "max_tokens", "too large"),
        (b'{"model":"a","messages":[{"role":"u"}],"user":{"id":1}}', "user", "a string, not an object"),
        (b'{"model":"a","messages":[{"role":"u"}],"model":"b"}', "model", "occurs twice"),
        (b'{"model":"a","messages":[{"role":"u"}],"temperature":NaN}', None, "not valid JSON"),
    ],
)
def test_a_body_that_cannot_be_understood_names_its_field(body: bytes, param: str | None, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        read_chat(body)
    assert caught.value.param == param


# Writing


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"assistant","messages":[{"role":"u"}]}',
        b'{ "messages" : [{"role":"u"}],\n "model" :\t"assistant" , "new": {"a": [1.50, 1e3]}}',
        b'{"messages":[{"role":"u","content":"say \\"model\\":\\"assistant\\" twice"}],"model":"assistant"}',
        b'{"tools":[{"model":"assistant"}],"messages":[{"role":"u"}], "model": "assistant"}',
        b'{"messages":[{"role":"model"}],"model":"assistant"}',
        rb'{"mod\u0065l":"assistant","messages":[{"role":"u"}]}',
        rb'{"mod\u0065l":"assistant","messages":[{"role":"u","model":"assistant"}]}',
        b'{"x\\"model":"assistant","model" : "assistant","messages":[{"role":"u"}]}',
        rb'{"model":"assi\u0073tant","messages":[{"role":"\u00e9"}]}',
    ],
)
def test_only_the_model_is_replaced(body: bytes) -> None:
    sent = request(body)
    assert json.loads(sent) == json.loads(body) | {"model": "gpt-5"}
    changed = json.loads(json.dumps(json.loads(body)["model"]))
    assert changed == "assistant"
    # Every other byte is the caller's: putting the old value back gives the old body.
    start = next(index for index, pair in enumerate(zip(sent, body, strict=False)) if pair[0] != pair[1])
    assert sent.startswith(body[:start])
    assert body.endswith(sent[sent.index(b'gpt-5"') + len(b'gpt-5"') :])


def test_a_model_with_a_quote_in_it_is_replaced_whole() -> None:
    assert request(rb'{"model":"a\"b","messages":[{"role":"u"}]}') == b'{"model":"gpt-5","messages":[{"role":"u"}]}'


def test_a_model_that_is_no_string_is_replaced_too() -> None:
    call = Call(id="r", alias="a", body=b'{"model": null, "messages": [{"role":"u"}]}', dialect=CALLER)
    assert CHAT.request(call, b'"gpt-5"', counted=True) == b'{"model": "gpt-5", "messages": [{"role":"u"}]}'


@pytest.mark.parametrize(
    ("options", "sent_options"),
    [
        (None, {"include_usage": True}),
        (b"null", {"include_usage": True}),
        (b"{}", {"include_usage": True}),
        (b"{ }", {"include_usage": True}),
        (b'{"include_obfuscation": false}', {"include_usage": True, "include_obfuscation": False}),
        (b'{"include_usage": false}', {"include_usage": True}),
        (b'{"include_usage":null,"x":[1]}', {"include_usage": True, "x": [1]}),
        (rb'{"include_\u0075sage":false}', {"include_usage": True}),
        (b'{"include_usage":true}', {"include_usage": True}),
    ],
)
@pytest.mark.parametrize("model_first", [True, False])
def test_a_stream_is_counted_whatever_the_caller_said(
    options: bytes | None, sent_options: dict[str, Any], model_first: bool
) -> None:
    fields = [b'"model":"assistant"', b'"stream":true, "messages":[{"role":"u"}]']
    if options is not None:
        fields.insert(1 if model_first else 0, b'"stream_options": ' + options)
    sent = request(b"{" + b",".join(fields) + b"}")
    assert json.loads(sent) == {
        "model": "gpt-5",
        "stream": True,
        "messages": [{"role": "u"}],
        "stream_options": sent_options,
    }
    assert b'"stream":true, "messages":[{"role":"u"}]' in sent


def test_escaped_stream_options_are_found() -> None:
    sent = request(
        rb'{"model":"assistant","stream":true,"messages":[{"role":"u"}],"stream_\u006fptions":{"include_usage":false}}'
    )
    assert json.loads(sent)["stream_options"] == {"include_usage": True}
    assert len(json.loads(sent, object_pairs_hook=list)) == 4


@pytest.mark.parametrize("said", ["é", "\\u00e9 in the text"])
def test_escapes_in_a_text_are_no_names(said: str) -> None:
    body = json.dumps({"model": "assistant", "messages": [{"role": said}], "stream": True}).encode()
    assert json.loads(request(body))["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("fields", [{"stream": True}, {}, {"stream": True, "stream_options": {"include_usage": False}}])
def test_where_counting_is_refused_or_there_is_no_stream_nothing_is_added(fields: dict[str, Any]) -> None:
    body = body_of(**fields)
    assert json.loads(request(body, counted=False)) == json.loads(body) | {"model": "gpt-5"}
    if not fields:
        assert json.loads(request(body)) == json.loads(body) | {"model": "gpt-5"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "a", 'x"model']), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.text(alphabet='ab"', max_size=3), JSON_VALUES, max_size=4),
    st.booleans(),
    st.sampled_from([None, {}, {"include_usage": False}, {"a": 1}, "absent"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    st.booleans(),
)
def test_any_body_reaches_the_vendor_unchanged_but_for_model_and_the_count(
    extra: dict[str, Any], is_last: bool, options: Any, separators: tuple[str, str], is_ascii: bool
) -> None:
    known: dict[str, Any] = {"model": "assistant", "messages": MESSAGES, "stream": True}
    if options != "absent":
        known["stream_options"] = options
    fields = extra | known if is_last else known | extra
    sent = json.loads(request(json.dumps(fields, separators=separators, ensure_ascii=is_ascii).encode()))
    wanted = fields | {
        "model": "gpt-5",
        "stream_options": {**(fields.get("stream_options") or {}), "include_usage": True},
    }
    assert sent == wanted


# Headers


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        (b"openai-beta", True),
        (b"traceparent", True),
        (b"idempotency-key", True),
        (b"openai-organization", False),
        (b"openai-project", False),
        (b"authorization", False),
        (b"cookie", False),
        (b"content-length", False),
    ],
)
def test_a_callers_headers_pass_by_a_list_and_none_speaks_for_the_account(name: bytes, passes: bool) -> None:
    assert CHAT.forwards(name) is passes


def test_of_a_vendors_headers_those_pass_that_sdks_read_and_those_that_the_operator_names() -> None:
    passing = [
        (b"openai-processing-ms", b"12"),
        (b"openai-version", b"2020-10-01"),
        (b"openai-model", b"gpt-5"),
        (b"apim-request-id", b"azure"),
        (b"request-id", b"req_other"),
        (b"x-ratelimit-remaining-tokens", b"1"),
        (b"x-ratelimit-limit-tokens-minute", b"2"),
        (b"x-region", b"eu"),
    ]
    others = [
        (b"set-cookie", b"a=b"),
        (b"traceparent", b"00-1-2-01"),
        (b"tracestate", b"a=b"),
        (b"openai-organization", b"acme"),
        (b"openai-project", b"proj_1"),
        (b"openai-account", b"acme"),
        (b"x-request-id", b"req_vendor"),
        (b"x-other", b"1"),
    ]
    assert CHAT.returned([*others, *passing], frozenset({b"x-region"})) == ("req_vendor", tuple(passing))
    more = frozenset({b"x-region", b"openai-organization", b"openai-project"})  # our account is named to nobody
    assert CHAT.returned([*others, *passing], more) == ("req_vendor", tuple(passing))
    assert CHAT.returned([(b"apim-request-id", b"azure")], frozenset())[0] == "azure"
    assert CHAT.returned([(b"x-request-id", b"a"), (b"apim-request-id", b"b")], frozenset())[0] == "a"
    assert CHAT.returned([], frozenset()) == ("", ())


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({}, None),
        ({"user": "ann"}, "ann"),
        ({"safety_identifier": "ann"}, "ann"),
        ({"user": "ann", "safety_identifier": "bob"}, "ann"),
        ({"user": "", "safety_identifier": "bob"}, "bob"),
        ({"user": None, "safety_identifier": None}, None),
    ],
)
def test_whose_call_it_is_stands_in_either_word_of_openai(fields: dict[str, Any], user: str | None) -> None:
    assert read_chat(json.dumps({"model": "a", "messages": MESSAGES, **fields}).encode()).user == user


def test_a_safety_identifier_that_is_no_text_is_told() -> None:
    with pytest.raises(Malformed, match="`safety_identifier` must be a string"):
        read_chat(json.dumps({"model": "a", "messages": MESSAGES, "safety_identifier": 1}).encode())


# Whole numbers


@pytest.mark.parametrize("written", [b"2", b"2.0", b"2e0", b"20e-1", b"0.2e1", b"2.000000", b"200E-2", b"2e+0"])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_whole_number_is_that_number_however_it_is_written(written: bytes, name: str) -> None:
    body = body_of(n=2)[:-1] + b',"%s":%s}' % (name.encode(), written)
    assert read_chat(body).max_output == 2
    assert choices_asked(body.replace(b'"n": 2', b'"n": ' + written)) == 2


@pytest.mark.parametrize("name", ["n", "max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    "written",
    [
        *(b"2.5", b"25e-1", b"1e-400", b"1e99999999999999999999", b"2." + b"0" * 200 + b"1", b"-1e200", b"1e-99999"),
        *(b"1e30", b"1e400", b"9" * 99, b"9" * 5000, b"2147483648", b"2147483648.0", b"true", b'"2"', b"[2]", b"{}"),
    ],
)
def test_anything_else_is_refused_with_its_name(name: str, written: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_chat(body_of()[:-1] + b',"%s":%s}' % (name.encode(), written))
    assert caught.value.param == name
    assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    ("written", "number"), [(b"0", 0), (b"0e999999", 0), (b"-0.0", 0), (b"-1.0", None), (b"null", None)]
)
def test_nothing_and_no_bound_are_written_in_many_ways_too(written: bytes, number: int | None) -> None:
    assert read_chat(body_of(n=1)[:-1] + b',"max_tokens":%s}' % written).max_output == number
    read_chat(body_of()[:-1] + b',"n":%s}' % written)


@pytest.mark.parametrize(
    ("body", "several"),
    [(b'{"n":2}', True), (b'{"\\u006e":2}', True), (b'{"m":"\\n n"}', False)],
)
def test_a_body_that_may_ask_for_several_choices_is_known_by_its_bytes(body: bytes, several: bool) -> None:
    assert may_ask_several(body) is several


def test_a_body_that_cannot_be_read_asks_for_one_choice() -> None:
    assert choices_asked(b"[" * 5000) == 1


# What holds the loop


def test_a_list_of_very_many_messages_is_left_to_the_vendor() -> None:
    few = [{"role": "user"}] * 10 + [{"text": "no role"}]
    with pytest.raises(Malformed):
        read_chat(body_of(messages=few))
    many = [{"role": "user"}] * 20_000 + [{"text": "no role"}]
    assert read_chat(body_of(messages=many)).model == "assistant"
    text = [{"role": "user", "content": "{" * 19_000}, {"text": "no role " * 10_000}]
    with pytest.raises(Malformed):
        read_chat(body_of(messages=text))
