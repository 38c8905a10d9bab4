"""The official SDK against the gateway, by `base_url` alone: over a simulated vendor, and over a second gateway as one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import openai
import pytest
from pydantic import BaseModel

from headworks.core.record import Record
from tests.e2e.running import Running, up

pytestmark = pytest.mark.e2e

VENDOR = """
version: 1
name: vendor
providers:
  sim: {dialect: simulated, first_token: {p50: 5ms, p99: 10ms}, per_token: {p50: 1ms, p99: 2ms}}
models:
  stand-in: {targets: [sim/stand-in]}
keys:
  gateway: {key: vendor-secret-0123456789}
  other: {key: another-secret-0123456789}
responses: {store: 30d}
server: {listen: "127.0.0.1:PORT"}
log: {journal: vendor-journal}
"""

GATEWAY = """
version: 1
name: gateway
providers:
  remote: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "${env:VENDOR_KEY}"}
  native: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: "${env:VENDOR_KEY}", apis: [chat, responses]}
  wrong-key: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1", api_key: wrong-secret-0123456789}
  sim: {dialect: simulated, first_token: {p50: 5ms, p99: 10ms}, per_token: {p50: 1ms, p99: 2ms}}
models:
  simulated: {targets: [sim/stand-in]}
  remote: {targets: [remote/stand-in]}
  native: {targets: [native/stand-in]}
  refused: {targets: [wrong-key/stand-in]}
keys:
  web: {key: caller-secret-0123456789}
  narrow: {key: narrow-secret-0123456789, models: [simulated]}
server: {listen: "127.0.0.1:PORT"}
log: {journal: gateway-journal}
"""

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
                "required": ["city", "unit"],
            },
        },
    }
]
HELLO = [{"role": "user", "content": "Hello, who are you?"}]


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("sdk"), VENDOR) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(vendor: Running) -> Iterator[Running]:
    text = GATEWAY.replace("VENDOR/", f"{vendor.port}/")
    with up(vendor.folder, text, VENDOR_KEY="vendor-secret-0123456789") as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="caller-secret-0123456789", max_retries=0) as client:
        yield client


def records(gateway: Running, folder: str = "gateway-journal") -> list[Record]:
    lines = [
        line for file in sorted((gateway.folder / folder).glob("*.jsonl")) for line in file.read_bytes().splitlines()
    ]
    return [msgspec.json.decode(line, type=Record) for line in lines]


@pytest.mark.parametrize("model", ["simulated", "remote"])
class TestChat:
    def test_text(self, client: openai.OpenAI, model: str) -> None:
        answer = client.chat.completions.create(model=model, messages=HELLO)
        assert answer.choices[0].message.content
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is not None
        assert answer.usage.completion_tokens > 0
        assert answer._request_id is not None
        assert answer._request_id.startswith("req_")

    def test_a_stream_says_what_the_whole_answer_says(self, client: openai.OpenAI, model: str) -> None:
        whole = client.chat.completions.create(model=model, messages=HELLO, seed=5)
        events = list(client.chat.completions.create(model=model, messages=HELLO, seed=5, stream=True))
        text = "".join(event.choices[0].delta.content or "" for event in events)
        assert text == whole.choices[0].message.content
        assert events[-1].choices[0].finish_reason == "stop"
        assert all(event.usage is None for event in events)

    def test_usage_comes_with_a_stream_where_it_was_asked_for(self, client: openai.OpenAI, model: str) -> None:
        events = list(
            client.chat.completions.create(
                model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )
        assert events[-1].choices == []
        assert events[-1].usage is not None
        assert events[-1].usage.completion_tokens > 0

    def test_tools(self, client: openai.OpenAI, model: str) -> None:
        answer = client.chat.completions.create(model=model, messages=HELLO, tools=TOOLS, tool_choice="required")  # type: ignore[call-overload]
        [call] = answer.choices[0].message.tool_calls
        assert call.function.name == "weather"
        assert set(msgspec.json.decode(call.function.arguments)) == {"city", "unit"}
        assert answer.choices[0].finish_reason == "tool_calls"

    def test_streamed_tools(self, client: openai.OpenAI, model: str) -> None:
        with client.chat.completions.stream(model=model, messages=HELLO, tools=TOOLS, tool_choice="required") as stream:  # type: ignore[arg-type]
            final = stream.get_final_completion()
        assert final.choices[0].message.tool_calls is not None
        assert final.choices[0].message.tool_calls[0].function.name == "weather"

    def test_parse(self, client: openai.OpenAI, model: str) -> None:
        answer = client.chat.completions.parse(model=model, messages=HELLO, response_format=Person)
        assert isinstance(answer.choices[0].message.parsed, Person)

    def test_streamed_parse(self, client: openai.OpenAI, model: str) -> None:
        with client.chat.completions.stream(model=model, messages=HELLO, response_format=Person) as stream:
            assert isinstance(stream.get_final_completion().choices[0].message.parsed, Person)

    def test_several_choices(self, client: openai.OpenAI, model: str) -> None:
        answer = client.chat.completions.create(model=model, messages=HELLO, n=3)
        assert [choice.index for choice in answer.choices] == [0, 1, 2]

    def test_embeddings(self, client: openai.OpenAI, model: str) -> None:
        answer = client.embeddings.create(model=model, input=["one", "two"])
        assert len(answer.data) == 2
        assert len(answer.data[0].embedding) > 10

    def test_every_call_has_a_record_with_its_tokens(self, client: openai.OpenAI, gateway: Running, model: str) -> None:
        for stream in (False, True):
            answer = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, stream=stream)
            request_id = answer.headers["x-request-id"]
            answer.http_response.read()
            found = [record for record in records(gateway) if record.request_id == request_id]
            assert [(record.outcome, record.key, record.model) for record in found] == [("ok", "web", model)]
            assert found[0].tokens is not None
            assert found[0].tokens.output_tokens > 0


def test_models_are_listed_by_what_a_key_may_use(client: openai.OpenAI, gateway: Running) -> None:
    assert [model.id for model in client.models.list()] == ["simulated", "remote", "native", "refused"]
    assert client.models.retrieve("remote").id == "remote"
    narrow = client.with_options(api_key="narrow-secret-0123456789")
    assert [model.id for model in narrow.models.list()] == ["simulated"]
    with pytest.raises(openai.NotFoundError):
        narrow.models.retrieve("remote")


def test_errors_raise_the_class_that_a_user_catches(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="nobody").chat.completions.create(model="simulated", messages=HELLO)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=HELLO)
    assert unknown.value.code == "model_not_found"
    assert unknown.value.request_id is not None
    with pytest.raises(openai.BadRequestError) as malformed:
        client.chat.completions.create(model="simulated", messages=[])
    assert malformed.value.param == "messages"


def test_a_vendor_that_refuses_us_is_502_and_never_401(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model="refused", messages=HELLO)
    assert error.value.status_code == 502
    assert str(error.value.code).startswith("upstream_")
    assert "wrong-secret" not in str(error.value)


def test_a_vendors_own_400_is_shown_as_it_came(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model="remote", messages=HELLO, n=0)
    assert error.value.param == "n"


def test_nothing_of_the_journal_holds_a_secret_or_a_text(client: openai.OpenAI, gateway: Running) -> None:
    client.chat.completions.create(model="remote", messages=[{"role": "user", "content": "my private words"}])
    content = b"".join(gateway.journal)
    assert b"private" not in content
    assert b"secret" not in content


def test_sigterm_drains_a_stream_to_its_end(tmp_path: Path) -> None:
    slow = VENDOR.replace("per_token: {p50: 1ms, p99: 2ms}", "per_token: {p50: 12ms, p99: 13ms}")
    with up(tmp_path, slow) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="vendor-secret-0123456789", max_retries=0)
        stream = client.chat.completions.create(model="stand-in", messages=HELLO, stream=True)
        events = [next(stream)]
        running.process.terminate()
        events += list(stream)
        assert events[-1].choices[0].finish_reason == "stop"
        assert running.process.wait(60) == 0
        client.close()


@pytest.mark.parametrize("signals", [1, 2])
def test_a_stream_on_a_connection_that_its_caller_keeps_holds_nothing_up(tmp_path: Path, signals: int) -> None:
    pace = "{p50: 12ms, p99: 13ms}" if signals == 1 else "{p50: 5s, p99: 6s}"
    body = msgspec.json.encode({"model": "stand-in", "messages": HELLO, "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "Authorization: Bearer vendor-secret-0123456789\r\n\r\n"
    with up(tmp_path, VENDOR.replace("per_token: {p50: 1ms, p99: 2ms}", f"per_token: {pace}")) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as caller:
            caller.sendall(head.encode() + body)
            answer = caller.recv(65536)
            assert b"connection: close" not in answer
            running.process.terminate()
            if signals == 2:
                while b"draining" not in running.said():
                    time.sleep(0.01)
                running.process.terminate()
            while piece := caller.recv(65536):
                answer += piece
            assert (b"[DONE]" in answer) is (signals == 1)
            assert running.process.wait(20) == 0


# Responses, and legacy completions: a vendor of chat, and one that has Responses

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


@pytest.mark.parametrize("model", ["simulated", "native"])
class TestResponses:
    def test_create_stream_and_parse(self, client: openai.OpenAI, model: str) -> None:
        answer = client.responses.create(model=model, input="Hello, who are you?")
        assert answer.output_text
        assert (answer.status, answer.store) == ("completed", False)  # type: ignore[attr-defined]
        assert answer.usage is not None
        assert answer.usage.output_tokens > 0
        with client.responses.stream(model=model, input="Hello, who are you?") as stream:
            text = "".join([event.delta for event in stream if event.type == "response.output_text.delta"])
            assert stream.get_final_response().output_text == text != ""
        parsed = client.responses.parse(model=model, input="Who?", text_format=Person)
        assert isinstance(parsed.output_parsed, Person)

    def test_a_tools_call_and_its_result(self, client: openai.OpenAI, model: str) -> None:
        asked = {"role": "user", "content": "What is the weather in Paris?"}
        choice = {"type": "function", "name": "weather"}
        first = client.responses.create(model=model, input=[asked], tools=[WEATHER], tool_choice=choice)  # type: ignore[call-overload]
        [call] = [item for item in first.output if item.type == "function_call"]
        assert call.name == "weather"
        said = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        items = [asked, *[item.to_dict() for item in first.output], said]
        second = client.responses.create(model=model, input=items, tools=[WEATHER], tool_choice="none")  # type: ignore[call-overload]
        assert second.output_text

    def test_an_answer_that_is_out_of_tokens_is_incomplete(self, client: openai.OpenAI, model: str) -> None:
        answer = client.responses.create(model=model, input="Tell me all", max_output_tokens=16)
        if answer.status == "incomplete":
            assert answer.incomplete_details is not None
            assert answer.incomplete_details.reason == "max_output_tokens"

    def test_errors_raise_the_class_that_users_catch(self, client: openai.OpenAI, model: str) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model=model, input="x", previous_response_id="resp_1")
        assert caught.value.param == "previous_response_id"
        with pytest.raises(openai.NotFoundError):
            client.responses.create(model="nobody", input="x")
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").responses.create(model=model, input="x")
        with pytest.raises(openai.InternalServerError):
            client.responses.create(model="refused", input="x", stream=True)
        with pytest.raises(openai.BadRequestError):
            client.responses.retrieve("resp_1")


def test_legacy_completions_are_one_turn(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="simulated", prompt="Say hello", max_tokens=20)
    assert answer.choices[0].text
    texts = [chunk.choices[0].text for chunk in client.completions.create(model="simulated", prompt="Say", stream=True)]
    assert "".join(texts)
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="simulated", prompt="Say", suffix="!")


def test_a_conversation_is_gone_on_with_by_its_last_answer_read_listed_and_deleted(vendor: Running) -> None:
    with openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="vendor-secret-0123456789", max_retries=0) as client:
        first = client.responses.create(model="stand-in", input="My name is Ann.")
        with client.responses.stream(model="stand-in", input="Who am I?", previous_response_id=first.id) as stream:
            for _ in stream:
                pass
            second = stream.get_final_response()
        assert (first.store, second.store, second.previous_response_id) == (True, True, first.id)
        third = client.responses.create(model="stand-in", input="Go on.", previous_response_id=second.id, store=False)
        assert third.store is False
        read = client.responses.retrieve(second.id)
        assert (read.id, read.output_text, read.usage) == (second.id, second.output_text, second.usage)
        items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
        assert [(item.type, getattr(item, "role", "")) for item in items] == [
            ("message", "user"),
            ("message", "assistant"),
            ("message", "user"),
        ]
        with client.responses.stream(response_id=second.id) as replay:
            assert [event.type for event in replay][-1] == "response.completed"
        with pytest.raises(openai.NotFoundError):
            client.with_options(api_key="another-secret-0123456789").responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
            client.responses.cancel(first.id)
        client.responses.delete(first.id)
        for id in (first.id, third.id):
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(id)
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="stand-in", input="x", previous_response_id=first.id)
        assert caught.value.code == "previous_response_not_found"
