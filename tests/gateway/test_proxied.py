"""A system behind a proxy, from the environment to the answer, through a squid that alone knows the vendor's name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headworks.core.call import Call
from headworks.core.trail import Attempt
from headworks.gateway.leaves import Leaves
from headworks.wire.openai.caller import CHAT
from tests.http.peers import Caller, peer
from tests.http.proxies import squid
from tests.system.files import right

BODY = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
FILE = "providers: {{v: {{dialect: openai, base_url: 'http://vendor.test:{port}/v1/?api-version=1'}}}}\nmodels: {{a: v/m}}\n"


@pytest.mark.e2e
def test_a_system_in_an_environment_with_a_proxy_reaches_its_vendor_through_it(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def script(caller: Caller) -> None:
        asked.append(await caller.request())
        await caller.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY))
        await caller.gone()

    async def main(env: dict[str, str]) -> bytes:
        async with peer(script) as here:
            leaves = Leaves(right(FILE.format(port=here.port), env), tmp_path, seed=1)
            attempt = Attempt("v/m", "first", 0.0)
            call = Call(id="r", alias="a", body=b'{"model":"a","messages":[1]}', dialect=CHAT, attempt=attempt)
            async with leaves.leaf("v", "m").open(call) as reply:
                [chunk] = await reply.read()
            await leaves.close()
            return chunk.data

    with squid(tmp_path) as proxy:
        assert asyncio.run(main({"HTTP_PROXY": str(proxy)})) == BODY
    assert asked[0].startswith(b"POST /v1/chat/completions?api-version=1 HTTP/1.1\r\n")
    assert b"via:" in asked[0].lower()
