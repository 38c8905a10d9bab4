"""A provider with `dialect: azure`: its address from its resource, its key in `api-key` or a token of Entra ID."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Dialect
from headworks.core.errors import Garbled
from headworks.gateway.leaves import Leaves
from headworks.system.schema.system import Azure
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.completions.caller import COMPLETIONS
from headworks.wire.openai.responses.caller import RESPONSES
from tests.stack.test_credentials import Keys, vendor
from tests.system.files import NOWHERE, odd, right, wrong

ENV = {"AZURE_OPENAI_API_KEY": "a" * 20}


def file(written: str) -> str:
    return f"providers: {{v: {{dialect: azure{written}}}}}\nmodels: {{a: v/my-gpt}}"


@pytest.mark.parametrize(
    ("written", "base_url"),
    [
        (", resource: acme", "https://acme.openai.azure.com/openai/v1"),
        (", resource: acme, api_version: 2024-10-21", "https://acme.openai.azure.com?api-version=2024-10-21"),
        (", base_url: 'https://acme.services.ai.azure.com/openai/v1'", "https://acme.services.ai.azure.com/openai/v1"),
    ],
)
def test_the_resource_makes_the_address(written: str, base_url: str) -> None:
    found = right(file(written), ENV).providers["v"]
    assert isinstance(found, Azure)
    assert (found.base_url, found.api_key is not None) == (base_url, True)
    assert odd(file(written), ENV) == []


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "`resource` is missing"),
        (", base_url: 'https://acme.openai.azure.com'", "Azure's older paths need a version of the API"),
        (", base_url: 'https://acme.openai.azure.com/openai/v1', api_version: preview", "so this has no effect"),
        (", resource: acme, api_version: 'not one'", "is not a version of an API"),
    ],
)
def test_what_cannot_work_is_told(written: str, problem: str) -> None:
    assert any(problem in told for told in wrong(file(written), ENV))


CHATS = b'{"model":"a","messages":[{"role":"user","content":"hi"}]}'


def request_of(written: str, dialect: Dialect = CHAT, body: bytes = CHATS) -> bytes:
    """The request that reaches Azure."""

    async def main() -> bytes:
        async with vendor() as (url, heads):
            text = file(written.replace("URL", url.removesuffix("/v1")))
            leaves = Leaves(right(text, ENV), NOWHERE, seed=1, credentials=lambda *_: Keys())
            call = Call(id="1", alias="a", body=body, dialect=dialect, deadline_at=now() + 5)
            with suppress(Garbled):  # what answers there speaks chat only
                async with leaves.leaf("v", "my-gpt").open(call) as reply:
                    await reply.read()
            await leaves.close()
            return heads[0]

    return asyncio.run(main())


def test_the_newer_paths_name_the_deployment_as_the_model_and_the_key_in_its_header() -> None:
    head = request_of(", base_url: 'URL/openai/v1'")
    assert head.startswith(b"POST /openai/v1/chat/completions HTTP/1.1\r\n")
    assert b"\r\napi-key: " + b"a" * 20 + b"\r\n" in head
    assert b"authorization" not in head.lower()
    assert b'"model":"my-gpt"' in head


def test_the_older_paths_have_the_deployment_and_the_version_in_them() -> None:
    head = request_of(", base_url: 'URL?api-version=2024-10-21'")
    assert head.startswith(b"POST /openai/deployments/my-gpt/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n")


def test_a_token_of_entra_id_takes_the_place_of_the_key() -> None:
    head = request_of(", base_url: 'URL/openai/v1', credential: {kind: azure}")
    assert b"\r\nauthorization: Signed key-1-" in head
    assert b"api-key" not in head


ASKS = b'{"model":"a","input":"hi","tools":[{"type":"namespace","name":"n","description":"","tools":[]}],"store":false}'


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (", base_url: 'URL/openai/v1'", "/openai/v1/responses"),
        (
            ", base_url: 'URL?api-version=2025-04-01-preview', apis: [chat, responses]",
            "/openai/responses?api-version=2025-04-01-preview",
        ),
    ],
)
def test_a_caller_of_responses_passes_as_it_is(written: str, path: str) -> None:
    head = request_of(written, RESPONSES, ASKS)
    assert head.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    assert head.endswith(ASKS.replace(b'"a"', b'"my-gpt"', 1))


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (", base_url: 'URL/openai/v1', apis: [chat]", "/openai/v1/chat/completions"),
        (
            ", base_url: 'URL?api-version=2024-10-21'",
            "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_a_caller_of_responses_is_translated_where_the_resource_is_not_asked_by_it(written: str, path: str) -> None:
    head = request_of(written, RESPONSES, b'{"model":"a","input":"hi"}')
    assert head.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    assert b'"messages"' in head


def test_legacy_completions_are_asked_by_the_older_paths_where_the_file_says_so() -> None:
    written = ", base_url: 'URL?api-version=2024-10-21', apis: [chat, completions]"
    head = request_of(written, COMPLETIONS, b'{"model":"a","prompt":"hi"}')
    assert head.startswith(b"POST /openai/deployments/my-gpt/completions?api-version=2024-10-21 HTTP/1.1\r\n")
