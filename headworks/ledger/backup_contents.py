"""The contents of a backup, in numbers. Its writer and every reader count them from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from headworks.ledger.facts import facts
from headworks.ledger.keys import Entry, Kind
from headworks.ledger.store import SHIFT
from headworks.ledger.tables import TABLES, WAITING

_COST = list(TABLES["calls"]).index("cost")
_KINDS = get_args(Kind)
_entry = msgspec.json.Decoder(Entry).decode


class Contents(msgspec.Struct, kw_only=True):
    """rows: by table. first, last: arrivals of calls in the store, microseconds since 1970. cost_nano: of calls whose cost is
    known. spent_nano: of all keys, also by calls that are not there any more. changes: to keys, so far. waiting: records of the
    journal that were not in the store yet, and what they cost."""

    identity: str = ""
    rows: dict[str, int] = {}
    first: int = 0
    last: int = 0
    cost_nano: int = 0
    spent_nano: int = 0
    keys: int = 0
    revoked: int = 0
    changes: int = 0
    waiting: int = 0
    waiting_cost_nano: int = 0

    def add(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Counts rows. Raises ValueError where one is not what it should be."""
        self.rows[table] = self.rows.get(table, 0) + len(rows)
        if table == "identity":
            self.identity = rows[0][0]
        elif table == "calls":
            arrivals = [row[0] >> SHIFT for row in rows]
            self.first = min(*arrivals, self.first or arrivals[0])
            self.last = max(*arrivals, self.last)
            self.cost_nano += sum([row[_COST] or 0 for row in rows])
        elif table == "spent":
            self.spent_nano += sum([cost for owner, _, cost in rows if owner.startswith("key/")])
        elif table == "access":
            self._access(rows)
        elif table == WAITING:
            found = [one for _, _, line in rows if (one := facts(line)) is not None]
            self.waiting += len(found)
            self.waiting_cost_nano += sum([one.cost_nano or 0 for one in found])

    def _access(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for kind, _, changed, text in rows:
            if kind not in _KINDS:
                raise ValueError(f"{kind!r} is no kind of change to keys")
            self.changes = max(self.changes, changed)
            entry = _entry(text)
            for digest in (entry.digest, *[one.digest for one in entry.former]):
                bytes.fromhex(digest)  # a gateway could not read the others either
            self.keys += kind == "key" and not entry.revoked_at
            self.revoked += kind in ("key", "revoked") and bool(entry.revoked_at)
