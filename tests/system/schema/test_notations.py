"""Texts that are more than numbers, and the patterns that editors see."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.circuit import Pause
from headworks.policy.retry import Backoff
from headworks.system.schema.notations import NOTATIONS, address, origin, path, pause, span, url, written_pause
from headworks.system.syntax.scalars import Unreadable, rate, written_rate


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.8.9.1:1", "127.8.9.1", 1, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::]:8080", "::", 8080, False),
        ("0.0.0.0:65535", "0.0.0.0", 65535, False),
        ("gateway.internal:80", "gateway.internal", 80, False),
    ],
)
def test_an_address_knows_whether_only_this_machine_reaches_it(
    text: str, host: str, port: int, is_loopback: bool
) -> None:
    read = address(text)
    assert (read.host, read.port, read.is_loopback) == (host, port, is_loopback)
    assert str(read) == text


@pytest.mark.parametrize(
    "text",
    ["8080", ":8080", "127.0.0.1", "::1:8080", "127.0.0.1:65536", "1.2.3:80", "[127.0.0.1]:80", "a b:1", "[x]:1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="not an address"):
        address(text)


def test_a_url_loses_the_slash_at_its_end() -> None:
    assert url("https://api.example.com/v1/") == "https://api.example.com/v1"
    assert url("http://127.0.0.1:8000") == "http://127.0.0.1:8000"
    assert url("http://[::1]:8000/v1") == "http://[::1]:8000/v1"


def test_credentials_in_a_url_are_refused_without_being_quoted() -> None:
    with pytest.raises(Unreadable) as caught:
        url("https://user:hunter2@example.com")
    assert "hunter2" not in caught.value.problem + caught.value.remedy


def test_a_range_has_two_ends_in_order() -> None:
    assert span("100ms..5s") == Backoff(shortest=0.1, longest=5.0)
    assert span("1s..1s") == Backoff(shortest=1.0, longest=1.0)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("5s..15s", Pause(shortest=5.0, longest=15.0)),
        ("5s..5s", Pause(shortest=5.0, longest=5.0)),
        ("5s", Pause(shortest=5.0)),
        ("500ms..2m", Pause(shortest=0.5, longest=120.0)),
    ],
)
def test_a_circuits_pause_is_a_range_or_its_lower_end(text: str, read: Pause) -> None:
    assert pause(text) == read
    assert written_pause(read) == text


@pytest.mark.parametrize("text", ["15s..5s", "0s", "0s..5s", "5", "5s..", "..5s", "5s...15s", "soon", ""])
def test_what_is_no_pause_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        pause(text)


@pytest.mark.parametrize("text", ["1s", "5s..1s", "0s..1s", "1s..2s..3s", ".."])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        span(text)


@pytest.mark.parametrize(
    "text", ["*", "https://app.example.com", "http://localhost:3000", "http://[::1]:3000", "chrome-extension://abc"]
)
def test_an_origin_is_what_browsers_send(text: str) -> None:
    assert origin(text) == text


def test_a_path_has_neither_nul_nor_line_break() -> None:
    assert path("a b/c.pem") == "a b/c.pem"
    for text in ("a\0b", "a\nb"):
        with pytest.raises(Unreadable):
            path(text)


@pytest.mark.parametrize("unit", NOTATIONS)
def test_the_example_of_a_notation_reads(unit: str) -> None:
    notation = NOTATIONS[unit]
    notation.read(notation.example)
    assert re.fullmatch(notation.pattern, notation.example)


@pytest.mark.parametrize("unit", sorted(set(NOTATIONS) - {"bytes"}))
@given(data=st.data())
def test_an_editor_admits_whatever_the_reader_takes(unit: str, data: st.DataObject) -> None:
    notation = NOTATIONS[unit]
    text = data.draw(st.text(max_size=20) | st.from_regex(notation.pattern, fullmatch=True))
    try:
        notation.read(text)
    except Unreadable:
        return
    assert re.search(f"^(?:{notation.pattern})$", text)


@pytest.mark.parametrize(
    ("text", "nano", "written"),
    [
        ("$0.25/M", 250_000_000, "$0.25/M"),
        ("$2/M", 2_000_000_000, "$2/M"),
        ("$0.002/k", 2_000_000_000, "$2/M"),
        ("$0/M", 0, "$0/M"),
        ("$10/M", 10_000_000_000, "$10/M"),
        ("$0.000000001/M", 1, "$0.000000001/M"),
        ("$0.000000001/k", 1000, "$0.000001/M"),
    ],
)
def test_a_price_is_read_to_the_nano_dollar(text: str, nano: int, written: str) -> None:
    assert (rate(text), written_rate(nano)) == (nano, written)


@given(st.integers(0, 10**20))
def test_law_a_price_is_read_as_it_was_written(nano: int) -> None:
    assert rate(written_rate(nano)) == nano


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("0.25", r"\$0.25/M\?"), ("$2", r"\$2/M\?"), ("$2/m", "0.002/k"), ("-$2/M", "0.002/k"), ("2/M", "0.002/k")],
)
def test_what_is_no_price_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(Unreadable, match="not a price") as refused:
        rate(text)
    assert re.search(remedy, refused.value.remedy)
