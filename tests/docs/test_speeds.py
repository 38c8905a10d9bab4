"""The table of priors is the one that the code has."""

from __future__ import annotations

from pathlib import Path

from headworks.system.speeds.priors import PRIORS, Prior, Range

PAGE = Path(__file__).parent.parent.parent / "docs" / "plan" / "speeds.md"


def row(prior: Prior) -> str:
    seen = ", ".join(
        f"[{one.first_token:g} s, {one.tokens:g}/s]({one.source.url}) ({one.source.at})" for one in prior.seen
    )
    tokens = Range(1 / prior.per_token.high, 1 / prior.per_token.low)
    return f"| {prior.vendor} | `{prior.family}` | {span(prior.first_token)} s | {span(tokens)} | {seen} |"


def span(of: Range) -> str:
    return f"{of.low:.2g} to {of.high:.2g}" if of.high < 100 else f"{of.low:.0f} to {of.high:.0f}"


def test_the_table_of_priors_is_the_one_that_is_looked_up() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = lines.index("|---|---|---|---|---|") + 1
    end = lines.index("", begin)
    assert lines[begin:end] == [row(one) for one in PRIORS]
