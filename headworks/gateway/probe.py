"""`headworks probe`: asks each target some calls, streamed, and notes how long each took.

Calls go to the vendor as the file says how to reach it, and not through the gateway: no layer adds to the time, no retry
hides a failure, and nothing is recorded as traffic. Each prompt is a text of its own, so no cache of a vendor answers.

Always true: at most `IN_FLIGHT` calls are under way at a provider (one at a model on this machine, where calls slow each
other), and never more a minute than the file's own limits admit. A call that fails is a sample too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Rejected
from headworks.core.reply import Reply, Usage
from headworks.core.service import Service
from headworks.gateway.leaves import Leaves
from headworks.gateway.prices import Prices
from headworks.providers.remote import Remote
from headworks.system.schema.system import Local, Model, Simulated, System, TargetOf
from headworks.system.speeds.measurements import CallSample
from headworks.system.verdicts.constraints import permitted
from headworks.wire.client_apis import OWN_API, ClientApi, api_for

IN_FLIGHT: Final = 4
"""Calls at one provider at the same time: few enough that a hosted model is no slower for it."""

PATIENCE: Final = 120.0
"""Seconds that a call may take: the default of `timeouts.total`."""

LONGEST_PAUSE: Final = 60.0
"""The longest pause that a vendor's Retry-After is obeyed for: limits are per minute."""

BYTES_PER_TOKEN: Final = 4
_WORDS: Final = "water gate basin canal keeper measures opens holds level flow slow weir mill river lock pool "
_LIMIT_HEADERS: Final = (b"x-ratelimit-limit", b"ratelimit-limit", b"anthropic-ratelimit")


class ProbeSize(msgspec.Struct, frozen=True):
    """Tokens of one call: of its prompt, and the bound on its answer."""

    prompt: int
    output: int


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one target. limits: headers about rate limits of its last answer."""

    samples: list[CallSample]
    limits: dict[str, str]


def probe_cost(prices: Prices, model: Model, target: TargetOf, sizes: Sequence[ProbeSize]) -> int | None:
    """Nano-dollars that calls of these sizes to a target cost at most; None where the price is unknown."""
    price = prices.of(model, target)
    if price is None and isinstance(prices.system.providers[target.provider], Simulated):
        return 0  # nobody bills for it
    costs = [None if price is None else price.cost(Usage(input=one.prompt, output=one.output)) for one in sizes]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


class Probe:
    """Asks targets of a system. Enter it to connect; leaving closes every connection. targets: by `provider/model`, each
    with the first alias that has it; those that do not meet the constraints are not in it."""

    def __init__(self, system: System, folder: Path, names: Sequence[str] = ()) -> None:
        self.targets: dict[str, tuple[str, Model, TargetOf]] = {}
        for alias, model in permitted(system).models.items():
            for target in (one for tier in model.targets for one in tier):
                if not names or str(target) in names:
                    self.targets.setdefault(str(target), (alias, model, target))
        used = {target.provider for _, _, target in self.targets.values()}
        self.system = msgspec.structs.replace(
            system, providers={name: one for name, one in system.providers.items() if name in used}
        )
        self._prices = Prices(system)
        self._leaves = Leaves(self.system, folder, seed=0)
        self._turns = {name: _Turns(self.system, name) for name in used}

    async def __aenter__(self) -> Probe:
        await self._leaves.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leaves.close()

    def cost(self, name: str, sizes: Sequence[ProbeSize]) -> int | None:
        """Nano-dollars that these calls cost at most, by the prompts' sizes and the bounds on answers; None where the price is unknown."""
        _, model, target = self.targets[name]
        return probe_cost(self._prices, model, target, sizes)

    async def ask(
        self, sizes: Mapping[str, Sequence[ProbeSize]], told: Callable[[str, int], None]
    ) -> dict[str, Probed]:
        """Makes every call. sizes: by target. told: is given a target and how many of its calls are done."""
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(self._target(name, of, told)) for name, of in sizes.items()}
        return {name: task.result() for name, task in tasks.items()}

    async def _target(self, name: str, sizes: Sequence[ProbeSize], told: Callable[[str, int], None]) -> Probed:
        alias, _, target = self.targets[name]
        leaf = self._leaves.leaf(target.provider, target.model)
        turns = self._turns[target.provider]
        asking = _Asking(leaf, alias, target)
        done = 0

        async def one(number: int, size: ProbeSize) -> CallSample:
            nonlocal done
            async with turns.places:
                await turns.wait(size)
                sample, pause = await asking.ask(number, size)
                turns.pause(pause)
            done += 1
            told(name, done)
            return sample

        samples = await asyncio.gather(*(one(number, size) for number, size in enumerate(sizes)))
        return Probed(samples=list(samples), limits=asking.limits)


class _Turns:
    """When the next call at a provider may begin."""

    def __init__(self, system: System, name: str) -> None:
        provider = system.providers[name]
        places = 1 if isinstance(provider, Local) else min(IN_FLIGHT, provider.concurrency or IN_FLIGHT)
        self.places = asyncio.Semaphore(places)
        self._rpm: int | None = getattr(provider, "rpm", None)
        self._tpm: int | None = getattr(provider, "tpm", None)
        self._next_at = 0.0

    async def wait(self, size: ProbeSize) -> None:
        at = max(now(), self._next_at)
        by_requests = 60 / self._rpm if self._rpm else 0.0
        by_tokens = 60 * (size.prompt + size.output) / self._tpm if self._tpm else 0.0
        self._next_at = at + max(by_requests, by_tokens)
        await asyncio.sleep(at - now())

    def pause(self, seconds: float) -> None:
        """Nobody begins within so many seconds from now."""
        if seconds > 0:
            self._next_at = max(self._next_at, now() + min(seconds, LONGEST_PAUSE))


class _Asking:
    """Calls to one target. limits: the last answer's headers about rate limits."""

    def __init__(self, leaf: Service, alias: str, target: TargetOf) -> None:
        self.leaf = leaf
        self.alias = alias
        self.target = target
        self.limits: dict[str, str] = {}
        self._bound = "max_tokens"
        self._api = api_for(leaf.dialect) if isinstance(leaf, Remote) else OWN_API

    async def ask(self, number: int, size: ProbeSize) -> tuple[CallSample, float]:
        """One call, and how long the vendor wants to be left alone."""
        try:
            try:
                return await self._ask(number, size), 0.0
            except Rejected as error:
                said = "" if error.said is None else f"{error.said.param} {error.said.message}"
                if self._bound not in said or self._bound == "max_completion_tokens":
                    raise
                self._bound = "max_completion_tokens"  # models that reason know no other bound
                return await self._ask(number, size), 0.0
        except CallError as error:
            return CallSample(prompt=size.prompt, error=type(error).__name__), error.retry_after or 0.0

    async def _ask(self, number: int, size: ProbeSize) -> CallSample:
        at = now()
        call = Call(
            id=f"probe-{number}",
            dialect=self._api.caller,
            alias=self.alias,
            body=_body(self._api, self.alias, number, size, self._bound),
            streamed=True,
            include_usage=True,
            max_output=size.output,
            arrived_at=at,
            deadline_at=at + PATIENCE,
        )
        async with self.leaf.open(call) as reply:
            head_at = now()
            last_at, pieces = await _read(reply, head_at)
            for name, value in reply.headers:
                if name.startswith(_LIMIT_HEADERS) and len(self.limits) < 20:
                    self.limits[name.decode("latin-1")] = value.decode("latin-1")[:100]
        usage = reply.usage
        # Thoughts come before the first content: they are no part of the pace.
        output = pieces if usage is None else usage.output + usage.audio_output
        return CallSample(
            prompt=size.prompt if usage is None else usage.input_tokens,
            output=output,
            first_token=head_at - at,
            per_token=(last_at - head_at) / (output - 1) if output > 1 and last_at > head_at else None,
        )


async def _read(reply: Reply, head_at: float) -> tuple[float, int]:
    """Reads an answer to its end: when its last content came, and how many pieces it had."""
    last_at, pieces = head_at, 0
    while chunks := await reply.read():
        pieces += sum(chunk.has_content and chunk.finish is None for chunk in chunks)
        if any(chunk.has_content for chunk in chunks):  # a finish reason comes with the last token, or right after it
            last_at = now()
        if chunks[-1].last:
            break
    return last_at, pieces


def _body(api: ClientApi, alias: str, number: int, size: ProbeSize, bound: str) -> bytes:
    """bound: what the bound on the answer is called."""
    task = f"{number + 1}. Write as long a text as you can, with these words:"
    words = _WORDS * (size.prompt * BYTES_PER_TOKEN // len(_WORDS) + 1)
    text = f"{task} {words[: max(1, size.prompt * BYTES_PER_TOKEN - len(task))]}".rstrip()
    body = api.written(alias, text, size.output, streamed=True)
    if bound == "max_tokens":
        return body
    fields = msgspec.json.decode(body)
    fields[bound] = fields.pop("max_tokens")
    return msgspec.json.encode(fields)
