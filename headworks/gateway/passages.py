"""What answers below `/v1/WORD` for each word of `passthrough`: one provider's paths behind the limits of callers and of that provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from headworks.catalog.batch_discount import batch_price
from headworks.core.money import Price
from headworks.core.passage import PASSAGE_PREFIX, OwnedIds
from headworks.core.service import Layer, Service, stack
from headworks.core.state import State
from headworks.gateway.prices import Prices
from headworks.gateway.quotas import UNCOUNTED, target_bounds
from headworks.layers.admit import Admit
from headworks.layers.deadline import Deadline
from headworks.layers.limit import Limit, ProviderQueue
from headworks.layers.passage import TOTAL, Pass
from headworks.policy.concurrency import Slots
from headworks.policy.shedding import Admission
from headworks.providers.owned import Owned
from headworks.providers.passing import Passing
from headworks.providers.remote import Remote
from headworks.system.schema.system import Azure, OpenAI, System, TargetOf
from headworks.wire.hosts import names_deployments


class Known(msgspec.Struct, frozen=True):
    """The shared parts that are needed here."""

    prices: Prices
    state: State
    admission: Admission
    max_wait: float
    slots: Mapping[str, Slots]
    provider_queues: dict[str, ProviderQueue]


def passages(
    system: System,
    leaf: Callable[[str, str], Service],
    ids: OwnedIds,
    known: Known,
    quota: Callable[[str], Sequence[Layer]],
) -> Mapping[str, Service]:
    """The service of each word. quota: the layers that hold a caller's limits, by the name in records."""
    return {
        word: passage(system, provider, leaf(provider, ""), ids, known, quota(PASSAGE_PREFIX + word))
        for word, provider in system.passthrough.items()
    }


def passage(system: System, name: str, leaf: Service, ids: OwnedIds, known: Known, quota: Sequence[Layer]) -> Service:
    provider = system.providers[name]
    assert isinstance(leaf, Remote), "`check` refuses other providers"
    assert isinstance(provider, OpenAI)
    before = b"/openai" if isinstance(provider, Azure) and names_deployments(provider.base_url) else b""
    layers: list[Layer] = [
        partial(Deadline, total=TOTAL),
        *quota,
        partial(Admit, admission=known.admission, max_wait=known.max_wait),
        partial(Owned, ids=ids, provider=name, price=partial(price_of, known.prices, provider.base_url)),
        partial(Pass, target=name),
    ]
    if bounds := target_bounds(TargetOf(provider=name), "", msgspec.structs.replace(provider, tpm=None)):
        queue = known.provider_queues.setdefault(name, ProviderQueue())
        slots = known.slots.get(name) or Slots(UNCOUNTED)
        limit = partial(Limit, state=known.state, bounds=bounds, slots=slots, provider_queue=queue, target=name)
        layers.append(limit)
    return stack(*layers, inside=Passing(leaf, before))


def price_of(prices: Prices, base_url: str, model: str) -> Price | None:
    """What a batch pays for a model's tokens; None where that is not known."""
    entry = prices.catalog.find(base_url, model)
    return None if entry is None or entry.price is None else batch_price(base_url, entry.price)
