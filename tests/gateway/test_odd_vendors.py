"""What no vendor should send, in front of a whole gateway: each is an answer or an error of ours, and no record is `broken`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.gateway.gateway import Gateway
from headworks.http.connection import header_block
from headworks.server.problems import answer
from headworks.system.load import read
from headworks.testing import ask
from headworks.wire.openai.caller import CHAT
from tests.system.files import FakeMachine

TEXT: Final = """
version: 1
providers:
  vendor: {dialect: openai, base_url: "http://127.0.0.1:PORT/v1", api_key: "${env:KEY}", forward_headers: [x-echo]}
  sound: {dialect: openai, base_url: "http://127.0.0.1:PORT/sound", api_key: "${env:KEY}"}
models:
  alone: {targets: [vendor/m], retry: {attempts: 1}, price: {input: $1/M, output: $1/M}, mid_stream: restart, cache: {exact: 1h}}
  pair: {targets: [[vendor/m], [sound/m]], retry: {attempts: 1}}
log: {store: "sqlite:///ledger.db", journal: journal}
"""
ENV: Final = {"KEY": "vendor-secret-0123456789"}
SOUND: Final = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":%b}'


class Said(NamedTuple):
    status: int = 200
    headers: bytes = b""
    body: bytes = SOUND % b"{}"


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


ODD: Final = (
    *(Said(status) for status in (204, 205, 299, 304, 399, 499, 599, 600, 700, 999)),
    *(
        Said(429, b"retry-after: %b\r\n" % said, b"{}")
        for said in (
            b"\xff",
            b"9" * 400,
            b"99999-01-01T00:00:00",
            b"0001-01-01T00:00:00+23:59",
            b"Mon, 99 Foo 9 99:9:9 GMT",
        )
    ),
    Said(headers=b"openai-model: a\tb\x80\xff\r\nx-echo: \xe9\r\nx-request-id: \xff\r\n"),
    Said(headers=b"openai-model: a\r\n b\r\n"),
    Said(headers=b"openai-model: a\x00b\r\n"),
    Said(422, b"", b'{"detail":[{"loc":5,"msg":"x"}]}'),
    Said(400, b"", b'{"error":{"message":"%b","code":"%b"}}' % (b"m" * 9000, b"c" * 9000)),
    Said(500, b"", b"\xff\xfe"),
    Said(body=SOUND % (b'{"prompt_tokens":%b,"completion_tokens":1}' % (b"9" * 4000))),
    Said(body=SOUND % b'{"prompt_tokens":1e300,"completion_tokens":-5}'),
    Said(body=SOUND.replace(b'"x"', b'"\\ud83d"').replace(b'"stop"', b'"\\udc00"') % b"{}"),
    Said(body=b'{"error":{"message":"\\ud83d","code":"\\udc00"}}'),
    *(
        Said(body=b'{"choices":[{"message":{"content":"x"},"error":{"message":%b}}]}' % nested(size))
        for size in (900, 960)
    ),
    Said(body=b'{"choices":[{"index":0,"message":{"reasoning":%b},"finish_reason":"stop"}]}' % nested(950)),
    Said(
        body=b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\ndata: {"error":{"message":"\\ud83d"}}\n\n'
    ),
    Said(body=b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\nevent: error\ndata: %b\n\n' % nested(960)),
    Said(body=b'data: {"choices":[{"index":99999999999999999999,"delta":{"content":"x"},"finish_reason":5}]}\n\n'),
)


def within(folder: Path, test: Callable[[Gateway, list[Said]], Awaitable[None]]) -> list[str]:
    """Runs a test on a gateway whose vendor says the first of what is in the list. Returns how its calls ended."""
    saying: list[Said] = []
    lines: list[dict[str, str]] = []

    async def vendor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
                said = Said() if b"/sound/" in head else saying[0]
                framed = said.headers + b"content-length: %d\r\n\r\n" % len(said.body)
                writer.write(b"HTTP/1.1 %d X\r\n" % said.status + framed + said.body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(vendor, "127.0.0.1", 0)
        text = TEXT.replace("PORT", str(server.sockets[0].getsockname()[1]))
        loaded = read(text.encode(), file="system.yaml", folder=folder, env=ENV, machine=FakeMachine())
        gateway = Gateway(loaded.system, folder, seed=1)
        await gateway.start()
        try:
            await test(gateway, saying)
            lines.extend(msgspec.json.decode(line) for line in gateway.journal.path.read_bytes().splitlines())
        finally:
            await gateway.stop()
            server.close()

    asyncio.run(run())
    return [line["outcome"] for line in lines]


def asked(alias: str, number: int, *, streamed: bool) -> Call:
    body = {"model": alias, "messages": [{"role": "user", "content": f"{number}"}], "stream": streamed}
    return Call(
        id=f"req_{number}",
        alias=alias,
        body=msgspec.json.encode(body),
        dialect=CHAT,
        streamed=streamed,
        arrived_at=now(),
    )


def test_nothing_that_a_vendor_says_breaks_a_call_or_its_record(tmp_path: Path) -> None:
    async def test(gateway: Gateway, saying: list[Said]) -> None:
        circuit = gateway.assembled.shared.circuits["vendor/m"]
        for number, said in enumerate(ODD):
            saying[:] = [said]
            for streamed in (False, True):
                circuit.blocked_until = 0.0  # what it asked for before is another test's
                call = asked("alone", 2 * number + streamed, streamed=streamed)
                try:
                    header_block((await ask(gateway.front, call)).headers)
                except CallError as error:
                    status, headers, body = answer(error, call.id, (), call.dialect)
                    header_block(headers)
                    assert 400 <= status <= 599
                    assert msgspec.json.decode(body)["error"]["message"]

    outcomes = within(tmp_path, test)
    assert len(outcomes) == 2 * len(ODD)
    assert set(outcomes) == {"ok", "failed", "cut", "refused"}


def test_after_a_status_that_http_does_not_know_the_next_target_is_asked(tmp_path: Path) -> None:
    async def test(gateway: Gateway, saying: list[Said]) -> None:
        for number, status in enumerate((600, 999)):
            saying[:] = [Said(status)]
            assert (await ask(gateway.front, asked("pair", number, streamed=False))).text == "x"

    assert within(tmp_path, test) == ["ok", "ok"]
