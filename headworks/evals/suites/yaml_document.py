"""A YAML document as plain values with their line and column.

Always true: a scalar without quotes is true, false, null or a number where JSON would have it so, and else the text that
was written: YAML's own guesses (`no` as false, `12:30` as 750) do not apply. No map has a name twice; nothing is nested
deeper than `MOST_DEPTH`; anchors cannot make a file of a few lines into millions of values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import yaml

from headworks.core.errors import ConfigError, Problem

NodePath: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 48
MAX_NODES = 2_000_000
MAX_BYTES = 256 * 1024 * 1024

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


class Problems:
    """Collects the problems of a suite, each with its line and column."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, problem: str, remedy: str = "", *, line: int = 0, column: int = 0, path: str = "") -> None:
        self.found.append(Problem(problem=problem, remedy=remedy, path=path, file=self.file, line=line, column=column))

    def fail(self, problem: str, remedy: str = "", *, line: int = 0, column: int = 0) -> NoReturn:
        """Notes what nothing can go on after, and raises ConfigError with everything."""
        self.add(problem, remedy, line=line, column=column)
        raise ConfigError(self.found)

    def raise_any(self) -> None:
        """Raises ConfigError where anything was wrong, in the order of the file."""
        if self.found:
            raise ConfigError(sorted(self.found, key=lambda one: (one.line, one.column)))


class Document:
    """A YAML file's value; the place of each part, and each scalar as it was written."""

    def __init__(self, value: Any, builder: _Builder) -> None:
        self.value = value
        self._places = builder.places
        self._names = builder.names
        self._texts = builder.texts

    def place(self, where: NodePath) -> tuple[int, int]:
        """Line and column of the value, or of the nearest thing around it."""
        while where and where not in self._places:
            where = where[:-1]
        return self._places.get(where, (1, 1))

    def name_place(self, where: NodePath) -> tuple[int, int]:
        """Line and column of the name before a value."""
        return self._names.get(where) or self.place(where)

    def text(self, where: NodePath, value: Any) -> Any:
        """A scalar as it was written, so that `id: 007` is a text; anything else as it is."""
        return self._texts.get(where, value)


def path_text(where: Sequence[str | int]) -> str:
    """`samples[3].expected`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")


def read_text(path: Path, problems: Problems) -> str:
    """A file's text. Raises ConfigError where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            problems.fail("the file is longer than 256 MiB", "split it into several suites")
    except OSError as error:
        problems.fail(f"it cannot be read: {error.strerror or error}", "paths are relative to the file that names them")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        problems.fail("the file is not UTF-8 text", "save it as UTF-8", line=before.count(b"\n") + 1, column=1)


def parse_yaml(text: str, problems: Problems) -> Document:
    """The value of a YAML text. Raises ConfigError where it is none."""
    try:
        _check_depth(text, problems)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problems.fail(
            f"this is not YAML: {error.problem or error.context}",
            "see the line and the one above it",
            line=line,
            column=column,
        )
    except yaml.YAMLError as error:
        problems.fail(f"this is not YAML: {' '.join(str(error).split())}", "is it the right file?", line=1, column=1)
    builder = _Builder(problems)
    value = builder.build(root, ()) if root is not None else None
    problems.raise_any()
    return Document(value, builder)


def _check_depth(text: str, problems: Problems) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problems.add(f"it is nested more than {MAX_DEPTH} levels deep", "nest less", line=line, column=column)
            problems.raise_any()


class _Builder:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.places: dict[NodePath, tuple[int, int]] = {}
        self.names: dict[NodePath, tuple[int, int]] = {}
        self.texts: dict[NodePath, str] = {}
        self.count = 0

    def build(self, node: yaml.Node, where: NodePath) -> Any:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self.count += 1
        if self.count > MAX_NODES or len(where) > MAX_DEPTH:
            self.problems.add(
                "the document has too many values (anchors expanded)",
                "write many samples as JSONL",
                line=line,
                column=column,
            )
            self.problems.raise_any()
        self.places[where] = (line, column)
        if isinstance(node, yaml.ScalarNode):
            self.texts[where] = node.value
            return node.value if node.style else _plain_scalar(node.value)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*where, index)) for index, item in enumerate(node.value)]
        made: dict[str, Any] = {}
        for key, value in node.value:
            at = {"line": key.start_mark.line + 1, "column": key.start_mark.column + 1}
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add("a key is a list or a map", "write a key, a colon and a value", **at)
            elif key.value in made:
                self.problems.add(
                    f"the key `{key.value}` occurs twice", "keep one", path=path_text((*where, key.value)), **at
                )
            else:
                self.names[(*where, key.value)] = (at["line"], at["column"])
                made[key.value] = self.build(value, (*where, key.value))
        return made


def _plain_scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) and len(text) < 32 else text
