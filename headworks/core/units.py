"""The unit of a number in a config struct, so that the reader of the system file knows its notation.

To everybody else these are plain `float` and `int`. `extra["unit"]` is what the reader, the JSON Schema and the
reference page look at; the bounds are checked where the struct is converted.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0, extra={"unit": "seconds"})]
"""A duration above zero: `800ms`, `4s`, `2m`, `1h`, `30d`."""

Size: TypeAlias = Annotated[int, msgspec.Meta(ge=1, extra={"unit": "bytes"})]
"""Bytes, at least one: `10MB`."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, extra={"unit": "count"})]
"""How many of something, at least one: `600`, `100k`, `2M`."""
