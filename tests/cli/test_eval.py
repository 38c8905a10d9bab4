"""`headworks eval`, as a user and as a machine see it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import headworks
from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.main import run
from headworks.core.errors import CallError
from headworks.evals.suites.suite_file import load

SYSTEM = """\
name: shop
requirements:
  objectives:
    - {id: answers, metric: quality, suite: shop, at_least: AT_LEAST}
providers:
  sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}}
models:
  assistant: {targets: [sim], price: {input: $1/M, output: $2/M}}
suites: {shop: shop.yaml}
keys: {tests: {key: 0123456789abcdef0123}}
log: {store: "sqlite:///l.db", journal: j}
"""
SUITE = """\
parameters: {max_tokens: 8}
scorers: [{kind: regex, pattern: '[a-z]'}]
conditions: [upper_case, injection]
samples:
"""


def shop(folder: Path, at_least: str = "50%", samples: int = 12) -> str:
    rows = "".join(f"  - {{input: which <b>rake</b> is number {n}}}\n" for n in range(samples))
    (folder / "shop.yaml").write_text(SUITE + rows)
    file = folder / "headworks.yaml"
    file.write_text(SYSTEM.replace("AT_LEAST", at_least))
    return str(file)


def test_a_suite_is_run_gated_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    html, junit, markdown = (str(tmp_path / name) for name in ("r.html", "r.xml", "r.md"))
    assert run(["eval", file, "--html", html, "--junit", junit, "--markdown", markdown]) == HOLDS
    out = capsys.readouterr().out
    assert out.startswith("shop: 12 samples, 3 conditions, 36 calls of assistant; about $0.")
    rows = [line.split() for line in out.splitlines()]
    assert [row[:4] for row in rows if row[:1] == ["plain"]] == [["plain", "plain", "12", "100.0%"]]
    assert ["answers", "quality", "of", "shop", ">=", "0.5", "holds"] in [row[:7] for row in rows]
    page = Path(html).read_text()
    assert "&lt;b&gt;rake&lt;/b&gt;" in page
    assert "<b>rake" not in page
    assert "http" not in page.replace("http-equiv", "")
    suites = ET.parse(junit).getroot().findall("testsuite")  # our own file
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in suites] == [
        ("shop gates", "1", "0"),
        ("shop plain", "12", "0"),
        ("shop upper_case", "12", "0"),
        ("shop injection", "12", "0"),
    ]
    assert "**answers** quality of shop" in Path(markdown).read_text()


@pytest.mark.parametrize(("samples", "at_least", "code"), [(12, "50%", HOLDS), (12, "99%", CANNOT_SAY)])
def test_the_exit_code_is_the_worst_verdict(
    tmp_path: Path, samples: int, at_least: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path, at_least, samples)
    assert run(["eval", file, "--json", "--conditions", "none"]) == code
    [said] = json.loads(capsys.readouterr().out)
    assert (said["samples"], said["is_complete"], said["rows"][0]["passed"]) == (12, True, 12)
    assert said["gates"][0]["verdict"] == {HOLDS: "holds", CANNOT_SAY: "not enough data"}[code]
    assert said["gates"][0]["missing"] == (None if code == HOLDS else said["gates"][0]["missing"])


def test_what_does_not_hold_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    suite = tmp_path / "shop.yaml"
    suite.write_text(suite.read_text().replace("[a-z]", "[0-9]{9}"))
    assert run(["eval", file, "--conditions", "none"]) == FAILS
    assert "does not hold" in capsys.readouterr().out


def test_two_systems_are_held_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    assert run(["eval", file, "--vs", file, "--conditions", "upper_case", "--margin", "40%"]) == HOLDS
    out = capsys.readouterr().out
    assert "0 items got worse, 0 better" in out
    assert "not-worse" in out
    earlier = next((tmp_path / ".headworks" / "evals").glob("*.jsonl"))
    assert (
        run(["eval", file, "--vs", str(earlier), "--conditions", "none"]) == CANNOT_SAY
    )  # of three points, by 12 samples
    assert run(["eval", file, "--vs", str(tmp_path / "shop.yaml")]) == COULD_NOT_RUN


def test_a_suite_is_never_answered_from_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    Path(file).write_text(Path(file).read_text().replace("price:", "cache: {exact: 1h}, price:"))
    for _ in range(2):
        assert run(["eval", file, "--json", "--conditions", "none", "--fresh"]) == HOLDS
        [said] = json.loads(capsys.readouterr().out)
        assert said["cost_nano"] > 0


PROMPT = """\
---
variables: {text: {type: string}}
---
# user
Summarise: {{ text }}
"""


def test_a_prompt_of_the_system_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    (tmp_path / "p.md").write_text(PROMPT)
    Path(file).write_text(Path(file).read_text() + "prompts: {summarize: {file: p.md, model: assistant}}\n")
    rows = "".join(f"  - {{text: number {n}}}\n" for n in range(5))
    (tmp_path / "shop.yaml").write_text(f"prompt: summarize\n{SUITE}{rows}")
    assert run(["eval", file, "--json"]) == HOLDS
    [said] = json.loads(capsys.readouterr().out)
    assert (said["model"], [row["passed"] for row in said["rows"]]) == ("prompt/summarize", [5, 5, 5])


def test_a_judge_is_asked_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    suite = tmp_path / "shop.yaml"
    suite.write_text(suite.read_text().replace("scorers: [", "scorers: [{kind: graded, rubric: 'It is kind.'}, "))
    assert run(["eval", file, "--json", "--conditions", "none"]) == CANNOT_SAY
    [said] = json.loads(capsys.readouterr().out)
    tally = said["scorers"]["graded"]
    assert sum(tally.values()) == 12
    assert tally["unknown"] == said["rows"][0]["unjudged"] > 0  # a vendor made of numbers contradicts itself
    assert "were not judged" in said["gates"][0]["why"]
    suite.write_text(suite.read_text().replace("rubric:", "model: nobody, rubric:"))
    assert run(["eval", file]) == COULD_NOT_RUN
    assert "there is no model `nobody`" in capsys.readouterr().err


def test_nothing_is_asked_where_nothing_is_to_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    assert run(["eval", file, "--dry-run"]) == HOLDS
    assert run(["eval", "--power", "3%"]) == HOLDS
    assert "969 items are needed to detect a difference of 3 points" in capsys.readouterr().out
    assert not (tmp_path / ".headworks").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "shopp"], "there is no suite `shopp`\n    did you mean `shop`?"),
        (["--model", "assistent"], "there is no model `assistent`\n    did you mean `assistant`?"),
        (["--conditions", "typo"], "there is no condition `typo`\n    did you mean `typos`?"),
        (["--key", "nobody"], "there is no key `nobody`"),
        (["--from-log", "outcome=faild"], "there is no outcome `faild`\n    did you mean `failed`?"),
        (["--max-cost", "much"], "'much' is not an amount: write $1.50"),
        (["--margin", "300%"], "'300%' is not a share"),
        (["--power", "0%"], "a difference of zero cannot be detected: write --power 3%"),
    ],
)
def test_what_cannot_be_run_is_said_with_a_remedy(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", shop(tmp_path), *arguments]) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


def test_mistakes_in_a_suite_are_told_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    (tmp_path / "shop.yaml").write_text("scorers: [exact]\nsamples: [{input: a}]\n")
    assert run(["eval", file]) == COULD_NOT_RUN
    assert capsys.readouterr().err.endswith(
        f"{tmp_path / 'shop.yaml'}:2:11: samples[0]: `exact` needs `expected`\n    add it to the sample\n"
    )


KEEPING = """\
providers:
  sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, faults: {FAULTS}}
models: {assistant: {targets: [sim], retry: {attempts: 1}}}
log: {store: "sqlite:///l.db", journal: j, bodies: BODIES}
"""


async def ask(file: Path, *questions: str) -> None:
    async with headworks.open(file) as system:
        for question in questions:
            with contextlib.suppress(CallError):
                await system.chat(model="assistant", messages=[{"role": "user", "content": question}])


@pytest.mark.parametrize("bodies", ["none", "full"])
def test_what_failed_becomes_samples_where_bodies_are_kept(
    tmp_path: Path, bodies: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text(KEEPING.replace("FAULTS", "server_error: 100%").replace("BODIES", bodies))
    asyncio.run(ask(file, "one", "two\nlines", "one"))
    file.write_text(KEEPING.replace("FAULTS", "").replace("BODIES", bodies))
    asyncio.run(ask(file, "three"))
    assert run(["eval", "--from-log", "outcome=error", str(file)]) == (HOLDS if bodies == "full" else FAILS)
    out = capsys.readouterr().out
    made = tmp_path / "suites" / "from-log.jsonl"
    if bodies == "none":
        assert out.startswith("3 calls: 0 samples, 3 without their body\nwrite `log: {bodies: full}`")
        assert not made.exists()
        return
    assert out.startswith("3 calls: 2 samples, 1 duplicates\n")
    suite = made.with_name("failed.yaml")
    suite.write_text("scorers: [{kind: refusal, negate: true}]\nsamples: from-log.jsonl\n")
    samples = load(suite).suite.samples
    assert [one.messages[0].content for one in samples] == ["two\nlines", "one"]
    assert samples[0].tags == ("failed", "Failed")
    assert run(["eval", "--from-log", "outcome=error", str(file)]) == COULD_NOT_RUN
    assert "already exists" in capsys.readouterr().err
    assert run(["eval", "--from-log", "outcom=error", str(file)]) == COULD_NOT_RUN
    assert "did you mean `outcome`?" in capsys.readouterr().err
    assert run(["logs", "--json", str(file)]) == HOLDS
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert json.loads(lines[-1]["asked"])["messages"][0]["content"] == "three"
    assert lines[-1]["answered"]
    assert lines[0]["answered"] == ""


def test_why_there_is_no_verdict_is_said_and_nobodys_control_characters_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path, samples=3)
    suite = tmp_path / "shop.yaml"
    suite.write_text(suite.read_text().replace("scorers: [", "python: own.py\nscorers: [{kind: strict}, "))
    (tmp_path / "own.py").write_text("def strict(sample, reply): raise ValueError('\\x1b[2J gone\\nfor good')\n")
    assert run(["eval", file, "--conditions", "none"]) == CANNOT_SAY
    out = capsys.readouterr().out
    assert "no verdict on 3 items: strict: raised ValueError: ?[2J gone for good" in out
    assert "\x1b" not in out


def test_a_report_that_has_no_place_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", shop(tmp_path), "--html", str(tmp_path / "nowhere" / "r.html")]) == COULD_NOT_RUN
    shown = capsys.readouterr()
    assert "there is no folder" in shown.err
    assert "samples" not in shown.out
    assert not (tmp_path / ".headworks").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [("raise KeyError('x')", "raised KeyError: 'x' (sample `"), ("return 5", "returned int, not a text")],
)
def test_an_own_condition_that_fails_is_told_before_anything_is_asked(
    tmp_path: Path, body: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path, samples=2)
    suite = tmp_path / "shop.yaml"
    suite.write_text("python: own.py\n" + suite.read_text().replace("upper_case", "shout"))
    (tmp_path / "own.py").write_text(f"def shout(text, chance, amount): {body}\n")
    assert run(["eval", file]) == COULD_NOT_RUN
    assert f"the condition `shout` {said}" in capsys.readouterr().err
    assert not (tmp_path / ".headworks").exists()


def test_a_run_whose_calls_all_failed_says_nothing_and_says_so_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No objective names the suite, so there is no gate that could say it."""
    file = Path(shop(tmp_path, samples=3))
    text = file.read_text().replace("suite: shop, at_least: AT_LEAST", "suite: shop, at_least: 50%")
    text = text.replace("per_token:", "faults: {server_error: 100%}, per_token:").replace(
        "sim]", "sim], retry: {attempts: 1}"
    )
    text = text[: text.index("requirements:")] + text[text.index("providers:") :]
    file.write_text(text)
    assert run(["eval", str(file), "--conditions", "none"]) == CANNOT_SAY
    shown = capsys.readouterr()
    assert shown.out.rstrip().splitlines()[-1] == "cannot say: shop: none of 3 calls had an answer"
    assert run(["eval", str(file), "--conditions", "none", "--fresh", "--json"]) == CANNOT_SAY
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["no_verdict"] == "none of 3 calls had an answer"
    assert shown.err.rstrip().splitlines()[-1] == "cannot say: shop: none of 3 calls had an answer"


@pytest.mark.parametrize(
    ("arguments", "own", "last"),
    [
        (["--max-cost", "$0"], "", "cannot say: shop: no sample was asked: the cost limit was reached"),
        ([], "raise ValueError", "cannot say: shop: 4 of 4 answers were not judged: more than `judge_failures: 2%`"),
    ],
)
def test_a_run_without_a_verdict_is_two_with_no_objective_that_names_it(
    tmp_path: Path, arguments: list[str], own: str, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(shop(tmp_path, samples=4))
    text = file.read_text()
    file.write_text(text[: text.index("requirements:")] + text[text.index("providers:") :])
    if own:
        suite = tmp_path / "shop.yaml"
        suite.write_text(suite.read_text().replace("scorers: [", "python: own.py\nscorers: [{kind: strict}, "))
        (tmp_path / "own.py").write_text(f"def strict(sample, reply): {own}\n")
    assert run(["eval", str(file), "--conditions", "none", *arguments]) == CANNOT_SAY
    assert capsys.readouterr().out.rstrip().splitlines()[-1] == last


OPEN = """\
parameters: {max_tokens: 8}
scorers: [{kind: contains}, {kind: words, at_most: 100}]
samples:
"""


def test_where_nothing_has_a_verdict_no_share_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    rows = "".join(f"  - {{input: which rake is number {n}, expected: }}\n" for n in range(3))
    (tmp_path / "shop.yaml").write_text(OPEN + rows)
    html, markdown = tmp_path / "x.html", tmp_path / "x.md"
    command = ["eval", file, "--conditions", "upper_case"]
    assert run([*command, "--html", str(html), "--markdown", str(markdown)]) == CANNOT_SAY
    out = capsys.readouterr().out
    assert re.search(r"^plain +plain +3 +- +3 ", out, re.MULTILINE)
    assert re.search(r"^upper_case +invariance +3 +- +3 ", out, re.MULTILINE)
    assert "| plain | 3 | - |" in markdown.read_text()
    assert '<td class="r">-</td>' in html.read_text()
    assert "<svg" not in html.read_text()
    assert run([*command, "--json"]) == CANNOT_SAY
    [said] = json.loads(capsys.readouterr().out)
    assert [(row["share"], row["drop"], row["unjudged"]) for row in said["rows"]] == [(None, None, 3)] * 2


@pytest.mark.parametrize(
    ("expected", "more", "code", "why"),
    [
        ("", "", CANNOT_SAY, "not enough: nobody has said what is right: 12 of 12 samples wait for their `expected`"),
        ("a thing that it never says", "", FAILS, "shown to be below"),
        ("", ", {kind: words, at_least: 100}", CANNOT_SAY, "not enough: nobody has said what is right"),
    ],
)
def test_a_gate_says_nothing_until_somebody_has_said_what_is_right(
    tmp_path: Path, expected: str, more: str, code: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path)
    rows = "".join(f"  - {{input: which rake is number {n}, expected: {expected}}}\n" for n in range(12))
    (tmp_path / "shop.yaml").write_text(OPEN.replace("}]", f"}}{more}]") + rows)
    assert run(["eval", file, "--json"]) == code
    [said] = json.loads(capsys.readouterr().out)
    assert why in said["gates"][0]["why"]
    # What breaks a demand fails already; what breaks none waits.
    assert (said["rows"][0]["unjudged"], said["rows"][0]["passed"]) == (12 if not expected and not more else 0, 0)
