"""Whether a target goes on with the beginning of its own answer: what the file says, else what its provider is."""

from __future__ import annotations

from headworks.core.dialect import Prefill
from headworks.system.schema.system import OpenAI, Provider, Simulated, TargetOf
from headworks.wire.prefill import known_prefill


def prefill_of(target: TargetOf, provider: Provider | None) -> Prefill:
    """The form in which it takes that beginning; `none` where it does not, or nobody knows."""
    if target.prefill is not None:
        return target.prefill
    if isinstance(provider, Simulated):
        return "message"
    return known_prefill(provider.base_url, target.model) if isinstance(provider, OpenAI) else "none"
