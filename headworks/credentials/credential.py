"""What a vendor's leaf asks of a credential that changes. A key that never changes is none of these: its header is written once.

Always true: nothing here waits for anybody but the first token (`refresher.py`); a request is signed as it will be sent, path,
query and body.
"""

from __future__ import annotations

from typing import Protocol

from headworks.core.masking import Mask
from headworks.credentials.refresher import Refresher


class Credential(Protocol):
    """Signs the requests to one provider."""

    @property
    def mask(self) -> Mask:
        """Hides what this credential sends; another object after each refresh."""
        ...

    @property
    def problem(self) -> str:
        """Why it cannot be refreshed, "" where it can."""
        ...

    async def headers(self, method: bytes, path: bytes, body: bytes, by: float) -> bytes:
        """Header lines for this request, each with its line break. path: with its query, as it is sent. by: the loop's time
        until which the first token is waited for. Raises Denied or Expired; nothing was sent then."""
        ...

    def start(self) -> None: ...
    async def close(self) -> None: ...


class Bearer:
    """A token in `Authorization: Bearer`, the same for every request."""

    def __init__(self, refresher: Refresher[str]) -> None:
        self._refresher = refresher

    @property
    def mask(self) -> Mask:
        return self._refresher.mask

    @property
    def problem(self) -> str:
        return self._refresher.problem

    async def headers(self, method: bytes, path: bytes, body: bytes, by: float) -> bytes:
        token = await self._refresher.value(by)
        return b"authorization: Bearer %b\r\n" % token.encode()

    def start(self) -> None:
        self._refresher.start()

    async def close(self) -> None:
        await self._refresher.close()
