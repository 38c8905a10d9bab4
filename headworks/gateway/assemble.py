"""The order of layers, known here and nowhere else.

Three functions, outermost first: `front` (each call once), `pool` (per alias), `target` (per alias and target). What
must agree is one policy object handed to both: Breaker and Balance one Circuit, Retry and Fallback one purse, every
alias one bound of calls in flight, every alias of a provider its slots. Circuits and latencies are per (provider,
model), so that what one alias learns of a target the others know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Protocol

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.service import Layer, Service, stack
from headworks.core.state import State
from headworks.gateway.prices import Prices
from headworks.gateway.quotas import UNCOUNTED, Quotas, file_groups, file_keys, target_bounds
from headworks.layers.admit import Admit
from headworks.layers.auth import Auth, Keyring
from headworks.layers.balance import Balance, Target
from headworks.layers.breaker import Breaker
from headworks.layers.cache import Answers, Cache, Fill
from headworks.layers.coalesce import Coalesce
from headworks.layers.conform import Conform
from headworks.layers.deadline import Deadline
from headworks.layers.fallback import Fallback
from headworks.layers.fingerprint import SCOPES, Fingerprint
from headworks.layers.fund import Fund
from headworks.layers.limit import Limit, Line
from headworks.layers.meter import Meter
from headworks.layers.quota import Books
from headworks.layers.render import Prompt, Render
from headworks.layers.resume import Prefill, Resume
from headworks.layers.retry import Retry
from headworks.layers.route import Route
from headworks.layers.timeout import Timeout
from headworks.layers.trace import Journal, Trace
from headworks.policy.budget import AttemptBudget
from headworks.policy.choice import CHOICES, Ability, Candidate
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.concurrency import Slots
from headworks.policy.latency import LatencyWindow
from headworks.policy.purged import Purged
from headworks.policy.retry import RetryPolicy
from headworks.policy.shedding import Admission
from headworks.state.answers import Answers as Remembered
from headworks.state.memory import Memory
from headworks.system.derived.prefill import prefill_of
from headworks.system.schema.system import Model, System, TargetOf, behind

Leaf = Callable[[str, str], Service]
"""Gives the service that asks a provider (its name in the file) for a model."""


class Store(Answers, Protocol):
    """Where an alias's answers are kept, and what is told of it: its bounds, how many there are, how many had to go."""

    most: int
    ttl: float
    bytes: int
    evicted: int

    def __len__(self) -> int: ...


Keeper = Callable[[str, int, float], Store]
"""Gives the store of an alias's answers, for so many bytes and seconds."""


def remembered(alias: str, most: int, ttl: float) -> Store:
    return Remembered(most, ttl)


class Shared:
    """What outlives a call and is shared between layers and aliases, so that tests and `/readyz` can read it.

    Made for a reload it takes over from `before` what is known of providers that stayed the same: calls that still run
    on the old stack keep their places, so that limits hold over both.
    """

    def __init__(
        self,
        system: System,
        seed: int,
        before: Shared | None = None,
        state: State | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.seed = seed
        self.system = system
        self.providers = system.providers
        self._before = before
        self.prices = Prices(system)
        most, queued = system.server.max_in_flight, system.server.max_queued
        self.max_wait = system.server.max_wait
        self.admission: Admission = before.admission if before is not None else Admission(most, queued)
        self.admission.resize(most, queued)
        self.is_funded = False
        """Whether calls may be under a budget."""
        self.books: Books = Books() if before is None else before.books
        self.state: State = state or (before.state if before is not None else Memory())
        self.slots: dict[str, Slots] = {}
        self.lines: dict[str, Line] = {} if before is None else before.lines
        for name, provider in system.providers.items():
            if provider.concurrency is not None:
                slots = before.slots.get(name) if before is not None and self.has_stayed(name) else None
                self.slots[name] = slots or Slots(provider.concurrency)
                self.slots[name].limit = provider.concurrency
        self.circuits: dict[str, Circuit] = {}
        self.purses: dict[str, AttemptBudget] = {}
        self.latencies: dict[str, LatencyWindow] = {}
        self.abilities: dict[str, Ability] = {}
        self.candidates: list[Candidate] = []
        self.answers: dict[str, Store] = {}
        self.purged: Purged = Purged() if before is None else before.purged
        keeper = keeper or remembered
        for alias, model in system.models.items():
            if (ttl := model.cache.exact) is not None:
                kept = before.answers.get(alias) if before is not None else None
                if kept is None or (kept.ttl, kept.most) != (ttl, model.cache.size):
                    kept = keeper(alias, model.cache.size, ttl)
                self.answers[alias] = kept

    def has_stayed(self, provider: str) -> bool:
        """Whether the provider is the one that it was before the reload, but for how many calls it takes at once."""
        was = self._before.providers.get(provider) if self._before is not None else None
        now = self.providers[provider]
        return was is not None and msgspec.structs.replace(was, concurrency=now.concurrency) == now

    def lately(self, target: TargetOf, config: Breaking) -> tuple[Circuit, LatencyWindow]:
        """What the target did lately: from before the reload where there was one, or nothing yet."""
        name = str(target)
        if self._before is not None and name in self._before.circuits and self.has_stayed(target.provider):
            circuit = self._before.circuits[name]
            if circuit.config.failures == config.failures:
                circuit.configure(config)  # a tier that is added in an outage is no reason to forget the outage
                return circuit, self._before.latencies[name]
        return Circuit(config, self.rng(f"{name}/circuit")), LatencyWindow()

    def forget(self) -> None:
        """Lets go of what was before, once everything is assembled."""
        self._before = None

    def rng(self, use: str) -> Random:
        """A source of chance of its own for each component: a plan must be repeatable to the digit."""
        return Random(f"{self.seed}/{use}")


class Assembled:
    """A stack, and the parts of it that are looked at from outside."""

    def __init__(self, trace: Trace, shared: Shared, keys: Keyring | None) -> None:
        self.front = trace
        self.shared = shared
        self.keys = keys


def assemble(
    system: System,
    leaf: Leaf,
    journal: Journal,
    *,
    seed: int,
    before: Shared | None = None,
    prompts: Mapping[str, Prompt] = MappingProxyType({}),
    state: State | None = None,
    keys: Keyring | None = None,
    keeper: Keeper | None = None,
) -> Assembled:
    """The system as one Service. Nothing is started: leaves are given, and time is the loop's.

    before: what the stack that this one replaces has shared. prompts: those of the system file, made ready.
    state: what calls are counted by; without one, that of `before`, or a new one of this process. keys: every key, where more
    may be made while calls are served; without it, those of the file. keeper: where answers are kept; without one, in this process.
    """
    shared = Shared(system, seed, before, state, keeper)
    if keys is None and system.keys:
        keys = Keyring(file_keys(system), file_groups(system))
    quota = Quotas(system, shared, journal, None if keys is None else keys.group)
    shared.is_funded = keys is not None
    fitting = {system.prompts[name].alias for name in prompts if system.prompts[name].file.front.output is not None}
    aliases: dict[str, Service] = {
        name: pool(name, model, leaf, shared, quota.before(name, model), conforms=name in fitting)
        for name, model in system.models.items()
    }
    for name, prompt in prompts.items():
        aliases[PROMPT_PREFIX + name] = Render(aliases[system.prompts[name].alias], prompt)
    shared.forget()
    return Assembled(front(aliases, journal, keys, system), shared, keys)


def front(aliases: Mapping[str, Service], journal: Journal, keys: Keyring | None, system: System) -> Trace:
    """What every call passes once."""
    route: Service = Route(aliases)
    known = route if keys is None else Auth(route, keys)
    return Trace(known, journal, system.digest, keeps_bodies=system.log.bodies == "full")


def pool(
    alias: str, model: Model, leaf: Leaf, shared: Shared, quota: Sequence[Layer], *, conforms: bool = False
) -> Service:
    """What belongs to one alias: its deadline, its tiers, its targets. conforms: a prompt over it has an output schema."""
    tiers = [[(candidate(one, shared, model), one) for one in tier] for tier in model.targets]
    circuits = [known.circuit for tier in tiers for known, _ in tier]
    purse = shared.purses[alias] = AttemptBudget(circuits)
    abilities = {known.name: known.ability for tier in tiers for known, _ in tier}
    services: list[Service] = []
    targets: list[list[Target]] = [
        [Target(known, target(known, one, alias, model, leaf, shared)) for known, one in tier] for tier in tiers
    ]
    for number, tier_targets in enumerate(targets):
        is_last = number == len(tiers) - 1
        rng = shared.rng(f"{alias}/{number}/choice")
        resort = [one for some in targets for one in some] if is_last else []
        balance = Balance(tier_targets, CHOICES[model.balance], rng, most=model.retry.attempts, resort=resort)
        policy = RetryPolicy(model.retry, shared.rng(f"{alias}/{number}/retry"))
        retry = Retry(balance, policy, balance.candidates, purse, is_last=is_last, everybody=balance.resort)
        services.append(retry)
    layers: list[Callable[[Service], Service]] = [
        partial(Deadline, total=model.timeouts.total),
        *quota,
        *sharing(alias, model, shared),
        partial(Admit, admission=shared.admission, max_wait=shared.max_wait),
        *([Conform] if conforms else []),
    ]
    if model.mid_stream != "error":
        layers.append(partial(Resume, mode=model.mid_stream, purse=purse, abilities=abilities))
    if len(services) > 1:
        inside: Service = Fallback(services, purse, abilities, model.on_content_filter)
    else:
        inside = services[0]
    return stack(*layers, inside=inside)


def sharing(alias: str, model: Model, shared: Shared) -> list[Layer]:
    """What answers equal calls without a vendor, or with one call to it: only where the alias asks for it."""
    fingerprints = Fingerprint(alias, behind(shared.system, alias), SCOPES[model.cache.share])
    coalesce: list[Layer] = [partial(Coalesce, fingerprints=fingerprints)] if model.coalesces else []
    ttl = model.cache.exact
    if ttl is None:
        return coalesce
    answers = shared.answers[alias]
    cache = partial(Cache, answers=answers, fingerprints=fingerprints, ttl=ttl, purged=shared.purged)
    return [cache, *coalesce, partial(Fill, answers=answers)]


def target(known: Candidate, one: TargetOf, alias: str, model: Model, leaf: Leaf, shared: Shared) -> Service:
    """What stands before one target, outermost first."""
    layers: list[Callable[[Service], Service]] = [Fund] if shared.is_funded else []
    layers.append(partial(Breaker, circuit=known.circuit, target=known.name))
    if bounds := target_bounds(one, alias, shared.providers[one.provider]):
        slots = shared.slots.get(one.provider) or Slots(UNCOUNTED)
        line = shared.lines.setdefault(one.provider, Line())
        limit = partial(Limit, state=shared.state, bounds=bounds, slots=slots, line=line, target=known.name)
        layers.append(limit)
    layers.append(partial(Timeout, timeouts=model.timeouts))
    layers.append(partial(Meter, candidate=known, price=shared.prices.of(model, one)))
    if model.mid_stream == "continue" and known.ability.prefill != "none":
        layers.append(partial(Prefill, ability=known.ability))
    return stack(*layers, inside=leaf(one.provider, one.model))


def candidate(one: TargetOf, shared: Shared, model: Model) -> Candidate:
    """The target as its tier sees it, over the circuit and the latencies that every alias shares."""
    name = f"{one.provider}/{one.model}"
    circuit = shared.circuits.get(name)
    if circuit is None:
        circuit, latency = shared.lately(one, breaking(one, model, shared.system))
        shared.circuits[name], shared.latencies[name] = circuit, latency
    known = Candidate(name, circuit, shared.latencies[name], one.weight, ability(one, shared))
    shared.candidates.append(known)
    return known


def breaking(one: TargetOf, model: Model, system: System) -> Breaking:
    """When the target's circuit opens and for how long: of the first alias that has it, as the file says, else as suits its place.

    A tier that stands below it in any alias answers the calls of that alias whose probe failed.
    """
    name = str(one)
    has_tier_below = any(
        str(target) == name for other in system.models.values() for tier in other.targets[:-1] for target in tier
    )
    open = model.breaker.open.within(has_tier_below=has_tier_below)
    return msgspec.structs.replace(model.breaker, open=open)


def ability(one: TargetOf, shared: Shared) -> Ability:
    """What the target's model can do: what the file says, else what is known of it."""
    name = str(one)
    known = shared.abilities.get(name)
    if known is None:
        entry = shared.prices.entry(one)
        window = entry.context_window if entry is not None else None
        known = shared.abilities[name] = Ability(window or 0, prefill_of(one, shared.providers[one.provider]))
    if one.prefill is not None:
        known.prefill = one.prefill
    if one.context_window is not None:
        known.window = one.context_window
    return known
