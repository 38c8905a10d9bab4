"""The official SDK's images, audio and moderations through the gateway, against a vendor of ours that says what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
import pytest

from tests.e2e.running import up

pytestmark = pytest.mark.e2e

SYSTEM = """
providers: {v: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "vendor-secret-0123456789"}}
models:
  pictures: {targets: v/gpt-image-1, price: {input: $5/M, output: $40/M}}
  voice: v/tts-1
  ear: v/whisper-1
  guard: v/omni-moderation
keys:
  web: {key: secret-of-the-web-0123}
  poor: {key: secret-of-the-poor-012, budget: {amount: $1, every: 1d}}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""
SOUND = bytes(range(256)) * 300
SEEN: list[tuple[str, str, bytes]] = []


class Vendor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        SEEN.append((self.path, self.headers["content-type"], body))
        usage = {"input_tokens": 10, "output_tokens": 1000, "total_tokens": 1010}
        said: dict[str, tuple[str, bytes]] = {
            "/v1/images/generations": (
                "application/json",
                json.dumps({"created": 1, "data": [{"b64_json": "aGk="}], "usage": usage}).encode(),
            ),
            "/v1/audio/speech": ("audio/mpeg", SOUND),
            "/v1/audio/transcriptions": ("application/json", b'{"text":"hello"}'),
            "/v1/moderations": ("application/json", b'{"id":"m","model":"omni","results":[{"flagged":false}]}'),
        }
        kind, answer = said[self.path]
        status = 200
        if b"1x1" in body:
            status, answer = 400, b'{"error":{"message":"bad size","type":"invalid_request_error"}}'
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def vendor() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_pictures_sound_and_moderations_pass_through(tmp_path: Path, vendor: int) -> None:
    with up(tmp_path, SYSTEM.replace("VENDOR", str(vendor))) as running:
        with openai.OpenAI(
            base_url=f"{running.url}/v1", api_key="secret-of-the-web-0123", max_retries=0, timeout=60
        ) as sdk:
            picture = sdk.images.generate(model="pictures", prompt="a cat")
            assert picture.data is not None
            assert picture.data[0].b64_json == "aGk="
            with sdk.audio.speech.with_streaming_response.create(model="voice", voice="alloy", input="Hi") as spoken:
                assert spoken.headers["content-type"] == "audio/mpeg"
                assert spoken.read() == SOUND
            assert sdk.audio.transcriptions.create(model="ear", file=("a.wav", SOUND)).text == "hello"
            assert not sdk.moderations.create(model="guard", input="Hi").results[0].flagged
            with pytest.raises(openai.BadRequestError, match="bad size"):
                sdk.images.generate(model="pictures", prompt="a dog", size="1x1")  # type: ignore[call-overload]
        with openai.OpenAI(
            base_url=f"{running.url}/v1", api_key="secret-of-the-poor-012", max_retries=0, timeout=60
        ) as poor:
            with pytest.raises(openai.PermissionDeniedError, match="cannot be bounded"):
                poor.images.generate(model="pictures", prompt="a cat")
        records = [json.loads(line) for line in running.journal if b'"request_id"' in line]
    assert [(one["operation"], one.get("cost_nano")) for one in records[:4]] == [
        ("images", 10 * 5_000 + 1000 * 40_000),
        ("audio", None),
        ("audio", None),
        ("moderations", None),
    ]
    path, kind, body = SEEN[2]
    assert path == "/v1/audio/transcriptions"
    assert kind.startswith("multipart/form-data; boundary=")
    assert (b"whisper-1" in body, SOUND in body, b'"ear"' in body) == (True, True, False)
