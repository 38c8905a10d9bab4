"""Text that comes in pieces, halves of surrogate pairs among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.text import is_well_formed, joined, utf8_size, well_formed

FACE = "\N{GRINNING FACE}"
PIECES = st.lists(st.sampled_from(["a", "é", FACE, "\ud83d", "\ude00", ""]), max_size=6)


@given(PIECES)
def test_pieces_are_one_text_in_which_halves_that_meet_are_a_character(pieces: list[str]) -> None:
    text = joined(pieces)
    assert "\ud83d\ude00" not in text
    assert text.encode("utf-16-le", "surrogatepass") == "".join(pieces).encode("utf-16-le", "surrogatepass")
    assert is_well_formed(well_formed(text))
    assert is_well_formed(text) == (well_formed(text) == text)
    assert utf8_size(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [(["a\ud83d", "\ude00b"], f"a{FACE}b"), (["\ud83d"], "\ud83d"), ([FACE, "\ude00"], f"{FACE}\ude00")],
)
def test_a_half_that_stays_alone_stays_a_half(pieces: list[str], text: str) -> None:
    assert joined(pieces) == text


def test_a_half_that_stays_alone_is_replaced_where_others_read_it() -> None:
    assert well_formed("a\ud83d") == "a\N{REPLACEMENT CHARACTER}"
