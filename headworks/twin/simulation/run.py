"""One simulation run: the serving stack over simulated targets, on virtual time.

Always true: the stack is `gateway.assemble` and nothing else; everything that is measured is read off the records that
it would write in service. The same system, models, arrivals and seed give the same records to the byte.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Task, get_running_loop
from collections.abc import Mapping
from random import Random
from typing import TypeAlias

import msgspec

from headworks.core.call import Call
from headworks.core.errors import CallError
from headworks.core.record import Opened, Record
from headworks.core.service import Service
from headworks.core.state import Bounds, Claim, Granted, Rate, Refusal
from headworks.core.vtime import run_virtual
from headworks.gateway.assemble import Assembled, assemble
from headworks.state.memory import Memory
from headworks.system.schema.secrets import Secret
from headworks.system.schema.system import Key, System
from headworks.twin.models.random_streams import CallDraws, generator
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.target import ProviderState, SimulatedTarget
from headworks.twin.workload.arrivals import Arrivals
from headworks.wire.own_dialect import OWN

Drained: TypeAlias = tuple[tuple[str, int], ...]
"""Counters of the state, with their size."""

BYTES_PER_TOKEN = 4
"""Bytes of a prompt token: reservations by bytes then see as much as for English text."""


class RecordSink:
    """Keeps the records of a run, by the call's number."""

    def __init__(self, calls: int) -> None:
        self.records: list[Record | None] = [None] * calls

    def append(self, record: Record) -> None:
        self.records[int(record.request_id)] = record

    def open(self, call: Opened) -> bool:
        """A simulated call that is begun is ended: nothing has to be known of it before."""
        return True


class CountingMemory(Memory):
    """In-memory state that notes the calls that each limit rejected at least once. turned: their ids, by the name of the limit.

    A budget holds what calls in flight have reserved, and nothing is ever spent: a run shows what is served while the budget has
    room, and `system/verdicts/budget_flow.py` computes for how much of a window it has room. No run is as long as a window."""

    def __init__(self) -> None:
        super().__init__()
        self.turned: dict[str, set[str]] = {}

    def take_now(self, claim: Claim) -> Granted | Refusal:
        answer = super().take_now(claim)
        if isinstance(answer, Refusal):
            self.turned.setdefault(answer.bound.name, set()).add(claim.id.partition("/")[0])
        return answer

    def settle(
        self, claim: Claim, granted: Granted, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        super().settle(claim, granted, tokens=tokens, costs=(0,) * len(claim.bounds.budgets))


class Simulation:
    """A system over simulated targets, for one run. down: providers that are down all the time. drained: counters of limits
    whose offered load exceeds their capacity: they start used up, as they would be after minutes of such a load."""

    def __init__(
        self,
        system: System,
        models: Mapping[str, VendorModel],
        arrivals: Arrivals,
        seed: int,
        *,
        down: frozenset[str] = frozenset(),
        drained: Drained = (),
    ) -> None:
        self.system = with_placeholder_secrets(system)
        self.models = models
        self.arrivals = arrivals
        self.seed = seed
        self.sink = RecordSink(len(arrivals.at))
        self.providers: dict[str, ProviderState] = {}
        self.targets: list[SimulatedTarget] = []
        self.down = down
        self.drained = drained
        self.credentials = {alias: key_secrets(self.system, alias) for alias in self.system.models}
        self.key_draws: list[float] = generator(seed, "keys").random(len(arrivals.at)).tolist() if system.keys else []
        self.state = CountingMemory()
        self.assembled: Assembled = assemble(self.system, self.leaf, self.sink, seed=seed, state=self.state)
        self.budgeted = {
            alias
            for alias, model in system.models.items()
            if model.max_output is None and any(budgeted_keys(self.system, alias))
        }

    def leaf(self, provider: str, name: str) -> Service:
        model = self.models[f"{provider}/{name}"]
        state = self.providers.get(provider)
        if state is None:
            is_down = provider in self.down
            drained = [counter.partition("/") for counter, _ in self.drained]
            empty = frozenset(unit for unit, _, owner in drained if owner == f"provider/{provider}")
            state = ProviderState(model.rpm, model.tpm, is_down=is_down, empty=empty)
            self.providers[provider] = state
        arrivals = self.arrivals
        draws = CallDraws(model, len(arrivals.at), self.seed)
        twin = SimulatedTarget(model, state, arrivals.sizes, draws, Random(f"{self.seed}/{model.target}/weather"))
        self.targets.append(twin)
        return twin

    def call(self, index: int) -> Call:
        """The call of this number, as the public port would make it."""
        arrivals = self.arrivals
        alias, first = arrivals.alias[index], arrivals.same[index]
        streamed = arrivals.streamed[index]
        most = arrivals.sizes[index].output if arrivals.says_length else None
        if (
            most is None and alias in self.budgeted
        ):  # a call under a budget must say so: the next power of two is what people write
            most = 1 << max(8, arrivals.sizes[index].output.bit_length())
        padding = b"x" * max(0, BYTES_PER_TOKEN * arrivals.sizes[index].prompt - 12)
        body = b'{"model":"%b","messages":[{"role":"user","content":"%010d %b"}]%b%b}' % (
            alias.encode(),
            first,
            padding,
            b',"stream":true' if streamed else b"",
            b"" if most is None else b',"max_tokens":%d' % most,
        )
        credential = None
        if known := self.credentials[alias]:
            credential = known[int(self.key_draws[index] * len(known))]
        return Call(
            id=str(index),
            alias=alias,
            body=body,
            dialect=OWN,
            streamed=streamed,
            max_output=most,
            credential=credential,
            arrived_at=arrivals.at[index],
            digest=f"{first:032x}",  # stands for these bytes as well: nobody looks at it
        )

    async def drain(self) -> None:
        """Empties the token buckets of `drained`."""
        state = self.assembled.shared.state
        for counter, size in self.drained:
            claim = Claim(f"drained {counter}", Bounds((Rate(counter, size, "tokens"),)), size)
            answer = await state.take(claim)
            if isinstance(answer, Granted):
                state.settle(claim, answer)

    async def run(self) -> None:
        """Sends every call at its instant and reads each answer to its end."""
        await self.drain()
        loop = get_running_loop()
        source = _ArrivalSource(self, loop)
        source.next()
        await source.all_started
        await source.settled()


class _ArrivalSource:
    """Starts each call at its instant, from one timer that sets the next."""

    def __init__(self, world: Simulation, loop: AbstractEventLoop) -> None:
        self.world = world
        self.loop = loop
        self.index = 0
        self.tasks: dict[int, Task[None]] = {}
        self.all_started = loop.create_future()
        self.bug: Exception | None = None

    def next(self) -> None:
        at, time = self.world.arrivals.at, self.loop.time()
        while self.index < len(at) and at[self.index] <= time:
            index = self.index
            self.index += 1
            self.tasks[index] = self.loop.create_task(self.send(index))
        if self.index < len(at):
            self.loop.call_at(at[self.index], self.next)
        elif not self.all_started.done():
            self.all_started.set_result(None)

    async def settled(self) -> None:
        """Waits for the calls that are still running."""
        while self.tasks:
            await next(iter(self.tasks.values()))
        if self.bug is not None:
            raise self.bug

    async def send(self, index: int) -> None:
        try:
            async with self.world.assembled.front.open(self.world.call(index)) as reply:
                chunks = await reply.read()
                while chunks and not chunks[-1].last:
                    chunks = await reply.read()
        except CallError:
            pass  # the record says it
        except Exception as error:  # noqa: BLE001  # a bug of ours: the run ends with it, and not one call
            self.bug = self.bug or error
        finally:
            del self.tasks[index]


def key_secrets(system: System, alias: str) -> list[str]:
    """The secrets of the keys that may call an alias: its calls are shared among them evenly."""
    return [key.key.reveal() for key in system.keys.values() if not key.models or alias in key.models]


def budgeted_keys(system: System, alias: str) -> list[str]:
    """The keys that may call an alias and have a budget, or are in a group that has one."""
    shared = {name for group in system.groups.values() if group.budget is not None for name in group.keys}
    return [
        name
        for name, key in system.keys.items()
        if (not key.models or alias in key.models) and (key.budget is not None or name in shared)
    ]


def with_placeholder_secrets(system: System) -> System:
    """The same system with a placeholder secret for every key: no real secret is needed here."""
    if not system.keys:
        return system
    keys: dict[str, Key] = {}
    for name, key in system.keys.items():
        keys[name] = msgspec.structs.replace(key, key=Secret(f"a made-up secret of {name}", key.key.reference))
    return msgspec.structs.replace(system, keys=keys)


def simulate(
    system: System,
    models: Mapping[str, VendorModel],
    arrivals: Arrivals,
    seed: int,
    *,
    down: frozenset[str] = frozenset(),
    drained: Drained = (),
) -> Simulation:
    """Runs a simulation and returns it."""
    world = Simulation(system, models, arrivals, seed, down=down, drained=drained)
    run_virtual(world.run())
    return world
