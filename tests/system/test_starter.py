"""The system without a file."""

from pathlib import Path

from headworks.core.extras import install
from headworks.system.schema.requirements import Tokens
from headworks.system.schema.system import Local, Simulated
from headworks.system.starter import starter, starter_text
from tests.system.files import FakeMachine, odd


def test_it_needs_no_secret_and_has_no_warning() -> None:
    assert odd(starter_text()) == []


def test_it_serves_the_embedded_model_a_simulated_vendor_and_both() -> None:
    loaded = starter(Path("/somewhere"), FakeMachine())
    assert loaded.warnings == ()
    assert loaded.folder == Path("/somewhere")
    kinds = {
        alias: [type(loaded.system.providers[target.provider]) for tier in model.targets for target in tier]
        for alias, model in loaded.system.models.items()
    }
    assert kinds == {"assistant": [Local, Simulated], "local": [Local], "simulated": [Simulated, Simulated]}


def test_every_simulated_failure_has_somebody_to_fall_back_on() -> None:
    system = starter(Path("/somewhere"), FakeMachine()).system
    last = [model.targets[-1][0].provider for model in system.models.values()]
    for provider in (system.providers[name] for name in last):
        assert isinstance(provider, (Local, Simulated))
        assert isinstance(provider, Local) or provider.faults == {}


def test_without_the_extra_it_serves_what_is_left_and_says_so() -> None:
    loaded = starter(Path("/somewhere"), FakeMachine(has_modules=False))
    assert list(loaded.system.models) == ["assistant", "simulated"]
    assert all(isinstance(provider, Simulated) for provider in loaded.system.providers.values())
    assert [str(target) for tier in loaded.system.models["assistant"].targets for target in tier] == [
        "steady/simulated"
    ]
    assert [problem.remedy for problem in loaded.warnings] == [install("local")]


def test_its_simulated_vendors_do_not_write_as_much_as_a_client_allows() -> None:
    system = starter(Path("/somewhere"), FakeMachine()).system
    simulated = [provider for provider in system.providers.values() if isinstance(provider, Simulated)]
    assert [one.output_tokens for one in simulated] == [Tokens(p50=40, p95=125)] * 2
