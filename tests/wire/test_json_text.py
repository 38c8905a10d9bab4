"""What is JSON by its grammar is read, and what was read can be written."""

from __future__ import annotations

import sys

import msgspec
import pytest

from headworks.wire.json_text import read_json, write_json


@pytest.mark.parametrize(
    "text", [b'"\\ud83d"', b'{"\\ude00":[1,null,true,"\xc3\xa9"]}', b"1.5", b"123456789012345678901234567890"]
)
def test_what_was_read_is_written_with_the_same_meaning(text: bytes) -> None:
    assert read_json(write_json(read_json(text))) == read_json(text)


@pytest.mark.parametrize(("text", "value"), [(b"1e999", sys.float_info.max), (b"[-1e999]", [-sys.float_info.max])])
def test_a_number_beyond_every_float_is_the_largest(text: bytes, value: object) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize("text", [b"", b"NaN", b"{", b'"\xff"', b"9" * 5000, b"[-Infinity]"])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(text)


def test_a_part_that_was_not_read_is_written_as_it_came() -> None:
    raw = msgspec.Raw(b'{ "a": 1.0e0 }')
    assert write_json({"x": raw}) == b'{"x":{ "a": 1.0e0 }}'
    assert write_json({"x": raw, "half": "\ud83d"}) == b'{"x":{"a":1.0},"half":"\\ud83d"}'
    assert read_json(raw) == {"a": 1}
