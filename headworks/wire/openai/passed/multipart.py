"""The parts of a multipart body, as far as its fields go: files are not looked at, and every byte of them passes.

Always true: the boundary is read off the body's first line, and the vendor is told that one, so both see the same parts whatever the
caller's header says. One pass, linear in the body. Format: RFC 7578, RFC 2046 section 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headworks.core.errors import Malformed

MOST_PARTS: Final = 200
MOST_HEAD: Final = 8192
"""Bytes of the headers of one part."""

MOST_FIELD: Final = 4096
"""Bytes of a field that is read here: names of models and users."""

_BOUNDARY = re.compile(rb"--([0-9A-Za-z'()+_,./:=?-]{1,70})\r\n")
_NAME = re.compile(rb'(?:^|;)[ \t]*name="([^"\r\n]{0,200})"', re.IGNORECASE)

Place = tuple[int, int]


def is_multipart(body: bytes) -> bool:
    return body[:2] == b"--"


def boundary(body: bytes) -> bytes:
    """Raises Malformed."""
    found = _BOUNDARY.match(body)
    if found is None:
        raise Malformed("The body is neither a JSON object nor multipart/form-data that begins with its boundary.")
    return found[1]


def fields(body: bytes, wanted: frozenset[str]) -> Mapping[str, Place]:
    """Where the values of these fields stand. Raises Malformed: no multipart body, one of them twice, or cut off."""
    mark = b"\r\n--" + boundary(body)
    found: dict[str, Place] = {}
    at = len(mark) - 2  # behind the first boundary, which no line end precedes
    for _ in range(MOST_PARTS):
        if body.startswith(b"--", at):
            return found
        end_of_head = body.find(b"\r\n\r\n", at, at + MOST_HEAD)
        end = body.find(mark, at)
        if end_of_head < 0 or end < 0 or not body.startswith(b"\r\n", at):
            raise Malformed("The multipart body is cut off, or a part of it has no headers that can be read.")
        name = _name(body[at + 2 : end_of_head])
        if name in wanted:
            if name in found:
                raise Malformed(f"`{name}` stands twice in the body.", param=name)
            found[name] = (min(end_of_head + 4, end), end)
        at = end + len(mark)
    raise Malformed(f"The body has more than {MOST_PARTS} parts.")


def _name(head: bytes) -> str:
    for line in head.split(b"\r\n"):
        title, _, value = line.partition(b":")
        if title.strip().lower() == b"content-disposition" and (said := _NAME.search(value)) is not None:
            return said[1].decode("utf-8", "replace")
    return ""


def text(body: bytes, place: Place, name: str) -> str:
    """A field's value. Raises Malformed."""
    start, end = place
    try:
        if end - start <= MOST_FIELD:
            return body[start:end].decode()
    except UnicodeDecodeError:
        pass
    raise Malformed(f"`{name}` must be a text of at most {MOST_FIELD} bytes.", param=name)
