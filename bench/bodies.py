"""The longest turn of the loop for each attack: how long a hostile body keeps the loop from everybody else.

    python bench/bodies.py [--times 3] [--only NAME ...]

Starts the product in a process of its own, over a vendor that answers as it is told, and sends one attack after the other. The
product's loop measures each of its turns by the processor time of its thread, so what else runs on the machine does not count
(it still empties the caches: the least of `--times` tries is shown). The loop is asyncio's: the code in a turn is the same under
uvloop, which cannot be measured so. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from run import KEY, PORT, PYTHON, UPSTREAM

from headworks.server.serve import serve
from headworks.system.load import Loaded, load

SYSTEM = """
version: 1
name: bodies
providers: {{v: {{dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream-0123456789}}}}
models:
  bench: {{targets: [{{provider: v, model: bench}}], timeouts: {{first_token: 4s, total: 20s}}, retry: {{attempts: 1}}, breaker: {{failures: 1000}}}}
prompts:
  array: {{file: array.md, model: bench}}
  unique: {{file: unique.md, model: bench}}
  pattern: {{file: pattern.md, model: bench}}
  judged: {{file: judged.md, model: bench}}
keys: {{bench: {{key: {key}}}}}
server: {{listen: "127.0.0.1:{port}", admin: "127.0.0.1:0"}}
log: {{journal: journal, store: "sqlite:///ledger.db"}}
"""
PROMPTS = {
    "array": "variables: {x: {type: array, items: {type: string}}}",
    "unique": "variables: {x: {type: array, uniqueItems: true}}",
    "pattern": "variables: {x: {type: string, pattern: '^(\\w+\\s?)*$'}}",
    "judged": "variables: {x: {type: string}}\noutput: {type: array, items: {type: string}}",
}
LARGE = 9_500_000
PIECE = 65_536
BOUNDS: Mapping[int, int | None] = {1_000_000: 10, LARGE: 50, 40_000_000: None}
"""Milliseconds that a body of so many bytes may hold the loop."""


class Turns(asyncio.SelectorEventLoop):
    """A loop that notes its longest turn, in seconds of its thread's processor time, where another process can read it."""

    def __init__(self, longest: mmap.mmap) -> None:
        super().__init__()
        self.longest = longest

    def _run_once(self) -> None:
        began = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        took = time.thread_time() - began
        if took > struct.unpack_from("d", self.longest)[0]:
            struct.pack_into("d", self.longest, 0, took)


class Attack(NamedTuple):
    """What a caller sends (whole request) and what the vendor answers meanwhile, piece by piece. limit: milliseconds; None
    beyond `max_body`, for which nothing is promised but that it is linear."""

    name: str
    limit: int | None
    request: bytes
    answer: Callable[[], Iterator[bytes]]


def request(body: bytes, *, key: str = KEY, coding: str = "") -> bytes:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    )
    return (head + (f"content-encoding: {coding}\r\n" if coding else "") + "\r\n").encode() + body


def asked(content: str = "hi", **more: object) -> bytes:
    return json.dumps({"model": "bench", "messages": [{"role": "user", "content": content}], **more}).encode()


def prompted(name: str, value: object) -> bytes:
    return json.dumps({"model": f"prompt/{name}", "messages": [], "prompt": {"variables": {"x": value}}}).encode()


def members(count: int) -> bytes:
    return b'{"model": "bench", "messages": [], ' + b" , ".join(b'"k%d" : 1' % n for n in range(count)) + b"}"


def whole(body: bytes, status: str = "200 OK", kind: str = "application/json", coding: str = "") -> Iterator[bytes]:
    """A vendor's answer with a length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    yield (head + (f"content-encoding: {coding}\r\n" if coding else "") + "\r\n").encode()
    yield from (body[at : at + PIECE] for at in range(0, len(body), PIECE))


def streamed(*parts: bytes, drip: bytes = b"", count: int = 0) -> Iterator[bytes]:
    """A vendor's stream: parts at once, then `drip` so many times, then the end."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    for part in parts:
        yield from (part[at : at + PIECE] for at in range(0, len(part), PIECE))
    yield from (drip for _ in range(count))
    yield END


def answered(content: str) -> bytes:
    message = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [message]}).encode()


END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
OK = answered("hello")


def event(size: int, end: bytes) -> bytes:
    choice = b'{"index":0,"delta":{"content":"%b"},"finish_reason":null}' % (b"x" * size)
    return b'data: {"id":"c","choices":[' + choice + b"]}" + end + end


def page(blanks: int) -> bytes:
    return b"<html>" + b"<title" * 20 + b">" + b" " * blanks + b"x"


def attacks() -> Iterator[Attack]:
    """Those of callers, then those of vendors."""
    fine = partial(whole, OK)
    yield Attack("a sound body of 1 MB", 10, request(asked("word \u00e9 " * 83_000)), fine)
    yield Attack("a sound body of 9.5 MB", 50, request(asked("word \u00e9 " * 790_000)), fine)
    yield Attack("a stranger's 9.5 MB with 600,000 members", 50, request(members(600_000), key="none"), fine)
    yield Attack("600,000 members with a key, 9.5 MB", 50, request(members(600_000)), fine)
    yield Attack("70,000 members with a key, 1 MB", 10, request(members(70_000)), fine)
    yield Attack("1 MB of open brackets", 10, request(b'{"model": "bench", "messages": ' + b"[" * 1_000_000), fine)
    deep = b'{"model": "bench", "messages": ' + b'{"a":' * 1_800_000
    yield Attack("9 MB of open objects", 50, request(deep), fine)
    zipped = gzip.compress(asked("word " * (LARGE // 5)))
    yield Attack("9.5 MB as gzip", 50, request(zipped, coding="gzip"), fine)
    bomb = gzip.compress(b" " * 100_000_000)
    yield Attack("100 MB of blanks as gzip", 50, request(bomb, coding="gzip"), fine)
    yield Attack("a prompt given a million numbers, 2 MB", 50, request(prompted("array", [1] * 1_000_000)), fine)
    rows = [{"a": n} for n in range(10_000)]
    yield Attack("uniqueItems, 10,000 objects, 129 KB", 10, request(prompted("unique", rows)), fine)
    yield Attack("a pattern that is not linear, 29 letters", 10, request(prompted("pattern", "a" * 28 + "!")), fine)
    wrong = answered(json.dumps([1] * 600_000))
    yield Attack(
        "600,000 wrong items in an answer, 1.8 MB", 50, request(prompted("judged", "hi")), partial(whole, wrong)
    )
    for blanks in (1_500, 7_800):
        html = partial(whole, page(blanks), "500 Internal Server Error", "text/html")
        yield Attack(f"an HTML error page, {len(page(blanks)):,} bytes", 10, request(asked()), html)
    plain = request(asked())
    for size in BOUNDS:
        limit = BOUNDS[size]
        yield Attack(f"a vendor's answer of {size / 1e6:g} MB", limit, plain, partial(whole, answered("x" * size)))
    yield Attack("a vendor's 1 MB of open brackets", 10, plain, partial(whole, b"[" * 1_000_000))
    stream = request(asked(stream=True))
    comments = partial(streamed, b": comment\r" * 95_000, drip=b":", count=300)
    yield Attack("950 KB of comments with CRs, then bytes", 10, stream, comments)
    yield Attack("comments for ever", 10, stream, partial(streamed, drip=b": comment\n\n" * 6_000, count=300))
    for name, shred in (("CR", b"\r"), ("LF", b"\n"), ("CR LF", b"\r\n"), (": c CR CR", b": c\r\r")):
        yield Attack(f"1 MB of {name}", 10, stream, partial(streamed, shred * (1_000_000 // len(shred))))
    flood = partial(streamed, event(2, b"\n") * 50_000)
    yield Attack("50,000 short events back to back", 50, stream, flood)
    for name, end in (("LF", b"\n"), ("CR LF", b"\r\n")):
        for size, limit in BOUNDS.items():
            long = partial(streamed, event(size, end))
            yield Attack(f"an event of {size / 1e6:g} MB, {name}", limit, stream, long)


class Vendor:
    """Answers every request with the attack under way."""

    answer: Callable[[], Iterator[bytes]] = partial(whole, OK)

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            for piece in self.answer():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002 if len(piece) < 10 else 0)
        except (OSError, EOFError):
            pass  # the product has had enough
        finally:
            writer.close()


async def sent(data: bytes) -> str:
    """Sends an attack and says with which status it was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT, limit=1 << 27)
    answer = asyncio.create_task(reader.read())
    try:
        writer.write(data)
        await writer.drain()
    except ConnectionError:
        pass  # refused before it was read
    try:
        return (await asyncio.wait_for(answer, 120))[9:12].decode() or "closed"
    except ConnectionError:
        return "reset"
    finally:
        writer.close()


async def measured(longest: mmap.mmap, times: int, only: list[str]) -> None:
    vendor = Vendor()
    listening = await asyncio.start_server(vendor.met, "127.0.0.1", UPSTREAM, limit=1 << 27)
    await sent(request(asked()))
    print("| attack | answered | longest turn, ms | at most |  |\n|---|---|---|---|---|")
    for attack in attacks():
        if only and not any(word in attack.name for word in only):
            continue
        vendor.answer = attack.answer
        found = []
        for _ in range(times):
            await asyncio.sleep(0.1)
            struct.pack_into("d", longest, 0, 0.0)
            status = await sent(attack.request)
            await asyncio.sleep(0.05)
            found.append((struct.unpack_from("d", longest)[0] * 1e3, status))
        took, status = min(found)
        holds = "" if attack.limit is None else "holds" if took <= attack.limit else "**missed**"
        print(f"| {attack.name} | {status} | {took:.1f} | {attack.limit or ''} | {holds} |", flush=True)
    listening.close()


def served(folder: Path) -> None:
    """The product, on a loop that is measured."""
    with (folder / "longest").open("r+b") as file:
        longest = mmap.mmap(file.fileno(), 8)
    path = folder / "headworks.yaml"

    def read() -> Loaded:
        return load(path, os.environ)

    with asyncio.Runner(loop_factory=lambda: Turns(longest)) as runner:
        runner.run(serve(read(), path, read, lambda gateway: (folder / "ready").touch()))


def files(folder: Path) -> Mapping[str, str]:
    system = SYSTEM.format(upstream=UPSTREAM, port=PORT, key=KEY)
    turns = "# user\n{{ x | length }}\n"
    return {"headworks.yaml": system} | {f"{name}.md": f"---\n{front}\n---\n{turns}" for name, front in PROMPTS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="tries of each attack; the least is shown")
    parser.add_argument("--only", nargs="+", default=[], help="attacks whose names have one of these words in them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files(folder).items():
            (folder / file).write_text(text)
        (folder / "longest").write_bytes(bytes(8))
        with (folder / "longest").open("r+b") as shared:
            longest = mmap.mmap(shared.fileno(), 8)
        said = (folder / "said").open("wb")
        process = subprocess.Popen([PYTHON, __file__, "--serve", name], cwd=folder, stdout=said, stderr=said)
        try:
            while not (folder / "ready").exists():
                if process.poll() is not None:
                    raise SystemExit((folder / "said").read_text())
                time.sleep(0.05)
            asyncio.run(measured(longest, options.times, options.only))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            said.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        served(Path(sys.argv[2]))
    else:
        main()
