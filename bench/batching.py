"""A vendor to hold predictions against: one process that batches, as model servers do, and shares no code with Headworks.

    python bench/batching.py PORT [SLOTS]

It works in steps. In each step every call that has a slot gets one token; calls that got a slot since the last step are
read first. A step takes BASE + EACH * calls + READ * prompt tokens read in it, so writing slows as more is written, and
stops while a prompt is read. Calls beyond SLOTS wait their turn. A prompt has a token for each four characters; the
answer has `max_tokens`, written in one event for each four steps, the first at once.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import deque

BASE, EACH, READ = 0.020, 0.0005, 0.00004
TOGETHER = 4


class Call:
    def __init__(self, prompt: int, output: int, writer: asyncio.StreamWriter) -> None:
        self.prompt = prompt
        self.output = output
        self.writer = writer
        self.written = 0
        self.sent = 0
        self.done = asyncio.get_running_loop().create_future()

    def tell(self, choices: list[object], usage: object = None) -> None:
        event = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "batching", "choices": choices}
        data = b"data: " + json.dumps({**event, "usage": usage}).encode() + b"\n\n"
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def step(self) -> bool:
        """One token more; whether it was the last."""
        self.written += 1
        is_last = self.written >= self.output
        if self.written == 1 or is_last or self.written - self.sent >= TOGETHER:
            text = " tok" * (self.written - self.sent)
            self.sent = self.written
            self.tell([{"index": 0, "delta": {"content": text}, "finish_reason": None}])
        if is_last:
            self.tell([{"index": 0, "delta": {}, "finish_reason": "stop"}])
            total = self.prompt + self.output
            self.tell([], {"prompt_tokens": self.prompt, "completion_tokens": self.output, "total_tokens": total})
            data = b"data: [DONE]\n\n"
            self.writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
        return is_last


class Machine:
    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.waiting: deque[Call] = deque()
        self.running: list[Call] = []
        self.came = asyncio.Event()

    def take(self, call: Call) -> None:
        self.waiting.append(call)
        self.came.set()

    async def work(self) -> None:
        due = time.monotonic()
        while True:
            if not self.running and not self.waiting:
                self.came.clear()
                await self.came.wait()
                due = time.monotonic()
            read = 0
            while self.waiting and len(self.running) < self.slots:
                call = self.waiting.popleft()
                if not call.done.done():
                    read += call.prompt
                    self.running.append(call)
            # Steps keep their schedule: a machine that is busy with something else does not make this one slower.
            due += BASE + EACH * len(self.running) + READ * read
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for call in list(self.running):
                if call.done.done() or call.step():
                    self.running.remove(call)
                    if not call.done.done():
                        call.done.set_result(None)


async def serve(machine: Machine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = json.loads(await reader.readexactly(int(found[1]) if found else 0))
            prompt = sum(len(message["content"]) for message in body["messages"]) // 4
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            call = Call(prompt, int(body.get("max_tokens", 16)), writer)
            machine.take(call)
            await call.done
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port: int, slots: int) -> None:
    machine = Machine(slots)
    server = await asyncio.start_server(lambda *both: serve(machine, *both), "127.0.0.1", port, limit=10_000_000)
    async with server:
        await machine.work()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 16))
