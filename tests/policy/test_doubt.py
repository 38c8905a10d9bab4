"""A refusal that may follow from one call's own body is proven by another caller, never by one alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.policy.doubt import LASTING, Doubt


def test_another_caller_proves_what_the_first_one_met() -> None:
    doubt = Doubt()
    assert not doubt.is_proven("ann", 1.0)
    assert not doubt.is_proven("ann", 2.0)
    assert doubt.is_proven("bob", 3.0)


@settings(max_examples=25)
@given(times=st.lists(st.floats(0, 1e6), max_size=20), caller=st.sampled_from(["", "ann"]))
def test_law_one_caller_alone_proves_nothing(times: list[float], caller: str) -> None:
    doubt = Doubt()
    assert not any(doubt.is_proven(caller, at) for at in sorted(times))


def test_who_is_not_known_by_a_key_is_nobodys_other_caller() -> None:
    doubt = Doubt()
    assert not doubt.is_proven("ann", 1.0)
    assert not doubt.is_proven("", 2.0)
    assert doubt.caller == "ann"


def test_an_answer_in_between_takes_the_doubt_away() -> None:
    doubt = Doubt()
    doubt.is_proven("ann", 1.0)
    doubt.clear("chat")
    assert not doubt.is_proven("bob", 2.0)
    assert doubt.is_proven("ann", 3.0)


def test_a_doubt_does_not_last_for_ever() -> None:
    doubt = Doubt()
    doubt.is_proven("ann", 1.0)
    assert not doubt.is_proven("bob", 2.0 + LASTING)
    assert doubt.is_proven("ann", 3.0 + LASTING)
    doubt = Doubt()
    doubt.is_proven("ann", 1.0)
    assert not doubt.is_proven("ann", 2.0 + LASTING)
    assert doubt.is_proven("bob", 3.0 + LASTING)


def test_a_target_that_answers_one_operation_is_no_worse_for_refusing_another() -> None:
    doubt = Doubt()
    assert doubt.is_of("chat")
    assert doubt.is_of("embeddings")
    doubt.clear("embeddings")
    assert not doubt.is_of("chat")
    assert doubt.is_of("embeddings")
    doubt.clear("chat")
    assert doubt.is_of("chat")
