"""What both ends share: the alarm, the two directions of backpressure, header lines."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.vtime import run_virtual
from headworks.http.connection import SLACK, Connection, DeadlineTimer, header_block


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 20)), min_size=1, max_size=20))
def test_an_alarm_rings_once_after_the_last_instant_it_was_set_to(moves: list[tuple[float, float]]) -> None:
    """moves: wait so long, then set the alarm so far ahead."""
    rung: list[tuple[float, float]] = []  # when, and for which deadline
    set_to: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline_timer = DeadlineTimer(loop, lambda: rung.append((loop.time(), set_to[-1])))
        for pause, ahead in moves:
            await asyncio.sleep(pause)
            if set_to and set_to[-1] < loop.time() - 1e-6:
                assert rung[-1][1] == set_to[-1]  # it was due before it could be moved on
            set_to.append(loop.time() + ahead)
            deadline_timer.set(set_to[-1])
        await asyncio.sleep(100)

    run_virtual(main())
    assert rung[-1][1] == set_to[-1]
    assert len({due_at for _, due_at in rung}) == len(rung)
    for instant, due_at in rung:
        assert -SLACK - 1e-6 <= instant - due_at <= 1e-6


def test_an_alarm_that_was_cleared_or_closed_does_not_ring() -> None:
    rung: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline_timer = DeadlineTimer(loop, lambda: rung.append(loop.time()))
        deadline_timer.set(loop.time() + 1)
        deadline_timer.clear()
        await asyncio.sleep(2)
        deadline_timer.set(0)
        await asyncio.sleep(1000)
        assert rung == []
        deadline_timer.set(5000)
        await asyncio.sleep(5000)
        assert rung == [5000]
        deadline_timer.set(loop.time() + 1)
        deadline_timer.close()
        deadline_timer.close()
        await asyncio.sleep(2)
        deadline_timer.set(loop.time() + 1)
        await asyncio.sleep(2)
        assert rung == [5000]

    run_virtual(main())


def test_an_alarm_has_one_timer_however_often_it_is_moved_on() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline_timer = DeadlineTimer(loop, lambda: None)
        made: list[asyncio.TimerHandle | None] = []
        for step in range(100):
            deadline_timer.set(loop.time() + 10 + step)
            made.append(deadline_timer._handle)
        assert len(set(made)) == 1
        deadline_timer.close()

    run_virtual(main())


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def abort(self) -> None:
        self.calls.append("abort")


def test_drain_waits_while_the_peer_does_not_read() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        connection = Connection(loop)
        connection.connection_made(Wire())
        await connection.drain()  # at once
        for wake in (connection.resume_writing, lambda: connection.connection_lost(None)):
            connection.pause_writing()
            draining = loop.create_task(connection.drain())
            await asyncio.sleep(1)
            assert not draining.done()
            wake()
            await draining
        assert connection.closed

    run_virtual(main())


def test_a_drain_that_is_cancelled_leaves_the_connection_as_it_was() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        connection = Connection(loop)
        connection.connection_made(Wire())
        connection.pause_writing()
        draining = loop.create_task(connection.drain())
        await asyncio.sleep(1)
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining
        connection.resume_writing()
        await connection.drain()

    run_virtual(main())


def test_reading_is_held_and_let_flow_once_each_and_an_abort_ends_both() -> None:
    async def main() -> None:
        wire = Wire()
        connection = Connection(asyncio.get_running_loop())
        connection.connection_made(wire)
        for step in (
            connection.resume_reading,
            connection.pause_reading,
            connection.pause_reading,
            connection.resume_reading,
            connection.resume_reading,
            connection.pause_reading,
            connection.abort,
            connection.abort,
            connection.resume_reading,
            connection.pause_reading,
        ):
            step()
        assert wire.calls == ["pause", "resume", "pause", "abort"]

    run_virtual(main())


def test_header_lines() -> None:
    assert header_block([]) == b""
    assert header_block([(b"a", b"b"), (b"c", b"")]) == b"a: b\r\nc: \r\n"


HEADER = st.tuples(st.binary(max_size=6), st.binary(max_size=12))


@given(st.lists(HEADER, max_size=4), st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b"x: y"]), max_size=2))
def test_no_value_becomes_another_header(headers: list[tuple[bytes, bytes]], splices: list[bytes]) -> None:
    headers = [*headers, (b"x", b"".join(splices))]
    joined = b"".join(name + value for name, value in headers)
    if any(byte in joined for byte in b"\r\n\0"):
        with pytest.raises(ValueError, match="line break"):
            header_block(headers)
    else:
        assert header_block(headers).count(b"\r\n") == len(headers)
