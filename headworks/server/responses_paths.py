"""What is asked beside `POST /v1/responses`: kept answers, where the system file keeps them (`responses.store`), and the way out where it
does not.

Always true: an answer is shown to the key that made it and to nobody else; another gets the words for one that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote

from headworks.core.call import LARGE
from headworks.core.dialect import Keeping
from headworks.core.errors import CallError, Malformed, UnknownAnswer
from headworks.core.kept_answer import Conversation, KeptAnswers
from headworks.core.request_id import request_id
from headworks.http.request_parser import Request
from headworks.server.admitted import Admitted
from headworks.server.exchange import Exchange
from headworks.server.problems import JSON, WrongMethod
from headworks.wire.json_text import write_json

RESPONSES: Final = "/v1/responses"
BELOW: Final = RESPONSES + "/"

_COMPACT: Final = BELOW + "compact"
_COUNT: Final = BELOW + "input_tokens"
_ITEMS: Final = "/input_items"
_CANCEL: Final = "/cancel"

_STREAM: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))

T = TypeVar("T")
Finding: TypeAlias = Callable[[str, str], Awaitable[Conversation | None]]


class UpgradeRefused(WrongMethod):
    """A WebSocket is asked for (RFC 9110, section 15.5.22). Codex asks by a POST then."""

    status = 426
    code = "upgrade_not_supported"
    upgrade = b"HTTP/1.1"


def refused(method: str, path: str, *, upgrades: bool) -> CallError | None:
    """Why a request at or below the path is not served where nothing is kept; None where it is another path, or a call."""
    if path == RESPONSES and method == "GET" and upgrades:
        return UpgradeRefused(f"{RESPONSES} takes no WebSocket: send a POST, which streams events.", "POST")
    if not path.startswith(BELOW):
        return None
    rest = path.removeprefix(BELOW)
    if method == "POST" and path == _COUNT:
        return Malformed("Counting tokens before a call is not served: the answer's `usage` has them.")
    if path == _COMPACT or (method == "POST" and not rest.endswith(_CANCEL)):
        return None
    return Malformed(
        f"{path[:128]} names an answer that is kept, and this gateway keeps none (its answers say `store: false`). Send the "
        "earlier turns in `input`. (To keep answers: `responses: {store: 30d}` in the system file.)",
        param="response_id",
    )


def names_kept(method: str, path: str) -> bool:
    """Whether a request is about a kept answer, and not a call."""
    return path.startswith(BELOW) and path not in (_COMPACT, _COUNT) and (method != "POST" or path.endswith(_CANCEL))


class KeptPaths:
    """`GET` and `DELETE /v1/responses/{id}`, its `input_items` and its `cancel`, over what is kept."""

    def __init__(self, kept: KeptAnswers, keeping: Keeping, chance: Callable[[int], int]) -> None:
        self.kept = kept
        self.keeping = keeping
        self.chance = chance

    async def serve(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        """Raises CallError."""
        method, rest = request.method, request.path.removeprefix(BELOW)
        key = "" if admitted.key is None else admitted.key.name
        query = dict(parse_qsl(request.query or "", keep_blank_values=True))
        if rest.endswith(_ITEMS):
            self._require(method, "GET", request.path)
            found = await self._found(self.kept.find, rest.removesuffix(_ITEMS), key)
            body = await self._off_loop(found, lambda: self.keeping.inputs(found, query))
        elif rest.endswith(_CANCEL):
            self._require(method, "POST", request.path)
            await self._found(self.kept.read, rest.removesuffix(_CANCEL), key)
            raise Malformed(
                "Cannot cancel a synchronous response: no answer is made in the background here.", param="response_id"
            )
        elif method == "DELETE":
            id = unquote(rest)
            if not await self.kept.delete(id, key):
                raise UnknownAnswer.named(id)
            body = write_json({"id": id, "object": "response", "deleted": True})
        else:
            self._require(method, "GET", request.path, "GET, DELETE")
            after = events_asked(query)
            found = await self._found(self.kept.read, rest, key)
            if after is not None:
                data = await self._off_loop(found, lambda: self.keeping.events(found, after))
                exchange.respond(200, [*_STREAM, self._id(), *admitted.cors], data)
                return
            body = await self._off_loop(found, lambda: self.keeping.body(found))
        exchange.respond(200, [JSON, self._id(), *admitted.cors], body)

    async def _found(self, find: Finding, rest: str, key: str) -> Conversation:
        id = unquote(rest)
        found = await find(id, key)
        if found is None:
            raise UnknownAnswer.named(id)
        return found

    async def _off_loop(self, found: Conversation, work: Callable[[], T]) -> T:
        """The work's result; in a thread where there is much to do."""
        if sum(map(len, found.turns)) + len(found.head) < LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(None, work)

    def _require(self, method: str, wanted: str, path: str, allow: str = "") -> None:
        if method != wanted:
            raise WrongMethod(f"{path[:128]} takes {allow or wanted}, not {method}.", allow or wanted)

    def _id(self) -> tuple[bytes, bytes]:
        return b"x-request-id", request_id(self.chance).encode()


def events_asked(query: dict[str, str]) -> int | None:
    """After which number events are asked for (-1: all of them); None where none are. Raises Malformed."""
    if query.get("stream", "false") not in ("true", "false"):
        raise Malformed("`stream` must be true or false.", param="stream")
    if query.get("stream") != "true":
        return None
    after = query.get("starting_after", "-1")
    if after != "-1" and not (after.isascii() and after.isdigit() and len(after) < 10):
        raise Malformed("`starting_after` must be the `sequence_number` of an event.", param="starting_after")
    return int(after)
