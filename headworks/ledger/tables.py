"""The tables of a store, as a backup has them: the same for both stores, so that one can be restored into the other.

What only one of them keeps for itself (`prunings`, digests of names) is made anew there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

Kind = Literal["whole", "text", "line", "whole or null", "text or null"]
"""What a column has: whole numbers of 64 bits, texts, or bytes of the journal, which are text unless they were garbled."""

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = Callable[[str], Iterator[Row]]
"""The rows of a table."""

Put: TypeAlias = Callable[[str, Sequence[Row]], None]
"""Takes rows of a table."""

TABLES: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {
        "identity": {"id": "text"},
        "names": {"id": "whole", "kind": "text", "name": "text"},
        "calls": {
            "id": "whole",
            "request": "whole",
            "alias": "whole",
            "key": "whole",
            "targets": "whole",
            "outcome": "whole",
            "error": "whole",
            "is_failed": "whole",
            "status": "whole",
            "class": "whole",
            "duration": "whole",
            "input": "whole",
            "output": "whole",
            "cost": "whole or null",
            "reason": "text or null",
            "tags": "whole",
            "enduser": "whole",
            "session": "whole",
        },
        "records": {"id": "whole", "line": "line"},
        "journals": {"name": "text", "offset": "whole", "records": "whole", "skipped": "whole", "is_done": "whole"},
        "opened": {"request": "text", "process": "text", "line": "line"},
        "spent": {"owner": "text", "hour": "whole", "cost": "whole"},
        "access": {"kind": "text", "name": "text", "changed": "whole", "entry": "text"},
        "responses": {
            "id": "text",
            "key": "text",
            "enduser": "text",
            "made": "whole",
            "earlier": "text",
            "root": "text",
            "total": "whole",
            "line": "line",
            "head": "text",
        },
        "resources": {
            "id": "text",
            "provider": "text",
            "kind": "text",
            "key": "text",
            "made": "whole",
            "counted": "text",
        },
        "response_items": {
            "key": "text",
            "item": "text",
            "response": "text",
            "position": "whole",
            "size": "whole",
        },
    }
)
"""The store's tables, their columns in order."""

ADDED: Final[Mapping[str, Set[str]]] = MappingProxyType(
    {
        "calls": frozenset({"session"}),
        "responses": frozenset(TABLES["responses"]),
        "resources": frozenset(TABLES["resources"]),
        "response_items": frozenset(TABLES["response_items"]),
    }
)
"""Columns that earlier backups lack, by their table: the last of it, or all of a table that is new. They are restored empty."""

WAITING: Final = "waiting"
FILED: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {**TABLES, WAITING: {"file": "text", "end": "whole", "line": "line"}}
)
"""The tables of a backup, in the order in which they stand there. The last has lines of the journal that were not in the store
yet: the file's name in `journals`, where the line ends there, and the line."""
