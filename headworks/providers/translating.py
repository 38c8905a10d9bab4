"""A leaf that speaks one API only, for callers of any: what has no wire, and so no `Remote` around it.

Always true: callers of that API are given to the leaf as they are. Any other call is told in its words first and answered in
the caller's, as `Remote` does it with a vendor's bytes (`wire/translated.py`).
"""

from __future__ import annotations

from types import TracebackType
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Dialect
from headworks.core.errors import CallError, Unsuited
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening, Service
from headworks.providers.estimating import estimate
from headworks.wire.own_dialect import OWN
from headworks.wire.sides import Estimating, StreamDecoder, VendorDialect, VendorSide
from headworks.wire.translated import between, spoken


class Translating:
    """A Service. inner: reads and writes the bytes of `dialect`; its chats are of the API in which this package itself calls."""

    def __init__(self, inner: Service, dialect: VendorDialect, model: str) -> None:
        self.inner = inner
        self.dialect = dialect
        self.model_json: Final = msgspec.json.encode(model)

    def open(self, call: Call) -> Opening:
        return self.inner.open(call) if call.dialect.name in self.dialect else _Attempt(self, call)

    def side(self, caller: Dialect) -> VendorSide:
        side = between(caller, self.dialect)
        if side is None or caller.operation != OWN.operation:
            raise Unsuited(f"This model's provider has no {caller.operation}.")
        return side


class _Attempt:
    """One call in another API, from entering to leaving."""

    __slots__ = ("_call", "_opening", "_translating")

    def __init__(self, translating: Translating, call: Call) -> None:
        self._translating = translating
        self._call = call
        self._opening: Opening | None = None

    async def __aenter__(self) -> Reply:
        translating, call = self._translating, self._call
        if isinstance(call.dialect, Estimating):
            return await estimate(call.dialect.estimated, call)
        side = translating.side(call.dialect)
        body = side.request(call, translating.model_json, counted=True)
        asked = msgspec.structs.replace(call, body=body, dialect=OWN, include_usage=True, bound=None)
        opening = translating.inner.open(asked)
        try:
            reply = await opening.__aenter__()
        except CallError as error:
            raise spoken(error) from None
        self._opening = opening
        if not call.streamed:
            [chunk] = await reply.read()
            told = side.whole(chunk.data, call, body)
            return CompleteReply([msgspec.structs.replace(told, usage=chunk.usage)], headers=reply.headers)
        decoder = side.decoder(call, body)
        assert decoder is not None, "chats have streams"
        return _Stream(reply, decoder)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._opening is None:  # the answer was an estimate: the leaf was not asked
            return None
        return await self._opening.__aexit__(kind, error, trace)


class _Stream(Reply):
    """The leaf's stream in the caller's words."""

    __slots__ = ("_decoder", "_inner")

    def __init__(self, inner: Reply, decoder: StreamDecoder) -> None:
        super().__init__(streamed=True, headers=inner.headers)
        self._inner = inner
        self._decoder = decoder

    async def read(self) -> list[Chunk]:
        told: list[Chunk] = []
        while not told and (chunks := await self._inner.read()):
            told = self._decoder.feed(b"".join([chunk.unasked + chunk.data for chunk in chunks]))
            if (fault := self._decoder.fault) is not None:
                raise fault
        self.usage, self.finish = self._inner.usage, self._decoder.finish
        return told
