"""A vendor that repeats what it was sent, and a whole gateway in front of it: nobody and no file is shown a key."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.gateway.gateway import Gateway
from headworks.system.load import read
from headworks.telemetry.log_lines import JsonLines, TextLines
from headworks.testing import ask
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.errors import problem
from tests.system.files import FakeMachine

KEY = "Qz+wx/abcdef=="
WORDS = "nodigitsinthiskeyatall"
OTHER = "other-secret-0123456789"
TEXT = """
version: 1
providers:
  vendor: {dialect: openai, base_url: "http://127.0.0.1:PORT/v1", api_key: "${env:KEY}", headers: {X-Signature: "${env:WORDS}"}}
  another: {dialect: openai, base_url: "http://127.0.0.1:9/v1", api_key: "${env:OTHER}"}
models:
  m: {targets: [[vendor/m], [another/m]], retry: {attempts: 2, backoff: 1ms..2ms}, breaker: {failures: 2}}
log: {bodies: full, store: "sqlite:///ledger.db", journal: journal}
"""
SECRETS = (KEY, WORDS, OTHER, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()[:12])


async def repeats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request of a connection with its own head: as a 503, a 400, a body that is no JSON, an answer."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(lines["content-length"]))
            told = f"{lines['authorization']} {lines['x-signature']} {quote(KEY, safe='')} {OTHER} ".replace("/", "\\/")
            told += base64.b64encode(lines["authorization"].encode()).decode()
            kind = next(one for one in ("503", "400", "garbled", "answer") if one.encode() in body)
            status = kind if kind.isdigit() else "200"
            said = f'{{"error":{{"message":"you sent {told}"}}}}'
            if kind == "garbled":
                said = f"you sent {told}"
            elif kind == "answer":
                content = told.replace(OTHER, "")  # what another vendor is sent, this one cannot know
                said = f'{{"choices":[{{"index":0,"message":{{"content":"{content}"}},"finish_reason":"stop"}}]}}'
            answer = f"HTTP/1.1 {status} X\r\nx-request-id: r-{KEY}\r\ncontent-length: {len(said)}\r\n\r\n{said}"
            writer.write(answer.encode())
    except asyncio.IncompleteReadError:
        writer.close()


def holds_none(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_answer_no_record_and_no_line_of_the_log_holds_a_key(tmp_path: Path, form: str) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonLines() if form == "json" else TextLines("%(message)s"))
    logging.getLogger().addHandler(handler)
    shown: list[str] = []

    async def run() -> None:
        server = await asyncio.start_server(repeats, "127.0.0.1", 0)
        text = TEXT.replace("PORT", str(server.sockets[0].getsockname()[1]))
        env = {"KEY": KEY, "WORDS": WORDS, "OTHER": OTHER}
        loaded = read(text.encode(), file="system.yaml", folder=tmp_path, env=env, machine=FakeMachine())
        gateway = Gateway(loaded.system, tmp_path, seed=1)
        await gateway.start()
        try:
            for kind in ("answer", "400", "garbled", "503", "503"):
                body = b'{"model":"m","messages":[{"role":"user","content":"%b %b"}]}' % (kind.encode(), OTHER.encode())
                asked = Call(
                    id=f"req_{kind}",
                    alias="m",
                    body=body,
                    dialect=CHAT,
                    user=f"u {OTHER}",
                    traceparent=OTHER,
                    arrived_at=now(),
                )
                try:
                    shown.append((await ask(gateway.front, asked)).data.decode())
                except CallError as error:
                    shown.append(problem(error).decode())
            logging.getLogger("headworks.x").error("a line with %s and %s", OTHER, KEY)
        finally:
            await gateway.stop()
            server.close()

    try:
        asyncio.run(run())
    finally:
        logging.getLogger().removeHandler(handler)
    assert len(shown) == 5
    assert "***" in shown[0]
    assert "***" in shown[1]
    assert all(holds_none(one.replace("\\/", "/").replace(OTHER, "")) for one in shown)
    kept = "".join(file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file())
    assert "req_garbled" in kept
    assert "***" in kept
    assert holds_none(kept.replace("\\/", "/"))
    assert "a line with *** and ***" in log.getvalue()
    assert "circuit_opened" in log.getvalue() or "is not asked" in log.getvalue()
    assert holds_none(log.getvalue().replace("\\/", "/"))
