"""What is paid beside calls: a machine by the hour, so many places, a tier's minimum."""

import pytest

from headworks.twin.frontier.extra_prices import extra_cost
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
