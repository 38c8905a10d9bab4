"""What a gateway answers in each API in which a client may call it, as bytes."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.vtime import run_virtual
from headworks.gateway.leaves import OURS
from headworks.providers.scripted import Line, Scripted
from headworks.providers.translating import Translating
from headworks.testing import ask
from headworks.wire.client_apis import CLIENT_APIS, ClientApi

WORDS = list(CLIENT_APIS)


def called(api: ClientApi, *, streamed: bool, text: str = "Hi", model: str = "m") -> Call:
    """A call in this API as a client writes it, read as the gateway reads it."""
    body = api.written(model, text, 64, streamed=streamed)
    asked = api.caller.read(body, api.target(model, streamed=streamed))
    return Call(
        id="call-1",
        alias=asked.model,
        body=body,
        dialect=api.caller,
        streamed=asked.streamed,
        include_usage=asked.include_usage,
        max_output=asked.max_output,
    )


def answer(api: ClientApi, line: Line, *, streamed: bool) -> bytes:
    """The bytes of an answer."""
    leaf = Translating(Scripted([line]), OURS, "m")

    async def asked() -> bytes:
        return (await ask(leaf, called(api, streamed=streamed))).data

    return run_virtual(asked())
