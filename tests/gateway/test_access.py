"""Keys that are made while calls are served, and money that is exact over a death of the gateway."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, InsufficientQuota, KeysAway, StateAway, Unauthenticated
from headworks.core.key import Allowance, Spending, secret_digest
from headworks.gateway.gateway import Gateway
from headworks.ledger.erasure import purge_user
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreTrouble
from headworks.system.load import read
from headworks.testing import ask, call

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {assistant: {targets: sim/m, price: {input: $1/M, output: $1000/M}, max_output: 10}}
keys: {web: {key: secret-web-secret-web, budget: {amount: $0.05, every: total}}}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""


def gateway(folder: Path, text: str = SYSTEM) -> Gateway:
    return Gateway(read(text.encode(), file="x", folder=folder, env={}).system, folder, seed=1)


def by(secret: str, number: int = 1) -> Call:
    return msgspec.structs.replace(call(), id=f"req_{number}", credential=secret, arrived_at=now())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + 60
    while not await holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def make(folder: Path, name: str, secret: str, **fields: object) -> None:
    store = SqliteAt(folder / "ledger.db").open()
    keys = Keys(store)
    was = keys.row("key", name)
    assert keys.put("key", name, Entry(digest=secret_digest(secret).hex(), **fields), was)  # type: ignore[arg-type]
    store.close()


async def answered(one: Gateway, secret: str) -> bool:
    try:
        await ask(one.front, by(secret))
    except Unauthenticated:
        return False
    return True


def test_a_key_that_is_made_or_revoked_counts_without_a_reload(tmp_path: Path) -> None:
    async def run() -> None:
        one = gateway(tmp_path, SYSTEM.replace("$0.05", "$5000"))
        await one.start()
        try:
            assert not await answered(one, "hw_new")
            make(tmp_path, "nightly", "hw_new", tags=("team:a",))
            await until(lambda: answered(one, "hw_new"))
            make(tmp_path, "nightly", "hw_new", revoked_at=1.0)

            async def is_refused() -> bool:
                return not await answered(one, "hw_new")

            await until(is_refused)
            store = SqliteAt(tmp_path / "ledger.db").open()
            assert Keys(store).put("revoked", "web", Entry(revoked_at=1.0), None)
            store.close()

            async def is_web_refused() -> bool:
                return not await answered(one, "secret-web-secret-web")

            await until(is_web_refused)
        finally:
            await one.stop()

    asyncio.run(run())


def test_the_first_key_closes_a_gateway_that_was_open(tmp_path: Path) -> None:
    text = SYSTEM.replace("keys: {web", "# keys: {web")

    async def run() -> None:
        one = gateway(tmp_path, text)
        await one.start()
        try:
            assert one.keys is None
            await ask(one.front, by(""))
            make(tmp_path, "nightly", "hw_new")

            async def is_closed() -> bool:
                return not await answered(one, "")

            await until(is_closed)
            assert await answered(one, "hw_new")
        finally:
            await one.stop()

    asyncio.run(run())


def test_a_dead_store_keeps_out_only_whom_nobody_knows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> None:
        make(tmp_path, "nightly", "hw_new")
        one = gateway(tmp_path)
        await one.start()
        try:
            assert await answered(one, "hw_new")
            one.access.at = Broken()
            (tmp_path / "ledger.db").rename(tmp_path / "elsewhere.db")

            async def is_said() -> bool:
                return any(said.startswith("keys: gone") for said in one.troubles())

            await until(is_said)
            assert await answered(one, "hw_new")
            with pytest.raises(KeysAway) as error:
                await ask(one.front, by("hw_other"))
            assert error.value.status == 503
            with pytest.raises(Unauthenticated):
                await ask(one.front, by(""))
            one.access.at = SqliteAt(tmp_path / "elsewhere.db")

            async def is_healed() -> bool:
                return not one.access.troubles()

            await until(is_healed)
            assert not await answered(one, "hw_other")
        finally:
            await one.stop()

    asyncio.run(run())
    said = [record.getMessage() for record in caplog.records if record.name == "headworks.access"]
    assert said == [  # once each, though it was looked for many times
        "keys_away: the store of keys: gone; keys that are known are served, others are told to wait",
        "keys_back: the store of keys: it works again",
    ]


class Broken:
    is_shared = False

    def open(self, patience: float = 0.0) -> object:
        raise StoreTrouble("gone")


def test_without_the_store_at_the_start_no_budget_is_spent_and_other_keys_are_served(tmp_path: Path) -> None:
    text = SYSTEM.replace("keys: {", "keys: {free: {key: secret-free-secret-}, ")

    async def run() -> None:
        one = gateway(tmp_path, text)
        good, one.access.at = one.access.at, Broken()  # type: ignore[assignment]
        await one.start()
        try:
            assert await answered(one, "secret-free-secret-")
            with pytest.raises(StateAway):
                await ask(one.front, by("secret-web-secret-web"))
            one.access.at = good

            async def is_known() -> bool:
                try:
                    return await answered(one, "secret-web-secret-web")
                except StateAway:
                    return False

            await until(is_known)
        finally:
            await one.stop()

    asyncio.run(run())


async def spend_all(one: Gateway, name: str) -> int:
    """Calls until the budget refuses; how many were answered."""
    count = 0
    while True:
        try:
            await ask(one.front, by("secret-web-secret-web", 1000 * len(name) + count))
        except InsufficientQuota:
            return count
        count += 1


def test_a_gateway_that_starts_knows_what_the_one_before_it_spent(tmp_path: Path) -> None:
    async def life(calls: int) -> None:
        one = gateway(tmp_path)
        await one.start()
        try:
            for number in range(calls):
                await ask(one.front, by("secret-web-secret-web", number))
        finally:
            await one.stop()

    async def last() -> int:
        one = gateway(tmp_path)
        await one.start()
        try:
            return await spend_all(one, "last")
        finally:
            await one.stop()

    asyncio.run(life(2))
    asyncio.run(life(1))
    left = asyncio.run(last())
    store = SqliteAt(tmp_path / "ledger.db").open()
    spent = store.spent(0)["key/web"]
    store.close()
    # $0.05 for calls of at most $0.01 and a little: the last one is refused because it might not fit.
    assert left == 1
    assert 0.04e9 < spent <= 0.05e9
    assert asyncio.run(last()) == 0


def test_a_budget_that_is_given_to_a_key_that_has_spent_already_counts_that(tmp_path: Path) -> None:
    async def run() -> None:
        make(tmp_path, "nightly", "hw_new")
        one = gateway(tmp_path)
        await one.start()
        try:
            for number in range(3):
                await ask(one.front, by("hw_new", number))
            budget = Allowance(budget=Spending(amount=15_000_000, every="total"))
            make(tmp_path, "nightly", "hw_new", allowance=budget)

            async def is_refused() -> bool:
                try:
                    await ask(one.front, by("hw_new", 77))
                except InsufficientQuota:
                    return True
                except CallError:
                    return False
                return False

            await until(is_refused)
        finally:
            await one.stop()

    asyncio.run(run())


def test_a_reload_that_gives_a_budget_counts_what_was_spent(tmp_path: Path) -> None:
    async def run() -> None:
        text = SYSTEM.replace(", budget: {amount: $0.05, every: total}", "")
        one = gateway(tmp_path, text)
        await one.start()
        try:
            for number in range(3):
                await ask(one.front, by("secret-web-secret-web", number))
            system = read(SYSTEM.replace("$0.05", "$0.03").encode(), file="x", folder=tmp_path, env={}).system
            await one.reload(system)
            with pytest.raises(InsufficientQuota):
                await ask(one.front, by("secret-web-secret-web", 9))
        finally:
            await one.stop()

    asyncio.run(run())


def test_kept_answers_of_a_user_who_is_purged_are_given_to_nobody_from_then_on(tmp_path: Path) -> None:
    """An answer that was kept since is."""
    text = SYSTEM.replace("max_output: 10", "max_output: 10, cache: {exact: 1h, share: all}").replace("$0.05", "$5000")

    def asked(user: str) -> Call:
        made = call("hello", fields={"user": user} if user else {})
        return msgspec.structs.replace(made, credential="secret-web-secret-web", arrived_at=now(), user=user)

    async def run() -> None:
        one = gateway(tmp_path, text)
        await one.start()
        try:

            async def is_kept() -> bool:
                again = asked("")
                await ask(one.front, again)
                return again.trail.cache == "hit"

            await ask(one.front, asked("ann"))
            assert await is_kept()
            assert one.assembled.shared.tombstones.is_known
            store = SqliteAt(tmp_path / "ledger.db").open()
            Indexer(tmp_path / "journal", SqliteAt(tmp_path / "ledger.db")).catch_up()
            purge_user(store, "ann", time.time())
            store.close()

            async def is_gone() -> bool:
                return not await is_kept()

            await until(is_gone)
            assert await is_kept()
        finally:
            await one.stop()

    asyncio.run(run())


def test_a_budget_that_is_changed_counts_what_was_spent_and_a_name_used_again_begins_anew(tmp_path: Path) -> None:
    def may_spend(dollars: float) -> Allowance:
        return Allowance(budget=Spending(amount=round(dollars * 1e9), every="total"))

    async def run() -> None:
        make(tmp_path, "nightly", "hw_new", allowance=may_spend(0.03))
        one = gateway(tmp_path)
        await one.start()

        async def is_answered(secret: str, number: int) -> bool:
            try:
                await ask(one.front, by(secret, number))
            except InsufficientQuota:
                return False
            except Unauthenticated:
                return False
            return True

        try:
            count = 0
            while await is_answered("hw_new", count):
                count += 1
            assert 0 < count < 9
            make(tmp_path, "nightly", "hw_new", allowance=may_spend(5.0))
            await until(lambda: is_answered("hw_new", 20))
            make(tmp_path, "nightly", "hw_new", allowance=may_spend(0.001))

            async def is_refused() -> bool:
                return not await is_answered("hw_new", 30)

            await until(is_refused)
            make(tmp_path, "nightly", "hw_other", allowance=may_spend(0.03), number=2)
            await until(lambda: is_answered("hw_other", 40))
            assert not await answered(one, "hw_new")
            assert [key.name for key in list(one.ring.keys())] == ["web", "nightly#2"]
            again = [await is_answered("hw_other", 50 + number) for number in range(count)]
            assert again == [True] * (count - 1) + [False]
        finally:
            await one.stop()

    asyncio.run(run())


def test_before_the_store_was_read_nobody_can_say_whether_there_are_keys(tmp_path: Path) -> None:
    one = gateway(tmp_path, SYSTEM.replace("keys: {web", "# keys: {web"))
    assert one.keys is not None, "the port is open before the store is asked"
    with pytest.raises(KeysAway):
        one.aliases(None)


def test_a_store_that_cannot_be_opened_is_a_503_and_never_a_401(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.gateway.access.START_TIMEOUT", 0.01)

    async def run() -> None:
        one = gateway(tmp_path, SYSTEM.replace("keys: {web", "# keys: {web"))
        one.access.at = Broken()
        await one.start()
        try:
            for secret in ("", "hw_other"):
                with pytest.raises(KeysAway) as error:
                    await ask(one.front, by(secret))
                assert error.value.retry_after is not None
        finally:
            await one.stop()

    asyncio.run(run())
