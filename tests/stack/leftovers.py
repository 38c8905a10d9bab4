"""What calls leave to Python's garbage collector, which a gateway runs seldom: nothing of ours may wait for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, TracebackType
from typing import Final

import headworks

OURS: Final = str(Path(headworks.__file__).parent)


def code_of(one: object) -> CodeType | None:
    if isinstance(one, TracebackType):
        one = one.tb_frame
    if isinstance(one, FrameType):
        return one.f_code
    if isinstance(one, FunctionType):
        return one.__code__
    if isinstance(one, CoroutineType):
        return one.cr_code
    return one.gi_code if isinstance(one, GeneratorType) else None


def told(one: object) -> str:
    """What an object of ours is, in words; "" where it is not ours."""
    code = code_of(one)
    if code is not None:
        return f"{type(one).__name__} of {code.co_qualname}" if code.co_filename.startswith(OURS) else ""
    module = type(one).__module__
    return f"{module}.{type(one).__qualname__}" if module.partition(".")[0] == "headworks" else ""


class Watch:
    """Looks at what was made since it began, as the collector would."""

    def garbage(self) -> set[str]:
        """What of ours only the collector would find."""
        del gc.garbage[:]
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            return {said for one in gc.garbage if (said := told(one))}
        finally:
            gc.set_debug(0)
            del gc.garbage[:]

    def large(self, size: int) -> list[str]:
        """Who holds a text or bytes of at least this size, garbage or not."""
        found = []
        for holder in gc.get_objects():
            if code_of(holder) is not None and not told(holder):
                continue  # a test's own
            found += [
                f"{told(holder) or type(holder)} holds {len(held)} {type(held).__name__}"
                for held in gc.get_referents(holder)
                if isinstance(held, bytes | bytearray | str) and len(held) >= size
            ]
        return found


@contextmanager
def uncollected() -> Iterator[Watch]:
    """The collector is off, and what was there before is not looked at."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield Watch()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
