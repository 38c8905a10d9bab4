"""The vendor of ours: one small HTTP server that speaks every dialect by its path, follows scripts, and misbehaves at will.

Not the gateway's own server, and nothing of the gateway: what is tried is not what judges.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType, ModuleType
from typing import Any, Final

from tools.clients.vendor import anthropic, bedrock, chat, gemini, responses
from tools.clients.vendor.script import Answer, Asked, Fault, Run, Script

SECRET: Final = "vendor-secret-of-ours"
"""The key that the gateway has for this vendor."""

STATUSES: Final[Mapping[str, int]] = MappingProxyType({"429": 429, "529": 529, "spent": 402})

ENDS: Final[tuple[tuple[str, ModuleType], ...]] = (
    ("/chat/completions", chat),
    ("/responses", responses),
    ("/messages", anthropic),
    (":generateContent", gemini),
    (":streamGenerateContent", gemini),
    ("/converse", bedrock),
    ("/converse-stream", bedrock),
)

LIMIT: Final = 32 * 1024 * 1024


class Vendor:
    """One server for all runs. runs: by their name; what came without a run that is known is counted in `strangers`."""

    def __init__(self) -> None:
        self.port = 0
        self.runs: dict[str, Run] = {}
        self.strangers: list[str] = []
        self.forbidden: tuple[str, ...] = ()
        self._server: asyncio.Server | None = None
        self._warm: dict[tuple[str, str], int] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Vendor:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=256 * 1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def begin(self, script: Script) -> Run:
        """From now on this run is answered."""
        self.runs[script.run] = Run(script)
        return self.runs[script.run]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *fields = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
                method, path, _ = line.split(" ", 2)
                body = await _body(reader, headers)
                if not await _Exchange(self, reader, writer, path.partition("?")[0]).answer(method, headers, body):
                    return
                await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the other side has hung up, or is no HTTP client
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def warm(self, place: str, run: str, tokens: int) -> int:
        """The tokens that this place has in its prompt cache: what it was asked before in this run, from 1,024 on."""
        known = self._warm.get((place, run), 0)
        self._warm[place, run] = max(tokens, known)
        return known if known >= 1024 else 0


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).strip() or b"0", 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(pieces)
    length = int(headers.get("content-length") or 0)
    if length > LIMIT:
        raise ValueError("too long")
    return await reader.readexactly(length)


def _model_in(path: str) -> str:
    """The model, where the path names it: Gemini's and Bedrock's."""
    return path.rpartition("/models/")[2].partition(":")[0] if "/models/" in path else "assistant"


class _Exchange:
    """One request and its answer. The first part of the path is the place: targets with different ones are warmed apart."""

    def __init__(self, vendor: Vendor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        self.vendor = vendor
        self.reader = reader
        self.writer = writer
        self.path = path

    async def answer(self, method: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Answers; whether the connection can be used again."""
        if method != "POST":
            return self._aside(method)
        try:
            asked_body = json.loads(body)
        except ValueError:
            asked_body = None
        if not isinstance(asked_body, dict):
            return self._whole(400, b'{"error": {"message": "no JSON object"}}')
        if self.path.endswith(("/count_tokens", ":countTokens")):
            tokens = max(1, len(body) // 4)
            return self._whole(200, json.dumps({"input_tokens": tokens, "totalTokens": tokens}).encode())
        dialect = next((module for end, module in ENDS if self.path.endswith(end)), None)
        if dialect is None:
            return self._whole(404, b'{"error": {"message": "no such path"}}')
        asked: Asked = dialect.read(asked_body, self.path)
        asked.size = len(body)
        run = self.vendor.runs.get(asked.run)
        if run is None:
            self.vendor.strangers.append(f"{self.path} {asked.text[:80]}")
            return await self._say(dialect, asked, None, Answer(id="x0", model="ours", words=("Hello.",)))
        self._check_secrets(run, headers)
        model = str(asked_body.get("model") or _model_in(self.path))
        if run.is_aside(asked):
            run.aside += 1
            return await self._say(dialect, asked, None, Answer(id=f"a{run.aside}", model=model, words=("A ", "title")))
        return await self._follow(dialect, asked, run, model)

    async def _follow(self, dialect: ModuleType, asked: Asked, run: Run, model: str) -> bool:
        fault = run.fault()
        if fault is not None and fault in STATUSES:
            run.refused += 1
            status, more, said = dialect.error(STATUSES[fault])
            wait = {"retry-after": "1"} if fault == "429" else {}
            return self._whole(status, said, {**more, **wait})
        if fault == "silence":
            run.broken += 1
            await self.reader.read(1)  # until the other side hangs up
            return False
        said_next = run.answer(asked, model)
        cached = self.vendor.warm(self.path.split("/")[1], run.script.run, said_next.input_tokens)
        run.cached_tokens += cached
        run.input_tokens += said_next.input_tokens
        answer = Answer(
            **{name: getattr(said_next, name) for name in said_next.__struct_fields__} | {"cached_tokens": cached}
        )
        if fault is None:
            run.give(asked)
        else:
            run.broken += 1
        return await self._say(dialect, asked, fault, answer)

    async def _say(self, dialect: ModuleType, asked: Asked, fault: Fault | None, answer: Answer) -> bool:
        if not asked.is_streamed:
            body = dialect.whole(answer)
            if fault != "cut":
                return self._whole(200, body)
            self._head(200, "application/json", {"content-length": str(len(body))})
            self.writer.write(body[: len(body) // 2])
            await self.writer.drain()
            return False
        kind = "application/vnd.amazon.eventstream" if dialect is bedrock else "text/event-stream"
        self._head(200, kind, {"transfer-encoding": "chunked"})
        events = dialect.stream(answer)
        for event in events[: len(events) // 2] if fault == "cut" else events:
            self.writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await self.writer.drain()
        if fault == "cut":
            await asyncio.sleep(0.05)  # what is written leaves before the connection does
            return False
        self.writer.write(b"0\r\n\r\n")
        return True

    def _aside(self, method: str) -> bool:
        if self.path.endswith("/responses"):
            return self._whole(426, b"{}")  # a WebSocket; Codex asks by POST then
        if self.path.endswith("/models"):
            shown: dict[str, Any] = {"object": "list", "data": [{"id": "ours", "object": "model", "type": "model"}]}
            return self._whole(200, json.dumps(shown).encode())
        return self._whole(200, b"" if method == "HEAD" else b"{}")

    def _check_secrets(self, run: Run, headers: Mapping[str, str]) -> None:
        if any(secret in value for secret in self.vendor.forbidden for value in headers.values()):
            run.problems.append("the caller's key reached the vendor")

    def _whole(self, status: int, body: bytes, more: Mapping[str, str] = MappingProxyType({})) -> bool:
        self._head(status, "application/json", {"content-length": str(len(body)), **more})
        self.writer.write(body)
        return True

    def _head(self, status: int, kind: str, more: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        self.writer.write(f"HTTP/1.1 {status} Ours\r\ncontent-type: {kind}\r\n{lines}\r\n".encode())
