"""The parts of a multipart body, as far as its fields go: files are not looked at, and every byte of them passes.

Always true: the boundary is read off the body's first line, and the vendor is told that one, so both see the same parts whatever the
caller's header says. What another reader could take for one more part, or for another name, is refused: a second `model` that only
the vendor sees would be a model that nobody allowed. Linear in the body. Format: RFC 7578, RFC 2046 section 5.1.
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
_SEMICOLON: Final = ord(";")
_DISPOSITION: Final = b"content-disposition"
_FORM_DATA = re.compile(rb"[ \t]*form-data[ \t]*", re.IGNORECASE)
_PARAMETER = re.compile(rb"""[ \t]*+([!-:<>-~]{1,40})=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t]*+|([^";]*+))""", re.DOTALL)
"""A parameter of a header: its name, and its value in quotes or without."""

_TOKEN = re.compile(rb"[0-9A-Za-z_.\[\]-]+")

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
    """Where the values of these fields stand. Raises Malformed: no multipart body, one of them twice, cut off, or one that can be
    read in two ways."""
    line = b"\n--" + boundary(body)
    mark = b"\r" + line
    found: dict[str, Place] = {}
    at = len(mark) - 2  # behind the first boundary, which no line end precedes
    for known in range(MOST_PARTS):
        if body.startswith(b"--", at):
            if body.count(line) != known:
                raise Malformed("A boundary follows a bare line feed, or the end of the form: write each behind CR LF.")
            return found
        end = body.find(mark, at)
        end_of_head = body.find(b"\r\n\r\n", at, min(at + MOST_HEAD, end + 2))
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
    """The name of a part; "" where it has none. Raises Malformed where readers could differ on it."""
    dispositions = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") or b"\n" in line or b"\r" in line:
            raise Malformed("A header of a part goes on in another line: write each in one line.")
        title, _, value = line.partition(b":")
        if title.strip().lower() == _DISPOSITION:
            dispositions.append(value)
    if not dispositions:
        return ""
    if len(dispositions) == 1 and (said := _name_in(dispositions[0])) is not None:
        return said.decode("utf-8", "replace")
    raise Malformed('A part needs one `Content-Disposition: form-data; name="..."`, its name once and without escapes.')


def _name_in(value: bytes) -> bytes | None:
    """The one `name` of a disposition, without escapes; None where it has none like that. .NET writes it without quotes."""
    kind = _FORM_DATA.match(value)
    names: list[bytes] = []
    at = 0 if kind is None else kind.end()
    while kind is not None and at < len(value):
        parameter = _PARAMETER.match(value, at + 1) if value[at] == _SEMICOLON else None
        if parameter is None:
            return None
        title, quoted, bare = parameter[1].lower(), parameter[2], parameter[3]
        if title in (b"name", b"name*"):
            name = quoted if bare is None else bare.rstrip(b" \t")
            if title != b"name" or b"\\" in name or (bare is not None and _TOKEN.fullmatch(name) is None):
                return None
            names.append(name)
        at = parameter.end()
    return names[0] if len(names) == 1 else None


def text(body: bytes, place: Place, name: str) -> str:
    """A field's value. Raises Malformed."""
    start, end = place
    try:
        if end - start <= MOST_FIELD:
            return body[start:end].decode()
    except UnicodeDecodeError:
        pass
    raise Malformed(f"`{name}` must be a text of at most {MOST_FIELD} bytes.", param=name)
