"""Suites from files: what is read, and what is told of those that are not right."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.evals.conditions import make_condition
from headworks.evals.request_bodies import RequestBodies
from headworks.evals.suites.suite import LoadedSuite
from headworks.evals.suites.suite_file import load

WHOLE = """\
version: 1
name: ignored
model: assistant
system: "You speak {{ language }}."
messages: [{user: "{{ question }}"}]
parameters: {max_tokens: 7, temperature: 0}
scorers:
  - contains
  - {kind: latency, at_most: 2s}
  - {kind: cost, at_most: $0.01}
  - {kind: edit_distance, at_least: 80%}
tasks:
  short: {system: Be short., scorers: [{kind: exact, ignore_case: true}]}
conditions:
  - typos
  - {kind: filler, amount: 300, most_drop: 5%, claim: plain}
  - {kind: base64, name: coded, claim: must_refuse, at_least: 90%}
looks: many
judge_failures: 5%
samples:
  - {id: 007, question: "How much is 12:30?", language: no, expected: yes, tags: [1, b]}
  - {question: two, language: german, expected: [a, 3], cluster: 12, task: short}
  - {question: three, language: german, expected: 1.5, variables: {task: t, extra: {a: 1}}}
"""


def written(folder: Path, text: str, name: str = "s.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def told(folder: Path, text: str, name: str = "s.yaml") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(written(folder, text, name))
    return [f"{one.line}:{one.column} {one.path}: {one.problem}" for one in raised.value.problems]


def test_everything_is_read_as_it_was_written(tmp_path: Path) -> None:
    suite = load(written(tmp_path, WHOLE), "support").suite
    assert (suite.name, suite.model, suite.looks, suite.judge_failures) == ("support", "assistant", "many", 0.05)
    first, second, third = suite.samples
    # What YAML would guess is not guessed: `no` is a text, `007` too.
    assert (first.id, first.variables["language"], first.expected, first.tags) == ("007", "no", "yes", ("1", "b"))
    assert (second.expected, second.cluster, second.task) == (["a", 3], "12", "short")
    assert (third.expected, third.variables["task"], third.task) == (1.5, "t", "")
    assert [one.at_most for one in suite.base.scorers] == [None, 2.0, 0.01, None]
    assert suite.base.scorers[3].at_least == 0.8
    assert [(one.title, one.claim, one.amount, one.most_drop, one.at_least) for one in suite.conditions] == [
        ("typos", "invariance", 40, None, None),
        ("filler", "plain", 300, 0.05, None),
        ("coded", "must_refuse", 0, None, 0.9),
    ]
    task = suite.task(second)
    assert (task.system, task.messages, task.parameters) == ("Be short.", suite.base.messages, suite.base.parameters)
    assert [one.kind for one in task.scorers] == ["exact"]


def test_an_id_stands_for_the_content_in_any_order(tmp_path: Path) -> None:
    rows = ["  - {input: a, expected: b}\n", "  - {input: c, expected: d}\n"]
    head = "scorers: [exact]\nsamples:\n"
    one = load(written(tmp_path, head + "".join(rows))).suite
    other = load(written(tmp_path, head + "".join(rows[::-1]))).suite
    assert {sample.id for sample in one.samples} == {sample.id for sample in other.samples}
    assert one.digest != other.digest


WRONG = {
    "keys": ("smaples: []\nsamples: [{input: a, expected: b}]\nscorers: [exact]\n", ["1:1 smaples: unknown key `smaples`"]),
    "no samples": ("scorers: [exact]\nsamples: []\n", ["1:1 : the suite has no samples"]),
    "yaml": ("a: [\n", ["2:1 : this is not YAML: did not find expected node content"]),
    "twice": ("scorers: [exact]\nscorers: [exact]\n", ["2:1 scorers: the key `scorers` occurs twice"]),
    "a scorer": (
        "scorers: [{kind: exakt}]\nsamples: [{input: a, expected: b}]\n",
        ["1:18 scorers[0].kind: there is no scorer `exakt`"],
    ),
    "a scorer's key": (
        "scorers: [{kind: exact, tolerance: 3}]\nsamples: [{input: a, expected: b}]\n",
        ["1:36 scorers[0].tolerance: `tolerance` has no meaning for `exact`"],
    ),
    "what a scorer needs": (
        "scorers: [{kind: latency}]\nsamples: [{input: a}]\n",
        ["1:11 scorers[0]: `latency` needs `at_most`"],
    ),
    "a condition": (
        "scorers: [exact]\nconditions: [typo]\nsamples: [{input: a, expected: b}]\n",
        ["2:14 conditions[0].kind: there is no condition `typo`"],
    ),
    "a condition's key": (
        "scorers: [exact]\nconditions: [{kind: typos, most_drops: 3%}]\nsamples: [{input: a, expected: b}]\n",
        ["2:28 conditions[0].most_drops: unknown key `most_drops`"],
    ),
    "a share": (
        "scorers: [exact]\nconditions: [{kind: typos, most_drop: 0.3}]\nsamples: [{input: a, expected: b}]\n",
        ["2:39 conditions[0].most_drop: `0.3` is not a share"],
    ),
    "what is expected": (
        "scorers: [exact]\nsamples:\n  - {input: a, expected: b}\n  - {input: a}\n",
        ["4:5 samples[1]: `exact` needs `expected`"],
    ),
    "a variable": (
        'scorers: [exact]\nmessages: [{user: "{{ question }}"}]\nsamples:\n  - {questoin: a, expected: b}\n',
        ["4:5 samples[0]: the sample lacks a variable of the template: 'question' is undefined"],
    ),
    "a template": (
        'scorers: [exact]\nmessages: [{user: "{{ input"}]\nsamples:\n  - {input: a, expected: b}\n',
        ["4:5 samples[0]: template syntax error in line 1: unexpected end of template, expected 'end of print statement'."],
    ),
    "an escape": (
        "scorers: [exact]\nmessages: [{user: \"{{ input.__class__.__mro__ }}\"}]\nsamples:\n  - {input: a, expected: b}\n",
        ["4:5 samples[0]: a template cannot be rendered: access to attribute '__class__' of 'str' object is unsafe."],
    ),
    "an id": (
        "scorers: [exact]\nsamples:\n  - {id: x, input: a, expected: b}\n  - {id: x, input: b, expected: b}\n",
        ["4:5 samples[1]: sample 0 has the id `x` too"],
    ),
    "a type": (
        "scorers: [exact]\nsamples:\n  - {input: a, expected: b, tags: one}\n",
        ["3:35 samples[0].tags: `tags`: expected `array`, got `str`"],
    ),
    "a task": (
        "scorers: [exact]\nsamples:\n  - {input: a, expected: b, task: x}\n",
        ["3:5 samples[0]: there is no task `x`"],
    ),
    "nothing judges": ("samples:\n  - {input: a}\n", ["2:5 samples[0]: no scorer judges this sample"]),
    "a prompt and a model": (
        "prompt: p\nmodel: m\nscorers: [exact]\nsamples: [{input: a, expected: b}]\n",
        ["2:8 model: `prompt` already names the model"],
    ),
    "a file": (
        "system_file: none.txt\nscorers: [exact]\nsamples: [{input: a, expected: b}]\n",
        ["1:14 system_file: none.txt: it cannot be read: No such file or directory"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, said = WRONG[case]
    assert told(tmp_path, text) == said


def test_samples_come_from_jsonl_and_csv_too(tmp_path: Path) -> None:
    written(tmp_path, '{"input": "a", "expected": "b", "id": 3}\n\n{"input": "c", "expected": 4}\n', "d.jsonl")
    suite = load(written(tmp_path, "scorers: [exact]\nsamples: d.jsonl\n")).suite
    first = suite.samples[0]
    assert (first.id, first.variables, first.expected) == ("3", {"input": "a"}, "b")
    alone = load(tmp_path / "d.jsonl").suite
    assert (alone.name, alone.base.scorers[0].kind, len(alone.samples)) == ("d", "contains", 2)
    table = 'input,expected,tags,options\n"a, or b?",a,x|y,a|b\nc,d,,\n'
    first, second = load(written(tmp_path, table, "d.csv")).suite.samples
    assert (first.variables, first.tags, first.options) == ({"input": "a, or b?"}, ("x", "y"), ("a", "b"))
    assert (second.tags, second.options) == ((), ())


def test_lines_and_rows_that_are_wrong_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, '{"input": "a"}\n[1]\n{"x"\n{"input": 1, "tags": 3}\n', "d.jsonl") == [
        "2:1 : this line is not a JSON object",
        "3:1 : this line is not JSON: Input data was truncated",
        "4:1 : `tags`: expected `array`, got `int`",
    ]
    assert told(tmp_path, "input,expected\na\n", "d.csv") == [
        "2:1 : this row has a different number of fields than the first line"
    ]
    assert told(tmp_path, "x", "d.txt") == ["0:0 : unknown file type"]
    assert told(tmp_path, "samples = 3\n", "d.py") == ["1:1 : it defines no `suite`"]
    assert told(tmp_path, "x = 1\ny = 1 / 0\n", "d.py") == ["2:1 : it raised ZeroDivisionError: division by zero"]


PYTHON = """\
from headworks.evals.scorers import Scorer
from headworks.evals.suites.suite import Sample, Suite, Task


def long_enough(sample, reply):
    return len(reply.text) > 3


def suite():
    return Suite(
        name="made",
        base=Task(scorers=(Scorer(kind="long_enough"),)),
        samples=tuple(Sample(variables={"input": str(n)}) for n in range(3)),
    )
"""


def test_a_suite_may_be_python(tmp_path: Path) -> None:
    read = load(written(tmp_path, PYTHON, "made.py"))
    assert len({one.id for one in read.suite.samples}) == 3
    assert set(read.own) == {"long_enough"}
    assert "there is no scorer `short`" in str(
        told(tmp_path, PYTHON.replace('kind="long_enough"', 'kind="short"'), "m.py")
    )


def test_an_own_condition_and_an_own_scorer_are_one_function_each(tmp_path: Path) -> None:
    written(
        tmp_path,
        "def shout(text, chance, amount):\n    return text + '!' * amount\n\ndef loud(sample, reply):\n    return '!' in reply.text\n",
        "own.py",
    )
    text = "python: own.py\nscorers: [loud]\nconditions: [{kind: shout, amount: 3}]\nsamples: [{input: a}]\n"
    read: LoadedSuite = load(written(tmp_path, text))
    [shout] = read.suite.conditions
    assert shout.claim == "invariance"
    bodies = RequestBodies(read.suite, "m", 1)
    assert bodies.of(read.suite.samples[0], shout).last == "a!!!"
    assert set(read.own) == {"loud"}


def test_a_prompt_of_the_system_gets_the_variables(tmp_path: Path) -> None:
    text = "prompt: summarize\nscorers: [exact]\nsamples: [{text: long, expected: b}]\n"
    suite = load(written(tmp_path, text)).suite
    assert suite.model == "prompt/summarize"
    asked = RequestBodies(suite, suite.model, 1).of(suite.samples[0], make_condition("upper_case"))
    assert asked.body == b'{"model":"prompt/summarize","messages":[],"prompt":{"variables":{"text":"LONG"}}}'


def test_options_are_asked_in_another_order_and_what_must_not_change_does_not(tmp_path: Path) -> None:
    text = (
        'scorers: [choice]\nmessages: [{user: "{{ question }}\\n{{ options }}\\n{{ secret }}"}]\n'
        "samples: [{question: who, options: [a, b, c], expected: b, secret: x1, disturb: [question]}]\n"
    )
    suite = load(written(tmp_path, text)).suite
    bodies = RequestBodies(suite, "m", 1)
    asked = bodies.of(suite.samples[0], make_condition("option_order"))
    assert sorted(asked.options) == ["a", "b", "c"]
    assert asked.options != ("a", "b", "c")
    assert asked.last.startswith(f"who\nA) {asked.options[0]}\nB) {asked.options[1]}")
    assert bodies.of(suite.samples[0], make_condition("upper_case")).last.endswith("WHO\nA) a\nB) b\nC) c\nx1")


def test_a_conversation_is_disturbed_in_its_last_user_message(tmp_path: Path) -> None:
    text = (
        "scorers: [exact]\nsystem: Be kind.\nsamples:\n"
        "  - {expected: x, messages: [{user: one}, {assistant: two}, {role: user, content: three}]}\n"
    )
    with pytest.raises(ConfigError):  # the short form is for the suite's own templates
        load(written(tmp_path, text))
    text = text.replace("{user: one}", "{role: user, content: one}").replace(
        "{assistant: two}", "{role: assistant, content: two}"
    )
    suite = load(written(tmp_path, text)).suite
    asked = RequestBodies(suite, "m", 1).of(suite.samples[0], make_condition("upper_case"))
    assert b'"Be kind."' in asked.body
    assert b'"one"' in asked.body
    assert asked.last == "THREE"
