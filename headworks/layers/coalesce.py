"""Request coalescing (single flight): equal concurrent calls share one call to a vendor, a *journey*.

Theory. The journey runs in a task of its own, because the caller who began it may be the first to leave. Always true:

- the last reader to leave cancels the task and waits for its end, so a journey never outlives its readers;
- the journey reads on when *some* reader has read all there is: it follows the fastest, so a vendor is held up only
  where every caller is slow, and one caller alone is served as if he had a journey of his own;
- while all that came is at most `MOST_ANSWER` bytes it is kept, and every caller who comes gets it from its beginning. Beyond,
  nobody may join, and what every reader has read is let go. A reader who then falls `MOST_ANSWER` bytes behind has had
  his head, so nobody can begin anew for him: his answer is cut, and says so;
- each reader has his own deadline. The journey's is the latest of theirs: it ends with the last of them;
- an attempt is on exactly one record: that of the *payer*, who is the reader who began, or, when he leaves a journey
  that goes on, the next in order who can. The others' records have no attempts and cost nothing. Each has reserved money
  for one attempt; where the journey has had more and nobody who is left has a budget with room for them, it ends with
  its payer: who has no head yet begins anew, the others' answers are cut.

A streamed and an unstreamed call are two journeys, or one would wait for its first token until the other's end. The idea:
Go's `singleflight`, which neither follows readers nor ends when they are gone.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, Task, get_running_loop, wait
from types import TracebackType
from typing import Final, TypeAlias

import msgspec

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, CallError, Cut, Expired
from headworks.core.reply import Chunk, Reply
from headworks.core.service import Opening, Service
from headworks.core.trail import Trail
from headworks.layers.fingerprint import Fingerprint
from headworks.policy.freshness import MOST_ANSWER

FAR: Final = 86400.0
"""Seconds beyond the beginner's deadline that the layers inside may go: no sequence of readers keeps a journey so long."""

Kin: TypeAlias = tuple[bytes, bool, bool]
"""What calls of one journey have in common: fingerprint, whether streamed, whether the tokens are asked for."""


class Coalesce:
    """Lets a call join the journey of an equal one."""

    def __init__(self, inner: Service, fingerprints: Fingerprint) -> None:
        self.inner = inner
        self.fingerprints = fingerprints
        self.journeys: dict[Kin, Journey] = {}
        """Those that may be joined."""

    def open(self, call: Call) -> Opening:
        fingerprint = call.fingerprint
        if call.trail.cache == "bypass":
            return self.inner.open(call)
        if not fingerprint:
            if "no-" in call.cache_control or "max-age" in call.cache_control:  # an answer of his own
                return self.inner.open(call)
            fingerprint = self.fingerprints.fingerprint(call)
            if not fingerprint:
                return self.inner.open(call)
        return _Reading(self, call, (fingerprint, call.streamed, call.include_usage))


class Journey:
    """One call to what is inside, for several readers. They are in the order in which they came."""

    def __init__(self, coalesce: Coalesce, kin: Kin, call: Call) -> None:
        self.coalesce = coalesce
        self.kin = kin
        self.trail = Trail()
        self.trail.key = call.trail.key
        self.trail.deadline_at = call.deadline_at
        far = call.deadline_at + FAR
        self.call = msgspec.structs.replace(call, trail=self.trail, deadline_at=far)
        self.readers: list[_Reading] = []
        self.payer: _Reading | None = None
        self.reply: Reply | None = None
        self.error: BaseException | None = None
        self.is_over = False
        self.chunks: list[Chunk] = []
        self.first = 0  # the number of the chunk that is `chunks[0]`: those before it were let go
        self.newest = 0  # the number of the first chunk that came last
        self.size = 0  # bytes of all chunks that ever came
        self.gone = 0  # bytes of those that were let go
        self._demand: Future[None] | None = None
        self.task: Task[None] = get_running_loop().create_task(self.run(), name="journey")

    async def run(self) -> None:
        try:
            async with self.coalesce.inner.open(self.call) as reply:
                self.reply = reply
                while True:
                    chunks = await reply.read()
                    self.take(chunks)
                    if not chunks or chunks[-1].last:
                        break
                    if not any(reader.is_waiting for reader in self.readers):
                        self._demand = get_running_loop().create_future()
                        await self._demand
        except CancelledError as error:
            self.fail(error)
            raise
        except BaseException as error:  # noqa: BLE001  # it is the readers': they raise it
            self.fail(error)

    def take(self, chunks: list[Chunk]) -> None:
        self.newest = self.first + len(self.chunks)
        self.chunks += chunks
        self.size += sum([len(chunk.data) for chunk in chunks])
        if not chunks or chunks[-1].last:
            self.settle()
            self.over()
        if self.size > MOST_ANSWER:
            self.close()
            self.let_go()
        self.tell()

    def settle(self) -> None:
        """Closes the attempt as Trace does where the reader is the journey: Meter leaves before any reader's Trace looks."""
        attempts = self.trail.attempts
        if attempts and not attempts[-1].outcome:
            attempts[-1].outcome = "ok"
            attempts[-1].ended_at = now()
            if self.reply is not None and self.reply.usage is not None:
                attempts[-1].usage = self.reply.usage

    def fail(self, error: BaseException) -> None:
        if not self.is_over:  # what fails after the last chunk is nobody's answer any more
            # Without its frames, or they would keep this journey for the collector.
            self.error = error.again() if isinstance(error, CallError) else error.with_traceback(None)
            self.over()
            self.tell()

    def over(self) -> None:
        self.is_over = True
        self.close()

    def close(self) -> None:
        """Closes the journey to new readers."""
        if self.coalesce.journeys.get(self.kin) is self:
            del self.coalesce.journeys[self.kin]

    def tell(self) -> None:
        for reader in self.readers:
            reader.wake()

    def demand(self) -> None:
        """Requests more chunks: a reader has read all there are."""
        if self._demand is not None and not self._demand.done():
            self._demand.set_result(None)

    def let_go(self) -> None:
        """Forgets the chunks that every reader has read, and those that only a reader too far behind has not."""
        slowest = min([reader.at for reader in self.readers], default=0)
        count = 0
        for chunk in self.chunks:
            at = self.first + count
            is_too_old = self.size - self.gone > MOST_ANSWER and at < self.newest
            if at >= slowest and not is_too_old:
                break
            count += 1
            self.gone += len(chunk.data)
        del self.chunks[:count]
        self.first += count

    def join(self, reader: _Reading) -> None:
        self.readers.append(reader)
        if self.payer is None:
            self.pays(reader)
        elif self.trail.deadline_at < reader.call.deadline_at:
            self.trail.deadline_at = reader.call.deadline_at

    def leave(self, reader: _Reading) -> None:
        self.readers.remove(reader)
        is_payer = self.payer is reader
        if is_payer:
            self.payer = None
        if not self.readers:
            self.close()
            if not self.is_over:
                self.task.cancel()
            return
        if self.is_over:
            return
        if is_payer:
            heir = next((other for other in self.readers if self.can_pay(other)), None)
            if heir is None:
                self.fail(_Unpaid())
                self.task.cancel()
                return
            reader.call.trail.attempts = []
            self.pays(heir)
        self.trail.deadline_at = max([other.call.deadline_at for other in self.readers])
        self.demand()  # it may have been the fastest

    def pays(self, reader: _Reading) -> None:
        trail = reader.call.trail
        self.payer = reader
        trail.attempts = self.trail.attempts
        self.trail.reservation = trail.reservation

    def can_pay(self, reader: _Reading) -> bool:
        """Whether what a reader has reserved covers the attempts that there were, and the one that is under way."""
        trail, attempts = reader.call.trail, self.trail.attempts
        if trail.reservation is None or len(attempts) < 2:
            return True
        own, trail.attempts = trail.attempts, attempts
        try:
            return trail.reservation.needed(len(reader.call.body), attempts[-1]) is None
        finally:
            trail.attempts = own


class _Unpaid(Exception):
    """A journey ended because no reader's budget covers it."""


class _Reading:
    """One caller's part in a journey: the opening, and where he is."""

    __slots__ = ("_coalesce", "_deadline_at", "_news", "_read_at", "at", "call", "is_waiting", "journey", "kin")

    def __init__(self, coalesce: Coalesce, call: Call, kin: Kin) -> None:
        self._coalesce = coalesce
        self.call = call
        self.kin = kin
        self._deadline_at = call.deadline_at
        self._read_at = 0.0
        self.at = 0  # the number of the next chunk to read
        self.is_waiting = False
        self._news: Future[None] | None = None

    async def __aenter__(self) -> Reply:
        while True:
            try:
                return await self.enter()
            except _Unpaid:
                self.call.trail.cache = "miss" if self.call.fingerprint else ""

    async def enter(self) -> Reply:
        journeys = self._coalesce.journeys
        journey = journeys.get(self.kin)
        is_first = journey is None
        if journey is None:
            journey = journeys[self.kin] = Journey(self._coalesce, self.kin, self.call)
        else:
            self.call.trail.cache = "coalesced"
        self.journey = journey
        journey.join(self)
        try:
            while not (journey.chunks or journey.is_over):
                await self.news()
            if journey.error is not None and not journey.chunks:
                raise again(journey.error) if not isinstance(journey.error, _Unpaid) else _Unpaid()
            assert journey.reply is not None
            self._read_at = now()
            return _Shared(self, journey.reply, journey.reply.headers if is_first else ())
        except BaseException:
            await self.part()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.part()

    async def part(self) -> None:
        """Leaves the journey. The last reader waits until its task has released everything."""
        journey = self.journey
        was_payer = journey.payer is self
        journey.leave(self)
        # A payer whose journey nobody takes over waits for its end too: his record says what it cost.
        if not journey.task.done() and (not journey.readers or (was_payer and journey.payer is None)):
            await wait([journey.task])

    def wake(self) -> None:
        if self._news is not None and not self._news.done():
            self.is_waiting = False  # now, not when his task runs: else the journey would take him for still waiting
            self._news.set_result(None)

    async def news(self) -> None:
        """Waits until more came or the journey is over. Raises Expired at this caller's own deadline."""
        loop = get_running_loop()
        self._news = loop.create_future()
        self.is_waiting = True
        by = self._deadline_at
        timer = loop.call_at(by, self.wake) if by != NEVER else None
        self.journey.demand()
        try:
            await self._news
        finally:
            self.is_waiting = False
            self._news = None
            if timer is not None:
                timer.cancel()
        if now() >= by:
            if self.journey.trail.waits_at_limit and not self.journey.chunks:
                raise AtLimit("No target of this model had room within the call's deadline.")
            raise Expired(phase="total")

    async def read(self) -> list[Chunk]:
        journey = self.journey
        self._deadline_at += (
            now() - self._read_at
        )  # what the reader took is not the vendor's: as `providers/waiting.py`
        try:
            return await self.next(journey)
        finally:
            self._read_at = now()

    async def next(self, journey: Journey) -> list[Chunk]:
        while True:
            if self.at < journey.first:
                raise Cut("This answer is shared with other callers, and this caller read it too slowly.")
            chunks = journey.chunks[self.at - journey.first :]
            if chunks:
                self.at += len(chunks)
                if journey.size > MOST_ANSWER:
                    journey.let_go()
                return chunks
            if journey.error is not None:
                raise again(journey.error)
            if journey.is_over:
                return []
            await self.news()


class _Shared(Reply):
    """A journey's reply, as one of its readers sees it. The vendor's headers are those of one call: who began it gets them."""

    __slots__ = ("_journeys_reply", "_reading")

    def __init__(self, reading: _Reading, reply: Reply, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        super().__init__(streamed=reply.streamed, headers=headers)
        self._reading = reading
        self._journeys_reply = reply
        self.usage = reply.usage

    async def read(self) -> list[Chunk]:
        chunks = await self._reading.read()
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            if chunk.finish is not None:
                self.finish = chunk.finish
        return chunks


def again(error: BaseException) -> BaseException:
    """The same error for one more reader: one object raised in several tasks would collect all their tracebacks."""
    if isinstance(error, CancelledError):  # the journey was ended from outside, and this reader was not
        return Cut("The shared answer was broken off.")
    if isinstance(error, _Unpaid):
        return Cut("The answer was shared, and the caller who paid for it left.")
    if not isinstance(error, CallError):
        return error
    return error.again()
