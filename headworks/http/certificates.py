"""The TLS certificate of the edge, reloaded when its files change.

Always true: there is a context that works from the start to the end; new files take its place whole or not at all, so that
a certificate that is written before its key, or half of one, costs nothing but a line in the log; connections that stand
keep what they began with.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn, TypeAlias

LOOK = 1.0
"""Seconds between two looks at the files: two system calls each."""

Seen: TypeAlias = tuple[tuple[int, int, int], ...]
"""The version of the files: modification time, size and inode of each."""

_log = logging.getLogger("headworks.http")


class Certificates:
    """A certificate chain and its key, in PEM files. `context` is what new connections are served with.

    Raises OSError, ssl.SSLError or ValueError where they cannot be used; `complaint` has words for it.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self.cert = cert
        self.key = key
        self._seen = self._stat()
        self.context = context_of(cert, key)

    def __repr__(self) -> str:
        return f"Certificates({self.cert})"

    def look(self) -> bool:
        """Reloads files that have changed, and says whether it did. Unusable ones are logged once and ignored."""
        try:
            seen = self._stat()
        except OSError as error:
            seen, trouble = (), complaint(error)
        else:
            trouble = ""
        if seen == self._seen:
            return False
        self._seen = seen
        if not trouble:
            try:
                self.context = context_of(self.cert, self.key)
            except (OSError, ValueError) as error:
                trouble = complaint(error)
        if trouble:
            _log.error("the new certificate cannot be used, the one before is kept: %s (%s)", trouble, self.cert)
            return False
        _log.info("a new certificate is served: %s", self.cert)
        return True

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Polls the files, off the loop, until left."""
        task = asyncio.create_task(self._watch(), name="certificates")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK)
            await loop.run_in_executor(None, self.look)

    def _stat(self) -> Seen:
        found = [path.stat() for path in (self.cert, self.key)]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)


def context_of(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and later, HTTP/1.1. Raises OSError, ssl.SSLError or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(cert, key, _password)
    return context


def _password() -> NoReturn:
    """Without it OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted, and nobody is there to give its passphrase: write it without one")


def complaint(error: OSError | ValueError) -> str:
    """Why a certificate and a key cannot be used."""
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key is not that of the certificate"
        return "there is no certificate, or no key, in PEM"
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or type(error).__name__}"
    return str(error)
