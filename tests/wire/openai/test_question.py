"""Two bodies have the same question exactly when their answers may be the same one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.wire.openai.question import DENSE, LARGE, MOST_READ, MOST_TOOLS, question

MESSAGES = [{"role": "user", "content": "hello"}]


def asked(**fields: Any) -> bytes | None:
    return question("chat", json.dumps({"model": "a", "messages": MESSAGES, **fields}).encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
LEFT_OUT = st.sampled_from(["model", "stream", "stream_options", "user", "safety_identifier", "prompt_cache_key"])
SPECIAL = {"temperature", "store", "web_search_options", "modalities", "audio", "tools"}
FIELDS = st.dictionaries(st.text(max_size=5).filter(lambda name: name not in SPECIAL), VALUES, max_size=5)


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    """The same JSON value with the members of every object in another order."""
    if isinstance(value, dict):
        return {name: shuffled(draw, value[name]) for name in draw(st.permutations(sorted(value)))}
    if isinstance(value, list):
        return [shuffled(draw, one) for one in value]
    return value


def canonical(value: Any) -> str:
    """What is equal here: `==` of Python would take 1 for 1.0 and for true."""
    return json.dumps(value, sort_keys=True)


@given(FIELDS, st.dictionaries(LEFT_OUT, VALUES, max_size=3), st.data())
def test_order_blanks_escapes_and_what_says_nothing_do_not_change_it(
    fields: dict[str, Any], silent: dict[str, Any], data: st.DataObject
) -> None:
    one = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    mixed = shuffled(data.draw, {**fields, **silent})
    indent = data.draw(st.sampled_from([None, 0, 3]))
    other = json.dumps(mixed, indent=indent, ensure_ascii=data.draw(st.booleans())).encode()
    for name in set(silent) & set(fields):
        del fields[name]
    assert question("chat", one) == question("chat", other) is not None


@given(FIELDS, FIELDS)
def test_whatever_else_is_different_is_another_question(one: dict[str, Any], other: dict[str, Any]) -> None:
    silent = {"model", "stream", "stream_options", "user", "safety_identifier"}
    alike = canonical({k: v for k, v in one.items() if k not in silent}) == canonical(
        {k: v for k, v in other.items() if k not in silent}
    )
    first, second = (question("chat", json.dumps(fields).encode()) for fields in (one, other))
    assert (first == second) is alike


@given(st.text(max_size=4), VALUES, VALUES, st.integers(0, 3), st.booleans())
def test_a_key_that_occurs_twice_anywhere_is_nobodys_equal(
    name: str, one: Any, other: Any, depth: int, compact: bool
) -> None:
    blank = "" if compact else " "
    twice = f"{{{json.dumps(name)}:{blank}{json.dumps(one)},{json.dumps(name)}:{blank}{json.dumps(other)}}}"
    body = f'{{"messages":{"[" * depth}{twice}{"]" * depth}}}'.encode()
    assert question("chat", body) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.1},
        {"temperature": 2},
        {"temperature": 1, "seed": 7},
        {"temperature": "hot"},
        {"store": True},
        {"web_search_options": {}},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy"}},
        {"tools": [{"type": "web_search"}]},
        {"tools": ["web_search"]},
    ],
)
def test_calls_that_ask_for_chance_for_the_hour_or_for_an_act_are_not_repeatable(fields: dict[str, Any]) -> None:
    assert asked(**fields) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"temperature": 0},
        {"temperature": 0.0},
        {"temperature": None},
        {"seed": 7},
        {"store": False},
        {"top_p": 0.5},
        {"modalities": ["text"]},
        {"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}]},
        {"tools": None},
    ],
)
def test_other_calls_are(fields: dict[str, Any]) -> None:
    assert asked(**fields) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"seed": 7}, {"seed": 8}),
        ({"seed": 2**70}, {"seed": 2**70 + 1}),
        ({"max_tokens": 5}, {}),
        ({"n": 1}, {}),
        ({"metadata": {"a": "b"}}, {}),
        ({"service_tier": "flex"}, {}),
        ({"unheard_of": 1}, {"unheard_of": 2}),
        ({"temperature": 0}, {}),
    ],
)
def test_every_other_field_counts(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert asked(**one) != asked(**other)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b'{"a":NaN}', b'{"a": NaN}', b'{"a":1e400}', b'{"a":"\\ud800"}'])
def test_what_is_no_plain_object_has_no_question(body: bytes) -> None:
    assert question("chat", body) is None


def test_what_is_nested_too_deep_has_no_question() -> None:
    assert question("chat", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}") is None
    assert question("chat", b'{"a": ' + b"[" * 90_000 + b"]" * 90_000 + b"}") is None


def test_a_large_body_is_compared_as_it_is() -> None:
    long = "x" * LARGE
    body = json.dumps({"model": "a", "messages": [{"role": "user", "content": long}]}).encode()
    assert question("chat", body) == body
    hot = json.dumps({"model": "a", "messages": [{"role": "user", "content": long}], "temperature": 1}).encode()
    assert question("chat", hot) is None
    twice = body[:-1] + b',"model":"b"}'
    assert question("chat", twice) is None


def test_embeddings_are_always_repeatable() -> None:
    body = b'{"model":"a","input":"hello","temperature":1}'
    assert question("embeddings", body) == b'{"input":"hello","temperature":1}'


@pytest.mark.parametrize("name", ["n", "max_tokens", "max_completion_tokens"])
def test_a_whole_number_is_the_same_question_however_it_is_written(name: str) -> None:
    made = [b'{"model":"a","messages":[1],"%s":%s}' % (name.encode(), two) for two in (b"2", b"2.0", b"2e0", b"20e-1")]
    assert len({question("chat", body) for body in made}) == 1
    halves = b'{"model":"a","messages":[1],"%s":2.5}' % name.encode()
    assert question("chat", halves) not in {None, question("chat", made[0])}


@pytest.mark.parametrize("inner", [b"[]", b"{}", b'"{["'])
def test_a_body_of_very_many_parts_is_compared_as_it_is(inner: bytes) -> None:
    body = b'{"model":"a","messages":[' + b",".join([inner] * (DENSE + 1)) + b"]}"
    assert len(body) < LARGE
    assert question("chat", body) == body
    assert question("chat", body.replace(b'"model"', b'"temperature":1,"model"')) is None
    assert question("chat", body.replace(b'"model"', b'"temperature":0,"model"')) is not None


@pytest.mark.parametrize(
    ("field", "is_kept"),
    [
        (b'"tools":[%s]' % b",".join([b'{"type":"function"}'] * 100), True),
        (b'"tools":[%s]' % b",".join([b'{"type":"search"}'] * 100), False),
        (b'"tools":[%s]' % b",".join([b'{"type":"function"}'] * (MOST_TOOLS + 1)), False),
        (b'"modalities":[%s]' % b",".join([b'"text"'] * 2), True),
        (b'"modalities":[%s]' % b",".join([b'"text"'] * MOST_READ), False),
        (b'"metadata":[%s]' % b",".join([b"[]"] * 50_000), True),
    ],
)
def test_of_a_large_body_only_what_decides_is_read_and_only_where_it_is_short(field: bytes, is_kept: bool) -> None:
    body = b'{"model":"a","messages":["%s"],%s}' % (b"x" * LARGE, field)
    assert question("chat", body) == (body if is_kept else None)
