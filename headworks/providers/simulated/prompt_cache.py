"""The prompt cache of a simulated vendor's model: which part of a prompt it has seen lately, by one vendor's published rules.

Theory. Two prompts share a prefix if the digests of that prefix are equal. Digests are chained, so that one pass over the prompt
makes those of all its prefixes. Where a vendor caches any prefix, there is a digest after each `step` tokens. Where it caches up to
the caller's marks, there is one after each block, and each mark looks up to 20 blocks back for what an earlier call has written.
A token is four bytes, as everywhere in this vendor.

Always true: what is read and written together is at most the prompt; the same calls at the same instants give the same counts;
at most `MOST` prefixes are kept, the least recently used evicted first; time is linear in the prompt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Literal, TypeAlias

import msgspec

from headworks.core.reply import Usage
from headworks.wire.prompt_caching import RULES, Rules

TOKEN: Final = 4
"""Bytes of a token."""
MOST: Final = 32_768
"""Prefixes that a model keeps: 8 MB, enough for 4 million tokens in steps of 128."""
MOST_STEPS: Final = 8192
"""Steps, or blocks, of one prompt that are looked at; what is beyond is not cached."""
MARKS: Final = 4
"""Marks of one call that count, the last ones."""
LOOKBACK: Final = 20
"""Blocks before a mark that may be found in the cache."""

Mark: TypeAlias = Literal["", "5m", "1h"]


class Block(msgspec.Struct, frozen=True):
    """A part of a prompt. mark: the prompt up to its end is to be cached, for so long."""

    data: bytes
    mark: Mark = ""


class Prompt(msgspec.Struct, frozen=True):
    """What a model is asked. head: what comes before and is not counted, such as tools: with another head nothing is the same."""

    head: bytes
    blocks: Sequence[Block]
    tokens: int


class PromptCache:
    """The prompts that one model has seen."""

    def __init__(self, rules: Rules, model: str, most: int = MOST) -> None:
        self._rules = RULES[rules]
        self._smallest = self._rules.smallest_for(model)
        self._most = most
        self._known: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        """Until when each prefix is warm, and for how long each use keeps it so."""

    def __len__(self) -> int:
        return len(self._known)

    def use(self, prompt: Prompt, at: float) -> Usage:
        """Reads the prompt and remembers it: its tokens by class."""
        if prompt.tokens < self._smallest:
            return Usage(input=prompt.tokens)
        return self._use_marks(prompt, at) if self._rules.is_marked else self._use_steps(prompt, at)

    def _use_steps(self, prompt: Prompt, at: float) -> Usage:
        step = self._rules.step
        digests, last = [], _digest(b"", prompt.head)
        data, size = b"\0".join([block.data for block in prompt.blocks]), step * TOKEN
        for number in range(min(prompt.tokens // step, len(data) // size, MOST_STEPS)):
            last = _digest(last, data[number * size : (number + 1) * size])
            digests.append(last)
        known = self._known
        read = next((number for number in range(len(digests), 0, -1) if self._is_warm(digests[number - 1], at)), 0)
        for digest in digests:
            known[digest] = at + self._rules.life, self._rules.life
            known.move_to_end(digest)
        self._evict()
        cached = read * step if read * step >= self._smallest else 0
        return Usage(input=prompt.tokens - cached, cached_input=cached)

    def _use_marks(self, prompt: Prompt, at: float) -> Usage:
        digests, ends, last, end = [], [], _digest(b"", prompt.head), 0
        blocks = prompt.blocks[:MOST_STEPS]
        for block in blocks:
            last, end = _digest(last, block.data), end + len(block.data)
            digests.append(last)
            ends.append(min(end // TOKEN, prompt.tokens))
        marks = [number for number, block in enumerate(blocks) if block.mark][-MARKS:]
        read = 0
        for marked in marks:
            for number in range(marked, max(-1, marked - LOOKBACK - 1), -1):
                if ends[number] >= self._smallest and self._is_warm(digests[number], at):
                    read = max(read, ends[number])
                    self._keep(digests[number], at, self._known[digests[number]][1])
                    break
        written = {"5m": 0, "1h": 0}
        covered = read
        for number in marks:
            if ends[number] < self._smallest:
                continue
            mark = blocks[number].mark
            written[mark] += max(0, ends[number] - covered)
            covered = max(covered, ends[number])
            self._keep(digests[number], at, self._rules.long_life if mark == "1h" else self._rules.life)
        self._evict()
        left = prompt.tokens - read - written["5m"] - written["1h"]
        return Usage(input=left, cached_input=read, cache_write=written["5m"], cache_write_1h=written["1h"])

    def _is_warm(self, digest: bytes, at: float) -> bool:
        known = self._known.get(digest)
        return known is not None and at <= known[0]

    def _keep(self, digest: bytes, at: float, life: float) -> None:
        self._known[digest] = at + life, life
        self._known.move_to_end(digest)

    def _evict(self) -> None:
        while len(self._known) > self._most:
            self._known.popitem(last=False)


def _digest(before: bytes, data: bytes) -> bytes:
    return blake2b(before + data, digest_size=16).digest()
