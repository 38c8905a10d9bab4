"""The long runs: 200 turns of an agent with ten faults in them, and 200 turns of an SDK on two targets."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.clients.client import Client, Job, Outcome, Places
from tools.clients.drivers import driver
from tools.clients.gateway import KEY, POOR, Gateway, free_port, system_file
from tools.clients.install import version
from tools.clients.outcome import Long
from tools.clients.scenarios import is_whole
from tools.clients.vendor.script import Fault, Run, Script
from tools.clients.vendor.server import SECRET, Vendor

TURNS: Final = 200
SESSIONS: Final = 20
"""So many sessions of the SDK have these turns together: what a session costs is decided by its first calls."""

CROSSING: Final[Mapping[str, str]] = {"claude-code": "gemini", "codex": "anthropic"}
"""Which vendor each agent is put before: another than its own."""

FAULTS: Final[Mapping[int, Fault]] = {
    7: "cut",
    25: "429",
    44: "529",
    63: "silence",
    82: "cut",
    101: "529",
    120: "429",
    139: "cut",
    158: "silence",
    177: "cut",
}
"""By the number of the call at the vendor."""


async def long_runs(clients: Sequence[Client], places: Places) -> list[Long]:
    """Both agents, one after the other."""
    async with Vendor() as vendor:
        vendor.forbidden = (KEY, POOR)
        return [await _long(vendor, client, places) for client in clients]


async def _long(vendor: Vendor, client: Client, places: Places) -> Long:
    name = f"long{client.name.replace('-', '')}"
    dialect = CROSSING[client.name]
    run = vendor.begin(Script(run=name, calls=TURNS, faults=FAULTS, is_agent=True))
    with tempfile.TemporaryDirectory(prefix="headworks-gateway-") as folder:
        port = free_port()
        text = system_file(dialect, f"http://127.0.0.1:{vendor.port}/{name}", port)
        async with Gateway(Path(folder), text, port) as gateway:
            prompt = f"[run {name}] Do what the tool says {TURNS} times, then say 12 words."
            outcome = await driver(client, places).ask(
                Job(
                    url=gateway.url,
                    key=KEY,
                    model="assistant",
                    prompt=prompt,
                    streamed=True,
                    tool=True,
                    wait=60,
                    most=1500,
                )
            )
            asked = len(gateway.records())
    ended = f"{outcome.error} {outcome.message[-300:]}"
    made = Long(
        title=f"{client.title} {version(client.column, client.package)}",
        vendor=dialect,
        turns=TURNS,
        asked=asked,
        calls=run.calls,
        faults=run.refused + run.broken,
        paid=sum(times == 1 for times in run.paid.values()),
        signed=len(run.signed),
        returned=len(run.returned),
        problems=_lost(run, is_answered=is_whole(outcome, run.script), ended=ended),
    )
    print(f"clients: {made.title} before a vendor of {dialect}, {outcome.seconds:.0f} s: {made}", flush=True)
    return made


def _lost(run: Run, *, is_answered: bool, ended: str) -> list[str]:
    """What went wrong; nothing, where each turn was made once and each result came back."""
    problems = list(run.problems)
    if not is_answered:
        problems.append(f"the client did not get the answer: {ended}")
    if run.is_paid_twice:
        problems.append("a turn was paid for twice")
    if missing := [turn for turn in range(run.script.calls + 1) if turn not in run.paid]:
        problems.append(f"turns never made: {missing[:10]}")
    if run.refused + run.broken != len(run.script.faults):
        problems.append(f"only {run.refused + run.broken} of the faults came to pass")
    return problems


async def sessions(client: Client, places: Places, balance: str) -> int:
    """Sessions of an SDK on two targets of equal weight: how much of their prompts the vendor has in its cache."""
    cost, problems = 0.0, list[str]()
    asked = cached = 0
    async with Vendor() as vendor:
        base = f"http://127.0.0.1:{vendor.port}"
        with tempfile.TemporaryDirectory(prefix="headworks-gateway-") as folder:
            port = free_port()
            async with Gateway(Path(folder), _two_targets(base, balance, port), port) as gateway:
                for number in range(1, SESSIONS + 1):
                    run = vendor.begin(Script(run=f"session{number}", calls=TURNS // SESSIONS))
                    outcome = await _session(client, places, gateway.url, run.script)
                    problems += (
                        run.problems if is_whole(outcome, run.script) else [f"{outcome.error} {outcome.message}"]
                    )
                    asked, cached = asked + run.input_tokens, cached + run.cached_tokens
                cost = sum(one.get("cost_nano") or 0 for one in gateway.records()) / 1e9
    print(
        f"clients: {SESSIONS} sessions of {TURNS // SESSIONS} turns of {client.title}, two targets, balance: {balance}"
    )
    print(f"    input tokens {asked}, of which cached {cached} ({cached / max(1, asked):.1%}); cost ${cost:.4f}")
    print(f"    {'; '.join(problems[:3]) or 'whole'}", flush=True)
    return 1 if problems else 0


async def _session(client: Client, places: Places, url: str, script: Script) -> Outcome:
    sdk = driver(client, places)
    try:
        return await sdk.ask(
            Job(
                url=url,
                key=KEY,
                model="assistant",
                prompt=f"[run {script.run}] {'A long prompt that is worth a cache. ' * 200}",
                streamed=True,
                tool=True,
                wait=60,
                most=900,
                session=script.run,
            )
        )
    finally:
        await sdk.close()


def _two_targets(base: str, balance: str, port: int) -> str:
    """Two providers at two places of the vendor: what is warm at one is cold at the other."""
    text = system_file("chat", f"{base}/one", port)
    first = f"vendor: {{dialect: openai, base_url: '{base}/one/v1', apis: [chat], api_key: {SECRET}}}"
    assert first in text
    second = first.replace("vendor:", "other:", 1).replace("/one/", "/two/")
    text = text.replace(first, f"{first}\n  {second}")
    targets = "targets: [[{provider: vendor, model: assistant}, {provider: other, model: assistant}]]"
    text = text.replace("targets: [vendor/assistant]", f"{targets}\n    balance: {balance}")
    return text.replace("input: $1/M", "input: $1/M, cached_input: $0.10/M")
