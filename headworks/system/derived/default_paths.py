"""Where the record of a system's calls is kept when its file does not say: a place of its own for each file of a folder.

Always true: `headworks.yaml`, and the starter system, have `.headworks`; a file of another name has
`.headworks/systems/NAME`. What a file says itself is never touched, so two files share what both name, and nothing else.

Up to version 0.1 all files of a folder had `.headworks`. Its keys and budgets must not be lost with a name: so where that is
there, no `headworks.yaml` is beside it, and the file has no place of its own, it goes on with it. Once it was served so, a note in
place of a folder of its own (`settle`) keeps that from depending on what else comes into the folder.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from headworks.core.private_folders import private
from headworks.ledger.origin import origin
from headworks.system.schema.secrets import PrivateUrl
from headworks.system.schema.system import OWN_PLACES, Log, System
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import Node, Table

FIRST: Final = "headworks.yaml"
COMMON: Final = ".headworks"
LEDGER, JOURNAL = "ledger.db", "journal"

NOTE: Final = "The records and keys of this system file are in .headworks, where version 0.1 kept them.\n"


class Chosen(NamedTuple):
    """A place below the file's folder. adopted: it is that of version 0.1, and nothing says so yet. is_new: nothing is there."""

    base: str
    adopted: bool = False
    is_new: bool = False


def chosen(file: Path) -> Chosen:
    """The place of a system file."""
    if file.name == FIRST:
        return Chosen(COMMON)
    own = OWN_PLACES + file.name
    note = file.parent / own
    if note.is_dir():
        return Chosen(own)
    if note.is_file():
        return Chosen(COMMON)
    is_there = any((file.parent / COMMON / name).exists() for name in (LEDGER, JOURNAL))
    if is_there and not (file.parent / FIRST).exists():
        return Chosen(COMMON, adopted=True)
    return Chosen(own, is_new=is_there)


def written(root: Node, *names: str) -> Node | None:
    """The value at a path of a file's tree, where somebody wrote one."""
    node: Node | None = root
    for name in names:
        entry = node.entries.get(name) if isinstance(node, Table) else None
        node = None if entry is None else entry.node
    return node


def journal_of(file: Path) -> str:
    """The folder of a file's journal, below that of the file, where the file does not say."""
    return f"{chosen(file).base}/{JOURNAL}"


def placed(system: System, root: Node, file: Path, findings: Findings) -> System:
    """The same system with the places that its file does not say."""
    has_store, has_journal = (written(root, "log", name) is not None for name in ("store", "journal"))
    if has_store and has_journal:
        return system
    base, adopted, is_new = chosen(file)
    store = PrivateUrl(f"sqlite:///{base}/{LEDGER}")
    log = msgspec.structs.replace(
        system.log,
        store=system.log.store if has_store else store,
        journal=system.log.journal if has_journal else f"{base}/{JOURNAL}",
    )
    say = f"write `log: {{store: {store.reveal()!r}, journal: {log.journal}}}` to say so yourself"
    if adopted:
        findings.warn(
            ("log",), f"its records and keys are in {COMMON}, where version 0.1 kept those of every file", say
        )
    elif is_new and not (has_store or has_journal):
        theirs = f"`log: {{store: 'sqlite:///{COMMON}/{LEDGER}', journal: {COMMON}/{JOURNAL}}}`"
        findings.warn(
            ("log",),
            f"its records and keys go into a place of its own, {base}; those of {FIRST} are in {COMMON}",
            f"nothing, where it is new; write {theirs} where version 0.1 kept its keys there",
        )
    return msgspec.structs.replace(system, log=log)


def settle(file: Path, log: Log) -> None:
    """For who begins to serve a file: notes that it goes on with the place of version 0.1; and gives its journal a name where
    that is its own and goes into an SQLite file that others may name, too."""
    own = OWN_PLACES + file.name
    note = file.parent / own
    with contextlib.suppress(OSError):  # where nothing can be written, nothing changes; and the journal will say so
        if chosen(file).adopted:
            private(note.parent)
            with note.open("x") as made:
                made.write(NOTE)
        elif log.journal == f"{own}/{JOURNAL}" and log.store.reveal() != f"sqlite:///{own}/{LEDGER}":
            journal = note / JOURNAL
            private(journal)
            origin(journal)
