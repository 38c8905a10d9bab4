"""The command of the README may never fail by chance: the suite's examples follow from the code alone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings

from tests.e2e.running import PORTS, free_port
from tests.laws import examples

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def test_the_suite_draws_the_same_examples_each_time_and_remembers_nothing() -> None:
    suite = settings.get_profile("headworks")
    assert (suite.derandomize, suite.database, suite.deadline) == (True, None, None)


def test_the_search_draws_fifteen_hundred_of_a_seed_that_is_said() -> None:
    search = settings.get_profile("soak")
    assert (search.derandomize, search.database, search.max_examples) == (False, None, 1500)
    text = MAKEFILE.read_text()
    assert "--hypothesis-profile=soak --hypothesis-seed=$(SEED)" in text
    assert "again by: make soak SEED=$(SEED)" in text


def test_a_law_with_few_examples_has_as_many_as_the_others_in_a_search() -> None:
    searched = settings().max_examples
    assert examples(30) == (30 if searched == 100 else searched)


def test_a_port_is_given_once_and_is_none_of_the_kernels_own() -> None:
    found = [free_port() for _ in range(5)]
    assert len(set(found)) == 5
    assert all(port in PORTS for port in found)
