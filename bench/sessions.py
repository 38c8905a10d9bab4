"""What `balance: sticky` saves: the cache hit rate, the cost and the first tokens of one agent's session on two targets.

    python bench/sessions.py            prints the table of docs/sessions.md

The stack that serves, over two simulated vendors with the prompt cache of the named vendor, on virtual time: the same numbers on any
machine. The session is a coding agent's: it opens with 10,000 tokens (system prompt and tools), and each turn adds an answer and a
tool's result, 800 tokens. `outage`: the session's target fails for five minutes after half of the turns.
"""

from __future__ import annotations

from asyncio import sleep
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.money import NANO
from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.core.service import Opening, Service
from headworks.core.session import Session
from headworks.core.vtime import run_virtual
from headworks.gateway.assemble import assemble
from headworks.gateway.leaves import Leaves
from headworks.ledger.journal import MemoryJournal
from headworks.providers.simulated.faults import REFUSALS
from headworks.system.load import read
from headworks.wire.own_dialect import OWN

TURNS = 200
OPENING, GROWTH = 10_000, 800
PRICES = {
    "openai": "{input: $0.25/M, cached_input: $0.025/M, output: $2/M}",
    "anthropic": "{input: $3/M, cached_input: $0.3/M, cache_write: $3.75/M, cache_write_1h: $6/M, output: $15/M}",
}
"""Of gpt-5-mini and claude-sonnet-4-5, from the bundled table."""

SYSTEM = """
version: 1
providers:
  east: {dialect: simulated, prompt_cache: RULES, first_token: {p50: 2s, p99: 2s}, per_token: {p50: 10ms, p99: 10ms}}
  west: {dialect: simulated, prompt_cache: RULES, first_token: {p50: 2s, p99: 2s}, per_token: {p50: 10ms, p99: 10ms}}
models:
  assistant: {targets: [[east/m, west/m]], balance: BALANCE, price: PRICE}
"""


class Row(msgspec.Struct, frozen=True):
    """What one session came to. first_token: the median in seconds. moves: how often it changed its target."""

    usage: Usage
    cost: int
    first_token: float
    moves: int

    @property
    def hit_rate(self) -> float:
        return self.usage.cached_input / self.usage.input_tokens


class _Failing:
    """A target that fails until an instant."""

    def __init__(self, inner: Service, name: str, outage: Outage) -> None:
        self._inner = inner
        self._name = name
        self._outage = outage

    def open(self, call: Call) -> Opening:
        if self._name == self._outage.target and now() < self._outage.until:
            raise REFUSALS["unavailable"].error(self._name, "")
        return self._inner.open(call)


class Outage:
    """Which target is down, and until when."""

    def __init__(self) -> None:
        self.target = ""
        self.until = 0.0


def measured(balance: str, rules: str, pause: float, *, outage: bool = False, turns: int = TURNS) -> Row:
    """One session of so many turns, with a pause of so many seconds before each."""
    text = SYSTEM.replace("RULES", rules).replace("BALANCE", balance).replace("PRICE", PRICES[rules])
    system = read(text.encode(), file="bench.yaml", folder=Path("."), env={}).system
    leaves, journal, down = Leaves(system, Path("."), seed=1), MemoryJournal(), Outage()
    front = assemble(
        system, lambda name, model: _Failing(leaves.leaf(name, model), f"{name}/{model}", down), journal, seed=1
    ).front

    async def session() -> None:
        messages: list[dict[str, object]] = [_said("system", 0, OPENING)]
        for turn in range(turns):
            messages += [_said("assistant", turn, GROWTH // 4), _said("user", turn, GROWTH - GROWTH // 4)]
            if outage and turn == turns // 2:
                down.target, down.until = journal.records[-1].attempts[-1].target, now() + 300.0
            await sleep(pause)
            async with front.open(_call(messages, f"{turn}")) as reply:
                while not (await reply.read())[-1].last:
                    pass

    run_virtual(session())
    return _row(journal.records)


def _said(role: str, turn: int, tokens: int) -> dict[str, object]:
    text = f"{turn:06d} "
    return {"role": role, "content": (text * (tokens * 4 // len(text)))[: tokens * 4]}


def _call(messages: list[dict[str, object]], id: str) -> Call:
    body = {"model": "assistant", "messages": messages, "stream": True, "max_tokens": GROWTH // 4}
    body["cache_control"] = {"type": "ephemeral"}
    return Call(
        id=id,
        alias="assistant",
        body=msgspec.json.encode(body),
        dialect=OWN,
        streamed=True,
        session=Session("the session"),
        arrived_at=now(),
    )


def _row(records: list[Record]) -> Row:
    sums = dict.fromkeys(Usage.__struct_fields__, 0)
    for record in records:
        for name in sums:
            sums[name] += getattr(record.tokens or Usage(), name)
    targets = [record.attempts[-1].target for record in records]
    return Row(
        usage=Usage(**sums),
        cost=sum(record.cost_nano or 0 for record in records),
        first_token=median(record.head_at - record.arrived_at for record in records),
        moves=sum(before != after for before, after in pairwise(targets)),
    )


def main() -> None:
    print(
        "| prompt cache of | pause | balance | input read from the cache | cost | against weighted | median first token | changes of target |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for rules in PRICES:
        for pause, outage, said in ((20.0, False, "20 s"), (240.0, False, "4 min"), (20.0, True, "20 s, outage")):
            base = 0
            for balance in ("weighted", "sticky"):
                row = measured(balance, rules, pause, outage=outage)
                base = base or row.cost
                saved = f"{(row.cost - base) / base:+.0%}" if row.cost != base else ""
                print(
                    f"| {rules} | {said} | {balance} | {row.hit_rate:.1%} | ${row.cost / NANO:.2f} | {saved} "
                    f"| {row.first_token:.2f} s | {row.moves} |"
                )


if __name__ == "__main__":
    main()
