"""What is large is rendered and checked by another process, with a bound; the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import Overloaded, Unprocessable
from headworks.prompts.frames import Source, Turn
from headworks.prompts.output import Output
from headworks.prompts.prompt import Prompt
from headworks.prompts.render_process import LARGE, RenderProcess
from headworks.wire.openai.caller import CHAT

NUMBERS = {"type": "array", "items": {"type": "integer"}}
ANSWER = {"type": "object", "properties": {"n": NUMBERS}, "required": ["n"]}
ENDLESS = "{% for a in n %}{% for b in n %}{% for c in n %}{% endfor %}{% endfor %}{% endfor %}"


def source(text: str) -> Source:
    return Source(
        name="p",
        version="0",
        file="p.md",
        turns=[Turn(role="user", text=text, line=1)],
        variables={"n": NUMBERS},
        output=ANSWER,
    )


def asked(numbers: list[Any]) -> Call:
    body = {"model": "prompt/p", "messages": [], "max_tokens": 7, "prompt": {"variables": {"n": numbers}}}
    return Call(id="req_1", alias="prompt/p", body=msgspec.json.encode(body), dialect=CHAT)


def run(test: Callable[[RenderProcess], Awaitable[None]], bound: float = 30.0) -> None:
    async def whole() -> None:
        process = RenderProcess(bound=bound)
        try:
            await test(process)
        finally:
            await process.close()

    asyncio.run(whole())


def test_a_large_prompt_is_rendered_as_a_small_one_is() -> None:
    async def test(process: RenderProcess) -> None:
        call = asked([1] * LARGE)
        prompt = Prompt(source("{{ n }}"), process)
        assert prompt.is_large(call)
        assert not prompt.is_large(asked([1]))
        made = await prompt.rendered_apart(call)
        here = prompt.rendered(call)
        assert (made.body, made.max_output, made.output) == (here.body, 7, here.output)

    run(test)


def test_a_large_variable_that_is_wrong_is_422_with_its_path() -> None:
    async def test(process: RenderProcess) -> None:
        with pytest.raises(Unprocessable) as caught:
            await Prompt(source("{{ n }}"), process).rendered_apart(asked([*[1] * LARGE, "x"]))
        assert caught.value.param == f"prompt.variables.n[{LARGE}]"

    run(test)


def test_what_takes_too_long_is_422_while_the_loop_goes_on_and_the_next_is_served() -> None:
    async def test(process: RenderProcess) -> None:
        turns = 0

        async def turning() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        task = asyncio.create_task(turning())  # before what is to be rendered: of two that are due it is the first
        with pytest.raises(Unprocessable, match=r"takes longer than 0\.5 s"):
            await Prompt(source(ENDLESS), process).rendered_apart(asked([1] * LARGE))
        task.cancel()
        assert turns
        process.bound = 30.0
        assert (await Prompt(source("{{ n[0] }}"), process).rendered_apart(asked([5] * LARGE))).body

    run(test, bound=0.5)


def test_a_large_answer_is_checked_apart() -> None:
    async def test(process: RenderProcess) -> None:
        output = Output(source(""), process)
        assert await output.wrong(msgspec.json.encode({"n": [1] * LARGE}).decode()) is None
        assert await output.wrong(msgspec.json.encode({"n": [*[1] * LARGE, "x"]}).decode()) == (
            f"`n[{LARGE}]` must be of type integer"
        )
        assert process.process is not None

    run(test)


def test_a_process_that_was_killed_is_started_again() -> None:
    async def test(process: RenderProcess) -> None:
        prompt = Prompt(source("{{ n[0] }}"), process)
        await prompt.rendered_apart(asked([1] * LARGE))
        assert process.process is not None
        os.kill(process.process.pid, 9)
        await process.process.wait()
        assert (await prompt.rendered_apart(asked([2] * LARGE))).body

    run(test)


def test_a_process_that_cannot_be_started_is_no_fault_of_the_callers() -> None:
    async def test() -> None:
        process = RenderProcess(command=("/nonexistent/python",))
        with pytest.raises(Overloaded):
            await Prompt(source("{{ n }}"), process).rendered_apart(asked([1] * LARGE))

    asyncio.run(test())


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_nothing_of_the_environment_that_may_be_secret_reaches_the_process() -> None:
    async def test(process: RenderProcess) -> None:
        os.environ["APART_SECRET_KEY"] = "secret"
        try:
            await Prompt(source("{{ n[0] }}"), process).rendered_apart(asked([1] * LARGE))
        finally:
            del os.environ["APART_SECRET_KEY"]
        assert process.process is not None
        assert b"APART_SECRET_KEY" not in environment(process.process.pid)

    if Path("/proc/self/environ").exists():
        run(test)
