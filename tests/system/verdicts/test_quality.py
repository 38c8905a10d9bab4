"""Which measurements of quality count, and what `check` says of them."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import ConfigError
from headworks.gateway.prices import Prices
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.system.verdicts.judge import Verdict, judge
from headworks.system.verdicts.quality import KnownQuality, known_quality, measured_for
from headworks.system.verdicts.quality_file import (
    MOST_KEPT,
    file_digests,
    keep_quality,
    quality_path,
    read_quality,
)
from headworks.system.verdicts.verdict import Assessment
from tests.system.files import right
from tests.system.verdicts.measured import AT, quality
from tests.system.verdicts.measured import known as kept
from tests.twin.systems import one

OBJECTIVE = "{id: q, metric: quality, suite: support, at_least: 90%}"
SUITES = "suites: {support: suites/support.yaml}"
PROMPTED = """\
requirements: {objectives: [{id: q, metric: quality, suite: support, at_least: 90%}]}
providers: {v: {dialect: openai, base_url: "https://v/v1"}}
models: {a: {targets: [v/x]}}
prompts: {help: {file: help.md, model: a}}
suites: {support: suites/support.yaml}
"""


def system(targets: str = "v/x", objective: str = OBJECTIVE) -> System:
    return one(f"objectives: [{objective}]", targets=targets, more=SUITES)


def said(of: System, known: KnownQuality) -> Verdict:
    [found] = judge(of, Prices(of).of, known)
    return found


@pytest.mark.parametrize(
    ("value", "word"), [(0.95, "holds"), (0.92, "cannot say"), (0.88, "cannot say"), (0.85, "does not hold")]
)
def test_one_target_is_judged_by_its_limits_and_says_what_they_rest_on(value: float, word: str) -> None:
    found = said(system(), kept(quality(system(), "v/x", value)))
    assert found.verdict == word
    low, high = 100 * (value - 0.04), 100 * (value + 0.04)
    assert f"{100 * value:.1f}% [{low:.1f}, {high:.1f}]" in found.why
    assert "suite support: 100 samples of v/x (2026-09-21)" in found.why


def test_the_confidence_is_the_objectives_or_the_next_higher_that_was_kept() -> None:
    of = system(objective="{id: q, metric: quality, suite: support, at_least: 90%, confidence: 96%}")
    assert said(of, kept(quality(of, "v/x", 0.95))).verdict == "cannot say"  # 0.95 - 1.4 * 0.04 = 0.894
    assert said(of, kept(quality(of, "v/x", 0.957))).verdict == "holds"
    of = system(objective="{id: q, metric: quality, suite: support, at_least: 90%, confidence: 99.9%}")
    found = said(of, kept(quality(of, "v/x", 0.99)))
    assert (found.verdict, found.needs) == ("cannot say", "eval")
    assert "for a confidence of 0.99 at most" in found.why


def test_several_targets_are_judged_where_all_are_on_one_side() -> None:
    of = system("[v/x], [w/y]")
    for values, word, needs in (
        ((0.96, 0.95), "holds", ""),
        ((0.80, 0.70), "does not hold", ""),
        ((0.96, 0.70), "cannot say", "plan"),
    ):
        found = said(of, kept(quality(of, "v/x", values[0]), quality(of, "w/y", values[1])))
        assert (found.verdict, found.needs) == (word, needs)
    assert "needs a simulation: headworks plan" in found.why


def test_what_was_not_measured_is_not_judged_and_never_assumed() -> None:
    of = system("[v/x], [w/y]")
    found = said(of, kept(quality(of, "v/x", 1.0)))
    assert (found.verdict, found.needs) == ("not judged", "eval")
    assert found.why == "w/y was not measured: headworks eval --targets all --suite support"


def test_a_target_that_the_evaluation_says_nothing_of_cannot_be_said() -> None:
    of = system()
    nothing = quality(of, "v/x", 0.95, limits=(), cannot_say="80 % of the samples are one cluster")
    found = said(of, kept(nothing))
    assert (found.verdict, found.why) == ("cannot say", "v/x: 80 % of the samples are one cluster")


def test_another_suite_is_refused_and_said() -> None:
    of = system()
    changed = said(of, kept(quality(of, "v/x", 0.99), files={"suites/support.yaml": "f" * 32}))
    assert changed.verdict == "not judged"
    assert "suites/support.yaml has changed since v/x was measured on 2026-09-21" in changed.why
    assert "headworks eval --targets all --suite support" in changed.why


def test_another_prompt_version_is_refused_and_said(tmp_path: Path) -> None:
    (tmp_path / "help.md").write_text("# user\nHelp me.\n")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "support.yaml").write_text("version: 1\n")
    of = read(PROMPTED.encode(), file="s", folder=tmp_path, env={}).system
    version = of.prompts["help"].file.version
    now = quality(of, "v/x", 0.99, model="prompt/help", prompt=version)
    found = said(of, kept(now))
    assert found.verdict == "holds"
    assert f"suite support by prompt/help@{version}: 100 samples" in found.why
    old = said(of, kept(msgspec.structs.replace(now, prompt="0123456789ab")))
    assert old.verdict == "not judged"
    assert f"prompt/help was measured at version 0123456789ab, and is now {version}" in old.why
    # The version that is current counts, also where a later one was measured and taken back.
    later = msgspec.structs.replace(now, prompt="0123456789ab", value=0.1, at=AT + 60)
    assert said(of, kept(now, later)).verdict == "holds"


def test_another_address_behind_the_same_name_is_refused() -> None:
    before = system()
    after = one(f"objectives: [{OBJECTIVE}]", targets="v/x", more=SUITES, limits=", tpm: 1k")
    assert said(after, kept(quality(before, "v/x", 0.99))).verdict == "holds"  # a limit is no other model
    provider = msgspec.structs.replace(before.providers["v"], base_url="https://other/v1")
    moved = msgspec.structs.replace(before, providers={**before.providers, "v": provider})
    found = said(moved, kept(quality(before, "v/x", 0.99)))
    assert found.verdict == "not judged"
    assert "v/x is another model or address than on 2026-09-21" in found.why


def test_whose_quality_it_is_must_be_plain() -> None:
    text = """\
requirements: {objectives: [OBJECTIVE]}
providers: {v: {dialect: openai, base_url: "https://v/v1"}}
models: {a: {targets: [v/x]}, b: {targets: [v/y]}}
suites: {support: suites/support.yaml}
"""
    either = right(text.replace("OBJECTIVE", OBJECTIVE))
    both = kept(quality(either, "v/x", 0.99), quality(either, "v/y", 0.5))
    found = said(either, both)
    assert (found.verdict, found.needs) == ("not judged", "numbers")
    assert "support was asked of a, b: write `alias:` beside the objective" in found.why
    only = right(text.replace("OBJECTIVE", OBJECTIVE.replace("at_least", "alias: b, at_least")))
    assert said(only, both).verdict == "does not hold"
    found = said(only, kept(quality(either, "v/x", 0.99)))
    assert found.why.endswith("support was asked of a only")


def test_the_file_keeps_the_newest_of_each_and_is_for_its_owner(tmp_path: Path) -> None:
    path = quality_path(tmp_path)
    assert path == tmp_path / ".headworks" / "evals" / "quality.json"
    assert read_quality(path) == ()
    of = system("[v/x], [w/y]")
    first = quality(of, "v/x", 0.9)
    keep_quality(path, [first, quality(of, "w/y", 0.8)])
    again = msgspec.structs.replace(first, value=0.7, at=AT + 1)
    other_suite = msgspec.structs.replace(first, suite_digest="9" * 32)
    keep_quality(path, [again, other_suite])
    assert sorted((one.target, one.value) for one in read_quality(path)) == [("v/x", 0.7), ("v/x", 0.9), ("w/y", 0.8)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    many = [msgspec.structs.replace(first, suite_digest=str(n), at=AT + n) for n in range(MOST_KEPT + 5)]
    keep_quality(path, many)
    left = read_quality(path)
    assert len(left) == MOST_KEPT
    assert max(one.at for one in left) == AT + MOST_KEPT + 4


def test_a_file_that_is_not_one_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = quality_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("{]")
    with pytest.raises(ConfigError, match="the measured quality cannot be read") as told:
        known_quality(system(), tmp_path)
    assert "eval --targets all" in told.value.problems[0].remedy
    assert known_quality(one("objectives: []"), tmp_path) == KnownQuality()  # nobody asks: nothing is read


def test_the_suites_files_are_compared_as_they_are_today(tmp_path: Path) -> None:
    of = system()
    (tmp_path / "suites").mkdir()
    suite = tmp_path / "suites" / "support.yaml"
    suite.write_text("samples: []\n")
    names = ["suites/support.yaml", "suites/gone.jsonl"]
    keep_quality(quality_path(tmp_path), [quality(of, "v/x", 0.99, files=file_digests(tmp_path, names))])
    objective = of.requirements.objectives[0]
    assert not isinstance(measured_for(of, objective, known_quality(of, tmp_path)), Assessment)
    suite.write_text("samples: [{input: a}]\n")
    found = measured_for(of, objective, known_quality(of, tmp_path))
    assert isinstance(found, Assessment)
    assert "suites/support.yaml has changed" in found.why
