"""Masks secrets that a vendor echoes, in answers to callers and in the log.

Theory. Software that repeats a request (an error page, a debug field, a proxy) writes what it was sent as it came, or as its
format writes it: percent-encoded, escaped as JSON does (`\\/`, `\\u002b`), or in base64, alone or behind other bytes. In all of
these a run of letters and digits stays what it is. So each spelling has a *needle*, its longest such run, and looking for the
needles is all that a text without secrets costs: one search at the speed of memory for each. Where one is found, the whole
spelling is looked for around it.

Always true: what is looked at is linear in its length, also where it is made of needles. A secret below `SHORT` bytes may be a
word (`none`), so it is masked in errors, logs and records only, never in an answer.

It is no wall against a vendor that means to show its key: there are more ways to write a text than anybody can look for.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final, TypeAlias, TypeVar

import msgspec

from headworks.core.errors import CallError, VendorSaid
from headworks.core.reply import Chunk

SHORT: Final = 12
"""Bytes from which a secret is masked in answers too."""

MASK: Final = b"***"

MOST_LOOKS: Final = 500
"""Needles in one text around which the whole spelling is looked for; of more of them each needle is masked by itself."""

LONG: Final = 24
"""Bytes of a needle that is found fast: a search skips as much. Of a shorter run of letters and digits the marks that no encoder
changes are taken too."""

_SELDOM: Final = b"QZXJVKWYUGHBNOLFPMRIDTSAEC9876543210zqjxkvwyb"
"""Bytes in the order in which events of a stream have them least."""

TELLING: Final = 8
"""Bytes of a needle from which it stands for nothing but its secret."""

WORD: Final = 6
"""Bytes of a secret below which it counts only where no letter or digit stands beside it."""

_WIDEST: Final = 9
"""Bytes that one byte of a secret takes at most as it is written here."""

_LETTERS: Final = re.compile(rb"[A-Za-z0-9]+")
_UNRESERVED: Final = re.compile(rb"[A-Za-z0-9._~-]+")
"""What no encoder of URLs or of JSON writes otherwise (RFC 3986, section 2.3)."""

_APART: Final = rb"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))", rb"(?![A-Za-z0-9])"

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
E = TypeVar("E", bound=CallError)
_value = itemgetter(1)


class Spelling:
    """One way to write a secret: needle is in each of its forms, first a byte of it that is seldom."""

    __slots__ = ("_is_base64", "_pattern", "_text", "first", "needle")

    def __init__(self, text: bytes, *, is_base64: bool = False) -> None:
        self._text = text
        self._is_base64 = is_base64
        self._pattern: re.Pattern[bytes] | None = None
        self.needle = _needle(text)
        self.first = _sought(self.needle)[0]

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """Any of its forms. Made when it is first needed, which for most is never: it takes a millisecond."""
        if self._pattern is None:
            inside = _forms(self._text, is_base64=self._is_base64)
            if self._is_base64:  # the letters beside it hold some bits of it
                inside = rb"[A-Za-z0-9+/_-]?%b[A-Za-z0-9+/_-]?={0,2}" % inside
            self._pattern = re.compile(inside)
        return self._pattern

    def masked(self, data: bytes) -> bytes:
        needle = self.needle
        at = data.find(needle)
        if at < 0:
            return data
        pattern, reach = self.pattern, _WIDEST * (len(self._text) + 4)
        pieces: list[bytes] = []
        done = 0
        for _ in range(MOST_LOOKS):
            found = pattern.search(data, max(done, at - reach), at + reach)
            after = at + 1
            if found is not None:
                pieces += (data[done : found.start()], MASK)
                after = done = found.end()
            at = data.find(needle, after)
            if at < 0:
                return b"".join([*pieces, data[done:]]) if pieces else data
        rest = data[done:]
        rest = rest.replace(needle, MASK) if len(needle) >= TELLING else pattern.sub(MASK, rest)
        return b"".join([*pieces, rest])


class Mask:
    """Secrets, and what hides them. needles: what every spelling of those has in it that are hidden in answers."""

    __slots__ = ("_short", "_spellings", "_whole", "_words", "needles")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one.encode("utf-8", "replace") for one in secrets if one}, key=lambda one: (-len(one), one))
        self._whole = [one for one in known if len(one) >= WORD]
        spellings = [spelling for one in known if len(one) >= SHORT for spelling in spelled(one)]
        self._spellings = tuple(spellings)
        self.needles = tuple(_sought(one) for one in dict.fromkeys(spelling.needle for spelling in spellings))
        self._short = tuple(_short(one) for one in known if len(one) < SHORT)
        self._words = tuple(_sought(_needle(one)) for one in known if len(one) < SHORT)

    def __repr__(self) -> str:
        return f"Mask({len(self._spellings)} spellings)"

    def shows(self, data: bytes, headers: Headers = ()) -> bool:
        """Whether a secret may stand in an answer, or one of any length in its headers, one of which the record keeps. This is
        what each answer costs."""
        if not self.needles and not self._words:
            return False
        told = b"\n".join(map(_value, headers)) if headers else b""
        for first, second, needle in self.needles:  # `any` would cost a frame for each
            if first in data and second in data and data.find(needle) >= 0:
                return True
            if first in told and told.find(needle) >= 0:
                return True
        for first, second, word in self._words:  # noqa: SIM110
            if first in told and second in told and told.find(word) >= 0:
                return True
        return False

    def masked(self, data: bytes) -> bytes:
        """A piece of an answer that may be shown: those bytes themselves where no secret is in them."""
        for spelling in self._spellings:
            if spelling.first in data:
                data = spelling.masked(data)
        return data

    def headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        return [(name, self.masked(value)) for name, value in headers]

    def chunks(self, chunks: list[Chunk]) -> None:
        """Hides what stands in the chunks of a stream, each of which is whole events."""
        needles = self.needles
        for chunk in chunks:
            data = chunk.data or chunk.unasked
            for first, second, needle in needles:
                if first in data and second in data and data.find(needle) >= 0:
                    self._hide(chunk)
                    break

    def _hide(self, chunk: Chunk) -> None:
        chunk.data = self.masked(chunk.data)
        chunk.unasked = self.masked(chunk.unasked)
        chunk.text = self.long(chunk.text)
        if chunk.finish is not None:
            chunk.finish = self.long(chunk.finish)

    def long(self, text: str) -> str:
        """Masks a text of a caller or a model. Short secrets stay: they may be ordinary words in it."""
        return _through(self.masked, text) if text else text

    def text(self, text: str) -> str:
        """A text for an error, a log or a record: short secrets are hidden too, and one of which only the beginning is left,
        for such texts are cut."""
        return _through(self._told, text) if text else text

    def error(self, error: E) -> E:
        """The same error, with nothing in its words that must not be shown."""
        error.args = (self.text(error.message), *error.args[1:])
        error.param = self._named(error.param)
        error.place = self.text(error.place)
        if error.said is not None:
            error.said = self._said(error.said)
        return error

    def _said(self, said: VendorSaid) -> VendorSaid:
        return msgspec.structs.replace(
            said,
            message=self.text(said.message),
            type=self._named(said.type),
            code=self._named(said.code),
            param=self._named(said.param),
            request_id=self._named(said.request_id),
            raw=self._told(said.raw),
        )

    def _named(self, name: str | None) -> str | None:
        return None if name is None else self.text(name)

    def _told(self, data: bytes) -> bytes:
        data = self.masked(data)
        for pattern in self._short:
            data = pattern.sub(MASK, data)
        bare = data.removesuffix(b"...")
        for secret in self._whole:
            at = bare.find(secret[:WORD], max(0, len(bare) - len(secret)))
            if at >= 0 and secret.startswith(bare[at:]):
                return bare[:at] + MASK + data[len(bare) :]
        return data


NOTHING: Final = Mask()
"""Hides nothing: for vendors that are sent no secret."""


def spelled(secret: bytes) -> list[Spelling]:
    """A secret as it is, and in base64: alone, and behind one or two bytes more than a multiple of three."""
    found = [Spelling(secret)]
    for before, gone in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(bytes(before) + secret)
        found.append(Spelling(encoded[gone : (before + len(secret)) * 8 // 6], is_base64=True))
    return found


def _short(secret: bytes) -> re.Pattern[bytes]:
    before, after = _APART if len(secret) < WORD else (b"", b"")
    return re.compile(before + _forms(secret, is_base64=False) + after)


def _needle(text: bytes) -> bytes:
    runs = _LETTERS.findall(text)
    longest: bytes = max(runs, key=len, default=b"")
    if len(longest) < LONG:
        longest = max(_UNRESERVED.findall(text), key=len, default=text)
    return longest


def _sought(needle: bytes) -> tuple[int, int, bytes]:
    """Two bytes of a needle that are seldom, and itself: to see that one byte is missing takes a tenth of the time."""
    seldom = [byte for byte in _SELDOM if byte in needle] or [needle[0]]
    return seldom[0], seldom[1 % len(seldom)], needle


def _forms(text: bytes, *, is_base64: bool) -> bytes:
    return b"".join(_written(text[at : at + 1], is_base64=is_base64) for at in range(len(text)))


def _written(byte: bytes, *, is_base64: bool) -> bytes:
    """Every form of one byte, as a pattern. Letters and digits have one."""
    if _LETTERS.match(byte):
        return byte
    code = byte[0]
    hexed = b"".join(b"[%b%b]" % (d.encode(), d.upper().encode()) if d.isalpha() else d.encode() for d in f"{code:02x}")
    forms = [
        rb"\\{0,4}%b" % re.escape(byte),
        rb"%%(?:25)?%b" % hexed,
        rb"\\{1,4}u00%b" % hexed,
        rb"&#(?:%d|x%b);" % (code, hexed),
    ]
    if is_base64:  # its other alphabet, for URLs
        forms += {b"+": [b"-"], b"/": [b"_"]}.get(byte, [])
    return b"(?:%b)" % b"|".join(forms)


def _through(hide: Callable[[bytes], bytes], text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    hidden = hide(data)
    return text if hidden is data or hidden == data else hidden.decode("utf-8", "surrogatepass")
