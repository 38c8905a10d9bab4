"""Makes the runs of a plan: here, or ahead of time on other cores.

Theory. A plan is judged and searched step by step, and each step asks for the runs that it needs. Most of them are known before: the
least that a verdict takes, each change that will be tried. They are asked for ahead and computed by workers, while the steps
go on in their order. A run follows from its plan, seed, course and the providers that are down (`run.py`), so where it was made
cannot be seen.

Always true: what is asked for ahead and never taken changes no result.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Final

from headworks.twin.simulation.replications import Run, Task, done
from headworks.twin.workers.workers import ThisProcess, Workers

PAYS: Final = 5_000
"""Calls of runs that are asked for at once from which workers are started: a second of one core. They need half of one to start."""


class Replicator:
    """Gives the runs that a plan asks for. workers: who makes those that are asked for ahead."""

    def __init__(self, workers: Workers | None = None) -> None:
        self.workers: Workers = ThisProcess() if workers is None else workers
        self._is_started = False
        self._ahead: list[tuple[Task, Future[Run]]] = []

    @property
    def count(self) -> int:
        """Runs that are made at once."""
        return self.workers.count

    def ahead(self, tasks: Iterable[Task]) -> None:
        """Begins runs that will be asked for, in the order in which they will be, where that is worth it."""
        if self.workers.count == 1:
            return
        new = [one for one in tasks if self._known(one) is None]
        if not self._is_started and sum(one.cost for one in new) < PAYS:
            return
        self._is_started = True
        self._ahead += [(one, self.workers.submit(done, one)) for one in new]

    def run(self, task: Task) -> Run:
        """One run."""
        known = self._known(task)
        if known is None:
            return done(task)
        self._ahead.remove(known)
        return known[1].result()

    def drop(self) -> None:
        """Forgets what was asked for ahead and is not needed any more; what has not begun is not."""
        for _, future in self._ahead:
            future.cancel()
        self._ahead = []

    def _known(self, task: Task) -> tuple[Task, Future[Run]] | None:
        return next((one for one in self._ahead if one[0].is_same(task)), None)
