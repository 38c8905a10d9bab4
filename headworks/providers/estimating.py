"""An answer that is ours, where a leaf's vendor has nothing of what is asked and is not asked."""

from __future__ import annotations

from collections.abc import Callable

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.reply import Chunk, CompleteReply, Reply


async def estimate(estimated: Callable[[bytes], bytes], call: Call) -> Reply:
    if (attempt := call.attempt) is not None:
        attempt.head_at = now()
    return CompleteReply([Chunk(data=estimated(call.body), has_content=True, last=True)])
