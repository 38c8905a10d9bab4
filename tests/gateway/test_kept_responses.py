"""A gateway's kept answers: another process sees them at once, no store and no queue can hold an answer up, and a kill loses none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from headworks.core.errors import AnswersAway, TooLarge
from headworks.core.kept_answer import ItemPlace, KeptAnswer
from headworks.gateway import kept_responses
from headworks.gateway.gateway import Gateway, unchangeable
from headworks.gateway.kept_responses import KeptResponses
from headworks.ledger.sqlite import SqliteAt, SqliteStore
from headworks.ledger.store import LOCK_TIMEOUT, Lock, StoreAt, StoreTrouble
from headworks.telemetry.metrics import Metrics
from tests.gateway.test_gateway import TEXT, system
from tests.ledger.test_responses import answer


def running(main: Callable[[KeptResponses], Awaitable[None]], at: StoreAt, max_body: int = 10_000) -> KeptResponses:
    async def within() -> KeptResponses:
        kept = KeptResponses(at, Metrics(), max_body)
        try:
            await asyncio.wait_for(main(kept), 20.0)
        finally:
            await kept.stop()
        return kept

    return asyncio.run(within())


class Gated:
    """A store that says nothing until it is let go, or that does not work."""

    is_shared = False

    def __init__(self, path: Path) -> None:
        self.at = SqliteAt(path)
        self.gate = threading.Event()
        self.began = threading.Event()
        self.is_broken = False

    def __str__(self) -> str:
        return "gated"

    def open(self, lock_timeout: float = LOCK_TIMEOUT) -> SqliteStore:
        self.began.set()
        self.gate.wait(20.0)
        if self.is_broken:
            raise StoreTrouble("the store gated does not work: broken")
        return self.at.open(lock_timeout)

    def lock(self) -> Lock:
        return self.at.lock()


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Gated]:
    made = Gated(tmp_path / "ledger.db")
    yield made
    made.gate.set()


def test_what_is_kept_is_found_at_once_by_another_worker_and_whose_it_is_counts(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")

    async def main(one: KeptResponses) -> None:
        other = KeptResponses(at, Metrics(), 10_000)
        try:
            assert await one.keep(answer("a"))
            found = await other.find("a", "web")
            assert found is not None
            assert await other.find("a", "nobody") is None
            assert await other.keep(answer("b", "a", root="a", total=20_000))
            with pytest.raises(TooLarge, match="20000 bytes"):
                await one.find("b", "web")
            assert await one.delete("a", "web")
            assert not await other.delete("a", "web")
        finally:
            await other.stop()

    kept = running(main, at)
    assert (dict(kept.metrics.responses), kept.troubles()) == ({"kept": 1}, [])


def test_a_process_that_is_killed_after_it_said_so_has_kept_it(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from headworks.gateway.kept_responses import KeptResponses
from headworks.ledger.sqlite import SqliteAt
from headworks.telemetry.metrics import Metrics
from tests.ledger.test_responses import answer

async def main():
    assert await KeptResponses(SqliteAt(Path({str(tmp_path / "ledger.db")!r})), Metrics(), 1000).keep(answer("a"))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2], env=os.environ)
    assert ended.returncode == -9

    async def main(kept: KeptResponses) -> None:
        assert await kept.find("a", "web") is not None

    running(main, SqliteAt(tmp_path / "ledger.db"))


def test_answers_that_come_together_are_kept_together(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    add = kept_responses.Responses.add

    def counted(self: Any, answers: Sequence[KeptAnswer]) -> list[bool]:
        batches.append(len(answers))
        return add(self, answers)

    monkeypatch.setattr(kept_responses.Responses, "add", counted)

    async def main(kept: KeptResponses) -> None:
        first = asyncio.create_task(kept.keep(answer("first")))
        await asyncio.get_running_loop().run_in_executor(None, gated.began.wait, 20.0)
        others = [asyncio.create_task(kept.keep(answer(f"a{number}"))) for number in range(100)]
        while len(kept._writer.waiting) < 100:
            await asyncio.sleep(0)
        gated.gate.set()
        assert all(await asyncio.gather(first, *others))

    running(main, gated)
    assert batches == [1, kept_responses.AT_ONCE, 100 - kept_responses.AT_ONCE]


def test_a_full_queue_holds_nobody_up(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_responses, "MOST_JOBS", 2)

    async def main(kept: KeptResponses) -> None:
        first = asyncio.create_task(kept.keep(answer("a")))
        await asyncio.get_running_loop().run_in_executor(None, gated.began.wait, 20.0)
        others = [asyncio.create_task(kept.keep(answer(id))) for id in "bc"]
        while len(kept._writer.waiting) < 2:
            await asyncio.sleep(0)
        assert not await kept.keep(answer("d"))
        with monkeypatch.context() as fewer:
            fewer.setattr(kept_responses, "MOST_JOBS", 100)
            fewer.setattr(kept_responses, "MOST_BYTES", 10)
            assert not await kept.keep(answer("e"))
        gated.gate.set()
        assert all(await asyncio.gather(first, *others))

    kept = running(main, gated)
    assert dict(kept.metrics.responses) == {"queue_full": 2, "kept": 3}
    assert kept.troubles() == []
    assert kept._writer.bytes == 0


def test_what_was_said_not_to_be_kept_is_not_there_later(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_responses, "WAIT", 0.0)

    async def main(kept: KeptResponses) -> None:
        assert not await kept.keep(answer("a"))
        assert "has said nothing" in kept.troubles()[0]
        assert not await kept.keep(answer("b"))  # nobody waits for it again so soon
        gated.gate.set()
        while kept._writer.bytes:
            await asyncio.sleep(0)

    kept = running(main, gated)
    assert dict(kept.metrics.responses) == {"store_away": 2}

    async def look(kept: KeptResponses) -> None:
        assert await kept.find("a", "web") is None

    monkeypatch.setattr(kept_responses, "WAIT", 20.0)
    running(look, gated.at)


def test_a_store_that_does_not_work_is_said_and_used_again_once_it_does(
    gated: Gated, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kept_responses, "PAUSE", 0.0)
    gated.gate.set()
    gated.is_broken = True

    async def main(kept: KeptResponses) -> None:
        assert not await kept.keep(answer("a"))
        assert kept.troubles() == ["responses: the store gated does not work: broken; answers are served, and not kept"]
        for asked in (kept.find("a", "web"), kept.delete("a", "web")):
            with pytest.raises(AnswersAway) as caught:
                await asked
            assert "gated" not in caught.value.message
        gated.is_broken = False
        assert await kept.keep(answer("b"))
        assert kept.troubles() == []
        kept.left_out("too_large")

    kept = running(main, gated)
    assert dict(kept.metrics.responses) == {"store_away": 1, "unread": 2, "kept": 1, "too_large": 1}
    assert caplog.records[0].message.startswith("response_not_kept")


def test_a_connection_that_was_closed_meanwhile_is_opened_anew_and_nobody_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    closed: list[bool] = []
    add = kept_responses.Responses.add

    def broken_once(self: Any, answers: Sequence[KeptAnswer]) -> list[bool]:
        if not closed:
            closed.append(True)
            raise StoreTrouble("the server closed the connection")
        return add(self, answers)

    async def main(kept: KeptResponses) -> None:
        assert await kept.keep(answer("a"))
        with monkeypatch.context() as broken:
            broken.setattr(kept_responses.Responses, "add", broken_once)
            assert await kept.keep(answer("b"))
        assert await kept.find("b", "web") is not None

    kept = running(main, at)
    assert (closed, dict(kept.metrics.responses)) == ([True], {"kept": 2})


def test_a_bug_ends_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_responses, "PAUSE", 0.0)
    at = SqliteAt(tmp_path / "ledger.db")

    async def main(kept: KeptResponses) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(kept_responses.Responses, "add", lambda self, answers: 1 / 0)
            assert not await kept.keep(answer("a"))
        assert await kept.keep(answer("b"))

    running(main, at)


def test_a_caller_who_leaves_meanwhile_leaves_nothing(gated: Gated) -> None:
    async def main(kept: KeptResponses) -> None:
        asked = asyncio.create_task(kept.keep(answer("a")))
        await asyncio.get_running_loop().run_in_executor(None, gated.began.wait, 20.0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        gated.gate.set()
        assert await kept.keep(answer("b"))
        assert await kept.find("a", "web") is None

    running(main, gated)


def test_a_gateway_keeps_answers_where_its_file_says_so_and_a_reload_does_not_change_that(tmp_path: Path) -> None:
    text = TEXT + "responses: {store: 30d}\n"

    async def run() -> None:
        gateway = Gateway(system(text), tmp_path, seed=1)
        await gateway.start()
        try:
            assert gateway.kept is not None
            assert await gateway.kept.keep(answer("a"))
            assert gateway.troubles() == []
        finally:
            await gateway.stop()
        plain = Gateway(system(), tmp_path / "plain", seed=1)
        assert plain.kept is None
        await plain.stop()

    asyncio.run(run())
    [problem] = unchangeable(system(text), system())
    assert problem.path == "responses.store"


def test_a_file_that_does_not_speak_of_responses_has_the_digest_that_it_had() -> None:
    kept = system(TEXT + "responses: {store: 30d}\n")
    assert system(TEXT + "responses: {}\n").digest == system().digest != kept.digest


def test_items_are_found_by_another_worker_and_too_many_are_said(tmp_path: Path, gated: Gated) -> None:
    at = SqliteAt(tmp_path / "other.db")
    place = ItemPlace("msg_1", 22, 3)

    async def main(one: KeptResponses) -> None:
        other = KeptResponses(at, Metrics(), 2)
        try:
            assert await one.keep(answer("a", items=[place]))
            assert await one.items(["msg_1"], "web") == {"msg_1": b'"a"'}
            with pytest.raises(TooLarge, match="3 bytes"):
                await other.items(["msg_1"], "web")
        finally:
            await other.stop()

    running(main, at)

    async def away(kept: KeptResponses) -> None:
        with pytest.raises(AnswersAway):
            await kept.items(["msg_1"], "web")

    gated.is_broken = True
    gated.gate.set()
    running(away, gated)
