"""Follows the journal: lines as they are appended, by every process that writes there. Needs no store."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from headworks.ledger.lines import files, is_final, read


class Tail:
    """Reads what is appended after it was made. Files stay open until they are final, so removing them loses nothing."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._files: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        self._open()
        for name, file in self._files.items():
            self._offsets[name] = os.fstat(file).st_size

    def lines(self) -> list[bytes]:
        """The lines since the last call."""
        self._open()
        found: list[bytes] = []
        for name, file in list(self._files.items()):
            final = is_final(file)
            has_more = True
            while has_more:
                got = read(file, self._offsets[name], final=final)
                self._offsets[name] = got.end
                found += got.lines
                has_more = got.has_more
            if final:
                os.close(self._files.pop(name))
        return found

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _open(self) -> None:
        for path in files(self.journal):
            if path.name in self._offsets:
                continue
            with contextlib.suppress(FileNotFoundError):
                self._files[path.name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                self._offsets[path.name] = 0
