"""Headworks: one file states what an LLM system must promise and how it is built; one stack serves it and predicts it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headworks.inprocess import open as open

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`headworks.open`, looked up when it is used (PEP 562): `headworks --help` must not pay for the whole stack."""
    if name == "open":
        return import_module("headworks.inprocess").open
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
