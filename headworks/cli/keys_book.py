"""Keys and groups of a system, in its file and in its store, as `headworks keys` reads and writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from headworks.cli.ledger_place import place_of, read_unasked, remember
from headworks.cli.views.keys import Shown
from headworks.ledger.identity import departure, identity, noted
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import MOST_EARLIER, Earlier, Entry, Keys, Kind, Row
from headworks.ledger.store import Store, StoreTrouble
from headworks.system.schema.system import System
from headworks.system.syntax.findings import suggestion


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
    where = place_of(system, folder)
    try:
        store = where.store.open()
        try:
            if why := departure(identity(store), noted(where.journal)):
                click.echo(f"warning: {where.store} is not the ledger that `headworks up` used last: {why}", err=True)
            yield Book(system, store)
            remember(where, store)
        finally:
            store.close()
    except StoreTrouble as trouble:
        raise click.ClickException(str(trouble)) from trouble


def index(file: Path | None) -> None:
    """Brings the store up to date, where that is possible now."""
    system, folder = read_unasked(file)
    where = place_of(system, folder)
    indexer = Indexer(where.journal, where.store)
    try:
        indexer.catch_up()
    except StoreTrouble as trouble:
        click.echo(f"warning: sums may be out of date: {trouble}", err=True)
    finally:
        indexer.close()


def is_open(book: Book) -> bool:
    """Whether anybody on this machine may call now."""
    has_keys = bool(book.system.keys) or any(one.kind == "key" for one in book.keys.rows())
    return book.system.server.listen.is_loopback and not has_keys


def numbered(book: Book, name: str, was: Row | None) -> tuple[int, tuple[Earlier, ...]]:
    """The number of a new key of this name, and the keys before it. Raises click.ClickException where one is in use."""
    if was is None:
        return book.keys.free_number(name, 1), ()
    entry = was.entry
    ended_at = entry.ended_at(time.time())
    if not ended_at:
        raise click.ClickException(
            f"the key {name} already exists: choose another name, `headworks keys rotate {name}` for a new secret, or"
            f" `headworks keys revoke {name}` first"
        )
    earlier = (*entry.earlier, Earlier(entry.number, entry.created_at, ended_at))
    return book.keys.free_number(name, entry.number + 1), earlier[-MOST_EARLIER:]


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
                number=entry.number,
                earlier=entry.earlier,
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
