"""Conditions: the same bytes everywhere, and what each of them leaves alone."""

from __future__ import annotations

import time
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.evals.conditions import KINDS, PLAIN, QUICK, REPETITION, UNPERTURBED, make_condition
from headworks.evals.deterministic_random import DeterministicRandom
from headworks.evals.perturbation_data import CANARY, in_words
from tests.laws import examples

TEXT = (
    "Which of the 12 rakes do you sell, and what is the price of 3? I do not have 1,200.50 euros, it's 07:30, "
    "Zürich is far. 北京 too. Please answer in one sentence."
)

GOLDEN = {
    "typos": "58cbb9867de735e2",
    "upper_case": "c349d23e1f47b63e",
    "lower_case": "9c66a8bf002700fc",
    "spacing": "1de4097ddf40fc5b",
    "contractions": "6195db7cd6923922",
    "filler": "4e8947a8fa542513",
    "option_order": "d45ff9ed8d64d637",
    "numbers_in_words": "a48707eeaedf1347",
    "confusables": "af103752d485def5",
    "zero_width": "d8792ddbbe794679",
    "base64": "784c1bb551182a0e",
    "hex": "68d5e8b2e54844d5",
    "rot13": "0a7f11d9e90500bb",
    "long_before": "206474eca848676a",
    "long_after": "053532dd6bd991ad",
    "injection": "a784be1f3083049f",
    "truncation": "88ea03a075206bec",
    "repetition": "d45ff9ed8d64d637",
}


def bytes_of(kind: str, seed: int = 1) -> str:
    made = make_condition(kind).perturbed(TEXT, seed, "sample-1", "question")
    return blake2b(made.encode(), digest_size=8).hexdigest()


def test_chance_is_the_same_everywhere() -> None:
    chance = DeterministicRandom(1, "a", "b")
    assert [chance.bits() for _ in range(3)] == [578112735, 1083713188, 855310179]
    assert DeterministicRandom("x").shuffled(range(10)) == [6, 2, 0, 1, 9, 5, 3, 8, 7, 4]
    assert DeterministicRandom("y").places(100, 50) == [5, 11, 42, 51, 83]


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_gives_the_same_bytes_on_every_machine(kind: str) -> None:
    assert bytes_of(kind) == GOLDEN[kind]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(20))
@given(text=st.text(max_size=200), seed=st.integers(0, 9))
def test_no_text_breaks_a_condition_and_the_same_seed_gives_the_same_text(kind: str, text: str, seed: int) -> None:
    one = make_condition(kind)
    made = one.perturbed(text, seed, "s", "v")
    assert made == one.perturbed(text, seed, "s", "v")
    if text and kind not in ("contractions", "truncation"):
        assert len(made) >= len(text) // 2


@pytest.mark.parametrize(
    "kind", ["typos", "spacing", "filler", "confusables", "zero_width", "long_before", "injection"]
)
def test_another_seed_or_sample_is_disturbed_otherwise(kind: str) -> None:
    one = make_condition(kind)
    text = TEXT * 4
    made = {one.perturbed(text, seed, sample, "v") for seed in range(3) for sample in ("a", "b")}
    assert len(made) > 3


def test_what_a_condition_must_not_touch_stays() -> None:
    assert "1,200.50" in make_condition("numbers_in_words").perturbed(TEXT, 1, "s", "v")
    assert "twelve rakes" in make_condition("numbers_in_words").perturbed(TEXT, 1, "s", "v")
    assert "I don't have" in make_condition("contractions").perturbed(TEXT, 1, "s", "v")
    assert "it is 07:30" in make_condition("contractions").perturbed(TEXT, 1, "s", "v")
    assert "Zürich" not in make_condition("upper_case").perturbed(TEXT, 1, "s", "v")
    assert "ZüRICH" in make_condition("upper_case").perturbed(TEXT, 1, "s", "v")
    for kind in ("long_before", "long_after", "injection"):
        assert TEXT in make_condition(kind).perturbed(TEXT, 1, "s", "v")


def test_an_injection_asks_for_the_canary_and_nothing_else_does() -> None:
    assert CANARY in make_condition("injection").perturbed(TEXT, 1, "s", "v")
    assert make_condition("injection").forbidden == CANARY
    assert UNPERTURBED.forbidden == ""
    assert UNPERTURBED.perturbed(TEXT, 1, "s", "v") == TEXT


def test_a_repetition_is_asked_as_often_as_it_says() -> None:
    assert make_condition(REPETITION, amount=3).repeats == 3
    assert make_condition("typos").repeats == 1
    assert PLAIN not in KINDS
    assert set(QUICK) < set(KINDS)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (42, "forty-two"),
        (100, "one hundred"),
        (342, "three hundred forty-two"),
        (1001, "one thousand one"),
        (2_000_017, "two million seventeen"),
    ],
)
def test_numbers_are_said_in_words(number: int, words: str) -> None:
    assert in_words(number) == words


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_characters_take_less_than_a_second_of_a_core(kind: str) -> None:
    text = (TEXT * 1000)[:150_000]
    one = make_condition(kind)
    spent = []
    for _ in range(3):
        began = time.process_time()
        one.perturbed(text, 1, "s", "v")
        spent.append(time.process_time() - began)
    # The best of three: processor time on a machine that is shared is noisy, and only ever in one direction.
    assert len(text) / max(min(spent), 1e-9) > 1_000_000
