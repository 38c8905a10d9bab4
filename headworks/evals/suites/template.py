"""Templates of messages: Jinja's sandbox over a sample's variables.

Always true: a template reaches the sample's variables and nothing else of this process, and changes nothing; a variable
that a sample lacks is an error, never an empty place in a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headworks.evals.suites.suite import Message, Sample, Task

DEFAULT = (Message(role="user", content="{{ input }}"),)


class TemplateProblem(Exception):
    """A template that cannot be read or filled in."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def lettered_options(options: Sequence[str]) -> str:
    """Options as they are shown: one a line, `A) ...`."""
    return "\n".join(f"{chr(ord('A') + place)}) {option}" for place, option in enumerate(options))


class Templates:
    """Reads each template once."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        self._read: dict[str, jinja2.Template] = {}

    def messages(
        self,
        task: Task,
        sample: Sample,
        variables: Mapping[str, Any],
        options: Sequence[str],
        *,
        is_of_prompt: bool = False,
    ) -> list[dict[str, str]]:
        """What is sent for a sample; for a prompt of the system only what follows its own turns. Raises TemplateTrouble."""
        if sample.messages:
            said = [{"role": one.role, "content": one.content} for one in sample.messages]
            return [{"role": "system", "content": self.filled(task.system, variables)}, *said] if task.system else said
        names = {**variables, "options": lettered_options(options)} if options else variables
        written = task.messages or (() if is_of_prompt else DEFAULT)
        made = [{"role": one.role, "content": self.filled(one.content, names)} for one in written]
        return [{"role": "system", "content": self.filled(task.system, names)}, *made] if task.system else made

    def filled(self, text: str, names: Mapping[str, Any]) -> str:
        if "{" not in text:
            return text
        try:
            if text not in self._read:
                self._read[text] = self._environment.from_string(text)
            return self._read[text].render(names)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateProblem(
                f"template syntax error in line {error.lineno}: {error.message}", "see Jinja's `{{ name }}`"
            ) from error
        except jinja2.UndefinedError as error:
            known = ", ".join(names) or "none"
            raise TemplateProblem(
                f"the sample lacks a variable of the template: {error.message}", f"its variables: {known}"
            ) from error
        except jinja2.TemplateError as error:
            raise TemplateProblem(
                f"a template cannot be rendered: {error}", "a template can use the sample's variables only"
            ) from error
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise TemplateProblem(
                f"a template cannot be rendered: {error}", "check the types of the sample's variables"
            ) from error
