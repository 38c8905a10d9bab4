"""A vendor that dies in mid-answer, over real sockets and with the official SDK: one unbroken answer, or its APIError."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai

from tests.e2e.running import Running, up

SYSTEM = """
version: 1
providers: {{vendor: {{dialect: openai, base_url: "http://127.0.0.1:{vendor}/v1"}}}}
models:
  restarted: {{targets: [vendor/m], mid_stream: restart}}
  broken: {{targets: [vendor/m]}}
server: {{listen: 127.0.0.1:PORT}}
"""
WORDS = ["one ", "two ", "three ", "four"]


class Dying(BaseHTTPRequestHandler):
    """Says as many words as its server's next script has, and dies where that is not the whole answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        scripts: list[list[str]] = self.server.scripts  # type: ignore[attr-defined]
        script = scripts.pop(0)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        stamp = {
            "id": f"chatcmpl-{len(scripts)}",
            "created": len(scripts),
            "model": "m",
            "object": "chat.completion.chunk",
        }
        self.say({**stamp, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        for word in script:
            self.say({**stamp, "choices": [{"index": 0, "delta": {"content": word}}]})
        if script[-1] != WORDS[-1]:
            self.close_connection = True
            return
        self.say({**stamp, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        self.say({**stamp, "choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def say(self, event: object) -> None:
        self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def dying(*scripts: list[str]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dying)
    server.scripts = list(scripts)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


def shown(running: Running, request: str) -> str:
    file = running.folder / f"system-{running.port}.yaml"
    told = subprocess.run(
        [sys.executable, "-m", "headworks", "logs", "show", request, str(file)],
        capture_output=True,
        check=True,
        text=True,
        cwd=running.folder,
    )
    return told.stdout


def test_the_sdk_sees_one_answer_or_an_error_and_the_log_shows_every_attempt(tmp_path: Path) -> None:
    scripts = [WORDS[:2], WORDS[:3], WORDS], [WORDS[:2], ["one ", "zwei ", "four"]], [WORDS[:2]]
    with dying(*[script for some in scripts for script in some]) as vendor:
        with up(tmp_path, SYSTEM.format(vendor=vendor)) as running:
            client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0)

            def ask(model: str) -> tuple[str, list[openai.types.chat.ChatCompletionChunk], str]:
                text, chunks = "", []
                raw = client.chat.completions.with_raw_response.create(
                    model=model,
                    messages=[{"role": "user", "content": "count"}],
                    stream=True,
                    stream_options={"include_usage": True},
                )
                request = raw.headers["x-request-id"]
                try:
                    for chunk in raw.parse():
                        chunks.append(chunk)
                        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                except openai.APIError as error:
                    return f"{text}|{error.code}", chunks, request
                return text, chunks, request

            text, chunks, request = ask("restarted")
            assert text == "one two three four"
            assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1
            assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices].count("assistant") == 1
            assert chunks[-1].usage is not None
            assert chunks[-1].usage.total_tokens == 13
            assert ask("restarted")[0] == "one two |stream_diverged"
            assert ask("broken")[0] == "one two |upstream_cut"
            story = shown(running, request)
            assert "3 attempts" in story
            assert story.count("vendor/m  (resume)") == 2
            assert story.count("cut (vendor's status 200)") == 2
            assert "ok, 200" in story
