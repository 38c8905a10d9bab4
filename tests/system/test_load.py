"""What a right file becomes."""

from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.policy.circuit import Breaking, Pause
from headworks.policy.retry import Backoff, Retrying
from headworks.policy.timeouts import Timeouts
from headworks.system.load import load
from headworks.system.schema.requirements import Tokens
from headworks.system.schema.system import Local, Log, Model, OpenAI, Server, Simulated, Spread, TargetOf
from tests.system.files import FakeMachine, right

SIM = "providers: {v: {dialect: simulated}, w: {dialect: simulated}, here: {dialect: local}}\n"


def test_a_base_url_keeps_its_query() -> None:
    system = right("providers: {v: {dialect: openai, base_url: 'https://v/v1/?api-version=1'}}\nmodels: {a: v/m}\n")
    assert system.providers["v"] == OpenAI(base_url="https://v/v1?api-version=1")


def test_everything_but_providers_and_models_has_the_default_of_the_design() -> None:
    system = right("providers: {v: {dialect: openai, base_url: 'https://v/v1/'}}\nmodels: {a: v/org/model:tag}\n")
    assert system.name == "headworks"
    assert system.providers["v"] == OpenAI(base_url="https://v/v1")
    assert system.models["a"] == Model(targets=((TargetOf(provider="v", model="org/model:tag"),),))
    assert system.models["a"].timeouts == Timeouts(
        connect=2.0, first_token=8.0, between_tokens=8.0, answer=60.0, total=120.0
    )
    assert system.models["a"].retry == Retrying(attempts=3, backoff=Backoff(shortest=0.1, longest=5.0))
    assert system.models["a"].breaker == Breaking(failures=5, open=Pause(shortest=5.0))
    assert system.keys == {}
    assert system.server == Server()
    assert str(system.server.listen) == "127.0.0.1:8080"
    assert (system.server.max_body, system.server.max_in_flight, system.server.drain) == (10_000_000, 4096, 30.0)
    assert system.log == Log(journal=".headworks/journal", sync=1.0)


@pytest.mark.parametrize(
    ("written", "tiers"),
    [
        ("v/x", [["v/x"]]),
        ("v", [["v/simulated"]]),
        ("here", [["here/gemma-3-270m"]]),
        ("[here, v/x]", [["here/gemma-3-270m"], ["v/x"]]),
        ("[[v/x, w/x], here]", [["v/x", "w/x"], ["here/gemma-3-270m"]]),
        ("{targets: v/x}", [["v/x"]]),
        ("{targets: {provider: v}}", [["v/simulated"]]),
        ("{targets: [{provider: v, model: x}]}", [["v/x"]]),
        ("{targets: [[{provider: v, model: x, weight: 3}, w/y]]}", [["v/x", "w/y"]]),
    ],
)
def test_targets_have_short_forms(written: str, tiers: list[list[str]]) -> None:
    system = right(f"{SIM}models: {{a: {written}}}\n")
    assert [[str(target) for target in tier] for tier in system.models["a"].targets] == tiers


def test_aliases_keep_the_order_of_the_file() -> None:
    assert list(right(SIM + "models: {z: v/x, a: v/x, m: [w/x, here]}\n").models) == ["z", "a", "m"]


def test_a_list_of_one_needs_no_brackets() -> None:
    system = right(
        SIM + "models: {a: v/x}\nkeys: {k: {key: '${env:K}', models: a}}\nserver: {cors: 'https://a'}\n",
        {"K": "k" * 20},
    )
    assert system.keys["k"].models == ("a",)
    assert system.server.cors == ("https://a",)


def test_text_is_never_guessed_to_be_something_else() -> None:
    system = right("name: 1e3\n" + SIM + "models: {no: v/12:30, 007: v/0x1F, 'null': v/~}\n")
    assert system.name == "1e3"
    assert [str(model.targets[0][0]) for model in system.models.values()] == ["v/12:30", "v/0x1F", "v/~"]
    assert list(system.models) == ["no", "007", "null"]


def test_a_simulated_vendor_is_all_numbers() -> None:
    written = "{dialect: simulated, first_token: {p50: 1ms, p99: 1s}, rpm: 10k, tpm: 2M, concurrency: 5, seed: -3, faults: {cut: 1%}, OUTPUT}"
    written = written.replace("OUTPUT", "output_tokens: {p50: 180, p95: 1k}")
    assert right(f"providers: {{v: {written}}}\nmodels: {{a: v/x}}\n").providers["v"] == Simulated(
        first_token=Spread(p50=0.001, p99=1.0),
        output_tokens=Tokens(p50=180, p95=1000),
        rpm=10_000,
        tpm=2_000_000,
        concurrency=5,
        seed=-3,
        faults={"cut": 0.01},
    )


@pytest.mark.parametrize(
    ("model", "is_file", "name"),
    [("gemma-3-270m", False, "gemma-3-270m"), ("./a/b.gguf", True, "b"), ("b.gguf", True, "b"), ("/a/c", True, "c")],
)
def test_a_local_model_is_a_name_or_a_file(model: str, is_file: bool, name: str) -> None:
    local = Local(model=model)
    assert (local.is_file, local.name) == (is_file, name)
    system = right(
        f"providers: {{v: {{dialect: local, model: {model}}}}}\nmodels: {{a: v}}\n",
        machine=FakeMachine({model: b"GGUF..."}),
    )
    assert str(system.models["a"].targets[0][0]) == f"v/{name}"


def test_a_file_is_loaded_with_its_folder_and_its_warnings(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(SIM + "models: {a: v/x}\n")
    loaded = load(file, {}, FakeMachine())
    assert loaded.folder == tmp_path
    assert [problem.path for problem in loaded.warnings] == ["providers.w", "providers.here"]
    assert {problem.file for problem in loaded.warnings} == {str(file)}


def test_a_file_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match="the system file cannot be read"):
            load(path, {})


def test_one_error_prints_as_place_problem_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(SIM + "models: {a: q/x}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {}, FakeMachine())
    assert str(caught.value) == (
        f"{file}:2:13: models.a.targets[0][0].provider: there is no provider `q`\n    providers: v, w, here"
    )
