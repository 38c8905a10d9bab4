"""The indexer process beside the gateway: it runs until its stdin ends, and prints its status as JSON lines.

It yields to the gateway wherever both want one processor, and shares no interpreter lock with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import BinaryIO

import msgspec

from headworks.ledger.ledger import POLL, Ledger, Status
from headworks.ledger.store_url import store_at

NICE = 10
"""Beside a busy gateway on one core this is a tenth of it, and a call that arrives is served at once."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of the child's stdin: its options. (Every user of the machine could read a command line.)

    journal: a folder. store: the URL of the store, with its password. folder: what its relative paths start from.
    retention, within: seconds. responses: how many seconds kept answers live, None where none are kept.
    """

    journal: str
    store: str
    folder: str
    retention: float
    within: float
    responses: float | None = None


async def serve(order: Order, told: BinaryIO, said: int) -> None:
    """Indexes until `told` ends, then what is left, for at most `order.within` seconds. Writes its status to the file `said`."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(told, ended.set)  # nothing more is ever written to it: only its end can be read
    at = store_at(order.store, Path(order.folder))
    ledger = Ledger(Path(order.journal), at, retention=order.retention, responses=order.responses)
    ledger.start()
    before = None
    while not ended.is_set():
        if (status := ledger.status()) != before:
            say(said, status)
            before = status
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await ended.wait()
    loop.remove_reader(told)
    await ledger.stop(order.within)
    say(said, ledger.status())


def say(said: int, status: Status) -> None:
    with contextlib.suppress(BrokenPipeError):  # the gateway was killed: what it left is indexed all the same
        os.write(said, msgspec.json.encode(status) + b"\n")


def main() -> None:
    # A terminal or a supervisor may signal the whole group, and the gateway still drains then. The end of stdin counts.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    told = os.fdopen(0, "rb", buffering=0)
    order = msgspec.json.decode(told.readline(), type=Order)
    asyncio.run(serve(order, told, 1))


if __name__ == "__main__":
    main()
