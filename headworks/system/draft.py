"""A first system file for somebody who has none: what `headworks init` writes.

Always true: what is written holds (`headworks check` finds nothing wrong) in the environment that it was written for;
every number in it is a guess, says so, and stands where its owner will change it. Vendors' names stand here as they do
in a system file: nothing that serves calls knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from headworks.core.money import Price, written_dollars
from headworks.core.reply import Usage
from headworks.system.check import Machine
from headworks.system.starter import EXTRA
from headworks.system.suite_draft import AT_LEAST

ALIAS: Final = "assistant"

SUITE: Final = f"suites/{ALIAS}.yaml"
"""The first suite, from the system file's folder."""

BYTES_PER_TOKEN: Final = 4
"""English prose in the common vocabularies: 4.0 to 4.5. Other scripts have more tokens for their bytes, rarely fewer."""

OF_THE_USER: Final = 60
"""Tokens that a user adds to a prompt: two or three sentences."""

ANSWER_P50: Final = 200
ANSWER_P95: Final = 800
"""Tokens of a chat's answer where nobody has measured: a paragraph or two, a page."""

SPARE: Final = 3
"""How far the first bound on cost lies above the estimate: the mean of calls is above their median, and guesses err."""


class Vendor(msgspec.Struct, frozen=True):
    """A vendor that speaks OpenAI's dialect: where, under which variable people keep its key, and a model to begin with."""

    name: str
    variable: str
    base_url: str
    model: str


VENDORS: Final = (
    Vendor("openai", "OPENAI_API_KEY", "https://api.openai.com/v1", "gpt-5-mini"),
    Vendor("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1", "openai/gpt-oss-120b"),
    Vendor("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1", "mistral-small-latest"),
    Vendor("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1", "llama-3.1-8b-instant"),
    Vendor("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1", "deepseek-chat"),
    Vendor("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", "openai/gpt-5-mini"),
)
"""In the order in which their keys are looked for."""


class Prompt(msgspec.Struct, frozen=True):
    """A prompt and what its file is called, on one line."""

    file: str
    text: str

    @property
    def tokens(self) -> int:
        """An estimate from its length."""
        return max(1, -(-len(self.text.encode()) // BYTES_PER_TOKEN))


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers: a provider and a target as the file has them. why: said to the user."""

    provider: str
    target: str
    why: str
    timeouts: str = "{first_token: 8s, total: 120s}"


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
            return Choice(provider=provider, target=f"{vendor.name}/{vendor.model}", why=why)
    looked = ", ".join(vendor.variable for vendor in VENDORS)
    if all(machine.has_module(name) for name in EXTRA):
        provider = "  here: {dialect: local}            # the model that comes with the package: it works offline, and is not clever\n"
        why = f"the embedded model, since none of {looked} is set"
        timeouts = "{first_token: 30s, answer: 110s}    # a small processor reads a long prompt slowly"
        return Choice(provider=provider, target="here", why=why, timeouts=timeouts)
    provider = "  sim: {dialect: simulated}         # a vendor made of numbers: its answers mean nothing\n"
    why = f"a simulated vendor, since none of {looked} is set and the embedded model is not installed"
    return Choice(provider=provider, target="sim/simulated", why=why)


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
    peak_rps: 1                     # calls a second at the peak
    prompt_tokens: {f"{sizes:<22}"}    # {measured}; a user adds about {OF_THE_USER}
    output_tokens: {{p50: {ANSWER_P50}, p95: {ANSWER_P95}}}     # half of the answers are shorter than p50, 95 of 100 than p95
    streamed: 80%
  objectives:
    - {{id: first-token, metric: time_to_first_token, percentile: 95, at_most: 2s}}
    - {{id: availability, metric: availability, at_least: 99%, window: 30d}}      # two providers promise more than one
    - {{id: throughput, metric: goodput, at_least: 1rps}}
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
{_suites(prompt)}
# keys:                             # who may call; without keys anybody on this machine, and nobody else
#   web: {{key: "${{env:WEB_KEY}}", models: [{ALIAS}]}}

server: {{listen: 127.0.0.1:8080}}
"""


def _quality(prompt: Prompt | None) -> str:
    if prompt is None:
        return ""
    return f"    - {{id: answers, metric: quality, suite: {ALIAS}, at_least: {AT_LEAST}, confidence: 95%}}  # `headworks eval`\n"


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
