"""The state in a Valkey or Redis that several processes share. `scripts.py` decides, on the server.

Theory. A claim is kept by the server under its process (its *owner*) until it is settled, so that whoever notices the
death of a process gives its places back and counts what it had reserved as spent. A process says every `HEARTBEAT` seconds that
it lives. One that is silent for `LEASE` seconds counts as dead. What was spent is only as good as the server's memory, so
a server that has lost it (its epoch is gone) is asked for no money until `restore` has said what the records sum to; who
does that is told by `on_lost`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from hashlib import sha1
from secrets import token_hex
from typing import Final

from redis.exceptions import NoScriptError, ResponseError

from headworks.core.clock import wall
from headworks.core.errors import StateAway
from headworks.core.state import Bounds, Budget, Claim, Granted, Refusal, Spent, Subject, Window
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.policy.spend import LENGTHS, window_ends_in, window_start
from headworks.policy.subjects import MOST, named, own_account, shared_account
from headworks.state import scripts
from headworks.state.connection import Answer, Argument, MultiplexedConnection, encode_command, unavailable, wait_for

HEARTBEAT: Final = 1.0
LEASE: Final = 10.0
EPOCH: Final = 1767225600
"""2026 in seconds since 1970: the scripts count microseconds from there."""

KEPT: Final = 2 * 86400
"""Seconds that a window's money is kept after its end, for calls that are still running."""

AT_ONCE: Final = 1000
"""Budgets that are restored by one script: a few milliseconds, for which the server does nothing else."""

MOST_BOUNDS: Final = 20_000
"""Sets of limits whose encoded arguments are cached: 1 kB to 3 kB each. Every key has one, and every user or session with limits."""

SHAS: Final = {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in scripts.ALL}
LOADING: Final = [encode_command("SCRIPT", "LOAD", script) for script in scripts.ALL]

log = logging.getLogger("headworks.state")


class Valkey:
    """The counters that all processes with the same server and prefix share.

    owner: stands for this process, anew at each start. is_member: it takes, and so is one of those that share. living: processes that share, as far as is known.
    waits: seconds for which a claim that waits for room holds up others without asking again.
    on_lost: is called again and again while no money can be spent by it: somebody should `restore`.
    """

    is_local = False

    def __init__(
        self, url: str, prefix: str, owner: str, *, is_member: bool = True, waits: float = scripts.WAITS
    ) -> None:
        self.connection = MultiplexedConnection(url, self._handshake)
        self.waits = waits
        self.owner = owner
        self.is_member = is_member
        self.living = 1
        self._restored = asyncio.Event()
        self.on_lost: Callable[[], None] | None = None
        self._prefix = f"{{{prefix}}}"  # in braces, so that a cluster would keep it together
        self._epoch = ""
        self._unique = token_hex(6)
        self._bounds: dict[int, tuple[Bounds, list[Argument], list[Argument]]] = {}
        self._heartbeats: asyncio.Task[None] | None = None
        self._events = ThrottledLog(log)

    @property
    def is_restored(self) -> bool:
        """Whether money can be spent by it."""
        return self._restored.is_set()

    async def restored(self, within: float) -> bool:
        """Waits until money can be spent by it, so many seconds at most."""
        return await wait_for(self._restored, within)

    @property
    def is_connected(self) -> bool:
        """Whether it can be asked."""
        return self.connection.is_connected

    @property
    def trouble(self) -> str:
        """Why it cannot be asked, or cannot be asked for money; "" while all is well."""
        if self.connection.trouble:
            return self.connection.trouble
        return "" if self.is_restored else "what was spent is not restored yet"

    def start(self) -> None:
        """Starts to connect and to send heartbeats."""
        self.connection.start()
        if self._heartbeats is None and self.is_member:
            self._heartbeats = asyncio.create_task(self._heartbeat(), name="state beat")

    async def stop(self, within: float = 2.0) -> None:
        """Waits until all settlements are delivered, `within` seconds at most, and closes."""
        await self.connection.drained(within)
        beating, self._heartbeats = self._heartbeats, None
        if beating is not None:
            beating.cancel()
            await asyncio.wait([beating])
        if self.connection.is_connected and self.is_member:
            try:
                await self._run(scripts.END, self.owner)
            except (StateAway, ResponseError):
                pass  # the lease ends it
        await self.connection.stop()
        self._events.close()

    def take_now(self, claim: Claim) -> Granted | Refusal:
        raise TypeError("a shared state is waited for")

    async def take(self, claim: Claim) -> Granted | Refusal:
        if not self.connection.is_connected:
            raise unavailable()
        bounds = claim.bounds
        fixed, _ = self._arguments(bounds)
        waited = -1 if claim.waited is None else round(claim.waited * 1e6)
        words: list[Argument] = [
            self.owner,
            self._id(claim),
            claim.tokens,
            self._epoch,
            waited,
            round(self.waits * 1e6),
        ]
        words += [*fixed, len(bounds.budgets)]
        for budget, amount in zip(bounds.budgets, claim.amounts, strict=True):
            passes = -1 if budget.window == "total" else int(window_ends_in(budget.window, claim.at) * 1e6)
            start = window_start(budget.window, claim.at)
            gone = expires_at(budget.window, start)
            if budget.forget and budget.window == "total":
                gone = -(int(claim.at) + budget.forget + KEPT)  # below zero: each claim puts it off
            words += (f"{budget.name}:{start}", budget.limit, amount, passes, gone)
        try:
            answer = await self._run(scripts.TAKE, *words)
        except (asyncio.CancelledError, StateAway):
            self._give_up(claim)  # it may have been taken, or be on its way
            raise
        verdict = answer[0]
        if verdict == 1:
            _, at, left, resets, spent = answer
            return Granted(
                at / 1e6 + EPOCH, tuple(left), tuple([one / 1e6 for one in resets]), tuple([int(one) for one in spent])
            )
        if verdict == 0:
            _, kind, index, wait, left, resets = answer
            bound = (bounds.rates, bounds.places, bounds.budgets)[kind - 1][index - 1]
            waiting = None if wait == -1 else float("inf") if wait == -2 else wait / 1e6
            return Refusal(bound, waiting, tuple(left), tuple([one / 1e6 for one in resets]))
        if verdict == -2:
            self._lose()
        raise unavailable()

    def admit_now(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        raise TypeError("a shared state is waited for")

    async def admit(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        asked = [one for one in subjects if one.name]
        is_own: Answer = []
        if asked:
            words: list[Argument] = [MOST, KEPT, len(asked)]
            for one in asked:
                words += (one.owner, one.name, round(one.lasts * 1e6))
            is_own = await self._run(scripts.ADMIT, *words)
        told = dict(zip(asked, is_own, strict=True))
        return tuple([own_account(one) if told.get(one, 1) else shared_account(one) for one in subjects])

    async def reserve(self, claim: Claim, amounts: tuple[int, ...]) -> Budget | None:
        words: list[Argument] = [self.owner, self._id(claim), len(amounts)]
        for budget, amount in zip(claim.bounds.budgets, amounts, strict=True):
            words += (budget.limit, amount)
        refused = await self._run(scripts.RESERVE, *words)
        return claim.bounds.budgets[refused - 1] if refused else None

    def settle(
        self, claim: Claim, granted: Granted, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        _, rates = self._arguments(claim.bounds)
        used = -1 if tokens is None else tokens
        paid: Sequence[Argument] = ["-"] * len(claim.bounds.budgets) if costs is None else costs
        taken_at = round((granted.at - EPOCH) * 1e6)
        self._post(
            scripts.SETTLE, self.owner, self._id(claim), taken_at, claim.tokens, used, 0, *rates, len(paid), *paid
        )

    async def restore(self, spent: list[Spent]) -> None:
        subjects = [one.subject for one in spent if one.subject is not None]
        accounts: dict[Subject, str] = {}
        for start in range(0, len(subjects), AT_ONCE):
            batch = subjects[start : start + AT_ONCE]
            accounts.update(zip(batch, await self.admit(batch), strict=True))
        epoch: Answer = b""
        whole = named(spent, accounts)
        for start in range(0, max(1, len(whole)), AT_ONCE):
            part = whole[start : start + AT_ONCE]
            is_last = start + AT_ONCE >= len(whole)  # with it goes the epoch: before that nothing may be spent
            words: list[Argument] = [self._unique if is_last else "", len(part)]
            for one in part:
                words += (f"{one.name}:{one.start}", one.amount, forgotten_at(one))
            epoch = await self._run(scripts.RESTORE, *words)
        self._epoch = epoch.decode()
        self._restored.set()

    async def release_owner(self, owner: str) -> None:
        count = await self._run(scripts.END, owner)
        if count:
            log.warning("%d calls of the dead process %s are settled at their reserved cost", count, owner)

    def count(self, id: str, spent: Sequence[Spent]) -> None:
        """Adds what was spent while the state was away, once for an id."""
        words: list[Argument] = [id, len(spent)]
        for one in spent:
            words += (f"{one.name}:{one.start}", one.amount, forgotten_at(one))
        self._post(scripts.COUNT, *words)

    def _give_up(self, claim: Claim) -> None:
        _, rates = self._arguments(claim.bounds)
        costs = [0] * len(claim.bounds.budgets)
        # Nothing was used; when it was taken is not known, so nothing is given back of the rates.
        self._post(scripts.SETTLE, self.owner, self._id(claim), 0, claim.tokens, -1, 1, *rates, len(costs), *costs)

    def _id(self, claim: Claim) -> str:
        return f"{self._unique}/{claim.id}"

    def _arguments(self, bounds: Bounds) -> tuple[list[Argument], list[Argument]]:
        """The script arguments of some limits, for taking and for settling: the same for all their claims."""
        known = self._bounds.get(id(bounds))
        if known is None or known[0] is not bounds:
            taking: list[Argument] = [len(bounds.rates)]
            for rate in bounds.rates:
                taking += (rate.name, rate.size, int(rate.unit == "tokens"), round(rate.period * 1e6))
            taking.append(len(bounds.places))
            for places in bounds.places:
                taking += (places.name, places.limit)
            tokens = [rate for rate in bounds.rates if rate.unit == "tokens"]
            settling: list[Argument] = [len(tokens)]
            for rate in tokens:
                settling += (rate.name, rate.size, round(rate.period * 1e6))
            if len(self._bounds) > MOST_BOUNDS:
                self._bounds.clear()
            known = self._bounds[id(bounds)] = (bounds, taking, settling)
        return known[1], known[2]

    async def _run(self, script: str, *words: Argument) -> Answer:
        try:
            return await self.connection.execute("EVALSHA", SHAS[script], 0, self._prefix, *words)
        except ResponseError as error:
            if not isinstance(error, NoScriptError):
                raise
        return await self.connection.execute("EVAL", script, 0, self._prefix, *words)

    def _post(self, script: str, *words: Argument) -> None:
        def then(answer: Answer) -> None:
            if isinstance(answer, ResponseError):
                if isinstance(answer, NoScriptError):
                    self.connection.enqueue("EVAL", script, 0, self._prefix, *words)
                else:
                    text = f"it refused an update: {answer}"
                    self._events.write(LogEvent(logging.ERROR, "state_refuses", "the state", text))

        self.connection.enqueue("EVALSHA", SHAS[script], 0, self._prefix, *words, then=then)

    async def _handshake(self, connection: MultiplexedConnection) -> None:
        """The handshake of a new connection: loads the scripts, and asks whether the server still knows what was spent."""
        loaded = [connection.submit(encoded) for encoded in LOADING]
        for one in loaded:
            await one
        if self.is_member:
            await self._heard_heartbeat(await connection.submit(self._encoded_heartbeat()))

    def _encoded_heartbeat(self) -> bytes:
        return encode_command("EVAL", scripts.HEARTBEAT, 0, self._prefix, self.owner, round(LEASE * 1000))

    async def _heard_heartbeat(self, answer: Answer) -> None:
        epoch, self.living, dead = answer
        if epoch.decode() != self._epoch or not self._epoch:
            self._lose()
        for owner in dead:
            await self.connection.submit(encode_command("EVAL", scripts.END, 0, self._prefix, owner))
            log.warning(
                "the process %s sent no heartbeat for %.0f s: its concurrency slots are released", owner.decode(), LEASE
            )

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            if self.connection.is_connected:
                try:
                    await self._heard_heartbeat(await self.connection.submit(self._encoded_heartbeat()))
                except (StateAway, ResponseError):
                    pass  # the line says it

    def _lose(self) -> None:
        self._restored.clear()
        if self.on_lost is not None:
            self.on_lost()


def forgotten_at(spent: Spent) -> int:
    """When what was spent may be forgotten, in seconds since 1970; 0 is never."""
    if spent.forget and spent.window == "total":
        return int(wall()) + spent.forget + KEPT
    return expires_at(spent.window, spent.start)


def expires_at(window: Window, start: int) -> int:
    """When a window's money may be forgotten, in seconds since 1970; 0 is never."""
    return 0 if window == "total" else start + LENGTHS[window] + KEPT
