"""A first system file for somebody who has none: what `headworks init` writes.

Always true: what is written holds (`headworks check` finds nothing wrong) in the environment that it was written for;
every number in it is a guess, says so, and stands where its owner will change it. Vendors' names stand here as they do
in a system file: nothing that serves calls knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.money import Price, written_dollars
from headworks.core.reply import Usage
from headworks.system.checks.machine import Machine
from headworks.system.drafts.prompt import Prompt
from headworks.system.drafts.suite import AT_LEAST
from headworks.system.starter import EXTRA

ALIAS: Final = "assistant"

SUITE: Final = f"suites/{ALIAS}.yaml"
"""The first suite, from the system file's folder."""

OF_THE_USER: Final = 60
"""Tokens that a user adds to a prompt: two or three sentences."""

FIRST: Final = 2
"""Seconds to the first token at p95: more than a user waits gladly, and what most hosted models keep."""

KEPT: Final = Decimal("0.8")
"""The share of the calls at the peak that must be whole and in time: fewer than arrive, for some are always late or lost,
and no two minutes bring the same number."""

AVAILABLE: Final = "98%"
"""Of one provider that is down 1 % of the time, nine months in ten have fewer whole answers than 99 %."""

MADE_UP: Final = "    price: {input: $0.25/M, output: $2/M}      # made up, as the vendor is\n"
"""Without a price nothing could be said of a promise about cost."""

LOCAL_PEAK: Final = Decimal("0.1")
"""Calls a second of the embedded model with answers as long as these: one in ten seconds, three to four seconds each."""

LOCAL_PREFILL: Final = 0.0005
"""Seconds that the embedded model reads a token of a prompt (`twin/models/building.py` assumes the same)."""

LOCAL_READS: Final = 4096
"""Tokens of one conversation with the embedded model, its answer included (`providers/local/child.py`)."""

ANSWER_P50: Final = 200
ANSWER_P95: Final = 800
"""Tokens of a chat's answer where nobody has measured: a paragraph or two, a page."""

SPARE: Final = 3
"""How far the first bound on cost lies above the estimate: the mean of calls is above their median, and guesses err."""


class Vendor(msgspec.Struct, frozen=True):
    """A vendor that speaks OpenAI's dialect: where, under which variable people keep its key, and a model to begin with.
    reasons: the model thinks before it answers, and takes other parameters."""

    name: str
    variable: str
    base_url: str
    model: str
    reasons: bool = False


VENDORS: Final = (
    Vendor("openai", "OPENAI_API_KEY", "https://api.openai.com/v1", "gpt-5-mini", True),
    Vendor("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1", "openai/gpt-oss-120b"),
    Vendor("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1", "mistral-small-latest"),
    Vendor("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1", "llama-3.1-8b-instant"),
    Vendor("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1", "deepseek-chat"),
    Vendor("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", "openai/gpt-5-mini", True),
)
"""In the order in which their keys are looked for."""


SHOWN_FULLY: Final = MappingProxyType({"temperature": 0, "max_tokens": 100})
"""Fields of a suite's calls: the same answer each time, as far as the model can, and no essay."""

REASONING: Final = MappingProxyType({"max_completion_tokens": 2000})
"""Of a model that reasons: it refuses another temperature and `max_tokens`, and its thoughts count as output."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers: a provider and a target as the file has them. why: said to the user. peak: calls a second that it
    carries by what is assumed of it; parameters: of a suite's calls; prefill: seconds that it reads a token of a prompt;
    reads: tokens that it reads at most, 0 where that is not known here; price: where no table has one."""

    provider: str
    target: str
    why: str
    timeouts: str = "{first_token: 8s, total: 120s}"
    peak: Decimal = Decimal(1)
    parameters: Mapping[str, Any] = SHOWN_FULLY
    prefill: float = 0.0
    reads: int = 0
    price: str = ""

    def first_token(self, prompt_tokens: int) -> int:
        """A first bound in seconds: what a long prompt takes to read, half of it again, and one that is ahead of it."""
        return max(FIRST, ceil(2.5 * prompt_tokens * self.prefill + 1) if self.prefill else FIRST)


def chosen(env: Mapping[str, str], machine: Machine) -> Choice:
    """The first vendor whose key is set; else the embedded model; else, where that is not installed, a simulated vendor."""
    for vendor in VENDORS:
        if env.get(vendor.variable):
            provider = (
                f"  {vendor.name}:\n"
                "    dialect: openai\n"
                f"    base_url: {vendor.base_url}\n"
                f"    api_key: ${{env:{vendor.variable}}}\n"
                "    # rpm: 500                      # what your account admits: check holds the traffic against it\n"
                "    # tpm: 200k\n"
            )
            why = f"{vendor.variable} is set"
            parameters = REASONING if vendor.reasons else SHOWN_FULLY
            return Choice(provider=provider, target=f"{vendor.name}/{vendor.model}", why=why, parameters=parameters)
    looked = ", ".join(vendor.variable for vendor in VENDORS)
    if all(machine.has_module(name) for name in EXTRA):
        provider = "  here: {dialect: local}            # the model that comes with the package: it works offline, and is not clever\n"
        why = f"the embedded model, since none of {looked} is set"
        timeouts = "{first_token: 30s, answer: 110s}    # a small processor reads a long prompt slowly"
        return Choice(
            provider=provider,
            target="here",
            why=why,
            timeouts=timeouts,
            peak=LOCAL_PEAK,
            prefill=LOCAL_PREFILL,
            reads=LOCAL_READS,
        )
    provider = "  sim: {dialect: simulated}         # a vendor made of numbers: its answers mean nothing\n"
    why = f"a simulated vendor, since none of {looked} is set and the embedded model is not installed"
    return Choice(provider=provider, target="sim/simulated", why=why, price=MADE_UP)


def draft(choice: Choice, prompt: Prompt | None, price: Price | None) -> str:
    """The file. price: what the target charges, for the first bound on cost; None where it is unknown or nothing."""
    p50 = OF_THE_USER + (prompt.tokens if prompt else 0)
    measured = f"{prompt.file} has about {prompt.tokens}" if prompt else "no prompt"
    sizes = f"{{p50: {p50}, p95: {p50 + 5 * OF_THE_USER}}}"
    command = f"headworks init --from {prompt.file}" if prompt else "headworks init"
    return f"""\
# Written by `{command}`. What each key means: docs/system-file.md, or `headworks schema` for your editor.
version: 1
name: {ALIAS}

requirements:                       # what it must promise; `headworks check` judges it. Every number is a guess: put yours
  traffic:
    peak_rps: {f"{choice.peak}":<21} # calls a second at the peak
    prompt_tokens: {f"{sizes:<22}"}    # {measured}; a user adds about {OF_THE_USER}
    output_tokens: {{p50: {ANSWER_P50}, p95: {ANSWER_P95}}}     # half of the answers are shorter than p50, 95 of 100 than p95
    streamed: 80%
  objectives:
    - {{id: first-token, metric: time_to_first_token, percentile: 95, at_most: {choice.first_token(p50 + 5 * OF_THE_USER)}s}}
    - {{id: availability, metric: availability, at_least: {AVAILABLE}, window: 30d}}      # two providers promise more than one
    - {{id: throughput, metric: goodput, at_least: {choice.peak * KEPT}rps}}      # less than `peak_rps`: some are always late
    - {{id: cost, metric: cost_per_call, at_most: {affordable(price, p50)}}}
    # - {{id: monthly, metric: cost, at_most: $100, window: 30d}}
{_quality(prompt)}
providers:
{choice.provider}
models:                             # the names that your clients call
  {ALIAS}:
    targets:                        # tried in order: a second one takes over when the first fails
      - {choice.target}
    timeouts: {choice.timeouts}
{choice.price}{_prompts(prompt)}{_suites(prompt)}
# keys:                             # who may call; without keys anybody on this machine, and nobody else
#   web: {{key: "${{env:WEB_KEY}}", models: [{ALIAS}]}}

server: {{listen: 127.0.0.1:8080}}
"""


def _quality(prompt: Prompt | None) -> str:
    if prompt is None:
        return ""
    return f"    - {{id: answers, metric: quality, suite: {ALIAS}, at_least: {AT_LEAST}, confidence: 95%}}  # `headworks eval`\n"


def _prompts(prompt: Prompt | None) -> str:
    if prompt is None or prompt.program is None:
        return ""
    program = prompt.program
    return (
        "\nprompts:                            # callers ask it as a model: docs/prompts.md\n"
        f"  {program.name}: {{file: {_quoted(program.path)}, model: {ALIAS}}}\n"
    )


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _suites(prompt: Prompt | None) -> str:
    if prompt is None:
        return ""
    return f"\nsuites:                             # what `headworks eval` asks\n  {ALIAS}: {SUITE}\n"


def affordable(price: Price | None, prompt_tokens: int) -> str:
    """A first bound on the cost of a call, on two digits: well above what the tokens are expected to cost."""
    cost = price.cost(Usage(input=prompt_tokens, output=ANSWER_P50)) if price is not None else None
    if not cost:
        return "$0.01"
    rounded = Decimal(f"{Decimal(cost * SPARE):.1e}")
    return written_dollars(int(rounded))
