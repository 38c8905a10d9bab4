"""A search finds the systems that are worth having, says what they are, and is the same to the digit each time."""

import pytest

from headworks.core.errors import PlanError
from headworks.twin.frontier.sampler import Sampler
from headworks.twin.frontier.search import search
from headworks.twin.frontier.space import Space
from headworks.twin.report.frontier import Frontier, frontier_json
from headworks.twin.search.confirmation import FRESH
from headworks.twin.workers.workers import ThisProcess
from tests.twin.frontier.files import BOTH, FAST, FIRST, MINIMUM, MONTHLY, SLOW, UP, asked, text

ALONE = ThisProcess()


def none(space: Space, wanted: int, seed: int, goals: int) -> Sampler:
    raise AssertionError("a space that is tried whole needs no sampler")


def found(content: str, runs: int = 4) -> Frontier:
    return search(asked(content, runs=runs), ALONE, none)


@pytest.fixture(scope="module")
def both() -> Frontier:
    """Of two vendors one is too slow, and one alone is down too often; the slow one wants a minimum."""
    return found(text(more=MINIMUM))


def test_the_system_that_keeps_every_promise_comes_first(both: Frontier) -> None:
    best = both.points[0]
    assert both.verdict == best.verdict == "holds"
    assert best.words == "a asks fast/m, then slow/m"
    assert both.said[0].startswith("Cheapest that meets both promises: #1, a asks fast/m, then slow/m, $")
    assert f"\n+      - {FAST}\n       - {SLOW}   # ours\n" in best.patch
    assert [one.number for one in both.points] == list(range(1, len(both.points) + 1))


def test_every_number_of_a_point_is_of_seeds_that_the_search_did_not_use(both: Frontier) -> None:
    assert both.confirmed_from == both.seed + FRESH
    assert both.counts.confirmed <= 6
    assert both.counts.simulated == both.counts.looked_at == both.counts.space == 4
    for one in both.points:
        assert one.month is not None
        assert one.month.low is not None
        assert one.month.low <= one.month.value


def test_a_neighbour_loses_somewhere_by_so_much(both: Frontier) -> None:
    alone = next(one for one in both.points if one.words == "a asks fast/m")
    other = both.points[0].other(alone.number)
    assert other.misses == ["up"]
    assert [one.axis for one in other.wins] == ["cost a month"]
    [move] = [one for one in other.moves if one.axis == "availability"]
    assert move.is_worse
    assert move.low is not None
    assert move.high is not None
    assert move.low <= move.value <= move.high < 0


def test_what_nothing_meets_is_said_with_who_comes_nearest() -> None:
    hard = found(text(objectives=f"{FIRST}, {UP.replace('99.5%', '99.99%')}, {MONTHLY.replace('$5000', '$1')}"))
    assert hard.verdict == "does not hold"
    assert hard.said[0] == "No: of 4 systems none meets every promise."
    assert hard.said[1].startswith("Nothing meets `up` (availability >= 99.99%): the nearest is #")
    assert hard.said[2].startswith("Nothing meets `monthly` (cost <= $1 in 30d): the nearest is #")


def test_a_speed_that_nobody_knows_is_left_out_and_probe_is_named() -> None:
    left = found(text(objectives=FIRST, more=f"choices: {{targets: {{a: [{FAST}, slow/n]}}}}"), runs=2)
    [one] = left.left_out
    assert one.why == "the speed of slow/n, which they ask first, is unknown"
    assert "headworks probe" in one.remedy
    assert one.systems == 2
    assert all("a asks slow/n" not in point.words for point in left.points)


def test_where_no_speed_is_known_no_verdict_rests_on_one() -> None:
    blind = found(
        text(objectives=FIRST, first="slow/m", more="choices: {targets: {a: {any_of: [slow/m, fast/m], at_most: 1}}}"),
        runs=2,
    )
    assert blind.verdict == "cannot say"
    assert all(one.first_token.value is None for one in blind.points)
    assert any("run `headworks probe`" in line for line in blind.said)
    assert any(one.month is not None for one in blind.points)  # what it costs is known all the same


def test_what_its_limits_never_carry_is_not_simulated() -> None:
    short = found(text(objectives=FIRST, slow=", rpm: 30", more=BOTH), runs=2)
    assert [one.why for one in short.left_out] == ["more arrives than they admit: rpm of slow"]
    assert short.counts.simulated == 3


def test_what_a_queue_never_settles_at_is_not_simulated_either() -> None:
    tight = found(text(objectives=FIRST, slow=", rpm: 122", more=BOTH), runs=2)  # 120 calls a minute come
    [one] = tight.left_out
    assert one.systems == 1
    assert "their queues never settle" in one.why


def test_where_the_limits_of_none_carry_the_load_the_nearest_are_shown() -> None:
    content = text(objectives=FIRST, slow=", rpm: 30", more="choices: {vary: {models.a.mid_stream: [error, restart]}}")
    content = content.replace("peak_rps: 2", "peak_rps: 2, peak_for: 1m")
    tight = found(content, runs=2)
    assert tight.verdict == "does not hold"
    assert tight.points[0].gives_way[0].startswith("more arrives than `slow` admits (its rpm)")


def test_what_is_not_measured_is_not_judged() -> None:
    quality = "{id: answers, metric: quality, suite: s, at_least: 90%}"
    suite = "suites: {s: suites/support.yaml}\n"
    unmeasured = found(text(objectives=f"{FIRST}, {quality}", more=f"{suite}{BOTH}"))
    assert all(one.quality is not None and one.quality.verdict == "not judged" for one in unmeasured.points)
    assert unmeasured.said[-1].startswith("Not judged: `answers`")
    assert unmeasured.verdict == "holds"


def test_what_is_paid_beside_calls_decides_too() -> None:
    gpu = "prices: [{of: providers.fast, costs: $20, per: 1h}]"
    content = text(objectives=f"{FIRST}, {MONTHLY}", more=f"{BOTH[:-1]}, {gpu}}}")
    dear = found(content)
    assert dear.verdict == "does not hold"
    fast = next(one for one in dear.points if "fast/m" in one.words)
    assert fast.beside_calls == 14_400
    assert fast.month is not None
    [monthly] = [one for one in fast.verdicts if one.id == "monthly"]
    assert monthly.verdict == "does not hold"
    assert monthly.value is not None
    assert monthly.value == pytest.approx(fast.month.value)
    assert monthly.value > 14_400
    assert "$14,400.00 of it beside the calls" in monthly.why


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text(more="choices: {vary: {models.a.mid_stream: [restart]}}"), "there is nothing to choose from"),
        (
            text(constraints="  constraints: [{region: eu}]", more=BOTH),
            "none of 4 systems can be built: 2 of them because of slow/m: region: eu",
        ),
    ],
)
def test_what_cannot_be_searched_is_said(content: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        found(content)


def test_the_same_seed_gives_the_same_bytes_whoever_works(both: Frontier) -> None:
    class Turned(ThisProcess):
        """Two workers, of which each works alone."""

        count = 2

    assert frontier_json(search(asked(text(more=MINIMUM)), Turned(), none)) == frontier_json(both)
