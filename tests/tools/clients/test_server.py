"""The vendor of ours over a socket: it follows the script, and breaks as the script says."""

from __future__ import annotations

import asyncio
import json

import pytest

from tools.clients.vendor.script import Run, Script
from tools.clients.vendor.server import Vendor

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "[run a1] go"}]}).encode()


async def post(vendor: Vendor, path: str = "/v1/chat/completions", body: bytes = BODY, header: str = "x: y") -> bytes:
    """All that comes until the vendor closes the connection, or has answered whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
    writer.write(f"POST {path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n{header}\r\n\r\n".encode() + body)
    writer.write_eof()
    said = await reader.read()
    writer.close()
    return said


def play(script: Script, **fields: str) -> tuple[bytes, Run]:
    async def main() -> tuple[bytes, Run]:
        async with Vendor() as vendor:
            vendor.forbidden = ("caller-key",)
            run = vendor.begin(script)
            return await post(vendor, **fields), run  # type: ignore[arg-type]

    return asyncio.run(asyncio.wait_for(main(), 20))


def test_a_run_is_answered_and_paid_for() -> None:
    said, run = play(Script(run="a1", words=2))
    body = json.loads(said.partition(b"\r\n\r\n")[2])
    assert body["choices"][0]["message"]["content"] == "word1 word2 end-a1"
    assert (run.paid, run.calls, run.problems) == ({0: 1}, 1, [])


@pytest.mark.parametrize(
    ("fault", "line", "counted"),
    [
        ("429", b"HTTP/1.1 429", (1, 0)),
        ("529", b"HTTP/1.1 529", (1, 0)),
        ("silence", b"", (0, 1)),
        ("cut", b"HTTP", (0, 1)),
    ],
)
def test_a_fault_is_not_paid_for(fault: str, line: bytes, counted: tuple[int, int]) -> None:
    said, run = play(Script(run="a1", every=fault))  # type: ignore[arg-type]
    assert said.startswith(line)
    assert (run.refused, run.broken, run.paid) == (*counted, {})
    assert not said.endswith(b"}") or fault in ("429", "529")


def test_a_key_of_our_callers_is_a_problem() -> None:
    _, run = play(Script(run="a1"), header="authorization: Bearer caller-key")
    assert run.problems == ["the caller's key reached the vendor"]


def test_a_call_of_the_clients_own_is_answered_aside() -> None:
    _, run = play(Script(run="a1", is_agent=True))
    assert (run.aside, run.calls, run.paid) == (1, 0, {})


@pytest.mark.parametrize(("path", "status"), [("/v1/nothing", b"404"), ("/v1/messages/count_tokens", b"200")])
def test_other_paths(path: str, status: bytes) -> None:
    said, run = play(Script(run="a1"), path=path)
    assert said.split(b" ")[1] == status
    assert run.calls == 0


def test_what_a_place_was_asked_before_is_in_its_cache_from_1024_tokens_on() -> None:
    vendor = Vendor()
    assert [vendor.warm("one", "a1", tokens) for tokens in (500, 2000, 3000)] == [0, 0, 2000]
    assert vendor.warm("two", "a1", 3000) == 0
