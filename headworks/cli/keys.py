"""`headworks keys`: who may call, beside the keys of the system file.

Always true: a secret is shown once, when it is made; the store has its digest. A running gateway knows what is done here
within a second, and needs no reload. Nothing is deleted: a key that was revoked keeps its name and what it spent.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from headworks.cli.exits import FAILS, HOLDS
from headworks.cli.keys_view import Shown, Whole, show_key, show_list
from headworks.cli.ledger_place import place_of, read_unasked
from headworks.cli.notated import Notated, Until
from headworks.core.key import FREELY, Allowance, Estimate, Priority, Spending, new_secret, secret_digest
from headworks.core.state import Window
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import Entry, Former, Keys, Kind, Row
from headworks.ledger.store import Store, StoreTrouble
from headworks.policy.spend import window_start
from headworks.system.findings import suggestion
from headworks.system.schema import System

OVERLAP = 86400.0
"""Seconds for which a rotated secret stays good where nothing else is asked for: a deployment a day is usual."""


class Book(msgspec.Struct, frozen=True):
    """The store, and the system whose keys it has."""

    system: System
    store: Store

    @property
    def keys(self) -> Keys:
        return Keys(self.store)

    def named(self, name: str) -> Row:
        """The row of a key. Raises click.ClickException where no such key was made."""
        row = self.keys.row("key", name)
        if row is None:
            if name in self.system.keys:
                raise click.ClickException(f"{name} is a key of the system file: change it there")
            known = [*self.system.keys, *[one.name for one in self.keys.rows() if one.kind == "key"][:1000]]
            raise click.ClickException(f"there is no key {name}: {suggestion(name, known, 'keys')}")
        return row

    def change(self, kind: Kind, name: str, made: Callable[[Row | None], Entry]) -> Row:
        """Writes what a row becomes; once more where another command was faster."""
        while True:
            was = self.keys.row(kind, name)
            entry = made(was)
            if self.keys.put(kind, name, entry, was):
                return Row(kind, name, 0, entry)


@contextmanager
def opened(file: Path | None) -> Iterator[Book]:
    """The store of a system file. Raises click.ClickException where it cannot be used."""
    system, folder = read_unasked(file)
    try:
        store = place_of(system, folder).store.open()
        try:
            yield Book(system, store)
        finally:
            store.close()
    except StoreTrouble as trouble:
        raise click.ClickException(str(trouble)) from trouble


FILE = click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
NAME = click.argument("name", type=Notated("name"))


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that a key and a group have in common."""
    for option in reversed(
        (
            click.option("--rpm", type=Notated("count"), help="Requests a minute."),
            click.option("--tpm", type=Notated("count"), help="Tokens a minute."),
            click.option("--concurrency", type=Notated("count"), help="Calls at once."),
            click.option("--budget", type=Notated("money"), help="What the calls may cost in each window: $50."),
            click.option("--every", type=click.Choice(get_args(Window)), help="The budget's window."),
            click.option("--estimate", type=click.Choice(get_args(Estimate)), default="bytes", show_default=True),
            click.option("--alert", type=Notated("share"), default="80%", show_default=True),
        )
    ):
        command = option(command)
    return command


def allowance(options: dict[str, Any]) -> Allowance:
    """What the options of `limits` say, which are taken out."""
    amount, every = options.pop("budget"), options.pop("every")
    estimate, alert = options.pop("estimate"), options.pop("alert")
    if (amount is None) != (every is None):
        raise click.UsageError("a budget is an amount and a window: --budget $50 --every 1d")
    budget = None
    if amount is not None:
        budget = Spending(amount=amount, every=every, estimate=estimate, alert=alert)
    return Allowance(**{name: options.pop(name) for name in ("rpm", "tpm", "concurrency")}, budget=budget)


@click.group("keys")
def command() -> None:
    """Make, list, rotate and revoke keys while the gateway runs."""


@command.command("create")
@NAME
@click.option(
    "--model",
    "models",
    multiple=True,
    type=Notated("alias"),
    help="An alias it may use; again for more. All by default.",
)
@click.option(
    "--tag", "tags", multiple=True, type=Notated("tag"), help="What the records of its calls carry; again for more."
)
@click.option("--group", type=Notated("name"), help="The group whose limits and budget it shares.")
@click.option("--priority", type=click.Choice(get_args(Priority)), default="normal", show_default=True)
@click.option("--expires", type=Until(), help="When it ends: 30d (from now), 2027-01-31.")
@limits
@AS_JSON
@FILE
def create_command(name: str, file: Path | None, as_json: bool, **options: Any) -> None:
    """Make a key and show its secret, once. FILE is the system file (headworks.yaml by default)."""
    allowed = allowance(options)
    with opened(file) as book:
        check_names(book, options["models"], options["group"])
        if name in book.system.keys:
            raise click.ClickException(f"{name} is a key of the system file: choose another name")
        secret = new_secret(secrets.randbits)

        def made(was: Row | None) -> Entry:
            if was is not None:
                raise click.ClickException(
                    f"there is a key {name} already: choose another name, or `headworks keys rotate {name}`"
                )
            return Entry(
                digest=secret_digest(secret).hex(),
                models=options["models"],
                tags=options["tags"],
                group=options["group"] or "",
                priority=options["priority"],
                expires_at=options["expires"] or 0.0,
                allowance=allowed,
                created_at=time.time(),
            )

        was_open = not book.system.keys and not any(one.kind == "key" for one in book.keys.rows())
        row = book.change("key", name, made)
        show_secret(row, secret, as_json=as_json)
        if was_open and not as_json:
            click.echo("It is the first key: from now on nobody calls without one.", err=True)


def check_names(book: Book, models: Sequence[str], group: str | None) -> None:
    """Raises click.ClickException for an alias or a group that is not there."""
    aliases = [*book.system.models, *(f"prompt/{name}" for name in book.system.prompts)]
    for model in models:
        if model not in aliases:
            raise click.ClickException(f"there is no model {model}: {suggestion(model, aliases, 'models')}")
    if group and group not in book.system.groups and book.keys.row("group", group) is None:
        known = [*book.system.groups, *(one.name for one in book.keys.rows() if one.kind == "group")][:1000]
        raise click.ClickException(
            f"there is no group {group}: {suggestion(group, known, 'groups')}, or `headworks keys group {group}`"
        )


def show_secret(row: Row, secret: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"name": row.name, "secret": secret}))
        return
    click.echo(secret)
    click.echo(
        f"This is the secret of {row.name}. It is shown only now: what is kept cannot be turned back into it.", err=True
    )


@command.command("list")
@AS_JSON
@FILE
def list_command(file: Path | None, as_json: bool) -> None:
    """Show every key and group, those of the system file too."""
    with opened(file) as book:
        rows = list(book.keys.rows())
    show_list(shown(book.system, rows), as_json=as_json)


def shown(system: System, rows: Sequence[Row]) -> list[Shown]:
    """Keys and groups of both places, those of the file first."""
    revoked = {row.name for row in rows if row.kind == "revoked" and row.entry.revoked_at}
    groups = {key: name for name, group in system.groups.items() for key in group.keys}
    found = [
        Shown(
            kind="key",
            name=name,
            origin="file",
            state=state_of(name in revoked, key.expires or 0.0),
            group=groups.get(name, ""),
            models=key.models,
            tags=key.tags,
            allowance=key.allowance,
        )
        for name, key in system.keys.items()
    ]
    found += [
        Shown(kind="group", name=name, origin="file", state="in use", allowance=group.allowance)
        for name, group in system.groups.items()
    ]
    for row in rows:
        if row.kind == "revoked":
            continue
        entry = row.entry
        found.append(
            Shown(
                kind=row.kind,
                name=row.name,
                origin="made",
                state=state_of(bool(entry.revoked_at), entry.expires_at),
                group=entry.group,
                models=entry.models,
                tags=entry.tags,
                allowance=entry.allowance,
                created_at=entry.created_at,
                expires_at=entry.expires_at,
                former=len([one for one in entry.former if one.until > time.time()]),
            )
        )
    return found


def state_of(is_revoked: bool, expires_at: float) -> str:
    if is_revoked:
        return "revoked"
    return "expired" if expires_at and expires_at <= time.time() else "in use"


@command.command("show")
@NAME
@AS_JSON
@FILE
@click.pass_context
def show_command(ctx: click.Context, name: str, file: Path | None, as_json: bool) -> None:
    """Show one key or group, and what was spent of its budget. Exits with 1 where there is none."""
    with opened(file) as book:
        known = [one for one in shown(book.system, list(book.keys.rows())) if one.name == name]
        if not known:
            click.echo(f"there is no key or group {name}", err=True)
            ctx.exit(FAILS)
        index(file)
        for one in known:
            budget = one.allowance.budget
            since = 0 if budget is None else window_start(budget.every, time.time())
            spent = book.store.spent(since).get(f"{one.kind}/{name}", 0)
            show_key(Whole(of=one, spent=spent, since=since), as_json=as_json)


def index(file: Path | None) -> None:
    """Brings the store up to date, where that is possible now."""
    system, folder = read_unasked(file)
    where = place_of(system, folder)
    indexer = Indexer(where.journal, where.store)
    try:
        indexer.catch_up()
    except StoreTrouble as trouble:
        click.echo(f"warning: not up to date: {trouble}", err=True)
    finally:
        indexer.close()


@command.command("rotate", short_help="Give a key another secret, and show it, once.")
@NAME
@click.option(
    "--overlap",
    type=Notated("seconds"),
    help="How long the secret before stays good (1d by default; `--now`: not at all).",
)
@click.option("--now", "at_once", is_flag=True, help="The secret before is refused at once.")
@AS_JSON
@FILE
def rotate_command(name: str, file: Path | None, overlap: float | None, at_once: bool, as_json: bool) -> None:
    """Give a key another secret and show it, once; the one before stays good for a while."""
    with opened(file) as book:
        book.named(name)
        secret = new_secret(secrets.randbits)

        def made(was: Row | None) -> Entry:
            assert was is not None, "rows are never deleted"
            entry, at = was.entry, time.time()
            if entry.revoked_at:
                raise click.ClickException(f"{name} was revoked: make a key with another name")
            if 0 < entry.expires_at <= at:  # a secret that nobody could use
                raise click.ClickException(f"{name} has expired: make a key with another name")
            until = at + (OVERLAP if overlap is None else overlap)
            former = () if at_once else (*(one for one in entry.former if one.until > at), Former(entry.digest, until))
            return msgspec.structs.replace(entry, digest=secret_digest(secret).hex(), former=former)

        row = book.change("key", name, made)
        show_secret(row, secret, as_json=as_json)
        if not as_json and row.entry.former:
            until = datetime.fromtimestamp(row.entry.former[-1].until, UTC).isoformat(timespec="seconds")
            click.echo(f"The secret before it is good until {until.replace('+00:00', 'Z')}.", err=True)


@command.command("revoke", short_help="Refuse a key from now on.")
@NAME
@click.option("--undo", is_flag=True, help="Let a key of the system file in again.")
@FILE
@click.pass_context
def revoke_command(ctx: click.Context, name: str, file: Path | None, undo: bool) -> None:
    """Refuse a key from now on, of the store or of the system file: every gateway does within a second."""
    with opened(file) as book:
        in_file = name in book.system.keys
        if undo and not in_file:
            raise click.ClickException(f"{name} is no key of the system file: only those can be let in again")
        at = 0.0 if undo else time.time()
        if in_file:
            book.change("revoked", name, lambda was: Entry(revoked_at=at))
        else:
            book.named(name)

            def made(was: Row | None) -> Entry:
                assert was is not None, "rows are never deleted"
                return was.entry if was.entry.revoked_at else msgspec.structs.replace(was.entry, revoked_at=at)

            book.change("key", name, made)
        said = "is let in again" if undo else "is refused"
        click.echo(f"{name} {said}; a running gateway knows within a second")
    ctx.exit(HOLDS)


@command.command("group")
@NAME
@limits
@FILE
def group_command(name: str, file: Path | None, **options: Any) -> None:
    """Make a group, or give one other limits: its keys share them. Options that are not given are without limit."""
    allowed = allowance(options)
    with opened(file) as book:
        if name in book.system.groups:
            raise click.ClickException(f"{name} is a group of the system file: change it there")
        made = Entry(allowance=allowed or FREELY, created_at=time.time())
        book.change("group", name, lambda was: made)
        click.echo(f"the group {name} is so now; a running gateway knows within a second")
