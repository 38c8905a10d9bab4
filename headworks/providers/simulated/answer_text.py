"""The text of a simulated vendor's answers, generated from a digest of the question.

Always true: the same messages and the same seed give the same text, in any process, whatever model, timing or faults;
a text that was cut (by `max_tokens`, by a broken stream) is a prefix of the whole; a prompt that ends with the
beginning of its own answer is answered with the rest of it. No `hash()` and no shared random numbers: BLAKE2b makes the
key, SHAKE stretches it. A token is a word with the space before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, shake_128
from itertools import accumulate, product
from math import exp, log
from statistics import NormalDist

import msgspec

_NORMAL = NormalDist()
Z95 = _NORMAL.inv_cdf(0.95)
Z99 = _NORMAL.inv_cdf(0.99)

MAX_TOKENS = 100_000
"""Tokens of the longest text: the tail of a log-normal has no end, memory has."""

_SUBJECTS = ("water", "river", "gate", "weir", "canal", "keeper", "current", "spring")
_VERBS = ("follows", "measures", "carries", "feeds", "slows", "crosses", "guards", "returns to")
_OBJECTS = ("the mill", "every field below", "a quiet basin", "the old channel")

_SENTENCES = tuple(
    tuple(f" {word}" for word in f"The {who} {does} {what}.".split())
    for who, does, what in product(_SUBJECTS, _VERBS, _OBJECTS)
)
_SHORTEST = min(len(sentence) for sentence in _SENTENCES)
assert len(_SENTENCES) == 256, "one sentence for each value of a byte"


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """A log-normal amount by two of its percentiles; equal ones are a constant, and zero is allowed for both."""

    p50: float
    p99: float

    def __post_init__(self) -> None:
        if not 0 <= self.p50 <= self.p99 or self.p99 == float("inf"):
            raise ValueError("p50 and p99 must be finite, not negative, and p99 not below p50")
        if self.p50 == 0 < self.p99:
            raise ValueError("a p50 of zero needs a p99 of zero: no log-normal has both")

    @classmethod
    def through_95(cls, p50: float, p95: float) -> Percentiles:
        """The log-normal amount of this median and this 95th percentile."""
        return cls(p50=p50, p99=p50 * exp(log(p95 / p50) / Z95 * Z99))

    def spread(self) -> float:
        """The standard deviation of the logarithm."""
        return log(self.p99 / self.p50) / Z99 if self.p50 else 0.0


DEFAULT_LENGTH = Percentiles(p50=40, p99=200)
"""Tokens of an answer whose length neither the vendor's settings nor the call say."""


class TokenCounts:
    """How many tokens a text has: drawn from the text's own key, so that it belongs to the text.

    follows_call: nothing was said of the lengths, so an answer is as long as its call allows; without a limit in the call
    it is drawn from `DEFAULT_LENGTH`.
    """

    __slots__ = ("_median", "_spread", "follows_call")

    def __init__(self, tokens: Percentiles | None) -> None:
        self.follows_call = tokens is None
        tokens = tokens or DEFAULT_LENGTH
        self._median = tokens.p50
        self._spread = tokens.spread()

    def of(self, key: bytes) -> int:
        if not self._spread:
            return min(max(1, round(self._median)), MAX_TOKENS)
        share = (int.from_bytes(key[:4], "big") + 0.5) / 2**32
        drawn = self._median * exp(self._spread * _NORMAL.inv_cdf(share))
        return min(max(1, round(drawn)), MAX_TOKENS)


def text_key(parts: Sequence[bytes], seed: int) -> bytes:
    """16 bytes that stand for what was asked. Parts are set apart by a byte that no JSON has in it: moving a word to the
    next message is another key."""
    return blake2b(b"\0".join((b"%d" % seed, *parts)), digest_size=16).digest()


def other_key(key: bytes, index: int) -> bytes:
    """The key of another answer to the same call: choice 1, 2, ... of `n`."""
    return blake2b(key, digest_size=16, salt=index.to_bytes(16, "big")).digest() if index else key


def tokens(key: bytes, count: int) -> list[str]:
    """The first `count` tokens of a key's text."""
    made: list[str] = []
    for drawn in shake_128(key).digest(count // _SHORTEST + 1):
        made += _SENTENCES[drawn]
    del made[count:]
    made[0] = made[0][1:]
    return made


def after_prefill(said: list[str], prefill: str) -> list[str]:
    """What is left to say after `prefill`; all of it where the text does not begin so."""
    if not prefill or not "".join(said).startswith(prefill):
        return said
    for at, end in enumerate(accumulate(map(len, said))):
        if end > len(prefill):
            return [said[at][len(said[at]) - (end - len(prefill)) :], *said[at + 1 :]]
    return []


def before_stop(said: list[str], stops: Sequence[str]) -> list[str]:
    """The tokens before the first stop sequence; all where there is none."""
    text = "".join(said)
    end = min((at for at in (text.find(stop) for stop in stops if stop) if at >= 0), default=-1)
    if end < 0:
        return said
    kept: list[str] = []
    for token in said:
        if end <= 0:
            break
        kept.append(token[:end])
        end -= len(token)
    return kept


def pieces(text: str, size: int = 4) -> list[str]:
    """Text that has no words (JSON), in tokens of `size` characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]
