"""What an id of ours looks like, and that its beginning says when it came."""

from __future__ import annotations

import re
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.request_id import FIRST, LAST, TIME_DIGITS, request_id, time_range


def test_an_id_is_36_characters_that_begin_with_its_time() -> None:
    before = int(time.time() * 1000)
    made = request_id(Random(1).getrandbits)
    after = int(time.time() * 1000)
    assert re.fullmatch(r"req_[0-9a-f]{32}", made)
    assert before <= int(made[4:16], 16) <= after
    assert int(made[16:], 16) == Random(1).getrandbits(80)


def test_little_and_much_chance_keep_the_form() -> None:
    for chance in (0, 1, 2**80 - 1):
        made = request_id(lambda bits, chance=chance: chance)  # type: ignore[misc]
        assert re.fullmatch(r"req_[0-9a-f]{32}", made)
        assert int(made[16:], 16) == chance


@given(milliseconds=st.integers(FIRST, LAST - 1), chance=st.integers(0, 2**80 - 1), digits=st.integers(4, 32))
def test_every_beginning_says_a_time_that_holds_the_ids_own(milliseconds: int, chance: int, digits: int) -> None:
    made = f"req_{milliseconds:012x}{chance:020x}"
    came = time_range(made[: 4 + digits])
    if digits >= TIME_DIGITS:
        assert came == (milliseconds / 1000, (milliseconds + 1) / 1000)
    else:
        assert came is None or came[0] <= milliseconds / 1000 < came[1]


@pytest.mark.parametrize(
    "beginning",
    ["their-own-id", "req_", "req_01a", "req_" + "f" * 32, "req_" + "0" * 32, "req_01A2049ffc00", "req_" + "0" * 33],
)
def test_what_is_not_ours_says_no_time(beginning: str) -> None:
    assert time_range(beginning) is None


def test_a_beginning_shorter_than_the_time_says_a_span() -> None:
    assert time_range("req_01a2") == (0x01A200000000 / 1000, 0x01A300000000 / 1000)
