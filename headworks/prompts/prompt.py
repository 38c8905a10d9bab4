"""One prompt, ready to be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.core.call import Call
from headworks.core.errors import Malformed, Problem, Unprocessable
from headworks.prompts.frames import Source
from headworks.prompts.output import Output
from headworks.prompts.render_process import LARGE, RenderProcess
from headworks.prompts.schema import Schema, trouble
from headworks.prompts.template import Template
from headworks.prompts.template import problems as template_problems


def problems(source: Source) -> list[Problem]:
    """Everything that is wrong with a prompt, each with its place: only a sound source becomes a Prompt."""
    found = template_problems(source.file, source.turns, list(source.variables))
    schemas = {f"variables.{name}": schema for name, schema in source.variables.items()}
    if source.output is not None:
        schemas["output"] = source.output
    for path, schema in schemas.items():
        if (why := trouble(schema)) is not None:
            remedy = "write a JSON Schema, such as {type: string}"
            found.append(Problem(file=source.file, line=1, column=1, path=path, problem=why, remedy=remedy))
    for name in ("messages", "model", "prompt", "response_format", "stream"):
        if name in source.parameters:
            remedy = "remove it" if name != "response_format" else "write the schema under `output`"
            problem = f"`{name}` is no parameter of a prompt"
            found.append(
                Problem(file=source.file, line=1, column=1, path=f"parameters.{name}", problem=problem, remedy=remedy)
            )
    return found


class Prompt:
    """Turns a call for a prompt into an ordinary one. What `layers/render.py` asks for."""

    def __init__(self, source: Source, render_process: RenderProcess | None = None) -> None:
        """render_process: who renders and checks what is large, or dear to check; None does it here."""
        self.source = source
        self.render_process = render_process
        self.label = f"{source.name}@{source.version}"
        self._template = Template(source.turns)
        self._parameters = source.parameters
        schemas = source.variables
        self._defaults = {
            name: schema["default"]
            for name, schema in schemas.items()
            if isinstance(schema, dict) and "default" in schema
        }
        self._variables = Schema(
            {
                "type": "object",
                "properties": dict(schemas),
                "required": [name for name in schemas if name not in self._defaults],
                "additionalProperties": False,
            }
        )
        self._known = tuple(schemas)
        self._output = None if source.output is None else Output(source, render_process)

    def is_large(self, call: Call) -> bool:
        """Whether the call is to be rendered by `rendered_apart`: for its size, or for what its variables cost to check."""
        return self.render_process is not None and (self._variables.is_dear or len(call.body) > LARGE)

    async def rendered_apart(self, call: Call) -> Call:
        """As `rendered`, without holding the event loop."""
        assert self.render_process is not None, "asked for large calls only"
        made = await self.render_process.rendered(self.source, call)
        return msgspec.structs.replace(made, output=self._output)

    def judged(self, text: str) -> str | None:
        """The first schema violation of an answer, in words; None where it fits, or where there is no schema."""
        return None if self._output is None else self._output.judged(text)

    def rendered(self, call: Call) -> Call:
        """The call as the model is asked. Raises Unprocessable (422) with the path of a variable, Malformed, TooLarge."""
        turns = call.dialect.turns
        if turns is None:
            raise Malformed(f"`{call.alias}` is a prompt: ask for it on a path for chat.", param="model")
        given = {**self._defaults, **turns.variables(call.body)}
        if (wrong := self._variables.wrong(given)) is not None:
            raise self._refusal(given, *wrong)
        output = self._output
        schema = None if output is None else output.schema
        body = turns.prompted(call.body, self._template.rendered(given), self._parameters, schema)
        asked = call.dialect.read(body)
        return msgspec.structs.replace(call, body=body, max_output=asked.max_output, user=asked.user, output=output)

    def _refusal(self, given: Mapping[str, Any], path: str, rule: str) -> Unprocessable:
        if not path:
            unknown = [name for name in given if name not in self._known]
            if unknown:
                path = f".{unknown[0][:64]}"
                rule = f"is not known: this prompt takes {', '.join(self._known) or 'no variables'}"
            elif missing := [name for name in self._known if name not in given]:
                path = f".{missing[0]}"
                rule = "is missing"
        where = f"prompt.variables{path}"
        return Unprocessable(f"`{where}` {rule}.", param=where)
