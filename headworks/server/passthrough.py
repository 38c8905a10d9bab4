"""Serves a path that passes to a provider as it is (`passthrough`): any method that reads, makes or deletes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.errors import Malformed, Refused
from headworks.core.passage import Passage
from headworks.http.request_parser import Request
from headworks.server.calls import Calls, Opener, Stack
from headworks.server.drain import OpenCalls
from headworks.server.unknown_path import word_of as word_of
from headworks.wire.passing import METHODS as METHODS
from headworks.wire.passing import PathCaller, passage_of

BELOW: Final = "/v1/"
MOST_TYPE: Final = 256


class PathCalls(Calls):
    """Callers of the paths below `/v1/WORD`."""

    def __init__(self, word: str, opener: Opener, chance: Callable[[int], int], open_calls: OpenCalls) -> None:
        super().__init__(PathCaller(word), opener, chance, open_calls)
        self.word = word

    def call(self, request: Request, body: bytes, body_digest: str, refusal: Refused | None, stack: Stack) -> Call:
        call = super().call(request, body, body_digest, refusal, stack)
        kind = request.get(b"content-type") or b""
        path, query = request.path.removeprefix("/v1"), request.query or ""
        try:
            if len(kind) > MOST_TYPE:
                raise Malformed(f"`Content-Type` has more than {MOST_TYPE} bytes.")
            passage = passage_of(request.method, path, query, kind.decode("latin-1"))
        except Refused as error:
            passage = Passage(method=request.method, word=self.word, path=f"/{self.word}")
            return msgspec.structs.replace(call, passage=passage, refusal=call.refusal or error.again())
        return msgspec.structs.replace(call, passage=passage)
