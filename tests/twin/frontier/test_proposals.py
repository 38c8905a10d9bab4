"""Of more systems than are wanted, a sampler proposes which are tried; by the same seed the same ones."""

import warnings

from headworks.system.syntax.findings import Position
from headworks.system.syntax.nodes import ScalarNode
from headworks.twin.frontier.proposals import BATCH, Proposals
from headworks.twin.frontier.sampler import Chosen
from headworks.twin.frontier.space import Knob, Space, Value


def space(*sizes: int) -> Space:
    node = ScalarNode("x", Position(1, 1), True)
    return Space(
        tuple(Knob(("models", str(at)), tuple(Value(None if number == 1 else node, str(number)) for number in range(size))) for at, size in enumerate(sizes)),
        False,
    )  # fmt: skip


def asked(seed: int, wanted: int = 40) -> list[Chosen]:
    proposals = Proposals(space(8, 8, 4), wanted, seed, 2)
    found: list[Chosen] = []
    while batch := proposals.ask():
        assert len(batch) <= BATCH
        found += batch
        # The best have a small first number; a few have no numbers at all.
        proposals.tell([(one, None if one[2] == 3 else (one[0] + one[1] / 10, -one[1])) for one in batch])
    return found


def test_none_is_tried_twice_and_the_file_as_it_is_comes_first() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = asked(1)
    assert found[0] == (1, 1, 1)
    assert len(found) == len(set(found)) == 40


def test_the_same_seed_proposes_the_same_systems() -> None:
    assert asked(1) == asked(1) != asked(2)


def test_it_learns_what_is_good() -> None:
    found = asked(1, 60)
    assert sum(one[0] for one in found[40:]) / 20 < sum(one[0] for one in found[1:21]) / 20


def test_a_space_that_is_nearly_used_up_is_tried_whole() -> None:
    proposals = Proposals(space(3, 2), 6, 1, 2)
    found: list[Chosen] = []
    while batch := proposals.ask():
        found += batch
        proposals.tell([(one, None) for one in batch])
    assert sorted(found) == sorted({(a, b) for a in range(3) for b in range(2)})
