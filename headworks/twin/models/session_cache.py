"""What sessions do to a target's prompt cache: the share of its prompts that is read from the cache.

Theory. A session's prompt grows by `growth` tokens a turn. A turn reads what the session's last turn *at the same target* left
in the cache, if that was not longer ago than the cache lives. Under `balance: sticky` that is the turn before. Under any other
balance a target gets each turn with the probability of its weight, so the turn before may have been elsewhere: the cached part is
shorter, and more often cold. Sessions are drawn (`CALLS` turns a target, by a seed of its name) and played against the published
rules: the smallest prompt, the step, the life, and whether what is new is written at a price.

What comes out is a share of warm calls and the parts of their tokens, as `token_classes.py` has them for recorded calls. Calls
keep the sizes that the traffic gives them. Retries, fallbacks and moved sessions are not played: they are few.

Always true: the same file gives the same shares; without `sessions.pause` nothing is cached, as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

import msgspec

from headworks.core.figures import written_figure
from headworks.system.derived.prompt_rules import prompt_rules
from headworks.system.schema.requirements import SessionTraffic, Times
from headworks.system.schema.system import Model, System, TargetOf
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.twin.models.building import Assumption, BuiltModels
from headworks.twin.models.token_classes import Pattern, SizeBand, TokenClasses
from headworks.twin.models.vendor_model import VendorModel
from headworks.wire.prompt_caching import PREFILL_SHARE, RULES, PromptCaching

CALLS: Final = 20_000
"""Turns that are drawn for a target: a share is then known to a third of a point, if turns were independent."""
MOST_TURNS: Final = 10_000
"""Of one session."""
LARGEST: Final = 2**62


class Warmth(msgspec.Struct, frozen=True):
    """Of a target's calls: the share that finds something in the cache, and what those read and write and the others write, each as a
    part of a mean prompt. So the sums are right although a session's first prompts, which are cold, are its shortest."""

    warm: float
    read: float
    write: float
    cold_write: float

    @property
    def cached(self) -> float:
        """The part of all prompt tokens that is read from the cache."""
        return self.warm * self.read


class SessionShape(msgspec.Struct, frozen=True):
    """A session's turns, its pauses, and its prompt: `opening` tokens, and `growth` more each turn."""

    turns: LogNormal
    pause: LogNormal
    opening: float
    growth: float

    @classmethod
    def of(cls, sessions: SessionTraffic, pause: Times, prompt: float) -> SessionShape:
        """prompt: the mean over calls. Without `growth` a prompt begins with one turn's and has no more."""
        turns = LogNormal.of(sessions.turns.p50, sessions.turns.p95, 95)
        rng = Random("turns")
        drawn = [_turns(turns, rng) for _ in range(CALLS // 10)]
        before = sum(count * (count - 1) / 2 for count in drawn) / sum(
            drawn
        )  # turns before a call, the mean over calls
        growth = prompt / (before + 1) if sessions.growth is None else float(sessions.growth)
        opening = max(prompt - growth * before, min(growth, prompt))
        return cls(turns, LogNormal.of(pause.p50, pause.p95, 95), opening, growth)


def warmth(
    shape: SessionShape, rules: PromptCaching, smallest: int, share: float, seed: str, calls_drawn: int = CALLS
) -> Warmth:
    """share: the part of a session's turns that this target gets, each by chance."""
    rng = Random(seed)
    calls = warm = 0
    asked = read = 0.0
    written = [0.0, 0.0]  # by cold calls, by warm ones
    while calls < calls_drawn:
        at, seen, seen_at = 0.0, 0.0, 0.0
        for turn in range(_turns(shape.turns, rng)):
            at += shape.pause.median * rng.lognormvariate(0.0, shape.pause.sigma) if turn else 0.0
            if share < 1.0 and rng.random() >= share:
                continue
            prompt = shape.opening + shape.growth * turn
            found = seen - seen % rules.step if seen and at - seen_at <= rules.life else 0.0
            found = found if found >= smallest else 0.0
            calls += 1
            warm += found > 0
            asked += prompt
            read += found
            if prompt >= smallest:
                written[found > 0] += prompt - found if rules.is_marked else 0.0
                seen, seen_at = prompt, at
    mean, cold = asked / calls, calls - warm
    return Warmth(
        warm / calls,
        min(1.0, read / warm / mean) if warm else 0.0,
        written[1] / warm / mean if warm else 0.0,
        min(1.0, written[0] / cold / mean) if cold else 0.0,
    )


def with_sessions(
    made: BuiltModels, system: System, prompts: Mapping[str, float], fitted: Mapping[str, object]
) -> BuiltModels:
    """The models with what sessions leave in the caches of first tiers. prompts: the mean tokens of each alias's. fitted: the targets
    that are fitted to recorded calls, which stay as they are."""
    sessions = system.requirements.traffic.sessions
    if sessions is None or sessions.pause is None:
        return made
    models, noted, ranges = dict(made.models), list(made.assumptions), dict(made.ranges)
    done: set[str] = set(fitted)
    for alias, model in system.models.items():
        if alias not in prompts:
            continue
        shape = SessionShape.of(sessions, sessions.pause, prompts[alias])
        for target in model.targets[0]:
            name = str(target)
            rules = prompt_rules(system.providers[target.provider], target.model)
            if rules is None or name in done:
                continue
            done.add(name)
            known = RULES[rules]
            found, other = _both(shape, known, model, target)
            smallest = known.smallest_for(target.model)
            models[name] = _cached(models[name], smallest, found)
            if (ends := ranges.get(name)) is not None:
                fast, slow = _cached(ends.fast, smallest, found), _cached(ends.slow, smallest, found)
                ranges[name] = msgspec.structs.replace(ends, fast=fast, slow=slow)
            noted = [one for one in noted if not (one.about == name and one.assumed.startswith("all tokens are plain"))]
            noted.append(_assumed(name, model, found, other, is_marked=known.is_marked))
    if not sessions.growth and done - set(fitted):
        said = "each turn of a session adds as much to the prompt as it begins with"
        noted.append(Assumption(about="traffic", assumed=said, instead="set `sessions.growth`: tokens a turn"))
    return msgspec.structs.replace(made, models=models, assumptions=noted, ranges=ranges)


def _both(shape: SessionShape, rules: PromptCaching, model: Model, target: TargetOf) -> tuple[Warmth, Warmth]:
    """Under the alias's balance, and under the other: sticky, or by the weights."""
    share = target.weight / sum(one.weight for one in model.targets[0])
    smallest = rules.smallest_for(target.model)
    sticky, shared = (warmth(shape, rules, smallest, part, f"sessions/{target}") for part in (1.0, share))
    return (sticky, shared) if model.balance == "sticky" else (shared, sticky)


def _cached(model: VendorModel, smallest: int, found: Warmth) -> VendorModel:
    cold = {"cache_write": found.cold_write} if found.cold_write else {}
    warm = {"cached_input": found.read} | ({"cache_write": found.write} if found.write else {})
    bands = [
        SizeBand(smallest - 1, [Pattern(1.0, {})]),
        SizeBand(LARGEST, [Pattern(found.warm, warm), Pattern(1.0 - found.warm, cold)]),
    ]
    return msgspec.structs.replace(model, classes=TokenClasses(input=bands), cached_prefill=PREFILL_SHARE)


def _assumed(name: str, model: Model, found: Warmth, other: Warmth, *, is_marked: bool) -> Assumption:
    balance, instead = (model.balance, "weighted") if model.balance == "sticky" else (model.balance, "sticky")
    said = f"{written_figure(found.cached * 100)} % of the prompt tokens are read from its prompt cache, by `traffic.sessions`"
    if len(model.targets[0]) > 1:
        said += f" under `balance: {balance}` ({written_figure(other.cached * 100)} % under `{instead}`)"
    said += "; callers mark what is to be cached" if is_marked else ""
    said += f"; a prompt that is all cached has its first token {PREFILL_SHARE:.0%} earlier"
    return Assumption(about=name, assumed=said, instead="use `--fit` once the ledger has calls")


def _turns(turns: LogNormal, rng: Random) -> int:
    return min(MOST_TURNS, max(1, round(turns.median * rng.lognormvariate(0.0, turns.sigma))))
