"""What `server.expose` adds to answers: who answered, in how many attempts, and what it cost.

Off by default: which vendors stand behind an alias, and at what price, is the operator's own business.
"""

from __future__ import annotations

from collections.abc import Collection

from headworks.core.money import NANO
from headworks.core.trail import Trail
from headworks.system.schema.system import Exposable


def exposed(trail: Trail, names: Collection[Exposable]) -> list[tuple[bytes, bytes]]:
    """The headers that these names stand for, as far as they are known now.

    `x-headworks-target` is the last attempt's `provider/model`, none where no target was asked. `x-headworks-cost` is in
    dollars, of all attempts together; before the whole answer is there nobody knows it, so a stream has none.
    """
    found: list[tuple[bytes, bytes]] = []
    attempts = trail.attempts
    if "target" in names and attempts:
        found.append((b"x-headworks-target", attempts[-1].target.encode("ascii", "replace")))
    if "attempts" in names:
        found.append((b"x-headworks-attempts", b"%d" % len(attempts)))
    if "cost" in names and trail.billed is not None:
        costs = [cost for _, cost, _ in trail.billed if cost is not None]
        if len(costs) == len(trail.billed):
            found.append((b"x-headworks-cost", spelled(sum(costs))))
    return found


def spelled(nano_dollars: int) -> bytes:
    """Dollars with every digit and no more: `0.000292`, `0`, `12.5`."""
    whole, part = divmod(nano_dollars, NANO)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".").encode()
