"""Amazon Bedrock's Converse and ConverseStream as a vendor serves them.

The model stands in the path, percent-encoded whole: an ARN has slashes and colons. Nobody calls in this dialect, so every call
comes through the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation, Prefill
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk
from headworks.wire import hub
from headworks.wire.bedrock.decoder import ConverseDecoder
from headworks.wire.bedrock.errors import error_of
from headworks.wire.bedrock.translation.pieces import ConversePieces
from headworks.wire.bedrock.translation.question_writer import body_of
from headworks.wire.bedrock.usage import usage_of
from headworks.wire.json_text import read_json
from headworks.wire.sides import Spent, VendorDialect

_REQUEST_ID: Final = b"x-amzn-requestid"


class BedrockConverse:
    """`/model/{modelId}/converse` and `/converse-stream`. guardrail: what every call is checked by."""

    operation: Final[Operation] = "chat"

    def __init__(self, guardrail: Mapping[str, str] = MappingProxyType({})) -> None:
        self.guardrail = guardrail

    def path(self, model: str, *, streamed: bool) -> bytes:
        return f"/model/{quote(model, safe='')}/converse{'-stream' if streamed else ''}".encode("ascii")

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        return call.body  # the tokens are always told

    def forwards(self, name: bytes) -> bool:
        return name == b"traceparent"

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        request_id = next((value for name, value in headers if name == _REQUEST_ID), b"")
        return request_id.decode("latin-1"), tuple([pair for pair in headers if pair[0] in more])

    def decoder(self, call: Call, sent: bytes = b"", /) -> ConverseDecoder:
        return ConverseDecoder()

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        said = _read(body)
        output = said.get("output")
        message = output.get("message") if isinstance(output, dict) else None
        if not isinstance(message, dict):
            raise Garbled("The vendor's answer has no message.")
        content = message.get("content")
        blocks = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
        text = "".join([one["text"] for one in blocks if isinstance(one.get("text"), str)])
        reason = said.get("stopReason")
        return Chunk(
            data=body,
            has_content=True,
            text=text,
            begins_tool_call=any("toolUse" in one for one in blocks),
            finish=reason if isinstance(reason, str) else None,
            usage=usage_of(said.get("usage")),
            last=True,
            size=_size(blocks),
        )

    def spent(self, body: bytes) -> Spent:
        try:
            return Spent(usage_of(_read(body).get("usage")))
        except Garbled:
            return Spent()

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return error_of(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False

    # To and from the hub

    def body_of(self, question: hub.Question, model: str, left_out: list[str] | None = None, /) -> bytes:
        return body_of(question, model, self.guardrail, left_out)

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        return body  # its last message is the beginning of the answer

    def pieces(self) -> ConversePieces:
        return ConversePieces()


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = read_json(body)
    except (ValueError, RecursionError):
        raise Garbled("The vendor's answer is not JSON.") from None
    if not isinstance(said, dict):
        raise Garbled("The vendor's answer is no object.")
    return said


def _size(blocks: list[dict[str, Any]]) -> int:
    return sum(len(msgspec.json.encode(one)) for one in blocks)


def bedrock(guardrail: Mapping[str, str] = MappingProxyType({})) -> VendorDialect:
    """What Bedrock speaks."""
    return MappingProxyType({hub.CONVERSE: BedrockConverse(guardrail)})


BEDROCK: Final[VendorDialect] = bedrock()
