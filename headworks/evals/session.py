"""One evaluation from start to end: a suite, a system, a results file, a summary. The command and the pytest plugin use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from headworks.core.errors import EvalError
from headworks.evals import results
from headworks.evals.caller import Caller
from headworks.evals.plan import Plan, RunEstimate, RunOptions, estimate_run
from headworks.evals.results import SUFFIX, Ended, Results
from headworks.evals.runner import Limits, Progress, Run
from headworks.evals.statistics import summary
from headworks.evals.statistics.summary import CONFIDENCE, Promise, Summary
from headworks.evals.statistics.table import Table
from headworks.evals.suites.suite import LoadedSuite
from headworks.evals.suites.suite_file import load
from headworks.inprocess import Opened
from headworks.system.load import Loaded
from headworks.system.schema.secrets import PrivateUrl
from headworks.system.schema.system import System
from headworks.system.syntax.findings import suggestion
from headworks.system.verdicts.quality_file import RESULTS_FOLDER

BUILT_IN_SUITE = "basics"
"""The suite that comes with the package, run where a system file has none."""


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a run.

    key: a name under the system's `keys`, "" for the first that may ask the model. concurrency: calls in flight, None for
    what the providers take. max_cost: nano-dollars. fresh: not to go on with a run that was left. out: the results file.
    """

    choices: RunOptions = RunOptions()
    key: str = ""
    concurrency: int | None = None
    max_cost: int | None = None
    fresh: bool = False
    out: Path | None = None


def suites_of(loaded: Loaded, names: tuple[str, ...]) -> dict[str, LoadedSuite]:
    """The suites that are meant: all of the system file where none is named, the shipped one where it has none.

    Raises ConfigError with what is wrong in them, EvalError for a name that is not there.
    """
    written = loaded.system.suites
    chosen = names or tuple(written) or (BUILT_IN_SUITE,)
    found = {}
    for name in chosen:
        if name in written:
            found[name] = load(loaded.folder / written[name].file, name)
        elif name == BUILT_IN_SUITE:
            found[name] = load(Path(__file__).parent / f"{BUILT_IN_SUITE}.yaml", name)
        else:
            known = [*written, BUILT_IN_SUITE]
            raise EvalError(f"there is no suite `{name}`\n    {suggestion(name, known, 'suites')}")
    return found


def quality_targets(system: System, suite: str) -> list[Promise]:
    """The objectives that name a suite."""
    return [
        Promise(id=one.id, at_least=float(one.at_least.value), confidence=one.confidence or CONFIDENCE)
        for one in system.requirements.objectives
        if one.metric == "quality" and one.suite == suite and one.at_least is not None
    ]


def with_model(read: LoadedSuite, system: System, choices: RunOptions) -> RunOptions:
    """The choices with the model filled in where an objective of the suite names its alias."""
    if choices.model or read.suite.model:
        return choices
    aliases = {
        one.alias for one in system.requirements.objectives if one.suite == read.suite.name and one.alias is not None
    }
    if len(aliases) == 1:
        return msgspec.structs.replace(choices, model=aliases.pop())
    if read.suite.name == BUILT_IN_SUITE:  # it is about no model in particular: the first will do
        return msgspec.structs.replace(choices, model=next(iter(system.models)))
    return choices


class Session:
    """One suite on one system."""

    def __init__(self, loaded: Loaded, read: LoadedSuite, options: SessionOptions) -> None:
        self.loaded = loaded
        self.read = read
        self.options = options
        self.plan = Plan(read, loaded.system, with_model(read, loaded.system, options.choices))
        self.asked = msgspec.structs.replace(loaded, system=self.plan.system)
        """What is started: the system, or a part of it where one target is asked."""
        self.estimate: RunEstimate = estimate_run(self.plan)
        if options.max_cost is not None and self.estimate.cost_nano is None:
            problem = f"the price of `{self.plan.model}` is unknown, so --max-cost cannot be enforced"
            raise EvalError(f"{problem}\n    set its `price:` in the system file, or leave out --max-cost")

    def results(self) -> Results:
        """The results file of an unfinished run, or a new one."""
        header = self.plan.header()
        folder = self.loaded.folder / RESULTS_FOLDER
        goes_on = self.options.out is None and not self.options.fresh
        if goes_on and (found := results.unfinished(folder, header.digest)) is not None:
            return found
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(header.at))
        return results.begin(
            self.options.out or _unused_path(folder / f"{self.plan.suite.name}-{stamp}{SUFFIX}"), header
        )

    async def run(self, written: Results, tell: Callable[[Progress], None]) -> Ended:
        """Starts the system, runs every item that has no result yet, and stops the system."""
        limits = Limits(concurrency=self.options.concurrency or self.plan.concurrency, max_cost=self.options.max_cost)
        progress = Progress(calls=self.estimate.calls)
        try:
            async with Opened(with_own_ledger(self.asked), is_apart=True) as system:
                caller = Caller(system.front, system.call, self.secret())
                return await Run(self.plan, caller, written, limits, progress, tell).run()
        finally:
            written.close()

    def secret(self) -> str | None:
        """The key that calls show; None where the system has no keys."""
        keys = self.loaded.system.keys
        if not keys:
            return None
        if self.options.key:
            if self.options.key not in keys:
                raise EvalError(
                    f"there is no key `{self.options.key}`\n    {suggestion(self.options.key, keys, 'keys')}"
                )
            return keys[self.options.key].key.reveal()
        may = [key for key in keys.values() if not key.models or self.plan.model in key.models]
        if not may:
            raise EvalError(
                f"no key may ask `{self.plan.model}`\n    add it to the `models` of one of: {', '.join(keys)}"
            )
        return may[0].key.reveal()

    def summary(self, table: Table) -> Summary:
        """The summary of the run, with the verdicts on the objectives of the system file."""
        promises = quality_targets(self.loaded.system, self.plan.suite.name)
        return summary.summarize(table, self.plan.suite, self.plan.conditions, promises)


def with_own_ledger(loaded: Loaded) -> Loaded:
    """The same system with a ledger of its own: calls of an evaluation are not traffic, and must not count in plans, budgets
    and reports."""
    log = msgspec.structs.replace(
        loaded.system.log,
        bodies="none",
        journal=str(RESULTS_FOLDER / "journal"),
        store=PrivateUrl(f"sqlite:///{RESULTS_FOLDER / 'ledger.db'}"),
    )
    system = msgspec.structs.replace(loaded.system, log=log)
    return msgspec.structs.replace(loaded, system=system, warnings=(), path=None)  # who loaded it has told them


def _unused_path(path: Path) -> Path:
    """The path, or one beside it where another run began in the same second."""
    count = 1
    made = path
    while made.exists():
        count += 1
        made = path.with_name(f"{path.stem}-{count}{path.suffix}")
    return made
