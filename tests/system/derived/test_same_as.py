"""Further names of an alias: what they mean, and what no file may say of them."""

import pytest

from headworks.system.derived.same_as import MOST_LISTED, SameAs
from tests.system.files import examined, right

SYSTEM = """
version: 1
providers: {sim: {dialect: simulated}}
models:
  assistant: sim/a
  small: sim/b
"""

NAMES = SameAs(
    ["assistant", "small", "claude-own"],
    {"claude-*": "assistant", "claude-*-haiku": "small", "gpt-5": "small", "*": "assistant"},
)


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("assistant", "assistant"),
        ("claude-own", "claude-own"),
        ("gpt-5", "small"),
        ("claude-opus", "assistant"),
        ("claude-", "assistant"),
        ("claude-3-haiku", "small"),
        ("claude-haiku", "assistant"),
        ("gpt-5-mini", "assistant"),
        ("", "assistant"),
    ],
)
def test_a_name_is_itself_then_exact_then_of_the_longest_pattern(name: str, alias: str) -> None:
    assert NAMES.alias(name) == alias


def test_a_pattern_has_a_place_for_both_its_ends() -> None:
    assert SameAs(["a"], {"ab*ba": "a"}).alias("aba") == "aba"


def test_only_names_that_mean_something_are_listed_and_a_bounded_number_of_them() -> None:
    names = SameAs(["assistant"], {"claude-*": "assistant", "gpt-5": "assistant"})
    assert names.listed(["claude-opus", "gemini-3", "assistant"]) == ["gpt-5", "claude-opus"]
    assert len(names.listed(f"claude-{number}" for number in range(9999))) == MOST_LISTED


def test_the_file_says_it_under_models_and_nothing_else_counts_such_a_name_as_a_model() -> None:
    system = right(SYSTEM + "  'claude-*': {same_as: assistant}\n  gpt-5: {same_as: small}\n")
    assert list(system.models) == ["assistant", "small"]
    assert system.same_as == {"claude-*": "assistant", "gpt-5": "small"}
    assert system.digest != right(SYSTEM).digest


def test_a_prompt_may_have_another_name() -> None:
    text = SYSTEM + "  summary: {same_as: prompt/short}\nprompts: {short: {file: p.md, model: small}}\n"
    _, findings = examined(text)
    assert [one.path for one in findings.errors] == ["prompts.short.file"], "only the file that is not there"


@pytest.mark.parametrize(
    ("lines", "path", "said"),
    [
        ("  other: {same_as: assistent}", "models.other.same_as", "assistant"),
        ("  one: {same_as: two}\n  two: {same_as: small}", "models.one.same_as", "itself another name"),
        ("  other: {same_as: small, balance: fastest}", "models.other.balance", "would do nothing"),
        ("  '*-*': {same_as: small}", 'models["*-*"]', "more than one"),
        ("  'claude-*': sim/a", 'models["claude-*"]', "targets of its own"),
        ("  other: {balance: fastest}", "models.other.targets", "missing"),
        ("  other: {same_as: small}\nkeys: {web: {key: k-0123456789-0123456789, models: [other]}}", "keys.web.models[0]", "no model"),
    ],
)  # fmt: skip
def test_what_it_cannot_mean_is_told_at_its_place(lines: str, path: str, said: str) -> None:
    _, findings = examined(SYSTEM + lines + "\n")
    [wrong] = [one for one in findings.errors if one.path == path]
    assert said in f"{wrong.problem} {wrong.remedy}"
    assert wrong.line > 0
