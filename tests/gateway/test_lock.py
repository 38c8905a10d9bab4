"""Of two gateways that each count for themselves one serves: on a folder, and on a store, whatever the other folder is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from secrets import token_hex

import pytest

import headworks
from headworks.core.errors import CallError, ConfigError, StateAway
from headworks.core.key import Allowance, Spending, secret_digest
from headworks.gateway.gateway import Gateway
from headworks.gateway.lock import LOCK, GatewayLock, hold_lock, is_bounded
from headworks.inprocess import Opened
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.lock import FileLock
from headworks.ledger.store_url import store_at
from headworks.server.asgi_adapter import AsgiAdapter
from headworks.system.load import Loaded, read
from tests.gateway.test_access import answered, until
from tests.servers import PostgresServer

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {assistant: {targets: sim/m, price: {input: $1/M, output: $1000/M}, max_output: 10}}
log: {journal: JOURNAL, store: "STORE"}
"""
BUDGET = "keys: {web: {key: secret-web-secret-web, budget: {amount: $5, every: total}}}"
WEB = "secret-web-secret-web"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(f"hold_{token_hex(6)}")


def text_of(store: str, journal: str = "journal", more: str = "") -> str:
    return SYSTEM.replace("STORE", store).replace("JOURNAL", journal) + more


def loaded(folder: Path, store: str, journal: str = "journal", more: str = "") -> Loaded:
    return read(text_of(store, journal, more).encode(), file="x", folder=folder, env={})


async def refused(one: Loaded) -> str:
    with pytest.raises(ConfigError) as error:
        async with hold_lock(one, always=True):
            pass
    [problem] = error.value.problems
    assert "`state: redis://...`" in (problem.remedy or "")
    return problem.problem


def test_the_second_one_hears_who_holds_it_and_starts_once_the_first_has_ended(tmp_path: Path, store: str) -> None:
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"

    async def run() -> None:
        async with hold_lock(loaded(tmp_path, store), always=True):
            assert f"the journal's folder {tmp_path}/journal is in use" in await refused(loaded(tmp_path, elsewhere))
            said = await refused(loaded(tmp_path, store, "other"))
            assert f"the store {store_at(store, tmp_path)} is in use by headworks, process " in said
            async with hold_lock(loaded(tmp_path, elsewhere, "other"), always=True):
                pass
        async with hold_lock(loaded(tmp_path, store), always=True):
            pass

    asyncio.run(run())


def test_shared_states_share_and_keep_out_who_counts_for_himself(tmp_path: Path, store: str) -> None:
    async def run() -> None:
        shared = loaded(tmp_path, store, more="state: redis://localhost:1")
        async with hold_lock(shared, always=True), hold_lock(shared, always=True):
            await refused(loaded(tmp_path, store))
        async with hold_lock(loaded(tmp_path, store), always=True):
            assert "redis" in await refused(shared)

    asyncio.run(run())


@contextlib.asynccontextmanager
async def unwatched(folder: Path, store: str) -> AsyncIterator[GatewayLock]:
    """The locks of a gateway that looks after them when it is told to."""
    lock = GatewayLock(folder / "journal", store_at(store, folder), "headworks, process 7", "memory")
    try:
        lock.acquire()
        yield lock
    finally:
        await lock.release()


def held(gateway: Gateway, lock: GatewayLock) -> Gateway:
    gateway.access.lock = lock
    gateway.access.poll = 0.01
    return gateway


def test_who_lost_it_to_another_spends_nothing_until_it_is_his_again(
    tmp_path: Path, store: str, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = loaded(tmp_path, store, more=BUDGET)
    other = loaded(tmp_path, store, "other")

    async def run() -> None:
        async with unwatched(tmp_path, store) as lock:
            gateway = held(Gateway(one.system, tmp_path, seed=1), lock)
            await gateway.start()
            try:
                assert await answered(gateway, WEB)
                (tmp_path / "ledger.db.lock").unlink(missing_ok=True)
                if store.startswith("postgresql"):
                    with closing(postgres_server.admin()) as admin:
                        admin.execute(
                            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                            " WHERE application_name LIKE 'headworks, process %'"
                        )
                async with hold_lock(other, always=True):
                    lock.check()

                    async def is_refused() -> bool:
                        try:
                            return not await answered(gateway, WEB)
                        except StateAway:
                            return True

                    await until(is_refused)
                    assert [said for said in gateway.troubles() if said.startswith("keys: ") and "limits count" in said]
                lock.check()
                assert lock.other == ""  # once the other one has ended, nothing of it is left at the server

                async def is_served() -> bool:
                    try:
                        return await answered(gateway, WEB)
                    except CallError:
                        return False

                await until(is_served)
                assert gateway.troubles() == []
            finally:
                await gateway.stop()

    asyncio.run(run())
    events = [getattr(said, "fields", {}).get("event") for said in caplog.records if said.name == "headworks.hold"]
    assert events == ["lock_taken", "lock_back"]


def test_a_lock_that_is_lost_to_nobody_is_taken_again_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with unwatched(tmp_path, "sqlite:///ledger.db") as lock:
            (tmp_path / "journal" / LOCK).unlink()
            lock.check()
            assert FileLock(tmp_path / "journal" / LOCK).acquire("another", shared=False) is not None
            await asyncio.sleep(0)

    asyncio.run(run())
    assert [said.getMessage() for said in caplog.records] == [
        f"lock_back: the journal's folder {tmp_path}/journal: its lock was lost, and is ours again"
    ]


def test_a_store_that_is_away_keeps_nobody_from_starting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()

    async def run() -> None:
        async with unwatched(tmp_path, "sqlite:///file/ledger.db") as lock:
            assert lock.other == ""
            await asyncio.sleep(0)
            assert "ledger.db.lock cannot be locked" in caplog.messages[-1]
            (tmp_path / "file").unlink()
            lock.check()
            await refused(loaded(tmp_path, "sqlite:///file/ledger.db", "other"))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("more", "is_one"),
    [
        ("", False),
        (BUDGET, True),
        ("groups: {all: {rpm: 5}}", True),
        ("keys: {web: {key: secret-web-secret-web}}", False),
    ],
)
def test_what_bounds_somebody_is_counted(tmp_path: Path, more: str, is_one: bool) -> None:
    assert is_bounded(loaded(tmp_path, "sqlite:///ledger.db", more=more).system) == is_one


@pytest.mark.parametrize(
    ("was", "now"),
    [("targets: sim/m", "tpm: 5, targets: sim/m"), ("sim/m", "{provider: sim, model: m, concurrency: 5}")],
)
def test_limits_of_aliases_and_targets_are_counted(tmp_path: Path, was: str, now: str) -> None:
    text = text_of("sqlite:///ledger.db").replace(was, now)
    assert is_bounded(read(text.encode(), file="x", folder=tmp_path, env={}).system)


@pytest.mark.parametrize("limit", ["rpm: 5", "tpm: 5", "concurrency: 5"])
def test_limits_of_vendors_are_counted(tmp_path: Path, limit: str) -> None:
    vendor = f"{{dialect: openai, base_url: 'http://127.0.0.1:1/v1', {limit}}}"
    text = f"providers: {{v: {vendor}}}\nmodels: {{a: v/m}}\n"
    assert is_bounded(read(text.encode(), file="x", folder=tmp_path, env={}).system)
    assert not is_bounded(read(text.replace(f", {limit}", "").encode(), file="x", folder=tmp_path, env={}).system)


def test_workers_of_an_asgi_server_and_open_systems_are_alone_where_anything_is_limited(tmp_path: Path) -> None:
    free, bounded = (loaded(tmp_path, "sqlite:///ledger.db", more=more) for more in ("", BUDGET))
    file = tmp_path / "system.yaml"
    file.write_text(text_of("sqlite:///ledger.db", more=BUDGET))

    async def run() -> None:
        several = [AsgiAdapter(lambda: free) for _ in range(2)]
        for one in several:
            await one.start()
        for one in several:
            await one.stop()
        first, second = (AsgiAdapter(lambda: bounded) for _ in range(2))
        await first.start()
        with pytest.raises(ConfigError, match="in use by headworks, process"):
            await second.start()
        with pytest.raises(ConfigError, match="in use by headworks, process"):
            async with headworks.open(file):
                pass
        await first.stop()
        async with headworks.open(file):
            with pytest.raises(ConfigError, match="in use by headworks, process"):
                await second.start()
        await second.start()
        await second.stop()

    asyncio.run(run())


def test_two_that_hold_one_lock_each_do_not_wait_for_each_other(tmp_path: Path, store: str) -> None:
    async def run() -> None:
        locks = [
            GatewayLock(tmp_path / "journal", store_at(store, tmp_path), name, "memory") for name in ("one", "two")
        ]
        one, two = locks
        try:
            for lock, number in ((one, 0), (two, 1)):
                lock.is_wanted = True
                lock._parts[number].ask(lock._holder, shared=False)
            two.check()
            one.check()
            two.check()
            assert one.other == ""
            assert "one" in two.other
        finally:
            for lock in locks:
                await lock.release()

    asyncio.run(run())


def test_a_key_with_a_budget_that_is_made_while_two_serve_is_spent_by_one(tmp_path: Path) -> None:
    """And the next one does not start at all."""
    one = loaded(tmp_path, "sqlite:///ledger.db")

    async def served(gateway: Gateway) -> bool:
        try:
            return await answered(gateway, "hw_new")
        except StateAway:
            return False

    async def run() -> None:
        async with hold_lock(one, always=False) as first, hold_lock(one, always=False) as second:
            gateways = [held(Gateway(one.system, tmp_path, seed=1), lock) for lock in (first, second)]
            for gateway in gateways:
                await gateway.start()
            try:
                with closing(store_at("sqlite:///ledger.db", tmp_path).open()) as store:
                    budget = Allowance(budget=Spending(amount=10**9, every="total"))
                    entry = Entry(digest=secret_digest("hw_new").hex(), allowance=budget)
                    assert Keys(store).put("key", "nightly", entry, None)

                async def is_known() -> bool:
                    return all(gateway.keys is not None for gateway in gateways)

                async def is_served_by_one() -> bool:
                    told = [await served(gateway) for gateway in gateways]
                    assert told != [True, True]
                    return any(told)

                await until(is_known)
                await until(is_served_by_one)
                with pytest.raises(ConfigError, match="in use by headworks, process"):
                    await AsgiAdapter(lambda: one).start()
            finally:
                for gateway in gateways:
                    await gateway.stop()

    asyncio.run(run())


def test_an_evaluation_runs_beside_and_takes_any_ledger(tmp_path: Path) -> None:
    one = loaded(tmp_path, "sqlite:///ledger.db", more=BUDGET)

    async def run() -> None:
        async with Opened(one), Opened(one, is_apart=True) as system:
            assert system.aliases(WEB) == ["assistant"]
        (tmp_path / "ledger.db").unlink()
        async with Opened(one, is_apart=True):
            pass

    asyncio.run(run())
