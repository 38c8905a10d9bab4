"""A prompt's name becomes messages. What lies below sees an ordinary call."""

from __future__ import annotations

from typing import Protocol

from headworks.core.call import Call
from headworks.core.service import Opening, Service


class Prompt(Protocol):
    """What is asked of a prompt."""

    @property
    def label(self) -> str:
        """`NAME@VERSION`, for the record."""
        ...

    def rendered(self, call: Call) -> Call:
        """The call with its messages and parameters written out. Raises Refused with the path of what is wrong."""
        ...


class Render:
    """Renders one prompt. Stands before the pool of the alias that answers; not in the stack of other aliases."""

    def __init__(self, inner: Service, prompt: Prompt) -> None:
        self.inner = inner
        self.prompt = prompt

    def open(self, call: Call) -> Opening:
        call.trail.prompt = self.prompt.label
        return self.inner.open(self.prompt.rendered(call))
