"""Keys, groups and limits of the system file, as the layers need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Final, Protocol

from headworks.core.key import UNLIMITED, Allowance, Key, secret_digest
from headworks.core.service import Layer
from headworks.core.state import Bounds, Places, Rate, State
from headworks.gateway.prices import Prices
from headworks.layers.quota import BudgetStatus, Quota
from headworks.layers.reservations import Opener, Terms
from headworks.policy.spend import TEMPLATE, ceiling
from headworks.providers.local.chat_template import transcript
from headworks.providers.local.json_grammar import JSON_MARKER_TOKENS
from headworks.system.schema.system import Local, Model, Provider, Simulated, System, TargetOf

UNCOUNTED: Final = 1_000_000
"""The concurrency limit of a provider that has none."""


class Known(Protocol):
    """The shared parts that are needed here."""

    @property
    def prices(self) -> Prices: ...
    @property
    def state(self) -> State: ...
    @property
    def budget_status(self) -> BudgetStatus: ...


class Quotas:
    """Makes the Quota layer of each alias. group: what a group may ask; None: there are no keys, and so no groups."""

    def __init__(self, system: System, known: Known, journal: Opener, group: Callable[[str], Allowance] | None) -> None:
        self.config = system.digest
        self.providers = system.providers
        self.known = known
        self.journal = journal
        self.group = group

    def before(self, alias: str, model: Model) -> Sequence[Layer]:
        """The layer that stands before an alias's pool; none where nothing can bound its calls."""
        allowance = Allowance(rpm=model.rpm, tpm=model.tpm, concurrency=model.concurrency)
        if self.group is None and not allowance:
            return ()
        prices = [self.known.prices.of(model, target) for target in chain.from_iterable(model.targets)]
        terms = Terms(
            alias=alias,
            config=self.config,
            allowance=allowance,
            ceilings={
                "chat": ceiling(prices, has_output=True),
                "embeddings": ceiling(prices, has_output=False),
            },
            max_output=model.max_output,
            around=self.around(model),
        )
        group = self.group or nobody
        quota = partial(
            Quota,
            terms=terms,
            state=self.known.state,
            journal=self.journal,
            group=group,
            budget_status=self.known.budget_status,
        )
        return (quota,)

    def around(self, model: Model) -> tuple[int, int]:
        """Tokens of input and output that some target of an alias has beyond what a body says."""
        providers = self.providers
        if any(isinstance(providers[one.provider], Local) for one in chain.from_iterable(model.targets)):
            return TEMPLATE + TRANSCRIPT, JSON_MARKER_TOKENS
        return TEMPLATE, 0


TRANSCRIPT: Final = len(transcript((), in_json=True).encode())
"""Tokens at most of the conversation in which a base model finds itself (`providers/local/chat_template.py`)."""


def file_keys(system: System) -> list[Key]:
    """The keys of the file."""
    groups = {key: name for name, group in system.groups.items() for key in group.keys}
    return [
        Key(
            name=name,
            digest=secret_digest(key.key.reveal()),
            models=frozenset(key.models),
            priority=key.priority,
            tags=key.tags,
            group=groups.get(name, ""),
            expires_at=float("inf") if key.expires is None else key.expires,
            allowance=key.allowance or UNLIMITED,
        )
        for name, key in system.keys.items()
    ]


def file_groups(system: System) -> Mapping[str, Allowance]:
    return {name: group.allowance for name, group in system.groups.items()}


def allowances_of(system: System) -> list[tuple[str, Allowance]]:
    """The limits in the file, by the name of their budgets: `key/NAME`, `group/NAME`."""
    keys = [(f"key/{name}", key.allowance) for name, key in system.keys.items()]
    return keys + [(f"group/{name}", group.allowance) for name, group in system.groups.items()]


def nobody(group: str) -> Allowance:
    """The limits of a group where there are no keys: none."""
    return UNLIMITED


def target_bounds(target: TargetOf, alias: str, provider: Provider) -> Bounds:
    """The limits of a target, where it is used, and of its provider. A local model has places; a simulated vendor's rates
    are its own to keep, as a vendor's that nobody wrote down."""
    rates: list[Rate] = []
    places: list[Places] = []
    stated = [(f"target/{alias}/{target}", target.rpm, target.tpm, target.concurrency)]
    if isinstance(provider, (Local, Simulated)):
        stated.append((f"provider/{target.provider}", None, None, provider.concurrency))
    else:
        stated.append((f"provider/{target.provider}", provider.rpm, provider.tpm, provider.concurrency))
    for owner, rpm, tpm, concurrency in stated:
        if rpm is not None:
            rates.append(Rate(f"rpm/{owner}", rpm))
        if tpm is not None:
            rates.append(Rate(f"tpm/{owner}", tpm, "tokens"))
        if concurrency is not None:
            places.append(Places(f"places/{owner}", concurrency))
    # A vendor that is asked a little too often says so; that is no reason to serve nobody.
    return Bounds(tuple(rates), tuple(places), fails_open=True)
