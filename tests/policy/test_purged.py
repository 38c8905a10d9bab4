"""Whose kept answers are nobody's any more."""

from __future__ import annotations

import pytest

from headworks.policy.purged import Purged


@pytest.mark.parametrize(
    ("user", "asked_at", "expected"),
    [
        ("ann", 99.0, True),
        ("ann", 100.0, False),
        ("bob", 10.0, False),
        ("", 10.0, False),
        (None, 99.0, True),
        (None, 101.0, False),
    ],
)
def test_what_a_user_was_answered_before_the_purge_is_covered(
    user: str | None, asked_at: float, expected: bool
) -> None:
    purged = Purged()
    purged.mark("ann", 50.0)
    purged.mark("ann", 100.0)
    assert len(purged) == 1
    assert purged.covers(user, asked_at) is expected


def test_nothing_is_covered_without_a_mark() -> None:
    assert not Purged().covers("ann", 0.0)
    assert not Purged().covers(None, 0.0)


def test_all_is_covered_as_long_as_nobody_knows_the_marks() -> None:
    purged = Purged()
    purged.is_known = False
    assert purged.covers("ann", 1e12)


def test_a_mark_that_had_to_go_covers_everybody_before_it() -> None:
    purged = Purged(most=2)
    for number, user in enumerate(("ann", "bob", "eve"), 1):
        purged.mark(user, number * 100.0)
    assert len(purged) == 2
    assert purged.covers("ann", 99.0)
    assert purged.covers("joe", 99.0)
    assert not purged.covers("joe", 100.0)
    assert purged.covers("eve", 299.0)
