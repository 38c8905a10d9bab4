"""`choices:` is strict: each path leads somewhere, each value can be read where it is to be put, and what is wrong is told at its place."""

import pytest

from headworks.system.reference.json_schema import json_schema
from tests.system.files import odd, right, wrong
from tests.system.shapes import admits

FILE = """\
providers: {v: {dialect: simulated}, w: {dialect: simulated}}
models:
  a: {targets: [v]}
  "gpt-4.1": v/x
"""
RIGHT = """\
choices:
  targets:
    a: [v, w/other]
    "gpt-4.1": {any_of: [v, {provider: w, expect: {availability: 99%}}], at_least: 1, at_most: 2, weights: [1, 3]}
  vary:
    models.a.retry.attempts: [1, 3]
    models["gpt-4.1"].mid_stream: [error, restart]
    providers.v.concurrency: [10, 1k]
    models.a.cache: [{}, {exact: 1h}]
  prices:
    - {of: providers.w, costs: $2.10, per: 1h}
    - {of: providers.v, at_least: $500}
    - {of: providers.v.concurrency, costs: $40, each: 10}
    - {of: models.a.mid_stream, costs: $5, when: restart}
"""


def test_what_may_vary_is_read_as_it_is_written() -> None:
    choices = right(FILE + RIGHT).choices
    assert choices is not None
    assert [bytes(one) for one in choices.targets["a"].any_of] == [b'"v"', b'"w/other"']
    assert choices.targets["gpt-4.1"].weights == (1.0, 3.0)
    assert [bytes(one) for one in choices.vary["models.a.retry.attempts"]] == [b"1", b"3"]
    assert [one.per for one in choices.prices] == [3600.0, 2592000.0, 2592000.0, 2592000.0]


def test_a_provider_that_only_a_choice_names_is_used() -> None:
    assert [line for line in odd(FILE) if "no model uses this provider" in line]
    assert odd(FILE + RIGHT) == []
    assert odd(FILE + "choices: {vary: {models.a.targets: [v, [[w, v]]]}}\n") == []


def test_the_digest_is_that_of_the_file_without_choices() -> None:
    assert right(FILE + RIGHT).digest == right(FILE).digest


def test_editors_take_it() -> None:
    schema = json_schema()
    choices = {"targets": {"a": ["v", {"provider": "w"}]}, "vary": {"models.a.retry.attempts": [1, 3]}}
    whole = {"providers": {"v": {"dialect": "simulated"}}, "models": {"a": "v"}, "choices": choices}
    assert admits(schema, whole, schema)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ("vary: {models.b.retry.attempts: [1]}", "choices.vary[\"models.b.retry.attempts\"]: there is no `models.b` -> models of this file: a, gpt-4.1"),
        ("vary: {models.a.retri.attempts: [1]}", "the key `retri` is not known -> did you mean `retry`?"),
        ("vary: {models.a.retry.attempts: [many]}", "models.a.retry.attempts: `many` is not a count"),
        ("vary: {models.a.mid_stream: [error, later]}", "5:47 models.a.mid_stream: `later` is not known"),
        ("vary: {models.a.mid_stream: []}", "there is no value"),
        ("vary: {requirements.traffic.peak_rps: [1]}", "`requirements.traffic.peak_rps` cannot vary"),
        ("vary: {providers: [1]}", "`providers` cannot vary"),
        ("vary: {models..a: [1]}", "`models..a` is not the path of a setting"),
        ("vary: {models.a.mid_stream.x: [1]}", "expected a single value, not a map"),
        ("vary: {\"models.a.targets[7].weight\": [1]}", "there is no `models.a.targets[7]` with keys in it"),
        ("vary: {models.a.retry: [{}], models.a.retry.attempts: [1]}", "`models.a.retry.attempts` is a part of `models.a.retry`"),
        ("targets: {b: [v]}", "there is no `models.b`"),
        ("targets: {a: [v, z/m]}", "there is no provider `z` -> providers of this file: v, w"),
        ("targets: {a: [v, {provider: w, wait: 3}]}", "the key `wait` is not known"),
        ("targets: {a: {any_of: [v, w], at_most: 3}}", "of 2 targets at least 1 and at most 3 cannot be chosen"),
        ("targets: {a: [v, w]}, vary: {\"models.a.targets[0].weight\": [1]}", "`models.a.targets[0].weight` is a part of `models.a.targets`"),
        ("targets: {a: {any_of: [v/1, v/2, v/3, v/4, v/5, v/6, v/7, v/8]}}", "can be put in 109600 orders"),
        ("prices: [{of: providers.v}]", "it has neither or both of `costs` and `at_least`"),
        ("prices: [{of: providers.v, costs: $1, per: 0s}]", "`0s` is too small"),
        ("prices: [{of: providers.x, costs: $1}]", "there is no `providers.x`"),
        ("prices: [{of: models.a, at_least: $1, each: 1}]", "`at_least` is about the calls of a provider"),
        ("prices: [{of: providers.v, costs: $1, each: 3}]", "`each` and `when` are about a setting"),
        ("prices: [{of: providers.v.concurrency, costs: $1}]", "it is not said when it is paid"),
        ("vary: {models.a.retry.attempts: [" + ", ".join(map(str, range(1, 202))) + "]}", "there are 201 values"),
        ("more: 1", "the key `more` is not known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(choices: str, said: str) -> None:
    errors = wrong(f"{FILE}choices: {{{choices}}}\n")
    assert said in errors[0]
    assert errors[0].startswith("5:")


def test_a_file_that_is_wrong_itself_is_told_first() -> None:
    [error] = wrong(
        "providers: {v: {dialect: simulated}}\nmodels: {a: {targets: [v], mid_stream: now}}\nchoices: {vary: {models.a.x: [1]}}\n"
    )
    assert "`now` is not known" in error
