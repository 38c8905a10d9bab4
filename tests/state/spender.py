"""A process of many callers on few bounds: `python -m tests.state.spender URL PREFIX CALLERS SEED`. It says what it was granted.

One line each: `take ID AMOUNT` before it asks, `got ID AMOUNT` once it has it, `paid ID COST` once it is settled.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random

from headworks.core.errors import StateAway
from headworks.core.state import Bounds, Budget, Claim, Granted, Places, Rate
from headworks.state.valkey import Valkey

AT = 1_800_000_000.0
LIMIT = 100_000
BOUNDS = Bounds(rates=(Rate("rpm", 3000),), places=(Places("places", 7),), budgets=(Budget("money", LIMIT, "total"),))


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def caller(state: Valkey, name: str, rng: Random) -> None:
    for number in range(1_000_000):
        amount = rng.randrange(1, 300)
        one = Claim(f"{name}.{number}", BOUNDS, 0, (amount,), AT)
        try:
            found = await state.take(one)
        except StateAway:
            await asyncio.sleep(0.01)
            continue
        if not isinstance(found, Granted):
            if found.bound == BOUNDS.budgets[0] and amount < 10:
                return
            await asyncio.sleep(rng.random() * 0.01)
            continue
        say("got", one.id, amount)
        await asyncio.sleep(rng.random() * 0.002)
        cost = rng.randrange(amount + 1)
        say("paid", one.id, cost)
        state.settle(one, found, costs=(cost,))


async def main(url: str, prefix: str, callers: int, seed: int) -> None:
    state = Valkey(url, prefix, f"spender-{seed}")
    state.start()
    await state.connection.ready(60.0)
    await state.restore([])
    await asyncio.gather(*(caller(state, f"{seed}.{n}", Random(f"{seed}/{n}")) for n in range(callers)))
    await state.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
