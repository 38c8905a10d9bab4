"""A first system file for somebody who has none: what `headworks init` writes.

Always true: what is written holds (`headworks check` finds nothing wrong) in the environment that it was written for;
every number in it is a guess, says so, and stands where its owner will change it. Vendors' names stand here as they do
in a system file: nothing that serves calls knows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.money import Price, written_dollars
from headworks.core.reply import Usage
from headworks.system.checks.machine import Machine
from headworks.system.drafts.prompt import Prompt
from headworks.system.drafts.suite import QUALITY_BOUND
from headworks.system.preset_words import IMPLYING, PLACE
from headworks.system.starter import LOCAL_MODULES
from headworks.wire.presets import PRESETS, Preset

ALIAS: Final = "assistant"

SUITE: Final = f"suites/{ALIAS}.yaml"
"""The first suite, from the system file's folder."""

USER_TOKENS: Final = 60
"""Tokens that a user adds to a prompt: two or three sentences."""

FIRST_TOKEN_SECONDS: Final = 2
"""Seconds to the first token at p95: more than a user waits gladly, and what most hosted models keep."""

GOODPUT_SHARE: Final = Decimal("0.8")
"""The share of the calls at the peak that must be whole and in time: fewer than arrive, for some are always late or lost,
and no two minutes bring the same number."""

AVAILABILITY: Final = "98%"
"""The first objective of availability. With one provider that is down 1 % of the time, 99 % would fail in nine months of ten."""

MADE_UP_PRICE: Final = "    price: {input: $0.25/M, output: $2/M}      # made up, as the vendor is\n"
"""A simulated vendor has no price, and without one a cost objective could not be judged."""

LOCAL_PEAK: Final = Decimal("0.1")
"""Calls a second of the embedded model with answers as long as these: one in ten seconds, three to four seconds each."""

LOCAL_PREFILL: Final = 0.0005
"""Seconds that the embedded model reads a token of a prompt (`twin/models/building.py` assumes the same)."""

LOCAL_CONTEXT: Final = 4096
"""Tokens of one conversation with the embedded model, its answer included (`providers/local/child.py`)."""

ANSWER_P50: Final = 200
ANSWER_P95: Final = 800
"""Tokens of a chat's answer where nobody has measured: a paragraph or two, a page."""

COST_FACTOR: Final = 3
"""How far the first bound on cost lies above the estimate: the mean of calls is above their median, and guesses err."""


VENDORS: Final = tuple(preset for preset in PRESETS if preset.model)
"""In the order in which their keys are looked for."""

MOST_IN_A_ROW: Final = 4
"""Vendors of which every order is compared: of more, every two."""

COMPARED: Final = MappingProxyType(
    {
        "openai": "gpt-4o-mini",
        "xai": "grok-3-mini",
        "fireworks": "accounts/fireworks/models/llama-v3p1-8b-instruct",
        "cerebras": "llama3.1-8b",
        "gemini": "gemini-2.5-flash",
    }
)
"""The model to begin with where vendors are compared, if another one is better: its price and its speed are known."""


SUITE_PARAMETERS: Final = MappingProxyType({"temperature": 0, "max_tokens": 100})
"""Fields of a suite's calls: the same answer each time, as far as the model can, and no essay."""

REASONING_PARAMETERS: Final = MappingProxyType({"max_completion_tokens": 2000})
"""Of a model that reasons: it refuses another temperature and `max_tokens`, and its thoughts count as output."""


class TargetChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The provider and target of the first file. why: shown to the user. peak: calls a second that it
    carries by what is assumed of it; parameters: of a suite's calls; prefill: seconds that it reads a token of a prompt;
    reads: tokens that it reads at most, 0 where that is not known here; price: where no table has one; others: lines with further
    vendors; compared: further targets, where several vendors are compared."""

    provider: str
    target: str
    why: str
    timeouts: str = "{first_token: 8s, total: 120s}"
    peak: Decimal = Decimal(1)
    parameters: Mapping[str, Any] = SUITE_PARAMETERS
    prefill: float = 0.0
    reads: int = 0
    price: str = ""
    others: str = ""
    compared: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets, in order."""
        return (self.target, *self.compared)

    def first_token(self, prompt_tokens: int) -> int:
        """A first bound in seconds: what a long prompt takes to read, half of it again, and one that is ahead of it."""
        return max(
            FIRST_TOKEN_SECONDS, ceil(2.5 * prompt_tokens * self.prefill + 1) if self.prefill else FIRST_TOKEN_SECONDS
        )


def choose_target(env: Mapping[str, str], machine: Machine) -> TargetChoice:
    """The first vendor whose key is set; else the embedded model; else, where that is not installed, a simulated vendor."""
    for vendor in VENDORS:
        if variable := next((name for name in vendor.keys if env.get(name)), ""):
            why = f"{variable} is set"
            parameters = REASONING_PARAMETERS if vendor.reasons else SUITE_PARAMETERS
            return TargetChoice(
                provider=written_provider(vendor, variable),
                target=f"{vendor.word}/{vendor.model}",
                why=why,
                parameters=parameters,
                others=others(env, vendor),
            )
    if all(machine.has_module(name) for name in LOCAL_MODULES):
        provider = (
            "  here: {dialect: local}            # the model that comes with the package: works offline, but is small\n"
        )
        why = "the embedded model, since the key of no vendor is in the environment"
        timeouts = "{first_token: 30s, answer: 110s}    # a small processor reads a long prompt slowly"
        return TargetChoice(
            provider=provider,
            target="here",
            why=why,
            timeouts=timeouts,
            peak=LOCAL_PEAK,
            prefill=LOCAL_PREFILL,
            reads=LOCAL_CONTEXT,
        )
    provider = "  sim: {dialect: simulated}         # a simulated vendor: its answers mean nothing\n"
    why = "a simulated vendor, since the key of no vendor is in the environment and the embedded model is not installed"
    return TargetChoice(provider=provider, target="sim/simulated", why=why, price=MADE_UP_PRICE)


def written_provider(vendor: Preset, variable: str) -> str:
    """A vendor as the file has it, by its word where that implies the rest."""
    if vendor.word in IMPLYING:
        lines = [f"dialect: {vendor.word}"]
        lines[0] += f"{' ' * max(1, 22 - len(vendor.word))}# its address and {variable} are implied"
    else:
        lines = ["dialect: openai", f"base_url: {vendor.base_url}", f"api_key: ${{env:{variable}}}"]
    more = [
        "# rpm: 500                      # your account's limits: check compares the traffic with them",
        "# tpm: 200k",
    ]
    return "".join([f"  {vendor.word}:\n", *(f"    {line}\n" for line in [*lines, *more])])


def others(env: Mapping[str, str], chosen: Preset) -> str:
    """Vendors whose keys are there too, as lines to be uncommented."""
    found = []
    for vendor in PRESETS:
        if vendor is not chosen and not vendor.is_open and any(env.get(name) for name in vendor.keys):
            place = "".join([f", {name}: {name.upper()}" for name in PLACE.findall(vendor.base_url)])
            found.append(f"  # {vendor.word}: {{dialect: {vendor.word}{place}}}\n")
    return (
        "".join(["  # its key is in the environment, too: remove the `#`, and name it in `targets`\n", *found])
        if found
        else ""
    )


def compare_vendors(words: Sequence[str]) -> TargetChoice:
    """Several vendors, each by its word, as one alias's targets and as what a search may choose from."""
    known = {vendor.word: vendor for vendor in VENDORS}
    chosen = [known[word] for word in words]
    first, *others = [f"{vendor.word}/{COMPARED.get(vendor.word, vendor.model)}" for vendor in chosen]
    return TargetChoice(
        provider="".join(written_provider(vendor, vendor.keys[0]) for vendor in chosen),
        target=first,
        why=f"then {', '.join(others)}",
        compared=tuple(others),
    )


def draft(choice: TargetChoice, prompt: Prompt | None, price: Price | None) -> str:
    """The file. price: what the target charges, for the first bound on cost; None where it is unknown or nothing."""
    p50 = USER_TOKENS + (prompt.tokens if prompt else 0)
    measured = f"{prompt.file} has about {prompt.tokens}" if prompt else "no prompt"
    sizes = f"{{p50: {p50}, p95: {p50 + 5 * USER_TOKENS}}}"
    command = f"headworks init --from {prompt.file}" if prompt else "headworks init"
    return f"""\
# Written by `{command}`. What each key means: docs/system-file.md, or `headworks schema` for your editor.
version: 1
name: {ALIAS}

requirements:                       # what it must achieve; `headworks check` judges it. Every number is a guess: put yours
  traffic:
    peak_rps: {f"{choice.peak}":<21} # calls per second at the peak
    prompt_tokens: {f"{sizes:<22}"}    # {measured}; a user adds about {USER_TOKENS}
    output_tokens: {{p50: {ANSWER_P50}, p95: {ANSWER_P95}}}     # half of the answers are shorter than p50, 95 of 100 than p95
    streamed: 80%
  objectives:
    - {{id: first-token, metric: time_to_first_token, percentile: 95, at_most: {choice.first_token(p50 + 5 * USER_TOKENS)}s}}
    - {{id: availability, metric: availability, at_least: {AVAILABILITY}, window: 30d}}      # two providers reach more than one
    - {{id: throughput, metric: goodput, at_least: {choice.peak * GOODPUT_SHARE}rps}}      # less than `peak_rps`: some are always late
    - {{id: cost, metric: cost_per_call, at_most: {first_cost_bound(price, p50)}}}
    {"" if choice.compared else "# "}- {{id: monthly, metric: cost, at_most: {"$5000" if choice.compared else "$100"}, window: 30d}}
{_quality(prompt)}
providers:
{choice.provider}{choice.others}
models:                             # the names that your clients call
  {ALIAS}:
    targets:                        # tried in order: a second one takes over when the first fails
{"".join(f"      - {target}{chr(10)}" for target in choice.targets)}\
    timeouts: {choice.timeouts}
{choice.price}{_choices(choice)}{_prompts(prompt)}{_suites(prompt)}
# keys:                             # who may call; without keys only callers on this machine
#   web: {{key: "${{env:WEB_KEY}}", models: [{ALIAS}]}}

server: {{listen: 127.0.0.1:8080}}
"""


def _choices(choice: TargetChoice) -> str:
    if not choice.compared:
        return ""
    listed = f"[{', '.join(choice.targets)}]"
    if len(choice.targets) > MOST_IN_A_ROW:
        listed = f"{{any_of: {listed}, at_most: 2}}"
    return f"""
choices:                            # what `headworks plan --search` may vary: docs/search.md
  targets:
    {ALIAS}: {listed}    # any of them, in any order; add others
  vary:
    models.{ALIAS}.mid_stream: [error, restart]     # restart: an answer that breaks off is asked for again
"""


def _quality(prompt: Prompt | None) -> str:
    if prompt is None:
        return ""
    return f"    - {{id: answers, metric: quality, suite: {ALIAS}, at_least: {QUALITY_BOUND}, confidence: 95%}}  # `headworks eval`\n"


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


def first_cost_bound(price: Price | None, prompt_tokens: int) -> str:
    """A first bound on the cost of a call, on two digits: well above what the tokens are expected to cost."""
    cost = price.cost(Usage(input=prompt_tokens, output=ANSWER_P50)) if price is not None else None
    if not cost:
        return "$0.01"
    rounded = Decimal(f"{Decimal(cost * COST_FACTOR):.1e}")
    return written_dollars(int(rounded))
