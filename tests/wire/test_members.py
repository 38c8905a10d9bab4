"""Top-level keys are found as they are, and a key that occurs twice is always found out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import Malformed
from headworks.wire.members import MOST_MEMBERS, members, places

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.text(alphabet='ab\\"é\n', max_size=2)
BLANKS = st.text(alphabet=" \t\r\n", max_size=2)


@st.composite
def written(draw: st.DrawFn) -> tuple[list[tuple[str, object]], bytes]:
    """The members of an object in order, keys perhaps twice, and one of the many ways to write it."""
    pairs = draw(st.lists(st.tuples(KEYS, VALUES), max_size=5))
    is_ascii = draw(st.booleans())
    escape_all = draw(st.booleans())
    pieces = []
    for key, value in pairs:
        name = json.dumps(key, ensure_ascii=is_ascii)
        if escape_all:
            name = '"' + "".join(f"\\u{ord(letter):04x}" for letter in key) + '"'
        gaps = [draw(BLANKS) for _ in range(4)]
        pieces.append(f"{gaps[0]}{name}{gaps[1]}:{gaps[2]}{json.dumps(value)}{gaps[3]}")
    return pairs, ("{" + ",".join(pieces) + "}").encode()


@given(written())
def test_a_key_that_occurs_twice_is_refused_however_it_is_written_and_no_other_body_is(
    example: tuple[list[tuple[str, object]], bytes],
) -> None:
    pairs, body = example
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        with pytest.raises(Malformed) as caught:
            members(body)
        assert caught.value.param in {key for key in keys if keys.count(key) > 1}
    else:
        found = members(body)
        assert {key: json.loads(bytes(raw)) for key, raw in found.items()} == dict(pairs)


@given(written())
def test_a_place_is_where_the_value_stands(example: tuple[list[tuple[str, object]], bytes]) -> None:
    pairs, body = example
    if len({key for key, _ in pairs}) == len(pairs):
        where = places(body, members(body))
        assert {key: json.loads(body[start:end]) for key, (start, end) in where.items()} == dict(pairs)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"model":"a","mod\u0065l":"b"}',
        rb'{"mod\u0065l":"a","model":"a"}',
        b'{"model":"a","x":1,"model":"b"}',
        b'{"model":"a", "model":"a"}',
        b'{"model":1,"model":12}',
        b'{"model":12,"model":1}',
        b'{"model":12,"x":{"model":1},"model":1}',
        b'{"x":1,"model":2,"x":1,"y":1}',
    ],
)
def test_the_key_that_is_twice_is_named(body: bytes) -> None:
    with pytest.raises(Malformed, match="occurs twice") as caught:
        members(body)
    assert caught.value.param in ("model", "x")


def test_a_long_key_is_shown_shortened() -> None:
    key = "k" * 300
    with pytest.raises(Malformed) as caught:
        members(f'{{"{key}":1,"{key}":1}}'.encode())
    assert len(str(caught.value.param)) < 80


def test_a_nested_key_may_occur_as_often_as_it_likes() -> None:
    assert list(members(b'{"model":"a","tools":[{"model":1,"model":2}]}')) == ["model", "tools"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "ends too early"),
        (b"not json", "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":-Infinity}', "not valid JSON"),
        (b'{"a":1,}', "trailing comma"),
        (b'{"a":1}{"b":2}', "trailing characters"),
        (b'\xef\xbb\xbf{"a":1}', "not valid JSON"),
        (b'{"a":"\xff"}', "not UTF-8: byte 6"),
        (b'{"\xff":1}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deep"),
        (b'{"a":' * 10_000, "nested too deep"),
        (b"[" * 100_000, "must be a JSON object"),
    ],
)
def test_what_is_no_object_is_refused_in_words_that_teach(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        members(body)
    assert caught.value.status == 400


def test_a_part_of_a_body_is_called_by_its_name() -> None:
    with pytest.raises(Malformed, match=r"`stream_options\.a` occurs twice") as caught:
        members(b'{"a":1,"a":2}', "stream_options")
    assert caught.value.param == "stream_options.a"


def listed(number: int, rest: bytes = b"}") -> bytes:
    return b"{" + b" , ".join(b'"k%d" : 1' % one for one in range(number)) + rest


@pytest.mark.parametrize("style", [b'"k%d" : 1', b'"k%d":1', b'"\\u006b%d":{"a":1}'])
def test_a_thousand_members_are_read_and_one_more_is_refused(style: bytes) -> None:
    most = [style % one for one in range(MOST_MEMBERS)]
    found = members(b"{" + b",".join(most) + b"}")
    assert list(found) == [f"k{one}" for one in range(MOST_MEMBERS)]
    with pytest.raises(Malformed, match="more than 1000 members"):
        members(b"{" + b",".join([*most, style % MOST_MEMBERS]) + b"}")


def test_members_are_counted_while_they_are_read_and_nothing_behind_the_last_one_is_looked_at() -> None:
    with pytest.raises(Malformed, match="more than 1000 members"):
        members(listed(MOST_MEMBERS + 1, b", this is no JSON, and nobody sees it"))
    with pytest.raises(Malformed, match="more than 1000 members"):
        members(b"{" + b'"k":1,' * (MOST_MEMBERS + 1) + b"nor this")
    with pytest.raises(Malformed, match="`inner` has more than 1000 members") as caught:
        members(listed(MOST_MEMBERS + 1), "inner")
    assert caught.value.param == "inner"


def test_a_body_of_many_colons_and_few_members_is_read_as_any_other() -> None:
    text = json.dumps({"model": "a", "text": ": " * 3000, "inner": dict.fromkeys(map(str, range(2000)), 1)}).encode()
    assert {key: json.loads(bytes(raw)) for key, raw in members(text).items()} == json.loads(text)
    twice = text[:-1] + b',"text":1}'
    with pytest.raises(Malformed, match="`text` occurs twice"):
        members(twice)


@pytest.mark.parametrize("depth", [2000, 200_000])
def test_depth_is_counted_while_it_is_read(depth: int) -> None:
    with pytest.raises(Malformed, match="nested too deep"):
        members(b'{"a":' + b"[" * depth + b"no JSON, and nobody sees it")


def test_the_names_of_counted_members_are_plain_strings() -> None:
    """Others cannot be written into an error or a record."""
    body = b'{"a":"%b"}' % (b":" * 6000)
    assert [type(name) for name in members(body)] == [str]
