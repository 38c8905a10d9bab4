"""A provider with `dialect: bedrock` over a socket: the path, the signature that botocore makes too, streams and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import msgspec
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Throttled
from headworks.credentials.credential import Credential
from headworks.credentials.refresher import Fetched, Refresher
from headworks.credentials.sigv4 import AwsKeys, Signer, SigV4
from headworks.gateway.leaves import Leaves
from headworks.system.schema.system import Bedrock, OpenAI
from headworks.wire.openai.caller import CHAT
from tests.system.files import NOWHERE, odd, right, wrong
from tests.wire.bedrock.frames import TEXT, WHOLE, exception, stream

KEYS = AwsKeys("AKIDEXAMPLE", "a secret key of forty letters and more", "a session token that is long")
MODEL = "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.amazon.nova-lite-v1:0"


@asynccontextmanager
async def vendor(answer: bytes, head: bytes = b"200 OK") -> AsyncIterator[tuple[str, list[bytes]]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        length = int(request.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        asked.append(request + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(answer), answer))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def signing(url: str) -> Callable[..., Credential]:
    async def fetch() -> Fetched[AwsKeys]:
        return Fetched(KEYS, None, (KEYS.secret_key, KEYS.token))

    return lambda *_: SigV4(Refresher("v", fetch), Signer(urlsplit(url).netloc, "eu-central-1", "bedrock"))


def leaves(url: str, more: str = "") -> Leaves:
    text = f"providers: {{v: {{dialect: bedrock, region: eu-central-1, base_url: '{url}'{more}}}}}\nmodels: {{a: v/{MODEL}}}"
    return Leaves(right(text), NOWHERE, seed=1, credentials=signing(url))


def call(*, streamed: bool) -> Call:
    body = {"model": "a", "messages": [{"role": "user", "content": "hi"}], "stream": streamed, "max_tokens": 9}
    return Call(
        id="1", alias="a", body=msgspec.json.encode(body), dialect=CHAT, streamed=streamed, deadline_at=now() + 5
    )


def parts(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    return line.split(" ")[1], dict(one.split(": ", 1) for one in rest), body


def test_a_call_is_signed_as_botocore_signs_it_and_answered_in_the_callers_words() -> None:
    async def main() -> None:
        async with vendor(json.dumps(WHOLE).encode()) as (url, asked):
            made = leaves(url, ", guardrail: {id: g1, version: '2'}")
            async with made.leaf("v", MODEL).open(call(streamed=False)) as reply:
                [chunk] = await reply.read()
            await made.close()
        said = json.loads(chunk.data)
        assert said["choices"][0]["finish_reason"] == "tool_calls"
        path, headers, body = parts(asked[0])
        assert path == f"/model/{MODEL.replace(':', '%3A').replace('/', '%2F')}/converse"
        assert json.loads(body)["guardrailConfig"]["guardrailIdentifier"] == "g1"
        request = AWSRequest("POST", f"{url}{path}", data=body)
        for name in ("X-Amz-Date", "X-Amz-Security-Token"):
            request.headers[name] = headers[name.lower()]
        request.context["timestamp"] = headers["x-amz-date"]
        signer = botocore.auth.SigV4Auth(
            ReadOnlyCredentials(KEYS.access_key, KEYS.secret_key, KEYS.token, None), "bedrock", "eu-central-1"
        )
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert headers["authorization"].endswith(f"Signature={signature}")

    asyncio.run(main())


def test_a_stream_is_told_as_the_callers_events() -> None:
    async def main() -> None:
        async with vendor(stream(TEXT)) as (url, asked):
            made = leaves(url)
            async with made.leaf("v", MODEL).open(call(streamed=True)) as reply:
                chunks = []
                while read := await reply.read():
                    chunks += read
            await made.close()
        assert asked[0].split(b" ")[1].endswith(b"/converse-stream")
        assert "".join(one.text for one in chunks) == "Hello wörld"
        assert chunks[-1].data.endswith(b"data: [DONE]\n\n")
        assert reply.usage is not None
        assert reply.usage.output_tokens == 12

    asyncio.run(main())


@pytest.mark.parametrize(
    ("head", "answer", "streamed"),
    [
        (b"429 Too Many Requests\r\nx-amzn-errortype: ThrottlingException", b'{"message":"slow down"}', False),
        (b"200 OK", exception("throttlingException", {"message": "slow down"}), True),
    ],
)
def test_a_limit_is_a_limit_before_a_stream_and_within_it(head: bytes, answer: bytes, streamed: bool) -> None:
    async def main() -> CallError:
        async with vendor(answer, head) as (url, _):
            made = leaves(url)
            try:
                async with made.leaf("v", MODEL).open(call(streamed=streamed)):
                    pass
            except CallError as error:
                return error
            finally:
                await made.close()
        raise AssertionError

    assert isinstance(asyncio.run(main()), Throttled)


def bedrock(written: str, env: dict[str, str] | None = None) -> Any:
    return right(f"providers: {{v: {written}}}\nmodels: {{a: v/x}}", env).providers["v"]


def test_the_region_is_all_that_has_to_be_written() -> None:
    found = bedrock("{dialect: bedrock, region: [eu-central-1, eu]}")
    assert isinstance(found, Bedrock)
    assert isinstance(found, OpenAI)
    assert found.base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert found.credential is not None
    assert found.api_key is None
    assert odd("providers: {v: {dialect: bedrock, region: eu-central-1}}\nmodels: {a: v/x}") == []


def test_a_bearer_key_of_the_environment_takes_the_place_of_a_credential() -> None:
    found = bedrock("{dialect: bedrock, region: us-east-1}", {"AWS_BEARER_TOKEN_BEDROCK": "b" * 20})
    assert found.credential is None
    assert found.api_key.reveal() == "b" * 20
    named = bedrock("{dialect: bedrock, region: us-east-1, credential: {kind: aws, profile: p}}")
    assert named.credential.profile == "p"


@pytest.mark.parametrize("env", [{}, {"AWS_BEARER_TOKEN_BEDROCK": "b" * 20}])
@pytest.mark.parametrize("written", ["", ", region: []"])
def test_a_missing_region_is_told(env: dict[str, str], written: str) -> None:
    told = wrong(f"providers: {{v: {{dialect: bedrock{written}}}}}\nmodels: {{a: v/x}}", env)
    assert [one for one in told if "providers.v.region: `region` is missing" in one]
