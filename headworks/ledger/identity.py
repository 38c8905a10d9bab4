"""The identity of a store and its count of changes, by which a new store, another store or an old copy is recognised.

Always true: a store gets a random id when it is created (a store of version 0.1 when it is first opened); every copy has the
same id. Its count of changes to keys never decreases (`keys.py` numbers them). Both are also noted in the journal's folder,
after they are safe on the store's disk. So a store that is behind its note is an older copy, and not the result of a power loss.
Without a note any store is accepted: removing the whole folder starts from scratch.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from headworks.core.private_folders import make_private
from headworks.ledger.store import Store, StoreTrouble

NOTE: Final = "ledger.json"
"""The note's file, beside the journal's files."""


class Identity(msgspec.Struct, frozen=True):
    """A store as it is known: the number drawn for it, and how many changes to keys it has had."""

    id: str
    changes: int


UNREADABLE: Final = Identity("", 0)
"""The identity in a damaged note: it equals that of no store."""


def identity(store: Store) -> Identity:
    """The identity of an open store. Raises StoreTrouble."""
    found = store.rows("SELECT id, (SELECT coalesce(max(changed), 0) FROM access) FROM identity")
    if len(found) != 1:
        raise StoreTrouble("the store does not say which one it is: its table `identity` has no row, or several")
    return Identity(*found[0])


def noted(journal: Path) -> Identity | None:
    """What was known last of the store that this journal goes into; None where nothing was. Raises StoreTrouble."""
    path = journal / NOTE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        return UNREADABLE
    except OSError as error:
        raise StoreTrouble(f"{path} cannot be read: {error.strerror or error}") from error


def departure(found: Identity, known: Identity | None) -> str:
    """Why a store is not the known one; "" where it is."""
    if known is None:
        return ""
    if found.id != known.id:
        return "it is another store than before, or was made anew: keys, revocations and spending of the one before are not in it"
    if found.changes < known.changes:
        return (
            f"it is an older copy: {found.changes} changes to keys are in it, and there were {known.changes};"
            " keys that were revoked since are valid in it"
        )
    return ""


def note(journal: Path, store: Store) -> Identity:
    """Notes which store the journal goes into, and how far that has come, once that is safe on its disk. For who has made sure
    that it is the right one (`departure`), or says so. Raises StoreTrouble."""
    found = identity(store)
    store.sync()
    unfinished = journal / f"{NOTE}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        make_private(journal)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(found))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(journal / NOTE)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise StoreTrouble(f"{journal / NOTE} cannot be written: {error.strerror or error}") from error
    return found


def forget(journal: Path) -> None:
    """Forgets which store it was: whichever is found next is right (`headworks up --new-ledger`). Raises StoreTrouble."""
    try:
        (journal / NOTE).unlink(missing_ok=True)
    except OSError as error:
        raise StoreTrouble(f"{journal / NOTE} cannot be removed: {error.strerror or error}") from error
