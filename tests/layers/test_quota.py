"""Who has room is let in and gives back what he took; who has none is told which limit it was, and when to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, Failed, Forbidden, InsufficientQuota, Malformed, QuotaExceeded, StateAway
from headworks.core.key import UNLIMITED, Allowance, Key, Spending, secret_digest
from headworks.core.money import Price, Rates
from headworks.core.record import Opened
from headworks.core.reply import Usage
from headworks.core.service import Opening, Service
from headworks.core.state import Bounds, Budget, Claim, Granted, Places, Rate, Refusal, Spent, Subject
from headworks.layers.limit import Limit, ProviderQueue
from headworks.layers.quota import BudgetStatus, Quota
from headworks.layers.reservations import Terms
from headworks.layers.reserve import Reserve
from headworks.layers.trace import Trace
from headworks.ledger.journal import MemoryJournal
from headworks.policy.concurrency import Slots
from headworks.policy.spend import ceiling
from headworks.providers.scripted import Stream
from headworks.state.memory import Memory
from headworks.testing import Scripted, ask, call, mock, virtual
from headworks.wire.openai.caller import EMBEDDINGS

PRICE = Price(rates=Rates(input=1_000_000, output=2_000_000))
"""A nano-dollar for a token of input, two for one of output."""


class Far:
    """A state over a network: every answer takes a moment."""

    is_local = False

    def __init__(self) -> None:
        self.near = Memory()

    def take_now(self, claim: Claim) -> Granted | Refusal:
        raise AssertionError("a remote state is asked by `take`")

    async def take(self, claim: Claim) -> Granted | Refusal:
        await asyncio.sleep(0.001)
        return self.near.take_now(claim)

    def admit_now(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        raise AssertionError("a remote state is asked by `admit`")

    async def admit(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        await asyncio.sleep(0.001)
        return self.near.admit_now(subjects)

    async def reserve(self, claim: Claim, amounts: tuple[int, ...]) -> Budget | None:
        await asyncio.sleep(0.001)
        return self.near.reserve_now(claim, amounts)

    def settle(
        self, claim: Claim, granted: Granted, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        self.near.settle(claim, granted, tokens=tokens, costs=costs)

    async def restore(self, spent: list[Spent]) -> None:
        await self.near.restore(spent)

    async def release_owner(self, owner: str) -> None:
        await self.near.end(owner)


def key(**allowance: object) -> Key:
    made = msgspec.structs.replace(UNLIMITED, **allowance)
    return Key(name="web", digest=secret_digest("s"), allowance=made, group="product", tags=("team:a",))


def quota(
    inner: Service,
    state: Memory | Far,
    *,
    journal: MemoryJournal | None = None,
    groups: Mapping[str, Allowance] | None = None,
    price: Price | None = PRICE,
    max_output: int | None = None,
) -> Quota:
    known = ceiling([price], has_output=True)
    terms = Terms(alias="assistant", config="c", ceilings={"chat": known}, max_output=max_output, around=(0, 0))
    found = groups or {}
    return Quota(inner, terms, state, journal or MemoryJournal(), lambda name: found.get(name, UNLIMITED))


def by(who: Key | None, number: int = 1, **fields: object) -> Call:
    made = msgspec.structs.replace(call(**fields), id=f"call-{number}", key=who)  # type: ignore[arg-type]
    made.trail.key = "web" if who is not None else ""
    return made


@virtual
async def test_a_call_that_nothing_bounds_asks_nobody() -> None:
    state = Memory()
    asked = by(key())
    await ask(quota(Scripted(["hi"]), state), asked)
    assert asked.trail.limits is None
    assert state.held == {}


@pytest.mark.parametrize("kind", [Memory, Far])
def test_the_limit_of_a_key_admits_so_many_and_says_when_to_come_back(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        who = key(rpm=2)
        layer = quota(Scripted(["hi"], repeat=True), kind())
        await ask(layer, by(who, 1))
        await ask(layer, by(who, 2))
        refused = by(who, 3)
        with pytest.raises(QuotaExceeded) as error:
            await ask(layer, refused)
        assert error.value.code == "rate_limit_exceeded"
        assert error.value.retry_after == pytest.approx(30, abs=0.1)
        assert not error.value.is_final
        assert refused.trail.limits is not None
        assert refused.trail.limits[1] == (0,)
        await asyncio.sleep(error.value.retry_after or 0)
        await ask(layer, by(who, 4))

    run()


@pytest.mark.parametrize("kind", [Memory, Far])
def test_a_place_is_held_until_the_last_chunk_and_given_back_whatever_happens(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        who = key(concurrency=1)
        service, handle = mock()
        layer = quota(service, kind())
        asking = asyncio.create_task(ask(layer, by(who, 1, streamed=True)))
        arrival = await handle.next_call()
        arrival.chunk("one")
        with pytest.raises(QuotaExceeded) as error:
            await ask(layer, by(who, 2))
        assert error.value.retry_after == 1.0
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        again = asyncio.create_task(ask(layer, by(who, 3)))
        (await handle.next_call()).error(Failed("500"))
        with pytest.raises(Failed):
            await again
        last = asyncio.create_task(ask(layer, by(who, 4)))
        (await handle.next_call()).reply("hi")
        assert (await last).text == "hi"

    run()


@virtual
async def test_a_call_larger_than_the_limit_is_told_not_to_come_back() -> None:
    with pytest.raises(QuotaExceeded) as error:
        await ask(quota(Scripted([]), Memory()), by(key(tpm=100), max_output=5000))
    assert error.value.is_final
    assert error.value.retry_after is None


@pytest.mark.parametrize("kind", [Memory, Far])
def test_a_budget_reserves_the_most_a_call_may_cost_and_opens_it(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        journal = MemoryJournal()
        service, handle = mock()
        layer = quota(service, kind(), journal=journal)
        who = key(budget=Spending(amount=200, every="total"))
        first = by(who, 1, max_output=30)
        size = len(first.body)
        asking = asyncio.create_task(ask(layer, first))
        arrival = await handle.next_call()
        [opened] = journal.opened
        assert (opened.opened, opened.key, opened.reserved_nano) == ("call-1", "web", size + 60)
        with pytest.raises(InsufficientQuota) as error:
            await ask(layer, by(who, 2, max_output=30))
        assert (error.value.status, error.value.code, error.value.is_final) == (429, "insufficient_quota", True)
        arrival.reply("hi")
        await asking
        # No attempt is on the trail (there is no Balance here), so nothing was spent.
        await asyncio.wait_for(asyncio.gather(serve(handle), ask(layer, by(who, 3, max_output=30))), 10)

    run()


async def serve(handle: object) -> None:
    arrival = await handle.next_call()  # type: ignore[attr-defined]
    arrival.reply("hi")


@virtual
async def test_a_group_has_one_budget_for_all_of_its_keys() -> None:
    state = Memory()
    layer = quota(
        Scripted(["hi"], repeat=True),
        state,
        groups={"product": Allowance(budget=Spending(amount=1, every="1d"))},
    )
    with pytest.raises(InsufficientQuota, match="your group"):
        await ask(layer, by(key(), max_output=10))


@virtual
async def test_without_max_tokens_a_call_under_a_budget_is_sent_with_the_aliases() -> None:
    inner = Scripted(["hi"])
    await ask(quota(inner, Memory(), max_output=77), by(key(budget=Spending(amount=10**9, every="1d"))))
    [seen] = inner.calls
    assert (seen.max_output, seen.bound) == (77, 77)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({}, Malformed, "max_tokens"),
        ({"max_output": 5, "fields": {"web_search_options": {}}}, Forbidden, "web_search_options"),
        ({"max_output": 5, "fields": {"modalities": ["text", "audio"]}}, Forbidden, "audio"),
    ],
)
def test_what_cannot_be_bounded_is_a_stated_refusal(
    fields: dict[str, object], error: type[Exception], words: str
) -> None:
    @virtual
    async def run() -> None:
        with pytest.raises(error, match=words):
            await ask(quota(Scripted([]), Memory()), by(key(budget=Spending(amount=10**9, every="1d")), **fields))

    run()


@virtual
async def test_an_unknown_price_under_a_budget_is_a_stated_refusal() -> None:
    with pytest.raises(Forbidden, match="not known"):
        await ask(
            quota(Scripted([]), Memory(), price=None), by(key(budget=Spending(amount=10**9, every="1d")), max_output=5)
        )


@virtual
async def test_without_the_journal_no_budget_is_spent() -> None:
    class Full(MemoryJournal):
        def open(self, call: Opened) -> bool:
            return False

    state = Memory()
    who = key(budget=Spending(amount=10**9, every="total"))
    with pytest.raises(StateAway) as error:
        await ask(quota(Scripted([]), state, journal=Full()), by(who, max_output=5))
    assert error.value.status == 503
    assert state.spent(Budget("key/web", 10**9, "total"), 0.0) == (0, 0)


@virtual
async def test_the_alert_level_is_told_once_a_window(caplog: pytest.LogCaptureFixture) -> None:
    layer = quota(Scripted(["hi"], repeat=True), Memory())
    who = key(budget=Spending(amount=10**4, every="total", alert=0.001))
    for number in range(3):
        await ask(layer, by(who, number, max_output=5))
    assert layer.budget_status.alerts(0.0) == ["key/web"]
    [record] = caplog.records
    assert record.getMessage().startswith("budget_alert: key/web: $")
    assert record.__dict__["fields"]["subject"] == "key/web"


def test_an_alert_ends_with_its_window() -> None:
    budget_status = BudgetStatus()
    assert [budget_status.alert("key/web", "1h", at) for at in (10.0, 3599.0, 3601.0)] == [True, False, True]
    assert budget_status.alerts(7199.0) == ["key/web"]
    assert budget_status.alerts(7200.0) == []


@virtual
async def test_changed_limits_of_a_key_count_at_once() -> None:
    layer = quota(Scripted(["hi"], repeat=True), Memory())
    await ask(layer, by(key(rpm=1), 1))
    await ask(layer, by(key(), 2))
    with pytest.raises(QuotaExceeded):
        await ask(layer, by(key(rpm=1), 3))


class Attempting:
    """Stands for Retry and Balance: two attempts, the first of which fails after it was billed."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner

    def open(self, call: Call) -> object:
        first = call.trail.begin("a", "first", now())
        first.outcome, first.is_billable, first.price = "failed", True, PRICE
        second = call.trail.begin("b", "retry", now())
        return self.inner.open(msgspec.structs.replace(call, attempt=second))


@pytest.mark.parametrize("kind", [Memory, Far])
@pytest.mark.parametrize("has_room", [True, False])
def test_a_further_attempt_is_paid_for_before_it_is_made(kind: type[Memory] | type[Far], *, has_room: bool) -> None:
    @virtual
    async def run() -> None:
        journal = MemoryJournal()
        asked = by(key(budget=Spending(amount=10**9, every="total")), max_output=10)
        most = len(asked.body) + 20
        sent = -(-len(asked.body) // 4)
        budget = most + sent if has_room else most + sent - 1
        asked = msgspec.structs.replace(asked, key=key(budget=Spending(amount=budget, every="total")))
        inner = Scripted(["hi"])
        layers = quota(Attempting(Reserve(inner)), kind(), journal=journal)  # type: ignore[arg-type]
        if has_room:
            await ask(layers, asked)
            assert [one.reserved_nano for one in journal.opened] == [most, most + sent]
        else:
            with pytest.raises(InsufficientQuota):
                await ask(layers, asked)
            assert inner.calls == []
            assert [one.target for one in asked.trail.attempts] == ["a"]

    run()


class Singing:
    """Stands for Balance and Meter: one attempt, which the vendor says had sound, for which there is no rate."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner

    def open(self, call: Call) -> Opening:
        attempt = call.trail.begin("a", "first", now())
        attempt.outcome, attempt.is_billable, attempt.price = "ok", True, PRICE
        attempt.usage = Usage(input=3, audio_output=5)
        return self.inner.open(call)


@virtual
async def test_what_nobody_can_price_costs_what_was_reserved_on_the_record_too() -> None:
    journal, state = MemoryJournal(), Memory()
    layers = Trace(quota(Singing(Scripted(["hi"])), state, journal=journal), journal, "c")
    await ask(layers, by(key(budget=Spending(amount=10**9, every="total")), max_output=10))
    [opened], [record] = journal.opened, journal.records
    assert record.cost_nano == opened.reserved_nano
    assert state.spent(Budget("key/web", 10**9, "total"), 0.0) == (opened.reserved_nano, 0)


@virtual
async def test_embeddings_under_a_budget_reserve_their_input_only() -> None:
    journal = MemoryJournal()
    terms = Terms(
        alias="assistant",
        config="c",
        ceilings={"embeddings": ceiling([Price(rates=Rates(input=1_000_000))], has_output=False)},
        around=(0, 0),
    )
    layer = Quota(Scripted(["hi"]), terms, Memory(), journal, lambda name: UNLIMITED)
    asked = by(key(budget=Spending(amount=10**9, every="1d")))
    await ask(layer, msgspec.structs.replace(asked, dialect=EMBEDDINGS))
    assert [one.reserved_nano for one in journal.opened] == [len(asked.body)]


def limit(inner: Service, state: Memory | Far, **bounds: object) -> Limit:
    return Limit(inner, state, Bounds(**bounds), Slots(10), ProviderQueue(), "a")  # type: ignore[arg-type]


def attempted(number: int, *, waits_at_limit: bool = False, deadline_at: float = 1000.0) -> Call:
    made = msgspec.structs.replace(call(), id=f"call-{number}", deadline_at=deadline_at)
    made.trail.waits_at_limit = waits_at_limit
    return msgspec.structs.replace(made, attempt=made.trail.begin("a", "first", now()))


@pytest.mark.parametrize("kind", [Memory, Far])
def test_an_attempt_without_room_was_none(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        layer = limit(Scripted(["hi"], repeat=True), kind(), rates=(Rate("rpm/provider/a", 1),))
        await ask(layer, attempted(1))
        second = attempted(2)
        with pytest.raises(AtLimit) as error:
            await ask(layer, second)
        assert error.value.retry_after == pytest.approx(60, abs=0.1)
        assert second.trail.attempts == []

    run()


@pytest.mark.parametrize("kind", [Memory, Far])
def test_a_patient_call_waits_for_its_turn_and_no_longer_than_its_deadline(kind: type[Memory] | type[Far]) -> None:
    @virtual
    async def run() -> None:
        layer = limit(Scripted(["hi"], repeat=True), kind(), rates=(Rate("rpm/provider/a", 1),))
        await ask(layer, attempted(1))
        waiting = [attempted(2, waits_at_limit=True), attempted(3, waits_at_limit=True)]
        late = attempted(4, waits_at_limit=True, deadline_at=70.0)
        ended: list[float] = []

        async def one(made: Call) -> None:
            await ask(layer, made)
            ended.append(now())
            assert made.attempt is not None
            assert made.attempt.started_at == pytest.approx(now(), abs=0.1)

        async def hopeless() -> None:
            with pytest.raises(AtLimit):
                await ask(layer, late)
            assert now() == pytest.approx(70.0)

        await asyncio.gather(*map(one, waiting), hopeless())
        assert ended == [pytest.approx(60, abs=0.1), pytest.approx(120, abs=0.2)]

    run()


@virtual
async def test_a_place_that_is_given_back_goes_to_whoever_waits() -> None:
    state = Memory()
    layer = limit(Scripted([Stream(pieces=["one", 5.0, "two"]), "hi"]), state, places=(Places("places/provider/a", 1),))
    first = asyncio.create_task(ask(layer, msgspec.structs.replace(attempted(1), streamed=True)))
    await asyncio.sleep(1.0)
    await ask(layer, attempted(2, waits_at_limit=True))
    assert now() == pytest.approx(5.0)
    await first
    assert state.held == {}


@pytest.mark.parametrize("kind", [Memory, Far])
def test_who_finds_others_waiting_has_found_no_room_and_who_waits_is_let_in_by_the_order_of_coming(
    kind: type[Memory] | type[Far],
) -> None:
    @virtual
    async def run() -> None:
        state = kind()
        layer = limit(Scripted(["hi"], repeat=True), state, rates=(Rate("tpm/provider/a", 6000, "tokens"),))
        order: list[int] = []

        def of(number: int, tokens: int, *, waits_at_limit: bool = False) -> Call:
            made = attempted(number, waits_at_limit=waits_at_limit)
            return msgspec.structs.replace(made, body=b"x" * 4 * tokens)

        async def one(number: int, tokens: int) -> None:
            await ask(layer, of(number, tokens, waits_at_limit=True))
            order.append(number)

        await ask(layer, of(0, 5900))
        waiting = [asyncio.create_task(one(number, tokens)) for number, tokens in ((1, 3000), (2, 10), (3, 10))]
        await asyncio.sleep(1.0)
        for number in range(10, 20):  # there is room for each of them
            with pytest.raises(AtLimit, match="Other calls are queued") as caught:
                await ask(layer, of(number, 10))
            assert caught.value.retry_after == pytest.approx(28.0, abs=0.3)
        gone = asyncio.create_task(one(4, 10))
        await asyncio.sleep(1.0)
        gone.cancel()
        await asyncio.gather(*waiting)
        assert order == [1, 2, 3]
        assert now() == pytest.approx(29.2, abs=0.3)
        await asyncio.sleep(1.0)
        await ask(layer, of(20, 10))
        assert layer.provider_queue.waiters.queues == {}

    run()
