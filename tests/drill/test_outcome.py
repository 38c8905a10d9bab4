"""What a caller makes of what came back."""

import pytest

from headworks.drill.outcome import Heard, Judged, judged

EXACT = "One two three."


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text.encode()


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"It broke.","type":"api_error","param":null,"code":"upstream_cut"}}\n\n'
BODY = b'{"choices":[{"message":{"content":"%b"}}]}'

STREAMS: dict[str, tuple[Heard, Judged]] = {
    "whole": (
        Heard(status=200, body=event("One two") + event(" three.") + FINISH + DONE),
        Judged(kind="whole", status=200),
    ),
    "ends early, and looks whole": (
        Heard(status=200, body=event("One two") + FINISH + DONE),
        Judged(kind="truncated", status=200),
    ),
    "ends early without a word": (Heard(status=200, body=event("One")), Judged(kind="truncated", status=200)),
    "says something else": (Heard(status=200, body=event("Four.") + DONE), Judged(kind="wrong", status=200)),
    "says the beginning twice": (
        Heard(status=200, body=event("One two") + event("One two three.") + DONE),
        Judged(kind="wrong", status=200),
    ),
    "ends early, and says so": (
        Heard(status=200, body=event("One two") + FINISH.replace(b"stop", b"content_filter") + DONE),
        Judged(kind="error", status=200, code="content_filter", after_head=True),
    ),
    "an error after the head": (
        Heard(status=200, body=event("One") + ERROR),
        Judged(kind="error", status=200, code="upstream_cut", after_head=True),
    ),
    "the connection broke": (
        Heard(status=200, body=event("One"), ended="broken"),
        Judged(kind="broken", status=200),
    ),
    "nobody listened": (Heard(ended="unserved"), Judged(kind="unserved")),
    "no end": (Heard(ended="hung"), Judged(kind="hung")),
}

WHOLES: dict[str, tuple[Heard, Judged]] = {
    "whole": (Heard(status=200, body=BODY % EXACT.encode()), Judged(kind="whole", status=200)),
    "cut short": (Heard(status=200, body=BODY % b"One"), Judged(kind="truncated", status=200)),
    "no answer": (Heard(status=200, body=b"<html>"), Judged(kind="wrong", status=200)),
    "an error": (
        Heard(status=503, body=b'{"error":{"message":"Down.","code":"overloaded"}}'),
        Judged(kind="error", status=503, code="overloaded"),
    ),
    "an error with a type only": (
        Heard(status=500, body=b'{"error":{"message":"Down.","type":"server_error","code":null}}'),
        Judged(kind="error", status=500, code="server_error"),
    ),
    "an error that no SDK can read": (Heard(status=502, body=b"Bad Gateway"), Judged(kind="broken", status=502)),
}


@pytest.mark.parametrize(("heard", "said"), STREAMS.values(), ids=STREAMS)
def test_a_stream(heard: Heard, said: Judged) -> None:
    assert judged(heard, EXACT, streamed=True) == said


@pytest.mark.parametrize(("heard", "said"), WHOLES.values(), ids=WHOLES)
def test_a_body(heard: Heard, said: Judged) -> None:
    assert judged(heard, EXACT, streamed=False) == said
