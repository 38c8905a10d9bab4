"""`/responses/compact`: a conversation in short, as items that only OpenAI can read.

Always true: what comes back means something to its vendor only, so it is asked of vendors of Responses and of nobody else. It has
no bound on its length, no stream, and no form in which it could be kept or shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Asked, Headers, Operation, Said, Weight
from headworks.core.errors import CallError, Garbled
from headworks.core.kept_answer import Conversation
from headworks.core.reply import Chunk
from headworks.wire import hub
from headworks.wire.members import members, places
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.answer import untyped
from headworks.wire.openai.caller import OWN_HEADERS
from headworks.wire.openai.errors import error_in, event, garbled, problem, status, vendor_error
from headworks.wire.openai.responses.body import read_responses
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.kept import ResponsesKeeping
from headworks.wire.openai.responses.vendor import without_ours
from headworks.wire.openai.responses.whole import size_of
from headworks.wire.openai.responses.words import COMPLETED, finish_word, usage_in
from headworks.wire.sides import Spent, StreamDecoder
from headworks.wire.whole_forms import WholeForms

NAME: Final = "openai.compact"


class CompactKeeping(ResponsesKeeping):
    """What is compacted may go on from a kept answer. The outcome is none, so it is not kept, and says nothing of it."""

    def opened(
        self, body: bytes, before: Conversation | None, items: Mapping[str, bytes], /
    ) -> tuple[bytes, bytes, bool]:
        if before is None and not items:
            return body, b"", False
        opened, added, _ = super().opened(body, before, items)
        return opened, added, False

    def told(self, data: bytes, said: Said, /, *, streamed: bool) -> bytes:
        return data


class CompactCaller:
    """Callers of `/v1/responses/compact`."""

    name: Final = NAME
    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    operation: Final[Operation] = "chat"
    own_headers: Final = OWN_HEADERS
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    table: Final = RESPONSES.table
    finish_word = staticmethod(finish_word)
    encoder = RESPONSES.encoder
    keeping: Final = CompactKeeping()
    kept_prefix: Final = ""

    def read(self, body: bytes, path: str = "", /) -> Asked:
        asked = read_responses(body)
        return Asked(model=asked.model, user=asked.user, session=asked.session, unkept=asked.unkept)

    def question(self, body: bytes, /) -> bytes | None:
        return None

    def weigh(self, body: bytes, /) -> Weight:
        return Weight(unbounded="compact")

    def is_ordinary(self, body: bytes, headers: Headers, /) -> bool:
        return False

    def question_of(self, body: bytes, /) -> hub.Question:
        """What no vendor of another API can be asked."""
        return hub.Question(model="", turns=(), origin=NAME, required=("compact",))


class OpenAICompact:
    """The vendor's side."""

    operation: Final[Operation] = "chat"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/responses/compact"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body
        found = members(body)
        where = places(body, found)
        values = {where["model"]: model}
        if "input" in where:
            values[where["input"]] = without_ours(bytes(found["input"]))
        return openai_body.replaced(body, values)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        return compacted(body)

    def spent(self, body: bytes) -> Spent:
        try:
            chunk = compacted(body)
        except CallError:
            return Spent()
        return Spent(chunk.usage, chunk.size)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing is added for it


def compacted(body: bytes) -> Chunk:
    """The answer as its one chunk. Raises Garbled, or the vendor's error where a 200 carries one."""
    try:
        answer = untyped(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None
    said = answer if isinstance(answer, dict) else {}
    output = said.get("output")
    if not isinstance(output, list):
        if said.get("error"):
            raise error_in(answer, is_headed=False)
        raise Garbled("The vendor's answer has no output.")
    size = sum([size_of(item) for item in output if isinstance(item, dict)])
    return Chunk(data=body, has_content=True, finish=COMPLETED, usage=usage_in(said.get("usage")), last=True, size=size)


COMPACT: Final = CompactCaller()
