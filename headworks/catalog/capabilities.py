"""The bundled table of capabilities: what a model of the table of prices can do, what it cannot, and when its vendor ends it.

Always true: what stands in neither list of a row is unknown; each row names the pages that it is from; a date of retirement is
that of one name, for the snapshots of a family end one by one. This file knows no vendor. It is built by
`tools/capabilities.py` (docs/adr/0119).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.catalog.matching import spellings
from headworks.catalog.table import Catalog
from headworks.core.capability import Feature

CAPABILITIES: Final = Path(__file__).with_name("capabilities.json")

LETTERS: Final[Mapping[str, Feature]] = MappingProxyType(
    {"i": "images", "d": "documents", "a": "audio", "t": "tools", "s": "structured_output", "r": "thinking"}
)
"""How the table writes a feature."""


class Package(msgspec.Struct, frozen=True):
    """A source of the table."""

    package: str
    version: str
    licence: str


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One model. window, max_output: tokens, 0 where unknown. can, lacks: letters. pages: indices of `urls`."""

    window: int
    max_output: int
    can: str
    lacks: str
    pages: tuple[int, ...] = ()


class Ending(msgspec.Struct, frozen=True, array_like=True):
    """When the model of one name ends. page: index of `urls`. has: a text that the provider's base URL has, "" for any."""

    name: str
    at: date
    page: int
    successor: str = ""
    has: str = ""


class Seller(msgspec.Struct, frozen=True):
    """One provider of the table of prices, by its name there."""

    models: dict[str, Row]
    retires: tuple[Ending, ...]


class Book(msgspec.Struct, frozen=True):
    """The file."""

    as_of: date
    sources: tuple[Package, ...]
    urls: tuple[str, ...]
    providers: dict[str, msgspec.Raw]  # of Seller: most of the table is never looked at


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model. window, max_output: tokens, 0 where unknown. sources: the pages that it is from."""

    window: int = 0
    max_output: int = 0
    can: frozenset[Feature] = frozenset()
    lacks: frozenset[Feature] = frozenset()
    sources: tuple[str, ...] = ()


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """When a vendor ends a model, what it names in its place ("" where it names none), and the page that says so."""

    at: date
    successor: str
    source: str


class Capabilities:
    """The table in memory: read at the first look-up, the rows of a provider when it is asked for."""

    def __init__(self, catalog: Catalog, content: bytes | None = None) -> None:
        self.catalog = catalog
        self._content = content
        self._sellers: dict[str, Seller] = {}

    @cached_property
    def book(self) -> Book:
        content = self._content if self._content is not None else CAPABILITIES.read_bytes()
        return msgspec.json.decode(content, type=Book)

    def find(self, base_url: str, model: str) -> Known | None:
        """What is known of a model at the provider of this URL; None where the table of prices does not have it."""
        entry = self.catalog.find(base_url, model)
        if entry is None:
            return None
        owner, _, name = entry.name.partition("/")
        row = self._seller(owner).models.get(name)
        if row is None:
            return None
        can, lacks = (frozenset(LETTERS[letter] for letter in said) for said in (row.can, row.lacks))
        pages = tuple(self.book.urls[page] for page in row.pages)
        return Known(window=row.window, max_output=row.max_output, can=can, lacks=lacks, sources=pages)

    def retirement(self, base_url: str, model: str) -> Retirement | None:
        """When this provider ends the model of exactly this name; None where nothing is known of that. Who sells another's models
        has days of its own."""
        owner = self.catalog.owner(base_url)
        ends = () if owner is None else self._seller(owner).retires
        for wanted in spellings(model):
            for one in ends:
                if one.name == wanted and one.has in base_url:
                    return Retirement(at=one.at, successor=one.successor, source=self.book.urls[one.page])
        return None

    def _seller(self, owner: str) -> Seller:
        if owner not in self._sellers:
            raw = self.book.providers.get(owner)
            self._sellers[owner] = Seller({}, ()) if raw is None else msgspec.json.decode(raw, type=Seller)
        return self._sellers[owner]
