"""A prompt in a file of its own: front matter between two lines of `---`, then chat turns.

Always true: a turn begins at a heading that is nothing but a role (`# user`), outside fenced code; text before the first
one is a user turn; the file is split before anything is put into it, so no value of a variable can begin a turn. What a
turn says is a template, which `prompts/` reads; what a file means is not known here.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from headworks.core.digest import digest

MOST_BYTES = 256 * 1024
"""A prompt is at most this long: some 60,000 tokens."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant"]
ROLES: Final[tuple[Role, ...]] = ("system", "developer", "user", "assistant")

VariableName: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "variable"})]
AliasName: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "alias"})]

_HEADING = re.compile(r"#[ \t]+(system|developer|user|assistant)[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """The front matter. JSON values are kept as JSON.

    model: the alias that answers, where the system file names none. parameters: fields of the request, such as
    `temperature`. variables: the JSON Schema of each; one with a `default` may be left out. output: the JSON Schema that
    the answer must fit.
    """

    model: AliasName | None = None
    parameters: dict[VariableName, msgspec.Raw] = {}
    variables: dict[VariableName, msgspec.Raw] = {}
    output: msgspec.Raw | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message. line: where its text begins in the file, from 1."""

    role: Role
    text: str
    line: int


class PromptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that was read. path: as the system file writes it."""

    path: str
    front: Front
    turns: tuple[Turn, ...]

    @property
    def version(self) -> str:
        """12 hex digits that stand for everything it renders from: another layout of the front matter is the same."""
        said = [(turn.role, turn.text) for turn in self.turns]
        return digest(msgspec.json.encode([self.front, said], order="sorted"))[:12]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A file's text, taken apart. front: YAML, on the lines where it stands in the file; "" where there is none."""

    front: str
    turns: tuple[Turn, ...]
    is_closed: bool = True


def parts(text: str) -> Parts:
    """Front matter and turns of a prompt file's text. `is_closed` is False where the front matter has no end."""
    lines = text.splitlines()
    front = ""
    begin = 0
    if lines and lines[0].rstrip() == "---":
        ends = [number for number, line in enumerate(lines) if number and line.rstrip() == "---"]
        if not ends:
            return Parts(front="", turns=(), is_closed=False)
        front = "\n".join(["", *lines[1 : ends[0]]])
        begin = ends[0] + 1
    return Parts(front=front, turns=tuple(_turns(lines, begin)))


def _turns(lines: list[str], begin: int) -> list[Turn]:
    found: list[Turn] = []
    role: Role = "user"
    held: list[str] = []
    first = begin
    fence = ""
    for number in range(begin, len(lines)):
        line = lines[number]
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif (mark := _FENCE.match(line)) is not None:
            fence = mark[1]
        elif (heading := _HEADING.fullmatch(line)) is not None:
            _keep(found, role, held, first)
            role = _role(heading[1])
            held, first = [], number + 1
            continue
        held.append(line)
    _keep(found, role, held, first)
    return found


def _role(text: str) -> Role:
    return next(role for role in ROLES if role == text.lower())


def _keep(found: list[Turn], role: Role, held: list[str], first: int) -> None:
    """Adds a turn, without the blank lines around it; one with nothing in it is none."""
    while held and not held[0].strip():
        held = held[1:]
        first += 1
    text = "\n".join(held).rstrip()
    if text:
        found.append(Turn(role=role, text=text, line=first + 1))
