"""The order of layers, known here and nowhere else.

Three functions, outermost first: `front` (each call once), `pool` (per alias), `target` (per alias and target). What
must agree is one policy object handed to both: Breaker and Balance share a Circuit, Retry and Fallback a retry budget, every
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
from headworks.core.kept_answer import KeptAnswers
from headworks.core.passage import OwnedIds
from headworks.core.service import Layer, Service, stack
from headworks.core.state import State
from headworks.gateway.capabilities import TargetCapabilities, override
from headworks.gateway.passages import Known, passages
from headworks.gateway.prices import Prices
from headworks.gateway.quotas import UNCOUNTED, Quotas, file_groups, file_keys, target_bounds
from headworks.layers.admit import Admit
from headworks.layers.auth import Auth, Keyring
from headworks.layers.balance import Balance, Capabilities, Target
from headworks.layers.breaker import Breaker
from headworks.layers.cache import Answers, Cache, Fill
from headworks.layers.coalesce import Coalesce
from headworks.layers.conform import Conform
from headworks.layers.deadline import Deadline
from headworks.layers.fallback import Fallback
from headworks.layers.fingerprint import SCOPES, Fingerprint
from headworks.layers.limit import Limit, ProviderQueue
from headworks.layers.meter import Meter
from headworks.layers.quota import BudgetStatus
from headworks.layers.render import Prompt, Render
from headworks.layers.reserve import Reserve
from headworks.layers.resume import Prefill, Resume
from headworks.layers.retry import Retry
from headworks.layers.route import Route
from headworks.layers.sticky import StickyBalance
from headworks.layers.stored import Stored
from headworks.layers.timeout import Timeout
from headworks.layers.trace import Journal, Trace
from headworks.policy.balancing import PICKERS, Candidate
from headworks.policy.budget import AttemptBudget
from headworks.policy.capability import Capability, gaps_of
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.concurrency import Slots
from headworks.policy.latency import LatencyWindow
from headworks.policy.retry import RetryPolicy
from headworks.policy.shedding import Admission
from headworks.policy.sticky import Moves
from headworks.policy.tombstones import Tombstones
from headworks.providers.remote import Remote
from headworks.state.answers import Answers as InMemoryAnswers
from headworks.state.memory import Memory
from headworks.system.derived.prefill import prefill_of
from headworks.system.schema.system import Model, System, TargetOf, alias_identity
from headworks.system.verdicts.constraints import check_served, permitted
from headworks.wire.needs import HINTS, needs_of

Leaf = Callable[[str, str], Service]
"""Gives the service that asks a provider (its name in the file) for a model."""


class AnswerStore(Answers, Protocol):
    """The answer cache of an alias, with its limits and statistics."""

    most: int
    ttl: float
    bytes: int
    evicted: int

    def __len__(self) -> int: ...


AnswerStores = Callable[[str, int, float], AnswerStore]
"""Gives the store of an alias's answers, for so many bytes and seconds."""


def in_memory(alias: str, most: int, ttl: float) -> AnswerStore:
    return InMemoryAnswers(most, ttl)


class Shared:
    """State that outlives a call and is shared by layers and aliases. Tests and `/readyz` read it.

    Made for a reload it takes over from `before` what is known of providers that stayed the same: calls that still run
    on the old stack keep their places, so that limits hold over both.
    """

    def __init__(
        self,
        system: System,
        seed: int,
        before: Shared | None = None,
        state: State | None = None,
        answer_stores: AnswerStores | None = None,
    ) -> None:
        self.seed = seed
        self.system = system
        self.providers = system.providers
        self._before = before
        self.prices = Prices(system)
        self.known = TargetCapabilities(system, self.prices.catalog)
        most, queued = system.server.max_in_flight, system.server.max_queued
        self.max_wait = system.server.max_wait
        self.admission: Admission = before.admission if before is not None else Admission(most, queued)
        self.admission.resize(most, queued)
        self.has_budgets = False
        """Whether calls may be under a budget."""
        self.budget_status: BudgetStatus = BudgetStatus() if before is None else before.budget_status
        self.state: State = state or (before.state if before is not None else Memory())
        self.slots: dict[str, Slots] = {}
        self.provider_queues: dict[str, ProviderQueue] = {} if before is None else before.provider_queues
        for name, provider in system.providers.items():
            if provider.concurrency is not None:
                slots = before.slots.get(name) if before is not None and self.has_stayed(name) else None
                self.slots[name] = slots or Slots(provider.concurrency)
                self.slots[name].limit = provider.concurrency
        self.circuits: dict[str, Circuit] = {}
        self.retry_budgets: dict[str, AttemptBudget] = {}
        self.latencies: dict[str, LatencyWindow] = {}
        self.capabilities: dict[str, Capability] = {}
        self.candidates: list[Candidate] = []
        self.answers: dict[str, AnswerStore] = {}
        self.moves: dict[str, Moves] = {} if before is None else before.moves
        """Sessions that have left their home, per alias and tier."""
        self.tombstones: Tombstones = Tombstones() if before is None else before.tombstones
        answer_stores = answer_stores or in_memory
        for alias, model in system.models.items():
            if (ttl := model.cache.exact) is not None:
                kept = before.answers.get(alias) if before is not None else None
                if kept is None or (kept.ttl, kept.most) != (ttl, model.cache.size):
                    kept = answer_stores(alias, model.cache.size, ttl)
                self.answers[alias] = kept

    def has_stayed(self, provider: str) -> bool:
        """Whether the provider is the one that it was before the reload, but for how many calls it takes at once."""
        was = self._before.providers.get(provider) if self._before is not None else None
        now = self.providers[provider]
        return was is not None and msgspec.structs.replace(was, concurrency=now.concurrency) == now

    def recent_health(self, target: TargetOf, config: Breaking) -> tuple[Circuit, LatencyWindow]:
        """The circuit and latencies of a target, kept over a reload."""
        name = str(target)
        if self._before is not None and name in self._before.circuits and self.has_stayed(target.provider):
            circuit = self._before.circuits[name]
            if circuit.config.failures == config.failures:
                circuit.configure(config)  # a tier that is added in an outage is no reason to forget the outage
                return circuit, self._before.latencies[name]
        return Circuit(config, self.rng(f"{name}/circuit")), LatencyWindow()

    def forget(self) -> None:
        """Drops the reference to the previous stack, once everything is assembled."""
        self._before = None

    def rng(self, use: str) -> Random:
        """A random generator for one component, seeded by its name: a plan must be repeatable to the digit."""
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
    answer_stores: AnswerStores | None = None,
    kept: KeptAnswers | None = None,
    ids: OwnedIds | None = None,
) -> Assembled:
    """The system as one Service. Nothing is started: leaves are given, and time is the loop's.

    before: what the stack that this one replaces has shared. prompts: those of the system file, made ready.
    state: what calls are counted by; without one, that of `before`, or a new one of this process. keys: every key, where more
    may be made while calls are served; without it, those of the file. answer_stores: where answers are kept; without one, in this process.
    kept: where callers' answers are kept that they may go on from; without it, and without `responses.store`, nowhere.
    ids: where it is noted whose files and batches are; without it no path passes through.
    Targets that do not meet `requirements.constraints` are not built. Raises ConfigError where an alias has no other.
    """
    check_served(system)
    config, system = system.digest, permitted(system)
    shared = Shared(system, seed, before, state, answer_stores)
    if keys is None and system.keys:
        keys = Keyring(file_keys(system), file_groups(system))
    quota = Quotas(system, shared, journal, None if keys is None else keys.group)
    shared.has_budgets = keys is not None
    fitting = {system.prompts[name].alias for name in prompts if system.prompts[name].file.front.output is not None}
    aliases: dict[str, Service] = {
        name: pool(name, model, leaf, shared, quota.before(name, model), conforms=name in fitting)
        for name, model in system.models.items()
    }
    for name, prompt in prompts.items():
        aliases[PROMPT_PREFIX + name] = Render(aliases[system.prompts[name].alias], prompt)
    passing: Mapping[str, Service] = {}
    if ids is not None and system.passthrough:
        known = Known(
            shared.prices,
            shared.state,
            shared.admission,
            shared.max_wait,
            shared.slots,
            shared.provider_queues,
        )
        passing = passages(system, leaf, ids, known, lambda name: quota.before(name, Model()))
    shared.forget()
    stored = None if kept is None or system.responses.store is None else kept
    return Assembled(front(Route(aliases, passing), journal, keys, system, config, stored), shared, keys)


def front(
    route: Service,
    journal: Journal,
    keys: Keyring | None,
    system: System,
    config: str,
    kept: KeptAnswers | None,
) -> Trace:
    """The layers that each call passes once. config: the digest of the whole file, for records."""
    if kept is not None:
        route = Stored(route, kept, system.server.max_body)
    known = route if keys is None else Auth(route, keys)
    return Trace(known, journal, config, keeps_bodies=system.log.bodies == "full")


def pool(
    alias: str, model: Model, leaf: Leaf, shared: Shared, quota: Sequence[Layer], *, conforms: bool = False
) -> Service:
    """The stack of one alias: its deadline, tiers and targets. conforms: a prompt over it has an output schema."""
    tiers = [[(candidate(one, shared, model), one) for one in tier] for tier in model.targets]
    circuits = [known.circuit for tier in tiers for known, _ in tier]
    retry_budget = shared.retry_budgets[alias] = AttemptBudget(circuits)
    capabilities = {known.name: known.capability for tier in tiers for known, _ in tier}
    services: list[Service] = []
    targets: list[list[Target]] = [
        [Target(known, target(known, one, alias, model, leaf, shared)) for known, one in tier] for tier in tiers
    ]
    everybody = [known for tier in tiers for known, _ in tier]
    gaps = gaps_of(capabilities.values(), HINTS)
    lacking = None if gaps is None else Capabilities(everybody, gaps, needs_of)
    for number, tier_targets in enumerate(targets):
        is_last = number == len(tiers) - 1
        resort = [one for some in targets for one in some] if is_last else []
        balance = balanced(tier_targets, resort, f"{alias}/{number}", model, shared)
        balance.known = lacking
        policy = RetryPolicy(model.retry, shared.rng(f"{alias}/{number}/retry"))
        retry = Retry(balance, policy, balance.candidates, retry_budget, is_last=is_last, everybody=balance.resort)
        retry.later = [one.candidate.name for some in targets[number + 1 :] for one in some]
        services.append(retry)
    layers: list[Callable[[Service], Service]] = [
        partial(Deadline, total=model.timeouts.total),
        *quota,
        *sharing(alias, model, shared),
        partial(Admit, admission=shared.admission, max_wait=shared.max_wait),
        *([Conform] if conforms else []),
    ]
    if model.mid_stream != "error":
        layers.append(partial(Resume, mode=model.mid_stream, retry_budget=retry_budget, capabilities=capabilities))
    if len(services) > 1:
        inside: Service = Fallback(services, retry_budget, capabilities, model.on_content_filter)
    else:
        inside = services[0]
    return stack(*layers, inside=inside)


def balanced(targets: Sequence[Target], resort: Sequence[Target], tier: str, model: Model, shared: Shared) -> Balance:
    """The choice among one tier's targets. tier: its name."""
    choice, rng, most = PICKERS[model.balance], shared.rng(f"{tier}/choice"), model.retry.attempts
    if model.balance != "sticky":
        return Balance(targets, choice, rng, most=most, resort=resort)
    moves = shared.moves.setdefault(tier, Moves())
    return StickyBalance(targets, choice, rng, moves, most=most, resort=resort)


def sharing(alias: str, model: Model, shared: Shared) -> list[Layer]:
    """What answers equal calls without a vendor, or with one call to it: only where the alias asks for it."""
    fingerprints = Fingerprint(alias, alias_identity(shared.system, alias), SCOPES[model.cache.share])
    coalesce: list[Layer] = [partial(Coalesce, fingerprints=fingerprints)] if model.coalesces else []
    ttl = model.cache.exact
    if ttl is None:
        return coalesce
    answers = shared.answers[alias]
    cache = partial(Cache, answers=answers, fingerprints=fingerprints, ttl=ttl, tombstones=shared.tombstones)
    return [cache, *coalesce, partial(Fill, answers=answers)]


def target(known: Candidate, one: TargetOf, alias: str, model: Model, leaf: Leaf, shared: Shared) -> Service:
    """The layers before one target, outermost first."""
    layers: list[Callable[[Service], Service]] = [Reserve] if shared.has_budgets else []
    layers.append(partial(Breaker, circuit=known.circuit, target=known.name))
    if bounds := target_bounds(one, alias, shared.providers[one.provider]):
        slots = shared.slots.get(one.provider) or Slots(UNCOUNTED)
        queue = shared.provider_queues.setdefault(one.provider, ProviderQueue())
        limit = partial(Limit, state=shared.state, bounds=bounds, slots=slots, provider_queue=queue, target=known.name)
        layers.append(limit)
    layers.append(partial(Timeout, timeouts=model.timeouts))
    layers.append(partial(Meter, candidate=known, price=shared.prices.of(model, one)))
    if model.mid_stream == "continue" and known.capability.prefill != "none":
        layers.append(partial(Prefill, capability=known.capability))
    inside = leaf(one.provider, one.model)
    if isinstance(inside, Remote):
        known.capability.speaks = frozenset(inside.dialect)
    return stack(*layers, inside=inside)


def candidate(one: TargetOf, shared: Shared, model: Model) -> Candidate:
    """The target as its tier sees it, over the circuit and the latencies that every alias shares."""
    name = f"{one.provider}/{one.model}"
    circuit = shared.circuits.get(name)
    if circuit is None:
        circuit, latency = shared.recent_health(one, breaking(one, model, shared.system))
        shared.circuits[name], shared.latencies[name] = circuit, latency
    known = Candidate(name, circuit, shared.latencies[name], one.weight, capability(one, shared))
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


def capability(one: TargetOf, shared: Shared) -> Capability:
    """The capabilities of a target's model: from the file, else from the bundled table."""
    name = str(one)
    known = shared.capabilities.get(name)
    if known is None:
        prefill = prefill_of(one, shared.providers[one.provider])
        known = shared.capabilities[name] = shared.known.of(one, prefill)
    if one.prefill is not None:
        known.prefill = one.prefill
    if one.context_window is not None:
        known.window = one.context_window
    if one.capabilities is not None:
        override(known, one.capabilities)
    return known
