"""How answers are judged: each scorer is one function from sample and reply to a score.

Always true: a scorer is pure, costs no call and never raises for what a model may say; what it says comes with a reason
that a person can check. A judge, which costs a call and may fail, is in `judge.py`. Each passes or fails: a share of
right answers has error bars that everybody can read, a mean of similarities has not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
import regex as patterns
from rapidfuzz.distance import Levenshtein

from headworks.evals.language_detection import language_of
from headworks.evals.refusal_detection import is_refusal
from headworks.prompts.schema import Schema

Values: TypeAlias = Any

REGEX_TIMEOUT: Final = 1.0
"""Seconds that a suite's pattern may take on one answer: a pattern may be exponential in it, and an answer is a stranger's."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer sees of an answer.

    tool_calls: (name, arguments as JSON text). refused: the vendor itself said that it was a refusal or filtered it.
    seconds: from asking to the last byte. cost_nano: nano-dollars, None where a price is unknown.
    """

    text: str = ""
    tool_calls: tuple[tuple[str, str], ...] = ()
    refused: bool = False
    finish: str = ""
    seconds: float = 0.0
    cost_nano: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer sees of a sample, under its condition: options stand in the order in which they were asked."""

    id: str
    expected: Values
    options: tuple[str, ...] = ()
    variables: Mapping[str, Values] = MappingProxyType({})


class Score(msgspec.Struct, frozen=True):
    """passed: None where there is no verdict. why: in few words, for people."""

    passed: bool | None
    why: str = ""


UserScorer: TypeAlias = Callable[[Target, Reply], "Score | bool"]


class Scorer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to judge. `kind` is one of KINDS, `graded`, or the name of a function of the suite's Python file.

    Only what a kind names in NEEDS and MAY means something for it. value: in place of the sample's `expected`. negate:
    passes where it would fail.
    """

    kind: str
    value: Values = None
    negate: bool = False
    ignore_case: bool = False
    pattern: str = ""
    schema: dict[str, Values] | None = None
    fields: tuple[str, ...] = ()
    tolerance: float = 0.0
    relative: bool = False
    at_least: float | None = None
    at_most: float | None = None
    model: str = ""
    rubric: str = ""


def apply_scorer(scorer: Scorer, own: UserScorer | None, target: Target, reply: Reply) -> Score:
    """The score of a scorer. An exception of a user's function is a score without a verdict."""
    if own is not None:
        try:
            said = own(target, reply)
        except Exception as error:  # noqa: BLE001  # a user's function: its errors are shown beside the answer
            return Score(None, f"raised {type(error).__name__}: {error}")
        score = said if isinstance(said, Score) else Score(bool(said))
    else:
        score = KINDS[scorer.kind](scorer, target, reply)
    if scorer.negate and score.passed is not None:
        return Score(not score.passed, f"not: {score.why}")
    return score


def right_answers(scorer: Scorer, target: Target) -> list[Values]:
    """What is right: one or several values."""
    wanted = target.expected if scorer.value is None else scorer.value
    return list(wanted) if isinstance(wanted, list | tuple) else [wanted]


def _text(value: Values, scorer: Scorer) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text.casefold() if scorer.ignore_case else text


def exact(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The whole answer, blanks aside, is a right one."""
    said = _text(reply.text, scorer)
    is_right = said in [_text(one, scorer) for one in right_answers(scorer, target)]
    return Score(is_right, f"said {_short(reply.text)}")


def contains(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """A right answer stands somewhere in it, as a word or words of its own."""
    said = _text(reply.text, scorer)
    for one in right_answers(scorer, target):
        if re.search(rf"(?<!\w){re.escape(_text(one, scorer))}(?!\w)", said):
            return Score(True, f"has {_short(str(one))}")
    return Score(False, f"said {_short(reply.text)}")


def regex(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The pattern is found in it; `.` is any character, a line break too. No verdict where that takes too long: then the
    pattern is at fault, and not the answer."""
    pattern = scorer.pattern or str(right_answers(scorer, target)[0])
    flags = patterns.DOTALL | (patterns.IGNORECASE if scorer.ignore_case else 0)
    try:
        # Without the interpreter's lock, so that other answers are not delayed.
        found = patterns.search(pattern, reply.text, flags, timeout=REGEX_TIMEOUT, concurrent=True)
    except TimeoutError:
        return Score(None, f"the pattern {_short(pattern)} takes longer than {REGEX_TIMEOUT:g} s on this answer")
    except patterns.error as error:
        return Score(None, f"{_short(pattern)} is not a valid pattern: {error}")
    return Score(found is not None, f"found {_short(found[0])}" if found else f"said {_short(reply.text)}")


def pattern_problem(pattern: str) -> str:
    """Why something is no pattern; "" where it is one."""
    try:
        patterns.compile(pattern)
    except patterns.error as error:
        return f"it is not a valid regular expression: {error}"
    return ""


def json_schema(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The answer is JSON and fits the schema; where `fields` are named, they are as expected."""
    value, problem = _json(reply.text)
    if problem:
        return Score(False, problem)
    if scorer.schema is not None and (found := Schema(scorer.schema).wrong(value)) is not None:
        path, rule = found
        return Score(False, f"${path}: {rule}")
    return _fields(scorer, target, value) if scorer.fields else Score(True, "fits the schema")


def field_match(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """Each field (a path such as `address.city`) of the JSON answer is as in the expected object; all of it by default."""
    value, problem = _json(reply.text)
    return Score(False, problem) if problem else _fields(scorer, target, value)


def _fields(scorer: Scorer, target: Target, value: Values) -> Score:
    [expected] = right_answers(scorer, target) or [None]
    names = scorer.fields or tuple(expected if isinstance(expected, dict) else ())
    for name in names:
        said, wanted = _at(value, name), _at(expected, name)
        if _plain(said, scorer) != _plain(wanted, scorer):
            return Score(False, f"{name} is {_short(_text(said, scorer))}, not {_short(_text(wanted, scorer))}")
    return Score(True, f"{', '.join(names)} as expected")


def _plain(value: Values, scorer: Scorer) -> Values:
    if isinstance(value, bool):
        return f"{value}"  # true is no 1
    if isinstance(value, int | float):
        return float(value)
    return _text(value, scorer) if isinstance(value, str) else value


def _at(value: Values, path: str) -> Values:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


_FENCE = "```"


def unfenced(text: str) -> str:
    """What stands between the fences of an answer that is one fenced block, which may say `json`; else the answer itself."""
    inner = text.strip()
    if len(inner) < 2 * len(_FENCE) or not (inner.startswith(_FENCE) and inner.endswith(_FENCE)):
        return text
    return inner[len(_FENCE) : -len(_FENCE)].removeprefix("json").strip()


def _json(text: str) -> tuple[Values, str]:
    """The JSON value of an answer, in a fence or not; and what is wrong where there is none."""
    try:
        return msgspec.json.decode(unfenced(text).encode("utf-8", "surrogatepass")), ""
    except (ValueError, RecursionError):
        return None, f"is not JSON: {_short(text)}"


_NUMBERS = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")


def numeric(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The last number of the answer is right, to `tolerance` (of the right one's size where it is `relative`)."""
    found = _NUMBERS.findall(reply.text)
    if not found:
        return Score(False, f"no number in {_short(reply.text)}")
    said = Decimal(found[-1].replace(",", ""))
    for one in right_answers(scorer, target):
        try:
            wanted = Decimal(str(one).replace(",", ""))
        except InvalidOperation:
            continue
        room = Decimal(repr(scorer.tolerance)) * (abs(wanted) if scorer.relative else 1)
        if abs(said - wanted) <= room:
            return Score(True, f"said {said}")
    return Score(False, f"said {said}")


_LETTER = re.compile(r"(?:answer(?:\s+is)?|option|choice)?[\s:(*]*\(?([A-Z])\)?(?:[).:*\s]|$)", re.IGNORECASE)


def choice(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """One option, by its letter or its text, and the right one. Where several are named, the first counts."""
    options = target.options or tuple(str(one) for one in (scorer.value if isinstance(scorer.value, list) else ()))
    said = reply.text.strip()
    picked = _by_text(options, said)
    if not picked and target.options and (match := _LETTER.match(said)):
        place = ord(match[1].upper()) - ord("A")
        picked = options[place] if place < len(options) else ""
    if not picked:
        return Score(False, f"no option in {_short(reply.text)}")
    wanted = target.expected if isinstance(target.expected, list) else [target.expected]
    return Score(picked.casefold() in [str(one).casefold() for one in wanted], f"chose {_short(picked)}")


def _by_text(options: tuple[str, ...], said: str) -> str:
    said = said.casefold()
    places = [
        (found.start(), -len(option), option)
        for option in options
        if (found := re.search(rf"(?<!\w){re.escape(option.casefold())}(?!\w)", said))
    ]
    return min(places)[2] if places else ""


def edit_distance(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """At least so similar to a right answer: 1 less Levenshtein's distance by the longer length."""
    least = 0.8 if scorer.at_least is None else scorer.at_least
    said = _text(reply.text, scorer)
    best = max(Levenshtein.normalized_similarity(_text(one, scorer), said) for one in right_answers(scorer, target))
    return Score(best >= least, f"similarity {best:.2f}")


def tool_call(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """Exactly the expected call: `{name: ..., arguments: {...}}`; only arguments that are written must be there."""
    [wanted] = right_answers(scorer, target)
    if not isinstance(wanted, dict):
        wanted = {"name": str(wanted)}
    if not reply.tool_calls:
        return Score(False, f"called nothing; said {_short(reply.text)}")
    names = ", ".join(name for name, _ in reply.tool_calls)
    for name, text in reply.tool_calls:
        if name != wanted.get("name"):
            continue
        given, problem = _json(text or "{}")
        if problem:
            return Score(False, f"arguments of {name}: {problem}")
        for argument, value in (wanted.get("arguments") or {}).items():
            if not isinstance(given, dict) or _plain(given.get(argument), scorer) != _plain(value, scorer):
                return Score(False, f"{name}: {argument} is {_short(_text(_at(given, argument), scorer))}")
        return Score(True, f"called {name}")
    return Score(False, f"called {_short(names)}")


def refusal(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The answer is a refusal: by the vendor's own mark, or by its first words."""
    has_refused = reply.refused or (is_refusal(reply.text) and not reply.tool_calls)
    return Score(has_refused, "refused" if has_refused else f"said {_short(reply.text)}")


def latency(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The answer took at most `at_most` seconds."""
    assert scorer.at_most is not None
    return Score(reply.seconds <= scorer.at_most, f"took {reply.seconds:.2f} s")


def cost(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The answer cost at most `at_most` dollars; no verdict where the price is unknown."""
    assert scorer.at_most is not None
    if reply.cost_nano is None:
        return Score(None, "its price is unknown")
    return Score(reply.cost_nano <= scorer.at_most * 1e9, f"cost ${reply.cost_nano / 1e9:.6f}")


def language(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The answer is in the language whose code is `value` (de, en, ...); no verdict on a word or two."""
    found = language_of(reply.text)
    if not found:
        return Score(None, f"the language cannot be detected: {_short(reply.text)}")
    return Score(found in [str(one) for one in right_answers(scorer, target)], f"in {found}: {_short(reply.text)}")


_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"')\]»”]?(?=\s|$)|[。！？]")  # noqa: RUF001  # Chinese and Japanese end so
_LETTER_OR_DIGIT = re.compile(r"\w")


def _sentences(text: str) -> int:
    """Sentences, the last one with or without its full stop. `3.` at the beginning of a line is a number, no sentence."""
    text = re.sub(r"(?m)^[ \t]*\d{1,3}\.[ \t]", "", text)
    pieces = _SENTENCE_END.split(text)
    return sum(_LETTER_OR_DIGIT.search(piece) is not None for piece in pieces)


UNITS: Final[Mapping[str, Callable[[str], int]]] = MappingProxyType(
    {
        "words": lambda text: len(text.split()),
        "sentences": _sentences,
        "characters": lambda text: len(text.strip()),
        "lines": lambda text: sum(1 for line in text.splitlines() if line.strip()),
    }
)
"""What an answer's length is counted in: each is a kind of scorer."""


def length(scorer: Scorer, target: Target, reply: Reply) -> Score:
    """The length of the answer is within `at_least` and `at_most`, counted in words, sentences, characters or lines."""
    count = UNITS[scorer.kind](reply.text)
    is_right = (scorer.at_least is None or count >= scorer.at_least) and (
        scorer.at_most is None or count <= scorer.at_most
    )
    return Score(is_right, f"{count} {scorer.kind}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= 80 else line[:79] + '…'}`"


KINDS: Final[Mapping[str, Callable[[Scorer, Target, Reply], Score]]] = MappingProxyType(
    {
        "exact": exact,
        "contains": contains,
        "regex": regex,
        "json_schema": json_schema,
        "field_match": field_match,
        "numeric": numeric,
        "choice": choice,
        "edit_distance": edit_distance,
        "tool_call": tool_call,
        "refusal": refusal,
        "latency": latency,
        "cost": cost,
        "language": language,
        **dict.fromkeys(UNITS, length),
    }
)
GRADED: Final = "graded"

REQUIRED_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"latency": ("at_most",), "cost": ("at_most",), "language": ("value",), GRADED: ("rubric",)}
)
OPTIONAL_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "exact": ("value", "ignore_case"),
        "contains": ("value", "ignore_case"),
        "regex": ("pattern", "ignore_case"),
        "json_schema": ("schema", "fields", "ignore_case"),
        "field_match": ("value", "fields", "ignore_case"),
        "numeric": ("value", "tolerance", "relative"),
        "choice": ("value",),
        "edit_distance": ("value", "at_least", "ignore_case"),
        "tool_call": ("value", "ignore_case"),
        GRADED: ("model",),
        **dict.fromkeys(UNITS, ("at_least", "at_most")),
    }
)
WITHOUT_EXPECTED: Final = frozenset({"regex", "json_schema", "refusal", "latency", "cost", "language", *UNITS, GRADED})
"""Kinds that can judge a sample that has no `expected`."""


def needs_expected(scorer: Scorer) -> bool:
    """Whether it cannot judge a sample that has no `expected`."""
    if scorer.value is not None or scorer.kind not in (*KINDS, GRADED):
        return False  # an own function reads what it likes
    if scorer.kind == "json_schema":
        return bool(scorer.fields)
    return (
        scorer.kind == GRADED or (scorer.kind == "regex" and not scorer.pattern) or scorer.kind not in WITHOUT_EXPECTED
    )
