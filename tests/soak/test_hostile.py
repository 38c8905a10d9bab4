"""Strangers at a running gateway: requests that can be read in two ways, and callers who are slow in every phase.

`HEADWORKS_ROUNDS=20 pytest -m soak tests/soak/test_hostile.py -s` tries each variant in so many cuts.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.running import Running, up
from tests.http.test_server_intake import REFUSED
from tests.soak.caller import BODY, Callers

pytestmark = pytest.mark.soak

ROUNDS = int(os.environ.get("HEADWORKS_ROUNDS", "20"))
AT_ONCE = 40
"""Callers in each slow phase."""

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 2ms, p99: 20ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {stand-in: sim/stand-in}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Smuggled: yes\r\n\r\n"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


async def answered(port: int, pieces: list[bytes], pause: float = 0.0) -> bytes:
    """Everything that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    """The bytes in a few pieces."""
    edges = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(rng.randrange(4)))})
    return [data[start:end] for start, end in pairwise(edges)]


def test_no_variant_of_a_request_that_can_be_read_in_two_ways_gets_a_second_one_through(tmp_path: Path) -> None:
    rng = random.Random(5)
    wrong: list[tuple[str, bytes]] = []
    statuses: Counter[bytes] = Counter()

    async def attacks(running: Running) -> int:
        callers = Callers(running.port, 50.0, connections=8)
        honest = asyncio.create_task(callers.run(5.0))
        for _ in range(ROUNDS):
            for name, (status, data) in REFUSED.items():
                got = await answered(running.port, cut(data + SMUGGLED, rng))
                answers = STATUS.findall(got)
                statuses.update(answers or [b"reset"])
                # A refusal is the last answer of its connection; who sends on may find it reset before he has read it.
                if got and answers != [b"%d" % status]:
                    wrong.append((name, got))
        await honest
        return callers.broken

    with up(tmp_path, SYSTEM) as running:
        broken = asyncio.run(attacks(running))
    tried = ROUNDS * len(REFUSED)
    print(f"\n| smuggling | {len(REFUSED)} variants, {tried} tries | {len(wrong)} passed | {dict(statuses)} |")  # noqa: T201
    assert wrong == []
    assert statuses[b"reset"] < tried / 10
    assert broken == 0


def test_callers_who_are_slow_in_any_phase_are_let_go_and_nobody_else_notices(tmp_path: Path) -> None:
    body = BODY % b"false"
    whole = HEAD + b"content-length: %d\r\n\r\n%b" % (len(body), body)

    async def slow(port: int, first: bytes, drip: bytes) -> str:
        """Sends `first`, then `drip` each half second, and says how the connection ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(first)
            ended = asyncio.create_task(reader.read())
            for _ in range(360):
                await asyncio.sleep(0.5)
                if ended.done():
                    got = ended.result()
                    return got[9:12].decode() if got else "closed"
                if drip:
                    writer.write(drip)
            return "still there"
        except ConnectionError:
            return "closed"
        finally:
            writer.close()

    phases = {
        "no byte at all": (b"", b""),
        "a head that drips": (b"GET /v1/models HTTP/1.1\r\n", b"x: y\r\n"),
        "a head that stalls": (HEAD, b""),
        "a body that drips": (HEAD + b"content-length: 100000\r\n\r\n", b" "),
        "a body that stalls": (HEAD + b"content-length: 100\r\n\r\n{", b""),
        "chunks that drip": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        "nothing after an answer": (whole, b""),
        "blank lines after an answer": (whole, b"\r\n"),
    }
    ends: dict[str, Counter[str]] = {}

    async def attacks(running: Running) -> int:
        callers = Callers(running.port, 50.0, connections=8)
        honest = asyncio.create_task(callers.run(60.0))

        async def phase(name: str) -> None:
            first, drip = phases[name]
            ends[name] = Counter(await asyncio.gather(*(slow(running.port, first, drip) for _ in range(AT_ONCE))))

        await asyncio.gather(*map(phase, phases))
        await honest
        return callers.broken

    with up(tmp_path, SYSTEM) as running:
        broken = asyncio.run(attacks(running))
    for name, how in ends.items():
        print(f"| {name} | {dict(how)} |")  # noqa: T201  a row of the table
    assert broken == 0
    assert all(not how["still there"] for how in ends.values())
