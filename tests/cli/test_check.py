"""`headworks check`, as a user and as a machine see it."""

import json
from pathlib import Path

import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.main import run

RIGHT = """\
providers: {v: {dialect: simulated}, w: {dialect: simulated}}
models:
  assistant: {targets: [[{provider: v, model: x, weight: 3}, w/x], w/y]}
"""
WRONG = "providers: {v: {dialect: simulated, sed: 1}}\nmodels: {a: u/x}\nkeys: {k: {key: short}}\n"


@pytest.fixture
def right(tmp_path: Path) -> Path:
    file = tmp_path / "right.yaml"
    file.write_text(RIGHT)
    return file


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return file


def test_a_right_file_is_summed_up(right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(right)]) == HOLDS
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:4] == [
        ["model", "tier", "target", "share", "price"],
        ["assistant", "1", "v/x", "75%", "unknown"],
        ["assistant", "1", "w/x", "25%", "unknown"],
        ["assistant", "2", "w/y", "100%", "unknown"],
    ]
    assert " ".join(lines[4]) == f"{right} is right: 1 model, 2 providers, no keys: anyone on this machine may call"
    assert lines[5][:3] == ["listens", "on", "127.0.0.1:8080;"]


def test_a_wrong_file_is_told_all_at_once(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(wrong)]) == FAILS
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out == (
        f"error: {wrong}:1:37: providers.v.sed: the key `sed` is not known\n"
        "    did you mean `seed`? known keys: dialect, first_token, per_token, output_tokens, faults, rpm, tpm, concurrency, seed, prompt_cache, region, retention\n"
        f"error: {wrong}:2:13: models.a.targets[0][0].provider: there is no provider `u`\n"
        "    providers: v\n"
        f"warning: {wrong}:3:17: keys.k.key: the secret is written in the file\n"
        "    write ${env:NAME} or ${file:PATH}, so that the file can be shared\n"
        f"warning: {wrong}:3:17: keys.k.key: the key is shorter than 16 characters\n"
        "    use a long random one: openssl rand -hex 24\n"
        f"{wrong} has 2 errors\n"
    )


def test_machines_get_the_same_as_json(right: Path, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--json", str(right)]) == HOLDS
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is True
    assert report["errors"] == report["warnings"] == []
    assert report["models"] == {"assistant": [["v/x", "w/x"], ["w/y"]]}
    assert len(report["digest"]) == 32
    assert report["prices"] == {"assistant": {"v/x": None, "w/x": None, "w/y": None}}
    assert run(["check", str(wrong), "--json"]) == FAILS
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is False
    assert [(one["line"], one["column"], one["path"]) for one in report["errors"]] == [
        (1, 37, "providers.v.sed"),
        (2, 13, "models.a.targets[0][0].provider"),
    ]
    assert len(report["warnings"]) == 2


def test_a_file_that_is_not_there_could_not_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        assert run(["check", str(path)]) == COULD_NOT_RUN
        said = capsys.readouterr()
        assert said.out == ""
        assert str(path) in said.err


def test_a_file_that_is_no_yaml_is_not_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.yaml"
    for content in (b"", b"\xff", b"{", b"[" * 100_000):
        file.write_bytes(content)
        assert run(["check", str(file)]) == FAILS
        assert "has 1 error\n" in capsys.readouterr().out


PRICED = """\
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
  here: {dialect: local}
models:
  known: [openai/gpt-5.4-mini, here]
  said: {targets: [openai/house-model], price: {input: $0.002/k, output: $8/M}}
  unknown: openai/house-model
"""


def test_prices_are_shown_and_a_vendors_unknown_price_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "priced.yaml"
    file.write_text(PRICED)
    assert run(["check", str(file)]) == HOLDS
    out = capsys.readouterr().out
    assert out.count("warning") == 1
    assert f"{file}:7:12: models.unknown.targets[0][0]: the price of `openai/house-model` is unknown" in out
    rows = [line.split(maxsplit=4) for line in out.splitlines() if line.split()[1:2] in (["1"], ["2"])]
    assert [(row[0], row[2], row[4].strip()) for row in rows] == [
        ("known", "openai/gpt-5.4-mini", "$0.75/M in, $4.5/M out"),
        ("known", "here/gemma-3-270m", "free"),
        ("said", "openai/house-model", "$2/M in, $8/M out"),
        ("unknown", "openai/house-model", "unknown"),
    ]
    assert "prices are from the bundled table, dated 2" in out


JUDGED = """\
requirements:
  traffic: {peak_rps: 1, output_tokens: {p50: 50, p95: 100}}
  objectives:
    - {id: up, metric: availability, at_least: AVAILABLE}
    - {id: fast, metric: duration, percentile: 95, at_most: 5s}
providers: {v: {dialect: simulated}}
models: {assistant: v/x}
"""


@pytest.mark.parametrize(("share", "verdict", "code"), [("98%", "holds", HOLDS), ("99.9%", "does not hold", FAILS)])
def test_every_objective_is_judged_and_one_that_fails_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str, verdict: str, code: int
) -> None:
    file = tmp_path / "judged.yaml"
    file.write_text(JUDGED.replace("AVAILABLE", share))
    assert run(["check", str(file)]) == code
    out = capsys.readouterr().out
    assert f"availability >= {share}  {verdict}" in " ".join(out.split()).replace(f"{share} ", f"{share}  ")
    assert "needs a simulation: headworks plan" in " ".join(out.split())
    assert out.rstrip().endswith(f"objectives, judged by arithmetic: {verdict} 1, cannot say 1")
    assert run(["check", "--json", str(file)]) == code
    said = json.loads(capsys.readouterr().out)
    assert said["holds"] is (code == HOLDS)
    assert [(one["id"], one["verdict"], one["needs"]) for one in said["objectives"]] == [
        ("up", verdict, ""),
        ("fast", "cannot say", "plan"),
    ]


def test_a_price_that_a_budget_needs_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text(
        """
providers: {sim: {dialect: simulated}}
models: {a: {targets: sim/x, max_output: 1k}}
keys: {web: {key: a-key-of-some-length, budget: {amount: $1, every: 1d}}}
"""
    )
    assert run(["check", str(file)]) == FAILS
    said = capsys.readouterr().out
    assert "the price of `sim/x` is unknown, and the budget of `web` must pay for it" in said
    assert "price: {input: $0.25/M, output: $2/M}" in said


def test_a_model_one_letter_off_and_a_wrong_path_are_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text(
        """\
providers: {openai: {dialect: openai, base_url: "https://api.openai.com"}}
models: {assistant: openai/gpt-5-minni}
"""
    )
    assert run(["check", str(file)]) == HOLDS
    said = capsys.readouterr().out
    assert "did you mean `openai/gpt-5-mini`?" in said
    assert "write https://api.openai.com/v1" in said
    assert said.count("warning:") == 2


def test_a_mistake_elsewhere_hides_no_mistake_of_a_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prompt.md").write_text("Say {{ something }\n")
    file = tmp_path / "headworks.yaml"
    file.write_text(
        """\
providers: {v: {dialect: simulated, sed: 1}}
models: {assistant: v/x}
prompts: {one: {file: prompt.md, model: assistant}}
"""
    )
    assert run(["check", str(file)]) == FAILS
    said = capsys.readouterr().out
    assert "providers.v.sed" in said
    assert "prompt.md:1" in said


def test_which_proxy_is_used_is_shown_without_its_credentials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:hunter2@proxy.example:3128")
    file = tmp_path / "headworks.yaml"
    file.write_text(
        "providers: {v: {dialect: openai, base_url: 'https://vendor.example/v1'}, "
        "w: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}}\nmodels: {a: [v/m, w/m]}\n"
    )
    assert run(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "v is reached through http://proxy.example:3128 (HTTPS_PROXY)" in said
    assert "w is reached directly (its host is this machine)" in said
    assert run(["check", "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["proxies"]["v"] == "through http://proxy.example:3128 (HTTPS_PROXY)"
    assert "hunter2" not in said + shown


def test_constraints_are_told_for_every_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(
        "requirements: {constraints: [{retention: none}]}\n"
        "providers: {v: {dialect: simulated, retention: none}, w: {dialect: simulated, retention: 30d}}\n"
        "models: {a: {targets: [v, w]}}\n"
    )
    assert run(["check", str(file)]) == FAILS
    said = capsys.readouterr().out
    assert "`w` keeps what it is sent for 30d" in said
    assert "never asked: w/simulated" in said
    assert run(["check", "--json", str(file)]) == FAILS
    told = json.loads(capsys.readouterr().out)
    assert [(one["target"], one["verdict"]) for one in told["constraints"]] == [
        ("v/simulated", "holds"),
        ("w/simulated", "does not hold"),
    ]
    file.write_text(file.read_text().replace("30d", "none"))
    assert run(["check", str(file)]) == HOLDS


GAPS = """\
requirements: {traffic: {output_tokens: {p50: 1k, p95: 20k}}}
providers: {openai: {dialect: openai, base_url: "https://api.openai.com/v1"}}
models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/gpt-5.4-mini]}}
"""


def test_what_a_target_cannot_serve_and_that_its_model_has_ended_are_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gaps.yaml"
    file.write_text(GAPS)
    assert run(["check", "--json", str(file)]) == HOLDS
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert [one["path"] for one in warnings] == ["requirements.traffic", "models.assistant.targets[0][0]"]
    assert "`openai/gpt-3.5-turbo` has a context of 16385 tokens" in warnings[0]["problem"]
    assert "ended this model on 2026-10-23" in warnings[1]["problem"]
    assert "`gpt-5.6-terra`" in warnings[1]["remedy"]
