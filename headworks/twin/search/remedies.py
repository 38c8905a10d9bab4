"""What would meet a missed objective: the easiest, then cheapest, change, or two where no single one is enough.

Theory. Remedies are looked for from the easiest kind to the hardest: what the file alone can do, a limit that a vendor must
grant, another vendor; of a limit's ladder the lowest step that is enough. Short comparisons say what may do; of that the
best few of a kind are confirmed on fresh seeds before a harder kind is asked for. Where no change does alone, the limits
that are nearly used up and the changes that help most are tried by twos: behind one limit a second may wait, and then
neither helps alone.

Always true: nothing is offered that was not confirmed; more or less traffic is no change of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Final

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.twin.report.report import Remedy, RemedyChange
from headworks.twin.search.changes import KINDS_BY_EFFORT, Change, Kind, remedy_ladders
from headworks.twin.search.comparison import Comparison
from headworks.twin.search.confirmation import Confirmation, Outcome, price_of
from headworks.twin.simulation.replications import Plan, Run, estimate
from headworks.twin.verdicts.bottleneck import BINDING_FROM
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.quality import quality_up
from headworks.twin.verdicts.verdict import Judge, Verdict, margin

MIN_CHANGE: Final = 0.002
"""Smallest change of a margin that counts: a setting that moves no missed objective by more is no remedy."""

MAX_REMEDIES: Final = 12
"""Most changes of a kind that are tried as remedies, for all objectives together."""

MAX_FINALISTS: Final = 3
"""Offers of a kind for one objective that are confirmed at most, each at up to three steps of its ladder ..."""

MAX_CONFIRMED: Final = 4
"""... and changes in all: the best at its lowest step is enough as a rule."""

MAX_PARTS: Final = 4
"""Changes of which any two are tried together: six pairs."""

SYNERGY: Final = 2.0
"""How many times more two changes that are no limits may gain together than each alone, for them to be tried."""

NOTABLE_REFUSALS: Final = 0.001
"""The share of calls from which a limit that rejects them may be the reason."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a short comparison says of a change for one objective. cost: dollars a call; breaks: objectives that held and are missed."""

    is_enough: bool
    gained: float
    cost: float | None
    breaks: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, float, float]:
        """Sort key: how many objectives it breaks, then the cost of a call (to two digits: the rest is noise), then its gain."""
        return len(self.breaks), float(f"{self.cost or 0.0:.1e}"), -self.gained


class Offer(msgspec.Struct, frozen=True):
    """A change that may do: the steps of its ladder, from the lowest that seemed enough on."""

    tried: Tried
    steps: tuple[Change, ...]


class RemedySearch:
    """Searches remedies of one plan. money: what the runs of its verdicts cost."""

    def __init__(
        self, compared: Comparison, missed: Sequence[Objective], verdicts: Sequence[Verdict], money: Money
    ) -> None:
        self.compared = compared
        self.missed = missed
        self.before = {one.id: one for one in verdicts}
        self.price = price_of(money)
        self.confirmation = Confirmation(compared, self.before)
        self.held = [
            one
            for one in compared.plan.system.requirements.objectives
            if one.id in self.before and self.before[one.id].verdict == "holds"
        ]
        self.offers: dict[str, list[Offer]] = {}
        self.gainers: dict[str, list[tuple[float, tuple[Change, ...]]]] = {one.id: [] for one in missed}
        """By objective the changes that helped, and by how much."""
        self.remedies: dict[str, Remedy] = {}
        self.hot = self.hot_limits()

    def found(self) -> list[Remedy]:
        """The remedy of each missed objective that has one."""
        self.compared.left = self.compared.most
        ladders = [tuple(ladder) for ladder in remedy_ladders(self.compared.plan)]
        for kind in KINDS_BY_EFFORT:
            mine = [ladder for ladder in ladders if ladder[0].kind == kind]
            self.try_singles(sorted(mine, key=lambda ladder: ladder[0].name not in self.hot))
        self.try_pairs([ladder for ladder in ladders if ladder[0].name in self.hot])
        for one in self.left():
            self.offer_nearest(one)
        self.compared.simulated += self.confirmation.simulated
        return [self.remedies[one.id] for one in self.missed if one.id in self.remedies]

    def left(self) -> list[Objective]:
        """The objectives that have no remedy yet."""
        return [one for one in self.missed if one.id not in self.remedies]

    def hot_limits(self) -> frozenset[str]:
        """The limits that are nearly used up, or reject calls, or of which closed forms say that more is asked than they admit."""
        using = [use for run in self.compared.base for use in run.uses]
        found = {one.name for one in using if one.at_peak >= BINDING_FROM or one.refused > NOTABLE_REFUSALS}
        if self.compared.courses is not None:
            found |= {one.name for one in self.compared.courses.capacity_of(self.compared.plan).shorts}
        return frozenset(found)

    # One change.

    def try_singles(self, ladders: Sequence[tuple[Change, ...]]) -> None:
        """The changes of one kind, and what is confirmed of them."""
        self.offers = {one.id: [] for one in self.missed}
        tried, left = 0, self.left()
        if left:
            usable = (one[-1] for one in ladders if not self.compared.is_without_effect(one[0], left))
            self.compared.ahead(islice(usable, MAX_REMEDIES))
        for ladder in ladders:
            if not left or tried >= MAX_REMEDIES:
                break
            if self.compared.is_without_effect(ladder[0], left) or not self.is_worth_trying(ladder[-1]):
                continue
            tried += 1
            self.try_ladder(ladder, left)
        for one in left:
            self.confirm(one)

    def is_worth_trying(self, change: Change) -> bool:
        """Whether it may help, and there are calls left for it; they are spent."""
        return not self.compared.leaves_the_queue(change) and self.compared.affords(change)

    def try_ladder(self, ladder: tuple[Change, ...], left: Sequence[Objective]) -> None:
        """The largest step for every objective; of one that it meets, the lowest that does."""
        for id, top in self.tried(ladder[-1], left).items():
            if top.is_enough:
                objective = next(one for one in left if one.id == id)
                self.offers[id].append(self.lowest_enough(ladder, objective) or Offer(top, ladder[-1:]))
            if top.gained > MIN_CHANGE:
                self.gainers[id].append((top.gained, ladder))

    def lowest_enough(self, ladder: tuple[Change, ...], objective: Objective) -> Offer | None:
        """The lowest step of a ladder, the last one aside, that meets an objective, and those above it."""
        for number, step in enumerate(ladder[:-1]):
            if not self.compared.affords(step):
                continue
            found = self.tried(step, [objective]).get(objective.id)
            if found is not None and found.is_enough:
                return Offer(found, ladder[number:])
        return None

    def tried(self, change: Change, wanted: Sequence[Objective]) -> dict[str, Tried]:
        """What a short comparison says of a change for each objective. One is met by its value alone (few runs have wide
        intervals); one over a month only if nine in ten months meet it."""
        compared = self.compared
        plan, made = compared.changed(change)
        judge = Judge(plan, made, compared.base[0].seed, compared.busy, compared.short)
        ids = {one.id for one in wanted}
        broken = tuple([one.id for one in self.held if one.id not in ids and is_missed(one, plan, made)])
        cost = price_of(judge.money).call
        found: dict[str, Tried] = {}
        for objective in wanted:
            verdict, was = judge.of(objective), self.before[objective.id].margin
            if verdict.margin is None or verdict.value is None or was is None:
                continue
            is_month = objective.window is not None and objective.metric == "availability"
            is_enough = verdict.verdict == "holds" if is_month else verdict.margin >= 0
            found[objective.id] = Tried(is_enough=is_enough, gained=verdict.margin - was, cost=cost, breaks=broken)
        compared.simulated += judge.simulated - sum(one.calls for one in made)
        return found

    # Two changes.

    def try_pairs(self, hot: Sequence[tuple[Change, ...]]) -> None:
        """Two changes at once for what no single one meets, and what is confirmed of them."""
        left = self.left()
        self.offers = {one.id: [] for one in self.missed}
        if not left:
            return
        for one, two in combinations(self.parts(hot, left), 2):
            if one[0].path == two[0].path:
                continue
            ladder = tuple(joined_ladder(one, two))
            if self.may_be_enough(one, two, left) and self.is_worth_trying(ladder[-1]):
                self.try_ladder(ladder, left)
        for objective in left:
            self.confirm(objective)

    def may_be_enough(self, one: Sequence[Change], two: Sequence[Change], left: Sequence[Objective]) -> bool:
        """Whether two changes may do together: a limit may hide what another change does; else what both gain alone counts."""
        if one[0].name in self.hot or two[0].name in self.hot:
            return True
        for objective in left:
            alone = {ladder[-1].name + ladder[-1].said: gained for gained, ladder in self.gainers[objective.id]}
            missing = -(self.before[objective.id].margin or 0.0)
            if sum(alone.get(ladder[-1].name + ladder[-1].said, 0.0) for ladder in (one, two)) >= missing / SYNERGY:
                return True
        return False

    def parts(self, hot: Sequence[tuple[Change, ...]], left: Sequence[Objective]) -> list[tuple[Change, ...]]:
        """The changes that are tried by twos: those that help most, and the limits that are nearly used up."""
        ranked = sorted((one for id in left for one in self.gainers[id.id]), key=lambda one: -one[0])
        found: dict[str, tuple[Change, ...]] = {}
        helping, limits = [ladder for _, ladder in ranked], list(hot)
        while len(found) < MAX_PARTS and (helping or limits):
            for source in (
                helping,
                limits,
            ):  # in turn: what helps alone may not need a limit, and a limit may not help alone
                if source and len(found) < MAX_PARTS:
                    ladder = source.pop(0)
                    found.setdefault(ladder[-1].name + ladder[-1].said, ladder)
        return sorted(found.values(), key=lambda ladder: KINDS_BY_EFFORT.index(ladder[0].kind))

    # Fresh seeds.

    def confirm(self, objective: Objective) -> None:
        """Takes the best offer that fresh seeds confirm, one that breaks no other promise if there is one."""
        offers = sorted(self.offers[objective.id], key=lambda offer: offer.tried.rank)
        for change in islice(steps_of(offers), MAX_CONFIRMED):
            outcome = self.confirmation.outcome(change, objective)
            if outcome is None or not outcome.is_met or not outcome.is_better:
                continue
            remedy = self.remedy(objective, change, outcome)
            if not remedy.breaks:
                self.remedies[objective.id] = remedy
                return
            self.remedies.setdefault(objective.id, remedy)

    def offer_nearest(self, objective: Objective) -> None:
        """The change that comes closest, where its gain is confirmed."""
        nearest = max(self.gainers[objective.id], key=lambda one: one[0], default=None)
        if nearest is None:
            return
        change = nearest[1][-1]
        outcome = self.confirmation.outcome(change, objective)
        if outcome is not None and outcome.is_better and outcome.gained.value > MIN_CHANGE:
            self.remedies[objective.id] = self.remedy(objective, change, outcome)

    def remedy(self, objective: Objective, change: Change, outcome: Outcome) -> Remedy:
        """A change that was confirmed, in the words of a report."""
        assert outcome.verdict.value is not None
        confirmation = self.confirmation
        price = confirmation.price(change, self.price)
        return Remedy(
            objective=objective.id,
            is_enough=outcome.is_met,
            gained=outcome.gained.value,
            gained_low=outcome.gained.low,
            gained_high=outcome.gained.high,
            knob=change.name,
            said=change.said,
            kind=change.kind,
            path=change.path,
            value=outcome.verdict.value,
            cost_before=self.price.call,
            cost_after=price.call,
            month_before=self.price.month,
            month_after=price.month,
            breaks=confirmation.broken(change, self.held),
            turns=confirmation.turned(change, self.missed),
            changes=[
                RemedyChange(knob=one.name, said=one.said, kind=one.kind, path=one.path)
                for one in change.parts or (change,)
            ],
        )


def is_missed(objective: Objective, plan: Plan, made: Sequence[Run]) -> bool:
    """Whether an objective is missed by these runs, while every provider is up."""
    if objective.metric == "quality":
        worth = quality_up(plan.system, objective, plan.quality, [one.seen for one in made])
        return worth is not None and worth < float(objective.limit.value)
    found = estimate(objective, made) if objective.metric != "cost" else None
    return found is not None and margin(objective, found.value) < 0


def steps_of(offers: Sequence[Offer]) -> Iterator[Change]:
    """The changes to confirm: the lowest step of the best offers first, then the one above it, then the largest."""
    known: set[str] = set()
    for depth in (0, 1, -1):
        for offer in offers[:MAX_FINALISTS]:
            step = offer.steps[min(depth, len(offer.steps) - 1)]
            if (name := f"{step.name}: {step.said}") not in known:
                known.add(name)
                yield step


def joined_ladder(one: Sequence[Change], two: Sequence[Change]) -> Iterator[Change]:
    """Two ladders as one, step by step; a shorter one ends at its largest step."""
    for number in range(max(len(one), len(two))):
        yield joined(one[min(number, len(one) - 1)], two[min(number, len(two) - 1)])


def joined(one: Change, two: Change) -> Change:
    """Two changes as one, which is as hard as the harder of them."""
    kind: Kind = max(one.kind, two.kind, key=KINDS_BY_EFFORT.index)
    return Change(
        name=f"{one.name}, and {two.name}",
        said=f"{one.said}, and {two.said}",
        kind=kind,
        path=f"{one.path}, {two.path}",
        apply=lambda plan: two.apply(one.apply(plan)),
        parts=(one, two),
    )
