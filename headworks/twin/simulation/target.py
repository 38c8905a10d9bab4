"""A simulated vendor target, as a Service: the innermost service of the planner's stack.

Always true: the random draws of a call belong to the call (its number, the target, which attempt), not to the order in which
calls come, so two systems are compared over the same draws (common random numbers); a reply is at most four chunks.
Faults are those of `providers/simulated/faults.py`, and raise what a leaf with a wire would raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from types import TracebackType

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Cut, Expired, Failed, Garbled, Throttled, Unreachable, VendorSaid
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Opening
from headworks.policy.bucket import TokenBucket
from headworks.providers.completions import Choice, Envelope
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
from headworks.providers.simulated.provider import REFUSAL_DELAY_SHARE
from headworks.providers.waiting import Bound, connect_bound, gap_bound, head_bound, hear, reach
from headworks.twin.models.random_streams import CallDraws
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.processor_sharing import ProcessorSharing
from headworks.twin.workload.token_counts import TokenCounts

BREAKS = frozenset({"reset_after_head", "cut", "stall", "garbled_event", "missing_end"})
TOKEN = " tok"
"""Every token of every answer: so a second attempt repeats the first one's words, as a restart in mid-stream needs."""

OUTAGE = REFUSALS["unavailable"]
"""A provider that is down answers 503 at once. One that hangs would cost its timeout in addition."""


class ProviderState:
    """What all targets of one provider share: its limits, and whether it is down. empty: limits whose buckets start empty."""

    def __init__(
        self, rpm: int | None, tpm: int | None, *, is_down: bool, empty: frozenset[str] = frozenset(), at: float = 0.0
    ) -> None:
        self.is_down = is_down
        self._requests = TokenBucket(rpm) if rpm is not None else None
        self._tokens = TokenBucket(tpm) if tpm is not None else None
        for unit, bucket in (("rpm", self._requests), ("tpm", self._tokens)):
            if bucket is not None and unit in empty:
                bucket.take(bucket.size, at)

    def admit(self, tokens: int, at: float) -> None:
        """Counts a request and what it will use. Raises Throttled where it is too much."""
        if self._requests is not None and not self._requests.take(1, at):
            raise _throttled("requests per minute", self._requests.wait_for(1, at))
        if self._tokens is not None and not self._tokens.take(tokens, at):
            raise _throttled("tokens per minute", self._tokens.wait_for(tokens, at))


def _throttled(what: str, wait: float) -> Throttled:
    message = f"Rate limit reached: {what}."
    said = VendorSaid(status=429, message=message, type="rate_limit_error", code="rate_limit_exceeded")
    return Throttled(message, retry_after=None if wait == NEVER else wait, said=said)


class FailureBursts:
    """Failure bursts of one target (a Gilbert-Elliott model): failures are frequent in the bad state, and absent in the good."""

    def __init__(self, good: FaultMix, bad: FaultMix, lasting: float, share: float, rng: Random) -> None:
        self.good = good
        self.bad = bad
        self.lasting = lasting
        self.apart = lasting * (1 - share) / share
        self.rng = rng
        self.is_bad = rng.random() < share
        self.until = 0.0

    def of(self, at: float) -> FaultMix:
        while self.until <= at:
            if self.until:
                self.is_bad = not self.is_bad
            self.until += self.rng.expovariate(1 / (self.lasting if self.is_bad else self.apart)) + 1e-9
        return self.bad if self.is_bad else self.good


class SimulatedTarget:
    """One target, as a Service. sizes: token counts by the number of the call, which is its id."""

    def __init__(
        self, model: VendorModel, provider: ProviderState, sizes: Sequence[TokenCounts], draws: CallDraws, rng: Random
    ) -> None:
        self.model = model
        self.provider = provider
        self.sizes = sizes
        self.draws = draws
        self.engine = None if model.is_simple else ProcessorSharing(model)
        self.in_flight = 0
        total = sum(model.faults.values())
        self.failure_bursts: FailureBursts | None = None
        self.fault_mix = FaultMix(model.faults)
        if model.bursts is not None and 0 < total < model.bursts.share:
            scale = model.bursts.share / total
            often: dict[Fault, float] = {name: share * scale for name, share in model.faults.items()}
            self.failure_bursts = FailureBursts(
                FaultMix({}), FaultMix(often), model.bursts.lasting, total / model.bursts.share, rng
            )

    def open(self, call: Call) -> Opening:
        return _Attempt(self, call)


class _Attempt:
    """One attempt, from entering to leaving."""

    __slots__ = ("call", "has_slot", "is_decoding", "vendor")

    def __init__(self, vendor: SimulatedTarget, call: Call) -> None:
        self.vendor = vendor
        self.call = call
        self.has_slot = False
        self.is_decoding = False

    async def __aenter__(self) -> Reply:
        vendor = self.vendor
        vendor.in_flight += 1
        try:
            return await self._answer()
        except BaseException as error:
            self._leave()
            if isinstance(error, CallError):
                error.target = vendor.model.target
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        vendor = self.vendor
        vendor.in_flight -= 1
        engine = vendor.engine
        if engine is not None:
            if self.is_decoding:
                engine.end_decode()
            if self.has_slot:
                engine.release()

    async def _answer(self) -> Reply:
        vendor, call = self.vendor, self.call
        model, provider = vendor.model, vendor.provider
        start = now()
        index = int(call.id)
        size = vendor.sizes[index]
        number = _attempt_number(call, model.target)
        first, pace, chance, where = vendor.draws.of(index, number)
        expected = (model.first.median + model.prefill * size.prompt + model.lean * (vendor.in_flight - 1)) * first
        pace *= model.pace.median
        if provider.is_down:
            await reach(start + REFUSAL_DELAY_SHARE * expected, head_bound(call))
            raise OUTAGE.error(model.target, "")
        fault = (vendor.fault_mix if vendor.failure_bursts is None else vendor.failure_bursts.of(start)).of(chance)
        if fault is not None:
            expected, pace = await _apply_fault(fault, call, expected, pace, start, model.target)
        output = size.output if call.max_output is None else min(size.output, call.max_output)
        if model.answers is not None:
            output = max(1, min(output, round(model.answers.median * vendor.draws.answer(index))))
        try:
            provider.admit(size.prompt + output, start)
        except Throttled:
            await reach(start + REFUSAL_DELAY_SHARE * expected, head_bound(call))
            raise
        if number or len(call.trail.attempts) > 1:  # it may be told to go on where another attempt stopped
            output = max(1, output - call.body.count(TOKEN.encode()))
        telling = _Answer(self, model.target, size.prompt, output, pace, fault if fault in BREAKS else None, where)
        if not model.classes.is_plain:
            telling.chances = vendor.draws.classes(index, number)
            if model.cached_prefill:
                expected *= 1.0 - model.cached_prefill * telling.usage.cached_input / max(1, size.prompt)
        limit = head_bound(call)
        if vendor.engine is None:
            if not call.streamed:
                await reach(start + expected + pace * telling.left, limit, target=model.target)
                return await telling.whole(limit)
            await reach(start + expected, limit, target=model.target)
        else:
            await self._serve(vendor.engine, size.prompt, expected, limit)
            if not call.streamed:
                if await telling.write(pace * telling.left, limit) < 1:
                    raise Expired(phase=limit.phase, target=model.target)
                return await telling.whole(limit)
        if call.attempt is not None:
            call.attempt.head_at = now()
        return _Stream(call, telling)

    async def _serve(self, engine: ProcessorSharing, prompt: int, expected: float, limit: Bound) -> None:
        """Waits for a slot, and until the prompt is read."""
        waiting = engine.acquire()
        if waiting is not None:
            try:
                await hear(waiting, limit, target=self.vendor.model.target)
            except BaseException:
                engine.cancel_wait(waiting)
                raise
        self.has_slot = True
        stall = self.vendor.model.stall
        read_at = engine.prefill(stall * prompt) if stall else now()
        await reach(read_at + expected, limit, target=self.vendor.model.target)
        self.is_decoding = True
        engine.begin_decode()


def _attempt_number(call: Call, target: str) -> int:
    """Which attempt at this target it is, from 0."""
    attempts = call.trail.attempts
    if len(attempts) < 2:
        return 0
    return sum([attempt.target == target for attempt in attempts]) - 1


async def _apply_fault(
    fault: Fault, call: Call, first: float, pace: float, start: float, target: str
) -> tuple[float, float]:
    """Raises the error of a fault, or returns the slower first token and pace that it causes."""
    if fault == "refused":
        raise Unreachable("The connection was refused.")
    if fault == "connect_silence":
        await reach(start + SILENCE_TIMEOUT, connect_bound(call))
        raise Unreachable("Nobody answered the connection.")
    limit = head_bound(call)
    if (refusal := REFUSALS.get(fault)) is not None:
        await reach(start + REFUSAL_DELAY_SHARE * first, limit)
        raise refusal.error(target, "")
    if fault in INVALID_ANSWERS:
        await reach(start + first, limit)
        raise invalid_answer(fault, target)
    if fault == "reset":
        await reach(start + first / 2, limit)
        raise Failed("The connection was reset before the answer began.")
    if fault == "silence":
        await reach(start + SILENCE_TIMEOUT, limit)
        raise Failed("The vendor said nothing, and hung up.")
    if fault == "slow_first_token":
        return first + SLOW_FIRST_TOKEN_DELAY, pace
    return first, SLOW_DRIP_INTERVAL if fault == "slow_drip" else pace


class _Answer:
    """An answer of a given number of tokens: written whole, or until it breaks."""

    __slots__ = ("broken", "chances", "envelope", "left", "output", "pace", "prompt", "target", "visit")

    def __init__(
        self, visit: _Attempt, target: str, prompt: int, output: int, pace: float, broken: Fault | None, where: float
    ) -> None:
        self.visit = visit
        self.target = target
        self.envelope = Envelope(visit.call.id, visit.call.alias, 0)
        self.prompt = prompt
        self.output = max(1, output)
        self.pace = pace
        self.broken: Fault | None = broken
        self.chances: tuple[float, float] | None = None
        """Draws of its classes of tokens; None where all are plain."""
        self.left = self.output - 1
        """Tokens after the first, up to where it breaks."""
        if broken == "reset_after_head":
            self.left = 0
        elif broken is not None and broken != "missing_end":
            self.left = int(where * self.left)

    async def write(self, seconds: float, limit: Bound) -> float:
        """Waits until work is done that takes `seconds` without load, or until the bound; the part of it that is done by then."""
        if not seconds:
            return 1.0
        engine = self.visit.vendor.engine
        if engine is None:
            start = now()
            await reach(min(start + seconds, limit.at), limit)
            return 1.0 if start + seconds <= limit.at else max(0.0, limit.at - start) / seconds
        before = engine.work_done()
        try:
            await hear(engine.decode(seconds), limit)
        except Expired:
            return min(1.0, (engine.work_done() - before) / seconds)
        return 1.0

    async def fail(self, limit: Bound, *, is_headed: bool) -> None:
        if self.broken == "stall":
            await reach(now() + SILENCE_TIMEOUT, limit, target=self.target)
        kind: type[CallError] = Cut if is_headed else Garbled if self.broken == "garbled_event" else Failed
        raise kind("The answer broke before its end.", target=self.target)

    @property
    def usage(self) -> Usage:
        if self.chances is None:
            return Usage(input=self.prompt, output=self.output)
        return self.visit.vendor.model.classes.usage(self.prompt, self.output, self.chances)

    async def whole(self, limit: Bound) -> Reply:
        """The answer as one body. Its tokens are written by now."""
        if self.broken is not None:
            await self.fail(limit, is_headed=False)
        text = TOKEN * self.output
        usage = self.usage
        data = self.envelope.whole([Choice(text=text, finish="stop")], usage)
        call = self.visit.call
        if call.attempt is not None:
            call.attempt.head_at = now()
            call.attempt.usage = usage
        return CompleteReply([Chunk(data=data, has_content=True, text=text, finish="stop", usage=usage, last=True)])


class _Stream(Reply):
    """A streamed answer in two reads: the first token, then the rest and the end. One that breaks, or that is not written by its bound,
    has the tokens in the second read that were written by then, and the error in the third."""

    __slots__ = ("_call", "_ended_by", "_step", "_telling")

    def __init__(self, call: Call, telling: _Answer) -> None:
        super().__init__(streamed=True)
        self._call = call
        self._telling = telling
        self._step = 0
        self._ended_by: Bound | None = None
        """The bound at which writing ended before its end."""

    async def read(self) -> list[Chunk]:
        telling = self._telling
        self._step += 1
        if self._step == 1:
            return [Chunk(data=telling.envelope.text(TOKEN), has_content=True, text=TOKEN)]
        if self._step > 2:
            await self._break()
            return []
        at = now()
        limit = gap_bound(self._call, at)
        if telling.pace <= limit.at - at:
            # Many tokens are not one gap: only a single token that comes too late breaks the bound.
            limit = Bound(self._call.deadline_at, "total")
        done = await telling.write(telling.pace * telling.left, limit) if telling.left else 1.0
        if done < 1:
            self._ended_by = limit
        if telling.broken is not None or done < 1:
            # What was written before costs, and an attempt that goes on begins behind it.
            if written := int(done * telling.left):
                text = TOKEN * written
                return [Chunk(data=telling.envelope.text(text), has_content=True, text=text)]
            await self._break()
        text = TOKEN * telling.left
        usage = telling.usage
        self.usage = usage
        self.finish = "stop"
        if self._call.attempt is not None:
            self._call.attempt.usage = usage
        envelope = telling.envelope
        finish = Chunk(data=envelope.finish("stop"), has_content=True, finish="stop")
        ending = envelope.ending(usage, asked=self._call.include_usage)
        if not text:
            return [finish, ending]
        return [Chunk(data=envelope.text(text), has_content=True, text=text), finish, ending]

    async def _break(self) -> None:
        """Raises what ends an answer that is not whole."""
        if self._ended_by is not None:
            raise Expired(phase=self._ended_by.phase, target=self._telling.target)
        if self._telling.broken is not None:
            await self._telling.fail(gap_bound(self._call, now()), is_headed=True)
