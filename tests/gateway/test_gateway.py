"""A gateway that takes another system: what is kept, what is new, what is refused, and when the old one is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import ConfigError, UnknownModel
from headworks.gateway.counting import Member
from headworks.gateway.gateway import Gateway, most_buffered
from headworks.gateway.leaves import Leaves
from headworks.ledger.lines import is_final
from headworks.ledger.sqlite import SqliteAt
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.testing import ask, call
from tests.ledger.records import full, indexed, stored
from tests.system.files import FakeMachine

TEXT = """
version: 1
providers:
  sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 2ms}, concurrency: 3}
  vendor: {dialect: openai, base_url: "http://127.0.0.1:9/v1", api_key: "${env:KEY}", forward_headers: [x-team]}
  slow: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 50ms, p99: 60ms}}
models:
  assistant: {targets: [sim/m]}
  remote: {targets: [vendor/m]}
  slow: {targets: [slow/m]}
"""
ENV = {"KEY": "vendor-secret-0123456789"}


def system(text: str = TEXT, **env: str) -> System:
    return read(text.encode(), file="system.yaml", folder=Path("."), env={**ENV, **env}, machine=FakeMachine()).system


def within(folder: Path, test: Callable[[Gateway], Awaitable[None]]) -> None:
    async def run() -> None:
        gateway = Gateway(system(), folder, seed=1)
        await gateway.start()
        try:
            await test(gateway)
        finally:
            await gateway.stop()

    asyncio.run(run())


def test_new_calls_see_the_new_system(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        with pytest.raises(UnknownModel):
            await ask(gateway.front, arrived(alias="new"))
        await gateway.reload(system(TEXT.replace("x-team", "x-group") + "  new: {targets: [sim/m]}\n"))
        assert (await ask(gateway.front, arrived(alias="new"))).text
        assert gateway.aliases(None) == ["assistant", "remote", "slow", "new"]
        assert gateway.stack.passing == {b"traceparent", b"idempotency-key", b"x-group"}

    within(tmp_path, test)


def test_a_stream_in_flight_finishes_on_the_old_stack(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        old = gateway.stack
        asked = arrived(alias="slow", max_output=8)
        text = TEXT.replace("  slow: {targets: [slow/m]}\n", "").replace(
            "per_token: {p50: 50ms", "per_token: {p50: 51ms"
        )
        async with gateway.front.open(asked) as reply:
            await gateway.reload(system(text))
            assert gateway.stack is not old
            assert gateway.in_flight == 1
            with pytest.raises(UnknownModel):
                await ask(gateway.front, arrived(alias="slow"))
            chunks = await reply.read()
            while not chunks[-1].last:
                chunks = await reply.read()
        assert gateway.in_flight == 0
        lines = [msgspec.json.decode(line) for line in gateway.journal.path.read_bytes().splitlines()]
        assert [(line["outcome"], line["config"] == old.system.digest) for line in lines] == [
            ("refused", False),
            ("ok", True),
        ]

    within(tmp_path, test)


def test_what_is_written_as_before_is_kept(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        before = gateway.assembled.shared
        before.circuits["vendor/m"].set_aside(now() + 1000.0, now())
        before.slots["sim"].acquire()
        client = gateway.leaves.clients["vendor"]
        await gateway.reload(system(TEXT + "  new: {targets: [sim/m]}\n"))
        after = gateway.assembled.shared
        assert gateway.leaves.clients["vendor"] is client
        assert after.circuits["vendor/m"] is before.circuits["vendor/m"]
        assert after.latencies["vendor/m"] is before.latencies["vendor/m"]
        assert after.admission is before.admission
        assert after.slots["sim"] is before.slots["sim"]
        before.slots["sim"].release()

    within(tmp_path, test)


def test_a_target_that_is_set_aside_is_a_trouble(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        assert gateway.troubles() == []
        gateway.assembled.shared.circuits["vendor/m"].set_aside(now() + 60.0, now())
        assert gateway.troubles() == ["vendor/m: set aside after failures"]

    within(tmp_path, test)


def test_another_secret_is_another_provider(tmp_path: Path) -> None:
    """The digest of the file is the same: it has references, not values."""

    async def test(gateway: Gateway) -> None:
        client, circuit = gateway.leaves.clients["vendor"], gateway.assembled.shared.circuits["vendor/m"]
        changed = system(KEY="rotated-secret-0123456789")
        assert changed.digest == gateway.system.digest
        await gateway.reload(changed)
        assert gateway.leaves.clients["vendor"] is not client
        assert gateway.assembled.shared.circuits["vendor/m"] is not circuit

    within(tmp_path, test)


def test_another_limit_binds_those_who_are_inside_already(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        slots = gateway.assembled.shared.slots["sim"]
        assert slots.acquire()
        assert slots.acquire()
        await gateway.reload(system(TEXT.replace("concurrency: 3", "concurrency: 2") + "server: {max_in_flight: 9}\n"))
        shared = gateway.assembled.shared
        assert shared.slots["sim"] is slots
        assert not slots.acquire()
        assert shared.admission.limit == 9
        slots.release()
        slots.release()

    within(tmp_path, test)


def test_another_breaker_begins_anew(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        circuit = gateway.assembled.shared.circuits["sim/m"]
        await gateway.reload(system(TEXT.replace("targets: [sim/m]", "targets: [sim/m], breaker: {failures: 9}")))
        after = gateway.assembled.shared.circuits["sim/m"]
        assert after is not circuit
        assert after.config.failures == 9

    within(tmp_path, test)


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ('server: {listen: "127.0.0.1:9999"}', ["server.listen"]),
        ('server: {admin: "127.0.0.1:9999"}', ["server.admin"]),
        ("server: {max_body: 1MB}", ["server.max_body"]),
        ("log: {journal: elsewhere}", ["log.journal"]),
        (
            "server: {max_body: 1MB}\nlog: {journal: elsewhere, sync: 2s}",
            ["server.max_body", "log.journal", "log.sync"],
        ),
    ],
)
def test_what_is_open_already_needs_a_restart(tmp_path: Path, line: str, paths: list[str]) -> None:
    async def test(gateway: Gateway) -> None:
        before = gateway.stack
        with pytest.raises(ConfigError) as raised:
            await gateway.reload(system(TEXT + line + "\n"))
        assert {problem.path for problem in raised.value.problems} == set(paths)
        assert all("restart" in problem.remedy for problem in raised.value.problems)
        assert gateway.stack is before

    within(tmp_path, test)


def test_what_a_replaced_stack_alone_had_is_closed_once_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.gateway.gateway.PAUSE", 0.001)
    closed: list[Leaves] = []
    close = Leaves.close

    async def noted(self: Leaves, others: object = ()) -> None:
        await close(self, others)  # type: ignore[arg-type]
        closed.append(self)

    monkeypatch.setattr(Leaves, "close", noted)

    async def test(gateway: Gateway) -> None:
        first = gateway.leaves
        asked = arrived(alias="slow", max_output=3)
        async with gateway.front.open(asked) as reply:
            await gateway.reload(system(TEXT.replace("x-team", "x-group")))
            second = gateway.leaves
            await gateway.reload(system(TEXT))
            await until(lambda: second in closed)
            assert first not in closed, "its last call still runs"
            chunks = await reply.read()
            while not chunks[-1].last:
                chunks = await reply.read()
        await until(lambda: first in closed)
        assert first.clients["vendor"]._closed
        assert second.clients["vendor"]._closed
        assert not gateway.leaves.clients["vendor"]._closed
        assert gateway.leaves.children == {}

    within(tmp_path, test)


def test_counters_go_on(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        await ask(gateway.front, arrived())
        gateway.stack.front.strangers += 2
        await gateway.reload(system(TEXT + "  new: {targets: [sim/m]}\n"))
        await ask(gateway.front, arrived())
        gateway.stack.front.strangers += 1
        [tally] = gateway.metrics.calls.values()
        assert sum(tally.durations.counts) == 2
        assert gateway.strangers == 3

    within(tmp_path, test)


def test_every_vendor_counts_what_waits_in_one_place_and_a_reload_changes_its_bound(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        buffered = gateway.buffered
        assert buffered.most == 1_000_000_000
        added = TEXT.replace("models:\n", '  more: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}\nmodels:\n')
        await gateway.reload(system(added + "server: {max_buffered: 2MB}\n"))
        assert (gateway.buffered, buffered.most) == (buffered, 2_000_000)
        assert [client.buffered for client in gateway.leaves.clients.values()] == [buffered] * 2

    within(tmp_path, test)


def test_the_workers_share_what_may_wait_out_among_them() -> None:
    assert most_buffered(system(TEXT + "server: {workers: 4, max_buffered: 2MB}\nstate: embedded\n")) == 500_000


def test_a_model_that_is_loaded_stays_loaded(tmp_path: Path) -> None:
    local = TEXT.replace("models:\n", "  here: {dialect: local}\nmodels:\n") + "  embedded: {targets: [here]}\n"
    before = Leaves(system(local), tmp_path, seed=1)
    after = Leaves(system(local + "  new: {targets: [sim/m]}\n"), tmp_path, seed=2, before=before)
    assert after.children["here"] is before.children["here"]
    assert after.clients["here"] is before.clients["here"]
    other = Leaves(
        system(local.replace("dialect: local", "dialect: local, concurrency: 2")), tmp_path, seed=3, before=after
    )
    assert other.children["here"] is not before.children["here"]


def arrived(alias: str = "assistant", max_output: int | None = None) -> Call:
    """A call that arrives now: streamed where it says how long the answer may be."""
    made = call(alias=alias, streamed=max_output is not None, max_output=max_output)
    return msgspec.structs.replace(made, arrived_at=now())


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(20_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came")


def test_a_part_that_cannot_be_closed_costs_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(system(), tmp_path, seed=1)
    path = gateway.journal.path

    async def fails(keeping: object = ()) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(gateway.leaves, "close", fails)
    with pytest.raises(RuntimeError):
        asyncio.run(gateway.stop())
    with path.open("rb") as file:
        assert is_final(file.fileno())  # closed, after what waited was written


@pytest.mark.parametrize("store", ["ledger.db", "vendor/ledger.db"])
def test_what_a_full_disk_did_not_take_is_in_the_store_or_known_to_be_missing(tmp_path: Path, store: str) -> None:
    (tmp_path / "vendor").write_text("a file is in the way of the second store")

    async def run() -> None:
        gateway = Gateway(system(f"{TEXT}log: {{journal: journal, store: 'sqlite:///{store}'}}\n"), tmp_path, seed=1)
        gateway.ring.is_read = True  # as a start does
        with full(gateway.journal):
            asked = [await ask(gateway.front, arrived(alias="assistant", max_output=3)) for _ in range(9)]
            assert gateway.journal.waiting > 0
            await gateway.stop()
        is_taken = store == "ledger.db"
        assert gateway.is_whole is is_taken
        if is_taken:
            indexed(tmp_path / "journal", SqliteAt(tmp_path / store))
            assert len(stored(SqliteAt(tmp_path / store))) == len(asked)

    asyncio.run(run())


def test_a_vendor_whose_connections_are_used_once_is_in_the_log_and_among_the_troubles(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(gateway: Gateway) -> None:
        client = gateway.leaves.clients["vendor"]
        assert gateway.troubles() == []
        at = now()
        client.unsolicited.tell(at)
        assert gateway.troubles() == []
        await gateway.reload(system(TEXT + "  new: {targets: [sim/m]}\n"))
        client.unsolicited.tell(at)
        client.unsolicited.tell(at)
        assert gateway.troubles() == [
            "vendor: sent answers that nobody asked for; each of its connections is used once for now"
        ]
        client.unsolicited.until = at
        assert gateway.troubles() == []

    within(tmp_path, test)
    [line] = [record for record in caplog.records if record.name == "headworks.targets"]
    assert line.levelname == "WARNING"
    assert line.getMessage() == (
        "unsolicited_answers: vendor: it sent answers that nobody asked for: each of its connections is used once, for 3600 s"
    )
    assert line.fields == {"event": "unsolicited_answers", "subject": "vendor", "for": 3600.0, "count": 2}  # type: ignore[attr-defined]


def test_the_model_that_a_vendor_named_is_known_over_a_reload_and_a_new_one_is_counted(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        gateway.leaves.remotes()["vendor/m"].reported.look(b'{"model":"a"}')
        await gateway.reload(system(TEXT + "  new: {targets: [sim/m]}\n"))
        gateway.leaves.remotes()["vendor/m"].reported.look(b'{"model":"b"}')
        assert dict(gateway.metrics.model_changes) == {("vendor/m", "model"): 1}
        assert list(gateway.leaves.remotes()) == ["vendor/m"]

    within(tmp_path, test)


def test_a_gateway_that_is_alone_logs_at_its_start_that_a_model_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = TEXT.replace("http://127.0.0.1:9/v1", "https://api.openai.com/v1").replace(
        "vendor/m", "vendor/gpt-3.5-turbo"
    )

    async def run(member: Member | None) -> None:
        gateway = Gateway(system(ended), tmp_path, seed=1, member=member)
        await gateway.start()
        await asyncio.sleep(0)
        await gateway.stop()

    asyncio.run(run(None))
    told = [one for one in caplog.records if one.name == "headworks.targets"]
    assert [one.__dict__["fields"]["event"] for one in told] == ["target_retired"]
    caplog.clear()
    asyncio.run(run(Member(owner="w", state="memory")))
    assert not [one for one in caplog.records if one.name == "headworks.targets"]
