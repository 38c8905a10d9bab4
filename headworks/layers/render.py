"""Renders a prompt into messages. The layers below see an ordinary call."""

from __future__ import annotations

from typing import Protocol

from headworks.core.call import Call
from headworks.core.reply import Reply
from headworks.core.service import Enter, Opening, Service, entering


class Prompt(Protocol):
    """What is asked of a prompt."""

    @property
    def label(self) -> str:
        """`NAME@VERSION`, for the record."""
        ...

    def is_large(self, call: Call) -> bool:
        """Whether rendering the call would hold the event loop for too long."""
        ...

    def rendered(self, call: Call) -> Call:
        """The call with its messages and parameters written out. Raises Refused with the path of what is wrong."""
        ...

    async def rendered_apart(self, call: Call) -> Call:
        """The same for a large call, without holding the event loop."""
        ...


class Render:
    """Renders one prompt. Stands before the pool of the alias that answers; not in the stack of other aliases."""

    def __init__(self, inner: Service, prompt: Prompt) -> None:
        self.inner = inner
        self.prompt = prompt

    def open(self, call: Call) -> Opening:
        call.trail.prompt = self.prompt.label
        if self.prompt.is_large(call):
            return self.apart(call)
        return self.inner.open(self.prompt.rendered(call))

    @entering
    async def apart(self, call: Call, enter: Enter) -> Reply:
        return await enter(self.inner.open(await self.prompt.rendered_apart(call)))
