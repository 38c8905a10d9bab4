"""Against servers that nobody here wrote: one conversation, which all of them hold in their own way of framing."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h11
import pytest
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from headworks.http.client import Client
from headworks.http.connection import Broken
from headworks.http.dial import Origin
from tests.http.peers import run, until

pytestmark = pytest.mark.e2e

PIECES = [b"data: %d %s\n\n" % (number, b"x" * (number * 37)) for number in range(40)]
BIG = bytes(range(256)) * 8192  # 2 MB


@asynccontextmanager
async def by_aiohttp(folder: Path) -> AsyncIterator[Origin]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Echo": "1"})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in PIECES:
            await response.write(piece)
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/echo", echo), web.get("/stream", stream)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield Origin(host="127.0.0.1", port=runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _starlette_echo(request: Request) -> Response:
    return Response(await request.body(), headers={"X-Echo": "1"})


async def _starlette_stream(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece
            await asyncio.sleep(0)

    return StreamingResponse(pieces(), media_type="text/event-stream")


def by_uvicorn(http: str) -> Callable[[Path], AbstractAsyncContextManager[Origin]]:
    @asynccontextmanager
    async def serve(folder: Path) -> AsyncIterator[Origin]:
        app = Starlette(routes=[Route("/echo", _starlette_echo, methods=["POST"]), Route("/stream", _starlette_stream)])
        config = uvicorn.Config(app, http=http, log_level="critical", lifespan="off", ws="none")
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.startup(sockets=[listener])
            try:
                yield Origin(host="127.0.0.1", port=listener.getsockname()[1])
            finally:
                await server.shutdown(sockets=[listener])

    return serve


@asynccontextmanager
async def by_h11(folder: Path) -> AsyncIterator[Origin]:
    """h11 judges every byte of our requests; its own answers come as it frames them."""
    tasks: list[asyncio.Task[None]] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await judge(reader, writer)
        except (ConnectionError, RuntimeError):
            pass  # the client left in the middle; uvloop says so by RuntimeError
        writer.close()

    async def judge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        body = b""
        target = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                target = event.target
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                status = 200 if target in (b"/echo", b"/stream") else 404
                headers = [("X-Echo", "1")] + [("Content-Length", str(len(body)))] * (target != b"/stream")
                writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
                for piece in PIECES if target == b"/stream" else [body]:
                    writer.write(connection.send(h11.Data(data=piece)) or b"")
                    await writer.drain()
                writer.write(connection.send(h11.EndOfMessage()) or b"")
                connection.start_next_cycle()
                body = b""
            else:
                break

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(converse(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield Origin(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)


class _Standard(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None: ...

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if self.path == "/echo" else 404)
        self.send_header("X-Echo", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Without a length: the end of the connection ends the body."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in PIECES:
            self.wfile.write(piece)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100  # of five, the kernel drops the rest of a crowd for a second

    def handle_error(self, request: object, client_address: object) -> None: ...


@asynccontextmanager
async def by_standard_library(folder: Path) -> AsyncIterator[Origin]:
    with _Quiet(("127.0.0.1", 0), _Standard) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Origin(host="127.0.0.1", port=server.server_port)
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def child(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


NODE = """
const pieces = Array.from({length: 40}, (_, n) => `data: ${n} ${'x'.repeat(n * 37)}\\n\\n`);
require('http').createServer((request, response) => {
  if (request.url === '/stream') {
    response.writeHead(200, {'content-type': 'text/event-stream'});
    let n = 0;
    const next = () => n < pieces.length ? (response.write(pieces[n++]), setImmediate(next)) : response.end();
    return next();
  }
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    response.writeHead(request.url === '/echo' ? 200 : 404, {'X-Echo': '1'});
    response.end(Buffer.concat(parts));
  });
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
"""


@asynccontextmanager
async def by_node(folder: Path) -> AsyncIterator[Origin]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    with child(node, "-e", NODE) as process:
        assert process.stdout is not None
        port = await asyncio.get_running_loop().run_in_executor(None, process.stdout.readline)
        yield Origin(host="127.0.0.1", port=int(port))


NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 100; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen unix:{folder}/s; client_max_body_size 4m;
    location /small {{ client_max_body_size 1k; proxy_pass http://127.0.0.1:{behind}; }}
    location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_buffering off; proxy_http_version 1.1; }}
  }}
}}
"""


@asynccontextmanager
async def by_nginx(folder: Path) -> AsyncIterator[Origin]:
    """nginx in front of aiohttp: its framing, its limits. On a unix socket: a port found free may be taken again."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="hw", dir="/tmp") as short:  # a socket's path has about 100 bytes
        config = Path(short, "nginx.conf")
        async with by_aiohttp(folder) as behind:
            config.write_text(NGINX.format(folder=short, behind=behind.port))  # noqa: ASYNC240 - a line of text
            with child(nginx, "-p", short, "-e", f"{short}/error.log", "-c", str(config)) as process:
                pid = Path(short, "pid")
                await until(lambda: pid.exists() or process.poll() is not None)
                yield Origin(path=f"{short}/s")


SERVERS = {
    "aiohttp": by_aiohttp,
    "uvicorn on httptools": by_uvicorn("httptools"),
    "uvicorn on h11": by_uvicorn("h11"),
    "h11": by_h11,
    "standard library": by_standard_library,
    "node": by_node,
    "nginx": by_nginx,
}


async def echoed(client: Client, body: bytes, target: bytes = b"/echo") -> tuple[int, bytes, list[bytes]]:
    by = asyncio.get_running_loop().time() + 50
    with await client.send(b"POST", target, b"content-type: application/octet-stream\r\n", body, by) as exchange:
        status, headers, data = await exchange.whole(by, len(BIG))
        return status, data, [value for name, value in headers if name == b"x-echo"]


async def streamed(client: Client) -> list[bytes]:
    by = asyncio.get_running_loop().time() + 50
    reads: list[bytes] = []
    with await client.send(b"GET", b"/stream", b"", b"", by) as exchange:
        assert (await exchange.head(by))[0] == 200
        while data := await exchange.read(by):
            reads.append(data)
    return reads


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_a_conversation_with(
    loop: str, server: Callable[[Path], AbstractAsyncContextManager[Origin]], tmp_path: Path
) -> None:
    async def main() -> None:
        async with server(tmp_path) as origin:
            client = Client(origin)
            for body in (b"hello", b"", BIG, b"again"):
                assert await echoed(client, body) == (200, body, [b"1"])
                assert (client.busy, client.idle) == (0, 1)
            status, _, _ = await echoed(client, b"x", b"/missing")
            assert status == 404
            for _ in range(2):
                assert b"".join(await streamed(client)) == b"".join(PIECES)
            assert client.busy == 0
            crowd = [echoed(client, b"%d" % number * 1000) for number in range(30)]
            for number, (status, data, _) in enumerate(await asyncio.gather(*crowd)):
                assert (status, data) == (200, b"%d" % number * 1000)
            # Left in the middle: nothing of it must be seen by the next.
            exchange = await client.send(b"GET", b"/stream", b"")
            await exchange.head()
            exchange.release()
            assert await echoed(client, b"after") == (200, b"after", [b"1"])
            assert client.busy == 0
            await client.close()
            assert client.idle == 0

    run(loop, main())


def test_nginx_refuses_a_large_body_while_it_is_written(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with by_nginx(tmp_path) as origin:
            client = Client(origin)
            outcomes = set()
            for _ in range(5):
                try:
                    outcomes.add((await echoed(client, b"x" * 20_000_000, b"/small"))[0])
                except Broken as broken:
                    outcomes.add(broken.sent)
                assert client.busy == 0
            assert outcomes <= {413, True}
            assert await echoed(client, b"small") == (200, b"small", [b"1"])
            await client.close()

    run(loop, main())


def test_a_server_that_times_idle_connections_out_is_not_asked_on_them(loop: str) -> None:
    """uvicorn, with a moment of keep-alive: its close is seen, and the next request goes to a new connection."""

    async def main() -> None:
        config = uvicorn.Config(
            Starlette(routes=[Route("/echo", _starlette_echo, methods=["POST"])]),
            log_level="critical",
            lifespan="off",
            ws="none",
            timeout_keep_alive=0,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.startup(sockets=[listener])
            client = Client(Origin(host="127.0.0.1", port=listener.getsockname()[1]))
            for _ in range(2):
                assert (await echoed(client, b"x"))[0] == 200
                await until(lambda: client.idle == 0)
            await client.close()
            await server.shutdown(sockets=[listener])

    run(loop, main())
