"""Where a system keeps its ledger: what the commands that read it need of a system file, and nothing more."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from headworks.core.errors import ConfigError
from headworks.ledger.identity import departure, identity, note, noted
from headworks.ledger.places import store_at
from headworks.ledger.store import Store, StoreAt
from headworks.system.derived.default_paths import placed
from headworks.system.reader import Reader
from headworks.system.schema.secrets import PrivateUrl, Sources
from headworks.system.schema.system import System
from headworks.system.starter import starter
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, compose

HERE = Path("headworks.yaml")


class Place(msgspec.Struct, frozen=True):
    """The journal's folder, and where the store is."""

    journal: Path
    store: StoreAt


class Unasked(Sources):
    """Every secret is there: who reads the ledger, or plans, need not have the vendors' keys."""

    def _look_up(self, reference: str) -> str:
        return f"not looked up: {reference}"  # each its own: two keys must not be one

    def url(self, text: str) -> PrivateUrl:
        """The store's own is needed."""
        return PrivateUrl(Sources(self.env, self.folder).resolve(text).reveal(), text)


def read_unasked(file: Path | None) -> tuple[System, Path]:
    """The system of a file, of `headworks.yaml` here, or the starter system where there is no file, and the folder that its
    paths start from. No secret of it is looked up.

    Raises ConfigError where the file cannot be read, click.ClickException where it is not there.
    """
    chosen = file or (HERE if HERE.exists() else None)
    if chosen is None:
        return starter(Path()).system, Path()
    try:
        with chosen.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{chosen} cannot be read: {error.strerror or error}") from error
    findings = Findings(str(chosen))
    folder = chosen.parent
    root = compose(content, findings)
    system = None if root is None else Reader(findings, Unasked(os.environ, folder)).system(root)
    if root is None or system is None or findings.errors:
        raise ConfigError(findings.errors)
    return placed(system, root, chosen, findings), folder


def place(file: Path | None) -> Place:
    """The ledger of a system file, of `headworks.yaml` here, or of the starter system where there is no file.

    Raises ConfigError where the file cannot be read, click.ClickException where it is not there.
    """
    system, folder = read_unasked(file)
    return place_of(system, folder)


def place_of(system: System, folder: Path) -> Place:
    log = system.log
    return Place(folder / log.journal, store_at(log.store.reveal(), folder))


def remember(where: Place, store: Store) -> None:
    """Has the journal's folder know what has changed, where it is here: a gateway must find that, also one that does not run now.
    Raises StoreTrouble."""
    known, found = noted(where.journal), identity(store)
    is_here = where.journal.is_dir() or not where.store.is_shared
    if is_here and found != known and not departure(found, known):
        note(where.journal, store)
