"""How long vendors ask us to wait."""

from __future__ import annotations

import pytest

from headworks.wire.retry_after import retry_after

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
    ],
)
def test_seconds_to_wait(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after(headers, WALL) == pytest.approx(seconds)
