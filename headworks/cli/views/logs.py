"""Prints calls: a table, one call with its attempts, sums; and the objects of `--json`.

Always true: what a line says it says without its colours; 80 columns are enough; nothing that came over the network
reaches the terminal but as printable text.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headworks.cli.tables import UNWRAPPED_WIDTH, Output, TableRows
from headworks.core.record import AttemptRecord, Record
from headworks.core.reply import Usage
from headworks.ledger.facts import GOOD
from headworks.ledger.sums import By, Sum

WIDE_FROM = 110
"""Columns from which tokens and errors have room in the table."""

SHORT = 20
"""Characters of a request id in the table: `req_`, its millisecond and 16 bits of chance, which `headworks logs show` takes
for the whole."""

SHORTER = 16
"""Digits of a request id in a narrow table: those of its millisecond. `headworks logs show` takes them too."""

CACHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hit": "hit: a cached answer",
        "miss": "miss: no cached answer, or it had expired",
        "bypass": "bypass: the cache was not used",
        "coalesced": "coalesced: it shared the answer of an identical call in flight",
    }
)

WITHOUT_ATTEMPTS: Final[Mapping[str, str]] = MappingProxyType({"hit": "hit", "coalesced": "join"})
"""How a call was answered that has no attempts, in place of their number."""

LONGEST = 48
"""Characters of a name in a sum: a caller may have made a long one up."""

BAR = 40
NANO = 1_000_000_000


class Shape(NamedTuple):
    """How calls are shown where there is little room. is_joined: model and key stand in one column. longest: characters of each;
    one that is cut says so."""

    is_joined: bool = False
    has_tries: bool = True
    longest: int = LONGEST


SHAPES: Final = (Shape(True), *(Shape(True, False, longest) for longest in range(LONGEST, 0, -1)))
"""What is tried in turn where all does not fit: no word is ever broken over two lines."""


class Line(msgspec.Struct, kw_only=True):
    """What `--json` prints of a call: the record, and what one would have to add up."""

    request_id: str
    at: float
    model: str
    prompt: str
    key: str
    group: str
    tags: tuple[str, ...]
    status: int
    outcome: str
    error: str
    reason: str
    duration: float
    first_token: float | None
    input_tokens: int
    output_tokens: int
    tokens: dict[str, int]
    estimated: bool
    cost: float | None
    cost_nano: int | None
    price_at: str
    operation: str
    streamed: bool
    user: str
    session: str
    agent: str
    parent_agent: str
    trace: str
    config: str
    request_digest: str
    reply_digest: str
    cache: str
    asked: str
    answered: str
    attempts: list[AttemptLine]


class AttemptLine(msgspec.Struct, kw_only=True):
    """One attempt; `after` and the durations are seconds, `after` from the call's arrival."""

    target: str
    why: str
    after: float
    first_token: float | None
    duration: float
    outcome: str
    error: str
    reason: str
    vendor_status: int
    vendor_request_id: str
    input_tokens: int
    output_tokens: int
    tokens: dict[str, int]
    estimated: bool
    cost: float | None
    cost_nano: int | None
    left_out: tuple[str, ...]


class SumLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One group of `--by --json`. calls are attempts where it is by target."""

    alias: str | None = None
    key: str | None = None
    user: str | None = None
    session: str | None = None
    target: str | None = None
    day: str | None = None
    hour: str | None = None
    calls: int
    errors: int
    tokens: int
    cost: float
    cost_nano: int
    unpriced: int
    p50: float
    p95: float


def line_of(record: Record) -> Line:
    tokens = record.tokens or Usage()
    return Line(
        request_id=record.request_id,
        at=record.at,
        model=record.model,
        prompt=record.prompt,
        key=record.key,
        group=record.group,
        tags=record.tags,
        status=record.status,
        outcome=record.outcome,
        error=record.error,
        reason=record.reason,
        duration=took(record),
        first_token=rounded(record.head_at - record.arrived_at) if record.head_at else None,
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        tokens=msgspec.structs.asdict(tokens),
        estimated=record.estimated,
        cost=None if record.cost_nano is None else record.cost_nano / NANO,
        cost_nano=record.cost_nano,
        price_at=record.price_at,
        operation=record.operation,
        streamed=record.streamed,
        user=record.user,
        session=record.session,
        agent=record.agent,
        parent_agent=record.parent_agent,
        trace=record.trace,
        config=record.config,
        request_digest=record.request_digest,
        reply_digest=record.reply_digest,
        cache=record.cache,
        asked=record.asked,
        answered=record.answered,
        attempts=[attempt_line(attempt, record.arrived_at) for attempt in record.attempts],
    )


def attempt_line(attempt: AttemptRecord, arrived_at: float) -> AttemptLine:
    tokens = attempt.tokens or Usage()
    return AttemptLine(
        target=attempt.target,
        why=attempt.why,
        after=rounded(attempt.started_at - arrived_at),
        first_token=rounded(attempt.head_at - attempt.started_at) if attempt.head_at else None,
        duration=rounded(attempt.ended_at - attempt.started_at),
        outcome=attempt.outcome,
        error=attempt.error,
        reason=attempt.reason,
        vendor_status=attempt.vendor_status,
        vendor_request_id=attempt.vendor_request_id,
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        tokens=msgspec.structs.asdict(tokens),
        estimated=attempt.estimated,
        cost=None if attempt.cost_nano is None else attempt.cost_nano / NANO,
        cost_nano=attempt.cost_nano,
        left_out=attempt.left_out,
    )


def sum_of(one: Sum, by: Sequence[By]) -> SumLine:
    line = SumLine(
        calls=one.calls,
        errors=one.errors,
        tokens=one.tokens,
        cost=one.cost_nano / NANO,
        cost_nano=one.cost_nano,
        unpriced=one.unpriced,
        p50=rounded(one.p50),
        p95=rounded(one.p95),
    )
    for column, name in zip(by, one.names, strict=True):
        setattr(line, column, name)
    return line


def show_table(records: Sequence[Record], *, is_cut: bool = False, is_more: bool = False) -> None:
    """Prints calls, in this order. is_cut: there are more than these. is_more: they continue a table."""
    screen = console()
    if not records:
        screen.print("no calls match")
        return
    days = {moment(record.at)[:10] for record in records}
    if screen.width >= WIDE_FROM:
        screen.print(wide_table(records, is_dated=is_more or len(days) > 1, is_more=is_more))
    else:
        output = Output()
        output.print(narrow_table(records, output, is_dated=is_more or len(days) > 1, is_more=is_more))
    if is_more:
        return
    if is_cut:
        screen.print(f"The last {len(records)}; --last N shows more, --json all.", style="dim")
    screen.print(f"One call in full: headworks logs show {records[-1].request_id[:SHORT]}", style="dim")


def narrow_table(records: Sequence[Record], output: Output, *, is_dated: bool, is_more: bool) -> TableRows:
    """Calls where there is no room for all that is said of them."""
    table = listed(records, output, Shape(), is_dated=is_dated, is_more=is_more)
    for shape in SHAPES:
        if output.fits(table):
            break
        table = listed(records, output, shape, is_dated=is_dated, is_more=is_more)
    return table


def listed(records: Sequence[Record], output: Output, shape: Shape, *, is_dated: bool, is_more: bool) -> TableRows:
    left, right = ("time", "request"), ("took", *(("tries",) if shape.has_tries else ()), "cost")
    whose = ("model, key",) if shape.is_joined else ("model", "key")
    table = output.table(*left, *whose, "outcome", *right, right=right, whole=left, is_headed=not is_more)
    for record in records:
        names = [cut(clean(name) or "-", shape.longest) for name in (record.model, record.key)]
        table.add_row(
            when(record, is_dated=is_dated),
            record.request_id[:SHORTER],
            *([" ".join(names)] if shape.is_joined else names),
            painted(record.outcome),
            seconds(took(record)),
            *((tries(record),) if shape.has_tries else ()),
            money(record.cost_nano),
        )
    return table


def wide_table(records: Sequence[Record], *, is_dated: bool, is_more: bool) -> Table:
    """Calls with their tokens and errors, a line a call."""
    table = plain_table(show_header=not is_more, is_seen=sys.stdout.isatty())
    table.add_column("time", no_wrap=True)
    table.add_column("request", no_wrap=True)
    table.add_column("model", no_wrap=True, overflow="ellipsis", max_width=32, min_width=6)
    table.add_column("key", no_wrap=True, overflow="ellipsis", max_width=20, min_width=3)
    table.add_column("outcome", no_wrap=True)
    for title in ("took", "tries", "in", "out", "cost"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("why", no_wrap=True, overflow="ellipsis")
    for record in records:
        tokens = record.tokens or Usage()
        table.add_row(
            when(record, is_dated=is_dated),
            record.request_id[:SHORT],
            clean(record.model) or "-",
            clean(record.key) or "-",
            painted(record.outcome),
            seconds(took(record)),
            tries(record),
            str(tokens.input_tokens),
            str(tokens.output_tokens),
            money(record.cost_nano),
            clean(" ".join(filter(None, (record.error, record.reason)))),
        )
    return table


def when(record: Record, *, is_dated: bool) -> str:
    at = moment(record.at)
    return at[5:19] if is_dated else at[11:19]


def tries(record: Record) -> str:
    return str(len(record.attempts)) if record.attempts else WITHOUT_ATTEMPTS.get(record.cache, "0")


def agents(record: Record) -> str:
    """Which agent of the session asked, and who started it."""
    return f"{record.agent} of {record.parent_agent}" if record.agent and record.parent_agent else record.agent


def show_record(record: Record) -> None:
    """Prints one call and its attempts, each with a bar from its begin to its end on the call's own time."""
    screen = console()
    whole = took(record)
    shape = "streamed" if record.streamed else "whole"
    rows = [
        ("request", f"{clean(record.request_id)}   {moment(record.at)}"),
        (
            "asked",
            f"{clean(record.model) or '-'} by {clean(record.key) or 'a caller without a key'}: {record.operation}, {shape}",
        ),
        ("ended", f"{record.outcome}, {record.status}, after {seconds(whole)}{head(record)}"),
    ]
    if record.cache:
        rows.append(("cache", CACHED.get(record.cache, clean(record.cache))))
    if record.error:
        rows.append(("why", said(record.error, record.reason)))
    rows.append(("tokens", f"{usage(record.tokens)}{', estimated' if record.estimated else ''}"))
    dated = f" (prices of {record.price_at})" if record.price_at else ""
    rows.append(("cost", f"{money(record.cost_nano)}{dated}"))
    told = (
        ("prompt", record.prompt),
        ("user", record.user),
        ("session", record.session),
        ("agent", agents(record)),
        ("trace", record.trace),
    )
    rows += [(name, clean(text)) for name, text in told if text]
    rows.append(("config", clean(record.config)))
    rows += [(name, clean(text)) for name, text in (("body", record.asked), ("answer", record.answered)) if text]
    for name, text in rows:
        line(screen, f"{name:<9}", painted(text, record.outcome) if name == "ended" else Text(text))
    screen.print()
    count = len(record.attempts)
    nobody = "no target was needed" if record.outcome == "ok" else "it ended before a target was called"
    screen.print(f"no attempt: {nobody}" if not count else f"{count} attempt{'s' * (count > 1)}")
    for number, attempt in enumerate(record.attempts, 1):
        show_attempt(screen, number, attempt, record)
    screen.print()


def show_attempt(screen: Console, number: int, attempt: AttemptRecord, record: Record) -> None:
    started = max(0.0, attempt.started_at - record.arrived_at)
    duration = max(0.0, attempt.ended_at - attempt.started_at)
    first = attempt.head_at - attempt.started_at if attempt.head_at else None
    screen.print()
    line(screen, f"{number:>3}  ", Text(f"{clean(attempt.target)}  ({attempt.why})", style="bold"))
    screen.print(f"     |{bar(started, first, duration, took(record))}|", soft_wrap=True)
    waits = f"started at {seconds(started)}, "
    waits += f"first token after {seconds(first)}, " if first is not None else "no first token, "
    line(screen, "     ", Text(f"{waits}ended after {seconds(duration)}"))
    status = f" (vendor's status {attempt.vendor_status})" if attempt.vendor_status else ""
    line(screen, "     ", painted(f"{attempt.outcome or 'unknown'}{status}", attempt.outcome))
    if attempt.error:
        line(screen, "     ", Text(said(attempt.error, attempt.reason)))
    guessed = ", estimated" if attempt.estimated else ""
    line(screen, "     ", Text(f"{usage(attempt.tokens)}{guessed}; cost {money(attempt.cost_nano)}"))
    if attempt.left_out:
        told = ", ".join(map(clean, attempt.left_out))
        line(screen, "     ", Text(f"left out, since this vendor's API has no words for it: {told}"))
    if attempt.vendor_request_id:
        line(screen, "     ", Text(f"vendor's request id {clean(attempt.vendor_request_id)}"))


def show_sums(found: Sequence[Sum], by: Sequence[By]) -> None:
    """Prints groups of calls, and what they add up to."""
    screen = console()
    if not found:
        screen.print("no calls match")
        return
    noun = "attempts" if "target" in by else "calls"
    output, numbers = Output(), (noun, "errors", "tokens", "cost", "p50", "p95")
    table = output.table(*by, *numbers, right=numbers)
    for one in found:
        names = [cut(clean(name), LONGEST) for name in one.names]
        table.add_row(
            *names,
            str(one.calls),
            str(one.errors),
            str(one.tokens),
            f"{money(one.cost_nano)}{'+?' if one.unpriced else ''}",
            seconds(one.p50),
            seconds(one.p95),
        )
    output.print(table)
    unpriced = sum(one.unpriced for one in found)
    screen.print(f"{sum(one.calls for one in found)} {noun}, {money(sum(one.cost_nano for one in found))}", style="dim")
    if unpriced:
        screen.print(f"+?: {unpriced} {noun} have an unknown cost", style="dim")


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else UNWRAPPED_WIDTH, highlight=False, markup=False, emoji=False)


def plain_table(*, show_header: bool, is_seen: bool) -> Table:
    return Table(
        box=box.SIMPLE_HEAD if is_seen else None, show_header=show_header, pad_edge=False, padding=(0, 2, 0, 0)
    )


def line(screen: Console, margin: str, text: Text) -> None:
    """Prints a text behind a margin; what does not fit goes on behind it, too."""
    for part in text.wrap(screen, max(20, screen.width - len(margin))):
        screen.print(Text(margin) + part)
        margin = " " * len(margin)


def bar(started: float, first: float | None, duration: float, whole: float) -> str:
    """An attempt on its call's time: blank before and after it, `-` while it is waited for, `=` while it answers."""
    scale = BAR / whole if whole > 0 else 0.0
    begin = min(BAR - 1, int(started * scale))
    end = max(begin + 1, min(BAR, round((started + duration) * scale)))
    head = end if first is None else min(end, max(begin, round((started + first) * scale)))
    return " " * begin + "-" * (head - begin) + "=" * (end - head) + " " * (BAR - end)


def painted(text: str, outcome: str | None = None) -> Text:
    judged = text if outcome is None else outcome
    return Text(clean(text), style="green" if judged == "ok" else "yellow" if judged in GOOD else "red")


def said(error: str, reason: str) -> str:
    return clean(f"{error}: {reason}" if reason else error)


def head(record: Record) -> str:
    return f" (first token after {seconds(record.head_at - record.arrived_at)})" if record.head_at else ""


def usage(tokens: Usage | None) -> str:
    if tokens is None:
        return "tokens unknown"
    classes = [f"{count} {name.replace('_', ' ')}" for name, count in msgspec.structs.asdict(tokens).items() if count]
    return f"{', '.join(classes) or 'no'} tokens"


def took(record: Record) -> float:
    """Seconds from the arrival to the last byte."""
    return rounded(max(0.0, record.last_at - record.arrived_at)) if record.last_at else 0.0


def rounded(duration: float) -> float:
    return round(duration, 6)


def seconds(duration: float) -> str:
    if duration < 0.9995:
        return f"{duration * 1000:.0f} ms"
    return f"{duration:.2f} s" if duration < 99.995 else f"{duration:.0f} s"


def money(nano: int | None) -> str:
    """Dollars, to the cent where they are many, else to what matters."""
    if nano is None:
        return "unknown"
    dollars = nano / NANO
    if nano == 0:
        return "$0"
    if dollars >= 10:
        return f"${dollars:,.2f}"
    return f"${dollars:.6f}" if nano >= 10_000 else f"${dollars:.9f}"


def moment(at: float) -> str:
    """In the time of this machine: `2026-11-22 13:30:05.250`."""
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="milliseconds")[:23]


def cut(text: str, most: int) -> str:
    """At most so many characters; where there were more it says so."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def clean(text: str) -> str:
    """A terminal obeys control characters; nobody else's may reach it."""
    return "".join(c if c.isprintable() else "?" for c in text)
