"""YAML that tries to hurt, and YAML that only looks odd."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headworks.system.syntax import nodes
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, MappingNode, Node, ScalarNode, SequenceNode, compose
from tests.system.files import examined, right, told, wrong

BASE = "providers: {v: {dialect: simulated}}\n"


def composed(text: str | bytes) -> tuple[Node | None, list[str]]:
    findings = Findings("x.yaml")
    root = compose(text.encode() if isinstance(text, str) else text, findings)
    return root, told(findings.errors)


def plain(node: Node | None) -> object:
    match node:
        case ScalarNode():
            return node.text
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {name: plain(entry.node) for name, entry in node.entries.items()}
    return None


def test_a_scalar_is_the_text_that_was_written() -> None:
    root, errors = composed("a: no\nb: 12:30\nc: 0x1F\nd: 1_000\ne: 2026-11-23\nf: ~\ng: 'x'\nh: !!str 7\n")
    assert plain(root) == {
        "a": "no",
        "b": "12:30",
        "c": "0x1F",
        "d": "1_000",
        "e": "2026-11-23",
        "f": "~",
        "g": "x",
        "h": "7",
    }
    assert errors == []


def test_columns_count_characters() -> None:
    root, _ = composed("\ufeff# é\n'é': {ü: x}\n")
    assert isinstance(root, MappingNode)
    inner = root.entries["é"].node
    assert isinstance(inner, MappingNode)
    assert inner.entries["ü"].name_place == (2, 7)
    assert inner.entries["ü"].node.place == (2, 10)


def test_anchors_and_merges_are_written_out() -> None:
    root, errors = composed("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {x: 9, z: 4}]}\nd: [*a]\n")
    assert errors == []
    assert plain(root) == {
        "a": {"x": "1", "y": "2"},
        "b": {"x": "1", "y": "3"},
        "c": {"x": "1", "y": "2", "z": "4"},
        "d": [{"x": "1", "y": "2"}],
    }


def test_a_merge_of_something_else_is_refused() -> None:
    assert composed("a: {<<: 1}\n")[1] == ["1:9 a: `<<` takes a map or a list of maps -> write `<<: *anchor`"]


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.monotonic()
    errors = composed("\n".join(lines))[1]
    assert "more than 50000 values" in errors[0]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "text",
    [
        "[" * 40 + "]" * 40,
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "? " * 5000,
        "[" * 1_000_000,
        "a: &a [*a]",
        "a: &a {b: {<<: *a}}",
    ],
)
def test_what_is_endless_or_too_deep_is_refused(text: str) -> None:
    root, errors = composed(text)
    assert root is None
    assert len(errors) == 1


def test_a_file_with_too_many_values_is_refused_before_they_are_kept() -> None:
    began = time.monotonic()
    assert "has more than 50000 values" in composed("[" + "a," * 500_000 + "]")[1][0]
    assert time.monotonic() - began < 30


def test_a_file_that_is_too_long_is_refused() -> None:
    assert composed(b"#" * (MOST_BYTES + 1))[1] == [
        "0:0 : the file is longer than 1 MiB -> a system file has some hundred lines: is this the right file?"
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfea\x00:\x00",
        b"a: \xe9",
        b"a: \xed\xa0\x80",
        b"a: \x00",
        b"a: \x1b[31m",
        "a: \ud7ff\ufffe".encode(),
    ],
)
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    root, errors = composed(content)
    assert root is None
    assert len(errors) == 1


def test_a_tag_is_refused_and_nothing_is_built() -> None:
    _, errors = composed("a: !!python/object/apply:os.system ['false']\nb: !!binary eA==\nc: !!set {x}\nd: !x [1]\n")
    assert [line.partition(":")[0] for line in errors] == ["1", "2", "3", "4"]
    assert all("is not allowed" in line for line in errors)


def test_the_loader_in_python_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without libyaml. The loader is chosen when the file is imported, so there is no parameter."""
    text = BASE + "models: {a: &t {targets: v/x, balance: null}, b: {<<: *t, retry: {attempts: 0}}}\nname: [x\n"
    fine = BASE + "models: {a: &t {targets: v/x, balance: null}, b: {<<: *t, retry: {attempts: 0}}}\nname: x\nname: y\n"
    by_libyaml = wrong(fine)
    monkeypatch.setattr(nodes, "LOADER", yaml.SafeLoader)
    assert wrong(fine) == by_libyaml
    assert len(by_libyaml) == 4
    assert "this is not YAML" in wrong(text)[0]
    assert wrong("[" * 800) == [
        "1:33 : the file is nested more than 32 levels deep -> a system file has some hundred values: is this the right file?"
    ]


ATOMS = st.sampled_from(
    [
        "providers",
        "models",
        "keys",
        "server",
        "log",
        "v",
        "a",
        "dialect",
        "simulated",
        "openai",
        "local",
        "base_url",
        "targets",
        "key",
        "1",
        "2s",
        "50%",
    ]
) | st.text(max_size=6)
TREES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ATOMS, inner, max_size=4), max_leaves=12
)


@given(TREES)
def test_any_tree_is_right_or_told_with_places(tree: object) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    system, findings = examined(text)
    assert (system is None) == bool(findings.errors)
    for problem in findings.errors:
        assert problem.line > 0
        assert problem.column > 0
        assert problem.remedy
        assert str(problem).count("\n") == 1


@given(st.binary(max_size=60) | st.text("{}[]:,-#&*!|>'\"%@`?<$ \n\tab1", max_size=60).map(str.encode))
def test_any_bytes_are_right_or_told(content: bytes) -> None:
    system, findings = examined(content)
    assert system is None
    assert findings.errors


@given(st.data())
def test_any_cut_or_change_of_a_good_file_is_right_or_told(data: st.DataObject) -> None:
    good = (
        "version: 1\nproviders:\n  v: {dialect: openai, base_url: 'https://v/v1', api_key: '${env:K}', headers: {x-a: b}}\n"
        "  s: &s {dialect: simulated, first_token: {p50: 1s, p99: 2s}, faults: {cut: 1%}}\n"
        "models:\n  a: {targets: [[v/x, {provider: s, weight: 2}], s], retry: {backoff: 1s..2s}}\nkeys: {k: {key: '${env:K}'}}\n"
    )
    at = data.draw(st.integers(0, len(good)))
    until = data.draw(st.integers(at, min(len(good), at + 8)))
    changed = good[:at] + data.draw(st.text("{}[]:,-&*! \n%.0aZ'\"", max_size=4)) + good[until:]
    system, findings = examined(changed, {"K": "k" * 20})
    assert (system is None) == bool(findings.errors)


def test_the_order_of_a_file_does_not_matter_to_its_digest() -> None:
    one = right("name: x\n" + BASE + "models: {a: v/x, b: v/y}\n")
    two = right("models:\n  b: {targets: [v/y], balance: weighted}\n  a: v/x\n" + BASE + "name: 'x'\nversion: 1\n")
    assert one.digest == two.digest
    assert one.digest != right("name: z\n" + BASE + "models: {a: v/x, b: v/y}\n").digest
