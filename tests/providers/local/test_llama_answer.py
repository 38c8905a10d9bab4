"""llama.cpp's events read as one answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.errors import CallError, Malformed
from headworks.core.reply import Usage
from headworks.providers.local.llama_answer import LlamaAnswer
from headworks.providers.local.request import ParsedRequest


def answer(*, in_json: bool = False, max_tokens: int = 100) -> LlamaAnswer:
    asked = ParsedRequest(
        generation=b"", model="m", max_tokens=max_tokens, streamed=True, include_usage=True, in_json=in_json
    )
    return LlamaAnswer(asked, 4096)


def event(content: str | None = None, finish: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": finish}
    return msgspec.json.encode({"choices": [choice], "object": "chat.completion.chunk", **fields})


def usage(prompt: int, completion: int, cached: int) -> bytes:
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return msgspec.json.encode({"choices": [], "usage": counts, "timings": {"prompt_n": 1}})


def read(reader: LlamaAnswer, *texts: str, finish: str = "stop") -> list[str]:
    return [reader.feed(event(text)) for text in texts] + [reader.feed(event(finish=finish))]


def test_text_comes_out_piece_by_piece_without_the_space_before_it() -> None:
    reader = answer()
    assert reader.feed(event(prompt_progress={"total": 3, "processed": 1})) == ""
    assert read(reader, " ", " Pa", "ris", ".", " ") == ["", "Pa", "ris", ".", " ", ""]
    assert (reader.text, reader.finish) == ("Paris. ", "stop")


def test_tokens_are_counted_in_disjoint_classes() -> None:
    reader = answer()
    read(reader, "a", "b", finish="length")
    reader.feed(usage(20, 3, 15))
    assert reader.usage == Usage(input=5, cached_input=15, output=3)
    assert reader.finish == "length"


def test_the_sign_of_a_grammar_is_not_shown_and_not_counted() -> None:
    reader = answer(in_json=True, max_tokens=3)
    assert read(reader, "JSON", ":", ' {"', 'a":1', "}") == ["", "", '{"', 'a":1', "}", ""]
    reader.feed(usage(20, 6, 0))
    assert reader.text == '{"a":1}'
    assert reader.usage.output == 3  # the third token was the sign's end and the answer's beginning


def test_a_schema_that_is_not_held_is_refused_before_anything_is_shown() -> None:
    reader = answer(in_json=True)
    assert reader.feed(event("J")) == ""
    with pytest.raises(Malformed, match="cannot be held to") as caught:
        reader.feed(event("ane"))
    assert caught.value.param == "response_format.json_schema.schema"


def test_an_answer_that_ends_within_the_sign_was_not_held() -> None:
    with pytest.raises(Malformed):
        read(answer(in_json=True), "JSON")


def test_an_answer_cut_within_the_sign_is_empty_and_says_why() -> None:
    reader = answer(in_json=True)
    read(reader, "JSON", finish="length")
    assert (reader.text, reader.finish) == ("", "length")


def test_an_answer_that_leaves_its_schema_is_an_error_of_ours() -> None:
    with pytest.raises(CallError, match="left the schema") as caught:
        read(answer(in_json=True), "JSON: ", '{"a": 1} and so on')
    assert caught.value.status == 500


@pytest.mark.parametrize(
    ("fault", "status", "code", "param"),
    [
        ({"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5007, "n_ctx": 4096}, 400, "context_length_exceeded", "messages"),
        ({"code": 400, "type": "invalid_request_error", "message": "no"}, 400, "invalid_request", None),
        ({"code": 500, "type": "server_error", "message": "no"}, 500, "internal_error", None),
    ],
)  # fmt: skip
def test_llama_cpps_errors_become_ours(fault: dict[str, Any], status: int, code: str, param: str | None) -> None:
    with pytest.raises(CallError) as caught:
        answer().feed(msgspec.json.encode({"error": fault}))
    assert (caught.value.status, caught.value.code, caught.value.param) == (status, code, param)
