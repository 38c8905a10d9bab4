"""Runs one client before one vendor: through a gateway of ours, or directly."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tools.clients.client import Client, Job, Places
from tools.clients.drivers import CommandDriver, ProgramDriver, driver
from tools.clients.gateway import KEY, POOR, Gateway, free_port, system_file
from tools.clients.scenarios import DOWN, ROUNDS, SCENARIOS, Result, Scenario, is_whole, why_not
from tools.clients.vendor.server import SECRET, Vendor

DIRECT: Final = "direct"
"""In place of a vendor's dialect: the client asks a vendor of its own dialect, and there is no gateway."""

PATIENCE: Final = 40.0
"""Seconds until it is counted that a client has not stopped yet."""

SILENT: Final = 15.0
"""The same for a silent vendor and no gateway: an agent waits for minutes."""


class Step(NamedTuple):
    scenario: Scenario
    is_streamed: bool


def steps(client: Client, vendor: str) -> Iterator[Step]:
    """The runs of a pair: an agent in its own mode, an SDK streamed and whole; how often it asks a vendor that is down."""
    for scenario in SCENARIOS:
        yield Step(scenario, True)
    if not client.is_agent and vendor != DIRECT:
        for scenario in SCENARIOS:
            yield Step(scenario, False)
    if vendor in (DIRECT, client.dialect):
        yield Step(DOWN, True)


class Pair:
    """One client before one vendor."""

    def __init__(self, vendor: Vendor, client: Client, places: Places, dialect: str, number: int) -> None:
        self.vendor = vendor
        self.client = client
        self.dialect = dialect
        self.driver: CommandDriver | ProgramDriver = driver(client, places)
        self.number = number
        self.is_direct = dialect == DIRECT
        self._count = 0

    async def run(self, only: tuple[str, ...] = ()) -> list[Result]:
        """Each step, one after the other. only: names of scenarios."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.driver.close)
            url, gateway = self._vendor_url, None
            if not self.is_direct:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headworks-gateway-")))
                port = free_port()
                text = system_file(self.dialect, url, port)
                gateway = await stack.enter_async_context(Gateway(folder, text, port))
                url = gateway.url
            wanted = [one for one in steps(self.client, self.dialect) if not only or one.scenario.name in only]
            return [await self._step(one, url, gateway) for one in wanted]

    def _most(self, scenario: Scenario) -> float:
        if scenario in ROUNDS:
            return 240.0
        return SILENT if self.is_direct and scenario.fault == "silence" else PATIENCE

    @property
    def _vendor_url(self) -> str:
        return f"http://127.0.0.1:{self.vendor.port}/p{self.number}"

    async def _step(self, step: Step, url: str, gateway: Gateway | None) -> Result:
        self._count += 1
        name = f"r{self.number}s{self._count}"
        scenario = step.scenario
        is_signed = self.is_direct or self.client.dialect == self.dialect
        script = scenario.script(name, is_agent=self.client.is_agent, is_signed=is_signed)
        run = self.vendor.begin(script)
        is_spent = scenario.fault == "spent"
        key = SECRET if gateway is None else POOR if is_spent else KEY
        before = len(gateway.records()) if gateway else 0
        job = Job(
            url=url,
            key=key,
            model="assistant",
            prompt=f"[run {name}] Do what the tool says, then say {script.words} words.",
            streamed=step.is_streamed,
            tool=script.calls > 0,
            wait=5.0 if self.is_direct and scenario.fault == "silence" else 60.0,
            most=self._most(scenario),
        )
        outcome = await self.driver.ask(job)
        asked = len(gateway.records()) - before if gateway else run.calls
        got = "whole" if is_whole(outcome, script) else outcome.error or "another answer"
        why = why_not(scenario, outcome, run)
        return Result(
            scenario.name,
            step.is_streamed,
            why,
            got,
            run.calls,
            asked,
            len(run.signed),
            len(run.returned),
            round(outcome.seconds, 1),
        )
