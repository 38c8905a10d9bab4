"""A refusal that may follow from one call's own body is proven by another caller, never by one alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.policy.suspicion import LASTING, Suspicion


def test_another_caller_proves_what_the_first_one_met() -> None:
    suspicion = Suspicion()
    assert not suspicion.is_confirmed("ann", 1.0)
    assert not suspicion.is_confirmed("ann", 2.0)
    assert suspicion.is_confirmed("bob", 3.0)


@settings(max_examples=25)
@given(times=st.lists(st.floats(0, 1e6), max_size=20), caller=st.sampled_from(["", "ann"]))
def test_law_one_caller_alone_proves_nothing(times: list[float], caller: str) -> None:
    suspicion = Suspicion()
    assert not any(suspicion.is_confirmed(caller, at) for at in sorted(times))


def test_who_is_not_known_by_a_key_is_nobodys_other_caller() -> None:
    suspicion = Suspicion()
    assert not suspicion.is_confirmed("ann", 1.0)
    assert not suspicion.is_confirmed("", 2.0)
    assert suspicion.caller == "ann"


def test_an_answer_in_between_takes_the_doubt_away() -> None:
    suspicion = Suspicion()
    suspicion.is_confirmed("ann", 1.0)
    suspicion.clear("chat")
    assert not suspicion.is_confirmed("bob", 2.0)
    assert suspicion.is_confirmed("ann", 3.0)


def test_a_doubt_does_not_last_for_ever() -> None:
    suspicion = Suspicion()
    suspicion.is_confirmed("ann", 1.0)
    assert not suspicion.is_confirmed("bob", 2.0 + LASTING)
    assert suspicion.is_confirmed("ann", 3.0 + LASTING)
    suspicion = Suspicion()
    suspicion.is_confirmed("ann", 1.0)
    assert not suspicion.is_confirmed("ann", 2.0 + LASTING)
    assert suspicion.is_confirmed("bob", 3.0 + LASTING)


def test_a_target_that_answers_one_operation_is_no_worse_for_refusing_another() -> None:
    suspicion = Suspicion()
    assert suspicion.is_of("chat")
    assert suspicion.is_of("embeddings")
    suspicion.clear("embeddings")
    assert not suspicion.is_of("chat")
    assert suspicion.is_of("embeddings")
    suspicion.clear("chat")
    assert suspicion.is_of("chat")
