"""Tasks on other cores: functions of modules, whose arguments and results can be pickled.

Theory. What a plan computes (a run of a plan with a seed, a candidate of a search) depends on its arguments and on nothing else. So it
may be computed anywhere, and in any order; who takes the results in the order in which he asked has the same plan to the digit, with
one worker or four. Each worker is a process, for an interpreter runs on one core. It is a plain child with two pipes: it needs no
`fork` of a program that has threads, no shared memory (containers have little), and does not run the caller's `__main__` again.

Always true: results are the same with and without workers; an error of a task is raised where its result is taken; a worker
that cannot start, or has died, is replaced by this process; none is left after `close`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar, TypeVarTuple, Unpack

from headworks.core import children
from headworks.twin.workers.frames import Failure, pickled, read_frame, write_frame

T = TypeVar("T")
Item = TypeVar("Item")
Ts = TypeVarTuple("Ts")

CHILD: Final = children.command("headworks.twin.workers.child")

MOST: Final = 4
"""Workers at most: each holds a run of its own, some hundreds of megabytes where it is a long one."""

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""How much of the cores a container may use: microseconds in each period, or `max`."""


class Workers(Protocol):
    """Whoever computes tasks. count: how many at once."""

    @property
    def count(self) -> int: ...

    def start(self, module: str) -> None:
        """Starts now, where the first tasks are still to be made, and imports the module of their functions: half a second of a core."""
        ...

    def submit(self, function: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        """Begins a task. Its result is taken with `result()`, which raises what the task raised."""
        ...

    def map(self, function: Callable[[Item], T], items: Iterable[Item]) -> Iterator[T]:
        """The result for each item, in their order."""
        ...


class ThisProcess:
    """No workers: each task is done here, when it is asked for."""

    count = 1

    def start(self, module: str) -> None:
        pass  # it runs

    def submit(self, function: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        made: Future[T] = Future()
        try:
            made.set_result(function(*args))
        except Exception as error:  # noqa: BLE001  # raised where the result is taken
            made.set_exception(error)
        return made

    def map(self, function: Callable[[Item], T], items: Iterable[Item]) -> Iterator[T]:
        return map(function, items)


class WorkerProcesses:
    """Tasks in `count` processes of their own, started with the first tasks. Use it as a context manager: it ends them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._mine = threading.local()
        self._children: list[subprocess.Popen[bytes]] = []
        self._is_closed = False
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="plan-worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, function: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        return self._threads.submit(self._done, function, args)

    def map(self, function: Callable[[Item], T], items: Iterable[Item]) -> Generator[T]:
        return self._taken([self.submit(function, item) for item in items])

    @staticmethod
    def _taken(asked: list[Future[T]]) -> Generator[T]:
        """The results in turn; who stops taking them has no more begun."""
        asked.reverse()
        try:
            while asked:
                yield asked.pop().result()
        finally:
            for one in asked:
                one.cancel()

    def start(self, module: str) -> None:
        for _ in range(self.count):
            self.submit(import_module, module)

    def close(self) -> None:
        """Ends every process, whatever it does; tasks that nobody took are lost."""
        with self._lock:
            self._is_closed = True
            for child in self._children:
                child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            child.communicate()

    def _done(self, function: Callable[[Unpack[Ts]], T], args: tuple[*Ts]) -> T:
        """A task's result, by the child of this thread; by this process where it has none."""
        answer = self._answer(pickled((function, args)))
        if answer is None:
            if self._is_closed:
                raise CancelledError
            return function(*args)
        made: Any = pickle.loads(answer)  # our own child wrote it
        if isinstance(made, Failure):
            raise made.error
        found: T = made
        return found

    def _answer(self, task: bytes) -> bytes | None:
        """The child's answer; None where there is no child that answers."""
        child = self._child()
        if child is None or child.stdin is None or child.stdout is None:
            return None
        with contextlib.suppress(OSError, ValueError):  # it has died
            write_frame(child.stdin, task)
            return read_frame(child.stdout)
        return None

    def _child(self) -> subprocess.Popen[bytes] | None:
        """The child of this thread, which is started once; None where it cannot be started."""
        if not hasattr(self._mine, "child"):
            self._mine.child = self._started()
        found: subprocess.Popen[bytes] | None = self._mine.child
        return found

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._is_closed:
                return None
            try:
                child = subprocess.Popen(
                    CHILD, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=children.environment(os.environ)
                )
            except OSError:  # too many processes, or none may be started here
                return None
            self._children.append(child)
            return child


def workers(count: int) -> AbstractContextManager[Workers]:
    """So many workers; with fewer than two, this process."""
    return WorkerProcesses(count) if count > 1 else nullcontext(ThisProcess())


def worker_count() -> int:
    """One worker more than there are cores, `MOST` at most: three long runs on two cores then take the time of one and a half, and not
    of two. With one core there is none but this process."""
    found = cores()
    return 1 if found == 1 else min(MOST, found + 1)


def cores() -> int:
    """The cores that this process may keep busy: of those that it may run on, and of those that its container pays for."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(allowed, bought(QUOTA)))


def bought(file: Path) -> int:
    """The whole cores of a container's quota; more than anybody has where there is none."""
    try:
        share, period = file.read_text().split()
        return sys.maxsize if share == "max" else int(share) // int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return sys.maxsize
