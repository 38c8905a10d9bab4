"""What is wrong with one file, collected: nobody stops at the first problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeAlias, TypeVar

from headworks.core.errors import Problem
from headworks.system.syntax.scalars import shown

MOST_LISTED = 12
"""Where the right name was guessed, no more names than this are listed beside it."""

Where: TypeAlias = tuple[str | int, ...]
"""A value's path in the file: `("models", "assistant", "targets", 0, "weight")`."""


Item = TypeVar("Item")


class Place(NamedTuple):
    """Line and column, counted from 1."""

    line: int
    column: int


def written_path(where: Where) -> str:
    """`models.assistant.targets[0][1].weight`; a name with other characters stands in quotes: `models["a.b"]`."""
    text = ""
    for step in where:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", step):
            text += f".{step}" if text else step
        else:
            text += f'["{shown(step)[1:-1]}"]'
    return text


def closest(text: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant; None when none looks like it."""
    return next(iter(get_close_matches(text, list(known), n=1)), None)


def suggestion(text: str, known: Iterable[str], kind: str) -> str:
    """A remedy for a name that is not known: the one that was meant, if any looks like it, and what there is."""
    names = list(known)
    close = closest(text, names)
    meant = f"did you mean `{close}`? " if close else ""
    if close and len(names) > MOST_LISTED:
        return meant.rstrip()
    return f"{meant}{kind}: {', '.join(names) or 'none'}"


class Findings:
    """Errors and warnings of one file, and the place of everything that was read in it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Where, Place] = {}
        self.names: dict[Where, Place] = {}
        self._kept: dict[Where, tuple[int, ...]] = {}
        self._errors: list[Problem] = []
        self._warnings: list[Problem] = []
        self._wrong: list[Where] = []

    def error(self, where: Where, problem: str, remedy: str, place: Place | None = None) -> None:
        """Notes what is wrong at a path; without a place, where the value (or the nearest thing around it) stands."""
        self._wrong.append(where)
        self._errors.append(self._problem(where, problem, remedy, place))

    def warn(self, where: Where, problem: str, remedy: str, place: Place | None = None) -> None:
        """Notes what works and yet is probably not meant."""
        self._warnings.append(self._problem(where, problem, remedy, place))

    def adopt(self, where: Where, problems: Iterable[Problem]) -> None:
        """Notes what is wrong with another file, which the value at a path names: under its own name, with its lines."""
        self._wrong.append(where)
        self._errors += problems

    def keep(self, where: Where, indexes: Iterable[int]) -> None:
        """Notes which items of the list at a path could be read: their indexes in the file."""
        self._kept[where] = tuple(indexes)

    def placed(self, where: Where, values: Sequence[Item]) -> Iterator[tuple[int, Item]]:
        """The items of the list at a path, each with its index in the file: what could not be read is left out of `values`."""
        return zip(self._kept.get(where, range(len(values))), values, strict=True)

    def is_sound(self, where: Where) -> bool:
        """Whether nothing is wrong at this path or below it: only then may its parts be compared."""
        depth = len(where)
        return not any(wrong[:depth] == where for wrong in self._wrong)

    def is_written(self, where: Where) -> bool:
        """Whether the file has a value there, right or wrong; else it is a default."""
        return where in self.values

    def names_in(self, where: Where) -> list[str]:
        """The names that the file declares in a map, those with something wrong in them too."""
        depth = len(where)
        return [str(name[-1]) for name in self.names if len(name) == depth + 1 and name[:depth] == where]

    @property
    def errors(self) -> list[Problem]:
        """In the order of the file."""
        return _sorted(self._errors)

    @property
    def warnings(self) -> list[Problem]:
        """In the order of the file."""
        return _sorted(self._warnings)

    def _problem(self, where: Where, problem: str, remedy: str, place: Place | None) -> Problem:
        around = where
        while place is None and around:
            place = self.values.get(around) or self.names.get(around)
            around = around[:-1]
        place = place or self.values.get(()) or Place(0, 0)
        return Problem(
            problem=problem,
            remedy=remedy,
            path=written_path(where),
            file=self.file,
            line=place.line,
            column=place.column,
        )


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column))
