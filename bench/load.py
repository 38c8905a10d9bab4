"""Load that does not wait for the server: sends are scheduled beforehand and latency counts from the *scheduled* send.

    python bench/load.py rate PORT --rate 1000 --seconds 6 [--stream]    Poisson arrivals, latency and first byte
    python bench/load.py streams PORT --streams 5000 --seconds 15        many open streams, gaps between their chunks

Prints one JSON line. A timerfd gives the sends sub-millisecond instants; the loop's own timers are cut to milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import random
import time

import httptools
import uvloop

clock = time.perf_counter


class TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class TimerSpec(ctypes.Structure):
    _fields_ = [("interval", TimeSpec), ("value", TimeSpec)]


class Alarm:
    """Calls back at an instant of `clock`, to some 50 us."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.ring = ring
        self.file = self.libc.timerfd_create(1, os.O_NONBLOCK)
        loop.add_reader(self.file, self.rung)

    def set(self, at: float) -> None:
        left = max(at - clock(), 1e-6)
        spec = TimerSpec(TimeSpec(0, 0), TimeSpec(int(left), int((left - int(left)) * 1e9)))
        self.libc.timerfd_settime(self.file, 0, ctypes.byref(spec), None)

    def rung(self) -> None:
        try:
            os.read(self.file, 8)
        except BlockingIOError:
            return
        self.ring()


class Connection(asyncio.Protocol):
    """One kept-alive connection: at most one request at a time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.is_busy = False

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def connection_lost(self, error) -> None:
        if self.is_busy:
            self.run.finished(self, None)

    def fire(self, due: float) -> None:
        self.due = due
        self.first = self.previous = 0.0
        self.is_busy = True
        self.transport.write(self.run.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        now = clock()
        if not self.first:
            self.first = now
        elif self.run.gaps is not None:
            self.run.gaps.append(now - self.previous)
        self.previous = now

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        self.is_busy = False
        self.run.finished(self, status)


class Run:
    """A schedule of sends and what came of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        body = json.dumps(
            {
                "model": options.model,
                "stream": options.stream,
                "messages": [{"role": "user", "content": "What does a gateway do? " * 50}],
            }
        ).encode()
        self.request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (options.key.encode(), len(body), body)
        )
        self.idle: list[Connection] = []
        self.waiting: list[float] = []
        self.latencies: list[float] = []
        self.firsts: list[float] = []
        self.gaps: list[float] | None = None
        self.errors = 0
        self.left = 0
        self.all_done: asyncio.Future[None] | None = None

    def finished(self, connection: Connection, status: int | None) -> None:
        if status == 200:
            now = clock()
            self.latencies.append(now - connection.due)
            self.firsts.append((connection.first or now) - connection.due)
        else:
            self.errors += 1
        self.left -= 1
        if self.left <= 0 and self.all_done is not None and not self.all_done.done():
            self.all_done.set_result(None)
        if status is None:
            return
        if self.waiting:
            connection.fire(self.waiting.pop(0))
        else:
            self.idle.append(connection)

    async def connect(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.options.port)
            self.idle.append(connection)

    async def send(self, instants: list[float], drain: float) -> None:
        """Sends at the given seconds from now; returns when all are answered or `drain` seconds after the last."""
        loop = asyncio.get_running_loop()
        start = clock() + 0.05
        due = [start + instant for instant in instants]
        number = 0
        self.left = len(due)
        self.all_done = loop.create_future()

        def ring() -> None:
            nonlocal number
            while number < len(due):
                if due[number] > clock() + 2e-5:
                    alarm.set(due[number])
                    return
                if self.idle:
                    self.idle.pop().fire(due[number])
                else:
                    self.waiting.append(due[number])
                number += 1

        alarm = Alarm(loop, ring)
        alarm.set(due[0])
        await asyncio.wait([self.all_done], timeout=due[-1] - clock() + drain)


async def rate(options: argparse.Namespace) -> dict[str, object]:
    run = Run(options)
    await run.connect(options.connections)
    await run.send([i * 0.002 for i in range(200)], 5)  # warm
    run.latencies, run.firsts, run.errors = [], [], 0
    rng = random.Random(7)
    instants, at = [], 0.0
    while at < options.seconds:
        instants.append(at)
        at += rng.expovariate(options.rate)
    await run.send(instants, 5)
    return {
        "sent": len(instants),
        "errors": run.errors,
        "unfinished": run.left,
        **shown("latency", run.latencies),
        **shown("first", run.firsts),
    }


async def streams(options: argparse.Namespace) -> dict[str, object]:
    """Opens many streams within two seconds, each repeated until the time is over, and notes every gap."""
    options.stream = True
    run = Run(options)
    await run.connect(options.streams)
    await run.send([i * 2.0 / options.streams for i in range(options.streams)], 60)
    run.gaps, run.errors = [], 0
    rounds = max(1, int(options.seconds / 2))
    for _ in range(rounds):
        await run.send([i * 1.5 / options.streams for i in range(options.streams)], 60)
    return {"streams": options.streams, "errors": run.errors, "unfinished": run.left, **shown("gap", run.gaps or [])}


def shown(name: str, values: list[float]) -> dict[str, object]:
    values.sort()
    if not values:
        return {}
    return {
        f"{name}_{label}_ms": round(values[min(len(values) - 1, int(len(values) * q))] * 1e3, 3)
        for label, q in (("p50", 0.5), ("p99", 0.99))
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["rate", "streams"])
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--model", default="bench")
    parser.add_argument("--key", default="hw-bench-key-0123456789")
    parser.add_argument("--stream", action="store_true")
    chosen = parser.parse_args()
    gc.disable()
    print(json.dumps(uvloop.run({"rate": rate, "streams": streams}[chosen.kind](chosen))))
