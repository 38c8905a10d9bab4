"""Whose kept answers are nobody's any more."""

from __future__ import annotations

import pytest

from headworks.policy.tombstones import Tombstones


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
    purged = Tombstones()
    purged.add("ann", 50.0)
    purged.add("ann", 100.0)
    assert len(purged) == 1
    assert purged.covers(user, asked_at) is expected


def test_nothing_is_covered_without_a_mark() -> None:
    assert not Tombstones().covers("ann", 0.0)
    assert not Tombstones().covers(None, 0.0)


def test_all_is_covered_as_long_as_nobody_knows_the_marks() -> None:
    purged = Tombstones()
    purged.is_known = False
    assert purged.covers("ann", 1e12)


def test_a_mark_that_had_to_go_covers_everybody_before_it() -> None:
    purged = Tombstones(most=2)
    for number, user in enumerate(("ann", "bob", "eve"), 1):
        purged.add(user, number * 100.0)
    assert len(purged) == 2
    assert purged.covers("ann", 99.0)
    assert purged.covers("joe", 99.0)
    assert not purged.covers("joe", 100.0)
    assert purged.covers("eve", 299.0)
