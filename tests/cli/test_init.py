"""`headworks init`, as a user sees it: in a folder and an environment of his own."""

import asyncio
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import headworks as headworks_
from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, HOLDS
from headworks.cli.main import run
from headworks.evals.suites.suite import Suite
from headworks.evals.suites.suite_file import load
from headworks.gateway.prices import Prices
from headworks.system.drafts.system import VENDORS
from headworks.system.load import load as load_system
from headworks.system.speeds.priors import prior_of
from headworks.wire.presets import PRESETS

KEYS = {name for preset in PRESETS for name in preset.keys}


def headworks(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as if it were typed in that folder, in this process: a new one costs a second before it begins."""
    before = dict(os.environ)
    out, err = io.StringIO(), io.StringIO()
    for name in KEYS:
        os.environ.pop(name, None)
    os.environ.update(env)
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(arguments))
    finally:
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Init:
    """`headworks init --from FILE` in this process, without the key of any vendor."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys

    def __call__(self, name: str, text: str, file: str = "headworks.yaml") -> Ran:
        source = self.folder / name
        source.write_text(text)
        return self.run("init", "--from", str(source), str(self.folder / file))

    def run(self, *arguments: str) -> Ran:
        code = run(list(arguments))
        shown = self.capsys.readouterr()
        return Ran(code, shown.out, shown.err)


@pytest.fixture
def init(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Init:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    return Init(tmp_path, capsys)


def load_suite(file: Path) -> Suite:
    return load(file).suite


@pytest.mark.parametrize("env", [{}, {"OPENAI_API_KEY": "sk-0123456789abcdef"}], ids=["offline", "vendor"])
def test_a_prompt_becomes_a_file_that_check_finds_right(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "prompt.txt").write_text("Answer in one sentence. Don't guess.\n")
    made = headworks(tmp_path, "init", "--from", "prompt.txt", **env)
    assert (made.returncode, made.stderr) == (HOLDS, "")
    assert "sk-0123456789abcdef" not in made.stdout + (tmp_path / "headworks.yaml").read_text()
    checked = headworks(tmp_path, "check", **env)
    assert checked.returncode == HOLDS, checked.stdout
    # The command that is printed is one that a shell takes.
    command = shlex.split(re.search(r"-d (.*)", made.stdout)[1])  # type: ignore[index]
    assert json.loads(command[0])["messages"][0]["content"] == "Answer in one sentence. Don't guess."


def test_a_long_prompt_is_read_from_its_file_in_the_example(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 500)
    made = headworks(tmp_path, "init", "--from", "long.txt", "my.yaml")
    assert made.returncode == HOLDS
    assert "open('long.txt').read()" in made.stdout
    assert "headworks up my.yaml" in made.stdout


def test_nothing_is_written_over_unless_it_is_forced(tmp_path: Path) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text("mine\n")
    refused = headworks(tmp_path, "init")
    assert refused.returncode == COULD_NOT_RUN
    assert "--force" in refused.stderr
    assert file.read_text() == "mine\n"
    assert headworks(tmp_path, "init", "--force").returncode == HOLDS
    assert file.read_text() != "mine\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b" \n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 1_000_001, "longer than a megabyte")],
)
def test_what_is_no_prompt_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "prompt.txt").write_bytes(content)
    refused = headworks(tmp_path, "init", "--from", "prompt.txt")
    assert refused.returncode == COULD_NOT_RUN
    assert said in refused.stderr
    assert not (tmp_path / "headworks.yaml").exists()


def test_a_key_that_no_header_can_carry_is_told_before_anything_is_written(tmp_path: Path) -> None:
    refused = headworks(tmp_path, "init", OPENAI_API_KEY="sk-0123\n456789abcdef")
    assert refused.returncode == COULD_NOT_RUN
    assert "a header cannot carry" in refused.stderr
    assert not (tmp_path / "headworks.yaml").exists()


def test_a_prompt_becomes_a_suite_that_is_read_and_an_objective_that_gates_it(tmp_path: Path) -> None:
    folder = tmp_path / "where it is"
    folder.mkdir()
    words = 'You are {{ "kind" }}: never say "no".\nSecond line: {% x %}'
    (tmp_path / "prompt.txt").write_text(words)
    made = headworks(tmp_path, "init", "--from", "prompt.txt", "where it is/headworks.yaml")
    assert made.returncode == HOLDS, made.stderr
    dry = headworks(tmp_path, "eval", "--dry-run", "where it is/headworks.yaml")
    assert (dry.returncode, dry.stderr) == (HOLDS, "")
    assert dry.stdout.startswith("assistant: 20 samples, 4 conditions,")
    assert "has braces but is not a template (line 2 of it:" in made.stdout
    again = headworks(tmp_path, "init", "--from", "prompt.txt", "where it is/other.yaml")
    assert again.returncode == COULD_NOT_RUN
    assert "already exists: write the system file into another folder" in again.stderr  # another name would not help
    assert not (folder / "other.yaml").exists()


GERMAN = "Du bist ein Assistent. Antworte nur auf Deutsch, in höchstens zwei Sätzen. Sage niemals „leider“.\n"
NONSENSE = "{dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}}"


def rehearsed(folder: Path) -> Path:
    """The file that was written, with a vendor made of numbers: its answers are English nonsense."""
    file = folder / "headworks.yaml"
    file.write_text(re.sub(r"(?m)^  here: \{dialect: local\}.*|^  sim: .*", f"  here: {NONSENSE}", file.read_text()))
    return file


def test_a_drafted_suite_claims_nothing_of_quality_and_judges_what_the_prompt_demands(
    init: Init, tmp_path: Path
) -> None:
    assert init("prompt.txt", GERMAN).code == HOLDS
    suite = load_suite(tmp_path / "suites" / "assistant.yaml")
    assert [one.kind for one in suite.tasks["answer"].scorers] == [
        "contains", "regex", "refusal", "language", "sentences", "contains",
    ]  # fmt: skip
    assert {one.id for one in suite.samples if one.task == "answer"} == suite.open
    ran = init.run("eval", "--conditions", "none", str(rehearsed(tmp_path)))
    assert ran.code == CANNOT_SAY, ran.err
    assert "holds" not in ran.out
    last = ran.out.rstrip().splitlines()[-1]
    assert last.startswith("cannot say: assistant: not enough: nobody has said what is right: 17 of 20 samples")
    assert re.search(r"task answer +17 +0\.0%", ran.out)  # English, where German was asked for


HOLES = """\
You are the assistant of {{ shop }}. Answer in {{ language }}.
{% for tool in tools %}- {{ tool.name }}
{% endfor %}{% if polite %}Be polite.{% endif %} Use at most {{ max_words }} words.
"""
FRONT = """\
---
name: summarize
model: gpt-4o
variables:
  text: {type: string, minLength: 1}
  style: {type: string, enum: [one sentence, bullet points]}
parameters: {max_tokens: 60}
---
# system
You summarise in {{ style }} what you are given.

# user
{{ text }}
"""


@pytest.mark.parametrize(
    ("text", "name", "columns", "asked"),
    [
        (HOLES, "shop", {"shop": str, "language": str, "tools": list, "polite": bool, "max_words": int}, 1),
        (FRONT, "shop", {"text": str, "style": str}, 0),
        ("Say what you think of {{ text }}.", "shop", {"text": str}, 0),
    ],
    ids=["holes", "front-matter", "a-users-turn"],
)
def test_a_prompt_with_holes_becomes_a_prompt_with_typed_variables_that_can_be_called_and_evaluated(
    init: Init, tmp_path: Path, text: str, name: str, columns: dict[str, type], asked: int
) -> None:
    made = init(f"{name}.txt", text)
    assert (made.code, made.err) == (HOLDS, "")
    file = rehearsed(tmp_path)
    loaded = load_system(file, os.environ)
    assert set(loaded.system.prompts[name].file.front.variables) == set(columns)
    suite = load_suite(tmp_path / "suites" / "assistant.yaml")
    assert suite.model == f"prompt/{name}"
    for sample in suite.samples:
        assert {one: type(value) for one, value in sample.variables.items()} == columns
        assert len(sample.messages) == asked
    # The printed call fills the variables, and is answered.
    body = json.loads(shlex.split(re.search(r"-d (.*)", made.out)[1])[0])  # type: ignore[index]
    assert asyncio.run(answered(file, body)) != ""
    ran = init.run("eval", "--conditions", "injection", str(file))
    assert ran.code == CANNOT_SAY, ran.err
    assert "had no answer" not in ran.out
    assert "nobody has said what is right" in ran.out.rstrip().splitlines()[-1]


async def answered(file: Path, body: dict[str, Any]) -> str:
    async with headworks_.open(file) as system:
        answer = await system.chat(**body, max_tokens=8)
        return answer.text or ""


def test_what_of_a_front_matter_is_not_kept_is_said(init: Init, tmp_path: Path) -> None:
    made = init("p.md", FRONT)
    assert "These keys of its front matter are left out, because prompts have no such keys: name" in made.out
    assert "Its `model: gpt-4o` is not used: `assistant` of the system file answers." in made.out
    assert "prompts/p.md: p.md with the types of its variables." in made.out
    assert (tmp_path / "p.md").read_text() == FRONT


def test_a_prompt_file_that_is_right_is_used_where_it_is(init: Init, tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    assert init("p.md", FRONT.replace("name: summarize\nmodel: gpt-4o\n", ""), "sub/headworks.yaml").code == HOLDS
    assert 'p: {file: "../p.md", model: assistant}' in (folder / "headworks.yaml").read_text()
    assert not (folder / "prompts").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FRONT.replace("{{ text }}", "{% if %}"), "its template cannot be read, line 1 of it"),
        (FRONT.replace("{type: string, minLength: 1}", "{type: strng}"), "`strng` is not valid"),
        ("---\nvariables: [\n---\n{{ text }}", "p.md:"),
        ("---\nvariables: {a: {type: string}}\n---\n", "its front matter is followed by nothing"),
    ],
)
def test_a_prompt_file_that_is_wrong_is_said_and_nothing_is_written(
    init: Init, tmp_path: Path, text: str, said: str
) -> None:
    refused = init("p.md", text)
    assert refused.code == COULD_NOT_RUN
    assert said in refused.err
    assert [one.name for one in tmp_path.iterdir()] == ["p.md"]


def test_vendors_are_compared_in_one_file_that_a_search_reads(tmp_path: Path) -> None:
    done = headworks(tmp_path, "init", "--vendors", "openai, groq,mistral")
    assert done.returncode == 0, done.stderr
    assert "headworks plan --search --apply 1 | patch headworks.yaml" in done.stdout
    keys = dict.fromkeys(("OPENAI_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY"), "sk-0123456789abcdef")
    loaded = load_system(tmp_path / "headworks.yaml", keys)
    assert loaded.warnings == ()
    system = loaded.system
    targets = ["openai/gpt-4o-mini", "groq/llama-3.1-8b-instant", "mistral/mistral-small-latest"]
    assert [str(one) for [one] in system.models["assistant"].targets] == targets
    assert system.choices is not None
    assert [json.loads(bytes(one)) for one in system.choices.targets["assistant"].any_of] == targets
    assert {one.metric for one in system.requirements.objectives} >= {"time_to_first_token", "availability", "cost"}
    # Their prices and speeds are known, or a search could say nothing of them.
    prices = Prices(system)
    for [one] in system.models["assistant"].targets:
        assert prices.of(system.models["assistant"], one) is not None
        assert prior_of(system.providers[one.provider], one.model) is not None


@pytest.mark.parametrize(
    ("vendors", "said"),
    [
        ("openai,grok", "--vendors: `grok` is not known here"),
        ("openai", "--vendors compares vendors: name two or more"),
        ("groq,groq", "--vendors compares vendors: name two or more"),
    ],
)
def test_vendors_that_cannot_be_compared_are_said(vendors: str, said: str, tmp_path: Path) -> None:
    done = headworks(tmp_path, "init", "--vendors", vendors)
    assert done.returncode == COULD_NOT_RUN
    assert said in done.stderr
    assert not (tmp_path / "headworks.yaml").exists()


def test_every_vendor_that_is_known_can_be_compared(tmp_path: Path) -> None:
    names = [vendor.word for vendor in VENDORS]
    assert headworks(tmp_path, "init", "--vendors", ",".join(names)).returncode == 0
    keys = {name: "sk-0123456789abcdef" for vendor in VENDORS for name in vendor.keys}
    choices = load_system(tmp_path / "headworks.yaml", keys).system.choices
    assert choices is not None
    assert choices.targets["assistant"].at_most == 2  # every order of twenty is too many
    assert len(choices.targets["assistant"].any_of) == len(names)
