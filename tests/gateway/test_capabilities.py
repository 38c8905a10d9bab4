"""A target that is known to be unable to serve a call is not tried; where none is able, the caller is told before anything is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.capability import MOST_READ, Needs
from headworks.core.clock import now
from headworks.core.dialect import Dialect
from headworks.core.errors import Failed, Resting, Throttled, Unable
from headworks.core.service import Service
from headworks.gateway.assemble import Assembled, assemble
from headworks.gateway.leaves import Leaves
from headworks.layers.balance import Balance, Capabilities
from headworks.ledger.journal import MemoryJournal
from headworks.prompts.frames import Source
from headworks.prompts.output import Output
from headworks.providers.scripted import Scripted, Stream
from headworks.system.schema.system import alias_identity
from headworks.testing import ask, call, virtual
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.needs import needs_of
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.responses.caller import RESPONSES
from tests.stack.systems import system

PICTURE = {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
PROVIDERS = """
version: 1
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
  house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}
"""


class World:
    """A stack over scripted vendors: who was asked, and what the journal has."""

    def __init__(self, models: str, **answers: list[Any]) -> None:
        self.journal = MemoryJournal()
        self.asked: list[str] = []
        self.vendors: dict[str, Scripted] = {}
        self.answers = answers
        self.made: Assembled = assemble(system(PROVIDERS + models), self.leaf, self.journal, seed=1)

    def leaf(self, provider: str, model: str) -> Service:
        world, name = self, f"{provider}/{model}"
        vendor = Scripted(self.answers.get(model.replace("-", "_").replace(".", "_"), [name]), repeat=True)

        class Leaf:
            def open(self, asked: Call) -> object:
                world.asked.append(name)
                return vendor.open(asked)

        return Leaf()  # type: ignore[return-value]

    async def ask(self, **fields: Any) -> str:
        content = fields.pop("content", None)
        asked = call(fields=fields, max_output=fields.get("max_tokens"))
        if content is not None:
            body = msgspec.json.decode(asked.body)
            body["messages"] = [{"role": "user", "content": content}]
            asked = msgspec.structs.replace(asked, body=msgspec.json.encode(body))
        return (await ask(self.made.front, asked)).text


@virtual
async def test_a_picture_goes_to_the_target_that_reads_it_and_text_to_the_first() -> None:
    world = World("models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/gpt-4o]}}")
    assert await world.ask(content=[PICTURE]) == "openai/gpt-4o"
    assert await world.ask() == "openai/gpt-3.5-turbo"
    assert [[one.why for one in record.attempts] for record in world.journal.records] == [["first"], ["first"]]


@virtual
async def test_within_a_tier_only_the_able_share_the_calls_and_their_retries() -> None:
    world = World(
        "models: {assistant: {targets: [[openai/gpt-3.5-turbo, openai/gpt-4o]]}}", gpt_4o=[Failed("no"), "yes"]
    )
    assert await world.ask(content=[PICTURE]) == "yes"
    assert world.asked == ["openai/gpt-4o"] * 2


@virtual
async def test_where_no_target_is_able_the_caller_is_told_the_field_and_the_targets_before_anything_is_sent() -> None:
    world = World("models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/o1-mini]}}")
    with pytest.raises(Unable) as told:
        await world.ask(content=[PICTURE])
    error = told.value
    assert (error.status, error.param, error.code) == (400, "image_url", "unsupported_by_model")
    for name in ("openai/gpt-3.5-turbo takes no images", "openai/o1-mini takes no images", "`image_url`"):
        assert name in error.message
    assert world.asked == []
    [record] = world.journal.records
    assert (record.status, record.outcome, record.attempts) == (400, "refused", [])


@virtual
async def test_the_only_able_target_is_the_last_resort_though_its_circuit_is_open_and_its_tier_is_not_the_last() -> (
    None
):
    models = "models: {assistant: {targets: [openai/gpt-4o, openai/gpt-3.5-turbo], retry: {attempts: 1}}}"
    world = World(models)
    circuit = world.made.shared.circuits["openai/gpt-4o"]
    circuit.set_aside(now() + 60.0, now())
    assert await world.ask(content=[PICTURE]) == "openai/gpt-4o"


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (CHAT, b'"code":"unsupported_by_model"'),
        (RESPONSES, b'"code":"unsupported_by_model"'),
        (MESSAGES, b'"type":"invalid_request_error"'),
        (GENERATE, b'"status":"INVALID_ARGUMENT"'),
    ],
)
def test_the_refusal_is_a_400_in_the_shape_of_every_api(dialect: Dialect, said: bytes) -> None:
    error = Unable("No target of this model can serve `image`.", param="image")
    assert dialect.status(error) == 400
    told = dialect.problem(error, "r-1").replace(b'": ', b'":')
    assert said in told
    assert b"No target of this model can serve `image`." in told


@virtual
async def test_a_prompts_schema_is_no_reason_because_it_is_asked_for_in_words() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    asked = msgspec.structs.replace(call(), body=msgspec.json.encode(body))
    source = Source(name="a", version="1", file="a.md", turns=(), output={"type": "object"})
    assert "structured_output" in needs_of(asked).features
    assert not needs_of(msgspec.structs.replace(asked, output=Output(source))).features


@virtual
async def test_an_error_of_a_vendor_is_shown_and_not_that_the_rest_is_unable() -> None:
    models = "models: {assistant: {targets: [openai/gpt-4o, openai/gpt-3.5-turbo], retry: {attempts: 1}}}"
    world = World(models, gpt_4o=[Failed("The server had an error.")])
    with pytest.raises(Failed):
        await world.ask(content=[PICTURE])
    assert world.asked == ["openai/gpt-4o"]


@virtual
async def test_a_vendor_that_says_429_is_not_left_for_a_target_of_its_tier_that_is_unable() -> None:
    models = "models: {assistant: {targets: [[openai/gpt-4o, openai/gpt-3.5-turbo]]}}"
    world = World(models, gpt_4o=[Throttled("slow", retry_after=1.0), "yes"])
    assert await world.ask(content=[PICTURE]) == "yes"
    assert world.asked == ["openai/gpt-4o"] * 2


@virtual
async def test_the_last_tier_that_is_able_waits_as_the_last_one_does() -> None:
    """For a vendor's Retry-After beyond the longest pause, and for a slot at the target."""
    models = (
        "models: {assistant: {targets: [{provider: openai, model: gpt-4o, concurrency: 1}, openai/gpt-3.5-turbo], "
        "retry: {attempts: 2, backoff: 1s..2s}}}"
    )
    world = World(models, gpt_4o=[Throttled("slow", retry_after=20.0), "yes"])
    began = now()
    assert await world.ask(content=[PICTURE]) == "yes"
    assert now() - began >= 20.0
    slow = World(models, gpt_4o=[Stream(pieces=[1.0, "ab"])])
    said = await asyncio.gather(*(slow.ask(content=[PICTURE]) for _ in range(3)))
    assert said == ["ab"] * 3
    assert slow.asked == ["openai/gpt-4o"] * 3


@virtual
async def test_what_is_unknown_never_refuses() -> None:
    world = World("models: {assistant: {targets: [house/anything]}}")
    assert await world.ask(content=[PICTURE], tools=TOOLS, max_tokens=10**9) == "house/anything"


@virtual
async def test_a_bound_above_a_models_own_goes_to_a_target_that_allows_it() -> None:
    world = World("models: {assistant: {targets: [openai/gpt-4o, openai/gpt-5-mini]}}")
    assert await world.ask(max_tokens=16384) == "openai/gpt-4o"
    assert await world.ask(max_tokens=16385) == "openai/gpt-5-mini"
    with pytest.raises(Unable, match="answers with at most 16384 tokens"):
        await world.ask(max_tokens=1_000_000)


@virtual
async def test_a_text_that_cannot_fit_into_a_window_goes_to_a_larger_one() -> None:
    models = (
        "models: {assistant: {targets: [{provider: house, model: small, context_window: 100}, "
        "{provider: house, model: large, context_window: 1k}]}}"
    )
    world = World(models)
    assert await world.ask(content="a" * 1600) == "house/small"
    assert await world.ask(content="a" * 1601) == "house/large"
    inline = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}]
    assert await world.ask(content=inline) == "house/small"  # a picture's bytes are no text


@virtual
async def test_the_system_file_says_otherwise_than_the_table() -> None:
    models = """
models:
  assistant:
    targets:
      - {provider: openai, model: gpt-3.5-turbo, capabilities: {images: true, max_output: 8k}}
      - {provider: house, model: blind, capabilities: {images: false, tools: false, max_output: 10}}
"""
    world = World(models)
    assert await world.ask(content=[PICTURE], max_tokens=8000) == "openai/gpt-3.5-turbo"
    capabilities = world.made.shared.capabilities
    assert capabilities["house/blind"].lacks == {"images", "tools"}
    assert capabilities["house/blind"].max_output == 10
    assert capabilities["openai/gpt-3.5-turbo"].lacks >= {"audio"}


@virtual
async def test_a_refusal_names_a_few_targets_only() -> None:
    targets = ", ".join(f"{{provider: house, model: m{n}, capabilities: {{images: false}}}}" for n in range(10))
    world = World(f"models: {{assistant: {{targets: [{targets}]}}}}")
    with pytest.raises(Unable, match="; and 2 more"):
        await world.ask(content=[PICTURE])


@virtual
async def test_an_able_target_without_room_is_no_reason_to_say_that_nobody_is_able() -> None:
    models = "models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/gpt-4o]}}"
    world = World(models)
    world.made.shared.circuits["openai/gpt-4o"].rest(now() + 1000.0, now(), is_limit=False)
    with pytest.raises(Resting):
        await world.ask(content=[PICTURE])
    assert world.asked == []


def balances(made: Assembled) -> list[Balance]:
    """The balances of the alias `assistant`, tier by tier."""
    inside: Any = made.front
    while not hasattr(inside, "tiers"):
        inside = inside.aliases["assistant"] if hasattr(inside, "aliases") else inside.inner
    return [retry.inner for retry in inside.tiers]


@virtual
async def test_an_ordinary_call_is_not_read_to_know_that_it_is_ordinary() -> None:
    world = World("models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/gpt-4o]}}")
    read: list[Call] = []

    def needs(asked: Call) -> Needs:
        read.append(asked)
        return Needs()

    for balance in balances(world.made):
        assert balance.known is not None
        balance.known = Capabilities(balance.known.candidates, balance.known.gaps, needs)
    assert await world.ask(temperature=0.5, max_tokens=100) == "openai/gpt-3.5-turbo"
    assert read == []
    await world.ask(content=[PICTURE])
    assert len(read) == 1


@virtual
async def test_a_body_of_many_megabytes_is_not_read_for_what_it_needs() -> None:
    world = World("models: {assistant: {targets: [openai/gpt-3.5-turbo, openai/gpt-4o]}}")
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * MOST_READ}}
    assert await world.ask(content=[inline]) == "openai/gpt-3.5-turbo"


def test_nothing_known_leaves_nothing_to_look_at() -> None:
    targets = "[{provider: house, model: a}, {provider: house, model: b}]"
    world = World(f"models: {{assistant: {{targets: {targets}}}}}")
    assert [one.known for one in balances(world.made)] == [None, None]


def test_a_vendor_is_known_by_the_apis_whose_bytes_it_takes() -> None:
    read = system(PROVIDERS + "models: {assistant: {targets: [house/m]}}")
    leaves = Leaves(read, Path("."), seed=1)
    made = assemble(read, leaves.leaf, MemoryJournal(), seed=1)
    assert "openai.chat" in made.shared.capabilities["house/m"].speaks
    assert "anthropic.messages" not in made.shared.capabilities["house/m"].speaks


def test_a_file_that_writes_no_capabilities_has_the_digest_that_it_had() -> None:
    text = """
version: 1
providers: {openai: {dialect: openai, base_url: "https://api.openai.com/v1"}}
models: {assistant: {targets: [openai/gpt-5-mini]}}
"""
    read = system(text)
    assert read.digest == "be6268a5e2fa0f0ab89f38b1f488da09"
    assert alias_identity(read, "assistant") == "ba119d30efffad8144df50b07ff06b08"
    written = system(
        text.replace("[openai/gpt-5-mini]", "[{provider: openai, model: gpt-5-mini, capabilities: {tools: false}}]")
    )
    assert written.digest != read.digest
