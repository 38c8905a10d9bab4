"""One call of a client's kind to a running gateway, and what came of it."""

from __future__ import annotations

import asyncio
import time
from ssl import SSLContext
from urllib.parse import quote

import msgspec

from headworks.cli.client_settings import CHAT, GENERATE, MESSAGES, RESPONSES
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.http.client import Client
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.http.dial import Origin

TIMEOUT = 60.0
"""Seconds: a model that has to be loaded first takes half of it."""

MOST_SHOWN = 300
"""Characters of an answer that is none."""

QUESTION = "Answer with the word: ok"
MOST_OUTPUT = 16


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """is_answered: the gateway answered with 200. seconds: until the whole answer was here. said: why not, or ""."""

    is_answered: bool
    status: int
    seconds: float
    said: str = ""


def body(path: str, model: str) -> bytes:
    """A question in the API of this path."""
    asked = [{"role": "user", "content": QUESTION}]
    bodies: dict[str, object] = {
        CHAT: {"model": model, "messages": asked, "max_tokens": MOST_OUTPUT},
        MESSAGES: {"model": model, "messages": asked, "max_tokens": MOST_OUTPUT},
        RESPONSES: {"model": model, "input": asked, "max_output_tokens": MOST_OUTPUT, "store": False},
        GENERATE: {
            "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
            "generationConfig": {"maxOutputTokens": MOST_OUTPUT},
        },
    }
    return msgspec.json.encode(bodies[path])


def headers(path: str, key: str | None) -> list[tuple[bytes, bytes]]:
    """As the API's own SDKs send them."""
    made = [(b"content-type", b"application/json")]
    if path == MESSAGES:
        made.append((b"anthropic-version", b"2023-06-01"))
    if key is not None:
        names = {MESSAGES: (b"x-api-key", b""), GENERATE: (b"x-goog-api-key", b"")}
        name, scheme = names.get(path, (b"authorization", b"Bearer "))
        made.append((name, scheme + key.encode()))
    return made


def check(path: str, url: str, model: str, key: str | None, context: SSLContext | None = None) -> Checked:
    """Asks the gateway at `url` once. context: how its certificate is checked; None trusts what the system trusts."""
    return asyncio.run(ask(Client(Origin.parse(url), context=context), path, model, key))


async def ask(client: Client, path: str, model: str, key: str | None) -> Checked:
    """Asks once, and closes the client."""
    began = time.monotonic()
    status, said = 0, ""
    by = now() + TIMEOUT
    try:
        target = client.origin.target(path.replace("{model}", quote(model, safe="")).encode())
        exchange = await client.send(b"POST", target, header_block(headers(path, key)), body(path, model), by)
        try:
            status, _, answer = await exchange.whole(by)
        finally:
            exchange.release()
        said = "" if status == 200 else answer[: 4 * MOST_SHOWN].decode("utf-8", "replace")[:MOST_SHOWN]
    except (TimedOut, Broken, CallError) as error:
        said = str(error) or f"no answer within {TIMEOUT:.0f} s"
    finally:
        await client.close()
    return Checked(is_answered=status == 200, status=status, seconds=round(time.monotonic() - began, 3), said=said)
