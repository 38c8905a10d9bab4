"""Stack frames as text that is safe to log: file, line and function, without values or absolute paths."""

from __future__ import annotations

from asyncio import Handle, Task
from types import FrameType


def frames_from(frame: FrameType | None) -> list[FrameType]:
    """A frame and its callers, the outermost first."""
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    return frames


def place(frame: FrameType) -> str:
    """`headworks/layers/retry.py:44:Retry.open`. The path is as long as the module's name."""
    code = frame.f_code
    path = code.co_filename.replace("\\", "/").split("/")
    name = str(frame.f_globals.get("__name__", ""))
    length = name.count(".") + 1 + (path[-1] == "__init__.py")
    return f"{'/'.join(path[-length:])}:{frame.f_lineno}:{code.co_qualname}"


def suspended(task: Task[object]) -> list[FrameType]:
    """The frames of a task that waits, the outermost first (`Task.get_stack` has the outermost alone)."""
    frames: list[FrameType] = []
    waiting: object = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            frames.append(frame)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return frames


def working(frames: list[FrameType]) -> FrameType | None:
    """The most telling frame of a task: the innermost one outside asyncio and `core/`."""
    for frame in reversed(frames):
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith(("asyncio", "headworks.core")):
            return frame
    return frames[-1] if frames else None


def waiting_at(handle: Handle) -> str:
    """The place of the code that the loop runs next for this handle."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, Task) and (frame := working(suspended(task))) is not None:
        return place(frame)
    return str(getattr(callback, "__qualname__", callback.__class__.__qualname__))
