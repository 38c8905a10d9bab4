"""The name of the model that answered, in every API's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.wire.reported import MOST_LINES, MOST_NAME, Reported, reported

CASES = [
    (b'{"model":"a","system_fingerprint":"fp"}', ("a", "fp")),
    (b' {"model": "a", "system_fingerprint": null}', ("a", "")),
    (b'{"candidates":[],"modelVersion":"gemini-2.5-flash"}', ("gemini-2.5-flash", "")),
    (b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude"}}\n\n', ("claude", "")),
    (b'event: response.created\ndata: {"type":"response.created","response":{"model":"gpt"}}\n\n', ("gpt", "")),
    (b': ping\n\ndata: [DONE]\ndata: {"usage":1}\ndata: {"model":"late"}\n', ("late", "")),
    (b'{"model":"a","message":"a text"}', ("a", "")),
]
SILENT = [
    b"",
    b"data: ",
    b'data: {"model":"cut',
    b'{"model":"a"',
    b'{"model":7}',
    b'{"model":""}',
    b'{"model":null}',
    b'{"choices":[{"message":{"content":"{\\"model\\":\\"x\\"}"}}]}',
    b"[1]",
    b"\x00\x00\x00\x80binary",
    b'{"model" :"a"}',  # a spacing that nobody writes: not looked for again, so not taken
    b'{"model":"%s"}' % (b"a" * MOST_NAME),
    b"data: {}\n" * MOST_LINES + b'data: {"model":"a"}\n',
    b"[" * 100_000,
    b'{"model":"a","response":' + b"[" * 100_000,
    b'{"model":"\xff"}',
]


@pytest.mark.parametrize(("data", "named"), CASES)
def test_the_model_is_read_in_every_apis_words(data: bytes, named: tuple[str, str]) -> None:
    found = reported(data)
    assert found is not None
    assert (found.model, found.fingerprint) == named
    assert all(needle in data for needle in found.needles)
    assert len(found.needles) == (2 if named[1] else 1)


@pytest.mark.parametrize("data", SILENT)
def test_what_names_no_model_says_nothing(data: bytes) -> None:
    assert reported(data) is None


@given(
    st.one_of(
        st.binary(max_size=200),
        st.sampled_from([case[0] for case in CASES]).flatmap(
            lambda data: st.integers(0, len(data)).map(lambda at: data[:at] + b"\xff" + data[at:])
        ),
    )
)
def test_hostile_bytes_raise_nothing(data: bytes) -> None:
    found = reported(data)
    assert found is None or isinstance(found, Reported)
