"""What is paid beside calls: a machine by the hour, so many places, a tier's minimum."""

import pytest

from headworks.gateway.prices import Prices
from headworks.twin.frontier.extra_prices import extra_cost, with_paid_providers
from tests.system.files import right

FILE = """\
providers: {{v: {{dialect: simulated, concurrency: 20, tpm: 2M}}, w: {{dialect: simulated}}}}
models: {{a: {{targets: [v]}}}}
choices: {{prices: [{prices}]}}
"""


@pytest.mark.parametrize(
    ("price", "month"),
    [
        ("{of: providers.v, costs: $2, per: 1h}", 1440),
        ("{of: providers.w, costs: $2, per: 1h}", 0),  # nobody asks it
        ("{of: providers.v.concurrency, costs: $10, each: 16}", 20),
        ("{of: providers.v.tpm, costs: $300, when: 2M}", 300),
        ("{of: providers.v.tpm, costs: $300, when: 4M}", 0),
        ("{of: providers.w.concurrency, costs: $10, each: 16}", 0),
        ("{of: server.workers, costs: $40, each: 1}", 40),
        ("{of: models.a.mid_stream, costs: $5, when: error}", 5),
        ("{of: models.a.timeouts.first_token, costs: $5, when: 8s}", 5),
        ("{of: models.a.cache.exact, costs: $5, when: 1h}", 0),
        ('{of: "models.a.targets[0][0].weight", costs: $3, each: 1}', 3),
        ("{of: providers.v, at_least: $500}", 400),  # its calls cost $100
        ("{of: providers.v, at_least: $50}", 0),
        ("{of: providers.v, at_least: $10, per: 1d}", 200),
        ("{of: providers.w, at_least: $500}", 0),
    ],
)
def test_what_is_paid_in_a_month(price: str, month: float) -> None:
    assert extra_cost(right(FILE.format(prices=price)), {"v": 100.0}) == pytest.approx(month)


def test_several_prices_add_up() -> None:
    prices = "{of: providers.v, costs: $2, per: 1h}, {of: server.workers, costs: $40, each: 1}"
    assert extra_cost(right(FILE.format(prices=prices)), {}) == pytest.approx(1480)
    assert extra_cost(right("providers: {v: {dialect: simulated}}\nmodels: {a: v}\n"), {}) == 0


def test_calls_of_a_machine_that_is_paid_by_the_hour_cost_nothing_more_in_a_search() -> None:
    system = right(
        """\
providers:
  gpu: {dialect: openai, base_url: "http://gpu/v1", concurrency: 16}
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
models: {a: {targets: [gpu/llama, openai/gpt-4o-mini]}}
choices: {prices: [{of: providers.gpu.concurrency, each: 16, costs: $2, per: 1h}]}
"""
    )
    [[gpu], [openai]] = system.models["a"].targets
    searched = with_paid_providers(system)
    assert Prices(system).of(system.models["a"], gpu) is None  # a gateway takes no notice of choices
    found = Prices(searched).of(system.models["a"], gpu)
    assert found is not None
    assert found.rates.input == 0
    assert Prices(searched).of(system.models["a"], openai) == Prices(system).of(system.models["a"], openai)
    assert searched.digest == system.digest
