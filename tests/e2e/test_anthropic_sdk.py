"""Anthropic's official SDK against the gateway, by `base_url` alone: over a simulated vendor, and over a second gateway that
speaks Anthropic's API as a vendor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import ToolParam

from tests.e2e.running import Running, up
from tests.e2e.test_openai_sdk import VENDOR, records

pytestmark = pytest.mark.e2e

GATEWAY = """
version: 1
name: gateway
providers:
  remote: {dialect: anthropic, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "${env:VENDOR_KEY}"}
  wrong-key: {dialect: anthropic, base_url: "http://127.0.0.1:VENDOR/v1", api_key: wrong-secret-0123456789}
  sim: {dialect: simulated, first_token: {p50: 5ms, p99: 10ms}, per_token: {p50: 1ms, p99: 2ms}}
models:
  simulated: {targets: [sim/stand-in], price: {input: $1/M, output: $1/M}}
  remote: {targets: [remote/stand-in]}
  refused: {targets: [wrong-key/stand-in]}
keys:
  web: {key: caller-secret-0123456789}
  narrow: {key: narrow-secret-0123456789, models: [simulated]}
  poor: {key: poor-secret-0123456789, models: [simulated], budget: {amount: $0.000001, every: 1d}}
  slow: {key: slow-secret-0123456789, rpm: 1}
server: {listen: "127.0.0.1:PORT"}
log: {journal: gateway-journal}
"""

TOOL: ToolParam = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HELLO: list[Any] = [{"role": "user", "content": "Hello, who are you?"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sdk")
    with up(folder, VENDOR) as vendor:
        text = GATEWAY.replace("VENDOR/", f"{vendor.port}/")
        with up(folder, text, VENDOR_KEY="vendor-secret-0123456789") as running:
            yield running


def client_of(gateway: Running, key: str = "caller-secret-0123456789") -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client(gateway: Running) -> Iterator[anthropic.Anthropic]:
    with client_of(gateway) as client:
        yield client


def text_in(message: Any) -> str:
    return "".join([block.text for block in message.content if block.type == "text"])


@pytest.mark.parametrize("model", ["simulated", "remote"])
class TestMessages:
    def test_text(self, client: anthropic.Anthropic, model: str) -> None:
        answer = client.messages.create(model=model, max_tokens=20, messages=HELLO, system="Be brief.")
        assert text_in(answer)
        assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "max_tokens")
        assert answer.usage.input_tokens > 0
        assert answer.usage.output_tokens > 0
        assert answer._request_id is not None
        assert answer._request_id.startswith("req_")

    def test_a_stream_is_accumulated_to_a_whole_message(self, client: anthropic.Anthropic, model: str) -> None:
        with client.messages.stream(model=model, max_tokens=20, messages=HELLO) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()
        assert text == text_in(message)
        assert text
        assert message.stop_reason == "max_tokens"
        assert message.usage.output_tokens > 0

    def test_a_tool_is_called_and_its_result_taken(self, client: anthropic.Anthropic, model: str) -> None:
        messages: list[Any] = [{"role": "user", "content": "How is the weather in Paris?"}]
        with client.messages.stream(
            model=model,
            max_tokens=1000,
            messages=messages,
            tools=[TOOL],
            tool_choice={"type": "tool", "name": "weather"},
        ) as stream:
            message = stream.get_final_message()
        [call] = [block for block in message.content if block.type == "tool_use"]
        assert (call.name, message.stop_reason) == ("weather", "tool_use")
        assert isinstance(call.input["city"], str)
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny", "is_error": False}
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
        answer = client.messages.create(model=model, max_tokens=1000, messages=messages, tools=[TOOL])
        assert answer.content

    def test_tokens_are_counted(self, client: anthropic.Anthropic, model: str) -> None:
        counted = client.messages.count_tokens(model=model, messages=HELLO, system="Be brief.")
        assert counted.input_tokens == 7  # of 19 and 9 bytes, a token for four


def test_models_are_listed_in_this_apis_shape(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == ["simulated", "remote", "refused"]
    first = client.models.list(limit=1)
    assert (len(first.data), first.has_more, first.first_id) == (1, True, "simulated")
    assert [model.id for model in client.models.list(limit=1)] == ["simulated", "remote", "refused"]
    assert [model.id for model in client.models.list(before_id="remote")] == ["simulated"]
    one = client.models.retrieve("remote")
    assert (one.id, one.type, one.display_name) == ("remote", "model", "remote")
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nobody")


@pytest.mark.parametrize(
    ("fields", "key", "raised", "kind"),
    [
        ({"model": "nobody"}, "caller", anthropic.NotFoundError, "not_found_error"),
        ({"messages": []}, "caller", anthropic.BadRequestError, "invalid_request_error"),
        ({"model": "remote"}, "narrow", anthropic.NotFoundError, "not_found_error"),
        ({"model": "refused"}, "caller", anthropic.InternalServerError, "api_error"),
        ({}, "wrong", anthropic.AuthenticationError, "authentication_error"),
        ({}, "poor", anthropic.APIStatusError, "billing_error"),
    ],
)
def test_an_error_raises_the_class_that_its_user_catches(
    gateway: Running, fields: dict[str, Any], key: str, raised: type[anthropic.APIStatusError], kind: str
) -> None:
    asked: dict[str, Any] = {"model": "simulated", "max_tokens": 1000, "messages": HELLO, **fields}
    with client_of(gateway, f"{key}-secret-0123456789") as client:
        for stream in (False, True):
            with pytest.raises(raised) as caught:
                client.messages.create(**asked, stream=stream)
            body: Any = caught.value.body
            assert (body["type"], body["error"]["type"]) == ("error", kind)
            assert body["request_id"] == caught.value.request_id
            if kind == "billing_error":
                assert caught.value.status_code == 402
                assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_key_without_money_may_count_tokens(gateway: Running) -> None:
    with client_of(gateway, "poor-secret-0123456789") as client:
        for _ in range(2):
            assert client.messages.count_tokens(model="simulated", messages=HELLO).input_tokens == 5


def test_a_limit_raises_rate_limit_error_and_says_when_to_come_again(gateway: Running) -> None:
    with client_of(gateway, "slow-secret-0123456789") as client:
        client.messages.create(model="simulated", max_tokens=10, messages=HELLO)
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(model="simulated", max_tokens=10, messages=HELLO)
        assert int(caught.value.response.headers["retry-after"]) > 0


def test_a_caller_of_openais_api_is_served_by_a_vendor_of_anthropics(gateway: Running) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="caller-secret-0123456789", max_retries=0) as client:
        answer = client.chat.completions.create(model="remote", messages=HELLO)
        assert answer.choices[0].message.content
        assert answer.choices[0].finish_reason == "length"
        events = list(client.chat.completions.create(model="remote", messages=HELLO, stream=True))
        assert "".join([event.choices[0].delta.content or "" for event in events])
        assert events[-1].choices[0].finish_reason == "length"


def test_a_call_of_this_api_has_a_record_like_any_other_and_a_count_costs_nothing(
    gateway: Running, client: anthropic.Anthropic
) -> None:
    client.messages.create(
        model="simulated", max_tokens=100, messages=HELLO, metadata={"user_id": "ann"}, extra_query={"beta": "true"}
    )
    client.messages.count_tokens(model="simulated", messages=HELLO)
    asked, counted = records(gateway)[-2:]
    assert (asked.operation, asked.user, asked.outcome) == ("chat", "ann", "ok")
    assert asked.cost_nano
    assert (counted.operation, counted.cost_nano, counted.outcome) == ("count", 0, "ok")
