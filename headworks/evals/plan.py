"""The calls of a run in a fixed order, and an estimate of their cost.

Always true: samples stand in an order drawn from the seed, each with all its conditions, so that a run that is stopped
early has asked a random part of the suite and nothing else; a condition that leaves a sample as it is asks nothing for
it: it would be plain's call again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.digest import digest
from headworks.core.errors import EvalError
from headworks.core.money import Price
from headworks.core.reply import Usage
from headworks.evals import conditions
from headworks.evals.conditions import PLAIN, REPETITION, UNPERTURBED, Condition
from headworks.evals.deterministic_random import DeterministicRandom
from headworks.evals.judge import INSTRUCTIONS, MAX_TOKENS
from headworks.evals.one_target import alias_behind, with_one_target
from headworks.evals.request_bodies import ItemRequest, RequestBodies
from headworks.evals.results import ConditionLine, Header
from headworks.evals.scorers import GRADED, Scorer, UserScorer
from headworks.evals.suites.suite import LoadedSuite, Sample, Suite
from headworks.gateway.prices import Prices
from headworks.policy.charge import BYTES_PER_TOKEN
from headworks.system.schema.system import Model, System
from headworks.system.syntax.findings import suggestion
from headworks.system.verdicts.constraints import permitted
from headworks.system.verdicts.quality import prompt_version

ANSWER_TOKENS = 200
"""Tokens of an answer where `max_tokens` does not bound it, for the estimate of cost: a paragraph or two."""

QUICK_SAMPLES = 20

DEFAULT_CONCURRENCY = 16
"""Calls at once where no provider of the model has a bound of its own."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a run. conditions: names, () for the suite's own. samples: at most this many. target: the only one of the
    model's targets that may answer, as `provider/model`; "" for all as the system file has them."""

    conditions: tuple[str, ...] = ()
    samples: int | None = None
    seed: int = 1
    model: str = ""
    target: str = ""


class Item(msgspec.Struct, frozen=True):
    """One call of a run."""

    sample: Sample
    condition: Condition
    repeat: int
    asked: ItemRequest


class Plan:
    """A run, before it starts."""

    def __init__(self, read: LoadedSuite, system: System, choices: RunOptions) -> None:
        self.suite: Suite = _sampled(read.suite, choices)
        self.own: dict[str, UserScorer] = read.own
        self.seed = choices.seed
        self.model = resolve_alias(choices.model or read.suite.model, system)
        self.alias = alias_behind(self.model, system)
        self.target = choices.target
        self.judge, self.system = self.model, system
        """The model that grades where a scorer names none, and the system that is asked."""
        if choices.target:
            self.judge, self.system = with_one_target(system, self.alias, choices.target)
        self.conditions = _selected_conditions(self.suite, choices.conditions)
        for task in (self.suite.base, *self.suite.tasks.values()):
            for scorer in task.scorers:
                if scorer.model:
                    resolve_alias(scorer.model, system)
        self._bodies = RequestBodies(self.suite, self.model, self.seed)
        self._prices: dict[str, Price | None] = {}

    def header(self) -> Header:
        """The first line of the results."""
        said = tuple(
            ConditionLine(title=one.title, kind=one.kind, claim=one.claim, amount=one.amount, repeats=one.repeats)
            for one in self.conditions
        )
        parts = [self.suite.digest, self.model, self.system.digest, self.seed, said]
        return Header(
            digest=digest(msgspec.json.encode(parts)),
            suite=self.suite.name,
            model=self.model,
            system=self.system.name,
            system_digest=self.system.digest,
            seed=self.seed,
            at=time.time(),
            samples=len(self.suite.samples),
            conditions=said,
            target=self.target,
            prompt=prompt_version(self.system, self.model),
        )

    def items(self) -> Iterator[Item]:
        """Every call, sample by sample."""
        for sample in self.suite.samples:
            plain = self._bodies.of(sample, UNPERTURBED)
            for condition in self.conditions:
                asked = plain if condition.kind == PLAIN else self._bodies.of(sample, condition)
                if condition.kind not in (PLAIN, REPETITION) and asked.body == plain.body:
                    continue
                for repeat in range(condition.repeats):
                    yield Item(sample, condition, repeat, asked)

    def model_behind(self, alias: str) -> Model:
        """The model that answers: the alias that is called, or the one behind the prompt."""
        return permitted(self.system).models[alias_behind(alias, self.system)]

    def grader(self, scorer: Scorer) -> str:
        """The model that grades: never the one target that is asked, but the alias as the system file has it, for all targets alike."""
        if not self.target:
            return scorer.model or self.model
        return self.judge if scorer.model in ("", self.model, self.alias) else scorer.model

    def estimate(self, item: Item) -> int | None:
        """What an item may cost, in nano-dollars: one attempt at the first target, and its judges, each asked in both orders.
        None where a price is unknown."""
        task = self.suite.task(item.sample)
        asked = task.parameters.get("max_completion_tokens", task.parameters.get("max_tokens", ANSWER_TOKENS))
        answer = asked if isinstance(asked, int) else ANSWER_TOKENS
        question = -(-len(item.asked.body) // BYTES_PER_TOKEN)
        total = self._cost(self.model, question, answer)
        for scorer in task.scorers:
            if scorer.kind == GRADED:
                read = question + answer + (len(scorer.rubric) + len(INSTRUCTIONS)) // BYTES_PER_TOKEN
                cost = self._cost(self.grader(scorer), read, MAX_TOKENS)
                total = None if total is None or cost is None else total + 2 * cost
        return total

    def _cost(self, alias: str, question: int, answer: int) -> int | None:
        if alias not in self._prices:
            model = self.model_behind(alias)
            self._prices[alias] = Prices(self.system).of(model, model.targets[0][0])
        price = self._prices[alias]
        return None if price is None else price.cost(Usage(input=question, output=answer))

    @property
    def concurrency(self) -> int:
        """Calls at once that the model's first tier takes."""
        bounds = [self.system.providers[one.provider].concurrency for one in self.model_behind(self.model).targets[0]]
        return min([bound for bound in bounds if bound is not None], default=DEFAULT_CONCURRENCY)


class RunEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """The size and the estimated cost of a run (nano-dollars; None where a price is unknown)."""

    samples: int
    calls: int
    cost_nano: int | None


def estimate_run(plan: Plan) -> RunEstimate:
    """Counts a plan's calls, and what they may cost."""
    calls, total = 0, 0
    is_known = True
    for item in plan.items():
        calls += 1
        cost = plan.estimate(item)
        is_known = is_known and cost is not None
        total += cost or 0
    return RunEstimate(samples=len(plan.suite.samples), calls=calls, cost_nano=total if is_known else None)


def resolve_alias(asked: str, system: System) -> str:
    """The alias that is evaluated. Raises EvalError where none is named, or it does not exist."""
    if not asked:
        if len(system.models) == 1:
            return next(iter(system.models))
        names = ", ".join(system.models)
        raise EvalError(f"the suite names no model\n    add `model:` to the suite, or use --model; models: {names}")
    known = [*system.models, *(PROMPT_PREFIX + name for name in system.prompts)]
    if asked not in known:
        raise EvalError(f"there is no model `{asked}`\n    {suggestion(asked, known, 'models')}")
    return asked


def _sampled(suite: Suite, choices: RunOptions) -> Suite:
    """The samples in the order in which they are asked, no more than were chosen, each task's share kept."""
    order = DeterministicRandom(choices.seed, "order", suite.name).shuffled(suite.samples)
    if choices.samples is not None and choices.samples < len(order):
        queues: dict[str, list[Sample]] = {}
        for sample in order:
            queues.setdefault(sample.task, []).append(sample)
        # Of each task in turn: twenty samples of five tasks are four of each.
        rounds = (queue[at] for at in range(len(order)) for queue in queues.values() if at < len(queue))
        order = [sample for _, sample in zip(range(choices.samples), rounds, strict=False)]
    return msgspec.structs.replace(suite, samples=tuple(order))


def _selected_conditions(suite: Suite, names: tuple[str, ...]) -> tuple[Condition, ...]:
    """Plain first, then the conditions that were chosen. Raises EvalError for one that is not known."""
    own = {one.title: one for one in suite.conditions}
    if not names:
        found = list(suite.conditions)
    else:
        found = []
        for name in names:
            if name in ("none", PLAIN):
                continue
            if name == "all":
                found += [own.get(kind, conditions.make_condition(kind)) for kind in conditions.KINDS]
            elif name in own:
                found.append(own[name])
            elif name in conditions.KINDS:
                found.append(conditions.make_condition(name))
            else:
                known = [*dict.fromkeys([*own, *conditions.KINDS]), "all", "none"]
                raise EvalError(f"there is no condition `{name}`\n    {suggestion(name, known, 'conditions')}")
    by_title = {one.title: one for one in found if one.kind != PLAIN}
    return (UNPERTURBED, *by_title.values())
