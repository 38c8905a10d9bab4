"""The edge against clients that nobody here wrote: http.client, urllib, httpx, aiohttp, h11, the openai SDK, curl, Node."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import aiohttp
import h11
import httpx
import openai
import pytest

from headworks.http.server import Exchange, Request
from tests.http.edges import Served, serving
from tests.http.peers import run

JSON = [(b"content-type", b"application/json"), (b"x-request-id", b"req_1")]
SSE = [(b"content-type", b"text/event-stream"), (b"x-request-id", b"req_1")]
LARGE = b"0123456789" * 200_000

WORDS = ["Once", " upon", " a", " time"]


async def app(request: Request, exchange: Exchange) -> None:
    match request.path:
        case "/echo":
            facts = {
                "method": request.method,
                "query": request.query,
                "size": len(request.body),
                "text": request.body[:20].decode("latin-1"),
                "agent": (request.get(b"user-agent") or b"").decode(),
            }
            exchange.respond(200, JSON, json.dumps(facts).encode())
        case "/large":
            exchange.respond(200, JSON, LARGE)
        case "/stream":
            exchange.start(200, SSE)
            for number in range(20):
                exchange.write(b"data: %d\n\n" % number)
                await exchange.drain()
                await asyncio.sleep(0.004)
            exchange.end(b"data: [DONE]\n\n")
        case "/slow":
            await asyncio.sleep(0.1)
            exchange.respond(200, JSON, b"done")
        case "/cut":
            exchange.start(200, SSE)
            exchange.write(b"data: 1\n\n")
            await asyncio.sleep(0.05)
            raise ConnectionError("the vendor broke")
        case "/none":
            exchange.respond(204, JSON)
        case "/v1/chat/completions":
            await completion(request, exchange)
        case _:
            error = {"error": {"message": "No such path.", "type": "invalid_request_error", "code": "not_found"}}
            exchange.respond(404, JSON, json.dumps(error).encode())


async def completion(request: Request, exchange: Exchange) -> None:
    assert request.get(b"authorization") == b"Bearer sk-test"
    asked = json.loads(request.body)
    common = {"id": "chatcmpl-1", "created": 1, "model": asked["model"]}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = common | {"object": "chat.completion", "choices": [choice]}
        exchange.respond(200, JSON, json.dumps(whole).encode())
        return
    exchange.start(200, SSE)
    for word in WORDS:
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        event = common | {"object": "chat.completion.chunk", "choices": [choice]}
        exchange.write(b"data: %b\n\n" % json.dumps(event).encode())
        await exchange.drain()
        await asyncio.sleep(0.001)
    exchange.end(b"data: [DONE]\n\n")


def speaking(loop: str, talk: Callable[[int], None]) -> None:
    """Runs a blocking client in a thread beside the edge."""

    async def main() -> None:
        async with serving(app, max_body=5_000_000) as served:
            await asyncio.to_thread(talk, served.port)

    run(loop, main())


def test_http_client(loop: str) -> None:
    def talk(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        sock = connection.sock
        for number in range(3):
            connection.request("POST", "/echo?a=b", b"x" * number, {"Content-Type": "text/plain"})
            facts = json.loads(connection.getresponse().read())
            assert (facts["method"], facts["query"], facts["size"]) == ("POST", "a=b", number)
        connection.request(
            "POST", "/echo", iter([b"abc", b"def"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        assert json.loads(connection.getresponse().read())["text"] == "abcdef"
        connection.request("GET", "/stream")
        assert connection.getresponse().read().endswith(b"data: 19\n\ndata: [DONE]\n\n")
        connection.request("HEAD", "/large")
        answer = connection.getresponse()
        assert (answer.getheader("content-length"), answer.read()) == (str(len(LARGE)), b"")
        connection.request("HEAD", "/stream")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/none")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (204, b"")
        connection.request("GET", "/large")
        assert connection.getresponse().read() == LARGE
        assert connection.sock is sock, "all of it on one connection"
        connection.request("GET", "/cut")
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            connection.getresponse().read()
        connection.close()

    speaking(loop, talk)


@pytest.mark.parametrize("path", ["/slow", "/stream"])
def test_http_client_with_its_side_closed_does_not_notice_that_it_is_probed(loop: str, path: str) -> None:
    def talk(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path)
        connection.sock.shutdown(socket.SHUT_WR)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read().endswith(b"done" if path == "/slow" else b"data: [DONE]\n\n")
        connection.close()

    speaking(loop, talk)


def test_urllib_reads_an_error_and_closes(loop: str) -> None:
    def talk(port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/echo", timeout=60) as answer:
            assert answer.headers["connection"] == "close"
            assert json.load(answer)["method"] == "GET"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/nowhere", timeout=60)
        assert caught.value.code == 404
        assert json.load(caught.value)["error"]["code"] == "not_found"
        caught.value.close()

    speaking(loop, talk)


def test_httpx(loop: str) -> None:
    async def main() -> None:
        async with serving(app, max_body=5_000_000) as served:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client:
                answers = await asyncio.gather(*[client.post("/echo", content=b"x" * n) for n in range(50)])
                assert [answer.json()["size"] for answer in answers] == list(range(50))
                async with client.stream("GET", "/stream") as answer:
                    lines = [line async for line in answer.aiter_lines() if line]
                assert lines == [f"data: {n}" for n in range(20)] + ["data: [DONE]"]
                assert (await client.get("/large")).content == LARGE
                assert (await client.post("/echo", content=b"x" * 5_000_001)).status_code == 413
                with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                    await client.get("/cut")

    run(loop, main())


def test_aiohttp(loop: str) -> None:
    async def main() -> None:
        async with serving(app, max_body=5_000_000) as served:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{served.port}") as session:
                for _ in range(3):
                    async with session.post("/echo", data=b"abc") as answer:
                        assert (await answer.json())["text"] == "abc"
                async with session.post("/echo", data=pieces(), expect100=True) as answer:
                    assert (await answer.json())["size"] == 30_000
                async with session.get("/stream") as answer:
                    assert (await answer.read()).count(b"data: ") == 21
                async with session.get("/large") as answer:
                    assert await answer.read() == LARGE
                async with session.get("/cut") as answer:
                    with pytest.raises(aiohttp.ClientError):
                        await answer.read()
                assert served.edge.connections <= 2
            # aiohttp closes its sockets on the loop's next turns.
            await asyncio.sleep(0.01)

    async def pieces() -> Any:
        for _ in range(3):
            yield b"x" * 10_000

    run(loop, main())


def test_h11_finds_nothing_to_complain_of(loop: str) -> None:
    async def main() -> None:
        async with serving(app) as served:
            caller = await served.caller()
            peer = h11.Connection(h11.CLIENT)
            for path, method in (
                ("/echo", "POST"),
                ("/stream", "GET"),
                ("/none", "GET"),
                ("/stream", "HEAD"),
                ("/large", "GET"),
            ):
                events = await asked(served, caller.reader, caller.writer, peer, method, path)
                assert type(events[0]) is h11.Response
                assert type(events[-1]) is h11.EndOfMessage
                assert dict(events[0].headers)[b"x-request-id"] == b"req_1"
                peer.start_next_cycle()

    run(loop, main())


async def asked(
    served: Served,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    peer: h11.Connection,
    method: str,
    path: str,
) -> list[h11.Event]:
    body = b"abc" if method == "POST" else b""
    headers = [("Host", f"127.0.0.1:{served.port}"), ("Content-Length", str(len(body)))]
    writer.write(peer.send(h11.Request(method=method, target=path, headers=headers)) or b"")
    writer.write(peer.send(h11.Data(data=body)) or b"")
    writer.write(peer.send(h11.EndOfMessage()) or b"")
    events: list[h11.Event] = []
    while not events or type(events[-1]) is not h11.EndOfMessage:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            peer.receive_data(await reader.read(65_536))
        else:
            assert isinstance(event, h11.Event)
            events.append(event)
    return events


def test_the_openai_sdk(loop: str) -> None:
    async def main() -> None:
        async with serving(app) as served:
            base_url = f"http://127.0.0.1:{served.port}/v1"
            async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0) as client:
                whole = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
                assert whole.choices[0].message.content == "Once upon a time"
                assert whole._request_id == "req_1"
                stream = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
                )
                said = [event.choices[0].delta.content async for event in stream]
                assert said == WORDS
                with pytest.raises(openai.NotFoundError) as caught:
                    await client.embeddings.create(model="m", input="x")
                assert caught.value.code == "not_found"
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 500_000}])

    run(loop, main())


def test_the_openai_sdk_hanging_up_stops_the_handler(loop: str) -> None:
    async def main() -> None:
        stopped = asyncio.Event()

        async def endless(request: Request, exchange: Exchange) -> None:
            exchange.start(200, SSE)
            try:
                while True:
                    event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
                    exchange.write(b"data: %b\n\n" % json.dumps(event).encode())
                    await exchange.drain()
                    await asyncio.sleep(0.005)
            finally:
                stopped.set()

        async with serving(endless) as served:
            base_url = f"http://127.0.0.1:{served.port}/v1"
            async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0) as client:
                stream = await client.chat.completions.create(model="m", messages=[], stream=True)
                await anext(aiter(stream))
                await stream.close()
                async with asyncio.timeout(30):
                    await stopped.wait()

    run(loop, main())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(loop: str) -> None:
    def talk(port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        assert json.loads(curl(f"{url}/echo", "-d", "abc"))["text"] == "abc"
        assert curl("-N", f"{url}/stream").endswith(b"data: 19\n\ndata: [DONE]\n\n")
        # Above 1 MB curl sends `Expect: 100-continue` by itself.
        facts = json.loads(curl(f"{url}/echo", "--data-binary", "@-", stdin=b"x" * 2_000_000))
        assert facts["size"] == 2_000_000
        facts = json.loads(curl(f"{url}/echo", "-T", "-", "-H", "Transfer-Encoding: chunked", stdin=b"abc"))
        assert (facts["method"], facts["text"]) == ("PUT", "abc")
        assert json.loads(curl("--http1.0", f"{url}/echo"))["method"] == "GET"
        assert curl("--http1.0", f"{url}/stream").count(b"data: ") == 21
        # curl offers h2c; the answer is HTTP/1.1 and the body was read all the same.
        assert json.loads(curl("--http2", f"{url}/echo", "-d", "abc"))["text"] == "abc"
        assert curl("-I", f"{url}/large").startswith(b"HTTP/1.1 200 OK\r\n")
        refused = curl(
            f"{url}/echo", "--data-binary", "@-", "-H", "Expect:", "-w", "%{http_code}", stdin=b"x" * 6_000_000
        )
        assert refused.endswith(b"413")
        assert curl("-w", "%{num_connects}", f"{url}/none", f"{url}/none", f"{url}/none") == b"100"
        assert curl("-w", "%{exitcode}", f"{url}/cut", fails=True).endswith((b"18", b"56"))

    speaking(loop, talk)


def curl(*arguments: str, stdin: bytes | None = None, fails: bool = False) -> bytes:
    done = subprocess.run(
        ["curl", "-s", "--noproxy", "*", "-m", "60", *arguments], input=stdin, capture_output=True, check=not fails
    )
    return done.stdout


NODE = """
const base = process.argv[1]
const echo = await (await fetch(base + '/echo?q=1', {method: 'POST', body: 'abc'})).json()
if (echo.text !== 'abc' || echo.query !== 'q=1') throw new Error('echo ' + JSON.stringify(echo))
const many = await Promise.all([...Array(40).keys()].map(async n =>
  (await (await fetch(base + '/echo', {method: 'POST', body: 'x'.repeat(n)})).json()).size))
if (many.some((size, n) => size !== n)) throw new Error('many ' + many)
let events = 0
const reader = (await fetch(base + '/stream')).body.pipeThrough(new TextDecoderStream()).getReader()
for (;;) { const {done, value} = await reader.read(); if (done) break; events += value.split('data: ').length - 1 }
if (events !== 21) throw new Error('events ' + events)
const large = await (await fetch(base + '/large')).arrayBuffer()
if (large.byteLength !== 2000000) throw new Error('large ' + large.byteLength)
if ((await fetch(base + '/none')).status !== 204) throw new Error('none')
let cut = false
try { await (await fetch(base + '/cut')).text() } catch { cut = true }
if (!cut) throw new Error('a cut answer looked whole')
console.log('well')
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_nodes_fetch(loop: str) -> None:
    def talk(port: int) -> None:
        done = subprocess.run(
            ["node", "--input-type=module", "-e", NODE, f"http://127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout == "well\n", done.stderr

    speaking(loop, talk)
