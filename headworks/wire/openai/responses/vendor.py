"""OpenAI's Responses as a vendor serves them: what it is sent, and what it answers.

Always true of what is sent: nothing is kept at the vendor's (`store` is false), and nothing of ours that stands in for another
vendor's thinking reaches it. Everything else is the caller's own, byte for byte.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation, Prefill
from headworks.core.errors import CallError, Malformed
from headworks.core.reply import Chunk
from headworks.wire.json_body import may_escape_names
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members, places
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.errors import vendor_error
from headworks.wire.openai.responses.decoder import ResponsesDecoder
from headworks.wire.openai.responses.envelope import MARK, is_ours
from headworks.wire.openai.responses.pieces import ResponsesPieces
from headworks.wire.openai.responses.question_writer import body_of
from headworks.wire.openai.responses.tools import HOSTED
from headworks.wire.openai.responses.whole import whole_answer
from headworks.wire.sides import Spent

_MARK: Final = MARK.encode()
_SEARCH: Final = b'"web_search'


class OpenAIResponses:
    """`/responses`."""

    operation: Final[Operation] = "chat"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/responses"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body
        found = members(body)
        where = places(body, found)
        values = {where["model"]: model}
        more = b""
        if "store" not in where:
            more += b',"store":false'
        elif bytes(found["store"]) != b"false":
            values[where["store"]] = b"false"
        if call.bound is not None:
            if "max_output_tokens" in where:
                values[where["max_output_tokens"]] = b"%d" % call.bound
            else:
                more += b',"max_output_tokens":%d' % call.bound
        if _MARK in body and "input" in where:
            values[where["input"]] = without_ours(bytes(found["input"]))
        if call.trail.reservation is not None and "tools" in where and may_search(body):
            values[where["tools"]] = _without_search(bytes(found["tools"]))
        values[where["model"]] += more
        return openai_body.replaced(body, values)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> ResponsesDecoder:
        return ResponsesDecoder()

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        return whole_answer(body)

    def spent(self, body: bytes) -> Spent:
        try:
            chunk = whole_answer(body)
        except CallError:
            decoder = ResponsesDecoder(len(body) + 1)
            decoder.feed(body if body.lstrip()[:1] not in b"{[<" else b"")
            return Spent(decoder.usage, decoder.received, decoder.uncounted)
        return Spent(chunk.usage, chunk.size)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing is added for it: the tokens are always told

    # To and from the hub

    body_of = staticmethod(body_of)

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        return body

    def pieces(self) -> ResponsesPieces:
        return ResponsesPieces()


def without_ours(said: bytes) -> bytes:
    """The items without those that stand in for another vendor's thinking."""
    if _MARK not in said:
        return said
    try:
        items = read_json(said)
    except (ValueError, RecursionError):
        raise Malformed("`input` is nested too deep, or holds a number that is too long.", param="input") from None
    if not isinstance(items, list):
        return said
    kept = [one for one in items if not (isinstance(one, dict) and is_ours(one.get("encrypted_content")))]
    return said if len(kept) == len(items) else write_json(kept)


def may_search(body: bytes) -> bool:
    """Whether it may have a tool that searches the web: False is certain. A caller may write its name with escapes."""
    return _SEARCH in body or may_escape_names(body)


def _without_search(said: bytes) -> bytes:
    """The tools without the vendor's own search, for a call under a budget: what it would read has no bound."""
    try:
        tools = read_json(said)
    except (ValueError, RecursionError):
        raise Malformed("`tools` is nested too deep, or holds a number that is too long.", param="tools") from None
    return write_json([one for one in tools if not is_search(one)]) if isinstance(tools, list) else said


def is_search(tool: Any) -> bool:
    kind = tool.get("type") if isinstance(tool, dict) else None
    return isinstance(kind, str) and HOSTED.get(kind) == "web_search"
