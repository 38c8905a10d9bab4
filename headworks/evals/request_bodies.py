"""Makes the request body of a call from a sample and a condition."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.evals.conditions import OPTION_ORDER, Condition
from headworks.evals.suites.suite import Sample, Suite
from headworks.evals.suites.template import Templates


class ItemRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request of one item. options: in the order in which they are shown. last: the last message, for reports."""

    body: bytes
    options: tuple[str, ...]
    last: str


class RequestBodies:
    """Makes the bodies of a suite's calls, all for one alias."""

    def __init__(self, suite: Suite, model: str, seed: int) -> None:
        self.suite = suite
        self.model = model
        self.is_of_prompt = model.startswith(PROMPT_PREFIX)
        self.seed = seed
        self._templates = Templates()

    def of(self, sample: Sample, condition: Condition) -> ItemRequest:
        """The call for a sample under a condition: the same bytes in every run."""
        task = self.suite.task(sample)
        sample = self.perturbed(sample, condition)
        messages = self._templates.messages(
            task, sample, sample.variables, sample.options, is_of_prompt=self.is_of_prompt
        )
        fields: dict[str, Any] = {**task.parameters, "model": self.model, "messages": messages}
        if self.is_of_prompt:
            fields["prompt"] = {"variables": sample.variables}
        last = messages[-1]["content"] if messages else msgspec.json.encode(sample.variables).decode()
        return ItemRequest(body=msgspec.json.encode(fields), options=sample.options, last=last)

    def perturbed(self, sample: Sample, condition: Condition) -> Sample:
        """The sample, perturbed by the condition."""

        def change(text: str, part: str) -> str:
            return condition.perturbed(text, self.seed, sample.id, part)

        options = sample.options
        if condition.kind == OPTION_ORDER and len(set(options)) > 1:
            random = condition.random(self.seed, sample.id, "options")
            while options == sample.options:
                options = tuple(random.shuffled(sample.options))
        if sample.messages:
            last = max((at for at, one in enumerate(sample.messages) if one.role == "user"), default=-1)
            messages = tuple(
                msgspec.structs.replace(one, content=change(one.content, "message")) if at == last else one
                for at, one in enumerate(sample.messages)
            )
            return msgspec.structs.replace(sample, messages=messages, options=options)
        names = sample.disturb or tuple(name for name, value in sample.variables.items() if isinstance(value, str))
        changed = {
            name: change(sample.variables[name], name) for name in names if isinstance(sample.variables.get(name), str)
        }
        return msgspec.structs.replace(sample, variables={**sample.variables, **changed}, options=options)
