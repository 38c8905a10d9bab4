"""The tokens in the results of a batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.reply import Usage
from headworks.wire.openai.passed import batch_output
from headworks.wire.openai.passed.batch_output import BatchOutput

CHAT = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
RESPONSES = {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4}}
EMBEDDINGS = {"prompt_tokens": 10, "total_tokens": 10}


def line(usage: Any = CHAT, status: int = 200, model: Any = "gpt-4o-mini") -> bytes:
    """Its form: https://platform.openai.com/docs/guides/batch."""
    response = {"status_code": status, "request_id": "r", "body": {"model": model, "usage": usage}}
    return json.dumps({"id": "batch_req_1", "custom_id": "1", "response": response, "error": None}).encode() + b"\n"


def read(data: bytes, size: int = 0) -> BatchOutput:
    found = BatchOutput()
    for at in range(0, len(data), size or len(data) or 1):
        found.feed(data[at : at + (size or len(data))])
    return found


FAILED = b'{"custom_id":"2","response":null,"error":{"code":"batch_expired"}}\n'


def test_the_lines_of_each_api_are_summed_and_failed_ones_are_not() -> None:
    found = read(line() + line(RESPONSES) + FAILED + b"\n" + line(status=500) + line(EMBEDDINGS).rstrip())
    assert found.end() == Usage(input=6 + 6 + 10, cached_input=8, output=10)
    assert found.model == "gpt-4o-mini"


@given(st.integers(min_value=1, max_value=400))
def test_the_sum_is_the_same_however_the_bytes_are_cut(size: int) -> None:
    assert read(line() * 3 + FAILED, size).end() == Usage(input=18, cached_input=12, output=15)


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"{\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n", line(None), line({}), line("x"), line(model="other")),
        *(line(model=None), line(model=""), b'{"response":{"status_code":200,"body":[]}}\n'),
        b'{"response":{"status_code":"200"}}\n',
    ],
)
def test_a_line_that_does_not_tell_makes_the_sum_unknown(wrong: bytes) -> None:
    assert read(line() + wrong + line()).end() is None


def test_a_line_without_an_end_is_given_up_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_output, "MOST_LINE", 1000)
    found = read(b"x" * 1001, 100)
    assert (found.end(), found._begun) == (None, b"")
    assert read(b" " * 1000, 100).end() == Usage()


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    found = BatchOutput()
    for one in pieces:
        found.feed(one)
    found.end()
