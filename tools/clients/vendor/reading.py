"""What the readers of all dialects share: JSON of a client, whatever it is, as values that can be walked."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from typing import Any


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none, where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """All texts in a value, in order."""
    return " ".join(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def decoded(signature: Any) -> str:
    """A signature of ours as it was before base64; empty, where it is none."""
    try:
        return b64decode(signature, validate=True).decode()
    except (Error, TypeError, ValueError):
        return ""


def data(content: Any, name: str = "") -> bytes:
    """One event of a stream."""
    begin = b"event: " + name.encode() + b"\n" if name else b""
    return begin + b"data: " + json.dumps(content).encode() + b"\n\n"


def halves(arguments: dict[str, Any]) -> tuple[str, str]:
    """A call's arguments in two fragments, as they are streamed."""
    said = json.dumps(arguments)
    return said[: len(said) // 2], said[len(said) // 2 :]
