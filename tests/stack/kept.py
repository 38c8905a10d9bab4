"""Kept answers in memory: what the store does, without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headworks.core.errors import AnswersAway
from headworks.core.kept_answer import Conversation, KeptAnswer


class MemoryAnswers:
    """is_away: nothing can be kept or read now. why: of those that were left out."""

    def __init__(self) -> None:
        self.answers: dict[str, KeptAnswer] = {}
        self.why: list[str] = []
        self.is_away = False

    async def find(self, id: str, key: str) -> Conversation | None:
        if self.is_away:
            raise AnswersAway("Kept responses cannot be read right now.", retry_after=1.0)
        turns: list[bytes] = []
        at = id
        while at:
            one = self.answers.get(at)
            if one is None or one.key != key:
                return None
            turns.insert(0, one.turn)
            at = one.earlier
        last = self.answers.get(id)
        if last is None:
            return None
        return Conversation(id=id, root=last.root, total=last.total, turns=turns, head=last.head)

    async def items(self, ids: Sequence[str], key: str) -> Mapping[str, bytes]:
        if self.is_away:
            raise AnswersAway("Kept responses cannot be read right now.", retry_after=1.0)
        found = [(item, one) for one in self.answers.values() if one.key == key for item in one.items if item.id in ids]
        return {item.id: one.turn[item.position : item.position + item.size] for item, one in found}

    async def read(self, id: str, key: str) -> Conversation | None:
        if self.is_away:
            raise AnswersAway("Kept responses cannot be read right now.", retry_after=1.0)
        one = self.answers.get(id)
        if one is None or one.key != key:
            return None
        return Conversation(id=id, root=one.root, total=one.total, turns=[one.turn], head=one.head)

    async def keep(self, answer: KeptAnswer) -> bool:
        if not self.is_away:
            self.answers[answer.id] = answer
        return not self.is_away

    async def delete(self, id: str, key: str) -> bool:
        one = self.answers.get(id)
        return one is not None and one.key == key and self.answers.pop(id) is one

    def left_out(self, why: str) -> None:
        self.why.append(why)
