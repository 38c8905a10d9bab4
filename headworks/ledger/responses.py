"""The tables `responses` and `response_items` of the store: kept answers, and the SQL for them that both stores have.

Theory. A row is one turn (`core/kept_answer.py`). A conversation is read by one recursive question from its last answer back, a look into
the primary key for each turn. `root` is what its answers have in common: nothing of a conversation is deleted before its last answer
is old enough, for that one needs all that came before. Who adds rows and who purges a user takes the same lock, and the tombstone is written
before a purge takes it: so an answer to a purged user's call is either deleted by the purge, or not added.

`response_items` says where an item of an output stands in its turn, so that a call may refer to it by its id. It is added and deleted in the
transaction of its answer. A vendor's id may come twice for one key: then the newest counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from headworks.core.kept_answer import Conversation, KeptAnswer
from headworks.ledger.keys import Keys
from headworks.ledger.store import Store

LOCK: Final = "responses"

MOST_TURNS: Final = 20_000
"""Turns of one conversation that are read: its size bounds them already, but a backup may be forged."""

MOST_SEARCHED: Final = 256_000_000
"""Bytes of turns that are read to find a call's items in them."""

_MICRO: Final = 1_000_000

_COLUMNS: Final = ("id", "key", "enduser", "made", "earlier", "root", "total", "line", "head")

_ADD: Final = f"INSERT INTO responses ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO NOTHING"

_ADD_ITEM: Final = """
INSERT INTO response_items (key, item, response, position, size) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key, item) DO UPDATE SET response = excluded.response, position = excluded.position, size = excluded.size
"""

_CHAIN: Final = f"""
WITH RECURSIVE chain (id, earlier, depth) AS (
    SELECT id, earlier, 0 FROM responses WHERE id = ? AND key = ? AND total <= ?
    UNION ALL
    SELECT one.id, one.earlier, chain.depth + 1 FROM chain JOIN responses AS one ON one.id = chain.earlier
    WHERE one.key = ? AND chain.depth < {MOST_TURNS}
)
SELECT one.id, one.earlier, one.root, one.total, one.line, CASE WHEN chain.depth = 0 THEN one.head ELSE '' END
FROM chain JOIN responses AS one ON one.id = chain.id ORDER BY chain.depth DESC
"""


class TooMuch(Exception):
    """The conversation is larger than what was asked for. total: its bytes."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.total = total


class Responses:
    """Reads and changes the kept answers of a store. Every method raises StoreTrouble."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, answers: Sequence[KeptAnswer]) -> list[bool]:
        """Adds them in one transaction, but for those of users who were purged meanwhile. Says of each whether it is there."""
        with self.store.transaction(LOCK):
            marks = Keys(self.store).purged() if any(one.user for one in answers) else {}
            added = [one.user == "" or one.made_at >= marks.get(one.user, 0.0) for one in answers]
            for one, is_added in zip(answers, added, strict=True):
                if is_added:
                    made, head = int(one.made_at * _MICRO), one.head.decode()
                    row = (one.id, one.key, one.user, made, one.earlier, one.root, one.total, one.turn, head)
                    self.store.run(_ADD, row)
                    for item in one.items:
                        self.store.run(_ADD_ITEM, (one.key, item.id, one.id, item.position, item.size))
        return added

    def find(self, id: str, key: str, most: int) -> Conversation | None:
        """The conversation up to an answer; None where the answer or one before it is not there. Raises TooMuch where it has more
        bytes than `most`."""
        rows = self.store.rows(_CHAIN, (id, key, most, key))
        if not rows:
            found = self.store.rows("SELECT total FROM responses WHERE id = ? AND key = ?", (id, key))
            if found:
                raise TooMuch(found[0][0])
            return None
        if rows[0][1]:  # the first one goes on from another, which was deleted
            return None
        _, _, root, total, _, head = rows[-1]
        turns = tuple([bytes(row[4]) for row in rows])
        return Conversation(id=id, root=root, total=total, turns=turns, head=head.encode())

    def items(self, ids: Sequence[str], key: str, most: int) -> Mapping[str, bytes]:
        """Those of these items that are there. Raises TooMuch where they have more bytes than `most`, or too much is to be searched."""
        named = (
            "FROM response_items AS item JOIN responses AS one ON one.id = item.response AND one.key = item.key "
            f"WHERE item.key = ? AND item.item IN ({', '.join('?' * len(ids))})"
        )
        found = self.store.rows(f"SELECT item.size, one.id, length(one.line) {named}", (key, *ids))
        total = sum([size for size, _, _ in found])
        searched = sum({id: length for _, id, length in found}.values())
        if total > most or searched > MOST_SEARCHED:
            raise TooMuch(total if total > most else searched)
        rows = self.store.rows(f"SELECT item.item, substr(one.line, item.position + 1, item.size) {named}", (key, *ids))
        return {id: bytes(data) for id, data in rows}

    def read(self, id: str, key: str) -> Conversation | None:
        """An answer with its own turn alone; None where it is not there."""
        rows = self.store.rows("SELECT root, total, line, head FROM responses WHERE id = ? AND key = ?", (id, key))
        if not rows:
            return None
        root, total, turn, head = rows[0]
        return Conversation(id=id, root=root, total=total, turns=(bytes(turn),), head=head.encode())

    def delete(self, id: str, key: str) -> bool:
        """Deletes an answer; False where it is not there."""
        with self.store.transaction(LOCK):
            return self._delete("id = ? AND key = ?", (id, key)) > 0

    def erase(self, user: str, before: float) -> int:
        """Deletes the answers to a user's calls (`user`: a digest) from before an instant, and says how many they were."""
        with self.store.transaction(LOCK):
            where = "enduser = ? AND enduser <> '' AND made < ?"
            return self._delete(where, (user, int(before * _MICRO)))

    def forget(self, before: float, most: int) -> int:
        """Deletes answers of conversations whose last one is older than an instant, about `most` at a time. Says how many they were."""
        old = "SELECT root FROM responses GROUP BY root HAVING max(made) < ? ORDER BY max(made) LIMIT ?"
        roots = [root for (root,) in self.store.rows(old, (int(before * _MICRO), most))]
        deleted = 0
        for root in roots:
            if deleted >= most:
                break
            with self.store.transaction(LOCK):
                # Asked again inside the lock: somebody may just have gone on from it.
                young = self.store.rows(
                    "SELECT 1 FROM responses WHERE root = ? AND made >= ? LIMIT 1", (root, int(before * _MICRO))
                )
                if not young:
                    deleted += self._delete("root = ?", (root,))
        return deleted

    def _delete(self, where: str, values: Sequence[object]) -> int:
        self.store.run(f"DELETE FROM response_items WHERE response IN (SELECT id FROM responses WHERE {where})", values)
        return self.store.run(f"DELETE FROM responses WHERE {where}", values)
