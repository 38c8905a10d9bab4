"""Files whose systems are searched, as small as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from headworks.core.errors import ConfigError
from headworks.system.load import parse_chosen
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings
from headworks.system.verdicts.quality import NOTHING_MEASURED, KnownQuality
from headworks.twin.frontier.candidates import SourceFile
from headworks.twin.frontier.search import Search
from headworks.twin.frontier.space import Space, space_of
from headworks.twin.plan import PlanInputs
from headworks.twin.simulation.replications import Effort
from tests.system.files import NOWHERE, FakeMachine, examined

FILE: Final = """\
# support
requirements:
  traffic: {{peak_rps: 2, prompt_tokens: {{p50: 100, p95: 300}}, output_tokens: {{p50: 20, p95: 40}}, streamed: 100%}}
  objectives: [{objectives}]
{constraints}
providers:
  slow: {{dialect: openai, base_url: "https://slow/v1"{slow}}}
  fast: {{dialect: openai, base_url: "https://fast/v1"{fast}}}
models:
  a:
    targets:                 # tried in order
      - {first}   # ours
    price: {{input: $1/M, output: $5/M}}
    timeouts: {{total: 90s}}
{more}
"""
FIRST: Final = "{id: first, metric: time_to_first_token, percentile: 95, at_most: 800ms}"
UP: Final = "{id: up, metric: availability, at_least: 99.5%}"
MONTHLY: Final = "{id: monthly, metric: cost, window: 30d, at_most: $5000}"
SLOW: Final = (
    "{provider: slow, model: m, expect: {first_token: {p50: 900ms, p95: 1500ms}, per_token: {p50: 5ms, p95: 9ms}}}"
)
FAST: Final = (
    "{provider: fast, model: m, expect: {first_token: {p50: 200ms, p95: 400ms}, per_token: {p50: 5ms, p95: 9ms}}}"
)
BOTH: Final = f"choices: {{targets: {{a: [{SLOW}, {FAST}]}}}}"
MINIMUM: Final = f"{BOTH[:-1]}, prices: [{{of: providers.slow, at_least: $400}}]}}"
"""Both vendors, of which the slow one wants a minimum: what is more available is dearer."""


def read_bytes(content: bytes) -> System:
    """As any command does it."""
    system, findings = examined(content)
    if system is None:
        raise ConfigError(findings.errors)
    return system


def read_chosen(content: bytes) -> System:
    """As a search does it."""
    findings = Findings("headworks.yaml")
    system = parse_chosen(content, findings, Sources({}, NOWHERE), FakeMachine())
    if system is None:
        raise ConfigError(findings.errors)
    return system


def text(
    objectives: str = f"{FIRST}, {UP}",
    more: str = BOTH,
    first: str = SLOW,
    slow: str = "",
    fast: str = "",
    constraints: str = "",
) -> str:
    return FILE.format(objectives=objectives, more=more, first=first, slow=slow, fast=fast, constraints=constraints)


def asked(
    content: str, wanted: int = 100, quality: KnownQuality = NOTHING_MEASURED, seed: int = 1, runs: int = 4
) -> Search:
    return Search(
        source=SourceFile.of("headworks.yaml", content.encode()),
        system=read_bytes(content.encode()),
        known=PlanInputs(read=nothing, quality=quality),
        parse=read_chosen,
        effort=Effort(calls=100, runs=runs, seed=seed),
        wanted=wanted,
    )


def nothing(path: str) -> bytes:
    raise FileNotFoundError(path)


def space(content: str) -> Space:
    one = asked(content)
    return space_of(one.system, one.source.tree)


def patched(folder: Path, content: str, patch: str) -> Path:
    """A file and its patch in a folder."""
    (folder / "headworks.yaml").write_bytes(content.encode())
    (folder / "one.patch").write_bytes(patch.encode())
    return folder
