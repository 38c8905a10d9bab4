"""The file of a backup: gzip over lines of JSON, which any tool can read; what is in it, and whether it is whole.

Theory. The first line says what it is. Each table begins with an object that names it, has a row a line, as an array, and ends
with an object that counts and digests them. The last line has sums over everything, and a digest of all before it. A
reader computes all of these again, so it finds a flipped bit, a missing line, a truncated file, or two backups in one file.
There is no signature: a backup can be forged.

Both directions hold a thousand rows in memory at most, and few where they are long.
"""

from __future__ import annotations

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Annotated, Any, BinaryIO, Final, Literal

import msgspec

from headworks.core.errors import HeadworksError
from headworks.ledger.backup_contents import Contents
from headworks.ledger.tables import ADDED, FILED, Row

FORM: Final = 1
LEVEL: Final = 3
"""The level of compression: a fifth of the size. Higher ones take twice the time for a few per cent."""

AT_ONCE: Final = 1000
BYTES_AT_ONCE: Final = 16_000_000
"""Rows, and about how many bytes of them, that are in memory at once. One row may be longer."""

MOST_LINE: Final = 256 * 1024 * 1024
"""Bytes of one line: a record with the bodies of a call, twice."""

_encode = msgspec.json.Encoder().encode


class Broken(HeadworksError):
    """The file is no backup, or is damaged. The text says why."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. made_at: seconds since 1970. version: Headworks' own. store: where it comes from. tables: their columns."""

    headworks: Literal["ledger backup"] = "ledger backup"
    form: int = FORM
    made_at: float
    version: str
    store: Literal["sqlite", "postgresql"]
    tables: dict[str, list[str]] = msgspec.field(default_factory=lambda: {name: list(of) for name, of in FILED.items()})


class Begun(msgspec.Struct, frozen=True):
    """A table begins."""

    table: str


class Ended(msgspec.Struct, frozen=True):
    """A table ends. digest: BLAKE2b, 16 bytes, of the lines of its rows."""

    rows: int
    digest: str


class Last(msgspec.Struct, frozen=True):
    """The last line. digest: of all the lines before it."""

    contents: Contents
    digest: str


class Writer:
    """Writes a backup into a file that is open."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self.contents = Contents()
        self._digest = blake2b(digest_size=16)
        self._file = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=LEVEL, mtime=0)
        self._put(_encode(head) + b"\n")

    def table(self, name: str, rows: Iterable[Row]) -> None:
        """A whole table. They come in the order of `FILED`."""
        line = list(FILED[name]).index("line") if "line" in FILED[name] else None
        self._put(_encode(Begun(name)) + b"\n")
        digest, count = blake2b(digest_size=16), 0
        left = iter(rows)
        while batch := next_batch(left):
            self.contents.add(name, batch)
            shown = batch if line is None else [(*row[:line], shown_line(row[line]), *row[line + 1 :]) for row in batch]
            data = b"".join([_encode(row) + b"\n" for row in shown])
            digest.update(data)
            count += len(batch)
            self._put(data)
        self._put(_encode(Ended(count, digest.hexdigest())) + b"\n")

    def end(self) -> str:
        """The last line; returns the digest of the whole."""
        digest = self._digest.hexdigest()
        self._put(_encode(Last(self.contents, digest)) + b"\n")
        self._file.close()
        return digest

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


class Reader:
    """Reads a backup from a file that is open. Whatever is wrong with it is `Broken`."""

    def __init__(self, file: BinaryIO) -> None:
        self.contents = Contents()
        self.digest = ""
        self._digest = blake2b(digest_size=16)
        self._file = gzip.GzipFile(fileobj=file, mode="rb")
        self._at = "its beginning"
        first = self._line()
        try:
            self.head = msgspec.json.decode(first, type=Head)
        except (ValueError, RecursionError):
            raise Broken("this is no backup of a ledger") from None
        if self.head.form != FORM:
            raise Broken(f"it was written by a newer Headworks ({self.head.version}): its form is {self.head.form}")
        if not is_known(self.head.tables):
            raise Broken("its tables are not those of this form")

    def batches(self) -> Iterator[tuple[str, list[Row]]]:
        """The tables' rows, in order, a thousand at most at a time. Only the end shows that all of it is right."""
        for name in self.head.tables:
            begun = self._decoded(self._line(), Begun)
            if begun.table != name:
                raise Broken(f"the table {begun.table} stands where {name} should")
            self._at = f"its table {name}"
            yield from self._table(name)
        self._at = "its end"
        expected = self._digest.hexdigest()
        last = self._decoded(self._line(), Last)
        if last.digest != expected:
            raise Broken("the digest of the whole is not that of its lines")
        if self.contents.rows.get("identity") != 1:
            raise Broken("it does not say of which ledger it is")
        if last.contents != self.contents:
            raise Broken("its sums are not those of its rows")
        if self._line(is_end=True):
            raise Broken("something stands behind its end")
        self.digest = expected

    def _table(self, name: str) -> Iterator[tuple[str, list[Row]]]:
        columns = dict(islice(FILED[name].items(), len(self.head.tables[name])))
        more = tuple([_EMPTY[kind] for kind in islice(FILED[name].values(), len(columns), None)])
        line = list(columns).index("line") if "line" in columns else None
        decode = msgspec.json.Decoder(tuple[tuple(_TYPES[kind] for kind in columns.values())]).decode  # type: ignore[misc]
        digest, count = blake2b(digest_size=16), 0
        rows: list[Row] = []
        size = 0
        while (data := self._line()).startswith(b"["):
            digest.update(data)
            try:
                row = decode(data)
                rows.append((row if line is None else (*row[:line], kept_line(row[line]), *row[line + 1 :])) + more)
            except (ValueError, RecursionError) as error:  # msgspec's errors, and those of base64, are ValueErrors
                raise Broken(f"row {count + 1} of its table {name} is none: {error}") from None
            count += 1
            size += len(data)
            if len(rows) == AT_ONCE or size >= BYTES_AT_ONCE:
                yield self._added(name, rows)
                rows, size = [], 0
        if rows:
            yield self._added(name, rows)
        if self._decoded(data, Ended) != Ended(count, digest.hexdigest()):
            raise Broken(f"the rows of its table {name} are not those that were written")

    def _added(self, name: str, rows: list[Row]) -> tuple[str, list[Row]]:
        try:
            self.contents.add(name, rows)
        except (ValueError, RecursionError) as error:
            raise Broken(f"a row of its table {name} is none: {error}") from None
        return name, rows

    def _line(self, *, is_end: bool = False) -> bytes:
        try:
            line = self._file.readline(MOST_LINE)
        except EOFError:
            raise Broken(f"it is cut off in {self._at}") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise Broken(f"it is damaged in {self._at}: {error}" if self._at != "its beginning" else NONE) from None
        if not line.endswith(b"\n") and not is_end:
            raise Broken(f"it is cut off in {self._at}")
        self._digest.update(line)
        return line

    def _decoded(self, line: bytes, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(line, type=kind)
        except (ValueError, RecursionError) as error:
            raise Broken(f"it is damaged in {self._at}: {error}") from None


def is_known(tables: Mapping[str, Sequence[str]]) -> bool:
    """Whether a backup has our tables, or those of an earlier version, which lacks some of what was `ADDED`."""
    if list(tables) != [name for name in FILED if name in tables]:
        return False
    for name, columns in FILED.items():
        there = tables.get(name, ())
        if list(there) != list(columns)[: len(there)] or not set(columns).difference(there) <= ADDED.get(name, set()):
            return False
    return True


_EMPTY: Final[dict[str, Any]] = {"whole": 0, "text": "", "line": b"", "whole or null": None, "text or null": None}
"""What stands in a column that a backup lacks."""


NONE: Final = "this is no backup of a ledger"

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What both stores have of whole numbers."""

_TYPES: Final[dict[str, Any]] = {
    "whole": Whole,
    "text": str,
    "line": str | tuple[str],
    "whole or null": Whole | None,
    "text or null": str | None,
}


def next_batch(rows: Iterator[Row]) -> list[Row]:
    """The next rows: `AT_ONCE`, or as many as have `BYTES_AT_ONCE`. Empty at the end."""
    batch: list[Row] = []
    size = 0
    for row in islice(rows, AT_ONCE):
        batch.append(row)
        size += sum([len(one) for one in row if isinstance(one, (bytes, str))])
        if size >= BYTES_AT_ONCE:
            break
    return batch


def shown_line(line: bytes) -> str | Sequence[str]:
    """A line of the journal as JSON has it: a text, or an array with its base64 where it is none."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return (b64encode(line).decode(),)


def kept_line(shown: str | Sequence[str]) -> bytes:
    """Raises ValueError."""
    return shown.encode() if isinstance(shown, str) else b64decode(shown[0], validate=True)


def verified(file: BinaryIO) -> Reader:
    """A backup that was read to its end. Raises Broken."""
    reader = Reader(file)
    for _ in reader.batches():
        pass
    return reader
