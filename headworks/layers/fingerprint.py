"""The fingerprint of a call: equal calls of an alias have the same one. The keys of the cache and of coalescing.

Always true: it stands for the alias and what the system file puts behind it; for whom answers may be shared with; for
every header of the caller that may reach a vendor; for everything in the body that changes the answer
(the dialect's `question`), and for the dialect, whose shape the answer has, the bound on it that a budget adds, and the prompt that it was rendered from (a schema need
not stand in the body). 32 bytes of BLAKE2: that two different calls collide is out of the question, also for a caller
who tries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.policy.freshness import Sharing

SIZE = 32

_SILENT = frozenset({b"traceparent", b"idempotency-key"})
"""Headers that go to a vendor and say nothing about the answer: each call has its own."""

_encode = msgspec.json.encode


class Fingerprint:
    """Makes fingerprints for one alias.

    release: stands for what answers behind the alias. scope: whom the caller shares with, as a name.
    """

    def __init__(self, alias: str, release: str, scope: Callable[[Call], str]) -> None:
        self.scope = scope
        self._common = _encode([alias, release])

    def fingerprint(self, call: Call) -> bytes:
        """32 bytes, the same for equal calls; b"" where the answer must not be shared."""
        asked = call.dialect.question(call.body)
        if asked is None:
            return b""
        hash = blake2b(self._common, digest_size=SIZE)
        headers: list[tuple[str, str]] = []
        if call.forwarded:
            headers = sorted(
                [(a.decode("latin-1"), b.decode("latin-1")) for a, b in call.forwarded if a not in _SILENT]
            )
        # Lists in JSON: nothing in one part can be read as the beginning of the next.
        hash.update(_encode([self.scope(call), call.dialect.name, call.bound, call.trail.prompt, headers]))
        hash.update(asked)
        return hash.digest()


def by_key(call: Call) -> str:
    return f"key {call.tenant}"


def by_group(call: Call) -> str:
    """A key without a group shares with itself."""
    return f"group {call.key.group}" if call.key is not None and call.key.group else by_key(call)


def by_all(call: Call) -> str:
    return "all"


SCOPES: Final[Mapping[Sharing, Callable[[Call], str]]] = MappingProxyType(
    {"key": by_key, "group": by_group, "all": by_all}
)
