"""Polls the ledger's store in a thread: keeps the keyring, the spending and the purged users of a gateway up to date.

Always true: only this thread waits for the store. A change there takes effect within `POLL` seconds and one query. Spending is
restored before a budget is used, so a gateway that was killed continues exactly where the records end. Until that is possible,
calls under a budget are refused and others are served. Nothing is read from a store that is not the known one
(`ledger/identity.py`): a removed or replaced file undoes no revocation and forgets no spending.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from headworks.core.errors import ConfigError, Problem, StateAway
from headworks.core.key import Allowance, Change
from headworks.core.state import Spent
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.gateway.assemble import Shared
from headworks.gateway.lock import GatewayLock
from headworks.gateway.subject_sums import Named, parts_in, subject_sums
from headworks.layers.auth import Keyring
from headworks.layers.bounds import Part
from headworks.ledger.identity import Identity, departure, identity, note, noted
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import AT_ONCE, Keys
from headworks.ledger.store import Store, StoreAt, StoreTrouble
from headworks.policy.spend import window_start

POLL = 0.3
"""The polling interval in seconds: a revoked key is refused within one second, also on a slow disk."""

SILENT = 5.0
"""Seconds without an answer after which a store counts as away."""

START_TIMEOUT = 10.0
"""Seconds that a start waits for the keys and the money. A large journal may take longer: then the gateway serves meanwhile."""

log = logging.getLogger("headworks.access")


class Replaced(StoreTrouble):
    """The store works, but is not the known one."""


class Access:
    """Keeps the keyring, the budgets of a state and the tombstones as the store says."""

    def __init__(self, at: StoreAt, journal: Path, ring: Keyring, shared: Shared) -> None:
        self.at = at
        self.journal = journal
        self.ring = ring
        self.state = shared.state
        self.budget_status = shared.budget_status
        self.tombstones = shared.tombstones
        # From the beginning: the port is open before the store was read, and nobody may take what is not known for nothing.
        self.budget_status.is_known = self.ring.is_read = self.tombstones.is_known = False
        self.ring.is_away = self.is_away
        self.trouble = ""
        self.poll = POLL
        self.lock: GatewayLock | None = None
        """The lock of this gateway; None where another process holds it, or nothing is counted here."""
        self._is_contested = False
        self._is_summed = False
        self.replaced = ""
        """Why the store is not the one that was known; "" where it is, or is away."""
        self._known: Identity | None = None
        self._noted: Identity | None = None
        self._is_unnoted = False
        self._is_replaced = False
        self._events = ThrottledLog(log)
        self._seen_at = time.monotonic()
        self._budgets: set[Named] = set()
        self._parts: dict[Named, Part] = {}
        self._members: Mapping[str, Sequence[str]] = {}
        self._since = 0
        self._is_lost = False
        self._restoring: asyncio.Task[None] | None = None
        self._stopping = threading.Event()
        self._first = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Starts the thread, and waits a while for what it finds first. Raises ConfigError where that is another store than
        before, or one that another gateway has."""
        self._loop = asyncio.get_running_loop()
        self._seen_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="access", daemon=True)
        self._thread.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                await self._first.wait()
        if self.replaced:
            raise ConfigError([replaced(self.at, self.replaced)])
        if self.lock is not None and self.lock.other:
            raise ConfigError([self.lock.problem()])

    async def prepare(
        self, allowances: Sequence[tuple[str, Allowance]], members: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Restores the money of budgets that a new system file has, before it is served. members: the keys of its groups. Raises
        ConfigError."""
        self._members = members or {}
        self._parts.update(parts_in(allowances))
        fresh = [one for one in budgets_in(allowances) if one not in self._budgets]
        if not fresh or not self.budget_status.is_known:
            return
        try:
            found = await asyncio.get_running_loop().run_in_executor(None, self._sums_now, fresh)
        except StoreTrouble as trouble:
            problem = f"what was spent of {fresh[0][0]} so far is not known: {trouble}"
            raise ConfigError(
                [Problem(path="keys", problem=problem, remedy="mend the store, then reload")]
            ) from trouble
        if self.state.is_local:
            self._restored(found)
        else:
            await self._restore_shared(found)
        self._budgets.update(fresh)

    def lose(self) -> None:
        """Requests that all spending is restored: the shared state does not know it, or has lost it."""
        self._is_lost = True

    async def stop(self) -> None:
        """Ends the thread; one that waits for a silent store ends with the process."""
        self._stopping.set()
        if self._restoring is not None:
            self._restoring.cancel()
            await asyncio.wait([self._restoring])
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 1.0)
        self._events.close()

    def is_away(self) -> bool:
        """Whether the store cannot be read now."""
        return bool(self.trouble) or time.monotonic() - self._seen_at > SILENT

    def troubles(self) -> list[str]:
        """Problems for the operator, in words."""
        other = self.lock.other if self.lock is not None else ""
        found = [f"keys: {other}; limits count twice, and calls under a budget are refused"] if other else []
        return [*found, *self._away()]

    def _away(self) -> list[str]:
        if not self.is_away():
            return []
        said = self.trouble or f"the store {self.at} says nothing"
        money = (
            "" if self.budget_status.is_known else "; calls under a budget are refused until what was spent is known"
        )
        return [f"keys: {said}; keys that are known are served, others are told to wait{money}"]

    def _run(self) -> None:
        store: Store | None = None
        while not self._stopping.is_set():
            try:
                if store is None or not store.is_there:
                    store = self.at.open()
                    self._since = 0
                found = self._recognised(store)
                self._check_contested()
                self._look(store)
                self._note(store, found)
                self._said("")
            except Replaced as trouble:
                self._close(store)
                store = None
                self._said(str(trouble), is_replaced=True)
            except StoreTrouble as trouble:
                self._close(store)
                store = None
                self._said(str(trouble))
            except Exception as error:  # noqa: BLE001  a long-lived loop: a bug of ours must not end the watch
                self._close(store)
                store = None
                self._said(f"the keys could not be read: {type(error).__name__}: {error}")
            self._on_loop(self._first.set)
            self._stopping.wait(self.poll)
        self._close(store)

    def _recognised(self, store: Store) -> Identity:
        """Which store it is, where it is the one that was known. Raises Replaced."""
        if self._known is None:
            self._known = self._noted = noted(self.journal)
        found = identity(store)
        self.replaced = departure(found, self._known)
        if self.replaced:
            raise Replaced(f"the store {self.at} is not the one that was known: {self.replaced}")
        self._known = found
        return found

    def _note(self, store: Store, found: Identity) -> None:
        """Has the journal's folder know how far the store has come. Where it cannot be noted now, the next look does it."""
        if found == self._noted:
            return
        try:
            self._noted = note(self.journal, store)
            self._is_unnoted = False
        except StoreTrouble as trouble:
            if not self._is_unnoted:
                log.warning("the position of the store cannot be saved: %s", trouble)
            self._is_unnoted = True

    def _check_contested(self) -> None:
        """While another gateway uses this store no budget is spent here. Afterwards all spending is summed again."""
        is_contested = self.lock is not None and bool(self.lock.other)
        if is_contested != self._is_contested:
            self._is_contested = is_contested
            self._is_summed = False
            self._on_loop(self.budget_status.close)
            self._budgets.clear()
            self._since = 0

    def _look(self, store: Store) -> None:
        keys = Keys(store)
        unknown: list[Named] = []
        while True:
            changes, since = keys.changes(self._since)
            self._seen_at = time.monotonic()
            self._parts.update(parts_in(allowances_of(changes)))
            if self._is_summed:
                self._restore(store, budgets_of(changes))
            else:  # nobody spends yet: all at once, at the end
                unknown += budgets_of(changes)
            if changes:
                if self.lock is not None and any(bounds(one) for one in changes):
                    self.lock.acquire_later()
                    self._check_contested()
                self._on_loop(self._change, changes)
                if len(changes) == AT_ONCE:  # a million keys take their turn with the calls
                    self._applied()
            self._since = since
            if not changes:
                break
        if not self._is_summed:
            if not self._is_contested:
                self._parts.update(parts_in(self.ring.allowances))
                if self._parts:
                    self._applied()  # which keys are in a group is known then
                self._restore(store, [*unknown, *budgets_in(self.ring.allowances)])
                self._is_summed = True
            self._on_loop(self._open, self._is_summed)

    def _restore(self, store: Store, budgets: Sequence[Named]) -> None:
        """Restores the spending of budgets that the state does not know yet, before they are used."""
        fresh = [one for one in budgets if one not in self._budgets]
        self._budgets.update(fresh)
        if self._is_lost:
            self._is_lost = False
            fresh = list(self._budgets)
        elif not fresh:
            return
        self._on_loop(self._restored, self._sums(store, fresh))

    def _sums(self, store: Store, budgets: Sequence[Named]) -> list[Spent]:
        """The spending of these budgets, from the store, after the whole journal is indexed."""
        indexer = Indexer(self.journal, self.at)
        try:
            indexer.catch_up()
        finally:
            indexer.close()
        at = time.time()
        found: list[Spent] = []
        for window in dict.fromkeys(window for _, window in budgets):
            start = window_start(window, at)
            sums = store.spent(start)
            found += [Spent(name, window, start, sums[name]) for name, one in budgets if one == window and name in sums]
        parts = {one: self._parts[one] for one in budgets if one in self._parts}
        return [*found, *subject_sums(store, parts, self._keys_of, at)]

    def _keys_of(self, group: str) -> list[str]:
        """The names of a group's keys."""
        return list(dict.fromkeys([*self._members.get(group, ()), *self.ring.members(group)]))

    def _sums_now(self, budgets: Sequence[Named]) -> list[Spent]:
        store = self.at.open()
        try:
            if why := departure(identity(store), self._known):
                raise Replaced(f"the store {self.at} is not the one that was known: {why}")
            return self._sums(store, budgets)
        finally:
            store.close()

    def _change(self, changes: Sequence[Change]) -> None:
        """Applies changes of the store."""
        for one in changes:
            if one.kind == "purged":
                self.tombstones.add(one.name, one.purged_at)
        self.ring.change([one for one in changes if one.kind != "purged"])

    def _open(self, is_all_known: bool) -> None:
        """Marks the store as read completely. is_all_known: all spending is known too."""
        self.ring.is_read = self.tombstones.is_known = True
        if is_all_known:
            self.budget_status.open()

    def _applied(self) -> None:
        """Waits until the loop has applied everything so far."""
        done = threading.Event()
        self._on_loop(done.set)
        done.wait(SILENT)

    def _restored(self, found: list[Spent]) -> None:
        if not self.state.is_local:
            self._restoring = asyncio.create_task(self._restore_shared(found), name="restore")
            return
        # A local state answers without a wait, so its coroutine ends at its first step.
        with suppress(StopIteration):
            self.state.restore(found).send(None)

    async def _restore_shared(self, found: list[Spent]) -> None:
        with suppress(StateAway):  # it says again that it lost them, once it is back
            await self.state.restore(found)

    def _on_loop(self, what: object, *arguments: object) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(what, *arguments)  # type: ignore[arg-type]

    def _close(self, store: Store | None) -> None:
        if store is not None:
            with suppress(StoreTrouble):
                store.close()

    def _said(self, trouble: str, *, is_replaced: bool = False) -> None:
        text = f"{trouble}; keys that are known are served, others are told to wait"
        if is_replaced and not self._is_replaced:
            notice = LogEvent(logging.ERROR, "ledger_replaced", "the store of keys", text)
            self._on_loop(self._events.write, notice)
        elif trouble and not self.trouble:
            self._on_loop(self._events.write, LogEvent(logging.ERROR, "keys_away", "the store of keys", text))
        elif self.trouble and not trouble:
            self._on_loop(
                self._events.write, LogEvent(logging.INFO, "keys_back", "the store of keys", "it works again")
            )
        self.trouble = trouble
        self._is_replaced = is_replaced


def replaced(at: StoreAt, why: str) -> Problem:
    """The problem that is shown for a store that is not the known one."""
    return Problem(
        path="log.store",
        problem=f"the ledger {at} is not the one that this gateway had: {why}",
        remedy="put the right one back; or go on with this one as it is: `headworks up --new-ledger`, once (docs/ledger.md)",
    )


def bounds(change: Change) -> bool:
    """Whether a change adds a limit."""
    return bool(change.allowance or (change.key is not None and change.key.allowance))


def budgets_in(allowances: Iterable[tuple[str, Allowance]]) -> list[Named]:
    """The budgets of these keys and groups, and those of their users and sessions."""
    allowed = list(allowances)
    found = [(name, allowance.budget.every) for name, allowance in allowed if allowance.budget is not None]
    return [*found, *parts_in(allowed)]


def budgets_of(changes: Iterable[Change]) -> list[Named]:
    """The budgets of keys and groups that have changed."""
    return budgets_in(allowances_of(changes))


def allowances_of(changes: Iterable[Change]) -> list[tuple[str, Allowance]]:
    """The limits of keys and groups that have changed."""
    found = [(f"group/{one.name}", one.allowance) for one in changes if one.kind == "group"]
    found += [(f"key/{one.key.name}", one.key.allowance) for one in changes if one.key is not None]
    return found
