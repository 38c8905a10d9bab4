"""Writes `docs/clients.md` from what a run of all clients came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.clients.gateway import VENDORS
from tools.clients.outcome import Outcome, Row, excused
from tools.clients.pairs import DIRECT, PATIENCE
from tools.clients.scenarios import DOWN, FAULTS, TURNS

FILE: Final = Path(__file__).resolve().parents[2] / "docs/clients.md"
TITLES: Final = {
    "chat": "OpenAI chat",
    "responses": "OpenAI Responses",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Bedrock",
    "azure": "Azure",
}
OWN: Final = "the client's own"
MOST: Final = 140
"""Characters of a reason."""

COUNTED: Final = (*(one.name for one in FAULTS), DOWN.name)

HEAD: Final = """\
# Clients that were tried

This page says which clients work through Headworks on which vendor's API, and what they do when a vendor fails. `make clients` writes it: it
installs the clients, drives them headless, and judges what they got. Do not edit it by hand.

Tried on {date}: {runs} runs in {minutes} minutes, {isolation}. {passed} passed.

| | |
|---|---|
| the vendors | one server of ours that speaks every API. {judged} of its answers fit the types of the vendors' own SDKs, with nothing missing and nothing added |
| the rounds | `text`; `tool`: one call of a tool; `{turns} turns`: {turns} calls, one after the other. The vendor checks that every result belongs to its call |
| the faults | of the first call: `cut` in mid-answer, `429` with `Retry-After: 1`, `529`, `silence`. `budget spent`: the caller's key has none left |
| the gateway | `mid_stream: restart`, timeouts of 5 s, `responses: {{store: 30d}}`, else the defaults |
| passed | text, tool and turns: the whole answer, and no turn paid for twice. A fault: the whole answer, or an error class of the SDK's own (an agent: a message and a status that is not 0) |
| the modes | an agent in its own mode; an SDK streamed and whole |

"""

TAIL: Final = """\
## What we learned about clients

- **Claude Code gives thinking back only to the model that it asked for.** If the answer's `model` is another name than the alias, it drops
  the thinking blocks of earlier turns, with or without a gateway. Give the alias the vendor's name of the model, if thinking matters.
- **The Vercel AI SDK's `openai()` refers to items of earlier turns** instead of sending them. It works where the system file has
  `responses: {store: 30d}`, as here. Elsewhere say `providerOptions: {openai: {store: false}}`, or use `.chat()`.
- **OpenCode asks again after every 429**, also when the vendor says that the quota is spent. The gateway answers these calls, nobody pays.
- **Gemini CLI stops at a 429** only if `RetryInfo` says more than 300 s. A spent budget's does.
- **OpenCode prints what the model says before its calls, too.** That is not counted as another answer.
- **The Anthropic and Google SDKs raise an error of their HTTP library when a stream is cut**, where they ask the vendor directly. Through
  us the stream goes on, or ends with an event that the SDK raises as its own class.
- **pydantic-ai's `run_stream` ends at the first text.** It was driven by `run` with an `event_stream_handler`.

## Run it

```sh
make clients                                                # all of it, and this page
make clients ARGS='--only codex,openai-chat --vendors gemini'
make clients ARGS=--long                                    # 200 turns with ten faults: Claude Code on Gemini, Codex on Anthropic
make clients ARGS='--session sticky'                        # 20 sessions of an SDK on two targets: the vendor's cached tokens
```

The versions are locked, with hashes, in `tools/clients/locks/`. They are installed into the user's cache folder. The clients run in a
network namespace that has loopback only. Where none can be made, it says so and stops, unless told `--no-namespace`.

Next: [connecting a client](connect.md), [from one API to another](dialects.md), [what callers see](failure.md).
"""


def render(outcome: Outcome) -> str:
    """The page."""
    through = [one for one in outcome.cells if one.vendor != DIRECT]
    runs = sum(one.runs for one in through)
    head = HEAD.format(
        date=outcome.date,
        runs=runs,
        minutes=outcome.minutes,
        passed="All" if runs == (passed := sum(one.passed for one in through)) else passed,
        judged=outcome.judged,
        turns=TURNS,
        isolation="in a network namespace without a way out"
        if outcome.is_isolated
        else "not isolated from the network",
    )
    sections = (
        _matrix(outcome),
        _failures(outcome),
        _faults(outcome),
        _counts(outcome),
        _reasoning(outcome),
        _long(outcome),
    )
    return head + "".join("\n".join(one) + "\n\n" for one in sections) + TAIL


def _title(row: Row) -> str:
    return f"{row.title} {row.version}"


def _matrix(outcome: Outcome) -> Iterator[str]:
    yield "## Every client on every vendor\n"
    yield "Runs that passed, of all. (newest): the newest major, where it is another than the pinned version.\n"
    yield f"| client | {' | '.join(TITLES[one] for one in VENDORS)} |"
    yield f"|---|{'---|' * len(VENDORS)}"
    for row in outcome.rows:
        cells = [outcome.cell(row.name, vendor) for vendor in VENDORS]
        mark = " (newest)" if row.column == "newest" else ""
        yield f"| {_title(row)}{mark} | {' | '.join(f'{one.passed}/{one.runs}' for one in cells)} |"


def _failures(outcome: Outcome) -> Iterator[str]:
    yield "## What did not pass\n"
    yield "*The client's own* is what it does to a vendor of its own API as well, without us.\n"
    grouped: dict[tuple[str, str, bool], list[str]] = {}
    for row in outcome.rows:
        direct = outcome.cell(row.name, DIRECT)
        for vendor in VENDORS:
            cell = outcome.cell(row.name, vendor)
            for one in cell.failures:
                why = " ".join(one.why.replace("`", "'").split())[:MOST]
                key = (_title(row), why, excused(one, cell, direct))
                grouped.setdefault(key, []).append(f"{TITLES[vendor]}: {one.scenario}, {one.form}")
    for (title, why, is_own), places in grouped.items():
        more = f" and {len(places) - 2} more" if len(places) > 2 else ""
        yield f"- **{title}**, {OWN if is_own else 'ours'} ({'; '.join(places[:2])}{more}):\n  `{why}`"
    if not grouped:
        yield "Nothing."


def _faults(outcome: Outcome) -> Iterator[str]:
    yield "## What the caller gets under a fault\n"
    yield f"Streamed, through us, before all {len(VENDORS)} vendors. `whole`: the answer as if nothing had happened.\n"
    yield f"| client | {' | '.join(one.name for one in FAULTS)} |"
    yield f"|---|{'---|' * len(FAULTS)}"
    for row in outcome.rows:
        cells = [outcome.cell(row.name, vendor) for vendor in VENDORS]
        shown = [Counter(_short(cell.got.get(fault.name, "")) for cell in cells) for fault in FAULTS]
        yield f"| {_title(row)} | {' | '.join(_counted(one) for one in shown)} |"


def _short(got: str) -> str:
    """An error's class without its module."""
    return got if got.startswith("exit") or " " in got else got.rpartition(".")[2]


def _counted(found: Counter[str]) -> str:
    kinds = found.most_common()
    return kinds[0][0] if len(kinds) == 1 else ", ".join(f"{kind} ({times})" for kind, times in kinds)


def _counts(outcome: Outcome) -> Iterator[str]:
    yield "## Calls for one prompt, without us and with us\n"
    yield "At a vendor of the client's own API, streamed. The numbers: calls that reach the vendor without a gateway → with us, and in brackets"
    yield "how often the client asked us. `budget spent`: until the client stops after a refusal; without us the vendor refuses, with us the"
    yield f"gateway does. `{DOWN.name}`: the vendor stays down. `+`: the client had not stopped after {PATIENCE:.0f} s.\n"
    yield f"| client | {' | '.join(COUNTED)} |"
    yield f"|---|{'---|' * len(COUNTED)}"
    for row in outcome.rows:
        without, through = outcome.cell(row.name, DIRECT), outcome.cell(row.name, row.dialect)
        shown = []
        for name in COUNTED:
            alone = f"{without.calls.get(name, 0)}{'+' if without.got.get(name) == 'still going' else ''}"
            late = "+" if through.got.get(name) == "still going" else ""
            shown.append(f"{alone} → {through.calls.get(name, 0)} ({through.asked.get(name, 0)}{late})")
        yield f"| {_title(row)} | {' | '.join(shown)} |"


def _reasoning(outcome: Outcome) -> Iterator[str]:
    yield "## Reasoning that comes back\n"
    yield f"How many of the {TURNS} signed calls of the long round came back to the vendor with their signature. Where client and vendor speak"
    yield "the same API, a missing one fails the run. A dash: nothing was signed. Clients that are not in the table gave back all of it.\n"
    cells = {row.name: [outcome.cell(row.name, one) for one in VENDORS] for row in outcome.rows}
    rows = [row for row in outcome.rows if any(one.returned < one.signed for one in cells[row.name])]
    vendors = [one for at, one in enumerate(VENDORS) if any(cells[row.name][at].signed for row in rows)]
    yield f"| client | {' | '.join(TITLES[one] for one in vendors)} |"
    yield f"|---|{'---|' * len(vendors)}"
    for row in rows:
        shown = [outcome.cell(row.name, vendor) for vendor in vendors]
        yield f"| {_title(row)} | {' | '.join(f'{one.returned}/{one.signed}' if one.signed else '-' for one in shown)} |"


def _long(outcome: Outcome) -> Iterator[str]:
    yield "## 200 turns with ten faults\n"
    yield "`make clients ARGS=--long`: one session, four streams cut, two `429`, two `529`, two silences. Each turn is to be paid for once.\n"
    yield "| client | vendor | turns | calls at the gateway | calls at the vendor | of which failed | turns paid for once | signed calls that came back | lost |"
    yield f"|---|{'---|' * 8}"
    for one in outcome.long:
        counts = f"{one.turns + 1} | {one.asked} | {one.calls} | {one.faults} | {one.paid}"
        signed = f"{one.returned}/{one.signed}" if one.signed else "-"
        yield f"| {one.title} | {TITLES[one.vendor]} | {counts} | {signed} | {'; '.join(one.problems) or 'nothing'} |"


def write(outcome: Outcome) -> None:
    FILE.write_text(render(outcome))
