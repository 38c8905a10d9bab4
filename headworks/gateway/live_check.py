"""`headworks check --live`: whether each vendor accepts our key, model and address.

A vendor's list of models tells all three and is free. Where it does not name the model (lists leave out aliases and tuned
models) or there is none, one call of a few tokens tells; it is paid for, so its price is known before it is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError, Denied, Failed, Garbled, Rejected, Unreachable
from headworks.core.reply import Usage
from headworks.gateway.leaves import Leaves
from headworks.gateway.live_verdict import Live
from headworks.gateway.prices import Prices
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.layers.failure_reason import reason
from headworks.providers.remote import Remote
from headworks.system.schema.system import Azure, Model, OpenAI, System, TargetOf
from headworks.system.verdicts.constraints import permitted
from headworks.wire.client_apis import api_for
from headworks.wire.model_lists import ids_in, list_path
from headworks.wire.sides import Prefacing

TIMEOUT: Final = 20.0
"""Seconds that a vendor may take."""

PROXY: Final = 407
"""The status of a proxy that wants credentials, or others than it was sent."""

MOST_LIST: Final = 10_000_000
"""Bytes of a list of models. OpenRouter's, the longest known, has about one million."""

BOUNDS: Final = ("max_tokens", "max_completion_tokens")
"""What the bound on an answer is called: models that reason know the newer name only."""

QUESTION: Final = "Hi"
MOST_TOKENS: Final = Usage(input=16, output=16)
"""What the call may use at most: the question with the vendor's own words around it, and the bound that it is sent with."""


class LiveCheck:
    """Asks the vendors of a system. Enter it to connect; leaving closes every connection. Simulated and local ones are not
    asked: they have neither key nor address. Nor are targets that do not meet the constraints: nothing is sent there."""

    def __init__(self, system: System, folder: Path) -> None:
        self.targets: dict[str, tuple[Model, TargetOf]] = {}
        for model in permitted(system).models.values():
            for target in (one for tier in model.targets for one in tier):
                if isinstance(system.providers[target.provider], OpenAI):
                    self.targets.setdefault(str(target), (model, target))
        self._providers = system.providers
        self._leaves = Leaves(system, folder, seed=0)
        self._prices = Prices(system)
        self._lists: dict[str, frozenset[str] | CallError] = {}

    async def __aenter__(self) -> LiveCheck:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leaves.close()

    def costs(self, targets: Iterable[str]) -> int | None:
        """Nano-dollars that one call to each of these may cost together at most; None where a price is unknown."""
        prices = [self._prices.of(*self.targets[one]) for one in targets]
        costs = [None if price is None else price.cost(MOST_TOKENS) for price in prices]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    async def by_list(self, name: str) -> Live | None:
        """Checks the vendor's list of models, which is free. None where the model is not in it: then only a call tells."""
        _, target = self.targets[name]
        if isinstance(self._providers[target.provider], Azure):
            return None  # its list names models, and a target's model is a deployment
        if target.provider not in self._lists:
            self._lists[target.provider] = await self._listed(self._leaf(target))
        found = self._lists[target.provider]
        if isinstance(found, Unreachable):
            return Live(target=name, verdict="wrong", why=f"the address does not answer: {reason(found)}")
        if isinstance(found, Denied):
            return Live(target=name, verdict="wrong", why=refusal(found, "our key"))
        if isinstance(found, CallError) or not any(
            one == target.model or one.endswith(f"/{target.model}") for one in found
        ):
            return None
        return Live(target=name, verdict="right", why="the vendor's list of models has it")

    async def by_call(self, name: str) -> Live:
        """Checks by one call of a few tokens."""
        model, target = self.targets[name]
        leaf = self._leaf(target)
        try:
            try:
                usage = await asked(leaf, BOUNDS[0])
            except Rejected as error:
                if error.said is None or "max_tokens" not in f"{error.said.param} {error.said.message}":
                    raise
                usage = await asked(leaf, BOUNDS[1])
        except Denied as error:
            return Live(target=name, verdict="wrong", why=refusal(error, "us"))
        except Unreachable as error:
            return Live(target=name, verdict="wrong", why=f"the address does not answer: {reason(error)}")
        except CallError as error:
            why = f"{type(error).__name__}: {words(error)}"
            return Live(target=name, verdict="cannot say", why=why, cost_nano=None)
        price = self._prices.of(model, target)
        cost = None if price is None or usage is None else price.cost(usage)
        return Live(target=name, verdict="right", why="it answered a call", cost_nano=cost)

    def _leaf(self, target: TargetOf) -> Remote:
        leaf = self._leaves.leaf(target.provider, target.model)
        assert isinstance(leaf, Remote), "a vendor that is asked over HTTP is remote"
        return leaf

    async def _listed(self, leaf: Remote) -> frozenset[str] | CallError:
        path = list_path(leaf.dialect)
        if path is None:
            return Garbled("no list of models")  # not one that is read here: a call tells
        client, by = leaf.client, now() + TIMEOUT
        target = client.origin.target(path)
        side = next(iter(leaf.dialect.values()))
        try:
            headers_sent = leaf.headers
            if isinstance(side, Prefacing):
                headers_sent += header_block([pair for pair in side.defaults if pair[0] not in leaf.own])
            if leaf.credential is not None:
                headers_sent += await leaf.credential.headers(b"GET", target, b"", by)
            exchange = await client.send(b"GET", target, headers_sent, connect_by=by)
            try:
                status, headers, body = await exchange.whole(by, MOST_LIST)
            finally:
                exchange.release()
        except (TimedOut, Broken) as error:
            return Unreachable(f"no answer within {TIMEOUT:g} s" if isinstance(error, TimedOut) else str(error))
        except CallError as error:
            return error
        if status in (401, 403, PROXY):
            refused = side.error(status, headers, leaf.mask.masked(body), wall())
            return leaf.mask.error(Denied(refused.message, said=refused.said))
        found = ids_in(body)
        return Garbled("no list of models") if found is None else found


def refusal(error: Denied, of: str) -> str:
    """Who refused us, in words. A proxy that wants other credentials answers in the vendor's place."""
    if error.said is None or error.said.status == PROXY:
        return reason(Failed(error.message))
    return f"the vendor refuses {of}: {words(error)}"


def words(error: CallError) -> str:
    """The vendor's own words where it said any, else ours; what looks like a key is hidden."""
    said = error.said.message if error.said is not None else ""
    return reason(Failed(said or error.message))


async def asked(leaf: Remote, bound: str) -> Usage | None:
    """The tokens of one short call, whose answer is bounded by this field of the body. Raises CallError."""
    api = api_for(leaf.dialect)
    fields = msgspec.json.decode(api.written(leaf.model, QUESTION, MOST_TOKENS.output, streamed=False))
    if bound in BOUNDS and fields.pop(BOUNDS[0], None) is not None:
        fields[bound] = MOST_TOKENS.output
    at = now()
    call = Call(
        id="check",
        alias="check",
        body=msgspec.json.encode(fields),
        dialect=api.caller,
        arrived_at=at,
        deadline_at=at + TIMEOUT,
    )
    async with leaf.open(call) as reply:
        await reply.read()
        return reply.usage
