"""What a target's model can do, and whether that is known to be too little for a call.

Theory. A target is unable only where that is known: by a vendor's page, or by the operator. What is unknown is asked, and its vendor
says. How many tokens a question has nobody knows before it is sent; but no text has fewer than one for `MOST_PER_TOKEN` bytes.
A vendor of another API than the caller's gets thinking and schemas in the translator's words, which may do without (a hint that is
left out, a schema as a tool): there their lack decides nothing.

Always true: a call that needs nothing but text, within every known bound, finds every target able. So it is not read for it:
`Gaps` says by the call's bytes that there is nothing to look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from headworks.core.capability import Feature, Lack, Needs
from headworks.core.dialect import Prefill

MOST_PER_TOKEN: Final = 16
"""Bytes of text. English has about 4.5 in a token, source code with deep indents up to 8; only long runs of one sign have more."""

TRANSLATED: Final[frozenset[Feature]] = frozenset({"structured_output", "thinking"})
"""Features that translation between two APIs may do without."""

NOUNS: Final[Mapping[Feature, str]] = {
    "images": "takes no images",
    "documents": "takes no PDF documents",
    "audio": "takes no audio",
    "tools": "calls no tools",
    "structured_output": "fits no answer to a schema",
    "thinking": "does not think before it answers",
}


class Capability:
    """What a target's model can do. window: tokens of its context, 0 where unknown. prefill: the form in which it
    takes the beginning of its answer, `none` where it does not; a target that refuses one is set to that. lacks: features that
    it is known not to have. max_output: tokens of an answer above which its vendor refuses, 0 where unknown. speaks: the APIs
    whose bytes its vendor takes as they are.
    """

    __slots__ = ("lacks", "max_output", "prefill", "speaks", "window")

    def __init__(
        self,
        window: int = 0,
        prefill: Prefill = "none",
        *,
        lacks: Iterable[Feature] = (),
        max_output: int = 0,
        speaks: Iterable[str] = (),
    ) -> None:
        self.window = window
        self.prefill: Prefill = prefill
        self.lacks = frozenset(lacks)
        self.max_output = max_output
        self.speaks = frozenset(speaks)

    def suits(self, exceeded_context: float, *, is_prefilled: bool) -> bool:
        """Whether it may take a question that outgrew a window of so many tokens, or an answer that has begun."""
        if exceeded_context and self.window <= exceeded_context:
            return False
        return not is_prefilled or self.prefill != "none"

    def lack(self, needs: Needs) -> Lack | None:
        """Why it is known to be unable to serve a call; None where it is able, or nothing is known."""
        for feature, field in needs.features.items():
            if feature in self.lacks and (feature not in TRANSLATED or needs.dialect in self.speaks):
                return Lack(field, NOUNS[feature])
        if 0 < self.max_output < needs.max_output:
            return Lack(needs.bound_name, f"answers with at most {self.max_output} tokens")
        if self.window and needs.text > self.window * MOST_PER_TOKEN:
            return Lack(needs.text_name, f"has a context of {self.window} tokens")
        return None


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """What must be true of a call's bytes for any of several targets to be unable to serve it.

    hints: by API; one of them is in the body wherever a feature is asked for that a target lacks. least_output: the least bound on answers.
    most_bytes: a body that is no longer fits into every known window.
    """

    hints: Mapping[str, tuple[bytes, ...]]
    least_output: int
    most_bytes: int


UNBOUNDED: Final = 2**62


def gaps_of(
    capabilities: Iterable[Capability], hints: Mapping[str, Mapping[Feature, tuple[bytes, ...]]]
) -> Gaps | None:
    """The gaps of these targets; None where nothing is known that any of them lacks. hints: by API and feature."""
    known = list(capabilities)
    lacks = frozenset(feature for one in known for feature in one.lacks)
    bounds = [one.max_output for one in known if one.max_output]
    windows = [one.window for one in known if one.window]
    if not lacks and not bounds and not windows:
        return None
    return Gaps(
        hints={
            name: tuple([hint for feature, some in told.items() if feature in lacks for hint in some])
            for name, told in hints.items()
        },
        least_output=min(bounds, default=UNBOUNDED),
        most_bytes=min(windows) * MOST_PER_TOKEN if windows else UNBOUNDED,
    )
