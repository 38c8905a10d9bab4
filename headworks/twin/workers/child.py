"""A worker process: one task after another, as frames on stdin and stdout. It ends when stdin does."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import signal
from typing import IO, Final

from headworks.twin.workers.frames import Failure, pickled, read_frame, write_frame

COLLECTED_AFTER: Final = 20_000
"""New objects after which the garbage collector looks at the youngest: some two hundred calls of a run."""


def serve(told: IO[bytes], said: IO[bytes]) -> None:
    """Answers each task with what it returns, or with what it raises."""
    while (frame := read_frame(told)) is not None:
        write_frame(said, answer(frame))


def answer(frame: bytes) -> bytes:
    """The frame that answers a task."""
    try:
        function, args = pickle.loads(frame)  # our own parent wrote it
        return pickled(function(*args))
    except Exception as error:  # noqa: BLE001  # it is raised where the task was asked for
        return failed(error)


def failed(error: Exception) -> bytes:
    """The frame of an error; of one that cannot be pickled, or not be made again, its words."""
    try:
        frame = pickled(Failure(error))
        pickle.loads(frame)  # the line above wrote it
    except Exception:  # noqa: BLE001  # an error's own arguments may be anything
        frame = pickled(Failure(RuntimeError(f"{type(error).__name__}: {error}")))
    return frame


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the plan's to hear; the end of stdin counts
        signal.signal(number, signal.SIG_IGN)
    told, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    logging.getLogger("headworks").setLevel(logging.CRITICAL)
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, *gc.get_threshold()[1:])
    with contextlib.suppress(BrokenPipeError):
        serve(told, said)


if __name__ == "__main__":
    main()
