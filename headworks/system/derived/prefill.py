"""Whether and how a target continues a partial answer: as the file says, else by its provider."""

from __future__ import annotations

from headworks.core.dialect import Prefill
from headworks.system.schema.system import OpenAI, Provider, Simulated, TargetOf
from headworks.wire.prefill import known_prefill


def prefill_of(target: TargetOf, provider: Provider | None) -> Prefill:
    """The form in which it takes a partial answer; `none` where it does not, or where that is unknown."""
    if target.prefill is not None:
        return target.prefill
    if isinstance(provider, Simulated):
        return "message"
    if not isinstance(provider, OpenAI):
        return "none"
    return known_prefill(provider.base_url, target.model, str(provider.__struct_config__.tag))
