"""Large prompts and large answers, handled in a process of their own.

Theory. Decoding, checking and rendering a megabyte takes longer than the event loop may be held, and a template is a program:
what a caller puts into it decides how long it runs. A thread would keep the interpreter and cannot be ended; a process can. It
is started at the first large call, answers one question after another, and is killed at `BOUND`; the next question starts it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Final

import msgspec

from headworks.core import children
from headworks.core.call import Call
from headworks.core.errors import Malformed, Overloaded, Refused, TooLarge, Unprocessable
from headworks.prompts.frames import LENGTHS, Answer, Question, Source, referred, written_frame

LARGE: Final = 65_536
"""Bytes up to which a prompt is rendered, and an answer checked, on the loop: one or two milliseconds."""

BOUND: Final = 5.0
"""Seconds that one question may take. Ten megabytes take a third of one."""

MOST_WAITING: Final = 64
"""Questions that wait for their turn: beyond them 503."""

CHILD: Final = children.command("headworks.prompts.child")

CLASSES: Final[dict[str, type[Refused]]] = {
    "unprocessable": Unprocessable,
    "malformed": Malformed,
    "too_large": TooLarge,
}


class TookTooLong(Exception):
    """A question was not answered within the bound."""


class RenderProcess:
    """Asks the process. One of these is enough for a gateway, over reloads too: each question says which prompt it is about."""

    def __init__(self, *, bound: float = BOUND, command: Sequence[str] = CHILD) -> None:
        self.bound = bound
        self.process: Process | None = None
        self._command = command
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def rendered(self, source: Source, call: Call) -> Call:
        """The call as the model is asked. Raises Refused as `Prompt.rendered` does, and where it takes too long."""
        try:
            answer, body = await self._ask(
                Question(kind="render", source=source, dialect=referred(call.dialect)), call.body
            )
        except TookTooLong:
            message = f"`prompt.variables`: filling the prompt takes longer than {self.bound:g} s."
            raise Unprocessable(message, param="prompt.variables") from None
        if answer.refused:
            raise CLASSES[answer.refused](answer.message, param=answer.param or None)
        return msgspec.structs.replace(call, body=body, max_output=answer.max_output, user=answer.user)

    async def judged(self, source: Source, text: str) -> str | None:
        """The first schema violation of an answer, in words; None where it fits."""
        try:
            answer, _ = await self._ask(Question(kind="judge", source=source), text.encode("utf-8", "surrogatepass"))
        except TookTooLong:
            return f"checking it takes longer than {self.bound:g} s"
        return answer.why

    async def close(self) -> None:
        """Ends the process; a question afterwards starts it again."""
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, question: Question, body: bytes) -> tuple[Answer, bytes]:
        if self._waiting >= MOST_WAITING:
            raise Overloaded("Too many large prompts wait to be rendered.", retry_after=1.0)
        frame = written_frame(msgspec.json.encode(question), body)
        self._waiting += 1
        try:
            async with self._turn:
                for is_last in (False, True):
                    try:
                        return await self._exchange(frame)
                    except (OSError, asyncio.IncompleteReadError):  # it has died meanwhile: a new one is asked
                        await self.close()
                        if is_last:
                            raise Overloaded("Large prompts cannot be rendered just now.", retry_after=1.0) from None
                raise AssertionError
        finally:
            self._waiting -= 1

    async def _exchange(self, frame: bytes) -> tuple[Answer, bytes]:
        process = self.process
        if process is None:
            process = self.process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=children.environment(os.environ)
            )
        assert process.stdin is not None
        assert process.stdout is not None
        is_answered = False
        try:
            async with asyncio.timeout(self.bound):
                process.stdin.write(frame)
                await process.stdin.drain()
                head, body = LENGTHS.unpack(await process.stdout.readexactly(LENGTHS.size))
                answer = msgspec.json.decode(await process.stdout.readexactly(head), type=Answer)
                made = await process.stdout.readexactly(body)
            is_answered = True
        except TimeoutError:
            raise TookTooLong from None
        finally:
            if not is_answered:  # too late, or the caller has left: what comes would be taken for the next one's
                await self.close()
        return answer, made
