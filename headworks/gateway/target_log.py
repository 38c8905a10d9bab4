"""Logs changes of targets and of connections to vendors: one line a change, not one a call.

Always true: an outage is a handful of lines however long it lasts and however many calls fail in it; of a target that comes
and goes the log says how often (`core/throttled_log`). Nothing of a call is in a line but why it failed, as its record says it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from headworks.core.clock import now
from headworks.core.throttled_log import Field, LogEvent, ThrottledLog
from headworks.http.client import Client
from headworks.http.unsolicited import ONCE, Unsolicited
from headworks.policy.circuit import Change, Circuit
from headworks.providers.remote import Remote
from headworks.providers.reported import What
from headworks.system.syntax.scalars import shown
from headworks.telemetry.metrics import Metrics

log = logging.getLogger("headworks.targets")

ASIDE: Final[Mapping[str, int]] = MappingProxyType({"set_aside": logging.ERROR, "rests": logging.WARNING})
"""Kinds of change after which a target is back once a time has passed, and nothing else tells of it; and how bad they are."""


LONGEST_ASIDE: Final = 3600.0
"""Seconds after which it is looked whether a target is back, at the latest."""


class TargetLog:
    """Observes circuits and logs their changes."""

    def __init__(self) -> None:
        self._failures = ThrottledLog(log, most=1)
        self._circuits = ThrottledLog(log)
        self._asides = ThrottledLog(log)
        self._connections = ThrottledLog(log)
        self._models = ThrottledLog(log)
        self._outages: dict[str, Outage] = {}
        self._aside: dict[str, asyncio.TimerHandle] = {}

    def watch(self, circuits: Mapping[str, Circuit]) -> None:
        """Observes these circuits. One that is observed already (from before a reload) is left as it is."""
        for target, circuit in circuits.items():
            if circuit.observer is None:
                self._outages.pop(target, None)
                circuit.observer = partial(self.tell, target, circuit)

    def watch_connections(self, clients: Mapping[str, Client]) -> None:
        """Observes the connections of each provider for unsolicited responses."""
        for provider, client in clients.items():
            client.unsolicited.observer = partial(self.tell_once, provider, client.unsolicited)

    def tell_once(self, provider: str, unsolicited: Unsolicited) -> None:
        """Logs that a provider sent unsolicited responses."""
        text = f"it sent answers that nobody asked for: each of its connections is used once, for {ONCE:.0f} s"
        told: dict[str, Field] = {"for": ONCE, "count": unsolicited.count}
        self._connections.write(LogEvent(logging.WARNING, "unsolicited_answers", provider, text, told))

    def watch_models(self, remotes: Mapping[str, Remote], metrics: Metrics) -> None:
        """Observes what each target's vendor calls the model that answers."""
        for target, remote in remotes.items():
            remote.reported.observer = partial(self.tell_model, target, metrics)

    def tell_model(self, target: str, metrics: Metrics, field: What, before: str, after: str) -> None:
        """Counts and logs that a vendor's answers name another model, or another build of it."""
        metrics.model_changes[target, field] += 1
        text = f"`{field}` in its vendor's answers is now {shown(after)}, and was {shown(before)}"
        told: dict[str, Field] = {"field": field, "before": before, "after": after}
        self._models.write(LogEvent(logging.WARNING, "vendor_model_changed", target, text, told))

    def tell(self, target: str, circuit: Circuit, change: Change) -> None:
        """Writes one change."""
        wait = max(0.0, change.until - change.at)
        why: dict[str, Field] = {"reason": circuit.reason}
        if change.kind == "failing":
            self._failures.write(LogEvent(logging.WARNING, "target_failing", target, circuit.reason, why))
        elif change.kind in ASIDE:
            self._set_aside(target, circuit, change)
        elif change.kind == "opened":
            outage = self._outages.setdefault(target, Outage(change.at))
            outage.openings += 1
            if outage.openings <= 2:  # the second says what became of the first probe; from then on it is still open
                said = "is not asked" if outage.openings == 1 else "its probe failed, too: it is not asked"
                text = f"{said} for {wait:.1f} s: {circuit.reason}"
                self._circuits.write(
                    LogEvent(logging.ERROR, "circuit_opened", target, text, {"for": round(wait, 3), **why})
                )
        elif change.kind == "half_open":
            if self._outages.setdefault(target, Outage(change.at)).openings <= 1:
                self._circuits.write(
                    LogEvent(logging.INFO, "circuit_half_open", target, "one call asks whether it is back")
                )
        else:
            outage = self._outages.pop(target, Outage(change.at))
            lasted = change.at - outage.began
            text = f"it is asked again, after {lasted:.0f} s and {outage.openings} probe{'s' * (outage.openings != 1)}"
            told: dict[str, Field] = {"after": round(lasted, 3), "probes": outage.openings}
            self._circuits.write(LogEvent(logging.INFO, "circuit_closed", target, text, told))

    def close(self) -> None:
        """Writes pending log lines."""
        for timer in self._aside.values():
            timer.cancel()
        for notices in (self._failures, self._circuits, self._asides, self._connections, self._models):
            notices.close()

    def _set_aside(self, target: str, circuit: Circuit, change: Change) -> None:
        known = self._aside.get(target)
        if known is not None:
            known.cancel()
        else:
            wait = max(0.0, change.until - change.at)
            text = f"is not asked for {wait:.1f} s: {circuit.reason}"
            fields: dict[str, Field] = {"for": round(wait, 3), "reason": circuit.reason}
            level = ASIDE[change.kind]
            self._asides.write(LogEvent(level, "target_set_aside", target, text, fields))
        until = min(change.until, change.at + LONGEST_ASIDE)  # while a probe is out, nobody knows until when
        self._aside[target] = asyncio.get_running_loop().call_at(until, self._back, target, circuit)

    def _back(self, target: str, circuit: Circuit) -> None:
        del self._aside[target]
        if circuit.state == "closed" and circuit.allows(now()):  # else its circuit says when it is asked again
            self._asides.write(LogEvent(logging.INFO, "target_back", target, "it is asked again"))


class Outage:
    """One time in which a target's circuit is not closed. openings: probes that failed, and the first opening."""

    __slots__ = ("began", "openings")

    def __init__(self, began: float) -> None:
        self.began = began
        self.openings = 0
