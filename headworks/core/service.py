"""Everything that answers a call is a `Service`; a layer is one that answers by asking another.

A call has three moments. *Before the head* anything may be tried again. *After the head* the reader has begun. *Leaving*
happens exactly once, also on errors and cancellation, and gives everything back. So `open` returns a context manager:
entering waits for the head, leaving ends the call, and the text of a layer is the lifetime of what it holds.

Three kinds of layer, each in its own plain form (`docs/adr/0010`; nine forms were measured):

- what is **held** until the last chunk is a generator under `@scope`; it never awaits. A run of such layers is driven
  as one context manager, so each costs a generator and two calls into it, not five objects and the loop's hooks;
- what is **tried** until the head comes is a coroutine under `@entering`; it gets `enter` to open what is inside;
- what only **looks** checks and returns `self.inner.open(call)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from functools import reduce, wraps
from types import TracebackType
from typing import Any, Concatenate, Protocol, TypeAlias, TypeVar

import msgspec

from headworks.core.call import Call
from headworks.core.reply import Reply

Opening: TypeAlias = AbstractAsyncContextManager[Reply]
Layering: TypeAlias = Generator["Opening | Reply", Reply, None]
Enter: TypeAlias = Callable[[Opening], Awaitable[Reply]]
Layer: TypeAlias = "Callable[[Service], Service]"

L = TypeVar("L")

_TWICE = "a scope yields twice: the opening, then the reply"
_ENDED = object()
_SWALLOWED = "a scope swallowed an error: only @entering may answer one"


class Service(Protocol):
    def open(self, call: Call, /) -> Opening:
        """Enter to wait for the head; read the chunks inside; leave to give everything back."""
        ...


def stack(*layers: Layer, inside: Service) -> Service:
    """Puts layers around a service, the first outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(layers), inside)


class Scope(msgspec.Struct, eq=False):
    """A run of generator layers, entered and left as one. Made by `@scope`, and by Quota and Limit, which know only after a wait
    what they hold.

    Every layer is resumed or thrown into once, innermost first, whatever fails and when. A layer that itself raises
    between its two yields has given back by then: before what is inside it is left, not after.
    """

    _layering: Layering
    _inner: Opening | None = None
    _held: list[Layering] | None = None
    """Outermost first. Made on entering: most scopes never are, but taken over by the one around them."""

    async def __aenter__(self) -> Reply:
        layering = self._layering
        held = self._held = [layering]
        try:
            opening = next(layering)
            while type(opening) is Scope:
                # Taken over, not awaited: the layers inside become part of this run.
                layering = opening._layering
                held.append(layering)
                opening = next(layering)
            reply: Any = await opening.__aenter__()  # type: ignore[union-attr]
            self._inner = opening  # type: ignore[assignment]
            for layering in reversed(held):
                reply = layering.send(reply)
        except BaseException as error:  # noqa: BLE001  # raised below, once every layer has given back
            left = error if type(error) is not StopIteration else RuntimeError(_TWICE)
        else:
            return reply  # type: ignore[no-any-return]
        inner, self._inner = self._inner, None
        try:
            if inner is not None:
                try:
                    await inner.__aexit__(type(left), left, left.__traceback__)
                except BaseException as broken:  # noqa: BLE001  # takes the place of the first
                    left = broken
            raised = self._leave(left)
            assert raised is not None
            raise raised
        finally:
            # Or the error would hold this frame by its traceback, and the frame the error: memory for the collector.
            left = raised = None  # type: ignore[assignment]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        inner, self._inner = self._inner, None
        left = error
        try:
            try:
                assert inner is not None
                await inner.__aexit__(kind, error, trace)
            except BaseException as broken:  # noqa: BLE001  # raised below, once every layer has given back
                left = broken
            raised = self._leave(left)
            if raised is error:
                return None
            assert raised is not None
            raise raised
        finally:
            error = left = raised = None  # as in __aenter__

    def _leave(self, error: BaseException | None) -> BaseException | None:
        """Resumes or throws into every layer, innermost first; returns what is still raised at the end."""
        held = self._held
        assert held is not None, "left, and never entered"
        try:
            while held:
                layering = held.pop()
                try:
                    if error is None:
                        if next(layering, _ENDED) is _ENDED:  # 0.2 us cheaper than by StopIteration
                            continue
                    else:
                        layering.throw(error)
                    layering.close()
                except StopIteration:
                    if error is not None:
                        error = _misused(_SWALLOWED, error)
                except BaseException as raised:  # noqa: BLE001  # goes on outward
                    error = raised
                else:
                    error = _misused(_TWICE, error)
            return error
        finally:
            error = None


def _misused(message: str, cause: BaseException | None) -> BaseException:
    wrong = RuntimeError(message)
    wrong.__cause__ = cause
    return wrong


def scope(layer: Callable[Concatenate[L, Call, ...], Layering]) -> Callable[[L, Call], Opening]:
    """Makes a generator a layer that holds something: `reply = yield inner.open(call)`, then `yield reply`."""

    @wraps(layer)
    def open(self: L, call: Call) -> Opening:
        return Scope(layer(self, call))

    return open


class _Entering(msgspec.Struct, eq=False):
    _open: Callable[[Any, Call, Enter], Awaitable[Reply]]
    _layer: Any
    _call: Call
    _entered: Opening | None = None

    async def __aenter__(self) -> Reply:
        try:
            return await self._open(self._layer, self._call, self._enter)
        except BaseException as error:
            # Entered, and yet not opened: what was entered is undone, or its slot would be held for ever.
            entered, self._entered = self._entered, None
            if entered is not None:
                await entered.__aexit__(type(error), error, error.__traceback__)
            raise

    async def _enter(self, opening: Opening) -> Reply:
        if self._entered is not None:
            raise RuntimeError("an @entering layer entered again while it holds a reply: who wants two, races them")
        reply = await opening.__aenter__()
        self._entered = opening
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        entered, self._entered = self._entered, None
        assert entered is not None, "an @entering layer returned without entering"
        return await entered.__aexit__(kind, error, trace)


def entering(layer: Callable[[L, Call, Enter], Awaitable[Reply]]) -> Callable[[L, Call], Opening]:
    """Makes a coroutine a layer that acts until the head: `return await enter(inner.open(call))`, as often as needed."""

    @wraps(layer)
    def open(self: L, call: Call) -> Opening:
        return _Entering(layer, self, call)

    return open
