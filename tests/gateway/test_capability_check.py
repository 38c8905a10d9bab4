"""`headworks check` says which alias cannot keep what the file says its callers will ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.gateway.capability_check import warn_of_gaps
from headworks.system.load import read
from headworks.system.syntax.findings import Findings

PROVIDERS = """
version: 1
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
  claude: {dialect: anthropic, api_key: "sk-of-nobody-at-all"}
  house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}
"""
TOOL = '{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}'
SCHEMA = '{"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}'


def warned(folder: Path, text: str) -> list[tuple[str, str]]:
    """The path and the words of each warning."""
    loaded = read((PROVIDERS + text).encode(), file="test.yaml", folder=folder, env={})
    findings = Findings("test.yaml")
    warn_of_gaps(loaded.system, findings, folder)
    assert not findings.errors
    return [(one.path, one.problem) for one in findings.warnings]


def suite(folder: Path, text: str, name: str = "s.yaml") -> str:
    (folder / name).write_text(text)
    return f"suites: {{s: {{file: {name}}}}}\n"


def test_a_bound_above_a_models_own_is_told_with_the_target_and_the_bound(tmp_path: Path) -> None:
    [(path, problem)] = warned(tmp_path, "models: {a: {targets: [openai/gpt-4o, openai/gpt-5.5], max_output: 20k}}")
    assert path == "models.a.max_output"
    assert problem.startswith("not every target of `a` can serve ")
    assert "`openai/gpt-4o` answers with at most 16384 tokens" in problem


def test_where_no_target_can_it_is_said_so(tmp_path: Path) -> None:
    [(_, problem)] = warned(tmp_path, "models: {a: {targets: [openai/gpt-4o], max_output: 20k}}")
    assert problem.startswith("no target of `a` can serve ")


@pytest.mark.parametrize(
    ("traffic", "path", "said"),
    [
        (
            "{prompt_tokens: {p50: 1k, p95: 120k}, output_tokens: {p50: 1k, p95: 10k}}",
            "traffic",
            "has a context of 128k",
        ),
        ("{output_tokens: {p50: 1k, p95: 20k}}", "traffic", "at most 16384 tokens"),
        ("{aliases: {a: {prompt_tokens: {p50: 1k, p95: 200k}}}}", "traffic.aliases.a", "has a context of 128k"),
        ("{aliases: {a: {peak_rps: 1}}}", "", ""),
        ("{prompt_tokens: {p50: 1k, p95: 100k}, output_tokens: {p50: 1k, p95: 10k}}", "", ""),
    ],
)
def test_long_prompts_and_answers_of_the_traffic_are_held_against_each_window_and_bound(
    tmp_path: Path, traffic: str, path: str, said: str
) -> None:
    found = warned(tmp_path, f"models: {{a: {{targets: [openai/gpt-4o]}}}}\nrequirements: {{traffic: {traffic}}}")
    if not path:
        assert not found
        return
    [(where, problem)] = found
    assert where == f"requirements.{path}"
    assert said in problem


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (f"tools: [{TOOL}]", "calls no tools"),
        (f"response_format: {SCHEMA}", "fits no answer to a schema"),
        ("max_tokens: 100000", "at most 65536 tokens"),
        ("temperature: 0.5", ""),
        ("max_tokens: many", ""),
    ],
)
def test_the_parameters_of_a_prompt_are_held_against_the_targets_of_its_alias(
    tmp_path: Path, parameters: str, said: str
) -> None:
    (tmp_path / "p.md").write_text(f"---\nmodel: a\nparameters:\n  {parameters}\n---\nHello\n")
    model = "gpt-3.5-turbo" if "schema" in parameters else "o1-mini"
    found = warned(tmp_path, f"models: {{a: {{targets: [openai/{model}]}}}}\nprompts: {{p: {{file: p.md}}}}\n")
    assert [path for path, _ in found] == (["prompts.p"] if said else [])
    assert all(said in problem for _, problem in found)


def test_a_schema_at_a_vendor_of_another_api_is_its_translators_matter(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text(f"---\nmodel: a\nparameters:\n  response_format: {SCHEMA}\n---\nHello\n")
    said = "models: {a: {targets: [{provider: claude, model: x, capabilities: {structured_output: false}}]}}\n"
    assert not warned(tmp_path, said + "prompts: {p: {file: p.md}}\n")


def test_the_parameters_of_a_suite_and_its_tasks_are_held_against_the_alias_that_it_asks(tmp_path: Path) -> None:
    text = f"model: a\nparameters: {{temperature: 0}}\ntasks:\n  t: {{parameters: {{tools: [{TOOL}]}}}}\nsamples: []\n"
    models = "models: {a: {targets: [openai/o1-mini]}, b: {targets: [openai/o1-mini]}}\n"
    [(path, problem)] = warned(tmp_path, models + suite(tmp_path, text))
    assert path == "suites.s"
    assert "`openai/o1-mini` calls no tools" in problem


@pytest.mark.parametrize("model", ["", "model: prompt/p\n"])
def test_a_suite_that_names_no_alias_asks_the_only_one_and_one_of_a_prompt_its_alias(
    tmp_path: Path, model: str
) -> None:
    (tmp_path / "p.md").write_text("---\nmodel: a\n---\nHello\n")
    text = suite(tmp_path, f"{model}parameters: {{tools: [{TOOL}]}}\n")
    found = warned(tmp_path, "models: {a: {targets: [openai/o1-mini]}}\nprompts: {p: {file: p.md}}\n" + text)
    assert [path for path, _ in found] == ["suites.s"]


def test_an_objective_says_which_alias_a_suite_asks(tmp_path: Path) -> None:
    models = "models: {a: {targets: [openai/gpt-4o]}, b: {targets: [openai/o1-mini]}}\n"
    goals = "requirements: {objectives: [{id: q, metric: quality, suite: s, alias: b, at_least: 90%}]}\n"
    [(_, problem)] = warned(tmp_path, models + goals + suite(tmp_path, f"parameters: {{tools: [{TOOL}]}}\n"))
    assert problem.startswith("no target of `b`")


@pytest.mark.parametrize("text", ["- 1\n", "parameters: 7\ntasks: 8\n", "a: [\n", "", "&a [*a]\n"])
def test_a_suite_that_is_none_says_nothing_here(tmp_path: Path, text: str) -> None:
    assert not warned(tmp_path, "models: {a: {targets: [openai/o1-mini]}}\n" + suite(tmp_path, text))


def test_suites_that_are_missing_or_of_another_kind_are_not_read(tmp_path: Path) -> None:
    models = "models: {a: {targets: [openai/o1-mini]}}\n"
    assert not warned(tmp_path, models + "suites: {s: {file: none.yaml}}\n")
    assert not warned(tmp_path, models + suite(tmp_path, "raise SystemExit", "s.py"))


def test_the_file_corrects_the_table_and_what_is_unknown_is_not_told(tmp_path: Path) -> None:
    said = "{provider: openai, model: gpt-4o, context_window: 1M, capabilities: {max_output: 64k}}"
    traffic = "requirements: {traffic: {prompt_tokens: {p50: 1k, p95: 500k}, output_tokens: {p50: 1k, p95: 50k}}}\n"
    assert not warned(tmp_path, f"models: {{a: {{targets: [{said}, house/x], max_output: 64k}}}}\n" + traffic)
