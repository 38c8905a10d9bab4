"""Fake vendors of each dialect, over sockets: the gateway's own client makes of each fault what it makes of OpenAI's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.drill.fake_api import api_at
from headworks.drill.fake_target import FakeTarget, expected_answer
from headworks.drill.fake_vendor_server import FakeVendorServer
from headworks.gateway.leaves import Leaves
from headworks.system.schema.drills import Fault
from headworks.testing import Answer, ask
from headworks.testing import call as chat_call
from headworks.wire.client_apis import CLIENT_APIS, ClientApi
from tests.stack.systems import system
from tests.wire.answering import called

VENDORS = {
    "chat": "{dialect: openai, base_url: URL}",
    "responses": "{dialect: openai, base_url: URL, apis: [responses]}",
    "completions": "{dialect: openai, base_url: URL, apis: [completions]}",
    "anthropic": "{dialect: anthropic, base_url: URL, api_key: none-of-anybody}",
    "gemini": "{dialect: gemini, base_url: URL, api_key: none-of-anybody}",
    "bedrock": "{dialect: bedrock, base_url: URL, api_key: none-of-anybody}",
}

FAULTS: tuple[Fault, ...] = (
    *("reset", "no_content", "empty", "html", "rate_limited", "rate_limited_bare", "out_of_credit", "server_error"),
    *("unavailable", "overloaded", "denied", "unknown_model", "context_length", "content_filter"),
    *("reset_after_head", "cut", "garbled_event", "missing_end", "content_filter_finish"),
)
"""Those that need no waiting."""

TOKENS = 3
QUESTION = "What does the keeper measure?"

OTHERWISE: dict[tuple[str, Fault], str] = {
    # Their filters end an answer that is empty, with a finish reason that says so.
    ("gemini", "content_filter"): "content_filter",
    ("bedrock", "content_filter"): "content_filter",
    # Its word for spent credit is that of a rate.
    ("gemini", "out_of_credit"): "Throttled",
    ("bedrock", "out_of_credit"): "Throttled",
}
"""What a vendor has no words for, or others."""


async def outcome(leaves: Leaves, api: ClientApi, model: str, *, streamed: bool) -> str:
    """The text of an answer, or its finish reason where it is short, or the class of the error."""
    at = now()
    if api.word == "completions":
        call = called(api, streamed=streamed, text=QUESTION, model=model)
    else:
        call = chat_call(QUESTION, alias=model, streamed=streamed, include_usage=streamed)
    call = msgspec.structs.replace(call, arrived_at=at, deadline_at=at + 30.0)
    try:
        answer: Answer = await ask(leaves.leaf("v", model), call)
    except CallError as error:
        return type(error).__name__
    return answer.finish if answer.finish not in ("stop", None) else answer.text  # type: ignore[return-value]


async def outcomes(vendor: str) -> dict[str, tuple[str, str]]:
    """What a call of each fault comes to: whole, streamed."""
    targets = {fault: FakeTarget(f"v/{fault}", TOKENS, 0, fault_at) for fault in (*FAULTS, "none")}
    server = FakeVendorServer(targets)
    await server.listen()
    text = f"version: 1\nproviders: {{v: {VENDORS[vendor].replace('URL', server.url)}}}\nmodels: {{a: v/none}}\n"
    leaves = Leaves(system(text), Path("."), seed=0)
    api = CLIENT_APIS["completions" if vendor == "completions" else "chat"]
    try:
        names = list(targets)
        came = await asyncio.gather(
            *[outcome(leaves, api, name, streamed=streamed) for name in names for streamed in (False, True)]
        )
        return {name: (came[2 * at], came[2 * at + 1]) for at, name in enumerate(names)}
    finally:
        await leaves.close()
        server.close()


def fault_at(target: str, at: float) -> Fault | None:
    name = target.partition("/")[2]
    return name if name in FAULTS else None  # type: ignore[return-value]


SAID = expected_answer(chat_call(QUESTION), TOKENS, 0)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_fault_comes_to_the_same_whatever_dialect_the_vendor_speaks(vendor: str) -> None:
    came = asyncio.run(outcomes(vendor))
    assert came["none"] == (SAID, SAID)
    wanted = {
        **dict.fromkeys(("reset", "server_error", "unavailable", "overloaded"), ("Failed", "Failed")),
        **dict.fromkeys(("no_content", "empty", "html"), ("Garbled", "Garbled")),
        **dict.fromkeys(("rate_limited", "rate_limited_bare"), ("Throttled", "Throttled")),
        **dict.fromkeys(("out_of_credit", "denied", "unknown_model"), ("Denied", "Denied")),
        "context_length": ("TooLong", "TooLong"),
        "content_filter": ("Filtered", "Filtered"),
        **dict.fromkeys(("reset_after_head", "cut"), ("Failed", "Cut")),
        "garbled_event": ("Garbled", "Cut"),
        "missing_end": ("Garbled", "Cut"),
        "content_filter_finish": ("content_filter", "content_filter"),
        **{fault: (said, said) for (name, fault), said in OTHERWISE.items() if name == vendor},
    }
    assert {fault: came[fault] for fault in wanted} == wanted


def test_no_fake_vendor_makes_up_an_api() -> None:
    with pytest.raises(ValueError, match="no fake vendor speaks the API of /v1/embeddings"):
        api_at("/v1/embeddings")
    assert isinstance(api_at("/v1/model/m%2F1/converse-stream").call("/v1/model/m%2F1/converse-stream", MESSAGE), Call)
    assert api_at("/v1/model/m%2F1/converse").call("/v1/model/m%2F1/converse", MESSAGE).alias == "m/1"


MESSAGE = b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"system":[{"text":"Be brief."}]}'
