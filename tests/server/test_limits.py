"""The headers that tell a caller what is left."""

from __future__ import annotations

import pytest

from headworks.core.errors import Failed, InsufficientQuota, QuotaExceeded
from headworks.core.state import Rate
from headworks.core.trail import Trail
from headworks.server.limits import limited, spell
from headworks.server.problems import answer
from headworks.wire.openai.caller import CHAT


def test_without_limits_nothing_is_said() -> None:
    assert limited(Trail()) == []


def test_of_several_limits_the_tightest_is_said() -> None:
    trail = Trail()
    rates = (Rate("rpm/key/web", 600), Rate("rpm/group/g", 1000), Rate("tpm/key/web", 10_000, "tokens"))
    trail.limits = (rates, (599, 10, 9_000), (0.1, 59.4, 6.0))
    assert dict(limited(trail)) == {
        b"x-ratelimit-limit-requests": b"1000",
        b"x-ratelimit-remaining-requests": b"10",
        b"x-ratelimit-reset-requests": b"59.4s",
        b"x-ratelimit-limit-tokens": b"10000",
        b"x-ratelimit-remaining-tokens": b"9000",
        b"x-ratelimit-reset-tokens": b"6s",
    }


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, b"0ms"), (0.12, b"120ms"), (1.0, b"1s"), (59.4, b"59.4s"), (360.0, b"6m0s")]
)
def test_durations_are_spelled_as_openai_does(seconds: float, said: bytes) -> None:
    assert spell(seconds) == said


@pytest.mark.parametrize(
    ("error", "should"),
    [
        (QuotaExceeded("later", retry_after=0.5), None),
        (QuotaExceeded("never", is_final=True), b"false"),
        (InsufficientQuota("spent", retry_after=3600.0, is_final=True), b"false"),
        (Failed("500"), b"false"),
    ],
)
def test_sdks_are_told_whether_to_ask_again(error: QuotaExceeded | Failed, should: bytes | None) -> None:
    status, headers, _ = answer(error, "req_1", [], CHAT)
    found = dict(headers)
    assert found.get(b"x-should-retry") == should
    if error.retry_after is not None:
        assert status == 429
        assert float(found[b"retry-after-ms"]) == error.retry_after * 1000
