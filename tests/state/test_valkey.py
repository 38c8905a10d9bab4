"""The state in a real Valkey: the contract, exactness over several processes, and what becomes of it when either dies."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from secrets import token_hex

import pytest
import uvloop

from headworks.core.clock import now, wall
from headworks.core.errors import StateAway
from headworks.core.state import Bounds, Budget, Claim, Granted, Places, Rate, Refusal, Spent, Subject
from headworks.policy.subjects import own_account, shared_account
from headworks.state.unreachable import StateWithFallback
from headworks.state.valkey import KEPT, Valkey
from tests.servers import ValkeyServer, valkey
from tests.state import spender
from tests.state.contract import AT, CHECKS, Check, claim, granted, refused

ROOT = Path(__file__).parent.parent.parent
MONEY = Bounds(budgets=(Budget("key/a", 1000, "total"),))


async def opened(server: ValkeyServer, prefix: str, *, restored: bool = True) -> Valkey:
    state = Valkey(server.url, prefix, token_hex(8))
    state.start()
    assert await state.connection.ready(60.0)
    if restored:
        await state.restore([])
    return state


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Check, valkey_server: ValkeyServer) -> None:
    async def run() -> None:
        state = await opened(valkey_server, token_hex(8))
        try:
            await check(state)
        finally:
            await state.stop()

    asyncio.run(run())


def with_states(run: Callable[[Valkey, Valkey], Coroutine[None, None, None]], server: ValkeyServer) -> None:
    """Runs with the states of two processes that share."""

    async def both() -> None:
        prefix = token_hex(8)
        one, other = await opened(server, prefix), await opened(server, prefix)
        try:
            await run(one, other)
        finally:
            for state in (one, other):
                await state.stop(0.0)

    asyncio.run(both())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def test_two_processes_count_by_one_state(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        mine = claim("1", places=1)
        first = await granted(one, mine)
        assert isinstance((await refused(other, claim("1", places=1))).bound, Places)
        one.settle(mine, first)
        assert await one.connection.drained(30)
        await granted(other, claim("1", places=1))

    with_states(run, valkey_server)


def test_a_take_that_was_cancelled_gives_back_what_it_took(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        for number in range(100):
            task = asyncio.create_task(one.take(claim(str(number), amount=100, places=1)))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            task.cancel()
            found = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(found, Granted):
                one.settle(claim(str(number), amount=100, places=1), found, costs=(0, 0))
        assert await one.connection.drained(30)
        assert (await granted(other, claim("last", amount=100, places=1))).spent == (100, 100)

    with_states(run, valkey_server)


def test_a_giving_up_that_arrives_before_its_taking_holds(valkey_server: ValkeyServer) -> None:
    """As over a connection that broke, while the new one is quicker."""

    async def run(one: Valkey, other: Valkey) -> None:
        late = claim("late", amount=100)
        one._give_up(late)
        assert await one.connection.drained(30)
        with pytest.raises(StateAway):
            await one.take(late)
        await granted(other, claim("next", amount=100))

    with_states(run, valkey_server)


def test_what_a_dead_process_held_is_free_and_what_it_reserved_is_spent(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        await granted(one, claim("1", amount=60, places=1))
        await other.release_owner(one.owner)
        assert (await granted(other, claim("2", amount=40, places=1))).spent == (100, 100)
        await other.release_owner(one.owner)
        await refused(other, claim("3", amount=1, places=9))

    with_states(run, valkey_server)


def test_a_process_that_is_silent_for_its_lease_is_dead_to_the_others(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        await granted(one, claim("1", places=1))
        assert one._heartbeats is not None
        one._heartbeats.cancel()
        await other.connection.execute("DEL", f"{other._prefix}a:{one.owner}")  # as its time had passed
        await until(lambda: other.living == 1)
        await granted(other, claim("2", places=1))

    with_states(run, valkey_server)


def test_a_server_that_dies_is_away_and_then_knows_all_that_it_knew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def run(server: ValkeyServer) -> None:
        state = await opened(server, "x")
        one = claim("1", amount=60, places=1)
        first = await granted(state, one)
        server.kill()
        await until(lambda: not state.is_connected)
        with pytest.raises(StateAway):
            await state.take(claim("2"))
        state.settle(one, first, costs=(50, 50))  # arrives later
        server.start()
        await until(lambda: state.is_connected)
        assert state.is_restored
        assert await state.connection.drained(30)
        assert (await granted(state, claim("3", amount=50, places=1))).spent == (100, 100)
        await state.stop()

    with valkey() as server:
        asyncio.run(run(server))
    events = [record.__dict__["fields"]["event"] for record in caplog.records if record.name == "headworks.state"]
    assert events == ["state_away", "state_back"]


def test_a_server_that_lost_its_data_spends_no_money_until_it_is_restored() -> None:
    async def run(server: ValkeyServer) -> None:
        state = await opened(server, "x")
        asked: list[None] = []
        state.on_lost = lambda: asked.append(None)
        await granted(state, claim("1", amount=60))
        server.kill()
        server.start(forgets=True)
        await until(lambda: not state.is_restored)
        await until(lambda: bool(asked) and state.is_connected)
        with pytest.raises(StateAway):
            await state.take(claim("2", amount=1))
        await state.restore([Spent("budget/key/a", "1d", int(AT // 86400) * 86400, 60)])
        await refused(state, claim("3", amount=41))
        assert (await granted(state, claim("4", amount=40))).spent == (100, 40)
        await state.stop()

    with valkey() as server:
        asyncio.run(run(server))


def test_money_is_refused_at_once_where_the_data_vanish_under_a_connection(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        await other.connection.execute("DEL", f"{other._prefix}e")
        with pytest.raises(StateAway):
            await one.take(claim("1", amount=1))
        assert not one.is_restored

    with_states(run, valkey_server)


def test_restoring_never_forgets_what_others_have_settled(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        mine = Claim("1", MONEY, 0, (900,), AT)
        one.settle(mine, await granted(one, mine))
        assert await one.connection.drained(30)
        await other.restore([Spent("key/a", "total", 0, 300)])
        await refused(other, Claim("2", MONEY, 0, (101,), AT))

    with_states(run, valkey_server)


def test_a_server_that_says_nothing_is_away_within_a_second() -> None:
    async def run(server: ValkeyServer) -> None:
        state = await opened(server, "x")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = now()
            with pytest.raises(StateAway):
                await state.take(claim("1"))
            assert now() - began < 30  # 0.75 s where nothing else runs
            await until(lambda: not state.is_connected)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        await until(lambda: state.is_connected)
        assert await state.connection.drained(30)  # what was given up has arrived, before or after what was asked
        assert (await granted(state, claim("2", amount=100))).spent == (100, 100)
        await state.stop()

    with valkey() as server:
        asyncio.run(run(server))


def test_scripts_that_the_server_forgot_are_sent_again(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        await one.connection.execute("SCRIPT", "FLUSH")
        mine = claim("1", places=1)
        first = await granted(one, mine)
        await one.connection.execute("SCRIPT", "FLUSH")
        one.settle(mine, first)
        assert await one.connection.drained(30)
        await granted(other, claim("2", places=1))

    with_states(run, valkey_server)


def asking(id: str, tokens: int, *others: Rate, waited: float | None = None) -> Claim:
    """Of a bucket that is as good as never refilled."""
    return Claim(id, Bounds((Rate("tpm/p", 1000, "tokens", 1e6), *others)), tokens, waited=waited)


def test_who_waits_is_passed_by_nobody_of_any_process(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        one.waits = other.waits = 600.0
        first = asking("first", 950)
        holds = await granted(one, first)
        assert (await refused(one, asking("large", 600, waited=0.0))).wait == pytest.approx(550_000, abs=600)
        behind = await refused(other, asking("small", 10))
        assert (behind.bound.name, behind.wait, behind.left) == ("tpm/p", None, (50,))  # type: ignore[union-attr]
        await refused(other, asking("later", 20, Rate("rpm/x", 1), waited=0.0))
        one.settle(first, holds, tokens=0)
        assert await one.connection.drained(30)
        await refused(other, asking("small", 10))
        await refused(other, asking("later", 20, Rate("rpm/x", 1), waited=1.0))
        await granted(one, asking("large", 600, waited=2.0))
        await refused(one, asking("small", 10))
        await granted(other, asking("later", 20, Rate("rpm/x", 1), waited=2.0))
        await granted(one, asking("small", 10))
        assert await one.connection.execute("EXISTS", f"{one._prefix}w:r:tpm/p", f"{one._prefix}w:r:rpm/x") == 0

    with_states(run, valkey_server)


def test_who_waits_for_its_target_holds_up_no_other_and_who_came_first_is_before_who_asked_first(
    valkey_server: ValkeyServer,
) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        one.waits = other.waits = 600.0
        full = Rate("rpm/x", 1, "requests", 1e6)
        await granted(one, asking("first", 900, full))
        assert (await refused(one, asking("target", 1, full, waited=0.0))).bound == full
        await granted(other, asking("small", 10))
        await refused(one, asking("young", 500, waited=0.0))
        await refused(other, asking("old", 300, waited=30.0))
        await refused(one, asking("target", 200, full, waited=1.0))  # waits for the provider's tokens now
        await other.connection.execute("DEL", f"{other._prefix}r:tpm/p")
        await refused(one, asking("young", 500, waited=60.0))  # it is known since when it waits
        await granted(other, asking("old", 300, waited=31.0))

    with_states(run, valkey_server)


def test_who_waits_no_longer_holds_others_up_for_a_moment_only(valkey_server: ValkeyServer) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        one.waits = 0.02
        await granted(one, asking("first", 900))
        await refused(one, asking("large", 600, waited=0.0))
        while isinstance(await other.take(asking("small", 10)), Refusal):
            pass

    with_states(run, valkey_server)


OPEN = Bounds(
    rates=(Rate("rpm", 100),), places=(Places("p", 10),), budgets=(Budget("key/a", 1000, "total"),), fails_open=True
)


def test_open_bounds_go_on_in_parts_while_the_state_is_away_and_closed_ones_do_not() -> None:
    async def run(server: ValkeyServer) -> None:
        one, other = await opened(server, "x"), await opened(server, "x")
        await until(lambda: one.living == 2)
        sharing = StateWithFallback(one)
        before = Claim("0", OPEN, 0, (400,), AT)
        sharing.settle(before, await granted(sharing, before))
        assert await one.connection.drained(30)
        server.kill()
        await until(lambda: not one.is_connected)
        with pytest.raises(StateAway):
            await sharing.take(Claim("1", MONEY, 0, (1,), AT))
        claims = [Claim(f"a{number}", OPEN, 0, (100,), AT) for number in range(10)]
        answers = [await sharing.take(one) for one in claims]
        found = [answer for answer in answers if isinstance(answer, Granted)]
        assert len(found) == 3  # half of the 600 that were left
        last = answers[-1]
        assert isinstance(last, Refusal)
        assert last.bound == Budget("key/a", 1000, "total")
        for one_claim, answer in zip(claims, found, strict=False):
            sharing.settle(one_claim, answer, costs=(90,))
        server.start()
        await until(lambda: one.is_connected)
        assert await one.connection.drained(30)
        assert (await granted(sharing, Claim("b", OPEN, 0, (330,), AT))).spent == (1000,)
        await one.stop()
        await other.stop()

    with valkey() as server:
        asyncio.run(run(server))


def test_a_rate_never_pays_out_more_than_it_has_over_two_processes(valkey_server: ValkeyServer) -> None:
    """By the server's own clock: in any t seconds at most size + size * t / period."""
    bounds = Bounds(rates=(Rate("r", 70, "requests", 7.0),))
    times: list[float] = []

    async def ask(state: Valkey, name: str) -> None:
        until_at = now() + 1.0
        number = 0
        while now() < until_at or len(times) < 70:  # on a machine that stands still for a second, too
            number += 1
            one = Claim(f"{name}.{number}", bounds)
            found = await state.take(one)
            if isinstance(found, Granted):
                times.append(found.at)
                state.settle(one, found)

    async def run(one: Valkey, other: Valkey) -> None:
        await asyncio.gather(*(ask(state, f"{number}") for number in range(5) for state in (one, other)))

    with_states(run, valkey_server)
    times.sort()
    assert len(times) >= 70
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 70 + 10 * (times[last] - times[first]) + 1e-3


def test_no_bound_is_exceeded_over_several_processes_of_which_one_is_killed(valkey_server: ValkeyServer) -> None:
    prefix = token_hex(8)
    command = [sys.executable, "-m", "tests.state.spender", valkey_server.url, prefix, "50"]
    children = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for number in range(3)
    ]
    killed = children[0].stdout
    assert killed is not None
    lines = [killed.readline() for _ in range(40)]
    children[0].kill()
    outputs = [lines + killed.readlines(), *(child.communicate(timeout=120)[0].splitlines() for child in children[1:])]
    children[0].wait()
    killed.close()

    async def spent() -> tuple[int, int, int]:
        state = await opened(valkey_server, prefix)
        await state.release_owner("spender-0")
        money = await state.connection.execute("HMGET", f"{state._prefix}b:money:0", "s", "r")
        places = await state.connection.execute("GET", f"{state._prefix}p:places")
        await state.stop()
        return int(money[0]), int(money[1]), int(places or 0)

    counted, reserved, places = asyncio.run(spent())
    costs: dict[str, int] = {}
    for output in outputs:
        for said in output:
            if len(words := said.split()) == 3:
                costs[words[1]] = int(words[2])
    paid = sum(costs.values())
    assert reserved == places == 0
    assert paid <= spender.LIMIT  # also with what the dead one may have spent without settling
    assert spender.LIMIT - 300 * 60 < counted <= spender.LIMIT


def test_a_server_that_hangs_up_ends_what_waits_and_complains_of_nothing(valkey_server: ValkeyServer) -> None:
    """Calls that are asked in the very turn of the loop in which the connection is found closed."""

    async def run() -> None:
        troubles: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        state = await opened(valkey_server, token_hex(8))
        connection = state.connection._connection
        assert connection is not None
        writer: asyncio.StreamWriter | None = connection._writer
        assert writer is not None
        writer.transport.close()
        with pytest.raises(StateAway):
            await state.connection.execute("PING")
        await state.stop(0.0)
        assert not troubles

    uvloop.run(run())


def test_a_flood_of_made_up_sessions_is_bounded_in_the_server_and_for_all_processes_alike(
    valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.state.valkey.MOST", 3)

    def session(number: int, owner: str = "session/key/web", lasts: float = 3600.0) -> Subject:
        return Subject(owner, f"{number:032x}"[::-1], AT, lasts)

    async def run(one: Valkey, other: Valkey) -> None:
        await one.admit([session(number) for number in range(3)])
        flood = [session(number) for number in range(3, 200)]
        assert set(await other.admit(flood)) == {shared_account(each) for each in flood}
        assert await other.admit([session(0)]) == (own_account(session(0)),)
        key = f"{one._prefix}u:session/key/web"
        assert await one.connection.execute("ZCARD", key) == 3
        assert 3600 < await one.connection.execute("TTL", key) <= 3600 + 86400
        for state in (one, other):
            elsewhere = session(9, "session/key/second")
            assert await state.admit([elsewhere]) == (own_account(elsewhere),)
        short = [session(number, "session/key/third", lasts=0.001) for number in range(3)]
        await one.admit(short)
        while await other.admit([newcomer := session(7, "session/key/third")]) != (own_account(newcomer),):
            await asyncio.sleep(0.002)  # by the server's clock the others have been silent for long enough by now

    with_states(run, valkey_server)


def test_what_a_session_spent_is_kept_as_long_as_its_life_and_every_call_puts_that_off(
    valkey_server: ValkeyServer,
) -> None:
    async def run(one: Valkey, other: Valkey) -> None:
        bounds = Bounds(budgets=(Budget("session/key/web/a", 100, "total", 3600),))
        at = wall()
        first, second = Claim("1", bounds, 0, (1,), at), Claim("2", bounds, 0, (1,), at + 500)
        taken = await granted(one, first)
        key = f"{one._prefix}b:session/key/web/a:0"
        before = await one.connection.execute("TTL", key)
        assert 3600 + KEPT - 60 < before <= 3600 + KEPT
        await granted(other, second)
        assert await one.connection.execute("TTL", key) > before + 400  # while another call was under way
        one.settle(first, taken, costs=(1,))
        assert await one.connection.drained(30)
        assert await one.connection.execute("TTL", key) > before

    with_states(run, valkey_server)


def test_users_are_told_apart_while_the_state_is_away() -> None:
    async def run(server: ValkeyServer) -> None:
        one = await opened(server, "x")
        sharing = StateWithFallback(one)
        ada = Subject("user/group/g", "ada".ljust(32, "0"), AT, 3600.0)
        [account] = await sharing.admit([ada])
        server.kill()
        await until(lambda: not one.is_connected)
        assert await sharing.admit([ada]) == (account,)
        bounds = Bounds(budgets=(Budget(account, 10, "total", 3600),), fails_open=True)
        await granted(sharing, Claim("1", bounds, 0, (8,), AT))
        await refused(sharing, Claim("2", bounds, 0, (8,), AT))
        await one.stop(0.0)

    with valkey() as server:
        asyncio.run(run(server))
