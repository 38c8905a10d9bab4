"""Random draws that belong to a call (common random numbers): made at once for all calls of a run, looked up by call number.

Always true: the same seed, target, call and attempt have the same draws, whatever else happens and in which order; no
`hash()` is involved, so PYTHONHASHSEED changes nothing.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from headworks.twin.models.vendor_model import TAIL_Z, Latency, VendorModel

DISTINCT_ATTEMPTS = 4
"""Attempts at one target with draws of their own; the fifth has those of the first, some calls away."""

STRIDE = 7919
"""How many calls away: a prime, so that no pattern of the workload meets itself."""

Floats = NDArray[np.float64]


def generator(seed: int, use: str) -> np.random.Generator:
    """An independent random stream for one use: the same for the same seed and use, in any process."""
    key = blake2b(f"{seed}/{use}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "big")))


def multipliers(time: Latency, normal: Floats) -> Floats:
    """Multipliers of a latency's median from standard normal draws: `Latency.factor`, vectorized."""
    made = np.exp(time.sigma * normal)
    if time.tail is not None:
        above = normal > TAIL_Z
        made[above] = [time.factor(float(z)) for z in normal[above]]
    return made


class CallDraws:
    """The random draws of every call at one target."""

    def __init__(self, model: VendorModel, calls: int, seed: int) -> None:
        rng = generator(seed, model.target)
        self.calls = calls
        self._first: list[list[float]] = []
        self._pace: list[list[float]] = []
        self._chance: list[list[float]] = []
        self._where: list[list[float]] = []
        for _ in range(DISTINCT_ATTEMPTS):
            self._first.append(multipliers(model.first, rng.standard_normal(calls)).tolist())
            self._pace.append(multipliers(model.pace, rng.standard_normal(calls)).tolist())
            self._chance.append(rng.random(calls).tolist())
            self._where.append(rng.random(calls).tolist())
        # Sources of their own: that a model has them moves no other draw. How long an answer is belongs to the question, as
        # with a real vendor: every target and every attempt have the same draw.
        self._answers: list[float] = []
        if model.answers is not None:
            self._answers = multipliers(model.answers, generator(seed, "answers").standard_normal(calls)).tolist()
        self._classes: list[tuple[float, float]] = []
        if not model.classes.is_plain:
            drawn = generator(seed, f"classes/{model.target}").random((calls, 2))
            self._classes = [(float(one), float(other)) for one, other in drawn]

    def answer(self, index: int) -> float:
        """The factor of the length of the answer."""
        return self._answers[index]

    def classes(self, index: int, attempt: int) -> tuple[float, float]:
        """Which classes of tokens an attempt has: two draws from 0 to 1."""
        return self._classes[(index + attempt * STRIDE) % self.calls]

    def of(self, index: int, attempt: int) -> tuple[float, float, float, float]:
        """Factors of the first token and of the pace; which fault, and where, each from 0 to 1."""
        if attempt >= DISTINCT_ATTEMPTS:
            index = (index + attempt // DISTINCT_ATTEMPTS * STRIDE) % self.calls
            attempt %= DISTINCT_ATTEMPTS
        return (
            self._first[attempt][index],
            self._pace[attempt][index],
            self._chance[attempt][index],
            self._where[attempt][index],
        )
