"""Sets the deadline of a call."""

from __future__ import annotations

import msgspec

from headworks.core.call import Call
from headworks.core.service import Opening, Service


class Deadline:
    """Sets a call's deadline: `total` seconds after it arrived, or the caller's own if that is earlier."""

    def __init__(self, inner: Service, total: float) -> None:
        self.inner = inner
        self.total = total

    def open(self, call: Call) -> Opening:
        deadline_at = call.arrived_at + self.total
        if deadline_at > call.deadline_at:
            deadline_at = call.deadline_at
        return self.inner.open(msgspec.structs.replace(call, deadline_at=deadline_at))
