"""`headworks logs`: what happened, why, and what it cost.

Always true: what is shown is up to date, also while the gateway is down: the journal is indexed first. Where the store
cannot be used, that is said and what is there is shown.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from headworks.cli.exit_codes import FAILS, HOLDS
from headworks.cli.ledger_location import (
    LedgerLocation,
    ledger_location,
    ledger_of_file,
    note_changes,
    read_without_secrets,
)
from headworks.cli.logs_csv import print_csv, print_sums_csv
from headworks.cli.logs_purge import ask, compacted, not_reached, purge
from headworks.cli.param_types import SystemFileType
from headworks.cli.views.logs import line_of, show_record, show_sums, show_table, sum_of
from headworks.core.record import Outcome, Record
from headworks.ledger.facts import facts
from headworks.ledger.indexer import Indexer
from headworks.ledger.query import Filter, Queries
from headworks.ledger.store import StoreTrouble
from headworks.ledger.sums import By, sums
from headworks.ledger.tail import Tail
from headworks.system.syntax.scalars import Unreadable, duration

DEFAULT_LAST = 20
"""Calls in the table where `--last` does not say how many."""

POLL_SECONDS = 0.3
OUTCOMES: tuple[str, ...] = Outcome.__args__  # type: ignore[attr-defined]
DECODE = msgspec.json.Decoder(Record).decode
GROUPINGS = ("alias", "key", "user", "session", "target", "day", "hour")


class Group(click.Group):
    """`headworks logs ...` is `headworks logs list ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["list", *args])


class DurationType(click.ParamType[float]):
    """Seconds from `800ms`, `4s`, `1h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration(str(value))
        except Unreadable as error:
            self.fail(f"{error.problem}: {error.remedy}", param, ctx)


class InstantType(click.ParamType[float]):
    """Seconds since 1970 from a date, a time, or a duration before now."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        if re.fullmatch(r"[0-9.]+(ms|[smhd])", text):
            return time.time() - DurationType().convert(text, param, ctx)
        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time: write 1h (ago), 2026-11-22 or 2026-11-22T13:30 (UTC: ...Z)", param, ctx)


class ColumnsType(click.ParamType[tuple[By, ...]]):
    """Some of `GROUPINGS`, in the order that was asked for."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[By, ...]:
        if isinstance(value, tuple):
            return value
        asked = tuple(dict.fromkeys(str(value).split(",")))
        for one in asked:
            if one not in GROUPINGS:
                self.fail(f"{one!r} is not a column: use {', '.join(GROUPINGS)}", param, ctx)
        return cast("tuple[By, ...]", asked)


class Display(msgspec.Struct, frozen=True, kw_only=True):
    """The options that say how calls are shown."""

    last: int | None = None
    sort: str = "time"
    follow: bool = False
    as_json: bool = False
    as_csv: bool = False
    by: tuple[By, ...] = ()


@click.group("logs", cls=Group)
def command() -> None:
    """Show calls: what happened, why, and what it cost."""


FILE = click.argument("file", required=False, type=SystemFileType())
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, oldest first, for machines.")
AS_CSV = click.option(
    "--csv", "as_csv", is_flag=True, help="CSV with a header, oldest first, for spreadsheets; without bodies."
)


@command.command("list", epilog="See also: `headworks logs show REQUEST` (one call in full), `headworks logs purge`.")
@click.option("--since", type=InstantType(), help="Calls since a time: 1h (ago), 2026-11-22, 2026-11-22T13:30.")
@click.option("--until", type=InstantType(), help="Calls before a time, written likewise.")
@click.option("--alias", help="Calls to this model (alias), as callers name it.")
@click.option("--key", help="Calls with the key of this name (NAME#2: the second key of that name).")
@click.option("--tag", help="Calls with a key that has this tag.")
@click.option("--user", help="Calls whose body has this `user`.")
@click.option("--session", metavar="ID", help="Calls of this session (an agent's run), as its client names it.")
@click.option("--target", help="Calls with an attempt at this target (provider/model).")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Calls with this outcome.")
@click.option("--failed", is_flag=True, help="Calls without a complete answer, except where the caller hung up.")
@click.option("--slow", type=DurationType(), help="Calls that took at least this long: 800ms, 4s.")
@click.option("--error", metavar="TEXT", help="Calls with this text in the error's class or reason.")
@click.option("--request-id", metavar="ID", help="One call in full; the first digits are enough.")
@click.option(
    "--last", type=click.IntRange(min=1), help=f"Only the last N calls ({DEFAULT_LAST} in the table, else all)."
)
@click.option(
    "--sort", type=click.Choice(["time", "slowest"]), default="time", help="slowest: the slowest call is last."
)
@click.option("--follow", is_flag=True, help="Keep printing calls as they end, until Ctrl-C.")
@AS_JSON
@AS_CSV
@click.option(
    "--by",
    type=ColumnsType(),
    help="Sums by alias, key, user, session, target, day or hour (UTC), or several of them: alias,day.",
)
@click.option("--cost", "_cost", is_flag=True, help="Sums by alias, unless --by names other columns.")
@FILE
@click.pass_context
def list_command(ctx: click.Context, /, file: Path | None, **options: Any) -> None:
    """List calls that match all filters, the newest last. FILE is the system file (headworks.yaml by default)."""
    asked = Filter(**{name: options[name] for name in Filter.__struct_fields__})
    by: tuple[By, ...] = options["by"] or (("alias",) if options["_cost"] else ())
    way = Display(by=by, **{name: options[name] for name in ("last", "sort", "follow", "as_json", "as_csv")})
    if way.as_json and way.as_csv:
        raise click.UsageError("use either --json or --csv")
    if by and (way.follow or way.last or way.sort != "time"):
        raise click.UsageError("sums cover all calls: --by cannot be combined with --follow, --last or --sort")
    if way.follow and way.sort != "time":
        raise click.UsageError("--follow shows calls as they end: it cannot be combined with --sort")
    where = ledger_of_file(file)
    tail = Tail(where.journal) if way.follow else None
    with reading(where) as questions:
        shown = print_result(questions, asked, way)
    if tail is not None:
        follow(tail, asked, way)
    ctx.exit(HOLDS if shown or not asked.request_id else FAILS)


@command.command("show")
@AS_JSON
@click.argument("request_id", metavar="REQUEST")
@FILE
@click.pass_context
def show_command(ctx: click.Context, request_id: str, file: Path | None, as_json: bool) -> None:
    """Show one call in full, with its attempts. REQUEST is its id, or the beginning of it. Exits with 1 when there is none."""
    with reading(ledger_of_file(file)) as questions:
        ctx.exit(HOLDS if print_result(questions, Filter(request_id=request_id), Display(as_json=as_json)) else FAILS)


@command.command("purge", short_help="Delete calls for good, or everything of one user.")
@click.option("--user", help="Everything of this user (`user` in the body). What it cost stays in the sums.")
@click.option("--key", help="Calls with the key of this name.")
@click.option("--before", type=InstantType(), help="Calls before a time: 30d (ago), 2026-11-22.")
@click.option(
    "--compact", is_flag=True, help="Rewrite journal and store, so that no byte of the calls is left in them."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@FILE
def purge_command(file: Path | None, compact: bool, yes: bool, **which: Any) -> None:
    """Delete calls for good, by key, by age, or both; or everything of one user.

    After a user's purge no command shows anything of them, and cached answers to their calls are not used again. Sums by key
    and model stay as they are. Without --compact, bytes may stay in the files of journal and store for a while.
    """
    asked = Filter(user=which["user"], key=which["key"], until=which["before"])
    if asked.user is not None and (asked.key is not None or asked.until is not None):
        raise click.UsageError("--user deletes everything of a user: it cannot be combined with --key or --before")
    if not asked.user and asked.key is None and asked.until is None:
        raise click.UsageError(
            "name the calls to delete: --user NAME, --key NAME, --before WHEN, or the last two together"
        )
    system, folder = read_without_secrets(file)
    where = ledger_location(system, folder)
    with reading(where) as questions:
        count = questions.count(asked)
        if count == 0 and not asked.user and not compact:
            click.echo("no call matches: nothing was deleted")
            return
        if not yes:
            ask(f"Delete everything of this user, {count} calls," if asked.user else f"Delete {count} calls")
        click.echo(purge(questions, asked))
        note_changes(where, questions.store)
    if not compact:
        click.echo("bytes may stay in the files of journal and store for a while; --compact rewrites both")
        return
    others = compacted(where, asked)
    click.echo("journal and store were rewritten: no byte of these calls is left in them. Not reached:")
    for one in not_reached(system, others, is_user=asked.user is not None):
        click.echo(f"- {one}")


@contextlib.contextmanager
def reading(where: LedgerLocation) -> Iterator[Queries]:
    """The ledger, up to date. Raises click.ClickException where there is no store that can be read."""
    indexer = Indexer(where.journal, where.store)
    try:
        try:
            indexer.catch_up()
        except StoreTrouble as trouble:
            click.echo(f"warning: the newest calls may be missing: {trouble}", err=True)
        yield Queries(indexer.store())
    except StoreTrouble as trouble:
        raise click.ClickException(str(trouble)) from trouble
    finally:
        indexer.close()


def print_result(questions: Queries, asked: Filter, way: Display) -> int:
    """Prints what was asked for, and returns how many calls (or groups) it was."""
    if way.by:
        groups = sums(questions, asked, way.by)
        if way.as_json:
            for one in groups:
                click.echo(msgspec.json.encode(sum_of(one, way.by)))
        elif way.as_csv:
            print_sums_csv(groups, way.by)
        else:
            show_sums(groups, way.by)
        return len(groups)
    last = way.last if way.last is not None or way.as_json or way.as_csv else DEFAULT_LAST
    with contextlib.closing(questions.lines(asked, last=last, slowest=way.sort == "slowest")) as lines:
        return show(map(DECODE, lines), asked, way)


def show(found: Iterator[Record], asked: Filter, way: Display) -> int:
    """Prints calls, and returns how many it was."""
    if asked.request_id is not None:  # the store knows the first 60 bits of it
        found = filter(lambda record: record.request_id.startswith(asked.request_id or ""), found)
    if way.as_json:
        return print_json(found)
    if way.as_csv:
        return print_csv(found, with_header=True)
    records = list(found)
    if asked.request_id is not None:
        for record in records:
            show_record(record)
        if not records:
            click.echo(f"no call has an id that begins with {asked.request_id}", err=True)
    else:
        show_table(records, is_cut=way.last is None and len(records) == DEFAULT_LAST)
    return len(records)


def print_json(records: Iterable[Record]) -> int:
    count = 0
    for record in records:
        sys.stdout.buffer.write(msgspec.json.encode(line_of(record)) + b"\n")
        count += 1
    sys.stdout.buffer.flush()
    return count


def follow(tail: Tail, asked: Filter, way: Display) -> None:
    """Prints calls as they end, until Ctrl-C."""
    with contextlib.closing(tail):
        while True:
            lines = [line for line in tail.lines() if (known := facts(line)) is not None and asked.holds(known)]
            records = [DECODE(line) for line in lines]
            if way.as_json:
                print_json(records)
            elif way.as_csv:
                print_csv(records, with_header=False)
            elif records:
                show_table(records, is_more=True)
            time.sleep(POLL_SECONDS)
