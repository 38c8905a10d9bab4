"""The supervision of the child, with children that a test wrote: real processes, no model."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Expired, Unreachable
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening
from headworks.core.trail import Attempt
from headworks.providers.local.process import (
    MAX_BACKOFF,
    MAX_SOCKET_PATH,
    MIN_BACKOFF,
    LocalProcess,
    backoff,
)
from headworks.providers.local.provider import Local
from headworks.providers.waiting import Bound
from headworks.wire.openai.caller import CHAT

pytestmark = pytest.mark.e2e

LONG = 60.0

LISTENS = "import sys; print('ready', flush=True); sys.stdin.read()"
NEVER_LEAVES = "import sys, time; print('ready', flush=True); time.sleep(1000)"
LOADS_FOR_EVER = "import sys; sys.stdin.read()"
FAILS = "import sys; sys.exit('the file is no model')"
FAILS_SILENTLY = "import sys; sys.exit(3)"
TALKS = "import sys; print('llama.cpp says hello', flush=True); sys.exit('it talked')"
DIES_AT_ONCE = "import os; print('ready', flush=True); os.abort()"
TELLS = (
    "import os, sys, pathlib; sys.stderr.write(' '.join(sorted(os.environ))); sys.stderr.flush();"
    "print('ready', flush=True); sys.stdin.read()"
)


def run(main: Awaitable[None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(LONG):
            await main

    asyncio.run(within())


@contextlib.asynccontextmanager
async def child(code: str) -> AsyncIterator[LocalProcess]:
    process = LocalProcess("a-model", slots=2, command=(sys.executable, "-c", code))
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


def soon() -> Bound:
    return Bound(now() + LONG, "total")


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(process: LocalProcess) -> int:
    assert process.process is not None
    return process.process.pid


def test_starting_does_not_wait_and_readiness_does() -> None:
    async def main() -> None:
        async with child(LISTENS) as process:
            assert not process.is_ready
            await process.ready(soon())
            assert process.is_ready
            assert repr(process) == "<LocalProcess a-model: ready>"

    run(main())


def test_stopping_leaves_no_process_and_no_folder() -> None:
    async def main() -> None:
        async with child(LISTENS) as process:
            await process.ready(soon())
            pid = pid_of(process)
            assert process.folder.stat().st_mode & 0o777 == 0o700
        assert not is_alive(pid)
        assert not process.folder.exists()
        assert not process.is_ready
        await process.stop()  # a second time, nothing

    run(main())


def test_who_still_waits_is_told_of_the_end_and_a_stopped_one_can_be_started_again() -> None:
    async def main() -> None:
        process = LocalProcess("a-model", slots=1, command=(sys.executable, "-c", LISTENS))
        await process.start()
        waiting = asyncio.create_task(process.ready(soon()))
        await asyncio.sleep(0)
        await process.stop()
        with pytest.raises(Unreachable) as caught:
            await waiting
        assert caught.value.place == "a-model: it was stopped"
        await process.start()
        await process.ready(soon())
        await process.stop()

    run(main())


@pytest.mark.parametrize("code", [NEVER_LEAVES, LOADS_FOR_EVER])
def test_a_child_that_does_not_leave_is_killed(code: str) -> None:
    async def main() -> None:
        async with child(code) as process:
            await until(lambda: process.process is not None)
            pid = pid_of(process)
            if code == NEVER_LEAVES:
                await process.ready(soon())
        assert not is_alive(pid)

    run(main())


def test_a_call_waits_for_loading_only_as_long_as_it_may() -> None:
    async def main() -> None:
        async with child(LOADS_FOR_EVER) as process:
            with pytest.raises(Expired) as caught:
                await process.ready(Bound(now() + 0.05, "first_token"))
            assert caught.value.phase == "first_token"

    run(main())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(FAILS, "the file is no model"), (FAILS_SILENTLY, "ended with status 3"), (TALKS, "it talked")],
)
def test_a_child_that_cannot_load_fails_each_call_at_once_and_says_why_in_the_record(code: str, reason: str) -> None:
    async def main() -> None:
        async with child(code) as process:
            with pytest.raises(Unreachable) as first:
                await process.ready(soon())
            with pytest.raises(Unreachable) as second:
                process.ready(soon()).send(None)  # its first step: it waits for nothing
            for caught in (first, second):
                assert reason in caught.value.place
                assert caught.value.message == "The local model is not there."  # its words may name a path

    run(main())


def test_a_child_that_cannot_be_started_is_a_reason_too() -> None:
    async def main() -> None:
        process = LocalProcess("a-model", slots=2, command=("/no/such/program",))
        await process.start()
        with pytest.raises(Unreachable) as caught:
            await process.ready(soon())
        assert "cannot be started" in caught.value.place
        await process.stop()

    run(main())


def test_after_an_accident_the_next_child_comes_at_once() -> None:
    async def main() -> None:
        async with child(LISTENS) as process:
            await process.ready(soon())
            pid = pid_of(process)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not process.is_ready)
            assert process.reason == ""
            await process.ready(soon())
            assert pid_of(process) != pid

    run(main())


def test_a_child_that_dies_again_and_again_is_not_waited_for() -> None:
    async def main() -> None:
        async with child(DIES_AT_ONCE) as process:
            await until(lambda: process.reason != "")
            with pytest.raises(Unreachable) as caught:
                await process.ready(soon())
            assert caught.value.place == "a-model: killed by SIGABRT"

    run(main())


def test_the_child_does_not_learn_the_gateways_secrets() -> None:
    os.environ["HEADWORKS_TEST_API_KEY"] = "secret"
    try:

        async def main() -> None:
            async with child(TELLS) as process:
                await process.ready(soon())
                names = (process.folder / "child.log").read_text().split()
                assert "PATH" in names
                assert "GOMP_SPINCOUNT" in names
                assert "HEADWORKS_TEST_API_KEY" not in names

        run(main())
    finally:
        del os.environ["HEADWORKS_TEST_API_KEY"]


def test_pauses_double_up_to_a_bound() -> None:
    assert [backoff(failures) for failures in (1, 2, 3)] == [MIN_BACKOFF, 2 * MIN_BACKOFF, 4 * MIN_BACKOFF]
    assert backoff(1000) == MAX_BACKOFF


def test_a_long_temporary_folder_is_not_used(tmp_path: Path) -> None:
    process = LocalProcess("a-model", slots=1, temporary=tmp_path / ("x" * 90))
    assert len(process.origin.path) <= MAX_SOCKET_PATH


class Answering:
    """A service that notes when it was asked."""

    def __init__(self) -> None:
        self.connect_by: list[float] = []

    def open(self, call: Call) -> Opening:
        return self._open(call)

    @contextlib.asynccontextmanager
    async def _open(self, call: Call) -> AsyncIterator[Reply]:
        assert call.attempt is not None
        self.connect_by.append(call.attempt.connect_by)
        yield CompleteReply([Chunk(data=b"{}", last=True)])


def test_a_call_that_waited_for_loading_still_has_its_time_to_connect(tmp_path: Path) -> None:
    async def main() -> None:
        loaded = tmp_path / "loaded"
        late = f"import os, time\nwhile not os.path.exists({str(loaded)!r}): time.sleep(0.01)\n{LISTENS}"
        async with child(late) as process:
            attempt = Attempt("here/a-model", "first", now())
            attempt.connect_by = connect_by = now() + 0.1
            remote = Answering()

            async def ask() -> None:
                call = Call(id="1", alias="a", body=b"{}", dialect=CHAT, attempt=attempt)
                async with Local(remote, process).open(call) as reply:
                    assert await reply.read()

            asking = asyncio.create_task(ask())
            await asyncio.sleep(0.15)  # it waits, for longer than it has to connect
            loaded.touch()
            await asking
            assert remote.connect_by[0] - connect_by > 0.14

    run(main())


def test_a_call_does_not_wait_longer_for_loading_than_for_a_token() -> None:
    async def main() -> None:
        async with child(LOADS_FOR_EVER) as process:
            attempt = Attempt("here/a-model", "first", now())
            attempt.head_by = now() + 0.05
            call = Call(id="1", alias="a", body=b"{}", dialect=CHAT, streamed=True, attempt=attempt)
            with pytest.raises(Expired) as caught:
                async with Local(Answering(), process).open(call):
                    pass
            assert caught.value.phase == "first_token"

    run(main())
