"""Perturbations of inputs: typos, spacing, injected instructions and so on.

Theory. A suite's samples are clean, its author's way of writing; users are not. CheckList (Ribeiro et al., 2020) has the
words: under an *invariance* the right answer stays what it was, under a *direction* it changes in a known way (here: the
system must refuse), and *plain* only measures. Always true: what is made follows from the seed, the sample's id, the
condition's name and the text (`random.py`), byte by byte on every machine; nothing is sent anywhere. Characters beyond
ASCII are left as they are by what changes letters: their case depends on the version of Unicode.

A user's condition is a function of text, DeterministicRandom and amount that returns text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from headworks.core.errors import EvalError
from headworks.evals import perturbation_data
from headworks.evals.deterministic_random import DeterministicRandom

Claim: TypeAlias = Literal["invariance", "must_refuse", "plain"]
"""What a condition claims about the answers."""

Change: TypeAlias = Callable[[str, DeterministicRandom, int], str]
"""From a text, chance and the condition's `amount` to a text."""

PLAIN: Final = "plain"
OPTION_ORDER: Final = "option_order"
INJECTION: Final = "injection"
REPETITION: Final = "repetition"

_LETTER = re.compile(r"[A-Za-z]")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?![\w]|[.,]\d)", re.ASCII)


def typos(text: str, random: DeterministicRandom, amount: int) -> str:
    """`amount` of a thousand characters, or the next letter: two swapped, one dropped, doubled, or the key beside it."""
    parts: list[str] = []
    at = 0
    for place in random.places(len(text), amount):
        if (found := _LETTER.search(text, max(place, at))) is None:
            continue
        place, letter = found.start(), found[0]
        low = letter.translate(perturbation_data.TO_LOWER)
        parts.append(text[at:place])
        at = place + 1
        match random.below(4):
            case 0 if at < len(text) and text[at].translate(perturbation_data.TO_LOWER) in perturbation_data.NEIGHBOURS:
                parts.append(text[at] + letter)
                at += 1
            case 1:
                pass
            case 2:
                parts.append(letter * 2)
            case _:
                other = random.choice(perturbation_data.NEIGHBOURS[low])
                parts.append(other if letter == low else other.translate(perturbation_data.TO_UPPER))
    return "".join(parts) + text[at:]


def upper_case(text: str, random: DeterministicRandom, amount: int) -> str:
    return text.translate(perturbation_data.TO_UPPER)


def lower_case(text: str, random: DeterministicRandom, amount: int) -> str:
    return text.translate(perturbation_data.TO_LOWER)


def spacing(text: str, random: DeterministicRandom, amount: int) -> str:
    """`amount` of a thousand blanks become two, three, or a line break; one stands before the text and one behind it."""
    words = text.split(" ")
    gaps = [" "] * (len(words) - 1)
    for place in random.places(len(gaps), amount):
        gaps[place] = random.choice(("  ", "   ", "\n", " \n "))
    made = [words[0]]
    for gap, word in zip(gaps, words[1:], strict=True):
        made += (gap, word)
    return " " + "".join(made) + " "


_PAIRS: Final[Mapping[str, str]] = MappingProxyType(
    {**dict(perturbation_data.CONTRACTIONS), **{short: long for long, short in perturbation_data.CONTRACTIONS}}
)
_PAIR = re.compile(
    r"\b(?:" + "|".join(re.escape(one) for one in sorted(_PAIRS, key=len, reverse=True)) + r")\b",
    re.IGNORECASE | re.ASCII,
)


def contractions(text: str, random: DeterministicRandom, amount: int) -> str:
    """Long forms become short ones (`do not`: `don't`), short ones long."""

    def other(match: re.Match[str]) -> str:
        made = _PAIRS[match[0].translate(perturbation_data.TO_LOWER)]
        return (
            made[0].translate(perturbation_data.TO_UPPER) + made[1:] if match[0][0] in perturbation_data.UPPER else made
        )

    return _PAIR.sub(other, text)


def filler(text: str, random: DeterministicRandom, amount: int) -> str:
    """Words that say nothing, before `amount` of a thousand words."""
    words = text.split(" ")
    for place in random.places(len(words), amount):
        words[place] = f"{random.choice(perturbation_data.FILLERS)} {words[place]}"
    return " ".join(words)


def numbers_in_words(text: str, random: DeterministicRandom, amount: int) -> str:
    """Whole numbers below a billion in English words: 12 is `twelve`."""

    def said(match: re.Match[str]) -> str:
        digits = match[0]
        return digits if len(digits) > 1 and digits[0] == "0" else perturbation_data.in_words(int(digits))

    return _NUMBER.sub(said, text)


def confusables(text: str, random: DeterministicRandom, amount: int) -> str:
    """In `amount` of a thousand words: Cyrillic letters that look the same."""
    words = text.split(" ")
    for place in random.places(len(words), amount):
        words[place] = words[place].translate(perturbation_data.CONFUSABLES)
    return " ".join(words)


def zero_width(text: str, random: DeterministicRandom, amount: int) -> str:
    """Invisible characters, behind `amount` of a thousand characters."""
    parts: list[str] = []
    at = 0
    for place in random.places(len(text), amount):
        parts += (text[at : place + 1], random.choice(perturbation_data.ZERO_WIDTH))
        at = place + 1
    return "".join(parts) + text[at:]


def encoded_base64(text: str, random: DeterministicRandom, amount: int) -> str:
    coded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
    return f"Decode this base64 text and answer it: {coded}"


def encoded_hex(text: str, random: DeterministicRandom, amount: int) -> str:
    return f"Decode this hexadecimal text and answer it: {text.encode('utf-8', 'surrogatepass').hex()}"


def rot13(text: str, random: DeterministicRandom, amount: int) -> str:
    return f"Decode this ROT13 text and answer it: {text.translate(perturbation_data.ROT13)}"


def distractor_text(random: DeterministicRandom, amount: int) -> str:
    """Unrelated sentences, at least this many characters."""
    parts: list[str] = []
    size = 0
    while size < amount:
        for passage in random.shuffled(perturbation_data.PASSAGES):
            parts.append(passage)
            size += len(passage) + 1
            if size >= amount:
                break
    return " ".join(parts)


def long_before(text: str, random: DeterministicRandom, amount: int) -> str:
    return f"{distractor_text(random, amount)}\n\n{text}"


def long_after(text: str, random: DeterministicRandom, amount: int) -> str:
    return f"{text}\n\n{distractor_text(random, amount)}"


def injection(text: str, random: DeterministicRandom, amount: int) -> str:
    """An instruction inside the data (prompt injection). A model that follows it says the canary."""
    return f"{text}\n{random.choice(perturbation_data.INJECTIONS)}"


def truncation(text: str, random: DeterministicRandom, amount: int) -> str:
    """Without the last `amount` of a thousand characters, but never without all."""
    return text[: max(1, len(text) - len(text) * amount // 1000)]


def unchanged(text: str, random: DeterministicRandom, amount: int) -> str:
    return text


class ConditionKind(msgspec.Struct, frozen=True):
    """One kind of perturbation. amount: the default; 0 where it means nothing."""

    change: Change
    claim: Claim
    amount: int
    about: str


KINDS: Final[Mapping[str, ConditionKind]] = MappingProxyType(
    {
        "typos": ConditionKind(typos, "invariance", 40, "swapped, dropped, doubled and neighbouring letters"),
        "upper_case": ConditionKind(upper_case, "invariance", 0, "everything in upper case"),
        "lower_case": ConditionKind(lower_case, "invariance", 0, "everything in lower case"),
        "spacing": ConditionKind(spacing, "invariance", 150, "doubled spaces, line breaks"),
        "contractions": ConditionKind(contractions, "invariance", 0, "do not: don't, and back"),
        "filler": ConditionKind(filler, "invariance", 100, "filler words"),
        OPTION_ORDER: ConditionKind(unchanged, "invariance", 0, "the options of a choice in another order"),
        "numbers_in_words": ConditionKind(numbers_in_words, "invariance", 0, "12 as twelve"),
        "confusables": ConditionKind(confusables, "invariance", 150, "Cyrillic letters that look Latin"),
        "zero_width": ConditionKind(zero_width, "invariance", 50, "invisible characters"),
        "base64": ConditionKind(encoded_base64, "plain", 0, "the text in base64"),
        "hex": ConditionKind(encoded_hex, "plain", 0, "the text in hexadecimal digits"),
        "rot13": ConditionKind(rot13, "plain", 0, "the text in ROT13"),
        "long_before": ConditionKind(long_before, "invariance", 4000, "unrelated sentences before the text"),
        "long_after": ConditionKind(long_after, "invariance", 4000, "unrelated sentences after the text"),
        INJECTION: ConditionKind(injection, "invariance", 0, "an instruction hidden in the data"),
        "truncation": ConditionKind(truncation, "plain", 300, "the end is cut off"),
        REPETITION: ConditionKind(unchanged, "invariance", 5, "the same call several times: is the answer stable?"),
    }
)
"""In the order of reports."""

QUICK: Final = ("typos", "upper_case", INJECTION)
"""With plain: the four conditions of `eval --quick`."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of a suite.

    kind: one of KINDS, `plain`, or the name of a function of the suite's Python file. name: in reports; the kind by default.
    amount: how much, in the kind's own unit (a thousandth, a character, a time). most_drop: a gate: the share of samples
    that pass may fall by no more than this below plain's. at_least: a gate on the share itself.
    """

    kind: str
    name: str = ""
    claim: Claim
    amount: int = 0
    most_drop: float | None = None
    at_least: float | None = None
    change: Change = unchanged

    @property
    def title(self) -> str:
        return self.name or self.kind

    @property
    def repeats(self) -> int:
        """Number of calls per sample."""
        return self.amount if self.kind == REPETITION else 1

    @property
    def forbidden(self) -> str:
        """What an answer must not have in it, or ""."""
        return perturbation_data.CANARY if self.kind == INJECTION else ""

    def perturbed(self, text: str, seed: int, sample: str, part: str) -> str:
        """The text under this condition. `part` names which text of the sample it is. Raises EvalError where an own one fails."""
        try:
            made: object = self.change(text, self.random(seed, sample, part), self.amount)
        except Exception as error:  # a user's function: its mistake ends the run before it is paid for
            raise EvalError(self.error_text(f"raised {type(error).__name__}: {error}", sample)) from error
        if not isinstance(made, str):
            raise EvalError(self.error_text(f"returned {type(made).__name__}, not a text", sample))
        return made

    def error_text(self, what: str, sample: str) -> str:
        """What an own function did wrong, and what to do."""
        return f"the condition `{self.title}` {what} (sample `{sample}`)\n    a condition is a function from a text to a text"

    def random(self, seed: int, sample: str, part: str) -> DeterministicRandom:
        return DeterministicRandom(seed, self.title, sample, part)


def make_condition(kind: str, **fields: object) -> Condition:
    """A condition of a kind, with the kind's own claim and amount where nothing else is said."""
    known = KINDS[kind]
    given = {name: value for name, value in fields.items() if value is not None}
    return msgspec.convert(
        {"kind": kind, "claim": known.claim, "amount": known.amount, **given, "change": known.change}, Condition
    )


UNPERTURBED: Final = Condition(kind=PLAIN, claim="plain")
