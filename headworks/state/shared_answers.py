"""The answer cache in a Valkey or Redis, shared by several processes.

Always true: all of an alias's answers together take at most `most` bytes there; one script adds an answer and lets go of
those that were not asked for the longest, so that it holds over any number of processes. What is too old is told by who
reads it (`policy/freshness.py`); when nothing was kept for `ttl` seconds, all of it is too old, and the server drops it.
It has a connection of its own: an answer of two megabytes must not delay the decision about a call. While the server cannot be
reached, every lookup is a miss and nothing is stored.
"""

from __future__ import annotations

import logging
from hashlib import sha1
from typing import Final

import msgspec
from redis.exceptions import NoScriptError, ResponseError

from headworks.core.errors import StateAway
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.policy.freshness import CachedAnswer
from headworks.state.connection import Answer, Argument, MultiplexedConnection

OVERHEAD: Final = 250
"""Bytes around an answer in the server: its place in a hash and in a sorted set."""

_PLACES = """
local base = ARGV[1] .. 'answers/' .. ARGV[2]
local kept, used, total = base .. '/kept', base .. '/used', base .. '/bytes'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

KEEP: Final = (
    _PLACES
    + f"""
local function forget(name)
  local size = redis.call('HSTRLEN', kept, name)
  if size > 0 then
    redis.call('HDEL', kept, name)
    return redis.call('DECRBY', total, size + {OVERHEAD})
  end
  return tonumber(redis.call('GET', total) or 0)
end
forget(ARGV[3])
redis.call('HSET', kept, ARGV[3], ARGV[4])
redis.call('ZADD', used, now, ARGV[3])
local bytes = redis.call('INCRBY', total, #ARGV[4] + {OVERHEAD})
local gone = 0
while bytes > tonumber(ARGV[5]) do
  local oldest = redis.call('ZPOPMIN', used)
  if #oldest == 0 then break end
  bytes = forget(oldest[1])
  gone = gone + 1
end
for _, key in ipairs({{kept, used, total}}) do redis.call('PEXPIRE', key, ARGV[6]) end
return {{redis.call('ZCARD', used), bytes, gone}}
"""
)

FIND: Final = (
    _PLACES
    + """
local found = redis.call('HGET', kept, ARGV[3])
if found then redis.call('ZADD', used, 'XX', now, ARGV[3]) end
return found
"""
)

SHAS: Final = {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (KEEP, FIND)}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CachedAnswer).decode

log = logging.getLogger("headworks.state")


class SharedAnswers:
    """The cache of one alias in a shared server. ttl: seconds. held: its answers and their bytes, when this process last stored
    one; evicted: answers dropped for those. None of them is in this process, so `bytes` and the length are 0."""

    def __init__(self, connection: MultiplexedConnection, prefix: str, alias: str, most: int, ttl: float) -> None:
        self.most = most
        self.ttl = ttl
        self.bytes = 0
        self.evicted = 0
        self.held = (0, 0)
        self._connection = connection
        self._events = ThrottledLog(log, most=1)
        self._words: tuple[Argument, ...] = (f"{{{prefix}}}", alias)

    def __len__(self) -> int:
        return 0

    async def find(self, fingerprint: bytes) -> CachedAnswer | None:
        found = await self._run(FIND, fingerprint)
        if found is None:
            return None
        try:
            return _decode(found)
        except msgspec.MsgspecError:  # of another version
            return None

    async def keep(self, fingerprint: bytes, kept: CachedAnswer) -> None:
        data = _encode(kept)
        if len(data) + OVERHEAD > self.most:
            return
        answer = await self._run(KEEP, fingerprint, data, self.most, max(1, round(self.ttl * 1000)))
        if answer is not None:
            count, size, gone = answer
            self.held = (count, size)
            self.evicted += gone

    async def _run(self, script: str, *words: Argument) -> Answer:
        try:
            try:
                return await self._connection.execute("EVALSHA", SHAS[script], 0, *self._words, *words)
            except NoScriptError:
                return await self._connection.execute("EVAL", script, 0, *self._words, *words)
        except StateAway:
            return None
        except ResponseError as error:
            text = f"the state does not store them: {error}"
            self._events.write(LogEvent(logging.WARNING, "answers_not_kept", f"answers of {self._words[1]!s}", text))
            return None
