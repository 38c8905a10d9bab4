"""One credential that expires, kept fresh beside the calls.

Theory. A token is fetched by a library that blocks (it asks an identity provider, a metadata server, a file), so a call must
never do it. A task of the loop fetches the first token, and the next one well before the end of the one that is there; calls use
what is there. Only where there is none yet does a call wait, within its own deadline. A fetch that fails is tried again after a
pause that doubles; the token that is there is used until it expires. After that each call fails at once, before anything is
sent, so that the next tier answers it.

Always true: a token that has expired is not used; what was a secret lately is masked (the token before this one may still
come back in an answer); no value of a secret stands in a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

import msgspec

from headworks.core.clock import now, wall
from headworks.core.errors import Denied, Expired
from headworks.core.masking import Mask
from headworks.core.throttled_log import LogEvent, ThrottledLog

log = logging.getLogger("headworks.credentials")

T = TypeVar("T")

EARLY_SHARE: Final = 0.2
MOST_EARLY: Final = 900.0
"""A token is fetched anew when this share of its life is left, and at most so many seconds: botocore's own margin is 900 s, and
most tokens live for an hour."""

LEAST_PAUSE: Final = 30.0
"""Seconds between two fetches that succeeded: a metadata server may give the same token again until it is nearly over."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds after a fetch that failed."""

LONGEST_SLEEP: Final = 60.0
"""Seconds after which the wall clock is looked at again: it moves by itself, and stands still while a machine sleeps."""

LONGEST_FETCH: Final = 60.0
"""Seconds that one fetch may take."""

MOST_WORDS: Final = 300
"""Characters of a library's message that are told."""

SKEW: Final = 5.0
"""Seconds before its end from which on a token is not used: it must still be good when the vendor reads it."""


class Fetched(msgspec.Struct, Generic[T], frozen=True):
    """value: what requests are signed with. expires_at: seconds since 1970, None for never. secrets: what of it must not be
    shown."""

    value: T
    expires_at: float | None = None
    secrets: tuple[str, ...] = ()


Fetch = Callable[[], Awaitable[Fetched[T]]]
"""Gets a new one. It may raise anything; it is asked by one task at a time."""


class Refresher(Generic[T]):
    """Keeps one credential fresh. `mask` hides it, and changes with it."""

    def __init__(self, name: str, fetch: Fetch[T], secrets: Iterable[str] = ()) -> None:
        self.name = name
        self.problem = ""
        self.mask = Mask(secrets)
        self._secrets = tuple(secrets)
        self._fetch = fetch
        self._current: Fetched[T] | None = None
        self._before: Fetched[T] | None = None
        self._fetched_at = 0.0
        self._again_at = 0.0
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = ThrottledLog(log)

    def start(self) -> None:
        """Begins to keep it fresh. Harmless where it was begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"credential {self.name}")

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._log.close()

    @property
    def usable(self) -> Fetched[T] | None:
        """What may be used now."""
        current = self._current
        if current is None or current.expires_at is None or wall() < current.expires_at - SKEW:
            return current
        return None

    async def value(self, by: float) -> T:
        """What to sign with. by: the loop's time until which the first one is waited for. Raises Denied where there is none, and
        Expired where it does not come in time: nothing was sent."""
        current = self.usable
        if current is None:
            self.start()
            current = await self._first(by)
        return current.value

    async def _first(self, by: float) -> Fetched[T]:
        while (current := self.usable) is None:
            if self.problem:
                # The target is set aside until the next fetch, and no longer: nobody has to mend this by hand.
                wait = max(1.0, self._again_at - now())
                raise Denied(f"There is no credential for this provider: {self.problem}", retry_after=wait)
            self._told.clear()
            try:
                async with asyncio.timeout(None if by == float("inf") else max(0.0, by - now())):
                    await self._told.wait()
            except TimeoutError:
                raise Expired("the first credential did not come in time", phase="connect") from None
        return current

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(LONGEST_FETCH):
                    fetched = await self._fetch()
            except Exception as error:  # noqa: BLE001  # a long-lived loop; what the libraries raise is theirs
                self._again_at = now() + pause
                self._failed(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._take(fetched)
            await self._until_next(fetched)

    async def _until_next(self, fetched: Fetched[T]) -> None:
        if fetched.expires_at is None:
            await asyncio.Event().wait()  # it never expires
            return
        early = min(EARLY_SHARE * max(0.0, fetched.expires_at - self._fetched_at), MOST_EARLY)
        at = max(fetched.expires_at - early, self._fetched_at + LEAST_PAUSE)
        while (left := at - wall()) > 0:  # noqa: ASYNC110  # of the wall clock no event tells
            await asyncio.sleep(min(left, LONGEST_SLEEP))

    def _take(self, fetched: Fetched[T]) -> None:
        if self._current is None or self._current.secrets != fetched.secrets:
            self._before = self._current
        self._current = fetched
        self._fetched_at = wall()
        before = () if self._before is None else self._before.secrets
        self.mask = Mask([*self._secrets, *fetched.secrets, *before])
        if self.problem:
            self.problem = ""
            self._log.write(LogEvent(logging.INFO, "credential_refreshed", self.name, "it is refreshed again"))
        self._told.set()

    def _failed(self, error: Exception) -> None:
        self.problem = self.mask.text(words_of(error))
        current = self._current
        if self.usable is None:
            left = "calls go to the next tier until it is"
        elif current is not None and current.expires_at is not None:
            left = f"the one that is there is good for {current.expires_at - wall():.0f} s"
        else:
            left = "the one that is there is used"
        text = f"it cannot be refreshed: {self.problem}; {left}"
        self._log.write(LogEvent(logging.ERROR, "credential_failing", self.name, text))
        self._told.set()


def words_of(error: Exception) -> str:
    """What went wrong, on one line and bounded."""
    if isinstance(error, TimeoutError):
        return f"nothing came within {LONGEST_FETCH:.0f} s"
    said = " ".join(str(error).split())
    said = said if len(said) <= MOST_WORDS else f"{said[:MOST_WORDS]}..."
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
