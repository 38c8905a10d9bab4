"""The prompts of a system file, made ready. What renders them is an extra, and loaded only where there are prompts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.core.extras import install
from headworks.layers.render import Prompt
from headworks.prompts.frames import Source, Turn
from headworks.prompts.render_process import RenderProcess
from headworks.system.schema.system import System


def prompts_of(system: System, folder: Path, render_process: RenderProcess | None = None) -> Mapping[str, Prompt]:
    """Every prompt by its name. render_process: who renders and checks what is large. Raises ConfigError with all that is wrong with their templates and schemas."""
    if not system.prompts:
        return {}
    try:
        prompt = import_module("headworks.prompts.prompt")
    except ModuleNotFoundError as error:
        problem = f"prompts need `{error.name}`, which is not installed here"
        raise ConfigError([Problem(path="prompts", problem=problem, remedy=install("eval"))]) from None
    wrong: list[Problem] = []
    ready: dict[str, Prompt] = {}
    for name, one in system.prompts.items():
        front = one.file.front
        source = Source(
            name=name,
            version=one.file.version,
            file=one.file.path if str(folder) == "." else str(folder / one.file.path),
            turns=[Turn(role=turn.role, text=turn.text, line=turn.line) for turn in one.file.turns],
            parameters=front.parameters,
            variables={name: msgspec.json.decode(schema) for name, schema in front.variables.items()},
            output=None if front.output is None else msgspec.json.decode(front.output),
        )
        if found := prompt.problems(source):
            wrong += found
        else:
            ready[name] = prompt.Prompt(source, render_process)
    if wrong:
        raise ConfigError(wrong)
    return ready
