"""An error inside a success is a failed attempt, whole and streamed, before the head and after it, in the vendor's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError, Cut, Denied, Failed, Filtered, Garbled, Throttled, Upstream
from headworks.wire.failure_forms import FAILURE_FORMS, FailureForm
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import ChatDecoder, OpenAIChat
from headworks.wire.openai.embeddings import OpenAIEmbeddings

PAGE = Path(__file__).parents[2] / "docs/compatibility.md"
ASKED = Call(id="r", alias="a", body=b'{"messages":[1]}', dialect=CHAT, streamed=True)
FORMS = pytest.mark.parametrize("form", FAILURE_FORMS, ids=lambda form: form.vendors)
HEAD = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
KINDS = {400: Filtered, 402: Denied, 429: Throttled, 500: Failed, 502: Failed, 503: Failed}


def failed(body: bytes) -> CallError:
    with pytest.raises(CallError) as caught:
        OpenAIChat().whole(body, ASKED)
    return caught.value


def fault(stream: bytes) -> CallError:
    decoder = ChatDecoder(ASKED)
    decoder.feed(stream)
    decoder.end()
    assert decoder.fault is not None
    return decoder.fault


@FORMS
def test_a_whole_answer_that_says_that_it_failed_is_a_failed_attempt_in_the_vendors_words(form: FailureForm) -> None:
    error = failed(form.said.encode())
    assert type(error) is KINDS[form.status]
    assert error.said is not None
    assert (error.said.status, error.said.message) == (form.status, form.words)


@FORMS
def test_an_event_before_the_head_that_says_so_is_one_too(form: FailureForm) -> None:
    error = fault(b"data: " + form.said.encode() + b"\n\n")
    assert type(error) is KINDS[form.status]
    assert error.said is not None
    assert (error.said.status, error.said.message) == (form.status, form.words)


@FORMS
def test_an_event_after_the_head_that_says_so_breaks_the_stream(form: FailureForm) -> None:
    error = fault(HEAD + b"data: " + form.said.encode() + b"\n\n")
    assert isinstance(error, Cut)
    assert error.said is not None
    assert (error.said.status, error.said.message) == (form.status, form.words)


@FORMS
def test_a_body_in_answer_to_a_streamed_call_that_says_so_is_one_too(form: FailureForm) -> None:
    assert type(fault(form.said.encode())) is KINDS[form.status]


def test_a_code_that_nobody_knows_keeps_its_words_and_may_be_tried_again() -> None:
    error = failed(b'{"base_resp": {"status_code": 4711, "status_msg": "moon phase"}}')
    assert isinstance(error, Failed)
    assert error.message == "moon phase"
    assert failed(b'{"base_resp": {"status_code": 4711}}').message == "The vendor's status is 4711."
    assert failed(b'{"base_resp": {"status_code": "1002", "status_msg": 7}, "choices": 1}').message == "7"
    unknown = failed(b'{"error_code": 336000, "error_msg": "Internal error"}')
    assert isinstance(unknown, Garbled)
    assert unknown.said is not None
    assert unknown.said.code == "336000"


def test_words_in_a_list_are_read_like_those_of_any_error() -> None:
    error = failed(b'{"detail": [{"loc": ["body", "n"], "msg": "too many"}], "code": 422}')
    assert error.message == "body.n: too many"
    assert error.said is not None
    assert error.said.status == 422


def test_an_error_in_a_choice_that_is_a_text_or_has_no_code_is_one_too() -> None:
    choice = b'{"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "error", "error": %b}]}'
    for error in (b'"it broke"', b'{"message": "it broke"}'):
        found = failed(choice % error)
        assert isinstance(found, Failed)
        assert found.message == "it broke"
    second = b'{"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}, {"index": 1, "error": {"code": 502, "message": "m"}}]}'
    assert isinstance(failed(second), Failed)
    groq = b'{"choices": [], "x_groq": {"error": {"message": "stopped", "code": 500}}}'
    assert failed(groq).message == "stopped"


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "base_resp": {"status_code": 0, "status_msg": ""}}',
        b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "x_groq": {"id": "req"}}',
        b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop", "error": null}], "code": 0, "message": "Success"}',
        b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "base_resp": {"status_code": null}}',
    ],
)
def test_what_says_that_it_went_well_is_an_answer(body: bytes) -> None:
    assert OpenAIChat().whole(body, ASKED).text == "Hi"


def test_an_event_that_speaks_of_no_failure_passes() -> None:
    quiet = b'data: {"code":0,"message":"Success","choices":[]}\n\ndata: {"type":"ping","message":"alive"}\n\n'
    decoder = ChatDecoder(ASKED)
    assert len(decoder.feed(quiet + b'data: {"id":"1","code":7}\n\n' + HEAD)) == 4
    assert decoder.fault is None


def test_a_stream_that_is_an_error_in_answer_to_a_call_that_is_not_streamed_is_that_error() -> None:
    for form in FAILURE_FORMS:
        assert type(failed(b"data: " + form.said.encode() + b"\n\n")) is KINDS[form.status]
        assert type(failed(HEAD + b"data: " + form.said.encode() + b"\n\n")) is KINDS[form.status]


def test_embeddings_have_their_errors_inside_a_success_too() -> None:
    for body, words in (
        (b'{"data": [], "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}', "rate limit"),
        (b'{"error_code": 18, "error_msg": "slow down"}', "slow down"),
        (b'{"data": null, "success": false, "msg": "no such model", "code": 500}', "no such model"),
    ):
        with pytest.raises(Upstream) as caught:
            OpenAIEmbeddings().whole(body, ASKED)
        assert caught.value.message == words


def row(form: FailureForm) -> str:
    said = (
        form.said.replace('"message": {"content": ""}, ', "").replace('"delta": {}, ', "").replace('"index": 0, ', "")
    )
    return f"| [{form.vendors}]({form.source}) | `{said}` | {form.status} |"


def test_the_page_shows_this_table() -> None:
    section = PAGE.read_text().partition("\n### An error inside a success\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if "](https://" in line]
    assert rows == [row(form) for form in FAILURE_FORMS], "write the rows of `row(form)` into docs/compatibility.md"
