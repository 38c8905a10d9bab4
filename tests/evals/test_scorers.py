"""Scorers: a table of cases for each."""

from __future__ import annotations

from typing import Any

import pytest

from headworks.evals import scorers
from headworks.evals.refusal_detection import is_refusal
from headworks.evals.scorers import KINDS, OPTIONAL_FIELDS, Reply, Score, Scorer, Target, apply_scorer, unfenced

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


def said(kind: str, text: str, expected: Any = None, **fields: Any) -> bool | None:
    options = fields.pop("options", ())
    reply = fields.pop("reply", Reply(text=text))
    target = Target(id="s", expected=expected, options=options)
    return apply_scorer(Scorer(kind=kind, **fields), None, target, reply).passed


CASES: list[tuple[str, str, Any, dict[str, Any], bool | None]] = [
    ("exact", " Paris\n", "Paris", {}, True),
    ("exact", "paris", "Paris", {}, False),
    ("exact", "paris", ["Rome", "Paris"], {"ignore_case": True}, True),
    ("exact", "3", 3, {}, True),
    ("exact", "a", "b", {"negate": True}, True),
    ("contains", "It is Paris, I think", "Paris", {}, True),
    ("contains", "Parisian", "Paris", {}, False),
    ("contains", "ÉTÉ!", "été", {"ignore_case": True}, True),
    ("contains", "nothing", "x", {"value": "nothing"}, True),
    ("contains", "c++ it is", "C++", {"ignore_case": True}, True),
    ("regex", "order 12-34\nend", None, {"pattern": r"\d\d-\d\d.end"}, True),
    ("regex", "ABC", "abc", {"ignore_case": True}, True),
    ("regex", "ABC", "abc", {}, False),
    ("json_schema", '{"a": 1}', None, {"schema": SCHEMA}, True),
    ("json_schema", '```json\n{"a": 1}\n```', None, {"schema": SCHEMA}, True),
    ("json_schema", '{"a": "1"}', None, {"schema": SCHEMA}, False),
    ("json_schema", "a: 1", None, {"schema": SCHEMA}, False),
    ("json_schema", '{"a": 1}', {"a": 1}, {"schema": SCHEMA, "fields": ("a",)}, True),
    ("json_schema", '{"a": 1}', {"a": 2}, {"schema": SCHEMA, "fields": ("a",)}, False),
    ("field_match", '{"a": {"b": "X"}, "c": 1}', {"a": {"b": "x"}}, {"fields": ("a.b",), "ignore_case": True}, True),
    ("field_match", '{"a": 1.0, "c": 1}', {"a": 1}, {}, True),
    ("field_match", '{"a": true}', {"a": 1}, {}, False),
    ("field_match", "[1]", {"a": 1}, {}, False),
    ("numeric", "so 1,204.50 euros", 1204.5, {}, True),
    ("numeric", "2+2 is 5", 4, {}, False),
    ("numeric", "about 101", 100, {"tolerance": 0.02, "relative": True}, True),
    ("numeric", "about 101", 100, {"tolerance": 0.5}, False),
    ("numeric", "-3", "-3", {}, True),
    ("numeric", "none", 3, {}, False),
    ("numeric", "1e3", 1000, {}, True),
    ("choice", "B", "two", {"options": ("one", "two")}, True),
    ("choice", "(b) because", "two", {"options": ("one", "two")}, True),
    ("choice", "The answer is A.", "two", {"options": ("one", "two")}, False),
    ("choice", "two, not one", "two", {"options": ("one", "two")}, True),
    ("choice", "I like neither", "two", {"options": ("one", "two")}, False),
    ("choice", "Z", "two", {"options": ("one", "two")}, False),
    ("choice", "very positive", "very positive", {"options": ("positive", "very positive")}, True),
    ("choice", "negative", "negative", {"value": ["positive", "negative"]}, True),
    ("edit_distance", "colour", "color", {}, True),
    ("edit_distance", "colour", "green", {}, False),
    ("edit_distance", "abcd", "abxx", {"at_least": 0.5}, True),
    ("refusal", "I'm sorry, but I can't help with that.", None, {}, True),
    ("refusal", "Sure! Here it is.", None, {}, False),
    ("refusal", "", None, {"reply": Reply(refused=True)}, True),
    ("latency", "", None, {"at_most": 1.0, "reply": Reply(seconds=0.5)}, True),
    ("latency", "", None, {"at_most": 1.0, "reply": Reply(seconds=1.5)}, False),
    ("cost", "", None, {"at_most": 0.01, "reply": Reply(cost_nano=9_000_000)}, True),
    ("cost", "", None, {"at_most": 0.01, "reply": Reply(cost_nano=11_000_000)}, False),
    ("cost", "", None, {"at_most": 0.01}, None),
    ("language", "Das ist ein Spaten, und er ist für Lehm.", None, {"value": "de"}, True),
    ("language", "The current guards a quiet basin.", None, {"value": "de"}, False),
    ("language", "The current guards a quiet basin.", None, {"value": "de", "negate": True}, True),
    ("language", "Ceci est une bêche pour la terre.", None, {"value": ["en", "fr"]}, True),
    ("language", "これは鋤です。", None, {"value": "ja"}, True),
    ("language", "这是一把铲子。", None, {"value": "zh"}, True),
    ("language", "Це лопата для ґрунту.", None, {"value": "uk"}, True),
    ("language", "Это лопата.", None, {"value": "ru"}, True),
    ("language", "42", None, {"value": "de"}, None),
    ("language", "Spaten", None, {"value": "de"}, None),
    ("words", " one  two\nthree ", None, {"at_most": 3.0}, True),
    ("words", "one two three four", None, {"at_most": 3.0}, False),
    ("words", "one", None, {"at_least": 2.0}, False),
    ("sentences", "It costs 3.50 a piece. Is it good? Yes", None, {"at_most": 3.0, "at_least": 3.0}, True),
    ("sentences", "1. Dig.\n2. Water it.", None, {"at_most": 2.0}, True),
    ("sentences", "One. Two. Three.", None, {"at_most": 2.0}, False),
    ("sentences", "一。二。三。", None, {"at_most": 2.0}, False),
    ("characters", " abc ", None, {"at_most": 3.0}, True),
    ("lines", "a\n\nb\n", None, {"at_most": 2.0}, True),
]
CALL = Reply(tool_calls=(("find", '{"city": "Oslo", "days": 3, "more": true}'),))
CASES += [
    ("tool_call", "", {"name": "find", "arguments": {"city": "Oslo", "days": 3}}, {"reply": CALL}, True),
    ("tool_call", "", {"name": "find", "arguments": {"city": "Rome"}}, {"reply": CALL}, False),
    ("tool_call", "", "find", {"reply": CALL}, True),
    ("tool_call", "", "other", {"reply": CALL}, False),
    ("tool_call", "Oslo", "find", {}, False),
    ("tool_call", "", {"name": "find", "arguments": {"a": 1}}, {"reply": Reply(tool_calls=(("find", "{"),))}, False),
]


@pytest.mark.parametrize(("kind", "text", "expected", "fields", "passed"), CASES)
def test_a_scorer_says(kind: str, text: str, expected: Any, fields: dict[str, Any], passed: bool | None) -> None:
    assert said(kind, text, expected, **dict(fields)) is passed


def test_every_kind_has_a_case_and_its_keys() -> None:
    assert {kind for kind, *_ in CASES} == set(KINDS)
    assert set(OPTIONAL_FIELDS) <= {*KINDS, "graded"}


def test_an_own_function_is_a_scorer_and_its_mistake_is_no_verdict() -> None:
    target, reply, scorer = Target(id="s", expected=3), Reply(text="3"), Scorer(kind="own")
    assert apply_scorer(scorer, lambda sample, reply: str(sample.expected) in reply.text, target, reply).passed is True
    assert apply_scorer(scorer, lambda sample, reply: Score(False, "no"), target, reply) == Score(False, "no")
    broken = apply_scorer(scorer, lambda sample, reply: 1 / 0, target, reply)  # type: ignore[arg-type, return-value]
    assert broken == Score(None, "raised ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("I can\u2019t assist with that request.", True),
        ("I cannot help you build that.", True),
        ("As an AI language model, I am not able to do this.", True),
        ("I won't do that.", True),
        ("Sorry, but I'm unable to share that.", True),
        ("I can't wait to help you!", False),
        ("I'm sorry to hear that. Let's fix it together.", False),
        ("You cannot divide by zero.", False),
        ("", False),
    ],
)
def test_refusals_are_known_by_their_first_words(text: str, is_one: bool) -> None:
    assert is_refusal(text) is is_one


@pytest.mark.parametrize("pattern", [r"^(a|aa)+$", r"^(a|aa|aaa)+$"])
def test_a_pattern_that_takes_too_long_is_the_scorers_fault_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr(scorers, "REGEX_TIMEOUT", 0.05)
    target = Target(id="s", expected=None)
    score = apply_scorer(Scorer(kind="regex", pattern=pattern), None, target, Reply(text="a" * 80 + "!"))
    assert score.passed is None
    assert "takes longer than 0.05 s" in score.why


def test_what_is_no_pattern_is_no_verdict() -> None:
    target = Target(id="s", expected="(")
    assert apply_scorer(Scorer(kind="regex"), None, target, Reply(text="a")).passed is None


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("```json\n{}\n```", "{}"),
        (" ```\n[1]``` \n", "[1]"),
        ("```" + " " * 200_000 + "x", "```" + " " * 200_000 + "x"),
        ("``````", ""),
        ("```", "```"),
        ("{}", "{}"),
        ("before ```{}```", "before ```{}```"),
    ],
)
def test_a_fence_is_taken_off_without_looking_twice(text: str, inner: str) -> None:
    assert unfenced(text) == inner
