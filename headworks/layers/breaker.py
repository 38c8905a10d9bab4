"""The circuit breaker: reports the outcome of each attempt to the target's circuit, and refuses calls while it is open."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, CircuitOpen, Denied, Throttled
from headworks.core.service import Layering, Service, scope
from headworks.layers.failure_reason import reason
from headworks.policy.circuit import REFUSED, Circuit, outcome_of

DENIED_FOR = 60.0
"""Seconds that a target is set aside after its vendor refused *us*: a key or credit is mended by hand, in minutes."""

MOST_ASIDE = 3600.0
"""Seconds that a vendor's Retry-After may set a target aside: a vendor that asks for years has made a mistake."""


class Breaker:
    """The layer over one circuit. It stands outside Limit: an open circuit costs no slot."""

    def __init__(self, inner: Service, circuit: Circuit, target: str) -> None:
        self.inner = inner
        self.circuit = circuit
        self.target = target

    @scope
    def open(self, call: Call) -> Layering:
        circuit = self.circuit
        ticket = circuit.enter(call.attempt.started_at if call.attempt is not None else now())
        if ticket == REFUSED:
            raise CircuitOpen(f"{self.target} is not asked: its circuit is open after failures.", target=self.target)
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
            if (
                isinstance(left_with, CallError)
                and left_with.blame == "vendor"
                and not self.is_confirmed(left_with, call)
            ):
                circuit.end(ticket, "ignored", at)  # what follows from one call's body marks nothing for others
            else:
                circuit.end(ticket, outcome_of(left_with), at)
                if isinstance(left_with, CallError) and left_with.blame == "vendor":
                    self.mark(left_with, at)
                elif left_with is None and (
                    circuit.suspicion.caller or call.dialect.operation not in circuit.suspicion.answered
                ):
                    circuit.suspicion.clear(call.dialect.operation)
            left_with = None  # it knows this frame by its traceback: a circle otherwise

    def is_confirmed(self, error: CallError, call: Call) -> bool:
        """Whether the error tells something of the target, and not only of this call."""
        about = error.about
        if about == "target":
            return True
        suspicion = self.circuit.suspicion
        if about == "call" or not suspicion.is_of(call.dialect.operation):
            return False
        if about != "forbidden" and call.dialect.is_ordinary(call.body, call.forwarded):
            return True
        if about == "unclear" or (about == "model" and not self.is_named(error)):
            return False
        return suspicion.is_confirmed(call.tenant, now())

    def is_named(self, error: CallError) -> bool:
        """Whether the vendor's words name this target's model, and not one that the call's body may name beside it."""
        model = self.target.partition("/")[2]
        words = error.words if isinstance(error, Denied) else ()
        return any(word.rstrip(".:!?").removeprefix("models/") == model for word in words)

    def mark(self, error: CallError, at: float) -> None:
        """Keeps everybody from the target for as long as its vendor asked, or as long as a refusal of us takes to mend."""
        if isinstance(error, Denied):
            wait = DENIED_FOR if error.retry_after is None else min(error.retry_after, MOST_ASIDE)
            self.circuit.set_aside(at + wait, at)
        elif error.retry_after is not None:
            self.circuit.rest(at + min(error.retry_after, MOST_ASIDE), at, is_limit=isinstance(error, Throttled))
