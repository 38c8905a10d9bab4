"""The results of a run: one JSON object a line, appended as they come; the first line says what was planned.

Always true: a line is written with one `write` before its item counts as done, so killing the process loses nothing that
was written; a run that is begun again asks only what has no line. A call that was in flight when the process was killed
is repeated: its answer is lost. What it may have cost is not forgotten: where there is a cost limit an
`opened` line stands before each item. A file is written by one run at a time (`flock`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from headworks.core.errors import EvalError
from headworks.core.private_folders import make_private

Outcome: TypeAlias = Literal["pass", "fail", "unjudged", "failed"]
"""unjudged: an answer came, and no scorer could judge it. failed: no answer came."""

SUFFIX = ".jsonl"


class ConditionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A condition as a results file knows it."""

    title: str
    kind: str
    claim: str
    amount: int
    repeats: int


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="run"):
    """What was planned. digest: of everything that decides what is asked: only a run with the same goes on with a file. target: the
    only one that was asked, "" for all as the system file has them; prompt: the version of the prompt that was asked."""

    version: int = 1
    digest: str
    suite: str
    model: str
    system: str
    system_digest: str
    seed: int
    at: float
    samples: int
    conditions: tuple[ConditionLine, ...]
    target: str = ""
    prompt: str = ""


class ScoreLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """The score of one scorer."""

    scorer: str
    passed: bool | None = None
    why: str = ""


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="opened"):
    """An item is about to run, and may cost this much (nano-dollars)."""

    sample: str
    condition: str
    repeat: int
    cost_nano: int


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="result"):
    """One item. seconds, tokens: of the answer. cost_nano: of all attempts and of its judges; None where unknown."""

    sample: str
    condition: str
    repeat: int = 0
    outcome: Outcome
    scores: tuple[ScoreLine, ...] = ()
    why: str = ""
    asked: str = ""
    answer: str = ""
    seconds: float = 0.0
    cost_nano: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    request_id: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The end of a run. is_complete: every planned item has a result."""

    is_complete: bool
    why: str = ""


Line: TypeAlias = Header | Opened | Result | Ended
_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


class Results:
    """A results file that is being written."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file

    def append(self, line: Line) -> None:
        """Adds a line. Raises EvalError where the disk does not take it."""
        data = _encode(line) + b"\n"
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("the disk is full")
        except OSError as error:
            raise EvalError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        os.close(self._file)


def begin(path: Path, header: Header) -> Results:
    """A new file. Raises EvalError where it is there already or cannot be made."""
    try:
        make_private(path.parent)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EvalError(
            f"{path} cannot be made: {error.strerror or error}\n    name another file with --out"
        ) from error
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    results = Results(path, file)
    results.append(header)
    return results


def resume(path: Path, digest: str) -> Results | None:
    """Reopens an unfinished file of the same plan, cut after its last complete line; None where it has another plan, is complete,
    or is being written."""
    try:
        header = read_header(path)
        if header.digest != digest or is_complete(path):
            return None
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except (OSError, EvalError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    size = os.fstat(file).st_size
    tail = os.pread(file, 1 << 24, max(0, size - (1 << 24)))
    os.ftruncate(file, size - (len(tail) - (tail.rfind(b"\n") + 1)))
    return Results(path, file)


def unfinished(folder: Path, digest: str) -> Results | None:
    """The newest file of this plan that was left before its end."""
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        if (found := resume(path, digest)) is not None:
            return found
    return None


def read_header(path: Path) -> Header:
    """The first line of a file. Raises EvalError where it is none of ours."""
    try:
        with path.open("rb") as file:
            line = _decode(file.readline(1 << 24))
    except OSError as error:
        raise EvalError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, Header):
        raise EvalError(f"{path} is not a results file of `headworks eval`")
    return line


def is_complete(path: Path) -> bool:
    """Whether a file's last line says that all was asked."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    try:
        line = _decode(last)
    except (ValueError, RecursionError):
        return False
    return isinstance(line, Ended) and line.is_complete


def lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Every line of a file that can be read, with its offset."""
    offset = 0
    with path.open("rb") as file:
        for data in file:
            try:
                yield offset, _decode(data)
            except (ValueError, RecursionError):
                pass  # torn by a kill; the item is asked again
            offset += len(data)


def at(path: Path, offset: int) -> Result:
    """The result at an offset that `lines` gave."""
    with path.open("rb") as file:
        file.seek(offset)
        found = _decode(file.readline())
    assert isinstance(found, Result)
    return found
