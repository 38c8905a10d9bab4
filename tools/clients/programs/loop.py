"""What every program of an SDK does: reads jobs as JSON lines, runs each, and writes what its caller would have got.

A job: `url`, `key`, `model`, `prompt`, `streamed`, `tool` (whether it offers the tool), `wait` (the SDK's own timeout, in seconds),
`session` (what the caller calls its session, or nothing).
An outcome: `text`, or `error` (the class), `message`, and `is_own`: whether the class is one of the SDK's.

It imports nothing of the project: it runs in the environment of the clients, at the versions that are locked there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

TURNS = 250


@dataclass(frozen=True)
class Job:
    """One prompt, as its user would ask it."""

    url: str
    key: str
    model: str
    prompt: str
    streamed: bool
    tool: bool
    wait: float
    session: str = ""


def lookup(text: str) -> str:
    """Looks a text up."""
    return f"found {text}"


SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "what is looked up"}},
    "required": ["text"],
    "additionalProperties": False,
}


def main(ask: Callable[[Job], Awaitable[str]], *own: str) -> None:
    """ask: the text of the last answer. own: the packages whose classes of errors are the SDK's."""
    with asyncio.Runner() as runner:  # one loop for all jobs: some SDKs keep their connections between two clients
        for line in sys.stdin:
            print(json.dumps(runner.run(_outcome(ask, Job(**json.loads(line)), own))), flush=True)


async def _outcome(ask: Callable[[Job], Awaitable[str]], job: Job, own: tuple[str, ...]) -> dict[str, Any]:
    try:
        return {"text": await ask(job)}
    except Exception as error:  # noqa: BLE001 - what the SDK's user would get is the outcome, whatever it is
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        return {"error": name, "message": str(error)[:300], "is_own": name.startswith(own)}
