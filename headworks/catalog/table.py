"""The bundled table of prices: how `prices.json` is laid out, and how a target is found in it.

Always true: a provider is known by its base URL and never by the model's name, since the same model costs differently
at each; the first provider and the first model that match win, as their source has them in order; what does not match
is unknown, never guessed. This file knows no vendor. It is built by `tools/prices.py` (docs/adr/0021).
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import msgspec

from headworks.catalog.matching import Match, matches, spellings
from headworks.core.money import Price, Rates, Tier

BUNDLED = Path(__file__).with_name("prices.json")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The source of the table. `as_of`: the day (YYYY-MM-DD) whose prices it has."""

    as_of: str
    package: str
    version: str
    licence: str


class ModelRow(msgspec.Struct, frozen=True, array_like=True):
    """One model of one provider. Without a price its cost is unknown; `context_window` (tokens) 0 is unknown."""

    id: str
    match: Match
    context_window: int = 0
    rates: Rates | None = None
    tiers: tuple[Tier, ...] = ()


class ProviderRow(msgspec.Struct, frozen=True):
    """One provider; `url` is a pattern that its base URL begins with, `also` the providers whose models it sells too.

    `has`: a text that every such URL has. Looking for it first spares compiling 40 patterns, which takes 10 ms.
    """

    id: str
    url: str
    has: str
    also: tuple[str, ...]
    models: msgspec.Raw  # of tuple[ModelRow, ...]: most of the table is never looked at


class PriceTable(msgspec.Struct, frozen=True):
    """The file."""

    source: Source
    providers: tuple[ProviderRow, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The table's entry for a target: `name` is the table's own, `context_window` in tokens; None is unknown."""

    name: str
    price: Price | None
    context_window: int | None
    as_of: str


class Catalog:
    """A table in memory: read at the first look-up, the rows of a provider when it is asked for."""

    def __init__(self, content: bytes | None = None) -> None:
        self._content = content
        self._models: dict[str, tuple[ModelRow, ...]] = {}

    @cached_property
    def book(self) -> PriceTable:
        content = self._content
        if content is None:
            content = BUNDLED.read_bytes()
        return msgspec.json.decode(content, type=PriceTable)

    @property
    def source(self) -> Source:
        return self.book.source

    def find(self, base_url: str, model: str) -> Entry | None:
        """The entry of a model at the provider of this URL; None where the table lacks one of them."""
        provider = self._provider(base_url)
        if provider is None:
            return None
        for wanted in spellings(model):
            for owner in (provider, *self._sold_too(provider)):
                for row in self._rows(owner):
                    if matches(row.match, wanted):
                        return self._entry(owner, row)
        return None

    def meant(self, base_url: str, model: str) -> str | None:
        """The model of the provider behind a URL whose name is one letter away from a name that the table has not: left out,
        added, another, or two in each other's place. None where there is none, or where only a digit differs: that is a
        newer version."""
        provider = self._provider(base_url)
        if provider is None or self.find(base_url, model) is not None:
            return None
        name = model.lower()
        owners = (provider, *self._sold_too(provider))
        return next(
            (row.id for owner in owners for row in self._rows(owner) if is_one_letter_off(name, row.id.lower())), None
        )

    def owner(self, base_url: str) -> str | None:
        """The provider of this URL by its name in the table; None where the table has none."""
        provider = self._provider(base_url)
        return None if provider is None else provider.id

    def names(self) -> list[str]:
        """The names of all models, each once."""
        return list(dict.fromkeys(row.id for provider in self.book.providers for row in self._rows(provider)))

    def _provider(self, base_url: str) -> ProviderRow | None:
        scheme, slashes, rest = base_url.partition("://")
        host, slash, path = rest.partition("/")
        url = f"{scheme}{slashes}{host.lower()}{slash}{path}"
        return next((one for one in self.book.providers if one.has in url and re.match(one.url, url)), None)

    def _sold_too(self, provider: ProviderRow) -> list[ProviderRow]:
        known = {one.id: one for one in self.book.providers}
        return [known[name] for name in provider.also if name in known]

    def _rows(self, provider: ProviderRow) -> tuple[ModelRow, ...]:
        if provider.id not in self._models:
            self._models[provider.id] = msgspec.json.decode(provider.models, type=tuple[ModelRow, ...])
        return self._models[provider.id]

    def _entry(self, provider: ProviderRow, row: ModelRow) -> Entry:
        as_of = self.source.as_of
        price = None if row.rates is None else Price(rates=row.rates, tiers=row.tiers, at=as_of)
        return Entry(
            name=f"{provider.id}/{row.id}", price=price, context_window=row.context_window or None, as_of=as_of
        )


def is_one_letter_off(written: str, meant: str) -> bool:
    """Whether two names differ by one slip of the hand: a letter left out, added or another, or two neighbours swapped."""
    if abs(len(written) - len(meant)) > 1:
        return False
    at = next((at for at, (one, other) in enumerate(zip(written, meant, strict=False)) if one != other), None)
    at = min(len(written), len(meant)) if at is None else at
    one, other = written[at:], meant[at:]
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[1:] == shorter and not longer[0].isdigit()
    is_swapped = len(one) > 1 and one[:2] == other[1::-1] and one[2:] == other[2:]
    is_another = one[1:] == other[1:] and one != other
    return (is_swapped or is_another) and not (one[0].isdigit() or other[0].isdigit())
