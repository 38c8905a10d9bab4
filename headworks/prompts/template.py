"""Chat turns with holes, filled by Jinja in its sandbox.

Always true: a template reaches no file, no attribute that begins with an underscore, nothing but the values it was
given; a name that nobody gave is an error and never an empty text; what a value says stays in its turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headworks.core.errors import Problem, TooLarge, Unprocessable
from headworks.prompts.frames import Turn

MOST_TEXT: Final = 10_000_000
"""Characters that one prompt may become: the largest body that is read by default."""


def finalized(value: object) -> object:
    """The output of `{{ value }}`: text unchanged, everything else as JSON and not in Python's notation."""
    return (
        value
        if isinstance(value, (str, int, float, Undefined)) and value is not True and value is not False
        else _json(value)
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def environment() -> ImmutableSandboxedEnvironment:
    """Jinja as prompts use it: no loader, so nothing is included; nothing escaped, since this is no HTML."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalized,
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    return made


class Template:
    """A prompt's turns, compiled once."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        """Raises TemplateSyntaxError: ask `problems` first."""
        made = environment()
        self._turns = [(turn.role, made.from_string(turn.text)) for turn in turns]

    def rendered(self, values: Mapping[str, Any]) -> list[dict[str, str]]:
        """The messages. Raises Unprocessable where the template cannot be filled with these values, or TooLarge."""
        messages = []
        size = 0
        for role, template in self._turns:
            pieces = []
            try:
                for piece in template.generate(**values):
                    size += len(piece)
                    if size > MOST_TEXT:
                        raise TooLarge(
                            f"The prompt becomes longer than {MOST_TEXT} characters.", param="prompt.variables"
                        )
                    pieces.append(piece)
            except (TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
                message = f"The prompt cannot be filled with these variables: {_said(error)}."
                raise Unprocessable(message, param="prompt.variables") from None
            messages.append({"role": role, "content": "".join(pieces).strip()})
        return messages


def problems(file: str, turns: Sequence[Turn], declared: Sequence[str]) -> list[Problem]:
    """Errors in the templates of a file, each with its line: wrong syntax, and undeclared variables."""
    made = environment()
    found = []
    used: set[str] = set()
    for turn in turns:
        try:
            names = meta.find_undeclared_variables(made.parse(turn.text))
        except (TemplateSyntaxError, RecursionError, ValueError) as error:  # an expression too deep, a number too long
            line, said = turn.line, "an expression in it is too deep, or a number too long"
            if isinstance(error, TemplateSyntaxError):
                line, said = turn.line + (error.lineno or 1) - 1, error.message or str(error)
            problem = f"the template cannot be read: {said}"
            remedy = "Jinja's notation: {{ name }}, {% if name %} ... {% endif %}; {% raw %} ... {% endraw %} for braces that are text"
            found.append(Problem(file=file, line=line, column=1, problem=problem, remedy=remedy))
            continue
        used |= names
        for name in sorted(names - set(declared)):
            known = ", ".join(declared) or "none"
            remedy = f"declare it: `variables: {{{name}: {{type: string}}}}` (declared: {known})"
            found.append(
                Problem(file=file, line=_line(turn, name), column=1, problem=f"`{name}` is no variable", remedy=remedy)
            )
    return found


def _line(turn: Turn, name: str) -> int:
    """The first line of the turn that has the name in it."""
    for number, line in enumerate(turn.text.split("\n")):
        if name in line:
            return turn.line + number
    return turn.line


def _said(error: Exception) -> str:
    """Why, without the values: Jinja and Python quote them."""
    if isinstance(error, TemplateError):
        return type(error).__name__
    return f"{type(error).__name__} in an expression"
