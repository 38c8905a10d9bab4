"""The body of a vendor's error."""

from __future__ import annotations

from headworks.core.errors import Garbled
from headworks.http.client import Exchange
from headworks.http.connection import Broken, TimedOut

MOST_ERROR = 1_000_000
"""Bytes of an error's body: beyond them only its status counts."""


async def error_body(exchange: Exchange, by: float) -> bytes:
    """The body of an error; empty where it cannot be had, for the status says most."""
    try:
        return await exchange.body(by, MOST_ERROR)
    except (TimedOut, Broken, Garbled):
        return b""
