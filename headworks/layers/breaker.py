"""Tells a target's circuit how each attempt ended, and keeps calls from a target that keeps failing."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, CircuitOpen, Denied
from headworks.core.service import Layering, Service, scope
from headworks.layers.reason import reason
from headworks.policy.circuit import REFUSED, Circuit, outcome_of

DENIED_FOR = 60.0
"""Seconds that a target is set aside after its vendor refused *us*: a key or credit is mended by hand, in minutes."""

MOST_ASIDE = 3600.0
"""Seconds that a vendor's Retry-After may set a target aside: a vendor that asks for years has made a mistake."""


class Breaker:
    """Stands outside Limit: an open circuit costs no slot."""

    def __init__(self, inner: Service, circuit: Circuit, target: str) -> None:
        self.inner = inner
        self.circuit = circuit
        self.target = target

    @scope
    def open(self, call: Call) -> Layering:
        circuit = self.circuit
        ticket = circuit.enter(call.attempt.started_at if call.attempt is not None else now())
        if ticket == REFUSED:
            raise CircuitOpen(f"{self.target} is being left alone after failures.", target=self.target)
        left_with: BaseException | None = None
        try:
            reply = yield self.inner.open(call)
            if circuit.state != "closed":
                circuit.head(ticket, now())
            yield reply
        except BaseException as error:
            left_with = error
            raise
        finally:
            at = now()
            if circuit.observer is not None and isinstance(left_with, CallError) and left_with.blame == "vendor":
                circuit.reason = f"{type(left_with).__name__}: {reason(left_with)}"
            circuit.end(ticket, outcome_of(left_with), at)
            if isinstance(left_with, CallError) and left_with.blame == "vendor":
                if left_with.retry_after is not None:
                    circuit.set_aside(at + min(left_with.retry_after, MOST_ASIDE), at)
                elif isinstance(left_with, Denied):
                    circuit.set_aside(at + DENIED_FOR, at)
