"""Filler in place of every text of a vendor's answer, so that its form can be shown to anybody.

Always true: not a byte longer or shorter, so that what counts bytes (a frame's length) still holds; the structure stays (keys,
numbers, literals, white space, punctuation, escapes); the same text has the same filler, letter by letter, so that pieces of a
text still join to it. What is an id keeps being told from others, by a salt that nobody keeps. What may stay as it is stands in two
lists below. Linear in the bytes.
"""

from __future__ import annotations

import re
from binascii import crc32
from hashlib import blake2b
from struct import Struct
from typing import Final

import msgspec

KEPT: Final = frozenset(
    (
        *("type", "role", "object", "status", "phase", "model", "modelVersion", "service_tier", "serviceTier", "@type"),
        *("finish_reason", "stop_reason", "finishReason", "stopReason", "blockReason", "reason", "code", "param"),
        *("modality", "category", "probability", "severity", "mimeType", "media_type", "format", "effort", "event"),
    )
)
"""Members whose value stays, where it is a single word: what an API's own words are, and the model's name."""

IDS: Final = re.compile(r"(?:^|_)id$|[a-z]Id$|^system_fingerprint$|^request_id$")
"""Members whose value is an id: its letters and digits are others, its first word (`call_`, `chatcmpl-`) stays."""

_WORD: Final = re.compile(rb"[A-Za-z0-9_.:/@-]{1,80}")
_PREFIX: Final = re.compile(rb"[a-z]{2,10}[_-]")
_STRING: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_COLON: Final = re.compile(rb"\s*+:\s*+")
_PIECE: Final = re.compile(
    rb"\\u[0-9a-fA-F]{4}|\\.|[A-Za-z]+|[0-9]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\x80-\xff]",
    re.DOTALL,
)
_LITERALS: Final = frozenset((b"true", b"false", b"null"))
_CHARACTER: Final = re.compile(rb"[A-Za-z0-9]")
_LOWER, _UPPER, _DIGIT = ord("a"), ord("A"), ord("0")
_BYTES_OF: Final = ("x", "é", "€", "\N{GRINNING FACE}")
"""What stands for a character that UTF-8 writes in one, two, three and four bytes."""

_PRELUDE: Final = Struct(">II")
_CRC: Final = Struct(">I")


class Filler:
    """Fills texts. salt: random bytes that are used for one capture and forgotten."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def body(self, data: bytes) -> bytes:
        """A whole body: JSON, or any other text."""
        return self._json(data) if _is_json(data) else text(data)

    def stream(self, data: bytes) -> bytes:
        """Server-sent events."""
        return b"\n".join([self._line(line) for line in data.split(b"\n")])

    def frames(self, data: bytes) -> bytes:
        """Messages of AWS's event stream: their payloads are filled, and their sums are made anew. What is no whole message is
        left out."""
        found: list[bytes] = []
        at = 0
        while at + 16 <= len(data):
            size, headers = _PRELUDE.unpack_from(data, at)
            if size < 16 + headers or at + size > len(data):
                break
            payload = at + 12 + headers
            said = data[at:payload] + self.body(data[payload : at + size - 4])
            found.append(said + _CRC.pack(crc32(said)))
            at += size
        return b"".join(found)

    def _line(self, line: bytes) -> bytes:
        name, colon, value = line.partition(b":")
        if name == b"data" and colon:
            return b"data:" + (value if value.strip() == b"[DONE]" else self.body(value))
        if name == b"event" and colon:
            return line if _WORD.fullmatch(value.strip()) else b"event:" + text(value)
        if name == b"id" and colon:
            return b"id:" + self._id(value)
        if name == b"retry" and colon:
            return line
        return self.body(line)

    def _json(self, data: bytes) -> bytes:
        found: list[bytes] = []
        done, key, value_at = 0, "", -1
        for match in _STRING.finditer(data):
            said = match[1]
            if (colon := _COLON.match(data, match.end())) is not None:
                key, value_at = said.decode("utf-8", "replace"), colon.end()
                continue
            found += (data[done : match.start(1)], self._value(key if match.start() == value_at else "", said))
            done = match.end(1)
        found.append(data[done:])
        return b"".join(found)

    def _value(self, key: str, said: bytes) -> bytes:
        if key in KEPT and _WORD.fullmatch(said):
            return said
        return self._id(said) if IDS.search(key) and _WORD.fullmatch(said) else text(said)

    def _id(self, said: bytes) -> bytes:
        prefix = match[0] if (match := _PREFIX.match(said)) else b""
        noise = blake2b(said, key=self._salt).digest()

        def other(match: re.Match[bytes]) -> bytes:
            number, was = noise[match.start() % len(noise)], match[0]
            if was.isdigit():
                return b"%c" % (_DIGIT + number % 10)
            return b"%c" % ((_LOWER if was.islower() else _UPPER) + number % 26)

        return prefix + _CHARACTER.sub(other, said[len(prefix) :])


def text(said: bytes) -> bytes:
    """A text with every letter and digit replaced: the same for each of a kind."""
    return _PIECE.sub(_filled, said)


def _filled(match: re.Match[bytes]) -> bytes:
    said = match[0]
    if said in _LITERALS:
        return said  # a text may be JSON: what a tool is called with
    if said.isdigit():
        return b"1" * len(said)
    if said[:1].isalpha():
        return bytes([ord("x") if one >= _LOWER else ord("X") for one in said])
    if said[:2] == b"\\u":
        return _escape(int.from_bytes(bytes.fromhex(said[2:].decode("ascii")), "big"), said)
    if said[0] == 0x5C:
        return said
    return b"x" if len(said) == 1 else _BYTES_OF[len(said) - 1].encode()


def _escape(character: int, said: bytes) -> bytes:
    if character < 0x80:
        return b"\\u0078" if chr(character).isalnum() else said
    if 0xD800 <= character < 0xDC00:
        return b"\\ud83d"
    return b"\\ude00" if 0xDC00 <= character < 0xE000 else b"\\u00e9"


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return False
    return data.strip()[:1] in b'{["' and bool(data.strip())
