"""`headworks keys`: API keys that are made while the gateway runs, beside those of the system file.

Always true: a secret is shown once, when it is made; the store has its digest. A running gateway knows what is done here
within a second, and needs no reload. Nothing is deleted: a key that was revoked keeps what it spent, and the next key of its
name spends under a name of its own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from headworks.cli.exits import FAILS, HOLDS
from headworks.cli.keys_book import check_names, index, is_open, numbered, opened, shown
from headworks.cli.keys_options import PARTS, RATES, allowance, changed, is_given, limits
from headworks.cli.notated import Notated, SystemFile, Until
from headworks.cli.views.keys import Before, Whole, show_changed, show_key, show_list
from headworks.core.key import FREELY, Priority, new_secret, nth_name, secret_digest
from headworks.ledger.keys import Entry, Former, Row
from headworks.policy.spend import window_start
from headworks.system.schema.system import System

OVERLAP = 86400.0
"""Seconds for which a rotated secret stays good where nothing else is asked for: a deployment a day is usual."""


FILE = click.argument("file", required=False, type=SystemFile())
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
NAME = click.argument("name", type=Notated("name"))


@click.group("keys")
def command() -> None:
    """Create, change, list, rotate and revoke API keys while the gateway runs."""


@command.command("create")
@NAME
@click.option(
    "--model",
    "models",
    multiple=True,
    type=Notated("alias"),
    help="A model (alias) that the key may call; repeatable. All by default.",
)
@click.option(
    "--tag", "tags", multiple=True, type=Notated("tag"), help="A tag on the records of its calls; repeatable."
)
@click.option("--group", type=Notated("name"), help="The group whose limits and budget it shares.")
@click.option("--priority", type=click.Choice(get_args(Priority)), default="normal", show_default=True)
@click.option("--expires", type=Until(), help="Expiry: 30d (from now), 2027-01-31.")
@limits
@click.option("--yes", is_flag=True, help="Do not ask. The first key closes the gateway to callers without one.")
@AS_JSON
@FILE
def create_command(name: str, file: Path | None, as_json: bool, yes: bool, **options: Any) -> None:
    """Create a key and show its secret, once. FILE is the system file (headworks.yaml by default).

    The name of a revoked or expired key may be used again. The new key starts with nothing spent.
    """
    allowed = allowance(options)
    with opened(file) as book:
        check_names(book, options["models"], options["group"])
        if name in book.system.keys:
            raise click.ClickException(f"{name} is a key of the system file: choose another name")
        was_open = is_open(book)
        if was_open and not yes:
            ask()
        index(file)  # what an earlier key of the name has left may be in the journal still
        secret = new_secret(secrets.randbits)

        def made(was: Row | None) -> Entry:
            number, earlier = numbered(book, name, was)
            return Entry(
                digest=secret_digest(secret).hex(),
                models=options["models"],
                tags=options["tags"],
                group=options["group"] or "",
                priority=options["priority"],
                expires_at=options["expires"] or 0.0,
                allowance=allowed,
                created_at=time.time(),
                number=number,
                earlier=earlier,
            )

        row = book.change("key", name, made)
        show_secret(row, secret, as_json=as_json)
        if not as_json and row.entry.number > 1:
            called, before = (nth_name(name, row.entry.number), nth_name(name, row.entry.number - 1))
            click.echo(f"Logs and sums call it {called}; calls and spending of {before} stay separate.", err=True)
        if was_open and not as_json:
            click.echo("This is the first key: from now on every call needs one.", err=True)
        if allowed.budget is not None and not as_json:
            warn_of_unbounded(book.system, options["models"])


def warn_of_unbounded(system: System, models: Sequence[str]) -> None:
    """Says which aliases refuse a call under a budget that sets no bound on its answer: nobody could reserve for it."""
    found = [
        alias for alias in models or system.models if alias in system.models and system.models[alias].max_output is None
    ]
    if found:
        names = ", ".join(found)
        click.echo(
            f"Its calls to {names} must set `max_tokens`, or the alias must set `max_output: 4k`: else they are refused.",
            err=True,
        )


def ask() -> None:
    """Raises click.Abort where the answer is not yes, or nobody is there to answer."""
    click.echo(
        "There are no keys yet, so anyone on this machine may call. With the first key, every call needs one at once.",
        err=True,
    )
    try:
        click.confirm("Create it?", abort=True, err=True)
    except click.Abort:
        click.echo("no key was created; in scripts use --yes", err=True)
        raise


@command.command("change", short_help="Change a key's limits, budget, models, tags, group or expiry.")
@NAME
@click.option(
    "--model", "models", multiple=True, type=Notated("alias"), help="Replaces the models it may call; repeatable."
)
@click.option("--tag", "tags", multiple=True, type=Notated("tag"), help="Replaces its tags; repeatable.")
@click.option("--group", type=Notated("name"), help="The group whose limits and budget it shares.")
@click.option("--priority", type=click.Choice(get_args(Priority)))
@click.option("--expires", type=Until(), help="Expiry: 30d (from now), 2027-01-31.")
@limits
@click.option(
    "--without",
    "without",
    multiple=True,
    type=click.Choice((*RATES, "budget", *PARTS)),
    help="Removes a limit, or its models, tags, group or expiry; repeatable. Without `models` it may call all.",
)
@AS_JSON
@FILE
def change_command(name: str, file: Path | None, as_json: bool, without: tuple[str, ...], **options: Any) -> None:
    """Change a key that `keys create` made. What no option names stays. A running gateway applies it within a second.

    What was spent in the current window counts against the new budget. The secret stays valid (`keys rotate` makes a new
    one).
    """
    if not without and not any(map(is_given, options.values())):
        raise click.UsageError("name at least one change: --rpm 120, --budget $50, --without budget, ...")
    for one in without:
        if is_given(options[one]):
            raise click.UsageError(f"--without {one} and a new value contradict each other: give one of them")
    with opened(file) as book:
        book.named(name)
        check_names(book, options["models"], options["group"])
        row = book.change("key", name, lambda was: changed(was, dict(options), without))
        show_changed(shown(book.system, [row])[-1], as_json=as_json)


def show_secret(row: Row, secret: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"name": row.name, "secret": secret}))
        return
    click.echo(secret)
    click.echo(f"This is the secret of {row.name}. It is shown only now: only its digest is stored.", err=True)


@command.command("list")
@AS_JSON
@FILE
def list_command(file: Path | None, as_json: bool) -> None:
    """List every key and group, also those of the system file."""
    with opened(file) as book:
        rows = list(book.keys.rows())
    show_list(shown(book.system, rows), as_json=as_json)


@command.command("show")
@NAME
@AS_JSON
@FILE
@click.pass_context
def show_command(ctx: click.Context, name: str, file: Path | None, as_json: bool) -> None:
    """Show one key or group, and how much of its budget is spent. Exits with 1 when there is none."""
    with opened(file) as book:
        known = [one for one in shown(book.system, list(book.keys.rows())) if one.name == name]
        if not known:
            click.echo(f"there is no key or group {name}", err=True)
            ctx.exit(FAILS)
        index(file)
        for one in known:
            budget = one.allowance.budget
            since = 0 if budget is None else window_start(budget.every, time.time())
            spent = book.store.spent(since).get(f"{one.kind}/{nth_name(name, one.number)}", 0)
            ever = book.store.spent(0) if one.earlier else {}
            before = [
                Before(
                    name=nth_name(name, key.number),
                    created_at=key.created_at,
                    ended_at=key.ended_at,
                    spent=ever.get(f"key/{nth_name(name, key.number)}", 0),
                )
                for key in one.earlier
            ]
            show_key(Whole(of=one, spent=spent, since=since, before=before), as_json=as_json)


@command.command("rotate", short_help="Give a key a new secret, and show it, once.")
@NAME
@click.option(
    "--overlap",
    type=Notated("seconds"),
    help="How long the old secret stays valid (1d by default).",
)
@click.option("--now", "at_once", is_flag=True, help="Refuse the old secret at once.")
@AS_JSON
@FILE
def rotate_command(name: str, file: Path | None, overlap: float | None, at_once: bool, as_json: bool) -> None:
    """Give a key a new secret and show it, once. The old secret stays valid for a while (--overlap)."""
    with opened(file) as book:
        book.named(name)
        secret = new_secret(secrets.randbits)

        def made(was: Row | None) -> Entry:
            assert was is not None, "rows are never deleted"
            entry, at = was.entry, time.time()
            if entry.revoked_at:
                raise click.ClickException(
                    f"{name} was revoked: `headworks keys create {name}` creates a new key of that name"
                )
            if 0 < entry.expires_at <= at:  # a secret that nobody could use
                raise click.ClickException(f"{name} has expired: `headworks keys change {name} --expires 30d` first")
            until = at + (OVERLAP if overlap is None else overlap)
            former = () if at_once else (*(one for one in entry.former if one.until > at), Former(entry.digest, until))
            return msgspec.structs.replace(entry, digest=secret_digest(secret).hex(), former=former)

        row = book.change("key", name, made)
        show_secret(row, secret, as_json=as_json)
        if not as_json and row.entry.former:
            until = datetime.fromtimestamp(row.entry.former[-1].until, UTC).isoformat(timespec="seconds")
            click.echo(f"The old secret stays valid until {until.replace('+00:00', 'Z')}.", err=True)


@command.command("revoke", short_help="Refuse a key from now on.")
@NAME
@click.option("--undo", is_flag=True, help="Accept a revoked key of the system file again.")
@FILE
@click.pass_context
def revoke_command(ctx: click.Context, name: str, file: Path | None, undo: bool) -> None:
    """Refuse a key from now on. It may be one of the system file. Every gateway refuses it within a second."""
    with opened(file) as book:
        in_file = name in book.system.keys
        if undo and not in_file:
            raise click.ClickException(f"{name} is not a key of the system file: only those can be accepted again")
        at = 0.0 if undo else time.time()
        if in_file:
            book.change("revoked", name, lambda was: Entry(revoked_at=at))
        else:
            book.named(name)

            def made(was: Row | None) -> Entry:
                assert was is not None, "rows are never deleted"
                return was.entry if was.entry.revoked_at else msgspec.structs.replace(was.entry, revoked_at=at)

            book.change("key", name, made)
        said = "is accepted again" if undo else "is revoked"
        click.echo(f"{name} {said}; a running gateway applies it within a second")
    ctx.exit(HOLDS)


@command.command("group")
@NAME
@limits
@FILE
def group_command(name: str, file: Path | None, **options: Any) -> None:
    """Create a group, or replace its limits, which its keys share. An option that is not given means no limit."""
    allowed = allowance(options)
    with opened(file) as book:
        if name in book.system.groups:
            raise click.ClickException(f"{name} is a group of the system file: change it there")
        made = Entry(allowance=allowed or FREELY, created_at=time.time())
        book.change("group", name, lambda was: made)
        click.echo(f"the group {name} is saved; a running gateway applies it within a second")
