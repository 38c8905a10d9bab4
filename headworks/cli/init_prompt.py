"""The prompt that `headworks init --from` is given: plain text, or a program with variables and front matter.

Always true: what is no template is plain text, and why is said where it looks like one; nothing of a front matter is
dropped in silence.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from headworks.core.errors import ConfigError
from headworks.core.extras import install
from headworks.system.drafts.prompt import Program, Prompt, input_variable, prompt_file
from headworks.system.drafts.suite import before_holes, beginning
from headworks.system.drafts.system import ALIAS
from headworks.system.reader import Reader
from headworks.system.schema.prompt_file import Front, Parts, parts
from headworks.system.schema.secrets import Sources
from headworks.system.syntax.findings import Findings, Position
from headworks.system.syntax.nodes import MappingNode, compose

MOST_PROMPT = 1_000_000
"""Bytes of a prompt: more than any model reads."""

TEMPLATE_MARK: Final = re.compile(r"\{\{|\{%")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and notes for the user. file: its name on one line."""

    path: Path
    file: str
    text: str

    def told(self, problem: str) -> click.ClickException:
        return click.ClickException(f"{self.file}: {problem}")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that has variables. taken: its turns; table: its front matter, None where it has none; found: a schema for each
    hole; example: gives a value that fits a schema."""

    taken: Parts
    table: MappingNode | None
    found: dict[str, Any]
    example: Any


def read_prompt(path: Path, folder: Path, notes: list[str]) -> Prompt:
    """The prompt of a text file, for a system file in `folder`. Raises click.ClickException where there is none in it,
    ConfigError for a front matter that cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_PROMPT + 1)
        text = content.decode("utf-8-sig").strip()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not UTF-8 text") from None
    if not text:
        raise click.ClickException(f"{path} is empty: write your prompt into it")
    if len(content) > MOST_PROMPT:
        raise click.ClickException(f"{path} is longer than a megabyte: is it the right file?")
    source = Source(path=path, file="".join(one if one.isprintable() else "?" for one in path.name), text=text)
    program = read_template(source, folder, notes)
    return program or Prompt(source.file, text, None, beginning(text))


def read_template(source: Source, folder: Path, notes: list[str]) -> Prompt | None:
    """The prompt as a program; None where it is plain text."""
    taken = parts(source.text)
    table = front_table(source, taken)
    if table is None:
        taken = Parts(front="", turns=parts(f"\n{source.text}").turns)
    if table is None and not TEMPLATE_MARK.search(source.text):
        return None
    try:
        holes = import_module("headworks.prompts.inferred_variables")
    except ModuleNotFoundError as error:
        raise source.told(
            f"it has variables or front matter, which need `{error.name}`; that is not installed\n    {install('eval')}"
        ) from None
    if not taken.turns:
        raise source.told("its front matter is followed by nothing: write your prompt below it")
    try:
        found: dict[str, Any] = holes.variables_of([turn.text for turn in taken.turns])
    except ValueError as error:
        if table is not None:
            raise source.told(f"its template cannot be read, {error}") from None
        notes.append(f"{source.file} has braces but is not a template ({error}): it is taken as plain text.")
        return None
    if table is None and not found:
        return None
    return program_of(source, folder, Template(taken=taken, table=table, found=found, example=holes.example), notes)


def front_table(source: Source, taken: Parts) -> MappingNode | None:
    """The front matter; None where there is none: two lines of `---` with a text between them are only lines."""
    if not taken.is_closed or not taken.front.strip():
        return None
    inside = Findings(str(source.path))
    root = compose(taken.front.encode(), inside)
    if inside.errors:
        raise ConfigError(inside.errors)
    return root if isinstance(root, MappingNode) else None


def front_of(source: Source, table: MappingNode | None, notes: list[str]) -> tuple[Front, list[str]]:
    """What of a front matter is known here, and the names that are not."""
    if table is None:
        return Front(), []
    known = {name: entry for name, entry in table.entries.items() if name in Front.__struct_fields__}
    left = [name for name in table.entries if name not in known]
    if left:
        names = ", ".join(left)
        notes.append(
            f"These keys of its front matter are left out, because prompts have no such keys: {names} (docs/prompts.md)."
        )
    inside = Findings(str(source.path))
    front = Reader(inside, Sources({}, source.path.parent)).read(
        MappingNode(known, Position(1, 1)), msgspec.inspect.type_info(Front), ()
    )
    if inside.errors or not isinstance(front, Front):
        raise ConfigError(inside.errors)
    return front, left


def program_of(source: Source, folder: Path, template: Template, notes: list[str]) -> Prompt:
    """The program of a template, and what is to be written for it."""
    taken, table = template.taken, template.table
    front, left = front_of(source, table, notes)
    declared = {name: msgspec.json.decode(schema) for name, schema in front.variables.items()}
    schemas = {**declared, **{name: schema for name, schema in template.found.items() if name not in declared}}
    has_turns = any(turn.role != "user" for turn in taken.turns) or len(taken.turns) > 1 or is_headed(source.text)
    is_ours = bool(front.variables or front.parameters or front.output)
    last = taken.turns[-1]
    in_last = [name for name in schemas if name in last.text] if (has_turns or is_ours) and last.role == "user" else []
    asking = input_variable(schemas, in_last)
    heading = "" if has_turns or is_ours else "user" if asking else "system"
    if front.model is not None and front.model != ALIAS:
        notes.append(f"Its `model: {front.model}` is not used: `{ALIAS}` of the system file answers.")
    name = prompt_name(source.path.stem)
    values = {one: template.example(one, schema) for one, schema in schemas.items()}
    if unfit := [one for one, value in values.items() if value is None]:
        notes.append(f"Write values for {', '.join(unfit)} yourself: no example was found that fits the schema.")
    is_sound = not left and schemas.keys() == declared.keys() and (not heading or heading == "user")
    path = Path(os.path.relpath(source.path, folder)).as_posix() if is_sound else f"prompts/{name}.md"
    body = "\n".join(source.text.splitlines()[body_begins(source.text) if table is not None else 0 :])
    kept = {key: msgspec.json.decode(msgspec.json.encode(getattr(front, key))) for key in ("parameters", "output")}
    text = "" if is_sound else prompt_file(
        {"variables": schemas, **kept}, body, heading, f"headworks init --from {source.file}"
    )  # fmt: skip
    program = Program(
        name=name,
        path=path,
        file=text,
        variables=schemas,
        values=values,
        asks=asking,
        parameters=tuple(front.parameters),
        output=kept["output"],
    )
    said = "\n".join(turn.text for turn in taken.turns)
    orders = next(
        (turn.text for turn in taken.turns if turn.role in ("system", "developer") or heading == "system"), ""
    )
    return Prompt(source.file, said, program, before_holes(orders))


def is_headed(text: str) -> bool:
    """Whether a prompt names a turn itself: one more line before it would else be a turn of its own."""
    return len(parts(f"\nx\n{text[body_offset(text) :]}").turns) > 1


def body_offset(text: str) -> int:
    return sum(len(line) for line in text.splitlines(keepends=True)[: body_begins(text)])


def body_begins(text: str) -> int:
    """The first line below the front matter."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines) if number and line.rstrip() == "---"), 0)


def prompt_name(stem: str) -> str:
    """A name for a prompt from that of its file."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-_")[:64]
    return name or "prompt"
