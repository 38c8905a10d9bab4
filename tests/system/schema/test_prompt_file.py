"""A prompt file taken apart, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import Problem
from headworks.system.schema.prompt_file import parts
from headworks.system.schema.system import System
from tests.system.files import examined

FILE = """---
model: assistant
parameters: {temperature: 0.2, stop: ["1"], user: "7"}
variables:
  text: {type: string, minLength: 1}
output: {type: object, required: [a], additionalProperties: false}
---
Before.

# system
You are short.

# User
{{ text }}

```
# assistant
```
## user
"""
SYSTEM = """
providers: {sim: {dialect: simulated}}
models: {assistant: sim}
prompts: {summarize: {file: summarize.md}}
"""


def read(folder: Path, text: str, system: str = SYSTEM) -> tuple[System | None, list[Problem]]:
    (folder / "summarize.md").write_text(text)
    made, findings = examined(system, folder=folder)
    return made, findings.errors


def test_a_file_becomes_turns_with_their_lines_and_json_values() -> None:
    taken = parts(FILE)
    assert [(turn.role, turn.line) for turn in taken.turns] == [("user", 8), ("system", 11), ("user", 14)]
    assert taken.turns[2].text == "{{ text }}\n\n```\n# assistant\n```\n## user"


def test_the_front_matter_is_json_whatever_yaml_would_make_of_it(tmp_path: Path) -> None:
    system, errors = read(tmp_path, FILE)
    assert errors == []
    assert system is not None
    front = system.prompts["summarize"].file.front
    assert {name: msgspec.json.decode(raw) for name, raw in front.parameters.items()} == {
        "temperature": 0.2,
        "stop": ["1"],
        "user": "7",
    }
    assert front.output is not None
    assert msgspec.json.decode(front.output) == {"type": "object", "required": ["a"], "additionalProperties": False}
    assert system.prompts["summarize"].alias == "assistant"


def test_the_version_follows_from_what_is_said_and_not_from_the_layout(tmp_path: Path) -> None:
    def version(text: str) -> str:
        system, _ = read(tmp_path, text)
        assert system is not None
        return system.prompts["summarize"].file.version

    first = version(FILE)
    assert len(first) == 12
    assert version(FILE.replace("model: assistant\n", "# a comment\nmodel:   assistant\n")) == first
    assert version(FILE.replace("You are short.", "You are brief.")) != first
    assert version(FILE.replace("0.2", "0.3")) != first


def test_the_config_hash_covers_what_the_files_say(tmp_path: Path) -> None:
    before, _ = read(tmp_path, FILE)
    after, _ = read(tmp_path, FILE.replace("short", "brief"))
    assert before is not None
    assert after is not None
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("---\nmodel: assistant\n", 1, "the front matter has no end"),
        ("---\nmodel: assistant\n---\n\n", 1, "there is nothing to say"),
        ("---\n\nmodle: assistant\n---\nHi", 3, "the key `modle` is not known here"),
        ("---\nvariables:\n  9x: {type: string}\n---\nHi", 3, "is not a variable's name"),
        ("---\nmodel: [\n---\nHi", 3, "this is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_the_files_own_name_and_lines(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    system, errors = read(tmp_path, text)
    assert system is None
    assert [(one.file, one.line) for one in errors] == [(str(tmp_path / "summarize.md"), line)]
    assert problem in errors[0].problem


@pytest.mark.parametrize(
    ("system", "problem"),
    [
        (SYSTEM.replace("summarize.md", "other.md"), "`other.md` cannot be read: No such file or directory"),
        (SYSTEM.replace("file: summarize.md", "file: [summarize.md]"), "one path belongs here, not a list"),
        (
            SYSTEM.replace("{file: summarize.md}", "{file: summarize.md, model: assistent}"),
            "there is no model `assistent`",
        ),
        (
            SYSTEM.replace("assistant: sim", "assistant: sim, prompt/summarize: sim"),
            "has the name by which this prompt is called",
        ),
    ],
)
def test_a_prompt_that_cannot_be_used_is_an_error_of_the_system_file(tmp_path: Path, system: str, problem: str) -> None:
    made, errors = read(tmp_path, "---\nmodel: assistant\n---\nHi", system)
    assert made is None
    assert [problem in one.problem for one in errors] == [True]
    assert errors[0].file == "headworks.yaml"


def test_a_prompt_without_a_model_says_where_to_name_one(tmp_path: Path) -> None:
    made, errors = read(tmp_path, "Hi")
    assert made is None
    assert errors[0].remedy == "add one: model: ALIAS"


def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "summarize.md").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in examined(SYSTEM, folder=tmp_path)[1].errors[0].problem
    (tmp_path / "summarize.md").write_text("x" * 300_000)
    assert "is longer than" in examined(SYSTEM, folder=tmp_path)[1].errors[0].problem


def test_keys_may_name_prompts(tmp_path: Path) -> None:
    keys = 'keys: {web: {key: "${env:K}", models: [prompt/summarize, prompt/nothing]}}\n'
    (tmp_path / "summarize.md").write_text("---\nmodel: assistant\n---\nHi")
    _, findings = examined(SYSTEM + keys, {"K": "k" * 20}, folder=tmp_path)
    assert [one.problem for one in findings.errors] == ["there is no model `prompt/nothing`"]
