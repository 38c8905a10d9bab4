"""The official SDK's files and batches through the gateway, against a vendor of ours that keeps them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import openai
import pytest

from tests.e2e.running import up

pytestmark = pytest.mark.e2e

SYSTEM = """
providers: {v: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "vendor-secret-0123456789"}}
models: {assistant: v/gpt-4o-mini}
keys:
  web: {key: secret-of-the-web-0123}
  other: {key: secret-of-the-other-01}
  poor: {key: secret-of-the-poor-012, budget: {amount: $1, every: 1d}}
passthrough: {files: v, batches: v}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""
WEB, OTHER, POOR = (f"secret-of-the-{name}" for name in ("web-0123", "other-01", "poor-012"))


def line(number: int) -> bytes:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"model": "gpt-4o-mini-2024-07-18", "usage": usage, "choices": []}
    return json.dumps({"custom_id": str(number), "response": {"status_code": 200, "body": body}}).encode() + b"\n"


RESULTS = b"".join(map(line, range(3000)))


class Vendor(BaseHTTPRequestHandler):
    """Files as a dictionary; a batch is done as soon as it is asked for."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []

    def do_GET(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def do_DELETE(self) -> None:
        self.answer("DELETE")

    def answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((method, self.path, headers, body))
        status, kind, data = self.said(method, self.path.partition("?")[0], len(self.seen))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def said(self, method: str, path: str, number: int) -> tuple[int, str, bytes]:
        file = {
            "object": "file",
            "bytes": 3,
            "created_at": 1,
            "filename": "a.jsonl",
            "purpose": "batch",
            "status": "processed",
        }
        batch = {
            "id": "batch_1",
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 1,
            "input_file_id": "file-in",
            "status": "completed",
        }
        if path == "/v1/files/file-out/content":
            return 200, "application/octet-stream", RESULTS
        said: dict[tuple[str, str], Any] = {
            ("POST", "/v1/files"): {"id": f"file-{number}", **file},
            ("GET", "/v1/files"): {
                "object": "list",
                "data": [{"id": f"file-{one}", **file} for one in range(100)],
                "first_id": "file-0",
                "last_id": "file-99",
                "has_more": False,
            },
            ("POST", "/v1/batches"): batch,
            ("GET", "/v1/batches/batch_1"): {**batch, "output_file_id": "file-out", "error_file_id": "file-errors"},
        }
        if method == "DELETE":
            return 200, "application/json", json.dumps({"id": path[10:], "object": "file", "deleted": True}).encode()
        if method == "GET" and path.startswith("/v1/files/") and (method, path) not in said:
            return 200, "application/json", json.dumps({"id": path[10:], **file}).encode()
        return 200, "application/json", json.dumps(said[method, path]).encode()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[int]:
    Vendor.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def sdk(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)


def test_a_batch_from_its_file_to_its_results(tmp_path: Path, vendor: int) -> None:
    with up(tmp_path, SYSTEM.replace("VENDOR", str(vendor))) as running:
        with sdk(running.url, WEB) as web, sdk(running.url, OTHER) as other, sdk(running.url, POOR) as poor:
            made = web.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
            assert [one.id for one in web.files.list(limit=100)] == [made.id]
            assert list(other.files.list(limit=100)) == []
            with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}"):
                other.files.retrieve(made.id)
            with pytest.raises(openai.NotFoundError, match="No such File object"):
                other.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
            batch = web.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
            done = web.batches.retrieve(batch.id)
            assert done.output_file_id is not None
            with pytest.raises(openai.NotFoundError):
                other.files.content(done.output_file_id)
            assert web.files.content(done.output_file_id).read() == RESULTS
            assert web.files.content(done.output_file_id).read() == RESULTS
            assert web.files.delete(made.id).deleted
            with pytest.raises(openai.NotFoundError):
                web.files.retrieve(made.id)
            with pytest.raises(openai.PermissionDeniedError, match="cannot be bounded"):
                poor.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
            assert list(poor.files.list()) == []
        records = [json.loads(line) for line in running.journal if b'"request_id"' in line]
    costs = [(one["model"], one.get("cost_nano"), one["status"]) for one in records]
    assert costs[0] == ("passthrough/files", None, 200)
    assert costs[1] == ("passthrough/files", 0, 200)
    assert [one["tokens"] for one in records if "tokens" in one] == [{"input": 30_000, "output": 15_000}]
    assert {one["operation"] for one in records} == {"passthrough"}
    assert {attempt["target"] for one in records for attempt in one.get("attempts", [])} == {"v"}
    assert {seen[2]["authorization"] for seen in Vendor.seen} == {"Bearer vendor-secret-0123456789"}
