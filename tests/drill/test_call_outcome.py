"""What a caller makes of what came back."""

import pytest

from headworks.drill.call_outcome import CallerResponse, CallOutcome, classify

EXACT = "One two three."


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text.encode()


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"It broke.","type":"api_error","param":null,"code":"upstream_cut"}}\n\n'
BODY = b'{"choices":[{"message":{"content":"%b"}}]}'

STREAMS: dict[str, tuple[CallerResponse, CallOutcome]] = {
    "whole": (
        CallerResponse(status=200, body=event("One two") + event(" three.") + FINISH + DONE),
        CallOutcome(kind="whole", status=200),
    ),
    "ends early, and looks whole": (
        CallerResponse(status=200, body=event("One two") + FINISH + DONE),
        CallOutcome(kind="truncated", status=200),
    ),
    "ends early without a word": (
        CallerResponse(status=200, body=event("One")),
        CallOutcome(kind="truncated", status=200),
    ),
    "says something else": (
        CallerResponse(status=200, body=event("Four.") + DONE),
        CallOutcome(kind="wrong", status=200),
    ),
    "says the beginning twice": (
        CallerResponse(status=200, body=event("One two") + event("One two three.") + DONE),
        CallOutcome(kind="wrong", status=200),
    ),
    "ends early, and says so": (
        CallerResponse(status=200, body=event("One two") + FINISH.replace(b"stop", b"content_filter") + DONE),
        CallOutcome(kind="error", status=200, code="content_filter", after_head=True),
    ),
    "an error after the head": (
        CallerResponse(status=200, body=event("One") + ERROR),
        CallOutcome(kind="error", status=200, code="upstream_cut", after_head=True),
    ),
    "the connection broke": (
        CallerResponse(status=200, body=event("One"), ended="broken"),
        CallOutcome(kind="broken", status=200),
    ),
    "nobody listened": (CallerResponse(ended="unserved"), CallOutcome(kind="unserved")),
    "no end": (CallerResponse(ended="hung"), CallOutcome(kind="hung")),
}

WHOLES: dict[str, tuple[CallerResponse, CallOutcome]] = {
    "whole": (CallerResponse(status=200, body=BODY % EXACT.encode()), CallOutcome(kind="whole", status=200)),
    "cut short": (CallerResponse(status=200, body=BODY % b"One"), CallOutcome(kind="truncated", status=200)),
    "no answer": (CallerResponse(status=200, body=b"<html>"), CallOutcome(kind="wrong", status=200)),
    "an error": (
        CallerResponse(status=503, body=b'{"error":{"message":"Down.","code":"overloaded"}}'),
        CallOutcome(kind="error", status=503, code="overloaded"),
    ),
    "an error with a type only": (
        CallerResponse(status=500, body=b'{"error":{"message":"Down.","type":"server_error","code":null}}'),
        CallOutcome(kind="error", status=500, code="server_error"),
    ),
    "an error that no SDK can read": (
        CallerResponse(status=502, body=b"Bad Gateway"),
        CallOutcome(kind="broken", status=502),
    ),
}


@pytest.mark.parametrize(("heard", "said"), STREAMS.values(), ids=STREAMS)
def test_a_stream(heard: CallerResponse, said: CallOutcome) -> None:
    assert classify(heard, EXACT, streamed=True) == said


@pytest.mark.parametrize(("heard", "said"), WHOLES.values(), ids=WHOLES)
def test_a_body(heard: CallerResponse, said: CallOutcome) -> None:
    assert classify(heard, EXACT, streamed=False) == said
