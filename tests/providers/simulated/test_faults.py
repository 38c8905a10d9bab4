"""Every fault of a simulated vendor, streamed and not: what the leaf raises, when, and what was said before."""

import asyncio

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Expired,
    Failed,
    Filtered,
    Garbled,
    Throttled,
    TooLong,
    Unreachable,
)
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.faults import (
    FAULTS,
    RETRY_AFTER,
    SILENCE_TIMEOUT,
    SLOW_DRIP_INTERVAL,
    SLOW_FIRST_TOKEN_DELAY,
    Fault,
    FaultMix,
)
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.testing import ask, call, run_virtual
from headworks.wire.openai.caller import EMBEDDINGS

STEADY = VendorSettings(
    first_token=Percentiles(p50=1, p99=1),
    per_token=Percentiles(p50=0.5, p99=0.5),
    output_tokens=Percentiles(p50=9, p99=9),
)


class Seen(msgspec.Struct, kw_only=True):
    """What the caller of a leaf saw of a call."""

    error: CallError | None
    at: float
    said: str
    finish: str | None
    attempt_status: int
    in_flight: int


def simulated(fault: Fault, seed: int = 0) -> Simulated:
    return Simulated(VendorState("sim", msgspec.structs.replace(STEADY, faults={fault: 1.0}, seed=seed)), "stand-in")


def bounded(asked: Call) -> Call:
    attempt = asked.trail.begin("sim/stand-in", "first", 0.0)
    attempt.connect_by, attempt.gap = 2.0, 8.0
    attempt.head_by = 8.0 if asked.streamed else 60.0
    return msgspec.structs.replace(asked, attempt=attempt, deadline_at=120.0)


def see(fault: Fault, asked: Call, seed: int = 0) -> Seen:
    async def scene() -> Seen:
        vendor = simulated(fault, seed)
        said, finish, error = "", None, None
        try:
            async with vendor.open(asked) as reply:
                while chunks := await reply.read():
                    said += "".join(chunk.text for chunk in chunks)
                finish = reply.finish
        except CallError as raised:
            error = raised
        status = asked.attempt.vendor_status if asked.attempt is not None else 0
        in_flight = vendor.state.in_flight
        return Seen(error=error, at=now(), said=said, finish=finish, attempt_status=status, in_flight=in_flight)

    return run_virtual(scene())


# fault -> (streamed: what is raised, its phase), (not streamed: the same); None where there is an answer
EXPECTED: dict[Fault, tuple[tuple[type[CallError] | None, str | None], tuple[type[CallError] | None, str | None]]] = {
    "refused": ((Unreachable, None), (Unreachable, None)),
    "connect_silence": ((Expired, "connect"), (Expired, "connect")),
    "reset": ((Failed, None), (Failed, None)),
    "silence": ((Expired, "first_token"), (Expired, "answer")),
    "slow_first_token": ((Expired, "first_token"), (None, None)),
    "no_content": ((Garbled, None), (Garbled, None)),
    "empty": ((Garbled, None), (Garbled, None)),
    "html": ((Garbled, None), (Garbled, None)),
    "huge_body": ((Garbled, None), (Garbled, None)),
    "rate_limited": ((Throttled, None), (Throttled, None)),
    "rate_limited_bare": ((Throttled, None), (Throttled, None)),
    "out_of_credit": ((Denied, None), (Denied, None)),
    "server_error": ((Failed, None), (Failed, None)),
    "unavailable": ((Failed, None), (Failed, None)),
    "overloaded": ((Failed, None), (Failed, None)),
    "denied": ((Denied, None), (Denied, None)),
    "unknown_model": ((Denied, None), (Denied, None)),
    "context_length": ((TooLong, None), (TooLong, None)),
    "content_filter": ((Filtered, None), (Filtered, None)),
    "reset_after_head": ((Cut, None), (Failed, None)),
    "cut": ((Cut, None), (Failed, None)),
    "stall": ((Expired, "between_tokens"), (Expired, "answer")),
    "garbled_event": ((Cut, None), (Garbled, None)),
    "missing_end": ((Cut, None), (Failed, None)),
    "slow_drip": ((None, None), (None, None)),
    "content_filter_finish": ((None, None), (None, None)),
}


def test_every_fault_has_its_row() -> None:
    assert tuple(EXPECTED) == FAULTS


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_as_the_leaf_of_a_real_vendor_would_see_it(fault: Fault, streamed: bool) -> None:
    raised, phase = EXPECTED[fault][0 if streamed else 1]
    seen = see(fault, bounded(call(streamed=streamed)))
    assert seen.in_flight == 0
    if raised is None:
        assert seen.error is None
        assert seen.finish == ("content_filter" if fault == "content_filter_finish" else "stop")
    else:
        assert type(seen.error) is raised
        assert (seen.error.phase, seen.error.target) == (phase, "sim/stand-in")
        assert seen.finish is None


@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_said_before_a_fault_is_a_prefix_of_the_answer(fault: Fault) -> None:
    for seed in range(5):
        seeded = msgspec.structs.replace(STEADY, seed=seed)
        whole = run_virtual(ask(Simulated(VendorState("sim", seeded), "stand-in"), call())).text
        seen = see(fault, bounded(call(streamed=True)), seed)
        assert whole.startswith(seen.said)
        words = len(seen.said.split())
        if fault in ("cut", "stall", "garbled_event", "content_filter_finish"):
            assert 1 <= words < 9
        elif fault == "reset_after_head":
            assert words == 1
        elif fault in ("missing_end", "slow_drip"):
            assert seen.said == whole
        else:
            assert words == 0


@pytest.mark.parametrize(
    ("fault", "streamed", "at"),
    [
        ("refused", True, 0.0),
        ("connect_silence", True, 2.0),
        ("reset", True, 0.5),
        ("silence", True, 8.0),
        ("silence", False, 60.0),
        ("rate_limited", True, 0.1),
        ("server_error", False, 0.1),
        ("html", True, 1.0),
        ("reset_after_head", True, 1.5),
        ("missing_end", True, 5.5),
        ("slow_first_token", False, 1.0 + SLOW_FIRST_TOKEN_DELAY + 4.0),
        ("slow_drip", True, 1.0 + 8 * SLOW_DRIP_INTERVAL),
        ("slow_drip", False, 1.0 + 8 * SLOW_DRIP_INTERVAL),
    ],
)
def test_a_fault_comes_when_it_should(fault: Fault, streamed: bool, at: float) -> None:
    assert see(fault, bounded(call(streamed=streamed))).at == pytest.approx(at)


def test_a_stall_ends_one_gap_after_the_last_token() -> None:
    seen = see("stall", bounded(call(streamed=True)))
    assert seen.at == 1.0 + 0.5 * (len(seen.said.split()) - 1) + 8.0


@pytest.mark.parametrize(
    ("fault", "streamed", "raised"),
    [
        ("connect_silence", True, Unreachable),
        ("silence", True, Failed),
        ("silence", False, Failed),
        ("stall", True, Cut),
        ("stall", False, Failed),
    ],
)
def test_without_bounds_a_silent_vendor_hangs_up_by_itself(
    fault: Fault, streamed: bool, raised: type[CallError]
) -> None:
    seen = see(fault, call(streamed=streamed))
    assert type(seen.error) is raised
    assert SILENCE_TIMEOUT <= seen.at <= SILENCE_TIMEOUT + 6


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        ("rate_limited", 429, "rate_limit_exceeded", RETRY_AFTER),
        ("rate_limited_bare", 429, "rate_limit_exceeded", None),
        ("out_of_credit", 429, "insufficient_quota", None),
        ("server_error", 500, None, None),
        ("unavailable", 503, None, None),
        ("overloaded", 529, None, None),
        ("denied", 401, "invalid_api_key", None),
        ("unknown_model", 404, "model_not_found", None),
        ("context_length", 400, "context_length_exceeded", None),
        ("content_filter", 400, "content_filter", None),
    ],
)
def test_a_vendors_own_error_keeps_its_words(
    fault: Fault, status: int, code: str | None, retry_after: float | None
) -> None:
    seen = see(fault, bounded(call()))
    assert seen.error is not None
    assert seen.error.said is not None
    assert (seen.error.said.status, seen.error.said.code) == (status, code)
    assert seen.error.said.message
    assert seen.error.retry_after == retry_after
    assert seen.attempt_status == status


@pytest.mark.parametrize("fault", FAULTS)
def test_embeddings_have_every_fault_that_a_body_can_have(fault: Fault) -> None:
    body = msgspec.json.encode({"model": "m", "input": "a"})
    asked = bounded(Call(id="call-1", alias="m", body=body, dialect=EMBEDDINGS))
    seen = see(fault, asked)
    after_content = fault in ("slow_drip", "content_filter_finish")
    expected = None if after_content else EXPECTED[fault][1][0]
    assert (type(seen.error) if seen.error else None) is expected
    assert seen.in_flight == 0


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_caller_who_leaves_in_the_middle_of_a_fault_leaves_nothing_behind(fault: Fault, streamed: bool) -> None:
    async def scene() -> tuple[int, int]:
        vendor = simulated(fault)
        asking = asyncio.create_task(ask(vendor, bounded(call(streamed=streamed))))
        await asyncio.sleep(1.25)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return vendor.state.in_flight, len(asyncio.all_tasks())

    assert run_virtual(scene()) == (0, 1)


def test_faults_come_in_their_shares() -> None:
    luck = FaultMix({"server_error": 0.02, "cut": 0.01, "denied": 0.0})
    drawn = [luck.of(number / 10_000) for number in range(10_000)]
    assert drawn.count("server_error") == 200
    assert drawn.count("cut") == pytest.approx(100, abs=1)  # 0.02 + 0.01 is a little more than 0.03
    assert drawn.count("denied") == 0
    assert drawn.count(None) == pytest.approx(9700, abs=1)


def test_the_order_in_which_shares_are_written_changes_nothing() -> None:
    one, other = FaultMix({"cut": 0.5, "stall": 0.5}), FaultMix({"stall": 0.5, "cut": 0.5})
    assert [one.of(share / 10) for share in range(10)] == [other.of(share / 10) for share in range(10)]


def test_shares_that_add_up_to_one_leave_no_call_whole() -> None:
    luck = FaultMix({"cut": 0.7, "stall": 0.2, "html": 0.1})
    assert luck.of(0.9999999999999999) is not None


@pytest.mark.parametrize("shares", [{"cut": 0.6, "stall": 0.5}, {"cut": -0.1}, {"cut": 1.5}, {"flood": 0.1}])
def test_shares_that_no_call_can_draw_are_refused(shares: dict[Fault, float]) -> None:
    with pytest.raises(ValueError, match=r"share|fault"):
        FaultMix(shares)
