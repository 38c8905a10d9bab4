"""How long a call may take in all. From here on everybody knows what is left."""

from __future__ import annotations

import msgspec

from headworks.core.call import Call
from headworks.core.service import Opening, Service


class Deadline:
    """Gives a call its last instant: `total` seconds after it arrived."""

    def __init__(self, inner: Service, total: float) -> None:
        self.inner = inner
        self.total = total

    def open(self, call: Call) -> Opening:
        deadline_at = call.arrived_at + self.total
        if deadline_at > call.deadline_at:
            deadline_at = call.deadline_at
        return self.inner.open(msgspec.structs.replace(call, deadline_at=deadline_at))
