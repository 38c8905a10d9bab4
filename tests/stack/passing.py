"""A vendor of files and batches over a socket on loopback, and the public port before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headworks.core.passage import IdsAway, OwnedId
from headworks.gateway.leaves import Leaves
from tests.server.test_app import Answered, Facing
from tests.stack.systems import World, system

SYSTEM = """
version: 1
providers: {v: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "vendor-secret-0123456789"}}
models: {assistant: v/m}
passthrough: {files: v, batches: v, threads: v}
"""
KEYED = (
    SYSTEM
    + """
keys:
  web: {key: web-secret-0123456789}
  other: {key: other-secret-0123456789}
  poor: {key: poor-secret-0123456789, budget: {amount: $1, every: 1d}}
  narrow: {key: narrow-secret-0123456789, models: [assistant]}
  slow: {key: slow-secret-0123456789, rpm: 1}
  small: {key: small-secret-0123456789, tpm: 100}
"""
)

JSON = "application/json"
Said = tuple[int, str, bytes]


class Asked(msgspec.Struct):
    """What the vendor was asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class MemoryIds:
    """Noted ids, without a store. is_away: it does not work now."""

    def __init__(self) -> None:
        self.known: dict[str, OwnedId] = {}
        self.is_away = False

    def _use(self) -> None:
        if self.is_away:
            raise IdsAway("Whose files and batches are cannot be looked up right now.", retry_after=1.0)

    async def find(self, provider: str, ids: Sequence[str]) -> Mapping[str, OwnedId]:
        self._use()
        return {id: self.known[id] for id in ids if id in self.known}

    async def note(self, provider: str, ids: Sequence[OwnedId]) -> None:
        self._use()
        for one in ids:
            self.known.setdefault(one.id, one)

    async def count(self, provider: str, id: str, call: str) -> bool:
        self._use()
        is_first = not self.known[id].counted
        self.known[id] = msgspec.structs.replace(self.known[id], counted=self.known[id].counted or call)
        return is_first

    async def forget(self, provider: str, id: str) -> None:
        self._use()
        self.known.pop(id, None)


class Vendor:
    """Answers from a table, by method and path; what is not in it is 404. cuts: how many bytes of a body go out before the connection
    ends. hangs_up: it ends without an answer. gate: what each
    answer waits for."""

    def __init__(self, said: Mapping[tuple[str, str], object]) -> None:
        self.said = dict(said)
        self.asked: list[Asked] = []
        self.cuts: int | None = None
        self.hangs_up = False
        self.gate: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = first.split(" ")
                self.asked.append(Asked(method, target, headers, body))
                if self.hangs_up:
                    break
                if self.gate is not None:
                    await self.gate.wait()
                status, kind, data = self.answer(method, target)
                shown = f"HTTP/1.1 {status} S\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
                writer.write(shown + data[: self.cuts])
                if self.cuts is not None:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, method: str, target: str) -> Said:
        found = self.said.get((method, target), self.said.get((method, target.partition("?")[0])))
        if found is None:
            return 404, JSON, b'{"error":{"message":"No such thing.","type":"invalid_request_error"}}'
        if isinstance(found, bytes):
            return 200, "application/octet-stream", found
        return 200, JSON, json.dumps(found).encode()


class Passing:
    """The public port, the vendor behind it, and the noted ids."""

    def __init__(self, facing: Facing, vendor: Vendor, ids: MemoryIds) -> None:
        self.facing = facing
        self.vendor = vendor
        self.ids = ids

    async def ask(
        self, method: str, path: str, content: object = None, *, key: str = "web", **headers: str
    ) -> Answered:
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        if body:
            headers.setdefault("content_type", JSON)
        if key:
            headers["authorization"] = f"Bearer {key}-secret-0123456789"
        return await self.facing.ask(method, f"/v1{path}", body, **headers)

    @property
    def costs(self) -> list[int | None]:
        return [one.cost_nano for one in self.facing.journal.records]


def pass_through(
    main: Callable[[Passing], Coroutine[Any, Any, None]],
    said: Mapping[tuple[str, str], object],
    text: str = KEYED,
    ids: MemoryIds | None = None,
) -> Passing:
    """Runs `main`; nothing is held afterwards."""

    async def within() -> Passing:
        vendor, noted = Vendor(said), ids or MemoryIds()
        server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
        loaded = system(text.replace("VENDOR", str(server.sockets[0].getsockname()[1])))
        leaves = Leaves(loaded, Path("."), seed=1)
        made = Passing(Facing(World(leaves.leaf, loaded, ids=noted)), vendor, noted)
        try:
            await main(made)
            assert made.facing.world.left_behind() == {}
        finally:
            await leaves.close()
            server.close()
            await server.wait_closed()
        return made

    return asyncio.run(asyncio.wait_for(within(), 20.0))
