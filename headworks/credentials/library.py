"""Credentials by the libraries of the clouds. Each is imported when a provider needs it, in a thread, and never otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Final, TypeVar

from headworks.credentials.refresher import Fetch, Fetched

TALKATIVE: Final = ("azure", "botocore", "google", "msal", "urllib3")
"""Loggers of the libraries."""

T = TypeVar("T")


def fetching(kind: str, name: str, **options: Any) -> Fetch[Any]:
    """A fetch in a thread of its own, so that it keeps nobody else waiting. kind: the file here; name: its class."""

    def blocking() -> Fetched[Any]:
        quieten()
        fetched: Fetched[Any] = getattr(import_module(f"headworks.credentials.{kind}"), name)(**options).fetch()
        return fetched

    return in_thread(blocking)


def quieten() -> None:
    """Has the clouds' libraries write no log: each request of theirs would be ten lines, and what fails is told by the refresher.
    Who has set a level for one of them keeps it."""
    for name in TALKATIVE:
        known = logging.getLogger(name)
        if known.level == logging.NOTSET:
            known.setLevel(logging.CRITICAL)


def in_thread(blocking: Callable[[], Fetched[T]]) -> Fetch[T]:
    """A blocking fetch as one to be awaited."""

    async def fetch() -> Fetched[T]:
        with_own = ThreadPoolExecutor(max_workers=1, thread_name_prefix="credential")
        try:
            return await asyncio.get_running_loop().run_in_executor(with_own, blocking)
        finally:
            with_own.shutdown(wait=False, cancel_futures=True)  # one that hangs is not waited for

    return fetch
