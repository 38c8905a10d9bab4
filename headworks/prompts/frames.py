"""The protocol between the gateway and its render process: frames of a head (JSON) and a body (bytes)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO, Final, Literal

import msgspec

from headworks.core.dialect import Dialect

LENGTHS: Final = struct.Struct(">II")
"""Bytes of the head, bytes of the body."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message before it is filled in. line: where it begins in its file, from 1."""

    role: str
    text: str
    line: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a prompt. file: its name in messages. Schemas and parameters are JSON values.

    output: the JSON Schema that answers must fit, None for any answer.
    """

    name: str
    version: str
    file: str
    turns: Sequence[Turn]
    parameters: Mapping[str, msgspec.Raw] = {}
    variables: Mapping[str, Any] = {}
    output: Any = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """render: the frame's body is a caller's, to be turned into an ordinary one. judge: it is the text of an answer.

    dialect: whose body it is, as `referred` writes it; "" for judge.
    """

    kind: Literal["render", "judge"]
    source: Source
    dialect: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """refused: which error the caller gets, with its message and param; else the frame's body is the rendered one. why: what
    an answer does not fit in; None where it fits."""

    refused: str = ""
    message: str = ""
    param: str = ""
    max_output: int | None = None
    user: str | None = None
    why: str | None = None


def referred(dialect: Dialect) -> str:
    """A dialect by its class, `module:class`: the other process has no table of them, and needs none."""
    kind = type(dialect)
    return f"{kind.__module__}:{kind.__qualname__}"


def dialect_of(reference: str) -> Dialect:
    """The dialect that `referred` wrote. Raises ImportError, AttributeError: the gateway, which writes it, has it."""
    module, _, name = reference.partition(":")
    made: Dialect = getattr(import_module(module), name)()
    return made


def written_frame(head: bytes, body: bytes) -> bytes:
    return LENGTHS.pack(len(head), len(body)) + head + body


def read_frame(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame; None at the end."""
    lengths = file.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    return file.read(head), file.read(body)
