"""What the targets of a system can do: as the file says, else from the bundled tables. What neither says is unknown."""

from __future__ import annotations

from headworks.catalog.capabilities import Capabilities, Known, Retirement
from headworks.catalog.table import Catalog
from headworks.core.capability import FEATURES
from headworks.core.dialect import Prefill
from headworks.policy.capability import Capability
from headworks.system.schema.system import Capabilities as Written
from headworks.system.schema.system import OpenAI, System, TargetOf


class TargetCapabilities:
    """Capabilities by target. The tables are read when a target needs them, and not before."""

    def __init__(self, system: System, catalog: Catalog | None = None, table: Capabilities | None = None) -> None:
        self.system = system
        self.catalog = catalog or Catalog()
        self.table = table or Capabilities(self.catalog)

    def of(self, target: TargetOf, prefill: Prefill = "none") -> Capability:
        """What the tables know of a target. The window is that of the table of prices, where it has one."""
        known = self.known(target)
        if known is None:
            return Capability(prefill=prefill)
        entry = self.catalog.find(self._url(target), target.model)
        window = (entry.context_window if entry is not None else None) or known.window
        return Capability(window, prefill, lacks=known.lacks, max_output=known.max_output)

    def known(self, target: TargetOf) -> Known | None:
        """The row of a target; None for local and simulated providers, and for models that the tables do not have."""
        url = self._url(target)
        return self.table.find(url, target.model) if url else None

    def retirement(self, target: TargetOf) -> Retirement | None:
        """When the vendor ends the target's model, where that is known."""
        url = self._url(target)
        return self.table.retirement(url, target.model) if url else None

    def _url(self, target: TargetOf) -> str:
        provider = self.system.providers[target.provider]
        return provider.base_url if isinstance(provider, OpenAI) else ""


def override(known: Capability, written: Written) -> None:
    """Writes what the system file says over what is known."""
    for feature in FEATURES:
        said: bool | None = getattr(written, feature)
        if said is not None:
            known.lacks = known.lacks - {feature} if said else known.lacks | {feature}
    if written.max_output is not None:
        known.max_output = written.max_output
