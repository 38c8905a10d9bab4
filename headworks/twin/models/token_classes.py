"""Which classes of tokens a target's calls have: cached, written to a cache, reasoning, audio.

Theory. A call has a class or does not (a prompt that was new is not cached), so the classes that a call has are its
*pattern*, and each pattern has a share of the calls. Within one pattern a class is a part of the call's input or output,
weighted by tokens, so the tokens of all calls add up to those that were recorded. Both depend on the size (a short prompt
is not cached, the same system prompt is most of a short one and little of a long one): so they are kept by bands of size,
each with enough calls for a share.

Always true: the classes of one call are disjoint and add up to its tokens; without bands all is plain input and output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from headworks.core.reply import Usage

INPUT_CLASSES: Final = ("cached_input", "cache_write", "cache_write_1h", "audio_input")
OUTPUT_CLASSES: Final = ("reasoning", "audio_output")
"""The classes of `Usage` beside plain text."""

MAX_BANDS: Final = 10
"""Most bands of size: tenths of the calls."""


class Pattern(msgspec.Struct, frozen=True):
    """Calls with the same classes: their share, and each class's part of their tokens."""

    share: float
    parts: dict[str, float]


class SizeBand(msgspec.Struct, frozen=True):
    """The patterns of calls of at most `upto` tokens; of the last band, of all larger calls too."""

    upto: int
    patterns: list[Pattern]


class TokenClasses(msgspec.Struct, frozen=True):
    """The classes of one target's input and output, by bands of ascending size; empty where all tokens are plain."""

    input: list[SizeBand] = []
    output: list[SizeBand] = []

    @property
    def is_plain(self) -> bool:
        return not self.input and not self.output

    def usage(self, prompt: int, output: int, chances: tuple[float, float]) -> Usage:
        """The tokens of one call, by class. chances: two uniform draws, of its input and of its output."""
        asked = _split(self.input, prompt, chances[0])
        said = _split(self.output, output, chances[1])
        return Usage(input=prompt - sum(asked.values()), output=output - sum(said.values()), **asked, **said)


def _split(bands: Sequence[SizeBand], tokens: int, chance: float) -> dict[str, int]:
    if not bands:
        return {}
    band = next((one for one in bands if tokens <= one.upto), bands[-1])
    pattern = band.patterns[-1]
    for one in band.patterns:
        if chance < one.share:
            pattern = one
            break
        chance -= one.share
    found: dict[str, int] = {}
    left = tokens
    for name, part in pattern.parts.items():
        found[name] = min(left, round(part * tokens))
        left -= found[name]
    return found


def fit_classes(usages: Sequence[Usage], least: int) -> TokenClasses:
    """The classes in these calls. least: calls that a band must have."""
    return TokenClasses(
        _fit_side([one.input_tokens for one in usages], [_parts(one, INPUT_CLASSES) for one in usages], least),
        _fit_side([one.output_tokens for one in usages], [_parts(one, OUTPUT_CLASSES) for one in usages], least),
    )


def _parts(usage: Usage, names: Iterable[str]) -> dict[str, int]:
    return {name: count for name in names if (count := getattr(usage, name))}


def _fit_side(sizes: Sequence[int], parts: Sequence[dict[str, int]], least: int) -> list[SizeBand]:
    if not any(parts):
        return []
    count = max(1, min(MAX_BANDS, len(sizes) // least))
    edges = np.unique(np.quantile(sizes, np.arange(1, count + 1) / count, method="higher")).astype(int)
    placed = np.searchsorted(edges, sizes, side="left")
    bands: list[SizeBand] = []
    for number, upto in enumerate(edges.tolist()):
        mine = np.flatnonzero(placed == number).tolist()
        bands.append(SizeBand(upto, _patterns([sizes[one] for one in mine], [parts[one] for one in mine])))
    return bands


def _patterns(sizes: Sequence[int], parts: Sequence[dict[str, int]]) -> list[Pattern]:
    """The patterns of one band, the most frequent first."""
    places: dict[tuple[str, ...], list[int]] = {}
    for number, one in enumerate(parts):
        places.setdefault(tuple(one), []).append(number)
    found: list[Pattern] = []
    for names, mine in sorted(places.items(), key=lambda one: (-len(one[1]), one[0])):
        total = sum([sizes[one] for one in mine])
        shares = {name: sum([parts[one][name] for one in mine]) / total for name in names}
        found.append(Pattern(len(mine) / len(sizes), shares))
    return found


def class_shares(usages: Sequence[Usage]) -> list[tuple[str, float, float]]:
    """Of each class that was seen: its name, the share of calls that have it, and its part of their input or output."""
    found: list[tuple[str, float, float]] = []
    for names, side in ((INPUT_CLASSES, "input_tokens"), (OUTPUT_CLASSES, "output_tokens")):
        for name in names:
            having = [one for one in usages if getattr(one, name)]
            if having:
                part = sum([getattr(one, name) for one in having]) / sum([getattr(one, side) for one in having])
                found.append((name, len(having) / len(usages), part))
    return found
