"""Priors: how fast a family of models is at a vendor, by public sources, until somebody measures.

Always true: no row without the address and the date of what it was read from; both numbers of a source are medians as
they stand there. What is not in the table is unknown, and nothing is made up for it. The interval of a row reaches from
its lowest source divided by `SPREAD` to its highest times `SPREAD`.

`SPREAD` is by how much sources disagree about one model at one vendor: of Mistral Small two say 0.11 s and 0.64 s to the
first token, six times as long, which is a factor of 2.4 on either side of their middle. `docs/plan/speeds.md` has the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import sqrt
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import msgspec

from headworks.system.schema.system import OpenAI, Provider

SPREAD: Final = 3.0


class Source(msgspec.Struct, frozen=True):
    """Where a row is from: an address, and the date that the page says of its numbers."""

    url: str
    at: str


class Seen(msgspec.Struct, frozen=True):
    """What one source says. first_token: median seconds; tokens: median tokens a second after the first."""

    source: Source
    first_token: float
    tokens: float


class Range(msgspec.Struct, frozen=True):
    """An interval of a median, in seconds."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Their geometric mean: times are as likely to be half as to be double."""
        return sqrt(self.low * self.high)


class Prior(msgspec.Struct, frozen=True):
    """The speed of a family of models at a vendor."""

    vendor: str
    family: str
    seen: tuple[Seen, ...]

    @property
    def first_token(self) -> Range:
        return _range([one.first_token for one in self.seen])

    @property
    def per_token(self) -> Range:
        return _range([1 / one.tokens for one in self.seen])

    def __str__(self) -> str:
        return ", ".join(f"{one.source.url} ({one.source.at})" for one in self.seen)


def _range(values: list[float]) -> Range:
    return Range(min(values) / SPREAD, max(values) * SPREAD)


KICKLLM: Final = Source("https://kickllm.com/research/llm-speed-benchmark.html", "2026-04")
KICKLLM_APIS: Final = Source("https://kickllm.com/research/ai-api-latency-comparison.html", "2026-04")
BENCHLM: Final = Source("https://benchlm.ai/llm-speed", "2026-04-07")
INDUWARA: Final = Source("https://induwara.lk/tools/ai-llm-speed-comparison", "2026-06-24")
ROUSSEF: Final = Source("https://www.godofprompt.ai/blog/llm-latency-benchmarks-use-case", "2026-02-06")

VENDORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api.openai.com": "openai",
        "api.groq.com": "groq",
        "api.mistral.ai": "mistral",
        "api.deepseek.com": "deepseek",
        "api.together.xyz": "together",
        "api.together.ai": "together",
        "api.fireworks.ai": "fireworks",
        "api.cerebras.ai": "cerebras",
        "api.x.ai": "xai",
        "generativelanguage.googleapis.com": "google",
    }
)
"""Vendors by the host of their API."""


def _row(vendor: str, family: str, *seen: tuple[Source, float, float]) -> Prior:
    return Prior(vendor, family, tuple(Seen(*one) for one in seen))


PRIORS: Final = (
    _row("openai", "gpt-4o", (KICKLLM, 0.35, 95), (INDUWARA, 0.45, 131), (KICKLLM_APIS, 0.38, 92)),
    _row("openai", "gpt-4o-mini", (KICKLLM, 0.2, 160), (KICKLLM_APIS, 0.25, 115)),
    _row("openai", "gpt-4.1-nano", (BENCHLM, 0.63, 181)),
    _row("openai", "gpt-5.4-mini", (BENCHLM, 3.85, 201)),
    _row("openai", "gpt-5.4-nano", (BENCHLM, 3.64, 191)),
    _row("openai", "o3", (KICKLLM, 2.5, 35), (KICKLLM_APIS, 2.5, 38)),
    _row("openai", "o3-mini", (BENCHLM, 7.12, 160)),
    _row("openai", "o4-mini", (KICKLLM, 1.2, 90), (BENCHLM, 21.94, 161), (KICKLLM_APIS, 1.8, 55)),
    _row("groq", "llama-3.1-8b-instant", (KICKLLM, 0.045, 780), (KICKLLM_APIS, 0.12, 520)),
    _row("groq", "llama-3.3-70b-versatile", (KICKLLM, 0.12, 330)),
    _row("mistral", "mistral-small", (KICKLLM, 0.11, 200), (BENCHLM, 0.64, 175), (KICKLLM_APIS, 0.31, 105)),
    _row("mistral", "mistral-large", (KICKLLM, 0.28, 85), (ROUSSEF, 0.30, 50), (ROUSSEF, 0.45, 25)),
    _row("mistral", "codestral", (KICKLLM, 0.15, 150), (KICKLLM_APIS, 0.35, 95)),
    _row("mistral", "ministral-3b", (BENCHLM, 0.42, 274)),
    _row("mistral", "ministral-8b", (BENCHLM, 0.52, 182)),
    _row(
        "deepseek",
        "deepseek-chat",
        (KICKLLM, 0.25, 110),
        (ROUSSEF, 7.0, 40),
        (ROUSSEF, 19.0, 31),
        (KICKLLM_APIS, 0.52, 68),
    ),
    _row("deepseek", "deepseek-reasoner", (KICKLLM, 1.8, 45), (KICKLLM_APIS, 1.8, 42)),
    _row("together", "qwen2.5-72b-instruct-turbo", (KICKLLM, 0.22, 120), (KICKLLM_APIS, 0.42, 78)),
    _row("together", "llama-3.3-70b-instruct-turbo", (KICKLLM_APIS, 0.35, 95)),
    _row("together", "qwen2.5-coder-32b-instruct", (KICKLLM, 0.15, 170)),
    _row("fireworks", "llama-v3p1-8b-instruct", (KICKLLM, 0.09, 280)),
    _row("fireworks", "llama-v3p3-70b-instruct", (KICKLLM, 0.2, 160)),
    _row("cerebras", "llama3.1-8b", (KICKLLM, 0.05, 720)),
    _row("cerebras", "llama-3.3-70b", (KICKLLM, 0.14, 290)),
    _row("xai", "grok-3-mini", (BENCHLM, 0.54, 190)),
    _row("google", "gemini-2.0-flash", (KICKLLM, 0.16, 210), (KICKLLM_APIS, 0.2, 155)),
    _row("google", "gemini-2.5-flash", (KICKLLM, 0.18, 190), (BENCHLM, 0.54, 221), (KICKLLM_APIS, 0.22, 145)),
    _row("google", "gemini-2.5-pro", (KICKLLM, 0.4, 80), (KICKLLM_APIS, 0.45, 82)),
)
"""Every row, by vendor. Of a range in a source both ends are rows of it."""

_TABLE: Final[Mapping[tuple[str, str], Prior]] = MappingProxyType({(one.vendor, one.family): one for one in PRIORS})

_DATED: Final = re.compile(r"-\d")
"""How a version begins that is a number or a date: `-2506`, `-2024-08-06`."""


def family_of(name: str) -> str:
    """A model's name without its version: `-latest`, `-2506`, `-2024-08-06`."""
    if name.endswith("-latest"):
        return name.removesuffix("-latest")
    family = name.rstrip("0123456789.-")
    dated = _DATED.search(name, len(family))
    return name if dated is None else name[: dated.start()]


def prior_of(provider: Provider, model: str) -> Prior | None:
    """The row of a target's model at its vendor; None where there is none: then its speed is unknown."""
    if not isinstance(provider, OpenAI):
        return None
    vendor = VENDORS.get((urlsplit(provider.base_url).hostname or "").lower(), "")
    name = model.lower().rpartition("/")[2]
    return _TABLE.get((vendor, name)) or _TABLE.get((vendor, family_of(name)))


WIDEST_FIRST_TOKEN: Final = _range([one.first_token for row in PRIORS for one in row.seen])
WIDEST_PER_TOKEN: Final = _range([1 / one.tokens for row in PRIORS for one in row.seen])
"""From the fastest to the slowest of all rows: what is the same over the whole of it does not rest on an unknown speed."""
