"""The location of a system's ledger, read from its file without resolving secrets."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from headworks.core.errors import ConfigError
from headworks.ledger.identity import departure, identity, note, noted
from headworks.ledger.store import Store, StoreAt
from headworks.ledger.store_url import store_at
from headworks.system.derived.default_paths import with_default_paths
from headworks.system.reader import Reader
from headworks.system.schema.secrets import PrivateUrl, Sources
from headworks.system.schema.system import System
from headworks.system.starter import starter
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, compose

HERE = Path("headworks.yaml")


class LedgerLocation(msgspec.Struct, frozen=True):
    """The journal's folder, and where the store is."""

    journal: Path
    store: StoreAt


class PlaceholderSecrets(Sources):
    """Resolves every secret to a placeholder: reading the ledger, or planning, does not need the vendors' keys."""

    def _look_up(self, reference: str) -> str:
        return f"not looked up: {reference}"  # each its own: two keys must not be one

    def url(self, text: str) -> PrivateUrl:
        """The store's own is needed."""
        return PrivateUrl(Sources(self.env, self.folder).resolve(text).reveal(), text)


def read_without_secrets(file: Path | None) -> tuple[System, Path]:
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
    system = None if root is None else Reader(findings, PlaceholderSecrets(os.environ, folder)).system(root)
    if root is None or system is None or findings.errors:
        raise ConfigError(findings.errors)
    return with_default_paths(system, root, chosen, findings), folder


def ledger_of_file(file: Path | None) -> LedgerLocation:
    """The ledger of a system file, of `headworks.yaml` here, or of the starter system where there is no file.

    Raises ConfigError where the file cannot be read, click.ClickException where it is not there.
    """
    system, folder = read_without_secrets(file)
    return ledger_location(system, folder)


def ledger_location(system: System, folder: Path) -> LedgerLocation:
    log = system.log
    return LedgerLocation(folder / log.journal, store_at(log.store.reveal(), folder))


def note_changes(where: LedgerLocation, store: Store) -> None:
    """Notes in the journal's folder that keys have changed, so that a gateway finds it at its next start. Raises StoreTrouble."""
    known, found = noted(where.journal), identity(store)
    is_here = where.journal.is_dir() or not where.store.is_shared
    if is_here and found != known and not departure(found, known):
        note(where.journal, store)
