"""The price of each target: as the file says, else by the kind of its provider, else from the bundled table.

A local model costs nothing: its electricity is on no bill that we see. A simulated vendor stands for another one, whose
price we do not know: its cost is unknown until the file says one.
"""

from __future__ import annotations

from headworks.catalog.table import Catalog, Entry
from headworks.core.money import Price, Rates
from headworks.system.schema.system import Local, Model, OpenAI, System, TargetOf

FREE = Price(rates=Rates(input=0, output=0, audio_input=0, audio_output=0))


class Prices:
    """Prices by target. The table is read when a target needs it, and not before."""

    def __init__(self, system: System, catalog: Catalog | None = None) -> None:
        self.system = system
        self.catalog = catalog or Catalog()

    def of(self, model: Model, target: TargetOf) -> Price | None:
        """What a target charges under an alias; None where it is unknown."""
        if model.price is not None:
            return Price(rates=model.price)
        if isinstance(self.system.providers[target.provider], Local):
            return FREE
        entry = self.entry(target)
        if entry is None and target.provider in self.system.paid_otherwise:
            return FREE
        return None if entry is None else entry.price

    def meant(self, target: TargetOf) -> str | None:
        """The vendor's model that a target's name is one letter away from, where the table does not know it."""
        provider = self.system.providers[target.provider]
        return self.catalog.meant(provider.base_url, target.model) if isinstance(provider, OpenAI) else None

    def entry(self, target: TargetOf) -> Entry | None:
        """The entry of a target in the bundled table; None for local and simulated providers."""
        provider = self.system.providers[target.provider]
        return self.catalog.find(provider.base_url, target.model) if isinstance(provider, OpenAI) else None
