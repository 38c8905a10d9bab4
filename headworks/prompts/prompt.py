"""One prompt, ready to be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headworks.core.call import Call
from headworks.core.errors import Problem, Unprocessable
from headworks.prompts.output import Output
from headworks.prompts.schema import Schema, trouble
from headworks.prompts.template import Template, Turn, problems
from headworks.wire.openai_chat import read_chat
from headworks.wire.openai_prompt import prompted, variables


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt is made of. file: what messages call it. Schemas and parameters are JSON values.

    output: the JSON Schema that answers must fit, None for any answer.
    """

    name: str
    version: str
    file: str
    turns: Sequence[Turn]
    parameters: Mapping[str, msgspec.Raw] = {}
    variables: Mapping[str, Any] = {}
    output: Any = None

    def problems(self) -> list[Problem]:
        """Everything that is wrong with it, each with its place: only a sound source becomes a Prompt."""
        found = problems(self.file, self.turns, list(self.variables))
        schemas = {f"variables.{name}": schema for name, schema in self.variables.items()}
        if self.output is not None:
            schemas["output"] = self.output
        for path, schema in schemas.items():
            if (why := trouble(schema)) is not None:
                remedy = "write a JSON Schema, such as {type: string}"
                found.append(Problem(file=self.file, line=1, column=1, path=path, problem=why, remedy=remedy))
        for name in ("messages", "model", "prompt", "response_format", "stream"):
            if name in self.parameters:
                remedy = "remove it" if name != "response_format" else "write the schema under `output`"
                problem = f"`{name}` is no parameter of a prompt"
                found.append(
                    Problem(file=self.file, line=1, column=1, path=f"parameters.{name}", problem=problem, remedy=remedy)
                )
        return found


class Prompt:
    """Turns a call for a prompt into an ordinary one. What `layers/render.py` asks for."""

    def __init__(self, source: Source) -> None:
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
        self._output = None if source.output is None else Output(source.name, source.output)

    def rendered(self, call: Call) -> Call:
        """The call as the model is asked. Raises Unprocessable (422) with the path of a variable, Malformed, TooLarge."""
        given = {**self._defaults, **variables(call.body)}
        if (wrong := self._variables.wrong(given)) is not None:
            raise self._refusal(given, *wrong)
        output = self._output
        asks = None if output is None else output.response_format
        body = prompted(call.body, self._template.rendered(given), self._parameters, asks)
        asked = read_chat(body)
        return msgspec.structs.replace(call, body=body, max_output=asked.max_output, user=asked.user, output=output)

    def _refusal(self, given: Mapping[str, Any], path: str, rule: str) -> Unprocessable:
        if not path:
            unknown = [name for name in given if name not in self._known]
            if unknown:
                path = f".{unknown[0][:64]}"
                rule = f"is not known: this prompt takes {', '.join(self._known) or 'no variables'}"
            else:
                path = f".{next(name for name in self._known if name not in given)}"
                rule = "is missing"
        where = f"prompt.variables{path}"
        return Unprocessable(f"`{where}` {rule}.", param=where)
