"""Default paths of the ledger's store and journal: each system file of a folder has its own.

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

from headworks.core.private_folders import make_private
from headworks.ledger.origin import origin
from headworks.system.schema.secrets import PrivateUrl
from headworks.system.schema.system import PER_FILE_FOLDER, Log, System
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MappingNode, Node

DEFAULT_FILE: Final = "headworks.yaml"
SHARED_FOLDER: Final = ".headworks"
LEDGER, JOURNAL = "ledger.db", "journal"

SHARED_FOLDER_NOTE: Final = "The records and keys of this system file are in .headworks, where version 0.1 kept them.\n"


class DefaultFolder(NamedTuple):
    """A folder below the file's own. adopted: it is that of version 0.1, not yet pinned. is_new: nothing is there."""

    base: str
    adopted: bool = False
    is_new: bool = False


def default_folder(file: Path) -> DefaultFolder:
    """The default folder for the records of a system file."""
    if file.name == DEFAULT_FILE:
        return DefaultFolder(SHARED_FOLDER)
    own = PER_FILE_FOLDER + file.name
    note = file.parent / own
    if note.is_dir():
        return DefaultFolder(own)
    if note.is_file():
        return DefaultFolder(SHARED_FOLDER)
    is_there = any((file.parent / SHARED_FOLDER / name).exists() for name in (LEDGER, JOURNAL))
    if is_there and not (file.parent / DEFAULT_FILE).exists():
        return DefaultFolder(SHARED_FOLDER, adopted=True)
    return DefaultFolder(own, is_new=is_there)


def node_at(root: Node, *names: str) -> Node | None:
    """The value at a path of a file's tree, where somebody wrote one."""
    node: Node | None = root
    for name in names:
        entry = node.entries.get(name) if isinstance(node, MappingNode) else None
        node = None if entry is None else entry.node
    return node


def default_journal(file: Path) -> str:
    """The folder of a file's journal, below that of the file, where the file does not say."""
    return f"{default_folder(file).base}/{JOURNAL}"


def with_default_paths(system: System, root: Node, file: Path, findings: Findings) -> System:
    """The same system with default paths for what its file leaves out."""
    has_store, has_journal = (node_at(root, "log", name) is not None for name in ("store", "journal"))
    if has_store and has_journal:
        return system
    base, adopted, is_new = default_folder(file)
    store = PrivateUrl(f"sqlite:///{base}/{LEDGER}")
    log = msgspec.structs.replace(
        system.log,
        store=system.log.store if has_store else store,
        journal=system.log.journal if has_journal else f"{base}/{JOURNAL}",
    )
    say = f"write `log: {{store: {store.reveal()!r}, journal: {log.journal}}}` to make this explicit"
    if adopted:
        findings.warn(("log",), f"its records and keys are in {SHARED_FOLDER}, the common place of version 0.1", say)
    elif is_new and not (has_store or has_journal):
        theirs = f"`log: {{store: 'sqlite:///{SHARED_FOLDER}/{LEDGER}', journal: {SHARED_FOLDER}/{JOURNAL}}}`"
        findings.warn(
            ("log",),
            f"its records and keys go into their own folder, {base}; those of {DEFAULT_FILE} are in {SHARED_FOLDER}",
            f"nothing to do for a new file; if version 0.1 kept its keys in {SHARED_FOLDER}, write {theirs}",
        )
    return msgspec.structs.replace(system, log=log)


def pin_default_folder(file: Path, log: Log) -> None:
    """Call it before serving. Pins the folder of version 0.1 with a note where that is used. Names the journal where it is
    the file's own but feeds an SQLite file that others may share."""
    own = PER_FILE_FOLDER + file.name
    note = file.parent / own
    with contextlib.suppress(OSError):  # where nothing can be written, nothing changes; and the journal will say so
        if default_folder(file).adopted:
            make_private(note.parent)
            with note.open("x") as made:
                made.write(SHARED_FOLDER_NOTE)
        elif log.journal == f"{own}/{JOURNAL}" and log.store.reveal() != f"sqlite:///{own}/{LEDGER}":
            journal = note / JOURNAL
            make_private(journal)
            origin(journal)
