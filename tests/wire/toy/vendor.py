"""The toy dialect, as a vendor of it speaks: the second of its three files. The model stands in the path."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation, Prefill
from headworks.core.errors import CallError, Cut, Denied, Failed, Garbled, Rejected, Throttled, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire.sides import Spent, VendorDialect
from headworks.wire.sse import Splitter
from tests.wire.toy.caller import usage_of
from tests.wire.toy.translation import ToyPieces, body_of


class ToyVendor:
    operation: Final[Operation] = "chat"
    body_of = staticmethod(body_of)

    def path(self, model: str, *, streamed: bool) -> bytes:
        return f"/{quote(model, safe='')}/{'bits' if streamed else 'say'}".encode()

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        asked = json.loads(call.body)
        most = {} if call.bound is None else {"most": call.bound}
        return msgspec.json.encode({**asked, "who": json.loads(model), **most})

    def forwards(self, name: bytes) -> bool:
        return False

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return "", tuple([pair for pair in headers if pair[0] in more])

    def decoder(self, call: Call, sent: bytes = b"", /) -> ToyDecoder:
        return ToyDecoder()

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            said = json.loads(body)
            words, why = said["words"], said["why"]
        except (ValueError, KeyError):
            raise Garbled("The vendor's answer has no words.") from None
        usage = usage_of(said.get("cost"))
        return Chunk(data=body, has_content=True, text=words, finish=why, usage=usage, last=True, size=len(words))

    def spent(self, body: bytes) -> Spent:
        return Spent()

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        said = VendorSaid(status=status, message=json.loads(body)["oops"], type="toy_type", code="toy_code")
        kinds: dict[int, type[CallError]] = {400: Rejected, 401: Denied, 429: Throttled}
        return kinds.get(status, Failed)(said.message, said=said)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        return body

    def pieces(self) -> ToyPieces:
        return ToyPieces()


class ToyDecoder:
    """A toy vendor's stream, cut anywhere."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.fault: CallError | None = None
        self.is_headed = False
        self.is_done = False
        self.received = 0
        self.uncounted = 0

    @property
    def pending(self) -> int:
        return self._splitter.size

    @property
    def is_complete(self) -> bool:
        return self.finish is not None

    @property
    def is_counted(self) -> bool:
        return self.usage is not None

    def feed(self, data: bytes, /) -> list[Chunk]:
        chunks: list[Chunk] = []
        for event in self._splitter.feed(data):
            if event.data == b"over" and self.is_complete:
                self.is_done = True
                chunks.append(Chunk(data=event.raw, last=True))
                break
            said: dict[str, Any] = json.loads(event.data)
            if event.name == b"oops":
                self._break(said["oops"])
                break
            self.usage = usage_of(said.get("cost")) or self.usage
            self.finish = said.get("why")
            text = said.get("bit", "")
            self.is_headed = True
            self.received += len(text)
            usage = self.usage if "cost" in said else None
            chunks.append(
                Chunk(data=event.raw, has_content=True, text=text, finish=self.finish, usage=usage, size=len(text))
            )
        return chunks

    def end(self) -> list[Chunk]:
        if not self.is_done:
            self._break("The vendor's stream ended before the answer did.")
        return []

    def give_up(self) -> None:
        pass

    def _break(self, why: str) -> None:
        self.fault = self.fault or (Cut(why) if self.is_headed else Garbled(why))


TOY_VENDOR: Final[VendorDialect] = {"toy.say": ToyVendor()}
