"""What a prompt itself demands of every answer, where it says so in plain words: a language, a length, a format, words
that must not be in it. The first suite judges answers by these (`suite.py`).

Always true: only what is written in so many words is found; what is not understood is left to people. English and German
are read, and the names of languages in some more. Whether an answer is *right* no prompt says. Linear in the prompt: each
sentence is looked at on its own, cut to `MOST`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

MOST: Final = 400
"""Characters of a sentence that are looked at: a demand is short."""

MOST_SENTENCES: Final = 2000


class Demand(msgspec.Struct, frozen=True):
    """One demand. scorer: as a suite writes it, in YAML on one line; said: the prompt's own words."""

    scorer: str
    said: str


_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "english englisch anglais inglés inglese",
        "de": "german deutsch allemand alemán tedesco",
        "fr": "french französisch français francés francese",
        "es": "spanish spanisch espagnol español spagnolo",
        "it": "italian italienisch italien italiano",
        "pt": "portuguese portugiesisch portugais português portugués",
        "nl": "dutch niederländisch néerlandais nederlands",
        "sv": "swedish schwedisch svenska",
        "da": "danish dänisch dansk",
        "pl": "polish polnisch polski",
        "cs": "czech tschechisch česky",
        "tr": "turkish türkisch türkçe",
        "ja": "japanese japanisch 日本語",
        "zh": "chinese chinesisch mandarin 中文",
        "ko": "korean koreanisch 한국어",
        "ru": "russian russisch русском",
        "uk": "ukrainian ukrainisch українською",
        "el": "greek griechisch",
        "ar": "arabic arabisch",
        "he": "hebrew hebräisch",
        "hi": "hindi",
        "th": "thai thailändisch",
    }
)
_CODE_OF: Final = MappingProxyType({word: code for code, words in _LANGUAGES.items() for word in words.split()})
_LANGUAGE: Final = f"({'|'.join(_CODE_OF)})"
_NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "a single": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
        "einem": 1, "einen": 1, "ein": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8,
        "neun": 9, "zehn": 10,
    }
)  # fmt: skip
_NUMBER: Final = rf"(\d{{1,5}}|{'|'.join(_NUMBERS)})"
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "word": "words", "wort": "words", "wört": "words", "sentence": "sentences", "satz": "sentences", "sätz": "sentences",
        "character": "characters", "zeichen": "characters", "line": "lines", "zeile": "lines",
    }
)  # fmt: skip
_UNIT: Final = rf"({'|'.join(_UNITS)})"
_ANSWER: Final = (
    r"\b(?:answer|reply|respond|response|write|speak|talk|communicate|output|return|format|produce|use|translate|"
    r"antwort|schreib|sprich|übersetz|gib|nutze|verwende|répon|parle|écri|rispond|scriv|contest|escrib)"
)
_NOT: Final = r"\b(?:never|not|don't|don\u2019t|avoid|without|no|nie|niemals|nicht|keine?n?|ohne|vermeide)\b"

_END: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_SPOKEN: Final = re.compile(
    rf"{_ANSWER}.{{0,60}}?\b(?:in|into|auf|ins|en)\s+(?:plain |simple |clear |correct |einfachem |gutem )?{_LANGUAGE}\b"
    rf"|\bonly\s+(?:in\s+)?{_LANGUAGE}\b|\b{_LANGUAGE}\s+only\b|\bnur\s+(?:auf\s+)?{_LANGUAGE}\b|^\s*(?:auf|en)\s+{_LANGUAGE}\b"
    rf"|{_ANSWER}\w*\s+(?:only\s+|always\s+)?{_LANGUAGE}\b"
)
_OR: Final = re.compile(rf"\s*(?:or|and|oder|und|/)\s*(?:in\s+|auf\s+)?{_LANGUAGE}\b")
_AT_MOST: Final = re.compile(
    r"\b(?:in|with|at most|no more than|not more than|up to|maximum(?: of)?|max\.?|under|fewer than|less than|within|exactly|only|"
    rf"höchstens|maximal|genau|mit|unter)\s+(?:at most |höchstens |maximal |exactly |genau |just |only |nur )?"
    rf"(?:{_NUMBER}\s*(?:-|\u2013|to|or|bis|oder)\s*)?{_NUMBER}[ -](?:short |brief |simple |full |complete |kurzen |kurze )?{_UNIT}"
)
_AT_LEAST: Final = re.compile(rf"\b(?:at least|no fewer than|no less than|mindestens)\s+{_NUMBER}\s+{_UNIT}")
_QUOTED: Final = re.compile(r"\"([^\"]{1,80})\"|“([^”]{1,80})”|„([^“”]{1,80})[“”]|'([^']{2,80})'(?!\w)|`([^`]{1,80})`")
_SAYING: Final = r"(?:say|use|mention|write|name|include|contain|utter|output|saying|using|mentioning|writing|sag|verwend|benutz|nenn|erwähn|schreib)"
_PRICE: Final = re.compile(
    rf"{_NOT}.{{0,30}}\b(?:price|prices|preis|preise|amounts? of money)\b"
    rf"|\b{_SAYING}\w*.{{0,20}}{_NOT}.{{0,20}}\b(?:price|prices|preis|preise)\b"
)
_AMOUNT: Final = r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|dollars?\b|euros?\b|pounds?\b|USD\b|EUR\b|GBP\b|cents?\b)"
_BULLETS: Final = re.compile(
    rf"{_ANSWER}.{{0,60}}(?:bullet|numbered list|aufzählung|stichpunkte)|\bbullet[ -]?points? only\b"
)
_NO_MARKDOWN: Final = re.compile(rf"{_NOT}.{{0,20}}\bmarkdown\b|\bplain text only\b|\bonly plain text\b")
_JSON: Final = re.compile(
    rf"{_ANSWER}.{{0,60}}\bjson\b|\b(?:valid|only|gültiges) json\b|\bjson (?:only|object|array|objekt)\b"
)
_YES_NO: Final = re.compile(rf"{_ANSWER}.{{0,30}}\b(yes or no|ja oder nein)\b")
_EDGE: Final = re.compile(
    r"\b(start|begin|beginn|end|finish|ende|beende)\w*\b.{0,40}?\b(?:with|mit)\b[^\"“„'`]{0,20}$", re.IGNORECASE
)


def demands(prompt: str) -> list[Demand]:
    """Everything that a prompt demands and a scorer can judge, each once; demands that contradict each other are none."""
    found: dict[str, Demand] = {}
    for number, sentence in enumerate(_END.split(prompt)):
        if number >= MOST_SENTENCES:
            break
        said = " ".join(sentence[:MOST].split())
        for scorer in _of(said):
            found.setdefault(scorer, Demand(scorer, said))
    return [one for one in found.values() if not _is_contradicted(one, found.values())]


def _is_contradicted(one: Demand, among: Collection[Demand]) -> bool:
    """Whether another demand of the same kind says otherwise: two languages, two lengths. Then a person has to say which."""
    kind = one.scorer.partition(",")[0]
    if kind not in ("{kind: language", "{kind: words", "{kind: sentences", "{kind: characters", "{kind: lines"):
        return False
    return sum(other.scorer.startswith(kind) and _side(other) == _side(one) for other in among) > 1


def _side(one: Demand) -> str:
    return (
        "at_least" if "at_least" in one.scorer and "at_most" not in one.scorer else "negate" * ("negate" in one.scorer)
    )


def _of(said: str) -> Iterator[str]:
    low = said.casefold()
    yield from _spoken(low)
    yield from _length(low)
    yield from _form(low)
    yield from _words(said, low)


def _spoken(low: str) -> Iterator[str]:
    for match in _SPOKEN.finditer(low):
        codes = [_CODE_OF[next(word for word in match.groups() if word)]]
        if (other := _OR.match(low, match.end())) is not None:
            codes.append(_CODE_OF[other[1]])
        code = codes[0] if len(codes) == 1 else f"[{', '.join(codes)}]"
        is_forbidden = re.search(_NOT, low[max(0, match.start() - 30) : match.start()] + match[0]) is not None
        yield f"{{kind: language, value: {code}{', negate: true' if is_forbidden else ''}}}"


def _length(low: str) -> Iterator[str]:
    for match in _AT_MOST.finditer(low):
        yield f"{{kind: {_UNITS[match[3]]}, at_most: {_number(match[2])}}}"
    for match in _AT_LEAST.finditer(low):
        yield f"{{kind: {_UNITS[match[2]]}, at_least: {_number(match[1])}}}"


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text]


def _form(low: str) -> Iterator[str]:
    if _JSON.search(low) and not re.search(rf"{_NOT}.{{0,20}}\bjson\b", low):
        yield "{kind: json_schema}"
    if _BULLETS.search(low) and not re.search(rf"{_NOT}.{{0,30}}(?:bullet|list|aufzählung|stichpunkte)", low):
        yield r"{kind: regex, pattern: '(?:^|\n)\s*(?:[-*•]|\d{1,3}[.)])\s'}"
    if _NO_MARKDOWN.search(low):
        yield r"{kind: regex, pattern: '(?:^|\n)(?:#{1,6} |[-*] |```)|\*\*', negate: true}"
    if (match := _YES_NO.search(low)) is not None:
        either = "yes|no" if match[1].startswith("yes") else "ja|nein"
        yield f"{{kind: regex, pattern: '^\\W*(?:{either})\\b', ignore_case: true}}"


def _words(said: str, low: str) -> Iterator[str]:
    if _PRICE.search(low):
        yield f"{{kind: regex, pattern: {_yaml(_AMOUNT)}, ignore_case: true, negate: true}}"
    for match in _QUOTED.finditer(said):
        words = next(word for word in match.groups() if word).strip()
        before = said[: match.start()]
        if not words:
            continue
        if (edge := _EDGE.search(before)) is not None:
            is_first = edge[1].casefold() in ("start", "begin", "beginn")
            pattern = rf"^\s*{re.escape(words)}" if is_first else rf"{re.escape(words)}\s*$"
            yield f"{{kind: regex, pattern: {_yaml(pattern)}}}"
        elif re.search(rf"{_NOT}[^;,:]{{0,40}}\b{_SAYING}|\b{_SAYING}\w*.{{0,20}}{_NOT}", before.casefold()):
            yield f"{{kind: contains, value: {_yaml(words)}, ignore_case: true, negate: true}}"


def _yaml(text: str) -> str:
    return msgspec.json.encode(text).decode()
