"""Proposes systems of a space that has more than are tried.

Theory. A tree-structured Parzen estimator over several goals at once: values that were on the frontier so far are proposed more
often (Ozaki and others, Multiobjective tree-structured Parzen estimator, Journal of Artificial Intelligence Research 73, 2022). It
is asked for `BATCH` at a time whoever works, so that the number of processes changes nothing.

Always true: the same space and seed give the same systems; none is tried twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

import optuna

from headworks.twin.frontier.sampler import Chosen, Goals
from headworks.twin.frontier.space import Space

BATCH: Final = 10
STARTUP: Final = 20
"""Systems that are drawn at random before the sampler learns."""

MOST_ASKED: Final = 4
"""How often the sampler is asked for each system that is wanted: it proposes some twice."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What optuna would log of each trial is nobody's."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


class Proposals:
    """A sampler. wanted: how many systems; goals: numbers that each has."""

    def __init__(self, space: Space, wanted: int, seed: int, goals: int) -> None:
        self.space = space
        self.wanted = min(wanted, space.size)
        self.seen: set[Chosen] = set()
        self._trials: dict[Chosen, list[optuna.trial.Trial]] = {}
        self._found: dict[Chosen, Goals | None] = {}
        self._distributions: dict[str, optuna.distributions.BaseDistribution] = {
            str(at): optuna.distributions.CategoricalDistribution(tuple(range(len(knob.values))))
            for at, knob in enumerate(space.knobs)
        }
        with _quiet():
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(STARTUP, max(1, wanted // 2)))
            self._study = optuna.create_study(directions=["minimize"] * goals, sampler=sampler)

    def ask(self) -> list[Chosen]:
        with _quiet():
            return self._asked()

    def _asked(self) -> list[Chosen]:
        found: list[Chosen] = []
        if not self.seen:  # the file as it is, or what is nearest to it
            found.append(tuple(self._as_it_is()))
            self.seen.add(found[0])
        for _ in range(MOST_ASKED * BATCH):
            if len(found) >= BATCH or len(self.seen) >= self.wanted:
                break
            trial = self._study.ask(self._distributions)
            chosen = tuple([trial.params[str(at)] for at in range(len(self.space.knobs))])
            if chosen in self._found:
                self._end(trial, self._found[chosen])
                continue
            self._trials.setdefault(chosen, []).append(trial)
            if chosen not in self.seen:
                self.seen.add(chosen)
                found.append(chosen)
        return found or self._unseen()

    def _as_it_is(self) -> Iterator[int]:
        for knob in self.space.knobs:
            yield next((at for at, value in enumerate(knob.values) if value.node is None), 0)

    def _unseen(self) -> list[Chosen]:
        """Systems that the sampler does not propose any more: the next ones in order."""
        found: list[Chosen] = []
        for number in range(self.space.size):
            if len(found) >= BATCH or len(self.seen) >= self.wanted:
                break
            chosen = self.space.chosen(number)
            if chosen not in self.seen:
                self.seen.add(chosen)
                found.append(chosen)
        return found

    def tell(self, found: Sequence[tuple[Chosen, Goals | None]]) -> None:
        with _quiet():
            for chosen, goals in found:
                self._found[chosen] = goals
                for trial in self._trials.pop(chosen, []):
                    self._end(trial, goals)

    def _end(self, trial: optuna.trial.Trial, goals: Goals | None) -> None:
        if goals is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, list(goals))
