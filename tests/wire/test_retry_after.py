"""How long vendors ask us to wait."""

from __future__ import annotations

import json

import pytest

from headworks.wire.openai.errors import vendor_error
from headworks.wire.retry_after import MOST_BELIEVED, retry_after, wait_in

WALL = 1_795_435_200.0  # Mon, 23 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"7"}, 7.0),
        ({b"retry-after": b"0.5"}, 0.5),
        ({b"retry-after": b"-3"}, 0.0),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"inf"}, None),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after-ms": b"1500", b"retry-after": b"2"}, 1.5),
        ({b"retry-after-ms": b"x", b"retry-after": b"2"}, 2.0),
        ({b"retry-after": b"Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({b"retry-after": b"Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({b"retry-after": b"Mon, 99 Nov 2026 11:00:00 GMT"}, None),
        ({b"x-ratelimit-reset-requests": b"6m0s", b"x-ratelimit-reset-tokens": b"20ms"}, 360.0),
        (
            {
                b"x-ratelimit-reset-requests": b"6m0s",
                b"x-ratelimit-remaining-requests": b"12",
                b"x-ratelimit-reset-tokens": b"1.5s",
                b"x-ratelimit-remaining-tokens": b"0",
            },
            1.5,
        ),
        ({b"x-ratelimit-reset-requests": b"1h2m3s4ms"}, 3723.004),
        ({b"x-ratelimit-reset-requests": b""}, None),
        ({b"x-ratelimit-reset-requests": b"later"}, None),
        ({b"x-ratelimit-reset": b"12"}, 12.0),
        ({b"x-ratelimit-reset": b"1795435260"}, 60.0),
        ({b"x-ratelimit-reset": b"1795435260000"}, 60.0),
        ({b"x-ratelimit-reset": b"1795435000"}, 0.0),
        ({b"retry-after": b"later", b"x-ratelimit-reset-tokens": b"2s"}, 2.0),
        ({b"retry-after": b"2s"}, 2.0),
        ({b"retry-after": b" 1m30s "}, 90.0),
        ({b"retry-after": b"1500ms"}, 1.5),
        ({b"retry-after": b"1d"}, 86400.0),
        ({b"retry-after": b"1795435260"}, 60.0),
        ({b"retry-after": b"1795435260000"}, 60.0),
        ({b"retry-after-ms": b"1795435260000"}, 60.0),
        ({b"retry-after": b"2026-11-23T12:00:30Z"}, 30.0),
        ({b"retry-after": b"2026-11-23T12:00:30"}, 30.0),
        ({b"retry-after": b"2026-99-23T12:00:30Z"}, None),
        ({b"anthropic-ratelimit-tokens-reset": b"2026-11-23T12:00:30Z"}, 30.0),
        ({b"x-ratelimit-reset-tokens-minute": b"11.5", b"x-ratelimit-remaining-tokens-minute": b"0"}, 11.5),
        ({b"retry-after": b"100000000"}, MOST_BELIEVED),
        ({b"retry-after-ms": b"1e300"}, MOST_BELIEVED),
        ({b"retry-after": b"Mon, 23 Nov 2099 12:00:30 GMT"}, MOST_BELIEVED),
    ],
)
def test_seconds_to_wait(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after(headers, WALL) == pytest.approx(seconds)


def test_an_error_that_speaks_of_no_limit_is_not_told_by_resets_that_come_with_every_answer() -> None:
    headers = [(b"x-ratelimit-reset-requests", b"6m0s"), (b"x-ratelimit-remaining-requests", b"12")]
    assert vendor_error(500, headers, b"", WALL).retry_after is None
    assert vendor_error(429, headers, b"", WALL).retry_after == 360.0
    used_up = [(b"x-ratelimit-reset-requests", b"6m0s"), (b"x-ratelimit-remaining-requests", b"0")]
    assert vendor_error(500, used_up, b"", WALL).retry_after == 360.0


def test_what_an_error_says_goes_before_resets_of_limits_that_are_not_used_up() -> None:
    headers = [(b"x-ratelimit-reset-tokens", b"59.5s"), (b"x-ratelimit-remaining-tokens", b"500")]
    body = b'{"error":{"message":"Rate limit reached. Please try again in 6.78s."}}'
    assert vendor_error(429, headers, body, WALL).retry_after == pytest.approx(6.78)
    assert vendor_error(429, headers, b"", WALL).retry_after == 59.5


GEMINI = [
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota. Please retry in 34.07s.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"},
            ],
        }
    }
]
ROUTED = {
    "error": {
        "message": "Rate limit exceeded",
        "code": 429,
        "metadata": {"headers": {"X-RateLimit-Reset": "1795435260000", "X-RateLimit-Remaining": "0"}},
    }
}


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (GEMINI, 34.074824224),
        (ROUTED, 60.0),
        ({"error": {"message": "m", "retry_after": 7}}, 7.0),
        ({"error": {"message": "m", "retry_after_ms": 1500}}, 1.5),
        ({"message": "m", "retryAfter": "2s"}, 2.0),
        ({"retry_after": True}, None),
        ({"retry_after": "9" * 65}, None),
        ({"error": {"message": "Rate limit reached. Please try again in 6.780999999s. Visit https://v"}}, 6.780999999),
        ({"error": {"message": "Please try again in 1h2m3s."}}, 3723.0),
        ({"error": {"message": "Please try again in 20ms."}}, 0.02),
        ({"message": "Your rate limit is exceeded. Please retry after 7 seconds."}, 7.0),
        ({"message": "reached max request: 3, please try again after 1 seconds"}, 1.0),
        ({"message": "Retry in 2 minutes"}, 120.0),
        ({"message": "Retry in 250 milliseconds"}, 0.25),
        ({"message": "Your quota will reset after 1 hour"}, 3600.0),
        ({"message": "Please retry after 864000 seconds"}, MOST_BELIEVED),
        ({"message": "Please try again later."}, None),
        ({"message": "x" * 500 + " try again in 5s"}, None),
        ({"error": {"error": {"error": {"error": {"error": {"error": {"retry_after": 7}}}}}}}, None),
        ("slow down", None),
    ],
)
def test_a_wait_in_a_body_is_understood(content: object, seconds: float | None) -> None:
    error = vendor_error(429, (), json.dumps(content).encode(), WALL)
    assert error.retry_after == pytest.approx(seconds)


def test_a_header_goes_before_a_body_and_a_body_is_read_only_where_it_speaks_of_a_wait() -> None:
    body = json.dumps(GEMINI).encode()
    assert vendor_error(429, [(b"retry-after", b"3")], body, WALL).retry_after == 3.0
    assert vendor_error(500, (), body, WALL).retry_after is None
    assert vendor_error(503, (), body, WALL).retry_after == pytest.approx(34.074824224)
    assert wait_in(None, "", WALL) is None


NINES = b"9" * 400


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-ratelimit-reset", NINES + b"h")],
        [(b"x-ratelimit-reset-requests", NINES + b"ms"), (b"x-ratelimit-remaining-requests", b"0")],
        [(b"retry-after", NINES)],
        [(b"retry-after-ms", NINES)],
        [(b"retry-after", b"1e999")],
        [(b"retry-after", b"9" * 60_000)],
    ],
)
def test_a_wait_beyond_all_clocks_is_cut_to_the_longest_that_is_believed(headers: list[tuple[bytes, bytes]]) -> None:
    error = vendor_error(429, headers, b'{"error":{"message":"slow down"}}', WALL)
    assert (error.shown_status, error.message, error.retry_after) == (429, "slow down", MOST_BELIEVED)


@pytest.mark.parametrize(
    "said", ["in " + "9" * 400 + " hours", "in " + "9" * 400 + "h", "in 1.2.3 seconds", "in 9.h.9s"]
)
def test_and_words_that_are_no_wait_are_none(said: str) -> None:
    assert vendor_error(429, (), json.dumps({"message": f"try again {said}"}).encode(), WALL).retry_after is None
