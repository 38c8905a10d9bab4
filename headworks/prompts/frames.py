"""The protocol between the gateway and its render process: frames of a head (JSON) and a body (bytes)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final, Literal

import msgspec

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
    """render: the frame's body is a caller's, to be turned into an ordinary one. judge: it is the text of an answer."""

    kind: Literal["render", "judge"]
    source: Source


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """refused: which error the caller gets, with its message and param; else the frame's body is the rendered one. why: what
    an answer does not fit in; None where it fits."""

    refused: str = ""
    message: str = ""
    param: str = ""
    max_output: int | None = None
    user: str | None = None
    why: str | None = None


def written_frame(head: bytes, body: bytes) -> bytes:
    return LENGTHS.pack(len(head), len(body)) + head + body


def read_frame(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame; None at the end."""
    lengths = file.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    return file.read(head), file.read(body)
