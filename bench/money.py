"""What keys, limits and budgets cost a call, and what a million keys cost a process.

    python bench/money.py            processor time a call, by what bounds it
    python bench/money.py million    memory and look-up with 1,000,000 keys in 100,000 groups

Processor time of this process, the best of many short rounds that take turns. The leaf answers at once; Trace writes to a
real journal in all of them, and a call under a budget writes its `opened` line there too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import msgspec
import uvloop

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.key import Allowance, Change, Key, Spending, secret_digest
from headworks.core.money import Price, Rates
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Opening, Service
from headworks.layers.auth import Auth, Keyring
from headworks.layers.cache import Cache, Fill
from headworks.layers.coalesce import Coalesce
from headworks.layers.fingerprint import Fingerprint, by_key
from headworks.layers.quota import Quota
from headworks.layers.reservations import Terms
from headworks.layers.trace import Trace
from headworks.ledger.journal import Journal
from headworks.policy.spend import ceiling
from headworks.state.answers import Answers
from headworks.state.memory import Memory
from headworks.wire.openai.caller import CHAT

TEXT = "The weir feeds the mill. " * 50
BODY = msgspec.json.encode({"model": "bench", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 200})
ANSWER = b"x" * 1400
ROUNDS, CALLS = 40, 500
PLENTY = Spending(amount=10**18, every="30d")
PRICE = Price(rates=Rates(input=250_000_000, output=2_000_000_000))

RATES = Allowance(rpm=10**9, tpm=10**12, concurrency=1000)
ALLOWED = {
    "a key": (Allowance(), Allowance()),
    "a key with rpm, tpm and concurrency": (RATES, Allowance()),
    "the same, and its group too": (RATES, RATES),
    "a key with a budget": (Allowance(budget=PLENTY), Allowance()),
    "a key with all of it": (msgspec.structs.replace(RATES, budget=PLENTY), Allowance()),
    "a key and its group with all of it": (
        msgspec.structs.replace(RATES, budget=PLENTY),
        msgspec.structs.replace(RATES, budget=PLENTY),
    ),
}

ALL = "a key and its group with all of it"
ONE = "a key with all of it"
MISSED = {
    f"{ONE}, and a cache miss": (ONE, False),
    f"{ONE}, a miss that others may share": (ONE, True),
    f"{ALL}, and a cache miss": (ALL, False),
    f"{ALL}, a miss that others may share": (ALL, True),
}
"""What bounds the key, and whether calls under way are shared (`coalesce`, on by default where there is a cache)."""


class Leaf:
    """Answers at once, with a body of a usual size."""

    def open(self, call: Call) -> Opening:
        return self  # type: ignore[return-value]

    async def __aenter__(self) -> Reply:
        usage = Usage(input=312, output=46)
        return CompleteReply([Chunk(data=ANSWER, has_content=True, finish="stop", usage=usage, last=True)])

    async def __aexit__(self, *raised: object) -> None:
        pass


def build(name: str, folder: Path) -> Service:
    journal = Journal(folder, started_at=time.time(), sync=1.0)
    if not name:
        return Trace(Leaf(), journal, "c")
    base, is_shared = MISSED.get(name, (name, False))
    own, group = ALLOWED[base]
    ring = Keyring([Key(name="web", digest=secret_digest("secret"), group="g", allowance=own)], {"g": group})
    terms = Terms(alias="bench", config="c", ceilings={"chat": ceiling([PRICE], has_output=True)}, max_output=500)
    inner: Service = Leaf()
    if name in MISSED:
        answers, fingerprints = Answers(64_000_000, 3600.0), Fingerprint("bench", "r", by_key)
        filled = Fill(inner, answers)
        inner = Cache(Coalesce(filled, fingerprints) if is_shared else filled, answers, fingerprints, 3600.0)
    quota = Quota(inner, terms, Memory(), journal, ring.group)
    return Trace(Auth(quota, ring), journal, "c")


def bodies() -> Iterator[bytes]:
    """No two are equal, and all have the same size."""
    for number in count(10**9):
        yield BODY.replace(b"The weir", b"%010d" % number, 1)


async def seconds(service: Service, bodies: Iterator[bytes]) -> float:
    asked = list(islice(bodies, CALLS))
    began = time.process_time()
    for number, body in enumerate(asked):
        call = Call(
            id=f"req_{number}",
            alias="bench",
            body=body,
            dialect=CHAT,
            credential="secret",
            arrived_at=now(),
            max_output=200,
        )
        async with service.open(call) as reply:
            await reply.read()
    return (time.process_time() - began) / CALLS


async def costs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        services = {
            name: build(name, Path(folder) / str(number)) for number, name in enumerate(["", *ALLOWED, *MISSED])
        }
        best = dict.fromkeys(services, 1.0)
        unequal = bodies()
        for _ in range(ROUNDS):
            for name, service in services.items():
                best[name] = min(best[name], await seconds(service, unequal))
    print("| what is checked | us of processor time a call |\n|---|---|")
    for name in (*ALLOWED, *MISSED):
        print(f"| {name} | {(best[name] - best['']) * 1e6:.1f} |")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def look_up(ring: Keyring, secrets: list[str]) -> float:
    best = 1.0
    for _ in range(50):
        began = time.process_time()
        for secret in secrets:
            ring.find(secret)
        best = min(best, (time.process_time() - began) / len(secrets))
    return best


def million() -> None:
    few = Keyring()
    few.change(made(range(1000)))
    fast = look_up(few, [f"secret-{number}" for number in range(0, 1000, 10)])
    before = resident()
    ring = Keyring()
    for start in range(0, 1_000_000, 2000):
        ring.change(made(range(start, start + 2000)))
    for start in range(0, 100_000, 2000):
        ring.change(
            [
                Change(kind="group", name=f"group-{number}", allowance=Allowance(rpm=600, budget=PLENTY))
                for number in range(start, start + 2000)
            ]
        )
    grown = resident() - before
    slow = look_up(ring, [f"secret-{number}" for number in range(0, 1_000_000, 10_000)])
    print("| | 1,000 keys | 1,000,000 keys, 100,000 groups |\n|---|---|---|")
    print(f"| look-up | {fast * 1e6:.2f} us | {slow * 1e6:.2f} us |")
    print(f"| memory | | {grown / 1e6:.0f} MB |")


def made(numbers: range) -> list[Change]:
    """Keys as they come out of the store: no two share a name, a digest or (beyond ten) a group."""
    allowance = Allowance(rpm=60, budget=PLENTY)
    return [
        Change(
            kind="key",
            name=f"key-{number}",
            key=Key(
                name=f"key-{number}",
                digest=secret_digest(f"secret-{number}"),
                group=sys.intern(f"group-{number // 10}"),
                allowance=allowance,
            ),
        )
        for number in numbers
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["million"]:
        million()
    else:
        uvloop.run(costs())
