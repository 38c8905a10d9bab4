"""A prompt as `headworks init` found it: plain text, which callers send, or a program with variables, which the system keeps.

Always true: what is written for a program says what the source said, word for word; only front matter is put before it,
and where it has no turns of its own, the heading of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

BYTES_PER_TOKEN: Final = 4
"""English prose in the common vocabularies: 4.0 to 4.5. Other scripts have more tokens for their bytes, rarely fewer."""

ASKING: Final = (
    "input", "question", "query", "message", "user_input", "user_message", "text", "request", "content", "document", "article", "email",
    "transcript", "code", "topic",
)  # fmt: skip
"""Names of variables that are what a user brings, the surest first: a prompt with one of them and no turns is a user's turn."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt with variables. path: as the system file writes it; file: what is to be written there, "" where the
    source is used as it is. variables: a JSON Schema each; values: an example each. asks: the variable that holds what a
    user brings, "" where a message does. parameters: those that it sets itself. output: the schema of its answers."""

    name: str
    path: str
    file: str = ""
    variables: Mapping[str, Any] = {}
    values: Mapping[str, Any] = {}
    asks: str = ""
    parameters: Sequence[str] = ()
    output: Any = None


class Prompt(msgspec.Struct, frozen=True):
    """A prompt and what its file is called, on one line. text: what is said, without front matter. secret: how its
    instructions begin, "" where it gives none that an answer could repeat."""

    file: str
    text: str
    program: Program | None = None
    secret: str = ""

    @property
    def tokens(self) -> int:
        """An estimate from its length."""
        return max(1, -(-len(self.text.encode()) // BYTES_PER_TOKEN))


def asks(schemas: Mapping[str, Any], last: Sequence[str]) -> str:
    """The variable that holds what a user brings: one of the usual names, else a text in the last turn of a user."""
    texts = [name for name, schema in schemas.items() if _is_free_text(schema)]
    named = [name for name in ASKING if name in texts]
    return next(iter([*named, *(name for name in last if name in texts)]), "")


def _is_free_text(schema: Any) -> bool:
    return (
        isinstance(schema, dict) and schema.get("type") == "string" and not {"enum", "const", "default"} & schema.keys()
    )


def file_of(front: Mapping[str, Any], body: str, heading: str, command: str) -> str:
    """A prompt file. front: its front matter; heading: the role of a prompt without turns, "" where it has its own."""
    lines = [f"# Written by `{command}`. What each key means: docs/prompts.md."]
    for key, value in front.items():
        if key == "variables":
            lines.append("variables:                         # a JSON Schema each: say what it may be")
            lines += [f"  {name}: {flow(schema)}" for name, schema in value.items()]
        elif value:
            lines.append(f"{key}: {flow(value)}")
    head = f"# {heading}\n" if heading else ""
    return "\n".join(["---", *lines, "---", head + body.strip("\n") + "\n"])


def flow(value: Any) -> str:
    """A JSON value as YAML on one line, without quotes where it needs none."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(name))}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.casefold() not in _WORDS and value == value.strip():
        return value
    return msgspec.json.encode(value).decode()
