"""Decompresses the bodies of requests (`Content-Encoding`).

Always true: what comes out is never more than a body may have, and no more than that and one step is ever held of it,
however small the body was that came; long bodies are decoded off the loop.
"""

from __future__ import annotations

import asyncio
import zlib

from headworks.core.errors import Malformed, TooLarge, UnknownCoding

STEP = 262_144
"""Bytes that come out of one step at most: under a millisecond."""

TAKEN = 4096
"""Bytes that go into one step: blocks of gzip may be empty, and then much goes in and nothing comes out, 20 ns a byte."""

GZIP = 16 + zlib.MAX_WBITS
"""zlib's word for the format of gzip, header and checksum included."""


async def plain(body: bytes, coding: str, most: int) -> bytes:
    """The decompressed body. Raises UnknownCoding, Malformed where it is not in that coding, TooLarge."""
    named = coding.strip().lower()
    if named in ("", "identity"):
        return body
    if named not in ("gzip", "x-gzip"):
        raise UnknownCoding(
            f"A body in the content coding `{coding[:64]}` is not read here: send it plain, or as gzip."
        )
    unzipping = Decompressor(body, most)
    if not unzipping.step():  # a short body needs no more
        await asyncio.get_running_loop().run_in_executor(None, unzipping.rest)
    return b"".join(unzipping.pieces)


class Decompressor:
    """Decompresses one body step by step. pieces: the output so far. at: the input consumed so far."""

    def __init__(self, body: bytes, most: int) -> None:
        self.pieces: list[bytes] = []
        self._body = memoryview(body)
        self.at = 0
        self._left = b""  # went in, and did not come out yet
        self._size = 0
        self._most = most
        self._inflating = zlib.decompressobj(GZIP)

    def step(self) -> bool:
        """Decodes a little more; True once all is here."""
        inflating = self._inflating
        taken: bytes | memoryview = self._left
        if not taken:
            taken = self._body[self.at : self.at + TAKEN]
            self.at += len(taken)
        try:
            piece = inflating.decompress(taken, STEP)
        except zlib.error:
            raise Malformed("`Content-Encoding` says gzip, but the body is not gzip.") from None
        self._left = inflating.unconsumed_tail
        if piece:
            self.pieces.append(piece)
        self._size += len(piece)
        if self._size > self._most:
            raise TooLarge(f"The body has more than {self._most} bytes once it is decoded.")
        if inflating.eof:
            if inflating.unused_data or self.at < len(self._body):
                raise Malformed("Something follows the end of the gzip body.")
            return True
        if not self._left and self.at >= len(self._body) and len(piece) < STEP:
            raise Malformed("The gzip body ends before it is whole.")
        return False

    def rest(self) -> None:
        """Decodes to the end."""
        while not self.step():
            pass
