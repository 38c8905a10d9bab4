"""Candidates: the user's own file with a patch, read and checked as any other.

Always true: a candidate that `check` refuses, or that a constraint of the file does not permit, is none; what `patch` makes
of the file and of a candidate's patch is the candidate, byte by byte.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from difflib import unified_diff

import msgspec

from headworks.core.errors import ConfigError, HeadworksError
from headworks.system.schema.system import System
from headworks.system.syntax.changed_tree import NoSuchPlace
from headworks.system.syntax.edit import CannotEdit, with_edit
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import Node, compose
from headworks.system.verdicts.constraints import judge_constraints
from headworks.twin.frontier.space import Knob, Space, Value

Parse = Callable[[bytes], System]
"""Reads a system file's bytes as any command does. Raises ConfigError."""

BOM = codecs.BOM_UTF8.decode()


class Candidate(msgspec.Struct, frozen=True):
    """A system of the space. chosen: the number of each knob's value; text: the whole file; changes: in words, none for the file as
    it is."""

    chosen: tuple[int, ...]
    text: str
    changes: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True):
    """A combination that is no candidate. why: what `check` says, or which constraint it leaves."""

    why: str
    by: str


class SourceFile(msgspec.Struct, frozen=True):
    """The file that a search begins with. name: as patches say it."""

    name: str
    text: str

    @classmethod
    def of(cls, name: str, content: bytes) -> SourceFile:
        return cls(name, content.decode("utf-8"))

    @property
    def tree(self) -> Node:
        """Its tree; it was read before, so there is one."""
        found = compose(self.text.encode(), Findings(self.name))
        assert found is not None
        return found

    def candidate(self, space: Space, chosen: Sequence[int]) -> Candidate:
        """The file with these values. Raises HeadworksError where it cannot be written so."""
        mark, text = (BOM, self.text[1:]) if self.text.startswith(BOM) else ("", self.text)
        changes = []
        for knob, at in zip(space.knobs, chosen, strict=True):
            value = knob.values[at]
            if value.node is None:
                continue
            try:
                text = with_edit(text, knob.path, value.node)
            except (CannotEdit, NoSuchPlace) as error:
                raise HeadworksError(
                    f"{self.name}: {knob.name} cannot be changed in the text of the file: an anchor or a merge (`<<`) writes it in "
                    "several places, or a comment is in its way\n    write it out where it stands"
                ) from error
            changes.append(knob.words(value))
        return Candidate(tuple(chosen), mark + text, tuple(changes))

    def without_defaults(self, space: Space, parse: Parse, digest: str) -> Space:
        """The same space, in which a value that the file has by default is no change. digest: of the file's system."""

        def kept(knob: Knob, value: Value) -> Value:
            if value.node is None or knob.path[2:] == ("targets",):
                return value
            try:
                alone = self.candidate(Space((Knob(knob.path, (value,)),), space.is_own), (0,))
                is_default = parse(alone.text.encode()).digest == digest
            except HeadworksError:
                return value  # it may do together with others
            return Value(None, value.said) if is_default else value

        knobs = [Knob(knob.path, tuple([kept(knob, value) for value in knob.values])) for knob in space.knobs]
        return Space(tuple(knobs), space.is_own)

    def patch(self, one: Candidate) -> str:
        """The unified diff from the file to a candidate; "" where nothing changes."""
        lines = unified_diff(_lines(self.text), _lines(one.text), f"a/{self.name}", f"b/{self.name}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines with their ends, as `patch` has them: a line ends with a line feed and with nothing else."""
    found = [f"{line}\n" for line in text.split("\n")]
    found[-1] = found[-1][:-1]
    return found if found[-1] else found[:-1]


def admitted(one: Candidate, parse: Parse) -> System | Refused:
    """The system of a candidate, if `check` takes it and no target of it leaves a constraint."""
    try:
        system = parse(one.text.encode())
    except ConfigError as error:
        first = error.problems[0]
        return Refused(f"{first.path}: {first.problem}" if first.path else first.problem, "check")
    left = [found for found in judge_constraints(system) if found.verdict != "holds"]
    if left:
        return Refused(f"{left[0].target}: {left[0].constraint} ({left[0].why})", "constraints")
    return system
