"""A provider whose key changes: what the file says, what is sent, and what a credential that fails does to calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Denied
from headworks.core.masking import Mask
from headworks.credentials.credential import Bearer
from headworks.credentials.sigv4 import SigV4
from headworks.gateway.gateway import Gateway
from headworks.gateway.leaves import Leaves
from headworks.gateway.provider_credentials import credential_of
from headworks.system.schema.system import OpenAI, System
from headworks.wire.openai.caller import CHAT
from tests.system.files import NOWHERE, FakeMachine, odd, right, wrong

ANSWER = b'{"id":"1","choices":[{"index":0,"message":{"content":"key-1-is-long-enough"},"finish_reason":"stop"}]}'
BEDROCK = "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1"


class Keys:
    """A credential of the tests."""

    def __init__(self, fails: bool = False) -> None:
        self.problem = "no such role" if fails else ""
        self.mask = Mask()
        self.signed: list[tuple[bytes, bytes, bytes]] = []
        self.begun = self.closed = 0

    async def headers(self, method: bytes, path: bytes, body: bytes, by: float) -> bytes:
        if self.problem:
            raise Denied(self.problem)
        self.signed.append((method, path, body))
        secret = f"key-{len(self.signed)}-is-long-enough"
        self.mask = Mask([secret])
        return b"authorization: Signed %b\r\n" % secret.encode()

    def start(self) -> None:
        self.begun += 1

    async def close(self) -> None:
        self.closed += 1


def system(written: str = "{kind: aws}", url: str = BEDROCK, more: str = "") -> str:
    return (
        f"providers: {{v: {{dialect: openai, base_url: '{url}', credential: {written}{more}}}}}\nmodels: {{a: v/x}}\n"
    )


@asynccontextmanager
async def vendor() -> AsyncIterator[tuple[str, list[bytes]]]:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        length = int(heads[-1].lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        heads[-1] += await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(ANSWER), ANSWER))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", heads


def call() -> Call:
    body = b'{"model":"a","messages":[{"role":"user","content":"hi"}]}'
    return Call(id="1", alias="a", body=body, dialect=CHAT, deadline_at=now() + 5)


def test_each_request_is_signed_as_it_is_sent_and_the_token_of_that_moment_is_masked() -> None:
    async def main() -> None:
        keys = Keys()
        async with vendor() as (url, heads):
            leaves = Leaves(
                right(system(url=url, more=", region: us-east-1")), NOWHERE, seed=1, credentials=lambda *_: keys
            )
            await leaves.start()
            assert keys.begun == 1
            for _ in range(2):
                async with leaves.leaf("v", "x").open(call()) as reply:
                    [chunk] = await reply.read()
                if len(heads) == 1:
                    assert b'"content":"***"' in chunk.data
            await leaves.close()
        assert [head.count(b"authorization: Signed key-") for head in heads] == [1, 1]
        assert b"key-2-" in heads[1]
        method, path, body = keys.signed[0]
        assert (method, path) == (b"POST", b"/v1/chat/completions")
        assert heads[0].endswith(b"\r\n\r\n" + body)
        assert keys.closed == 1

    asyncio.run(main())


def test_without_a_credential_nothing_is_sent_and_the_next_tier_may_be_asked() -> None:
    async def main() -> None:
        async with vendor() as (url, heads):
            leaves = Leaves(
                right(system(url=url, more=", region: us-east-1")),
                NOWHERE,
                seed=1,
                credentials=lambda *_: Keys(fails=True),
            )
            with pytest.raises(Denied) as refused:
                async with leaves.leaf("v", "x").open(call()):
                    pass
            assert refused.value.retry == "elsewhere"
            assert heads == []
            await leaves.close()

    asyncio.run(main())


def test_a_provider_that_stays_keeps_its_credential_over_a_reload() -> None:
    async def main() -> None:
        made: list[Keys] = []

        def factory(name: str, provider: OpenAI, folder: Path) -> Keys:
            made.append(Keys())
            return made[-1]

        before = Leaves(right(system()), NOWHERE, seed=1, credentials=factory)
        same = Leaves(right(system()), NOWHERE, seed=2, before=before, credentials=factory)
        other = Leaves(right(system("{kind: aws, profile: p}")), NOWHERE, seed=3, before=same, credentials=factory)
        assert same.credentials == before.credentials
        assert other.credentials != same.credentials
        await before.close([same])
        assert [one.closed for one in made] == [0, 0]
        await same.close([other])
        await other.close()
        assert [one.closed for one in made] == [1, 1]

    asyncio.run(main())


def test_readiness_names_a_credential_that_cannot_be_refreshed(tmp_path: Path) -> None:
    async def main() -> None:
        gateway = Gateway(right(system()), tmp_path, seed=1)
        gateway.leaves.credentials["v"] = Keys(fails=True)
        assert "v: its credential cannot be refreshed: no such role" in gateway.troubles()
        await gateway.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("{kind: aws}", SigV4),
        ("{kind: aws, role: 'arn:aws:iam::1:role/r', external_id: 'e1', profile: p, session: s}", SigV4),
        ("{kind: google}", Bearer),
        ("{kind: azure}", Bearer),
        ("{kind: azure, tenant: t, client: c, secret: '${env:AZURE_SECRET}'}", Bearer),
    ],
)
def test_each_kind_is_made_without_its_library(written: str, kind: type) -> None:
    found: System = right(system(written), {"AZURE_SECRET": "s" * 20})
    provider = found.providers["v"]
    assert isinstance(provider, OpenAI)
    made = credential_of("v", provider, NOWHERE)
    assert type(made) is kind
    assert made.problem == ""
    assert odd(system(written), {"AZURE_SECRET": "s" * 20}) == []


def test_a_file_of_google_is_one_that_can_be_read() -> None:
    machine = FakeMachine({"account.json": b"{}"})
    assert right(system("{kind: google, file: account.json}"), machine=machine)
    [told] = wrong(system("{kind: google, file: other.json}"), machine=machine)
    assert "providers.v.credential.file: `other.json` cannot be read" in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (system(url="https://vendor.example/v1"), "the AWS region is not known"),
        (system("{kind: aws, external_id: e}"), "it goes with a role, and none is named"),
        (system("{kind: azure, secret: s, client: c}"), "`tenant` is missing"),
        (system(more=", api_key: 'k23456789012'"), "`api_key` is our key at this vendor, too"),
        (system(more=", headers: {x-api-key: 'k23456789012'}"), "`x-api-key` is our key at this vendor, too"),
        (system("{kind: gcp}"), "the kind `gcp` is not known"),
    ],
)
def test_what_cannot_work_is_told(text: str, problem: str) -> None:
    assert any(problem in told for told in wrong(text))


def test_a_library_that_is_missing_is_told_with_the_command_that_brings_it() -> None:
    [told] = wrong(system(), machine=FakeMachine(has_modules=False))
    assert "[aws]" in told


def test_a_token_over_http_is_warned_about() -> None:
    [told] = odd(system("{kind: google}", url="http://vendor.example/v1"))
    assert "the token is sent over the network unencrypted" in told


def test_vertex_is_geminis_dialect_with_a_token_of_google() -> None:
    async def main() -> bytes:
        keys = Keys()
        async with vendor() as (url, heads):
            text = f"providers: {{v: {{dialect: gemini, base_url: '{url}/publishers/google', credential: {{kind: google}}}}}}"
            leaves = Leaves(right(f"{text}\nmodels: {{a: v/g}}"), NOWHERE, seed=1, credentials=lambda *_: keys)
            with pytest.raises(CallError):  # the vendor of this file speaks another dialect
                async with leaves.leaf("v", "g").open(call()):
                    pass
            await leaves.close()
        return heads[0]

    head = asyncio.run(main())
    assert head.startswith(b"POST /v1/publishers/google/models/g:generateContent ")
    assert b"\r\nauthorization: Signed key-1-" in head
    assert b"x-goog-api-key" not in head
