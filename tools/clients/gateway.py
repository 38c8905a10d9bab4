"""A gateway of ours before one vendor of ours, as a user starts it."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any, Final

from tools.clients.vendor.server import SECRET

KEY: Final = "caller-key-of-clients"
POOR: Final = "poor-key-of-clients"
"""A key whose budget is spent."""

VENDORS: Final = ("chat", "responses", "anthropic", "gemini", "bedrock", "azure")
"""By the dialect that the vendor speaks."""

PROVIDERS: Final = {
    "chat": "dialect: openai, base_url: 'URL/v1', apis: [chat]",
    "responses": "dialect: openai, base_url: 'URL/v1', apis: [responses]",
    "anthropic": "dialect: anthropic, base_url: 'URL/v1'",
    "gemini": "dialect: gemini, base_url: 'URL/v1beta'",
    "bedrock": "dialect: bedrock, region: eu-central-1, base_url: 'URL'",
    "azure": "dialect: azure, base_url: 'URL/openai/v1'",
}

FILE: Final = """\
version: 1
providers:
  vendor: {PROVIDER, api_key: SECRET}
models:
  assistant:
    targets: [vendor/assistant]
    mid_stream: restart
    timeouts: {connect: 5s, first_token: 5s, between_tokens: 5s, answer: 5s, total: 2m}
    retry: {attempts: 3, backoff: 100ms..5s}
    max_output: 64k
    price: {input: $1/M, output: $2/M}
  "claude-*": {same_as: assistant}
  "gemini-*": {same_as: assistant}
  "gpt-*": {same_as: assistant}
keys:
  caller: {key: CALLER}
  poor: {key: POOR, budget: {amount: $0.0000001, every: 1d}}
responses: {store: 30d}
server: {listen: 127.0.0.1:PORT}
"""
"""`mid_stream: restart` goes on with a stream that broke. The vendor's model has the alias's name: Claude Code gives thinking
back only where the answer names the model that it asked for. `responses`: the Vercel AI SDK refers to items of earlier answers. All else is what a user would write, with short bounds."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def system_file(vendor: str, url: str, port: int) -> str:
    """The system file. url: of the vendor of ours, with its place."""
    provider = PROVIDERS[vendor].replace("URL", url)
    text = FILE.replace("PROVIDER", provider).replace("SECRET", SECRET).replace("CALLER", KEY)
    return text.replace("POOR", POOR).replace("PORT", str(port))


class Gateway:
    """`headworks up`, until it is left."""

    def __init__(self, folder: Path, text: str, port: int) -> None:
        self.folder = folder
        self.text = text
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Gateway:
        file = self.folder / "headworks.yaml"
        await asyncio.to_thread(file.write_text, self.text)
        with (self.folder / "up.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "headworks", "up", str(file)), cwd=self.folder, stdout=log, stderr=log
            )
        while not await self._is_ready():
            if self._process.returncode is not None:
                raise RuntimeError(f"the gateway ended: {(self.folder / 'up.log').read_text()[-2000:]}")
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        said = await reader.read()
        writer.close()
        return b" 200 " in said.partition(b"\r\n")[0]

    def records(self) -> list[dict[str, Any]]:
        """Every record in its journal so far."""
        lines = [line for file in sorted(self.folder.glob(".headworks/**/*.jsonl")) for line in _lines(file)]
        return [said for line in lines if isinstance(said := json.loads(line), dict) and "status" in said]


def _lines(file: Path) -> list[bytes]:
    """Whole lines only: the last may be under way."""
    return [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
