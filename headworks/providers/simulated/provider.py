"""A simulated vendor, configured by numbers. The starter system and drills use it.

Theory. A call draws, in this order and whatever becomes of it: a fault, the time to its first token, its pace (seconds
a token, the same for the whole call: a record knows no more of a real vendor's than the mean), the place of a fault in
its text, an id. So the shares of faults do not shift the timings, and the same seed and order of calls give the same
run to the digit. Texts are not drawn but follow from the prompt (`simulated_text.py`).

On a real loop a token is a chunk and tokens that are due within a millisecond come together. On virtual time a reply
has at most four chunks, at the instants at which their last tokens are due; a bound that a single token would break
is broken at the same instant.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Iterable
from hashlib import blake2b
from math import exp
from random import Random
from types import TracebackType

import msgspec

from headworks.core.call import NEVER, Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError, Cut, Failed, Garbled, Throttled, Unreachable, VendorSaid
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Opening
from headworks.core.vtime import VirtualLoop
from headworks.policy.bucket import TokenBucket
from headworks.providers.completions import Envelope
from headworks.providers.simulated.answer_text import Percentiles, TokenCounts
from headworks.providers.simulated.chat_answer import Answer, chat_answer, embeddings_answer, logprobs
from headworks.providers.simulated.faults import (
    INVALID_ANSWERS,
    REFUSALS,
    SILENCE_TIMEOUT,
    SLOW_DRIP_INTERVAL,
    SLOW_FIRST_TOKEN_DELAY,
    Fault,
    FaultMix,
    invalid_answer,
)
from headworks.providers.simulated.prompt_blocks import MARKS
from headworks.providers.simulated.prompt_cache import PromptCache
from headworks.providers.waiting import Reader, bound, connect_bound, gap_bound, head_bound, reach
from headworks.wire.prompt_caching import PREFILL_SHARE, Rules

REFUSAL_DELAY_SHARE = 0.1
"""A refusal comes after this part of the time to the first token: nothing had to be computed for it."""

COALESCE_WITHIN = 0.001
"""Seconds within which tokens are sent together on a real loop: below a timer's own accuracy."""


class VendorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a simulated vendor. Times in seconds; shares from 0 to 1; limits per minute, None for no limit.
    output_tokens: how long its answers are where the call does not cut them; None: as long as the call's `max_tokens`.
    prompt_cache: whose rules its prompt cache keeps; None: it has none."""

    first_token: Percentiles = Percentiles(p50=0.3, p99=2.0)
    per_token: Percentiles = Percentiles(p50=0.02, p99=0.06)
    output_tokens: Percentiles | None = None
    faults: dict[Fault, float] = {}
    seed: int = 0
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    prompt_cache: Rules | None = None


class VendorState:
    """What all models of one vendor share: its limits and its calls in flight."""

    def __init__(self, name: str, vendor: VendorSettings) -> None:
        self.name = name
        self.vendor = vendor
        self.in_flight = 0
        self._requests = TokenBucket(vendor.rpm) if vendor.rpm is not None else None
        self._tokens = TokenBucket(vendor.tpm) if vendor.tpm is not None else None

    def admit(self, at: float) -> None:
        """Counts a request. Raises Throttled where it is one too many."""
        most = self.vendor.concurrency
        if most is not None and self.in_flight > most:
            raise _throttled("Too many concurrent requests.", None)
        if self._requests is not None and not self._requests.take(1, at):
            raise _throttled("Rate limit reached: requests per minute.", self._requests.wait_for(1, at))

    def charge(self, usage: Usage, at: float) -> None:
        """Counts an answer's tokens before it is given. Raises Throttled where they are too many."""
        amount = usage.input_tokens + usage.output_tokens
        if self._tokens is not None and not self._tokens.take(amount, at):
            raise _throttled("Rate limit reached: tokens per minute.", self._tokens.wait_for(amount, at))


def _throttled(message: str, wait: float | None) -> Throttled:
    said = VendorSaid(status=429, message=message, type="rate_limit_error", code="rate_limit_exceeded")
    return Throttled(message, retry_after=None if wait == NEVER else wait, said=said)


class _Draw(msgspec.Struct):
    """The random draws of a call. where: the place of a fault in its text, from 0 to 1."""

    fault: Fault | None
    first: float
    pace: float
    where: float
    id: str


class Simulated:
    """One model of a simulated vendor, as a Service.

    Raises what a leaf with a wire would raise for the same fault, at the bounds of `call.attempt`; Rejected names the
    field of a body that it does not understand. `seed` is the text's, by default the vendor's.
    """

    def __init__(self, state: VendorState, model: str, *, seed: int | None = None) -> None:
        vendor = state.vendor
        self.state = state
        self.model = model
        self.target = f"{state.name}/{model}"
        self.seed = vendor.seed if seed is None else seed
        self.lengths = TokenCounts(vendor.output_tokens)
        rules = vendor.prompt_cache
        self.prompt_cache = PromptCache(rules, model) if rules is not None else None
        self._fault_mix = FaultMix(vendor.faults)
        self._first = vendor.first_token.p50, vendor.first_token.spread()
        self._pace = vendor.per_token.p50, vendor.per_token.spread()
        # Not the text's seed alone: two vendors with one seed say the same, but do not fail together.
        own = blake2b(f"{vendor.seed}/{self.target}".encode(), digest_size=16).digest()
        self._random = Random(int.from_bytes(own, "big"))

    def open(self, call: Call) -> Opening:
        return _Attempt(self, call)

    def draw(self) -> _Draw:
        """The draws of the next call, always of the same number and in the same order."""
        random = self._random
        fault = self._fault_mix.of(random.random())
        first = self._first[0] * exp(self._first[1] * random.gauss(0.0, 1.0))
        pace = self._pace[0] * exp(self._pace[1] * random.gauss(0.0, 1.0))
        return _Draw(fault, first, pace, random.random(), f"{random.getrandbits(96):024x}")


class _Attempt:
    """One call to a simulated vendor, from entering to leaving."""

    __slots__ = ("_call", "_simulated")

    def __init__(self, simulated: Simulated, call: Call) -> None:
        self._simulated = simulated
        self._call = call

    async def __aenter__(self) -> Reply:
        state = self._simulated.state
        draw = self._simulated.draw()
        state.in_flight += 1
        try:
            reply = await self._answer(draw, now())
        except CallError as error:
            state.in_flight -= 1
            error.target = self._simulated.target
            self._note(error.said.status if error.said is not None else 0, draw.id)
            raise
        except BaseException:
            state.in_flight -= 1
            raise
        self._note(200, draw.id)
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._simulated.state.in_flight -= 1

    def _note(self, status: int, id: str) -> None:
        attempt = self._call.attempt
        if attempt is not None and status:
            attempt.vendor_status = status
            attempt.vendor_request_id = f"req_{id}"
            if status == 200:
                attempt.head_at = now()

    async def _answer(self, draw: _Draw, start: float) -> Reply:
        simulated, call, fault = self._simulated, self._call, draw.fault
        if fault is not None:
            await self._before_admission(fault, start)
        try:
            simulated.state.admit(start)
            if fault is not None:
                await self._instead_of_head(fault, draw, start)
            if call.dialect.operation == "embeddings":
                return await self._embeddings(draw, start)
            answer = chat_answer(call, simulated.seed, simulated.lengths)
            if simulated.prompt_cache is not None:
                self._read_cache(simulated.prompt_cache, answer, draw, start)
            simulated.state.charge(answer.usage, start)
        except CallError as error:
            if error.said is not None:  # a refusal takes its time too
                await reach(start + REFUSAL_DELAY_SHARE * draw.first, head_bound(call))
            raise
        if fault == "slow_drip":
            draw.pace = SLOW_DRIP_INTERVAL
        telling = _TimedAnswer(answer, draw, simulated, start)
        if not call.streamed:
            return await telling.whole(call)
        stream = _Stream(call, telling)
        await stream.begin()
        return stream

    def _read_cache(self, prompt_cache: PromptCache, answer: Answer, draw: _Draw, start: float) -> None:
        """What is cached needs not be computed: the first token comes earlier by its part of the prompt."""
        attempt = self._call.attempt
        is_marked = attempt is not None and not MARKS.isdisjoint(attempt.left_out)
        asked = prompt_cache.use(answer.prompt(is_marked=is_marked), start)
        answer.count_asked(asked)
        draw.first *= 1.0 - PREFILL_SHARE * asked.cached_input / asked.input_tokens

    async def _before_admission(self, fault: Fault, start: float) -> None:
        if fault == "refused":
            raise Unreachable("The connection was refused.")
        if fault == "connect_silence":
            await reach(start + SILENCE_TIMEOUT, connect_bound(self._call))
            raise Unreachable("Nobody answered the connection.")

    async def _instead_of_head(self, fault: Fault, draw: _Draw, start: float) -> None:
        limit = head_bound(self._call)
        target = self._simulated.target
        if (refusal := REFUSALS.get(fault)) is not None:
            raise refusal.error(target, f"req_{draw.id}")
        if fault in INVALID_ANSWERS:
            await reach(start + draw.first, limit)
            raise invalid_answer(fault, target)
        if fault == "reset":
            await reach(start + draw.first / 2, limit)
            raise Failed("The connection was reset before the answer began.")
        if fault == "silence":
            await reach(start + SILENCE_TIMEOUT, limit)
            raise Failed("The vendor said nothing, and hung up.")
        if fault == "slow_first_token":
            draw.first += SLOW_FIRST_TOKEN_DELAY

    async def _embeddings(self, draw: _Draw, start: float) -> Reply:
        simulated = self._simulated
        body, usage = embeddings_answer(self._call, simulated.seed, simulated.model)
        simulated.state.charge(usage, start)
        limit = head_bound(self._call)
        if draw.fault in _BREAKS:
            if draw.fault == "stall":
                await reach(start + draw.first + SILENCE_TIMEOUT, limit)
            await reach(start + draw.first, limit)
            raise _break_error(draw.fault, simulated.target, is_headed=False)
        await reach(start + draw.first, limit)
        if self._call.attempt is not None:
            self._call.attempt.usage = usage
        return CompleteReply([Chunk(data=body, has_content=True, usage=usage, last=True)])


_BREAKS: dict[Fault, str] = {
    "reset_after_head": "The connection was reset.",
    "cut": "The connection was closed in the middle of the answer.",
    "stall": "The vendor stopped in the middle of the answer, and hung up.",
    "garbled_event": "The vendor's answer is not JSON.",
    "missing_end": "The answer ended without a finish reason.",
}


def _break_error(fault: Fault, target: str, *, is_headed: bool) -> CallError:
    kind = Cut if is_headed else Garbled if fault == "garbled_event" else Failed
    return kind(_BREAKS[fault], target=target)


class _TimedAnswer:
    """An answer with its timing: when each token is due, and after how many tokens it breaks."""

    __slots__ = ("answer", "breaks", "end", "envelope", "head_at", "pace", "target", "usage")

    def __init__(self, answer: Answer, draw: _Draw, simulated: Simulated, start: float) -> None:
        self.answer = answer
        self.pace = draw.pace
        self.head_at = start + draw.first
        self.target = simulated.target
        self.envelope = Envelope(f"chatcmpl-{draw.id}", simulated.model, int(wall()))
        ticks = answer.ticks
        # Between the first token and the last: a fault after the head is after a head, and before the end.
        middle = min(ticks, 1 + int(draw.where * (ticks - 1)))
        if draw.fault == "content_filter_finish":
            answer.cut(middle, "content_filter")
        self.breaks = draw.fault if draw.fault in _BREAKS else None
        self.end = answer.ticks
        if draw.fault in ("cut", "stall", "garbled_event"):
            self.end = middle
        elif draw.fault == "reset_after_head":
            self.end = min(ticks, 1)
        self.usage = answer.usage

    def due(self, tick: int) -> float:
        """When the token after `tick` tokens is there."""
        return self.head_at + tick * self.pace

    async def whole(self, call: Call) -> Reply:
        """The answer as one body: it is there when its last token is."""
        limit = head_bound(call)
        if self.breaks is not None:
            late = SILENCE_TIMEOUT if self.breaks == "stall" else 0.0
            await reach(self.due(self.end) + late, limit, target=self.target)
            raise _break_error(self.breaks, self.target, is_headed=False)
        await reach(self.due(max(0, self.end - 1)), limit, target=self.target)
        choices = [said.choice(self.answer.top) for said in self.answer.choices]
        if call.attempt is not None:
            call.attempt.usage = self.usage
        chunk = Chunk(
            data=self.envelope.whole(choices, self.usage),
            has_content=True,
            text=choices[0].text or "",
            begins_tool_call=choices[0].tool_call is not None,
            finish=choices[0].finish,
            usage=self.usage,
            last=True,
        )
        return CompleteReply([chunk])

    def roles(self) -> bytes:
        return b"".join([self.envelope.role(index) for index in range(len(self.answer.choices))])

    def chunks(self, begin: int, end: int) -> Iterable[Chunk]:
        """The events of the tokens from `begin` to before `end`: one chunk a choice."""
        envelope, top = self.envelope, self.answer.top
        for index, said in enumerate(self.answer.choices):
            some = said.pieces[begin:end]
            if not some and (begin or said.tool_call is None):
                continue
            text = "".join(some)
            if said.tool_call is None:
                data = envelope.text(text, index, logprobs(some, top))
            else:
                data = envelope.tool_arguments(text, index)
                if not begin:
                    data = envelope.tool_name(said.tool_call, index) + data
            yield Chunk(
                data=data,
                has_content=True,
                text="" if index or said.tool_call is not None else text,
                begins_tool_call=not begin and said.tool_call is not None,
            )

    def finish(self) -> Chunk:
        choices = self.answer.choices
        data = b"".join([self.envelope.finish(said.finish, index) for index, said in enumerate(choices)])
        return Chunk(data=data, has_content=True, finish=choices[0].finish)


class _Stream(Reply):
    """A streamed answer. `_told` counts the tokens that were sent."""

    __slots__ = ("_call", "_is_over", "_is_virtual", "_reader", "_telling", "_told", "_waiting")

    def __init__(self, call: Call, telling: _TimedAnswer) -> None:
        super().__init__(streamed=True)
        self._call = call
        self._telling = telling
        self._told = 0
        self._is_over = False
        self._is_virtual = type(get_running_loop()) is VirtualLoop
        self._waiting: list[Chunk] = []

    async def begin(self) -> None:
        """Waits for the head."""
        telling = self._telling
        await reach(telling.head_at, head_bound(self._call), target=telling.target)
        self._reader = Reader(self._call.attempt)
        self._waiting.append(Chunk(data=telling.roles()))
        self._tell(min(1, telling.end))

    async def read(self) -> list[Chunk]:
        telling = self._telling
        at = self._reader.came()
        if not self._waiting:
            if self._is_over:
                return []
            if self._told == telling.end:
                await self._break(at)
            await self._next(at)
        self._reader.left()
        if not self._is_virtual:
            soon = now() + COALESCE_WITHIN
            while self._told < telling.end and telling.due(self._told) <= soon:
                self._tell(self._told + 1)
        chunks, self._waiting = self._waiting, []
        return _merge_chunks(chunks) if self._is_virtual else chunks

    async def _next(self, at: float) -> None:
        """Waits for the next token; on virtual time for half of those that are left, then for the rest."""
        telling, late = self._telling, self._reader.late
        if not self._is_virtual:
            await reach(telling.due(self._told), gap_bound(self._call, at, late), target=telling.target)
            self._tell(self._told + 1)
            return
        upto = (telling.end + 1) // 2 if self._told == 1 else telling.end
        upto = max(upto, self._told + 1)
        # Only where a single token would come too late does the gap bind: many tokens are not one gap.
        limit = gap_bound(self._call, at, late)
        if telling.due(self._told) <= limit.at:
            limit = bound(self._call, 0.0, "total", late)
        await reach(telling.due(upto - 1), limit, target=telling.target)
        self._tell(upto)

    def _tell(self, upto: int) -> None:
        telling = self._telling
        self._waiting += telling.chunks(self._told, upto)
        self._told = upto
        if upto < telling.end or telling.breaks is not None:
            return
        finish = telling.finish()
        self._is_over = True
        self.finish = finish.finish
        self.usage = telling.usage
        if self._call.attempt is not None:
            self._call.attempt.usage = self.usage
        self._waiting += [finish, telling.envelope.ending(telling.usage, asked=self._call.include_usage)]

    async def _break(self, at: float) -> None:
        telling = self._telling
        assert telling.breaks is not None, "a stream without a fault ends with its last token"
        late = SILENCE_TIMEOUT if telling.breaks == "stall" else 0.0
        limit = gap_bound(self._call, at, self._reader.late)
        await reach(telling.due(self._told) + late, limit, target=telling.target)
        raise _break_error(telling.breaks, telling.target, is_headed=True)


def _merge_chunks(chunks: list[Chunk]) -> list[Chunk]:
    """Chunks that came together as one; the ending stays by itself, for the record is written before it."""
    ending = [chunks.pop()] if chunks[-1].last else []
    if len(chunks) > 1:
        one = Chunk(
            data=b"".join([chunk.data for chunk in chunks]),
            has_content=any(chunk.has_content for chunk in chunks),
            text="".join([chunk.text for chunk in chunks]),
            begins_tool_call=any(chunk.begins_tool_call for chunk in chunks),
            finish=chunks[-1].finish,
        )
        return [one, *ending]
    return chunks + ending
