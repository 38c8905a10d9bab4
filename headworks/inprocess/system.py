"""A running system, asked in the API of the caller's choice: chat, Messages, Responses or Gemini's generateContent.

Always true: a call passes the same layers as one over HTTP (keys, retries, fallback, the record) and leaves them exactly
once, also when a stream is abandoned. Errors are those of `headworks.core.errors`, in whichever API was asked; those before the
first content are raised by the method itself. The body that goes in is the API's JSON, made from the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Literal, Protocol, Unpack, overload

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Asked
from headworks.core.digest import digest
from headworks.core.errors import Refused
from headworks.core.request_id import request_id
from headworks.core.service import Service
from headworks.core.session import Session
from headworks.inprocess.answers import Answer, Stream
from headworks.inprocess.fields import GenerateOptions, Message, MessagesOptions, Options, ResponsesOptions
from headworks.system.derived.same_as import SameAs
from headworks.wire.client_apis import CLIENT_APIS, OWN_API, ClientApi


class Running(Protocol):
    """What is asked of a gateway."""

    @property
    def front(self) -> Service: ...
    @property
    def same_as(self) -> SameAs | None: ...
    def aliases(self, credential: str | None) -> Sequence[str]: ...


class System:
    """A running system, to be asked. Made by `headworks.open`."""

    def __init__(self, gateway: Running, rng: Random) -> None:
        self._gateway = gateway
        self._rng = rng
        self._streams: dict[Stream, None] = {}
        self._is_closed = False

    def aliases(self, key: str | None = None) -> Sequence[str]:
        """The models that may be asked, with this key where the system has keys. Raises Unauthenticated."""
        return self._gateway.aliases(key)

    @overload
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: Literal[False] = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Answer: ...
    @overload
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: Literal[True],
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Stream: ...
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: bool = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Answer | Stream:
        """Asks an alias by OpenAI's chat. Returns when the whole answer is there, or with `stream=True` when its first content is.

        key: the secret of a caller, needed where the system file has `keys`. deadline: seconds from now after which the
        answer is worth nothing; it only shortens `timeouts.total`. extra: fields of the body that this API does not have. Raises a CallError; which one says whose turn it is.
        """
        fields = {**(extra or {}), **options, "model": model, "messages": messages, "stream": stream}
        return await self._ask("chat", model, fields, stream=stream, key=key, deadline=deadline)

    @overload
    async def messages(
        self,
        *,
        model: str,
        max_tokens: int,
        messages: Sequence[Message],
        stream: Literal[False] = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[MessagesOptions],
    ) -> Answer: ...
    @overload
    async def messages(
        self,
        *,
        model: str,
        max_tokens: int,
        messages: Sequence[Message],
        stream: Literal[True],
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[MessagesOptions],
    ) -> Stream: ...
    async def messages(
        self,
        *,
        model: str,
        max_tokens: int,
        messages: Sequence[Message],
        stream: bool = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[MessagesOptions],
    ) -> Answer | Stream:
        """Asks an alias by Anthropic's Messages: `system`, `tools`, `thinking`, ... as its SDK takes them. The rest is as in `chat`."""
        fields = {**(extra or {}), **options, "model": model, "max_tokens": max_tokens, "messages": messages}
        return await self._ask(
            "messages", model, {**fields, "stream": stream}, stream=stream, key=key, deadline=deadline
        )

    @overload
    async def responses(
        self,
        *,
        model: str,
        input: str | Sequence[Mapping[str, Any]],
        stream: Literal[False] = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[ResponsesOptions],
    ) -> Answer: ...
    @overload
    async def responses(
        self,
        *,
        model: str,
        input: str | Sequence[Mapping[str, Any]],
        stream: Literal[True],
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[ResponsesOptions],
    ) -> Stream: ...
    async def responses(
        self,
        *,
        model: str,
        input: str | Sequence[Mapping[str, Any]],
        stream: bool = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[ResponsesOptions],
    ) -> Answer | Stream:
        """Asks an alias by OpenAI's Responses. The rest is as in `chat`."""
        fields = {**(extra or {}), **options, "model": model, "input": input, "stream": stream}
        return await self._ask("responses", model, fields, stream=stream, key=key, deadline=deadline)

    @overload
    async def generate(
        self,
        *,
        model: str,
        contents: Sequence[Mapping[str, Any]],
        stream: Literal[False] = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[GenerateOptions],
    ) -> Answer: ...
    @overload
    async def generate(
        self,
        *,
        model: str,
        contents: Sequence[Mapping[str, Any]],
        stream: Literal[True],
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[GenerateOptions],
    ) -> Stream: ...
    async def generate(
        self,
        *,
        model: str,
        contents: Sequence[Mapping[str, Any]],
        stream: bool = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[GenerateOptions],
    ) -> Answer | Stream:
        """Asks an alias by Gemini's generateContent, or with `stream=True` by its streamGenerateContent. Fields are those of its JSON:
        `generationConfig`, `systemInstruction`, ... The rest is as in `chat`."""
        fields = {**(extra or {}), **options, "contents": contents}
        return await self._ask("gemini", model, fields, stream=stream, key=key, deadline=deadline)

    async def _ask(
        self, word: str, model: str, fields: Mapping[str, Any], *, stream: bool, key: str | None, deadline: float | None
    ) -> Answer | Stream:
        """Asks in this API. word: as in `wire/client_apis.py`."""
        if self._is_closed:  # its journal is closed too: a call would leave no record
            raise RuntimeError("this system was closed: ask it inside `async with headworks.open(...) as system`")
        api = CLIENT_APIS[word]
        call = self.call(msgspec.json.encode(fields), key, api=api, path=api.target(model, streamed=stream))
        if deadline is not None:
            call = msgspec.structs.replace(call, deadline_at=call.arrived_at + deadline)
        opening = self.front.open(call)
        reply = await opening.__aenter__()
        if call.streamed:
            return Stream(opening, reply, call.id, self._streams)
        try:
            [chunk] = await reply.read()
        except BaseException as error:
            await opening.__aexit__(type(error), error, error.__traceback__)
            raise
        await opening.__aexit__(None, None, None)
        return Answer(text=chunk.text, usage=reply.usage, finish=reply.finish, data=chunk.data, request_id=call.id)

    @property
    def front(self) -> Service:
        """What answers: for who opens calls by himself, such as those of `call`."""
        return self._gateway.front

    def call(self, body: bytes, key: str | None = None, *, api: ClientApi = OWN_API, path: str = "") -> Call:
        """The call that a body is, arriving now; its trail is what became of it. api: whose body it is, OpenAI's chat by default.
        path: where it would be posted, for an API whose model stands there."""
        refusal: Refused | None = None
        same_as = self._gateway.same_as
        try:
            asked = api.caller.read(body, path)
            refusal = asked.unkept
        except Refused as error:  # raised by Route, so that it is authenticated and recorded like any other call
            asked, refusal = Asked(model=""), error
        return Call(
            id=request_id(self._rng.getrandbits),
            alias=asked.model if same_as is None else same_as.alias(asked.model),
            body=body,
            dialect=api.caller,
            streamed=asked.streamed,
            include_usage=asked.include_usage,
            max_output=asked.max_output,
            user=asked.user,
            session=Session(asked.session) if asked.session else None,
            credential=key,
            arrived_at=now(),
            digest=digest(body),
            refusal=refusal,
        )

    async def close(self) -> None:
        """Takes no call any more, and leaves every stream that nobody read to its end."""
        self._is_closed = True
        for stream in list(self._streams):
            await stream.close()
