"""The record of one call, as the journal stores it: one JSON object a line.

Instants named `_at` are loop time in seconds and mean something only beside each other; `at` is the wall clock at the
arrival. Everything else that anybody reports (metrics, cost, traces) is read off this.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from headworks.core.digest import digest
from headworks.core.reply import Usage

MOST_TEXT = 256
"""Characters of a caller's own words (`model`, `user`) that a record keeps."""

Outcome = Literal["ok", "refused", "shed", "failed", "expired", "cut", "cancelled", "broken", "lost"]
"""ok: the whole answer. refused: the caller's fault, ours or a vendor's word for it. shed: ours, on purpose. failed, \
expired, cut: no answer, too late, or one that broke after its head. cancelled: the caller left. broken: our own bug. \
lost: the gateway died before the call under a budget had a record; its cost is what was reserved for it."""


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try at one target.

    error, reason: why it failed: the class, and words that are never the caller's (`layers/failure_reason.py`).
    cost_nano: nano-dollars, None where the price is unknown. estimated: the vendor did not say what was used, or what
    cannot be; tokens and cost_nano rest on the bytes sent and the content received, where they are more.
    left_out: the caller's hints that this vendor's API has no words for, as the caller's API calls them.
    """

    target: str
    why: str
    started_at: float
    head_at: float = 0.0
    ended_at: float = 0.0
    outcome: str = ""
    error: str = ""
    reason: str = ""
    vendor_status: int = 0
    vendor_request_id: str = ""
    tokens: Usage | None = None
    cost_nano: int | None = None
    estimated: bool = False
    left_out: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call.

    prompt: `NAME@VERSION` of the prompt that it was rendered from; `model` is then `prompt/NAME`.
    cost_nano: nano-dollars of all its attempts; None, which is not zero, where any of them is unknown.
    tokens: of the answer that the caller got, or got a part of; where none came, of all that the attempts may be billed.
    estimated: an attempt's tokens are an estimate of ours.
    group, tags: of the key.
    session, agent, parent_agent: the run of calls that it is one of, as the client names it, and which of its agents asked.
    price_at: the date (YYYY-MM-DD) of the table the prices were read from; "" where none came from it.
    asked, answered: the caller's body and the answer's text, where the system file says `bodies: full` and neither is too
    long; else "".
    cache: hit, miss, bypass or coalesced; "" where nothing is kept or shared. A hit has no attempts and no tokens.
    erased: its user was purged (`ledger/erasure.py`): what is left is when it was, where it went, and what it cost.
    """

    request_id: str
    at: float
    arrived_at: float
    head_at: float = 0.0
    last_at: float = 0.0
    operation: str
    model: str
    prompt: str = ""
    key: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    user: str = ""
    session: str = ""
    agent: str = ""
    parent_agent: str = ""
    trace: str = ""
    streamed: bool = False
    status: int
    outcome: Outcome
    error: str = ""
    reason: str = ""
    config: str
    request_digest: str = ""
    reply_digest: str = ""
    tokens: Usage | None = None
    estimated: bool = False
    cost_nano: int | None = None
    price_at: str = ""
    attempts: list[AttemptRecord] = []
    cache: str = ""
    asked: str = ""
    answered: str = ""
    erased: bool = False


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A call under a budget, before its first attempt: `reserved_nano` nano-dollars are held for it.

    A call may be opened again with more, before a further attempt: the last one counts. A record with the same
    `request_id` ends it; where the process died before that, `lost` is its record.
    """

    opened: str
    """The request id. The first field: a line that begins with its name is no record."""
    at: float
    operation: str
    model: str
    key: str
    group: str = ""
    tags: tuple[str, ...] = ()
    config: str
    reserved_nano: int
    user: str | msgspec.UnsetType = msgspec.UNSET
    session: str | msgspec.UnsetType = msgspec.UNSET

    def lost(self) -> Record:
        return Record(
            request_id=self.opened,
            at=self.at,
            arrived_at=0.0,
            operation=self.operation,
            model=self.model,
            key=self.key,
            group=self.group,
            tags=self.tags,
            user=self.user or "",
            session=self.session or "",
            status=500,
            outcome="lost",
            error="Lost",
            reason="the gateway was ended before the call was: it counts as what was reserved for it",
            config=self.config,
            cost_nano=self.reserved_nano,
        )


def user_digest(user: str) -> str:
    """32 hex digits that stand for a caller's `user`, as far as a record keeps the name."""
    return digest(user[:MOST_TEXT].encode("utf-8", "surrogatepass"))
