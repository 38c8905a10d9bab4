"""Arrival times and request bodies, drawn before the first call, so that nothing that a server does can move a send.

Theory. Each alias is a renewal process: gaps of one length (`even`), exponential (`poisson`) or gamma with the squared
coefficient of variation that `burstiness` says. A trace comes as it was, its instants and sizes together. A question's
text is words without a meaning, four bytes a token, after a few that are its own: so two questions are equal exactly
where the workload says that they are, and no cache answers for a vendor by accident.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import ceil, exp, inf
from random import Random
from typing import Final, Literal, Protocol

import msgspec

from headworks.system.verdicts.closed_forms import LogNormal
from headworks.wire.client_apis import CLIENT_APIS, OWN_API, Question

ArrivalProcess = Literal["poisson", "gamma", "even"]

MAX_PROMPT_TOKENS: Final = 200_000
"""Tokens of a question: bodies of 800 kB. A log-normal has no end, a gateway's `max_body` has."""

BYTES_PER_TOKEN: Final = 4

_WORDS: Final = (
    "water gate basin canal keeper measures opens holds level flow the of and then slow weir mill river lock pool"
)


class Shape(Protocol):
    """The traffic of one alias: calls a second, burstiness, token counts, shares of calls."""

    @property
    def alias(self) -> str: ...
    @property
    def rate(self) -> float: ...
    @property
    def burstiness(self) -> float: ...
    @property
    def prompt(self) -> LogNormal: ...
    @property
    def output(self) -> LogNormal: ...
    @property
    def streamed(self) -> float: ...
    @property
    def repeated(self) -> float: ...


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One call to be sent `at` seconds after the first instant. prompt, output: tokens. same: calls with one number ask the same.
    dialect: the API in which it is sent, by its word in `wire/client_apis.py`."""

    at: float
    alias: str
    prompt: int
    output: int
    streamed: bool
    same: int
    dialect: str = OWN_API.word


def draw_arrivals(
    shapes: Sequence[Shape], seconds: float, seed: int, *, faster: float = 1.0, process: ArrivalProcess = "gamma"
) -> list[Arrival]:
    """Every call for a number of seconds, in order. faster: all rates are multiplied by it. Same seed, same calls."""
    made: list[Arrival] = []
    for number, shape in enumerate(shapes):
        rng = Random(f"{seed}/{shape.alias}")
        known: list[Arrival] = []
        for at in _instants(shape, shape.rate * faster, seconds, rng, process):
            if known and rng.random() < shape.repeated:
                first = known[rng.randrange(len(known))]
            else:
                same = len(known) * len(shapes) + number
                prompt, output = _draw_tokens(shape.prompt, rng), _draw_tokens(shape.output, rng)
                first = Arrival(at, shape.alias, prompt, output, rng.random() < shape.streamed, same)
                known.append(first)
            made.append(Arrival(at, first.alias, first.prompt, first.output, first.streamed, first.same))
    return sorted(made, key=lambda one: one.at)


def _instants(shape: Shape, rate: float, seconds: float, rng: Random, process: ArrivalProcess) -> Iterator[float]:
    """From 0 on for even calls, from one gap on for others."""
    if process == "even":
        yield from [number / rate for number in range(ceil(seconds * rate - 1e-9))]
        return
    burstiness = 1.0 if process == "poisson" else shape.burstiness
    at = 0.0
    while True:
        at += rng.gammavariate(1 / burstiness, burstiness / rate)
        if at >= seconds:
            return
        yield at


def in_dialects(arrivals: Sequence[Arrival], mix: Mapping[str, float], seed: int) -> Sequence[Arrival]:
    """The same calls, each in an API that is drawn by its weight. Calls that ask the same ask it in the same API. Nothing else of
    them changes, so loads in two APIs are loads of the same calls."""
    words, bounds = list(mix), list(accumulate(mix.values()))
    if not words or words == [OWN_API.word]:
        return arrivals
    rng = Random(f"{seed}/dialects")
    drawn: dict[int, str] = {}
    made = []
    for one in arrivals:
        if one.same not in drawn:
            drawn[one.same] = words[min(bisect_right(bounds, rng.random() * bounds[-1]), len(words) - 1)]
        made.append(msgspec.structs.replace(one, dialect=drawn[one.same]))
    return made


def closest_stretch(at: Sequence[float], rate: float, seconds: float) -> tuple[int, int]:
    """The first and last index of the stretch of a trace whose rate is closest to the wanted one; the first of several.
    A trace may begin at night, so its beginning is not used."""
    best, found = inf, (0, bisect_left(at, seconds))
    step = seconds / 4
    for number in range(max(1, int((at[-1] - seconds) / step) + 1) if at else 0):
        begin, end = bisect_left(at, number * step), bisect_left(at, number * step + seconds)
        if abs(end - begin - rate * seconds) < best:
            best, found = abs(end - begin - rate * seconds), (begin, end)
    return found


def _draw_tokens(spread: LogNormal, rng: Random) -> int:
    return min(max(round(spread.median * exp(spread.sigma * rng.gauss(0.0, 1.0))), 1), MAX_PROMPT_TOKENS)


class RequestBodies:
    """Makes request bodies. `run` makes the questions of one run different from those of another, `renew` those of one load from
    those of the load before it in the same run: a search would else measure the cache that its first probe filled."""

    def __init__(self, run: str, longest: int) -> None:
        self._run = run.encode()
        self._loads = 0
        rng = Random(run)
        words = _WORDS.split()
        text = " ".join([rng.choice(words) for _ in range(min(longest, MAX_PROMPT_TOKENS) + 16)])
        self._text = text.encode()

    def next_load(self) -> None:
        """From now on no question is equal to one before."""
        self._loads += 1

    def body(self, arrival: Arrival) -> bytes:
        own = b"Load %b.%d, question %d:" % (self._run, self._loads, arrival.same)
        rest = self._text[: max(1, arrival.prompt * BYTES_PER_TOKEN - len(own))].rstrip()
        asked = Question(msgspec.json.encode(arrival.alias), b'"%b %b"' % (own, rest), arrival.output, arrival.streamed)
        return CLIENT_APIS[arrival.dialect].body(asked)
