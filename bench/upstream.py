"""The vendor that everybody is measured against: one process that answers chat completions with fixed bytes.

    python bench/upstream.py PORT

`"stream": true` gets 30 content events, each in its own HTTP chunk and its own write: back to back, or N ms apart when
the model's name ends in `gapN`. Anything else gets one JSON body. No parsing beyond what HTTP needs.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys

import httptools
import uvloop

WORDS = (
    "A gateway takes calls in , checks who asks , picks a vendor , and notes what happened and what it cost .".split()
)
EVENTS = 30
STREAM = re.compile(rb'"stream"\s*:\s*true')
GAP = re.compile(rb'"model"\s*:\s*"[^"]*gap(\d+)"')


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(choices: list[object], usage: object = None) -> bytes:
    content = {
        "id": "chatcmpl-9xKq3vYb2Jm7Lr5Tn8Wd1Zc4Fh6Gp",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "bench-1-2026-01-01",
        "system_fingerprint": "fp_560af6e559",
        "choices": choices,
        "usage": usage,
    }
    return chunked(b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n")


def choice(delta: object, finish: str | None = None) -> list[object]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]


USAGE = {"prompt_tokens": 312, "completion_tokens": 46, "total_tokens": 358}
SSE = [
    event(choice({"role": "assistant", "content": "", "refusal": None})),
    *[event(choice({"content": " " + WORDS[i % len(WORDS)]})) for i in range(EVENTS)],
    event(choice({}, "stop")),
    event([], USAGE),
    chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n",
]
SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"x-request-id: req_5f2b9c1d3e4a4c0f9b7a\r\ntransfer-encoding: chunked\r\n\r\n"
)
ANSWER = json.dumps(
    {
        "id": "chatcmpl-9xKq3vYb2Jm7Lr5Tn8Wd1Zc4Fh6Gp",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "bench-1-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " ".join(WORDS * 3), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    },
    separators=(",", ":"),
).encode()
JSON = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_5f2b9c1d3e4a4c0f9b7a\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
)


class Vendor(asyncio.Protocol):
    """One connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.body: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        self.body = []
        if not STREAM.search(body):
            self.transport.write(JSON)
            return
        self.transport.write(SSE_HEAD)
        gap = GAP.search(body)
        if gap is not None:
            self.tick(0, int(gap.group(1)) / 1000)
            return
        for written in SSE:
            self.transport.write(written)

    def tick(self, number: int, gap: float) -> None:
        self.transport.write(SSE[number])
        if number + 1 < len(SSE):
            self.timer = self.loop.call_later(gap, self.tick, number + 1, gap)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(loop), "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


if __name__ == "__main__":
    gc.freeze()
    uvloop.run(main(int(sys.argv[1])))
