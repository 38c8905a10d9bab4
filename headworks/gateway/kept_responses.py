"""The kept answers of a gateway (`responses.store`), in the ledger's store: two threads, one that reads and one that writes.

Always true: nothing here waits on the event loop. What is written is committed before anybody is told so; writes that come together are one
transaction. Both queues are bounded, in number and, for writes, in bytes. A store that is away costs no answer: it is served and not kept, it
says so, a counter counts it and the log has a line. After a failure nobody waits for the store again for `PAUSE` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from headworks.core.clock import now
from headworks.core.errors import AnswersAway, TooLarge
from headworks.core.kept_answer import Conversation, KeptAnswer
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.ledger.responses import Responses, TooMuch
from headworks.ledger.store import Store, StoreAt, StoreTrouble
from headworks.telemetry.metrics import Metrics

WAIT: Final = 2.0
"""Seconds that an answer waits to be kept, and a call for what it goes on from."""

PAUSE: Final = 3.0
MOST_JOBS: Final = 512
MOST_BYTES: Final = 64_000_000
"""Bytes of answers that wait to be written, in one process."""

AT_ONCE: Final = 64
"""Answers of one transaction."""

log = logging.getLogger("headworks.responses")

Job = Callable[[Responses], Any]


class Asked(msgspec.Struct, eq=False):
    """One job in a thread's queue. Whoever asked may give up; the thread knows by `is_given_up`, under the thread's lock."""

    job: Job | None
    answer: KeptAnswer | None
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    size: int = 0
    is_given_up: bool = False
    is_done: bool = False


class StoreThread:
    """A thread with a store of its own, open as long as it works. It starts with the first job."""

    def __init__(self, at: StoreAt, name: str) -> None:
        self.at = at
        self.name = name
        self.waiting: deque[Asked] = deque()
        self.bytes = 0
        self.away_until = 0.0
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._store: Store | None = None

    async def ask(self, job: Job | None, answer: KeptAnswer | None = None) -> Any:
        """The job's result, or whether the answer was added. Raises StoreTrouble where the store does not answer within `WAIT`, or too
        much waits for it."""
        if now() < self.away_until:
            raise StoreTrouble(f"the store {self.at} did not work a moment ago")
        size = 0 if answer is None else len(answer.turn) + len(answer.head)
        if len(self.waiting) >= MOST_JOBS or (self.bytes and self.bytes + size > MOST_BYTES):
            raise Crowding(f"too much waits for the store {self.at}")
        loop = asyncio.get_running_loop()
        asked = Asked(job, answer, loop.create_future(), loop, size)
        asked.future.add_done_callback(looked_at)
        with self._changed:
            self.waiting.append(asked)
            self.bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            await asyncio.wait([asked.future], timeout=WAIT)
        finally:
            with self._changed:
                asked.is_given_up = not asked.is_done
        try:
            if asked.is_given_up:
                raise StoreTrouble(f"the store {self.at} has said nothing for {WAIT:.0f} s")
            return await asked.future
        except StoreTrouble:
            self.away_until = now() + PAUSE
            raise

    async def stop(self) -> None:
        """Ends the thread, once its queue is empty; one that waits for a silent store ends with the process."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self.waiting and not self._is_stopping:
                    self._changed.wait()
                if not self.waiting:
                    break
                batch = self._next()
            self._work([one for one in batch if not one.is_given_up])
            with self._changed:
                self.bytes -= sum([one.size for one in batch])
        self._close()

    def _next(self) -> list[Asked]:
        """The first job, or all answers that stand first in the queue."""
        batch = [self.waiting.popleft()]
        while batch[0].answer is not None and self.waiting and self.waiting[0].answer is not None:
            if len(batch) == AT_ONCE:
                break
            batch.append(self.waiting.popleft())
        return batch

    def _work(self, batch: Sequence[Asked]) -> None:
        if not batch:
            return
        found: Sequence[Any]
        try:
            found = self._results(batch)
        except (StoreTrouble, TooMuch) as trouble:
            if isinstance(trouble, StoreTrouble):
                self._close()
            found = [trouble] * len(batch)
        except Exception as error:  # noqa: BLE001  a long-lived loop: a bug of ours must not end the thread
            self._close()
            found = [StoreTrouble(f"the store {self.at} failed: {type(error).__name__}")] * len(batch)
        late = [one for one, result in zip(batch, found, strict=True) if not self._tell(one, result)]
        unsaid = [one.answer for one in late if one.answer is not None]
        with suppress(StoreTrouble):  # told not to be kept: then it must not be there
            for answer in unsaid:
                Responses(self._open()).delete(answer.id, answer.key)

    def _results(self, batch: Sequence[Asked]) -> Sequence[Any]:
        """What comes of the jobs. A connection that was idle may have been closed by somebody between: then it is tried once anew, for a
        job may be done twice."""
        if self._store is not None:
            try:
                return results(Responses(self._open()), batch)
            except StoreTrouble:
                self._close()
        return results(Responses(self._open()), batch)

    def _tell(self, asked: Asked, result: Any) -> bool:
        """Hands the result over; False where nobody waits for it any more."""
        with self._changed:
            if asked.is_given_up:
                return False
            asked.is_done = True
        with suppress(RuntimeError):  # the loop is closed
            asked.loop.call_soon_threadsafe(resolve, asked.future, result)
        return True

    def _open(self) -> Store:
        store = self._store
        if store is not None and not store.is_there:
            self._close()
            store = None
        if store is None:
            store = self._store = self.at.open()
        return store

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(StoreTrouble):
                store.close()


class Crowding(StoreTrouble):
    """The queue is full; the store itself may be well."""


def results(responses: Responses, batch: Sequence[Asked]) -> Sequence[Any]:
    """What comes of one job, or of answers that are added."""
    answers = [one.answer for one in batch if one.answer is not None]
    if answers:
        return responses.add(answers)
    job = batch[0].job
    assert job is not None
    return [job(responses)]


def looked_at(future: asyncio.Future[Any]) -> None:
    """Takes note of an error that nobody may be left to read, or the loop would log it."""
    if not future.cancelled():
        future.exception()


def resolve(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


class KeptResponses:
    """The answers that a gateway keeps. max_body: bytes of a conversation that a call may go on from."""

    def __init__(self, at: StoreAt, metrics: Metrics, max_body: int) -> None:
        self.at = at
        self.metrics = metrics
        self.max_body = max_body
        self.trouble = ""
        self._reader = StoreThread(at, "responses reader")
        self._writer = StoreThread(at, "responses writer")
        self._events = ThrottledLog(log)

    async def find(self, id: str, key: str) -> Conversation | None:
        try:
            found: Conversation | None = await self._reader.ask(lambda stored: stored.find(id, key, self.max_body))
        except StoreTrouble as trouble:
            raise self._away(trouble) from None
        except TooMuch as much:
            raise TooLarge(
                f"The conversation up to this answer has {much.total} bytes, and at most {self.max_body} are taken (`server.max_body`).",
                param="previous_response_id",
            ) from None
        return found

    async def items(self, ids: Sequence[str], key: str) -> Mapping[str, bytes]:
        try:
            found: Mapping[str, bytes] = await self._reader.ask(lambda stored: stored.items(ids, key, self.max_body))
        except StoreTrouble as trouble:
            raise self._away(trouble) from None
        except TooMuch as much:
            raise TooLarge(
                f"What `input` refers to has {much.total} bytes in the store, which is more than is taken for one call. Send fewer "
                "references, or the items themselves.",
                param="input",
            ) from None
        return found

    async def read(self, id: str, key: str) -> Conversation | None:
        try:
            found: Conversation | None = await self._reader.ask(lambda stored: stored.read(id, key))
        except StoreTrouble as trouble:
            raise self._away(trouble) from None
        return found

    async def keep(self, answer: KeptAnswer) -> bool:
        try:
            is_kept: bool = await self._writer.ask(None, answer)
        except StoreTrouble as trouble:
            self.left_out("queue_full" if isinstance(trouble, Crowding) else "store_away", str(trouble))
            return False
        if not is_kept:
            self.left_out("purged")
            return False
        self.metrics.responses["kept"] += 1
        if self.trouble:
            self.trouble = ""
            self._events.write(LogEvent(logging.INFO, "responses_kept", "responses", "answers are kept again"))
        return True

    async def delete(self, id: str, key: str) -> bool:
        try:
            is_deleted: bool = await self._writer.ask(lambda stored: stored.delete(id, key))
        except StoreTrouble as trouble:
            raise self._away(trouble) from None
        return is_deleted

    def left_out(self, why: str, text: str = "") -> None:
        """Counts an answer that is not kept, and says so in the log."""
        self.metrics.responses[why] += 1
        if why == "store_away":
            self.trouble = text
        said = f"an answer is not kept, and says `store: false`: {text or WORDS[why]}"
        self._events.write(LogEvent(logging.WARNING, "response_not_kept", "responses", said, {"reason": why}))

    def troubles(self) -> list[str]:
        """Problems for the operator, in words."""
        return [f"responses: {self.trouble}; answers are served, and not kept"] if self.trouble else []

    async def stop(self) -> None:
        await self._reader.stop()
        await self._writer.stop()
        self._events.close()

    def _away(self, trouble: StoreTrouble) -> AnswersAway:
        self.metrics.responses["unread"] += 1
        said = (
            "Kept responses cannot be read right now: send the call again in a moment, or the earlier turns in `input`."
        )
        return AnswersAway(said, retry_after=PAUSE).at(str(trouble))


WORDS: Final = {"too_large": "it has more than 8 MB", "purged": "its user was purged"}
