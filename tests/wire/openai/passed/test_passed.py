"""What passes through is not changed, but for the model's name; what is known of it is said."""

from __future__ import annotations

import json

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError, Cut, Garbled, Malformed, Rejected
from headworks.core.reply import Usage
from headworks.wire.openai.passed.caller import PASSED, PassedCaller
from headworks.wire.openai.passed.vendor import VENDORS, PassedStream, PassedVendor
from tests.wire.openai.passed.test_multipart import form, part

CALLERS = {caller.path: caller for caller in PASSED}
SPEECH, IMAGES = CALLERS["/audio/speech"], CALLERS["/images/generations"]
AUDIO = CALLERS["/audio/transcriptions"]
UPLOAD = form(
    part("file", b"sound", '; filename="a"'), part("model", b"alias"), part("stream", b"true"), part("user", b"ann")
)


def side(caller: PassedCaller) -> PassedVendor:
    return VENDORS[caller.name]


def call(caller: PassedCaller, body: bytes, *, streamed: bool = False) -> Call:
    return Call(id="req_1", alias="alias", body=body, dialect=caller, streamed=streamed)


def test_a_caller_is_read_from_json_and_from_a_form() -> None:
    body = b'{"model":"alias","prompt":"a cat","user":"ann"}'
    asked = IMAGES.read(body)
    assert (asked.model, asked.user, asked.streamed) == ("alias", "ann", False)
    assert SPEECH.read(b'{"model":"tts","input":"Hi"}').streamed
    asked = AUDIO.read(UPLOAD)
    assert (asked.model, asked.user, asked.streamed) == ("alias", "ann", True)
    for wrong in (b"{}", b"[]", form(part("file", b"x")), b"--"):
        with pytest.raises(Malformed):
            AUDIO.read(wrong)


def test_only_the_models_name_is_replaced() -> None:
    sent = side(IMAGES).request(call(IMAGES, b'{"model":"alias","prompt":"alias"}'), b'"gpt-image-1"', counted=False)
    assert json.loads(sent) == {"model": "gpt-image-1", "prompt": "alias"}
    assert side(IMAGES).content_type(sent) == b""
    upload = side(AUDIO).request(call(AUDIO, UPLOAD), b'"whisper-1"', counted=False)
    assert upload == UPLOAD.replace(b"alias", b"whisper-1")
    assert side(AUDIO).content_type(upload) == b"multipart/form-data; boundary=xyz"
    assert side(AUDIO).path("whisper-1", streamed=False) == b"/audio/transcriptions"


def test_the_vendors_type_goes_on_and_its_own_id_is_noted() -> None:
    headers = [(b"content-type", b"audio/mpeg"), (b"x-request-id", b"v1"), (b"openai-processing-ms", b"5")]
    assert side(SPEECH).returned(headers, frozenset()) == ("v1", (headers[0], headers[2]))
    assert side(SPEECH).returned([], frozenset())[1] == ((b"content-type", b"application/octet-stream"),)
    assert side(SPEECH).forwards(b"traceparent")


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (b'{"data":[],"usage":{"input_tokens":7,"output_tokens":100,"total_tokens":107}}', Usage(input=7, output=100)),
        (b'{"text":"hi","usage":{"type":"duration","seconds":3}}', None),
        (b'{"results":[],"usage":{"total_tokens":38}}', Usage(input=38)),
        (b'{"results":[]}', None),
        (b"{not json", None),
        (b"1\n00:00:00 --> 00:00:01\nhi", None),
    ],
)
def test_tokens_are_those_that_the_vendor_says(answer: bytes, usage: Usage | None) -> None:
    chunk = side(AUDIO).whole(answer, call(AUDIO, b"{}"))
    assert (chunk.data, chunk.usage, chunk.last) == (answer, usage, True)
    assert side(AUDIO).spent(answer).usage == usage


def test_no_answer_and_an_error_in_a_success_are_failures() -> None:
    with pytest.raises(Garbled):
        side(IMAGES).whole(b"", call(IMAGES, b"{}"))
    with pytest.raises(CallError):
        side(IMAGES).whole(b'{"error":{"message":"no","type":"server_error"}}', call(IMAGES, b"{}"))
    error = side(IMAGES).error(400, [], b'{"error":{"message":"bad size"}}', 0.0)
    assert isinstance(error, Rejected)
    assert not side(IMAGES).refuses_counting(error, call(IMAGES, b"{}"))


@pytest.mark.parametrize("answer", [b"<html>bad gateway</html>", b"oh no", b"[]", b'{"data":[', b" \n"])
def test_pictures_that_are_no_json_object_are_a_failure(answer: bytes) -> None:
    with pytest.raises(Garbled):
        side(IMAGES).whole(answer, call(IMAGES, b"{}"))
    assert side(IMAGES).spent(answer).usage is None


def test_a_page_is_no_transcript() -> None:
    with pytest.raises(Garbled):
        side(AUDIO).whole(b"\n<!doctype html><html>", call(AUDIO, b"{}"))


def test_a_sound_goes_on_as_it_comes() -> None:
    assert side(SPEECH).decoder(call(SPEECH, b"{}")) is None
    stream = side(SPEECH).decoder(call(SPEECH, b"{}", streamed=True))
    assert stream is not None
    assert [chunk.data for chunk in stream.feed(b"\0\1")] == [b"\0\1"]
    assert stream.is_headed
    assert [(chunk.data, chunk.last) for chunk in stream.end()] == [(b"", True)]
    assert stream.is_done
    stream.give_up()
    assert stream.fault is None


def test_a_stream_without_a_byte_is_garbled_and_one_that_is_given_up_is_cut() -> None:
    stream = PassedStream()
    assert stream.end() == []
    assert isinstance(stream.fault, Garbled)
    stream = PassedStream()
    stream.give_up()
    assert isinstance(stream.fault, Cut)


def test_a_stream_whose_connection_broke_is_cut() -> None:
    stream = PassedStream()
    stream.feed(b"\0\1")
    stream.broke()
    assert stream.end() == []
    assert isinstance(stream.fault, Cut)
    assert not stream.is_done


def test_nothing_of_it_is_shared_bounded_or_said_in_the_middle() -> None:
    assert IMAGES.question(b"{}") is None
    assert IMAGES.weigh(b"{}").unbounded == "images/generations"
    assert not IMAGES.is_ordinary(b"{}", [])
    assert IMAGES.event(Cut("x")) == b""
    assert msgspec.json.decode(IMAGES.problem(Cut("x")))["error"]["message"]
