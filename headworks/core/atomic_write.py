"""Atomic writes: a file is there whole or not at all, also when its writer is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(target: Path, *, may_replace: bool) -> Iterator[BinaryIO]:
    """Opens a file for writing, mode 0600. It is written as `NAME.part`, synced, and then renamed.

    A writer that is killed leaves at most one `NAME.part`. Raises OSError: FileExistsError where the file exists and may not be
    replaced, BlockingIOError where another process is writing it.
    """
    if target.exists() and not may_replace:
        raise FileExistsError(target)
    part = target.with_name(f"{target.name}.part")
    file = _locked(part)
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        _name(part, target, may_replace=may_replace)
    finally:
        with contextlib.suppress(FileNotFoundError):  # renamed
            part.unlink()
        file.close()
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _locked(part: Path) -> BinaryIO:
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if part.stat().st_ino == os.fstat(descriptor).st_ino:  # else who had it has just given it its name
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                return os.fdopen(descriptor, "r+b")
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _name(part: Path, target: Path, *, may_replace: bool) -> None:
    if may_replace:
        part.rename(target)
        return
    try:
        os.link(part, target)  # unlike a rename it never takes another's place
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(target) from None
        part.rename(target)
