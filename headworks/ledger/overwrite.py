"""Overwrites purged records in the journal, while it is written and read.

Theory. A line is overwritten where it stands, by another of the same length: blanks fill it. So no offset of a reader moves,
the writer goes on at the end of the file that it has open and locked, and no copy of the old bytes is left behind, as it
would be by a file that takes another's name. Only what is indexed already is overwritten: whoever reads a line half old and
half new, or a machine that loses its power in between, misses nothing. What a dead writer left is gone before: it is indexed
to its end, and removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from headworks.core.record import MOST_TEXT
from headworks.ledger.facts import USER, Facts, facts, opened
from headworks.ledger.lines import files, read

Chosen = Callable[[bytes], Facts | None]
"""Selects a line: what it is about, or None to keep it."""

Instead = Callable[[bytes], bytes]
"""Makes the replacement of a line."""


def overwrite(journal: Path, offsets: Mapping[str, int], chosen: Chosen, instead: Instead) -> int:
    """Overwrites lines of a journal's folder, and forces that to the disk; says how many calls it was.

    offsets: how far each file is indexed, by its name. The lines that opened those calls become blank. Raises OSError.
    """
    gone: set[str] = set()

    def ended(line: bytes) -> bytes | None:
        known = chosen(line)
        if known is None:
            return None
        gone.add(known.request_id)
        return instead(line)

    def began(line: bytes) -> bytes | None:
        call = opened(line)
        if call is None:
            return None
        # A call that was lost has its record in the store alone, and what opened it names its user too.
        is_chosen = call.opened in gone or (bool(call.user) and chosen(msgspec.json.encode(call.lost())) is not None)
        return b"" if is_chosen else None

    for look in (ended, began):
        for path in files(journal):
            change(path, offsets.get(path.name, 0), look)
    return len(gone)


def change(path: Path, end: int, look: Callable[[bytes], bytes | None]) -> None:
    """Overwrites lines of a file that begin before an offset. look: what stands in a line's place; None leaves it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # it was indexed to its end
        return
    try:
        at = 0
        is_changed = False
        while at < end:
            found = read(file, at, final=False)
            if found.end == at:
                break
            for line in found.lines:
                if at < end and (new := look(line)) is not None:
                    put(file, at, new, len(line))
                    is_changed = True
                at += len(line) + 1
            at = found.end
        if is_changed:
            os.fdatasync(file)
    finally:
        os.close(file)


def put(file: int, at: int, line: bytes, room: int) -> None:
    """Blanks alone where the line is too long: then no record stands there, and the store has it."""
    content = (line if len(line) <= room else b"").ljust(room)
    written = 0
    while written < room:
        written += os.pwrite(file, content[written:], at + written)


def of_user(user: str) -> Chosen:
    """Chooses the calls of one user, as far as a record keeps the name."""
    name = user[:MOST_TEXT]

    def chosen(line: bytes) -> Facts | None:
        known = facts(line) if USER in line else None  # decoding every line takes ten times as long
        return known if known is not None and known.user == name else None

    return chosen


def of(holds: Callable[[Facts], bool]) -> Chosen:
    """Chooses the calls for which this holds."""

    def chosen(line: bytes) -> Facts | None:
        known = facts(line)
        return known if known is not None and holds(known) else None

    return chosen


def blank(line: bytes) -> bytes:
    return b""
