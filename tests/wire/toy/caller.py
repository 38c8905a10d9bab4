"""A toy dialect, as its callers use it: the first of the three files of `docs/architecture/adding-a-dialect.md`.

    {"who": "assistant", "say": [["rules", "Be brief."], ["me", "Hi"]], "bits": true, "most": 20}
    {"words": "Hello.", "why": "said", "cost": [7, 2]}

In bits: `data: {"bit":"Hel"}` for each, `data: {"why":"said","cost":[7,2]}`, `data: over`. It has text, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Before, Headers, Operation, Prefill, Seam, Weight
from headworks.core.errors import CallError, Malformed
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.members import members
from headworks.wire.sse import events_in
from tests.wire.toy.translation import TABLE, WHY, ToyEvents, question_of

OVER: Final = b"data: over\n\n"
KNOWN: Final = frozenset({"who", "say", "bits", "most"})


def event(content: Any) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(content)


def contents(events: bytes) -> list[dict[str, Any]]:
    return [json.loads(one.data) for one in events_in(events) if one.data != b"over"]


class ToyForms:
    end: Final = OVER

    def parted(self, chunks: Sequence[Chunk], /) -> tuple[bytes, bytes]:
        return b"".join([event(one) for one in contents(b"".join([chunk.data for chunk in chunks]))]), b""

    def as_body(self, events: bytes, counts: bytes, /) -> bytes | None:
        said = contents(events)
        ending = said[-1] if said and "why" in said[-1] else None
        words = "".join([one.get("bit", "") for one in said])
        return None if ending is None else msgspec.json.encode({"words": words, **ending})

    def as_events(self, body: bytes, /) -> tuple[bytes, bytes] | None:
        answer = json.loads(body)
        return event({"bit": answer.pop("words")}) + event(answer), b""

    def is_finished(
        self, asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool
    ) -> bool:
        return finish == "said" or (finish == "full" and is_bounded)


class ToyRewriting:
    def __init__(self, seam: Seam, before: Before | None) -> None:
        self.seam = seam
        self.before = before

    def chunk(self, chunk: Chunk, /) -> Chunk | None:
        data, text = b"", ""
        usage = chunk.usage if chunk.usage is None or self.before is None else self.before.joined(chunk.usage)
        for one in contents(chunk.data):
            if "bit" in one:
                fresh = self.seam.text(one["bit"])
                text += fresh
                data += event({"bit": fresh}) if fresh else b""
            else:
                self.seam.other()
                data += event(one if usage is None else {**one, "cost": [usage.input_tokens, usage.output_tokens]})
        if chunk.last:
            data += OVER
        if not data and usage is None:
            return None
        return msgspec.structs.replace(chunk, data=data, text=text, usage=usage, has_content=bool(data))


class ToySplice:
    def may_resume(self, body: bytes, /) -> bool:
        return True

    def may_continue(self, body: bytes, /) -> bool:
        return True

    def reasoning_in(self, data: bytes, /) -> str | None:
        return None

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> ToyRewriting:
        return ToyRewriting(seam, before)

    def prefilled(self, body: bytes, text: str, form: Prefill, /) -> bytes:
        asked = json.loads(body)
        return msgspec.json.encode({**asked, "say": [*asked["say"], ["it", text]]})


class ToyCaller:
    """Callers of `/toy/say`."""

    name: Final = "toy.say"
    id_header: Final = b"toy-request-id"
    keepalive: Final = b""
    bound_name: Final = "most"
    operation: Final[Operation] = "chat"
    own_headers: Final = b""
    forms: Final = ToyForms()
    splice: Final = ToySplice()
    turns: Final = None
    table: Final = TABLE
    question_of = staticmethod(question_of)

    def read(self, body: bytes, path: str = "", /) -> Asked:
        found = members(body)
        if "who" not in found:
            raise Malformed("`who` is missing: name a model.", param="who")
        asked = json.loads(body)
        return Asked(asked["who"], bool(asked.get("bits")), include_usage=True, max_output=asked.get("most"))

    def question(self, body: bytes, /) -> bytes | None:
        asked = json.loads(body)
        return msgspec.json.encode([asked["say"], asked.get("most")])

    def weigh(self, body: bytes, /) -> Weight:
        return Weight()

    def is_ordinary(self, body: bytes, headers: Headers, /) -> bool:
        return json.loads(body).keys() <= KNOWN and not headers

    def status(self, error: CallError, /) -> int:
        return 402 if error.code == "insufficient_quota" else error.shown_status

    def problem(self, error: CallError, request_id: str = "", /) -> bytes:
        said = error.said.message if error.said is not None and error.blame == "caller" else error.message
        return msgspec.json.encode({"oops": said, "kind": error.code})

    def event(self, error: CallError, /) -> bytes:
        return b"event: oops\ndata: %b\n\n" % self.problem(error)

    def encoder(self, call: Call, /) -> ToyEvents:
        return ToyEvents()

    def finish_word(self, finish: hub.Finish, /) -> str:
        return WHY.get(finish.reason, "unknown")


TOY: Final = ToyCaller()


def usage_of(cost: Sequence[int] | None) -> Usage | None:
    return None if cost is None else Usage(input=cost[0], output=cost[1])
