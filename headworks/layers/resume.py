"""Resumes a broken stream with another attempt: the caller sees one unbroken answer, or a clean error.

The broken attempt is left *with its error*, so that Breaker and Meter below see it, and before another one is begun. What
may be shown of that one, `policy/midstream.py` says; how it is written, the call's dialect (`splice`). Each attempt of this
layer uses the retry budget of the alias: a vendor whose streams all break must not double the load.

Not in the stack where `mid_stream` is `error`, nor in the way of a call that is not streamed. While nothing breaks a chunk
costs a list's append; what it takes to go on is looked up only then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import msgspec

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.dialect import Before, NotingSplice, Rewriting, Splice
from headworks.core.errors import CallError, Diverged, Rejected
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.service import Opening, Service
from headworks.core.text import joined, utf8_size
from headworks.policy.budget import RetryBudget
from headworks.policy.capability import Capability
from headworks.policy.charge import answered, charge
from headworks.policy.midstream import MidStream, ReplayFilter, ResumeMode, SentAnswer, resume_modes
from headworks.wire.prefill import repeats, tokens_of

MOST_SEEN = 16
"""Chunks that are kept as they came, some 450 bytes each, before their text is."""

LARGE = 65_536
"""Bytes of a chunk, a picture above all, that is not kept as it came. Of what is read at once it is the first: it took several."""


class Resume:
    """Opens a broken stream again, as `mode` and the retry budget allow."""

    def __init__(
        self, inner: Service, mode: MidStream, retry_budget: RetryBudget, capabilities: Mapping[str, Capability]
    ) -> None:
        self.inner = inner
        self.mode: MidStream = mode
        self.retry_budget = retry_budget
        self.capabilities = capabilities

    def open(self, call: Call) -> Opening:
        splice = call.dialect.splice
        if not call.streamed or splice is None:
            return self.inner.open(call)
        return Unbroken(self, call, splice)


class Unbroken(Reply):
    """One call's stream over as many attempts as it takes: entered and left like any opening, and read like any reply."""

    __slots__ = (
        *(
            "_before",
            "_call",
            "_came",
            "_first",
            "_opening",
            "_reply",
            "_resume",
            "_rewriting",
            "_seen",
            "_splice",
            "_told",
            "_usage",
        ),
    )

    _reply: Reply

    def __init__(self, resume: Resume, call: Call, splice: Splice) -> None:
        self.streamed = True
        self.headers = ()
        self._usage: Usage | None = None
        self._before: Before | None = None  # what was there when the newest attempt went on
        self._came = 0  # bytes of text of the newest attempt
        self._resume = resume
        self._call = call
        self._opening: Opening | None = None
        self._told = SentAnswer()
        self._seen: list[Chunk] = []  # sent, and not in `told` yet
        self._first = b""  # an event of the first attempt: its id and instant are every other's; or where the caller is
        self._splice = splice
        self._rewriting: Rewriting | None = None  # since the first break

    async def __aenter__(self) -> Reply:
        opening = self._resume.inner.open(self._call)
        reply = await opening.__aenter__()
        self._opening = opening
        self._reply = reply
        self.headers = reply.headers
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        opening, self._opening = self._opening, None
        return None if opening is None else await opening.__aexit__(kind, error, trace)

    # Looked up when they are asked for, and not kept up to date: that would be a fifth of what a chunk costs here.

    @property
    def usage(self) -> Usage | None:  # type: ignore[override]
        return self._reply.usage if self._rewriting is None else self._usage

    @property
    def finish(self) -> str | None:  # type: ignore[override]
        return self._reply.finish

    async def read(self) -> list[Chunk]:
        if self._rewriting is None:
            try:
                chunks = await self._reply.read()
            except CallError as error:
                if not await self._go_on(error):
                    raise
            else:
                # While nothing breaks this is all that a chunk costs: what was sent is looked at a few chunks at a time.
                seen = self._seen
                seen += chunks
                if len(seen) > MOST_SEEN or (chunks and len(chunks[0].data) > LARGE):
                    self._note()
                return chunks
        return await self._read_on()

    async def _read_on(self) -> list[Chunk]:
        """The next chunks of another attempt that the reader has not seen."""
        while True:
            try:
                chunks = await self._reply.read()
            except CallError as error:
                if not await self._go_on(error):
                    raise
                continue
            rewriting = self._rewriting
            assert rewriting is not None
            if not chunks or (chunks := await self._spliced(rewriting, chunks)):
                return chunks
            # All of it was told before: the reader waits on.

    def _note(self) -> None:
        """Keeps of what was sent since what another attempt is compared with."""
        told, seen = self._told, self._seen
        if isinstance(self._splice, NotingSplice):
            self._first = self._splice.noted(self._first, seen)
        elif not self._first:
            self._first = next((chunk.data for chunk in seen if chunk.data and chunk.has_content), b"")
        if not told.is_closed:
            told.say(joined([chunk.text for chunk in seen]))
            for chunk in seen:
                if chunk.begins_tool_call or chunk.finish is not None:
                    told.close()
                elif chunk.is_mixed or (chunk.has_content and not chunk.text):
                    self._think(chunk)
        seen.clear()

    def _think(self, chunk: Chunk) -> None:
        thought = self._splice.reasoning_in(chunk.data)
        if thought is None:
            self._told.close()
        elif thought:
            self._told.think(thought)

    async def _spliced(self, rewriting: Rewriting, chunks: list[Chunk]) -> list[Chunk]:
        """The chunks of another attempt that the caller has not seen yet."""
        attempt = self._call.trail.attempts[-1]
        shown = []
        try:
            for chunk in chunks:
                if chunk.usage is not None:
                    self._usage = chunk.usage if self._before is None else self._before.joined(chunk.usage)
                self._came += utf8_size(chunk.text)
                if (fresh := rewriting.chunk(chunk)) is not None:
                    shown.append(fresh)
        except Diverged as error:
            error.target = attempt.target
            await self._leave(None)  # it did nothing wrong: its circuit shall not hear of it
            self._reply = _Ending(error.again())  # what fitted goes out first
        attempt.received = max(attempt.received, self._came)  # a leaf that counts bytes itself knows better
        self._seen += shown
        return shown

    async def _go_on(self, error: CallError) -> bool:
        """Opens another attempt in place of the one that broke; False where there must or can be none."""
        self._note()
        ways = self._ways(error)
        attempts = self._call.trail.attempts
        if ways and len(attempts) == 1:
            self._resume.retry_budget.retract(attempts[0].started_at)  # it has not answered after all
        for way in ways:
            if now() >= self._deadline_at(self._call.trail.deadline_at) or not self._resume.retry_budget.withdraw(
                now()
            ):
                break
            await self._leave(error)
            try:
                await self._open(way)
            except CallError as failed:
                self._learn(way, failed)
            else:
                return True
        return False

    def _ways(self, error: CallError) -> list[ResumeMode]:
        resume, call = self._resume, self._call
        if self._opening is None or not self._splice.may_resume(call.body):
            return []
        can = any(capability.prefill != "none" for capability in resume.capabilities.values())
        ways = resume_modes(resume.mode, error, self._told, may_continue=can and self._splice.may_continue(call.body))
        return list(ways)

    def _deadline_at(self, or_before: float = NEVER) -> float:
        """The call's deadline, extended by the time that the caller took to read."""
        late = sum(attempt.late for attempt in self._call.trail.attempts)
        return min(self._call.deadline_at, or_before) + late

    async def _leave(self, error: CallError | None) -> None:
        opening, self._opening = self._opening, None
        if opening is None:
            return
        attempts, told = self._call.trail.attempts, self._told
        if self._rewriting is None and attempts:
            came = utf8_size(told.text) + utf8_size(told.reasoning)
            attempts[-1].received = max(attempts[-1].received, came)
        await opening.__aexit__(type(error) if error is not None else None, error, None)

    async def _open(self, way: ResumeMode) -> None:
        call, told = self._call, self._told
        trail = call.trail
        again = msgspec.structs.replace(
            call,
            resumed_at=len(trail.attempts),
            prefill=told.text if way == "continue" else "",
            deadline_at=self._deadline_at(),
        )
        before = self._before_it() if way == "continue" else None
        opening = self._resume.inner.open(again)
        self._reply = await opening.__aenter__()
        self._opening = opening
        self._before, self._usage, self._came = before, None, 0
        if before is not None:
            capability = self._resume.capabilities[trail.attempts[-1].target]
            said = told.text if repeats(capability.prefill) else ""
            self._rewriting = self._splice.rewriting(self._first, ReplayFilter(said), before)
        else:
            self._rewriting = self._splice.rewriting(self._first, ReplayFilter(told.text, told.reasoning), None)

    def _before_it(self) -> Before:
        """The tokens of the answer up to here: as their vendors counted them where that can be true."""
        trail, size = self._call.trail, len(self._call.body)
        charges = [charge(one, one.sent or size, one.received) for one in trail.attempts]
        so_far = answered(trail, charges, None, is_delivered=True)
        first = next((one for one in trail.attempts if one.head_at), None)
        asked = first.usage if first is not None and first.usage is not None and first.usage.input_tokens else None
        return Before(asked, so_far.output_tokens if so_far is not None else 0, tokens_of(self._told.text))

    def _learn(self, way: ResumeMode, failed: CallError) -> None:
        """A target that refuses the beginning of its answer is not offered one again."""
        known = self._resume.capabilities.get(failed.target or "")
        if way == "continue" and known is not None and isinstance(failed, Rejected):
            known.prefill = "none"


class _Ending(Reply):
    """Nothing more but an error."""

    __slots__ = ("_error",)

    def __init__(self, error: Diverged) -> None:
        super().__init__(streamed=True)
        self._error = error

    async def read(self) -> list[Chunk]:
        raise self._error.again()


class Prefill:
    """Writes the beginning of the answer into the body, in the form that this target takes. Looks only."""

    def __init__(self, inner: Service, capability: Capability) -> None:
        self.inner = inner
        self.capability = capability

    def open(self, call: Call) -> Opening:
        if not call.prefill:
            return self.inner.open(call)
        splice, form = call.dialect.splice, self.capability.prefill
        assert splice is not None, "only a stream that can be spliced is gone on with"
        body = splice.prefilled(call.body, call.prefill, form)
        if (attempt := call.attempt) is not None:
            attempt.sent = len(body)
            attempt.prefilled = len(call.prefill.encode())
            attempt.repeated = attempt.prefilled if repeats(form) else 0
        return self.inner.open(msgspec.structs.replace(call, body=body, prefill="", begun=form))
