"""Each user and each session of a key has its own limits: who loops stops at its own, and not at everybody's."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import InsufficientQuota, QuotaExceeded, Refused
from headworks.core.key import UNLIMITED, Allowance, Key, Spending, secret_digest
from headworks.core.per import Per, SessionBudget, SessionLimits, UserBudget, UserLimits
from headworks.core.reply import Usage
from headworks.core.service import Opening, Service
from headworks.core.session import Session
from headworks.core.state import Budget
from headworks.core.vtime import run_virtual
from headworks.layers.bounds import subject_name
from headworks.ledger.journal import MemoryJournal
from headworks.state.memory import Memory
from headworks.testing import Scripted, ask, call, mock, virtual
from tests.laws import examples
from tests.layers.test_quota import PRICE, Far, quota

KINDS = pytest.mark.parametrize("kind", [Memory, Far])
MUCH = 10**12


class Attempted:
    """Stands for Balance and Meter: one attempt, which costs 50 nano-dollars."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner

    def open(self, call: Call) -> Opening:
        attempt = call.trail.begin("a", "first", now())
        attempt.outcome, attempt.is_billable, attempt.price = "ok", True, PRICE
        attempt.usage = Usage(input=10, output=20)
        return self.inner.open(call)


def key(name: str = "web", *, per: Per | None = None, group: str = "", **limits: object) -> Key:
    allowance = msgspec.structs.replace(UNLIMITED, per=per, **limits)
    return Key(name=name, digest=secret_digest(name), allowance=allowance, group=group)


def by(who: Key, number: int, *, user: str | None = None, session: str | None = None, output: int = 20) -> Call:
    made = call(max_output=output)
    named = None if session is None else Session(session)
    made = msgspec.structs.replace(made, id=f"call-{number}", key=who, user=user, session=named, arrived_at=now())
    made.trail.key = who.name
    return made


def served() -> Service:
    return Attempted(Scripted(["hi"], repeat=True))


@KINDS
def test_a_session_ends_at_its_own_budget_and_others_go_on(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        size = len(by(key(), 0).body)
        who = key(per=Per(session=SessionLimits(budget=SessionBudget(amount=size + 40 + 2 * 50))))
        layer = quota(served(), kind())
        for number in range(3):
            await ask(layer, by(who, number, session="loop"))
        with pytest.raises(
            InsufficientQuota, match=r"the budget of this session, \$[0-9.]+ in all, has no room"
        ) as error:
            await ask(layer, by(who, 3, session="loop"))
        assert (error.value.status, error.value.is_final, error.value.retry_after) == (429, True, None)
        await ask(layer, by(who, 4, session="other"))
        await ask(layer, by(key("second", per=who.allowance.per), 5, session="loop"))

    run()


@KINDS
def test_a_user_has_so_much_money_a_day_and_the_next_day_again(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        size = len(by(key(), 0).body)
        who = key(per=Per(user=UserLimits(budget=UserBudget(amount=size + 40, every="1d"))))
        layer = quota(served(), kind())
        await ask(layer, by(who, 1, user="ada"))
        with pytest.raises(InsufficientQuota, match=r"this user, \$[0-9.]+ today") as error:
            await ask(layer, by(who, 2, user="ada"))
        await ask(layer, by(who, 3, user="bob"))
        await asyncio.sleep((error.value.retry_after or 0) + 1)
        await ask(layer, by(who, 4, user="ada"))

    run()


@KINDS
def test_the_calls_of_a_session_are_counted_where_no_price_is_known(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        who = key(per=Per(session=SessionLimits(calls=2)))
        layer = quota(served(), kind(), price=None)
        for number in range(2):
            await ask(layer, by(who, number, session="loop"))
        with pytest.raises(InsufficientQuota, match="The limit of this session is 2 calls in all") as error:
            await ask(layer, by(who, 3, session="loop"))
        assert error.value.is_final
        await ask(layer, by(who, 4, session="other"))

    run()


@virtual
async def test_a_call_that_was_not_let_in_is_none_of_a_sessions_calls() -> None:
    who = key(per=Per(session=SessionLimits(calls=2)), concurrency=1)
    state = Memory()
    service, handle = mock()
    layer = quota(service, state)
    under_way = asyncio.create_task(ask(layer, by(who, 1, session="s")))
    arrival = await handle.next_call()
    for number in range(2, 6):
        with pytest.raises(QuotaExceeded, match="at once"):
            await ask(layer, by(who, number, session="s"))
    arrival.reply("hi")
    await under_way
    last = asyncio.create_task(ask(layer, by(who, 6, session="s")))
    (await handle.next_call()).reply("hi")
    await last
    with pytest.raises(InsufficientQuota, match="2 calls"):
        await ask(layer, by(who, 7, session="s"))


@virtual
async def test_a_call_that_no_vendor_was_asked_for_and_nobody_answered_counts_none() -> None:
    class Away:
        def open(self, call: Call) -> Opening:
            raise Refused("none of the targets can serve it")

    who = key(per=Per(session=SessionLimits(calls=1, budget=SessionBudget(amount=MUCH))))
    state = Memory()
    for number in range(3):
        with pytest.raises(Refused, match="none of the targets"):
            await ask(quota(Away(), state), by(who, number, session="s"))
    await ask(quota(served(), state), by(who, 4, session="s"))
    account = f"session/key/web/{subject_name('s')}"
    assert state.spent(Budget(f"calls/{account}", 1, "total"), 0.0) == (1, 0)
    assert state.spent(Budget(account, MUCH, "total"), 0.0) == (50, 0)


@KINDS
def test_rates_and_places_are_each_users_own_and_the_tightest_is_told(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        per = Per(user=UserLimits(rpm=1, tpm=100_000), session=SessionLimits(concurrency=1))
        who = key(per=per, rpm=100)
        service, handle = mock()
        layer = quota(service, kind())
        first = asyncio.create_task(ask(layer, by(who, 1, user="ada", session="s")))
        arrival = await handle.next_call()
        with pytest.raises(QuotaExceeded, match="The limit of this session is 1 calls at once"):
            await ask(layer, by(who, 2, user="bob", session="s"))
        refused = by(who, 3, user="ada", session="other")
        with pytest.raises(QuotaExceeded, match="The limit of this user is 1 requests a minute") as error:
            await ask(layer, refused)
        assert error.value.retry_after == pytest.approx(60, abs=0.1)
        assert refused.trail.limits is not None
        assert min(refused.trail.limits[1][:2]) == 0
        arrival.reply("hi")
        await first

    run()


@virtual
async def test_calls_that_name_nobody_are_those_of_one_whose_life_is_a_day() -> None:
    who = key(per=Per(user=UserLimits(rpm=1), session=SessionLimits(calls=2)))
    layer = quota(served(), Memory())
    await ask(layer, by(who, 1, user="ada"))
    await ask(layer, by(who, 2, user="bob"))
    with pytest.raises(InsufficientQuota, match=r"all calls that name no session is 2 calls today") as error:
        await ask(layer, by(who, 3, user="cyd"))
    await asyncio.sleep((error.value.retry_after or 0) + 1)
    await ask(layer, by(who, 4))
    with pytest.raises(QuotaExceeded, match="all calls that name no user"):
        await ask(layer, by(who, 5))


@virtual
async def test_a_user_of_a_group_is_the_same_with_each_of_its_keys() -> None:
    groups = {"product": Allowance(per=Per(user=UserLimits(rpm=1)))}
    layer = quota(served(), Memory(), groups=groups)
    await ask(layer, by(key("web", group="product"), 1, user="ada"))
    with pytest.raises(QuotaExceeded, match="this user"):
        await ask(layer, by(key("app", group="product"), 2, user="ada"))
    await ask(layer, by(key("app", group="product"), 3, user="bob"))


@virtual
async def test_the_limits_of_the_key_stand_above_those_of_made_up_sessions() -> None:
    size = len(by(key(), 0).body)
    who = key(per=Per(session=SessionLimits(calls=5)), budget=Spending(amount=size + 40 + 3 * 50, every="1d"))
    layer = quota(served(), Memory())
    for number in range(4):
        await ask(layer, by(who, number, session=f"made up {number}"))
    with pytest.raises(InsufficientQuota, match="your key"):
        await ask(layer, by(who, 9, session="made up 9"))


@virtual
async def test_a_flood_of_made_up_sessions_takes_bounded_memory_and_no_others_account(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("headworks.layers.quota.MOST_SUBJECTS", 50)
    state = Memory()
    state.subjects._most = 20
    layer = quota(served(), state)
    flooding, other = (
        key(name, per=Per(session=SessionLimits(calls=number))) for number, name in ((1, "flood"), (2, "other"))
    )
    await ask(layer, by(other, 1, session="mine"))
    refused: list[str] = []
    for number in range(300):
        try:
            await ask(layer, by(flooding, number, session=f"made up {number}"))
        except InsufficientQuota as error:
            refused.append(str(error))
    assert refused
    assert all("which it shares with others" in one for one in refused)
    assert len(state.subjects) == 21
    assert len(layer._of_subjects) == 50
    [told] = caplog.records
    assert told.getMessage().startswith("subjects_crowded: key/flood has more than 50000 sessions")
    await ask(layer, by(other, 2, session="mine"))
    with pytest.raises(InsufficientQuota, match="this session is 2"):
        await ask(layer, by(other, 3, session="mine"))


@virtual
async def test_a_session_that_was_silent_for_its_life_begins_anew_when_others_need_its_place() -> None:
    state = Memory()
    state.subjects._most = 1
    who = key(per=Per(session=SessionLimits(calls=1, budget=SessionBudget(amount=MUCH), rpm=5, forget=3600.0)))
    layer = quota(served(), state)
    await ask(layer, by(who, 1, session="old"))
    await asyncio.sleep(3601)
    await ask(layer, by(who, 2, session="new"))
    old, new = (f"session/key/web/{subject_name(name)}" for name in ("old", "new"))
    assert {name for name, _ in state._accounts} == {new, f"calls/{new}"}
    assert not [name for name in state._full_at if old in name]


@virtual
async def test_a_call_that_outlives_the_memory_of_its_session_is_settled_all_the_same() -> None:
    state = Memory()
    state.subjects._most = 1
    who = key(per=Per(session=SessionLimits(tpm=100_000)))
    service, handle = mock()
    layer = quota(service, state)
    long = asyncio.create_task(ask(layer, by(who, 1, session="long")))
    arrival = await handle.next_call()
    await asyncio.sleep(500)
    other = asyncio.create_task(ask(layer, by(who, 2, session="other")))
    (await handle.next_call()).reply("hi")
    await other
    arrival.reply("hi")
    await long
    assert state.held == {}


@virtual
async def test_no_name_of_a_caller_is_in_the_state_and_no_alert_is_told(caplog: pytest.LogCaptureFixture) -> None:
    state, journal = Memory(), MemoryJournal()
    per = Per(user=UserLimits(budget=UserBudget(amount=10**6, every="1h"), rpm=9))
    layer = quota(served(), state, journal=journal)
    for number in range(2):
        await ask(layer, by(key(per=per), number, user="ada@example.com"))
    assert "ada" not in f"{state._accounts} {state._full_at} {state.in_use}"
    assert layer.budget_status.alerts(0.0) == []
    assert caplog.records == []


class Costing:
    """One attempt that costs at most what the call may, or breaks, or is left."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.inner = Scripted(["hi"], repeat=True)
        self.paid: dict[str, int] = {}

    def open(self, call: Call) -> Opening:
        attempt = call.trail.begin("a", "first", now())
        attempt.outcome, attempt.is_billable, attempt.price = "ok", True, PRICE
        attempt.usage = Usage(input=len(call.body), output=self.rng.randrange(call.max_output or 0))
        return self.inner.open(call)


@settings(max_examples=examples(8), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_law_no_user_and_no_session_spends_more_than_its_budget(seed: int) -> None:
    rng = Random(seed)
    user_amount, session_amount, calls = rng.randrange(300, 1500), rng.randrange(300, 1500), rng.randrange(1, 6)
    who = key(
        per=Per(
            user=UserLimits(budget=UserBudget(amount=user_amount, every="30d")),
            session=SessionLimits(budget=SessionBudget(amount=session_amount), calls=calls),
        )
    )
    state = Memory() if rng.random() < 0.5 else Far()
    near = state if isinstance(state, Memory) else state.near
    journal = MemoryJournal()
    answered: dict[str, int] = {}
    money: dict[str, int] = {}

    async def one(number: int) -> None:
        await asyncio.sleep(rng.random())
        user, session = f"u{rng.randrange(3)}", f"s{rng.randrange(3)}"
        asked = by(who, number, user=user, session=session, output=rng.randrange(1, 100))
        asking = asyncio.create_task(ask(quota(Costing(rng), state, journal=journal), asked))
        if rng.random() < 0.2:
            await asyncio.sleep(0)
            asking.cancel()
        try:
            await asking
        except (InsufficientQuota, asyncio.CancelledError):
            pass
        else:
            answered[session] = answered.get(session, 0) + 1
            for name in (user, session):
                cost = asked.trail.attempts[0].usage
                assert cost is not None
                money[name] = money.get(name, 0) + cost.input_tokens + 2 * cost.output_tokens

    async def run() -> None:
        await asyncio.gather(*[one(number) for number in range(60)])

    run_virtual(run())
    assert all(number <= calls for number in answered.values())
    assert all(spent <= (user_amount if name.startswith("u") else session_amount) for name, spent in money.items())
    for name in ("s0", "s1", "s2"):
        account = f"session/key/web/{subject_name(name)}"
        spent, reserved = near.spent(Budget(account, session_amount, "total"), 0.0)
        assert money.get(name, 0) <= spent <= session_amount
        assert reserved == 0
    assert near.held == {}
