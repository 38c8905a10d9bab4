"""JSON as text and as values, for what is taken apart and put together again.

What is JSON by its grammar is read, also where the fast reader refuses it: half of a surrogate pair, a number that is too
large for a float (it becomes the largest). What was read can be written. Unread parts (`msgspec.Raw`) are written as they
came.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Final, NoReturn

import msgspec

_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()


def read_json(text: bytes | msgspec.Raw) -> Any:
    """The value. Raises ValueError for what is no JSON, RecursionError for what is nested too deep."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        return json.loads(bytes(text).decode(), parse_constant=_refuse, parse_float=_bounded)


def write_json(value: Any) -> bytes:
    """The text, with the least punctuation. Raises RecursionError for what is nested too deep."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=read_json).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _bounded(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else math.copysign(sys.float_info.max, value)
