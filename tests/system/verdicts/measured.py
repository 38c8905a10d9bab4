"""Measurements of targets, as `headworks eval --targets` would have kept them."""

from __future__ import annotations

import msgspec

from headworks.system.schema.system import System
from headworks.system.verdicts.quality import KnownQuality
from headworks.system.verdicts.quality_file import Limit, TargetQuality, reached

FILES = {"suites/support.yaml": "0" * 32}
AT = 1_790_000_000.0
"""2026-09-21."""


def quality(
    system: System, target: str, value: float, half: float = 0.04, *, samples: int = 100, **changed: object
) -> TargetQuality:
    """One target of the first alias that has it, with limits `half` to either side at 95 %, and wider ones at 99 %."""
    alias, of = next(
        (alias, one)
        for alias, model in system.models.items()
        for tier in model.targets
        for one in tier
        if str(one) == target
    )
    limits = [(0.9, 0.8 * half), (0.95, half), (0.99, 1.4 * half)]
    right = round(value * samples)
    made = TargetQuality(
        suite="support", suite_digest="1" * 32, files=FILES, model=alias, alias=alias, target=target,
        reached=reached(system, of), at=AT, samples=samples, planned=samples, value=value,
        limits=tuple(
            Limit(confidence=confidence, low=max(0.0, value - width), high=min(1.0, value + width))
            for confidence, width in limits
        ),
        scores="1" * right + "0" * (samples - right), same="2" * 32,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def known(*found: TargetQuality, files: dict[str, str] = FILES) -> KnownQuality:
    return KnownQuality(found, files)
