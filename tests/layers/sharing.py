"""What the tests of Cache and Coalesce stand on."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.service import Service
from headworks.layers.cache import Cache, Fill
from headworks.layers.coalesce import Coalesce
from headworks.layers.fingerprint import Fingerprint, by_key
from headworks.state.answers import Answers
from headworks.testing import call

SAMENESS = Fingerprint("assistant", "release", by_key)


def question(
    text: str = "hello", *, cache_control: str = "", tenant: str = "web", total: float = 60.0, **of: Any
) -> Call:
    """A call of its own: its own trail, a deadline `total` seconds from now."""
    made = call(text, **of)
    return msgspec.structs.replace(
        made, cache_control=cache_control, tenant=tenant, arrived_at=now(), deadline_at=now() + total
    )


def cached(inner: Service, *, ttl: float = 3600.0, most: int = 10_000_000) -> Service:
    answers = Answers(most, ttl)
    return Cache(Fill(inner, answers), answers, SAMENESS, ttl)


def both(inner: Service) -> Service:
    answers = Answers(10_000_000, 3600.0)
    return Cache(Coalesce(Fill(inner, answers), SAMENESS), answers, SAMENESS, 3600.0)
