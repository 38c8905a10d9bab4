from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.balancing import Candidate
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.latency import LatencyWindow
from headworks.policy.sticky import IDLE, Moves, Sticky, nearest

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)
SESSIONS = [b"session %d" % number for number in range(2000)]
RNG = Random(1)


def target(name: str, weight: float = 1.0) -> Candidate:
    return Candidate(name, Circuit(Breaking(failures=1), Random(1)), LatencyWindow(), weight)


def tier(*weights: float) -> list[Candidate]:
    return [target(name, weight) for name, weight in zip("abcdefgh", weights, strict=False)]


def trip(candidate: Candidate, now: float) -> None:
    candidate.circuit.end(candidate.circuit.enter(now), "failure", now)


def recover(candidate: Candidate) -> float:
    """The instant at which its probe was answered."""
    at = candidate.circuit.blocked_until
    candidate.circuit.end(candidate.circuit.enter(at), "success", at)
    return at


def home_at(name: str, candidates: Sequence[Candidate]) -> bytes:
    """A session whose home is that target."""
    return next(one for one in SESSIONS if nearest(one, candidates).name == name)


def asked(sticky: Sticky, session: bytes, now: float, tried: tuple[str, ...] = ()) -> str:
    picked = sticky.picker(session).pick(sticky.candidates, tried, RNG, now)
    return picked.name if picked else ""


# --- homes ------------------------------------------------------------------------------------------------------------


def test_each_target_is_home_to_its_share_of_the_sessions() -> None:
    candidates = tier(1, 3, 4)
    homes = Counter(nearest(session, candidates).name for session in SESSIONS)
    for name, share in (("a", 1 / 8), ("b", 3 / 8), ("c", 4 / 8)):
        assert abs(homes[name] / len(SESSIONS) - share) < 0.04  # more than three standard deviations


@given(NAMES, st.text(min_size=9), st.binary(max_size=16))
def test_a_target_that_is_added_takes_only_its_own_sessions(names: list[str], added: str, session: bytes) -> None:
    candidates = [target(name) for name in names]
    before, after = nearest(session, candidates), nearest(session, [*candidates, target(added)])
    assert after.name in (before.name, added)


@given(NAMES, st.binary(max_size=16), st.integers(min_value=0))
def test_a_target_that_is_removed_moves_only_its_own_sessions(names: list[str], session: bytes, index: int) -> None:
    candidates = [target(name) for name in names]
    removed = candidates[index % len(candidates)]
    left = [one for one in candidates if one is not removed]
    home = nearest(session, candidates)
    if left and home is not removed:
        assert nearest(session, left) is home


@given(st.permutations(list("abcd")), st.binary(max_size=16))
def test_a_home_depends_on_the_names_and_not_on_their_order(names: list[str], session: bytes) -> None:
    assert nearest(session, [target(name) for name in names]).name == nearest(session, tier(1, 1, 1, 1)).name


def test_a_target_whose_weight_grows_loses_no_session() -> None:
    light, heavy = tier(1, 1), tier(1, 2)
    assert all(nearest(one, heavy).name == "b" for one in SESSIONS if nearest(one, light).name == "b")


# --- moves ------------------------------------------------------------------------------------------------------------


def test_a_session_stays_at_its_home() -> None:
    sticky = Sticky(tier(1, 1, 1), Moves())
    session = home_at("b", tier(1, 1, 1))
    assert {asked(sticky, session, at) for at in range(20)} == {"b"}
    assert len(sticky.moves) == 0


def test_a_session_moves_once_and_stays_when_its_home_is_well_again() -> None:
    sticky = Sticky(tier(1, 1, 1), Moves())
    home = sticky.candidates[0]
    session = home_at("a", sticky.candidates)
    trip(home, 100.0)
    second = asked(sticky, session, 101.0)
    assert second in ("b", "c")
    at = recover(home)
    assert [asked(sticky, session, at + later) for later in (1, 2, 3)] == [second] * 3
    assert asked(sticky, home_at("b", sticky.candidates), at + 4) == "b"


def test_two_workers_move_a_session_to_the_same_target() -> None:
    workers = [Sticky(tier(1, 1, 1, 1), Moves()) for _ in range(2)]
    for session in SESSIONS[:50]:
        for worker in workers:
            trip(worker.candidates[2], 100.0)
        assert asked(workers[0], session, 100.5) == asked(workers[1], session, 100.5)


def test_a_moved_session_moves_on_when_its_second_target_may_not_be_asked() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("a", sticky.candidates)
    trip(sticky.candidates[0], 100.0)
    assert asked(sticky, session, 101.0) == "b"
    at = recover(sticky.candidates[0])
    trip(sticky.candidates[1], at + 1)
    assert asked(sticky, session, at + 2) == "a"
    assert len(sticky.moves) == 0  # it is at home again, which needs no memory
    recover(sticky.candidates[1])
    assert asked(sticky, session, sticky.candidates[1].circuit.blocked_until + 100) == "a"


def test_a_moved_session_that_was_idle_longer_than_caches_live_goes_home() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("a", sticky.candidates)
    trip(sticky.candidates[0], 100.0)
    assert asked(sticky, session, 101.0) == "b"
    at = recover(sticky.candidates[0])
    assert asked(sticky, session, at + 1) == "b"
    assert asked(sticky, session, at + IDLE) == "b"  # each call counts as use
    assert asked(sticky, session, at + 2 * IDLE + 1) == "a"


def test_a_retry_goes_elsewhere_and_the_next_call_to_the_home() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("a", sticky.candidates)
    assert asked(sticky, session, 1.0, ("a",)) == "b"
    assert asked(sticky, session, 2.0) == "a"


def test_a_retry_after_the_failure_that_opened_the_circuit_is_a_move() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("a", sticky.candidates)
    trip(sticky.candidates[0], 100.0)
    assert asked(sticky, session, 100.0, ("a",)) == "b"
    assert asked(sticky, session, recover(sticky.candidates[0]) + 1) == "b"


def test_a_call_that_found_no_room_at_the_home_leaves_the_session_there() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("a", sticky.candidates)
    picked = sticky.picker(session).pick(sticky.candidates[1:], (), RNG, 1.0)
    assert picked is sticky.candidates[1]
    assert asked(sticky, session, 2.0) == "a"


def test_a_probe_is_made_by_any_session_and_moves_none() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    session = home_at("b", sticky.candidates)
    trip(sticky.candidates[0], 100.0)
    due = sticky.candidates[0].circuit.blocked_until
    assert asked(sticky, session, due) == "a"
    recover(sticky.candidates[0])
    assert asked(sticky, session, due + 1) == "b"


def test_nobody_is_picked_when_nobody_may_be_asked() -> None:
    sticky = Sticky(tier(1, 1), Moves())
    for candidate in sticky.candidates:
        trip(candidate, 100.0)
    assert asked(sticky, b"session", 100.1) == ""


def test_a_move_to_a_target_that_a_reload_has_removed_does_not_count() -> None:
    moves = Moves()
    moves.move(b"session", "gone", 1.0)
    sticky = Sticky(tier(1, 1), moves)
    assert asked(sticky, b"session", 2.0) == nearest(b"session", sticky.candidates).name


def test_the_moved_sessions_are_bounded_and_the_least_recently_used_goes_first() -> None:
    moves = Moves(most=2)
    moves.move(b"1", "b", 1.0)
    moves.move(b"2", "b", 2.0)
    assert moves.target(b"1", 3.0) == "b"
    moves.move(b"3", "b", 4.0)
    assert len(moves) == 2
    assert [moves.target(name, 5.0) for name in (b"1", b"2", b"3")] == ["b", "", "b"]
