"""Detects the language of a text: by its script and, for Latin script, by its function words.

Always true: linear in the text, nothing is loaded and nothing is learned; where the language is unclear, none is returned. It knows the
languages that prompts name most often (`system/drafts/constraints.py`), and is asked whether an answer is in one of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MAX_CHARACTERS: Final = 20_000
"""Characters that are looked at: a page says which language it is in."""

_FUNCTION_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "the and of to is are was you your that this it for with not what which have has can will from they be a in i my we",
        "de": "der die das und ist sind nicht ein eine einen einem einer sie ich wir mit für auf von zu den dem im es auch oder kann wie was ihr ihre sich bei",
        "fr": "le la les et est sont pas une des du vous nous je avec pour sur dans que qui ce cette votre il elle au aux un de en ou",
        "es": "el la los las y es son no una del usted con para por que en se su lo al como más está pero un de o le",
        "it": "il lo gli e è sono non una della del con per che di si in un le i da come più ma anche nel alla questo o",
        "pt": "o os as e é são não uma do da com para por que em se seu no na um de como mais mas você ao ou está",
        "nl": "de het een en is zijn niet van voor met op te dat die u ik wij je in ook of maar naar bij kan wordt aan",
        "sv": "och är att det en ett som på av för med inte den till jag du vi kan har om eller men så från i",
        "da": "og er at det en et som på af for med ikke den til jeg du vi kan har om eller men så fra i der",
        "pl": "i jest nie się na w z do to że są jak od dla po przez co czy lub ale może o za być",
        "cs": "a je se na v že to s z do není jsou jak pro ale nebo jako by po k které od může být",
        "tr": "ve bir bu da de için ile mi ne çok olarak daha gibi var değil ben siz sen o en kadar ama veya",
    }
)  # fmt: skip
FUNCTION_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}
)

_SCRIPTS: Final = (
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x4E00, 0x9FFF),
    ("ko", 0xAC00, 0xD7AF),
    ("ru", 0x0400, 0x04FF),
    ("el", 0x0370, 0x03FF),
    ("ar", 0x0600, 0x06FF),
    ("he", 0x0590, 0x05FF),
    ("hi", 0x0900, 0x097F),
    ("th", 0x0E00, 0x0E7F),
)
_UKRAINIAN: Final = frozenset("іїєґІЇЄҐ")
MIN_KANA_SHARE: Final = 0.05
"""The share of kana from which text with Chinese characters is Japanese."""

CODES: Final = (*_FUNCTION_WORDS, *(code for code, _, _ in _SCRIPTS), "uk")
"""What `value` of the scorer `language` may be."""

_WORD: Final = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """The code of the language, such as `de`; "" where it is unclear."""
    text = text[:MAX_CHARACTERS]
    counts: Counter[str] = Counter()
    for one in text:
        if not one.isalpha():
            continue
        point = ord(one)
        counts[next((code for code, low, high in _SCRIPTS if low <= point <= high), "latin")] += 1
    if not counts:
        return ""
    if counts["ja"] > MIN_KANA_SHARE * (counts["ja"] + counts["zh"]):
        counts["ja"] += counts.pop("zh", 0)
    most, _ = counts.most_common(1)[0]
    if most == "ru" and not _UKRAINIAN.isdisjoint(text):
        return "uk"
    return _latin(text) if most == "latin" else most


def _latin(text: str) -> str:
    words = Counter(word.casefold() for word in _WORD.findall(text))
    found = sorted(
        (
            (sum(count for word, count in words.items() if word in small), code)
            for code, small in FUNCTION_WORDS.items()
        ),
        reverse=True,
    )
    (first, code), (second, _) = found[0], found[1]
    return code if first > second else ""
