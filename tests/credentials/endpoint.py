"""A token endpoint on loopback: what it was asked, and what it answers. The clouds' libraries block, so it runs in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: str


class Endpoint:
    """url: where it listens. answer: the body of every answer, and its type. asked: in order."""

    def __init__(self, answer: str, kind: str) -> None:
        self.answer = answer
        self.kind = kind
        self.asked: list[Asked] = []
        self.url = ""


@contextlib.contextmanager
def endpoint(answer: str, kind: str = "application/json") -> Iterator[Endpoint]:
    made = Endpoint(answer, kind)

    class Handler(BaseHTTPRequestHandler):
        def answered(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.asked.append(Asked(self.command, self.path, headers, body))
            said = made.answer.encode()
            self.send_response(200)
            self.send_header("content-type", made.kind)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = answered  # noqa: N815  # the library's names

        def log_message(self, *said: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
