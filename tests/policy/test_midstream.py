"""Whether a stream that broke goes on, and that what is shown of two attempts is one text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import CallError, Cut, Diverged, Expired, Failed, VendorSaid
from headworks.policy.midstream import MOST_SENT, MidStream, ReplayFilter, SentAnswer, is_break, resume_modes


def told(*pieces: str, thoughts: tuple[str, ...] = ()) -> SentAnswer:
    made = SentAnswer()
    for piece in pieces:
        made.say(piece)
    for thought in thoughts:
        made.think(thought)
    return made


def cut_up(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


# What goes on


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [
        (Cut("cut"), True),
        (Expired(phase="between_tokens"), True),
        (Cut("error event", said=VendorSaid(status=200)), True),
        (Cut("error event", said=VendorSaid(status=529)), True),
        (Cut("error event", said=VendorSaid(status=429)), True),
        (Cut("content policy", said=VendorSaid(status=400)), False),
        (Cut("our key", said=VendorSaid(status=401)), False),
        (Diverged("other words"), False),
        (Expired(phase="total"), False),
        (Failed("before the head"), False),
    ],
)
def test_only_what_the_vendor_broke_goes_on(error: CallError, goes_on: bool) -> None:
    assert is_break(error) is goes_on
    assert resume_modes("restart", error, told("one"), may_continue=True) == (("restart",) if goes_on else ())


@pytest.mark.parametrize(
    ("mode", "sent", "may_continue", "ways"),
    [
        ("error", told("one"), True, ()),
        ("restart", told("one"), True, ("restart",)),
        ("restart", told(), False, ("restart",)),
        ("continue", told("one"), True, ("continue", "restart")),
        ("continue", told("one"), False, ("restart",)),
        ("continue", told(), True, ("restart",)),
        ("continue", told("one", thoughts=("hm",)), True, ("restart",)),
        ("restart", told("x" * (MOST_SENT + 1)), True, ()),
    ],
)
def test_the_ways_on(mode: MidStream, sent: SentAnswer, may_continue: bool, ways: tuple[str, ...]) -> None:
    assert resume_modes(mode, Cut("cut"), sent, may_continue=may_continue) == ways


def test_nothing_goes_on_once_it_is_closed() -> None:
    sent = told("one")
    sent.close()
    assert resume_modes("continue", Cut("cut"), sent, may_continue=True) == ()


def test_what_was_told_is_one_text_however_often_it_is_asked_for() -> None:
    sent = told("one ", "two ", thoughts=("h", "m"))
    assert (sent.text, sent.reasoning, sent.size) == ("one two ", "hm", 10)
    sent.say("three")
    assert (sent.text, sent.text) == ("one two three", "one two three")
    assert (told().text, told().size) == ("", 0)


# The seam


@given(st.text(min_size=1), st.integers(0, 200), st.lists(st.integers(0, 200), max_size=8))
def test_law_what_was_sent_and_what_is_new_are_the_whole_text_however_it_is_cut(
    text: str, broke_at: int, cuts: list[int]
) -> None:
    sent = text[: broke_at % (len(text) + 1)]
    retelling = ReplayFilter(sent)
    fresh = "".join([retelling.text(piece) for piece in cut_up(text, cuts)])
    retelling.other()
    assert sent + fresh == text


@given(st.text(min_size=1), st.text(), st.lists(st.integers(0, 200), max_size=8))
def test_law_another_text_is_never_shown_as_its_continuation(sent: str, other: str, cuts: list[int]) -> None:
    retelling = ReplayFilter(sent)
    fresh = ""
    try:
        for piece in cut_up(other, cuts):
            fresh += retelling.text(piece)
        retelling.other()
    except Diverged:
        assert not other.startswith(sent)
        assert fresh == ""
    else:
        assert sent + fresh == other


def test_a_piece_that_reaches_beyond_is_shown_from_there_on() -> None:
    retelling = ReplayFilter("Hello wor")
    assert [retelling.text(piece) for piece in ("Hel", "lo ", "", "world", "!")] == ["", "", "", "ld", "!"]


@pytest.mark.parametrize("pieces", [["Help"], ["Hel", "p"], ["Hello world? No", ""], ["Hello ", "World"]])
def test_at_the_first_difference_it_diverges(pieces: list[str]) -> None:
    retelling = ReplayFilter("Hello world!")
    with pytest.raises(Diverged) as caught:
        for piece in pieces:
            retelling.text(piece)
    assert caught.value.code == "stream_diverged"


def test_an_answer_that_ends_sooner_has_diverged() -> None:
    retelling = ReplayFilter("Hello world")
    retelling.text("Hello")
    with pytest.raises(Diverged):
        retelling.other()


def test_reasoning_is_a_text_of_its_own() -> None:
    retelling = ReplayFilter("4", reasoning="two and two")
    assert [retelling.reasoning(piece) for piece in ("two", " and two")] == ["", ""]
    assert [retelling.text(piece) for piece in ("4", ".")] == ["", "."]
    retelling.other()
    assert retelling.reasoning("more") == "more"


def test_an_answer_before_all_of_the_reasoning_has_lost_the_order() -> None:
    retelling = ReplayFilter("4", reasoning="two and two")
    retelling.reasoning("two")
    with pytest.raises(Diverged):
        retelling.text("4")
    with pytest.raises(Diverged):
        retelling.other()


def test_more_reasoning_than_was_sent_before_the_answer_has_lost_the_order() -> None:
    retelling = ReplayFilter("4", reasoning="two")
    with pytest.raises(Diverged):
        retelling.reasoning("two and two")
    assert ReplayFilter("", reasoning="two").reasoning("two and two") == " and two"


# Halves of characters


@given(
    st.text(alphabet=["a", "\N{GRINNING FACE}", "é"], max_size=6),
    st.lists(st.integers(0, 30), max_size=4),
    st.integers(0, 24),
)
def test_a_character_that_is_told_in_halves_is_the_same_character(text: str, cuts: list[int], end: int) -> None:
    units = text.encode("utf-16-le")
    at = 2 * (end % (len(units) // 2 + 1))
    said = units[:at].decode("utf-16-le", "surrogatepass")
    edges = [0, *sorted(2 * (cut % (len(units) // 2 + 1)) for cut in cuts), len(units)]
    retelling = ReplayFilter(said)
    fresh = [retelling.text(units[start:stop].decode("utf-16-le", "surrogatepass")) for start, stop in pairwise(edges)]
    assert "".join([said, *fresh]).encode("utf-16-le", "surrogatepass") == units


def test_half_of_a_character_is_not_handed_to_a_vendor_as_a_beginning() -> None:
    assert list(resume_modes("continue", Cut("cut"), told("a\ud83d"), may_continue=True)) == ["restart"]
    assert list(resume_modes("continue", Cut("cut"), told("a\ud83d", "\ude00"), may_continue=True)) == [
        "continue",
        "restart",
    ]


@pytest.mark.parametrize("sent", [told("x" * MOST_SENT, "y"), told("x", thoughts=("y" * MOST_SENT,))])
def test_an_answer_that_is_too_long_to_be_compared_with_is_not_kept(sent: SentAnswer) -> None:
    assert (sent.is_closed, sent.text, sent.reasoning) == (True, "", "")
