"""Notations of numbers, both ways."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.system.syntax import scalars
from headworks.system.syntax.scalars import Unreadable

DURATIONS = [
    ("800ms", 0.8),
    ("300ms", 0.3),
    ("4s", 4.0),
    ("2m", 120.0),
    ("1h", 3600.0),
    ("30d", 2592000.0),
    ("1.5s", 1.5),
]
COUNTS = [("600", 600), ("100k", 100_000), ("2M", 2_000_000), ("1.5k", 1500), ("1G", 1_000_000_000), ("0", 0)]
SIZES = [
    ("512B", 512),
    ("64kB", 64_000),
    ("64KB", 64_000),
    ("10MB", 10_000_000),
    ("1.5GB", 1_500_000_000),
    ("1MiB", 1 << 20),
]
SHARES = [("20%", 0.2), ("0.5%", 0.005), ("100%", 1.0), ("0%", 0.0), ("99.9%", 0.999)]
READERS: list[Callable[[str], object]] = [
    scalars.duration,
    scalars.count,
    scalars.size,
    scalars.share,
    scalars.number,
    scalars.integer,
    scalars.boolean,
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration_is_exact_to_the_digit(text: str, seconds: float) -> None:
    assert scalars.duration(text) == seconds


@pytest.mark.parametrize(("text", "number"), COUNTS)
def test_a_count_is_whole(text: str, number: int) -> None:
    assert scalars.count(text) == number


@pytest.mark.parametrize(("text", "number"), SIZES)
def test_a_size_is_in_bytes(text: str, number: int) -> None:
    assert scalars.size(text) == number


@pytest.mark.parametrize(("text", "part"), SHARES)
def test_a_share_is_a_part_of_one(text: str, part: float) -> None:
    assert scalars.share(text) == part


def test_plain_values_are_read_as_they_are_written() -> None:
    assert scalars.number("-0.5") == -0.5
    assert scalars.integer("-7") == -7
    assert scalars.boolean("true") is True
    assert scalars.boolean("false") is False


@pytest.mark.parametrize(
    ("read", "text", "remedy"),
    [
        (scalars.duration, "4", "4s or 4ms"),
        (scalars.duration, "1h30m", "800ms"),
        (scalars.duration, "\uff14s", "800ms"),
        (scalars.duration, "4s\n", "800ms"),
        (scalars.duration, "9" * 5000 + "s", "800ms"),
        (scalars.duration, "3651d", "3650d"),
        (scalars.count, "1_000", "100k"),
        (scalars.count, "0.5", "100k"),
        (scalars.size, "10", "10B or 10MB"),
        (scalars.size, "1mb", "10MB"),
        (scalars.size, "0.5B", "10MB"),
        (scalars.share, "0.25", "25%"),
        (scalars.share, "1", "100%"),
        (scalars.share, "100.1%", "0% to 100%"),
        (scalars.number, "1e3", "digits"),
        (scalars.number, "nan", "digits"),
        (scalars.integer, "0x10", "digits"),
        (scalars.boolean, "yes", "true or false"),
        (scalars.boolean, "True", "true or false"),
    ],
)
def test_what_is_not_a_notation_is_refused_with_a_remedy(read: Callable[[str], object], text: str, remedy: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert remedy in caught.value.remedy
    assert len(caught.value.problem) < 200


@given(st.sampled_from(READERS), st.text() | st.from_regex(r"-?[0-9.]+[a-zA-Z%]*", fullmatch=True))
def test_any_text_is_a_finite_number_or_unreadable(read: Callable[[str], object], text: str) -> None:
    try:
        value = read(text)
    except Unreadable as error:
        value = 0
        said = error.problem
    else:
        said = ""
    assert said == "" or said.isprintable()
    assert isinstance(value, (int, float))
    assert math.isfinite(value)


@given(st.integers(1, 3649), st.integers(0, 999), st.sampled_from(sorted(scalars.SECONDS)))
def test_a_duration_is_the_nearest_float_and_survives_writing(whole: int, rest: int, unit: str) -> None:
    text = f"{whole}.{rest:03d}{unit}"
    seconds = scalars.duration(text)
    assert seconds == float(Fraction(f"{whole}.{rest:03d}") * Fraction(str(scalars.SECONDS[unit])))
    assert scalars.duration(scalars.written_duration(seconds)) == pytest.approx(seconds, rel=1e-9)


@given(st.integers(1, 3650), st.sampled_from(sorted(scalars.SECONDS)))
def test_a_whole_duration_survives_writing_to_the_digit(whole: int, unit: str) -> None:
    seconds = scalars.duration(f"{whole}{unit}")
    assert scalars.duration(scalars.written_duration(seconds)) == seconds


@given(st.integers(0, 10**12 - 1))
def test_counts_and_sizes_survive_writing(number: int) -> None:
    assert scalars.count(scalars.written_count(number)) == number
    assert scalars.size(scalars.written_size(number)) == number


@given(st.integers(0, 10**7).map(lambda n: f"{n / 10**5:.5f}%"))
def test_a_share_survives_writing(text: str) -> None:
    part = scalars.share(text)
    assert scalars.share(scalars.written_share(part)) == part


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.1, "100ms"), (5.0, "5s"), (90.0, "90s"), (60.0, "1m"), (86400.0, "1d"), (1.5, "1.5s")]
)
def test_a_default_is_shown_as_one_would_write_it(seconds: float, text: str) -> None:
    assert scalars.written_duration(seconds) == text


def test_a_quoted_text_is_short_and_on_one_line() -> None:
    assert scalars.shown("a\nb\x1b[31m") == "`a\\nb\\x1b[31m`"
    assert re.fullmatch(r"`x{60}\.\.\.`", scalars.shown("x" * 10_000))
