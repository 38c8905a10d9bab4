"""A provider's paths as they are: what a caller asks below its base URL is asked there with our key, and the answer goes on while it comes.

JSON is read whole, for ids in it are looked at before it goes out; anything else streams. Nothing is tried twice: nobody knows what a path
does.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, NamedTuple

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError, Expired, Failed, Unreachable
from headworks.core.masking import Mask
from headworks.core.passage import Passage
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening
from headworks.http.buffered import crowded
from headworks.http.client import Client, Exchange
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.providers.error_body import error_body
from headworks.providers.remote import JSON_TYPE, MOST_ANSWER, Remote, Streaming
from headworks.wire.passing import SIDE, PassedStream, boundary, is_multipart, path_error

_JSON: Final = b"application/json"
CONTENT: Final = "/content"
"""How the paths of a file's own bytes end, which are never read whole."""


class Passing:
    """The paths of one provider. Its account and connections are those of `remote`. before: what stands between its base URL and a
    path."""

    def __init__(self, remote: Remote, before: bytes = b"") -> None:
        self.remote = remote
        self.before = before

    def open(self, call: Call) -> Opening:
        return PassingVisit(self, call)


class Head(NamedTuple):
    """What came before the body. is_json: it is to be read whole."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    is_json: bool


class PassingVisit:
    """One request: entered when its head is there; leaving before its end closes the connection."""

    __slots__ = ("_before", "_call", "_exchange", "_remote", "_streaming")

    def __init__(self, passing: Passing, call: Call) -> None:
        self._remote = passing.remote
        self._before = passing.before
        self._call = call
        self._exchange: Exchange | None = None
        self._streaming: Streaming | None = None

    async def __aenter__(self) -> Reply:
        call, remote = self._call, self._remote
        passage, attempt = call.passage, call.attempt
        assert passage is not None
        assert attempt is not None
        mask = remote.mask
        try:
            exchange = self._exchange = await self._sent(passage)
            if remote.credential is not None:
                mask = remote.credential.mask
            head = await self._head(exchange, passage, mask)
            attempt.head_at = now()
            if head.is_json:
                data = await exchange.body(call.deadline_at, MOST_ANSWER)
                chunk = Chunk(data=mask.masked(data), has_content=True, last=True)
                return CompleteReply([chunk], headers=head.headers)
            decoder = PassedStream()
            decoder.is_headed = True  # a file may be empty
            self._streaming = Streaming(call, decoder, exchange, [], head.headers, mask)
        except TimedOut:
            self._release()
            raise Expired(phase="total" if call.deadline_at <= attempt.head_by else "answer") from None
        except (Unreachable, Expired) as error:  # nothing was sent
            self._release()
            error.args = (f"{remote.target.rstrip('/')}: {error.message}",)
            raise
        except Broken as broken:
            self._release()
            raise Failed(f"The connection broke before the answer came: {broken}") from broken
        except BaseException as error:
            self._release()
            if isinstance(error, CallError):
                mask.error(error)
            raise
        return self._streaming

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def _sent(self, passage: Passage) -> Exchange:
        """Writes the request."""
        call, remote = self._call, self._remote
        attempt, client = call.attempt, remote.client
        assert attempt is not None
        if client.buffered.size > client.buffered.most:
            raise crowded(client.buffered, was_sent=False)
        method, target, body = passage.method.encode(), address(client, self._before, passage), call.body
        headers = remote.headers
        if kind := content_type(passage, body):
            headers = headers.replace(JSON_TYPE, header_block([(b"content-type", kind)]))
        elif not body:
            headers = headers.replace(JSON_TYPE, b"")
        headers += header_block(remote.forwarded(call, SIDE))
        if remote.credential is not None:
            headers += await remote.credential.headers(method, target, body, attempt.connect_by)
        return await client.send(method, target, headers, body, attempt.connect_by)

    async def _head(self, exchange: Exchange, passage: Passage, mask: Mask) -> Head:
        """Raises CallError where the answer is an error."""
        attempt, remote = self._call.attempt, self._remote
        assert attempt is not None
        status, headers = await exchange.head(attempt.head_by)
        headers = mask.headers(headers)
        request_id, passing = SIDE.returned(headers, remote.returned)
        attempt.vendor_status, attempt.vendor_request_id = status, mask.text(request_id)
        if status >= 300:
            body = await error_body(exchange, attempt.head_by)
            raise path_error(status, headers, mask.masked(body), wall())
        kind = next((pair for pair in headers if pair[0] == b"content-type"), None)
        is_json = kind is not None and kind[1].lower().startswith(_JSON) and not passage.path.endswith(CONTENT)
        kind = kind or (b"content-type", b"application/octet-stream")
        return Head(status, (kind, *passing), is_json)

    def _release(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if self._streaming is not None and self._streaming.is_done:
            exchange.finish()
        else:
            exchange.release()


def address(client: Client, before: bytes, passage: Passage) -> bytes:
    """What is asked for: the path below the provider's base URL, its own query first."""
    target = client.origin.target(before + passage.path.encode())
    if not passage.query:
        return target
    return target + (b"&" if b"?" in target else b"?") + passage.query.encode()


def content_type(passage: Passage, body: bytes) -> bytes:
    """What the vendor is told that the body is. Of a form the boundary is said by which it was read."""
    if is_multipart(body) and passage.content_type.lower().startswith("multipart/"):
        return b"multipart/form-data; boundary=" + boundary(body)
    return passage.content_type.encode()
