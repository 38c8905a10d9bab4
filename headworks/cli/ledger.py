"""`headworks ledger`: back up the ledger into one file, verify such a file, restore it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from headworks.cli.exits import FAILS, HOLDS
from headworks.cli.ledger_place import place
from headworks.cli.paper import Paper
from headworks.cli.views.logs import clean
from headworks.core.money import written_dollars
from headworks.ledger.backup import back_up
from headworks.ledger.backup_contents import Contents
from headworks.ledger.backup_file import Broken, verified
from headworks.ledger.restore import NotRestored, departed, restore
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreTrouble

BACKUP = click.argument("backup", type=click.Path(dir_okay=False, path_type=Path))
FILE = click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a backup. made_at: seconds since 1970; headworks: the version that wrote it."""

    made_at: float
    headworks: str
    store: str
    digest: str
    contents: Contents


@click.group("ledger")
def command() -> None:
    """Back up the ledger while the gateway serves, verify a backup, or restore one."""


@command.command("backup")
@click.option("--overwrite", is_flag=True, help="Replace an existing file of this name.")
@AS_JSON
@BACKUP
@FILE
def backup_command(backup: Path, file: Path | None, overwrite: bool, as_json: bool) -> None:
    """Write the whole ledger into BACKUP: records, sums, keys, and journal records not yet in the store.

    FILE is the system file (headworks.yaml by default). A running gateway is not disturbed. BACKUP can be read by its owner
    only. It is written completely or not at all.
    """
    where = place(file)
    if isinstance(where.store, SqliteAt) and not where.store.path.exists() and not where.journal.exists():
        raise click.ClickException(f"there is no ledger yet: neither {where.store} nor {where.journal} exists")
    made_at = time.time()
    with told(backup):
        done = back_up(where.journal, where.store, backup, made_at=made_at, may_replace=overwrite)
        why = departed(where.journal, done.contents)
    with backup.open("rb") as opened:
        head = verified(opened).head
    shown = Shown(made_at=made_at, headworks=head.version, store=head.store, digest=done.digest, contents=done.contents)
    show(shown, as_json=as_json)
    if done.others:
        click.echo(
            f"warning: {done.others} journals of other folders feed this store; records that are only in them are not in the backup",
            err=True,
        )
    if why:
        click.echo(f"warning: the ledger is not the one that the gateway used last: {why}", err=True)


@command.command("verify")
@AS_JSON
@BACKUP
def verify_command(backup: Path, as_json: bool) -> int:
    """Show what is in BACKUP, and whether it is intact. Exit codes: 0 it is, 1 it is damaged."""
    try:
        with told(backup), backup.open("rb") as opened:
            found = verified(opened)
    except Broken as broken:
        click.echo(f"{backup} is damaged: {broken}", err=True)
        return FAILS
    head = found.head
    shown = Shown(
        made_at=head.made_at,
        headworks=head.version,
        store=head.store,
        digest=found.digest,
        contents=found.contents,
    )
    show(shown, as_json=as_json)
    return HOLDS


@command.command("restore")
@click.option("--overwrite", is_flag=True, help="Delete what is in the ledger now. Back it up first.")
@BACKUP
@FILE
def restore_command(backup: Path, file: Path | None, overwrite: bool) -> None:
    """Restore BACKUP into a system's ledger, which must be empty. No gateway may be using it.

    FILE is the system file (headworks.yaml by default). A backup of SQLite can be restored into PostgreSQL, and the other way
    round. Everything is restored, or nothing.
    """
    where = place(file)
    try:
        with told(backup), backup.open("rb") as opened:
            done = restore(opened, where.journal, where.store, may_replace=overwrite)
            contents = done.contents
            why = departed(where.journal, contents)
    except Broken as broken:
        raise click.ClickException(f"{backup} is damaged: {broken}; nothing was changed") from broken
    calls = contents.rows.get("calls", 0) + contents.waiting
    click.echo(f"{calls} calls and {contents.keys} keys are now in {where.store}")
    if contents.rows.get("opened"):
        click.echo(f"  {contents.rows['opened']} calls were in flight: what was reserved for them counts as spent")
    click.echo("  keys, revocations and purges are those of the backup: later revocations and purges are undone")
    if done.valid:
        names = ", ".join(map(clean, done.valid))
        click.echo(
            f"warning: these keys were revoked and are valid again: {names}; run `headworks keys revoke NAME` for each",
            err=True,
        )
    if done.purged:
        users = "1 user who was" if done.purged == 1 else f"{done.purged} users who were"
        click.echo(f"warning: {users} purged may be back: run `headworks logs purge --user NAME`", err=True)
    if why:
        click.echo(
            f"warning: {why}\n    revoke those keys again (`headworks keys revoke NAME`), then start once with"
            " `headworks up --new-ledger`",
            err=True,
        )


@contextmanager
def told(backup: Path) -> Iterator[None]:
    """What the store or the system raises, in words."""
    try:
        yield
    except (StoreTrouble, NotRestored) as trouble:
        raise click.ClickException(str(trouble)) from trouble
    except FileExistsError as error:
        raise click.ClickException(f"{backup} already exists: name another file, or use --overwrite") from error
    except BlockingIOError as error:
        raise click.ClickException(f"another backup is being written to {backup} now") from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or backup}: {error.strerror or error}") from error


def show(one: Shown, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(one))
        return
    found = one.contents
    calls = f"{found.rows.get('calls', 0)}"
    if found.first:
        calls += f", from {when(found.first / 1e6)} to {when(found.last / 1e6)}, {written_dollars(found.cost_nano)}"
    lines = [
        ("created", f"{when(one.made_at)}, by Headworks {one.headworks}, from {one.store}"),
        ("ledger", f"{found.identity}, {found.changes} changes to keys"),
        ("calls", calls),
        ("waiting", f"{found.waiting} records only in the journal, {written_dollars(found.waiting_cost_nano)}"),
        ("open", f"{found.rows.get('opened', 0)} calls under a budget in flight"),
        ("spent", f"{written_dollars(found.spent_nano)} by all keys"),
        ("keys", f"{found.keys} made at run time, {found.revoked} revoked"),
        ("digest", one.digest),
    ]
    Paper().pairs(lines, margin=0)


def when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
