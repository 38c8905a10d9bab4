"""What goes between a plan and its worker processes: frames of a length and a pickle.

Always true: both ends are this program, and a frame comes through a pipe that nobody else holds. No secret is in one: a run needs
none, and of a `Secret` only its name is written.
"""

from __future__ import annotations

import io
import pickle
import struct
from typing import IO, Any, Final

import msgspec

from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.system.schema.system import PRESETS, preset_struct

LENGTH: Final = struct.Struct(">Q")


class Failure(msgspec.Struct, frozen=True):
    """A task that raised."""

    error: Exception


_WORDS: Final = {struct: word for word, struct in PRESETS.items()}
"""Structs that stand under no name in their module."""


class _Pickler(pickle.Pickler):
    """Writes everything but the values of secrets."""

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, PrivateUrl):
            return PrivateUrl, (value.reference,)
        if isinstance(value, Secret):
            return Secret, ("", value.reference)
        if isinstance(value, type) and (word := _WORDS.get(value)) is not None:
            return preset_struct, (word,)
        return NotImplemented


def pickled(value: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def write_frame(file: IO[bytes], content: bytes) -> None:
    file.write(LENGTH.pack(len(content)))
    file.write(content)
    file.flush()


def read_frame(file: IO[bytes]) -> bytes | None:
    """The next frame; None where the other end is gone."""
    length = file.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    size: int = LENGTH.unpack(length)[0]
    content = file.read(size)
    return content if len(content) == size else None
