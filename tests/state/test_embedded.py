"""A Valkey of our own: private, started again, taken over from a gateway that was killed, and one gateway's only."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.state.embedded import BOOT, Embedded, is_ready, is_running
from headworks.state.valkey import Valkey
from tests.children import running
from tests.state.contract import claim, granted

ROOT = Path(__file__).parent.parent.parent


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def connected(embedded: Embedded, owner: str = "me") -> Valkey:
    state = Valkey(embedded.url, "x", owner)
    state.start()
    assert await state.connection.ready(60.0)
    await state.restore([])
    return state


def test_it_is_private_and_keeps_what_it_knows_over_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        embedded = Embedded(tmp_path / "state")
        await embedded.start()
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        assert embedded.socket.stat().st_mode & 0o777 == 0o700
        state = await connected(embedded)
        assert await state.connection.execute("CONFIG", "GET", "port") == [b"port", b"0"]
        # Any other answers before what it was told is written while the disk is busy, and a kill loses that.
        assert await state.connection.execute("CONFIG", "GET", "appendfsync") == [b"appendfsync", b"no"]
        await granted(state, claim("1", amount=60))
        await state.connection.stop()
        await embedded.stop()
        assert not is_ready(embedded.socket)
        again = Embedded(tmp_path / "state")
        await again.start()
        state = await connected(again, "other")
        assert (await granted(state, claim("2", amount=40))).spent == (100, 100)
        await state.stop()
        await again.stop()

    asyncio.run(run())


def test_one_that_is_killed_is_started_again_and_has_lost_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        embedded = Embedded(tmp_path / "state")
        await embedded.start()
        state = await connected(embedded)
        one = claim("1", amount=60)
        first = await granted(state, one)
        assert embedded.process is not None
        embedded.process.kill()
        await until(lambda: not state.is_connected)
        state.settle(one, first, costs=(50, 50))
        await until(lambda: state.is_connected)
        assert await state.connection.drained(30)
        assert (await granted(state, claim("2", amount=50))).spent == (100, 100)
        await state.stop()
        await embedded.stop()

    asyncio.run(run())


@pytest.mark.skipif(not BOOT.exists(), reason="needs Linux's /proc")
def test_what_was_written_before_the_machine_started_is_not_believed(tmp_path: Path) -> None:
    async def run(*, found: int) -> None:
        embedded = Embedded(tmp_path / "state")
        await embedded.start()
        state = await connected(embedded)
        assert (await granted(state, claim("1", amount=20))).spent == (found + 20, found + 20)
        await state.stop()
        await embedded.stop()

    asyncio.run(run(found=0))
    asyncio.run(run(found=20))
    (tmp_path / "state" / "boot").write_text("another\n")
    asyncio.run(run(found=0))
    asyncio.run(run(found=20))


def test_one_that_a_killed_gateway_left_is_ended_and_its_data_are_taken_over(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from headworks.state.embedded import Embedded\n"
        "from tests.state.test_embedded import connected\n"
        "from tests.state.contract import claim, granted\n"
        "async def run():\n"
        "    embedded = Embedded(Path(sys.argv[1])); await embedded.start()\n"
        "    await granted(await connected(embedded), claim('1', amount=60))\n"
        "    print(embedded.process.pid, flush=True); await asyncio.sleep(1000)\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    with running(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        left = int(gateway.stdout.readline())
        gateway.kill()
    assert is_running(left)

    async def run() -> None:
        embedded = Embedded(tmp_path / "state")
        await embedded.start()
        assert not is_running(left)
        state = await connected(embedded, "new")
        assert (await granted(state, claim("2", amount=40))).spent == (100, 100)
        await state.stop()
        await embedded.stop()

    asyncio.run(run())


def test_a_second_gateway_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    async def run() -> None:
        embedded = Embedded(tmp_path / "state")
        await embedded.start()
        with pytest.raises(ConfigError, match="another gateway has the state"):
            await Embedded(tmp_path / "state").start()
        assert is_ready(embedded.socket)
        await embedded.stop()

    asyncio.run(run())


def test_a_folder_with_a_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)

    async def run() -> None:
        embedded = Embedded(folder)
        assert embedded.socket.parent != folder
        await embedded.start()
        assert embedded.socket.parent.stat().st_mode & 0o777 == 0o700
        await embedded.stop()
        embedded.socket.parent.rmdir()

    asyncio.run(run())


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")

    async def run() -> None:
        with pytest.raises(ConfigError, match="cannot be kept"):
            await Embedded(tmp_path / "state").start()

    asyncio.run(run())


def test_a_process_that_nobody_waited_for_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    asyncio.run(until(lambda: not is_running(child.pid)))
    child.wait()
    assert is_running(os.getpid())
