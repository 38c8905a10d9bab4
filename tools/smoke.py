"""What a new user does in the first minute, with the official SDK, against a gateway that is starting.

`python tools/smoke.py BASE_URL PID`: waits for the gateway, asks every model it names for an answer, whole and streamed,
makes the mistakes a newcomer makes, then sends SIGTERM to PID in mid-stream and sees the stream end as if nothing had
happened and the port close. It knows nothing of the package: only what the README promises. Any surprise is an exit of 1.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
from openai import APIConnectionError, BadRequestError, NotFoundError, OpenAI

START = 120.0  # seconds from a clean clone to the first answer, downloads included: the README's promise
DRAIN = 40.0  # the default of `server.drain` is 30s
QUESTION = "Name one colour of the rainbow."


def wait_until(question: Callable[[], bool], seconds: float, what: str) -> float:
    began = time.monotonic()
    while not question():
        if time.monotonic() - began > seconds:
            raise SystemExit(f"smoke: {what}: not within {seconds:.0f} s")
        time.sleep(0.2)
    return time.monotonic() - began


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_open(base_url: str) -> bool:
    parts = urlsplit(base_url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=1):
            return True
    except OSError:
        return False


def wait_for_start(base_url: str, pid: int) -> None:
    ready = base_url.removesuffix("/v1") + "/readyz"

    def is_ready() -> bool:
        if not is_alive(pid):
            raise SystemExit("smoke: `make run` ended before it served")
        try:
            return httpx.get(ready, timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    print(f"smoke: ready after {wait_until(is_ready, START, 'the gateway is ready'):.1f} s")


def ask(client: OpenAI, model: str) -> None:
    """A whole answer and a streamed one, each with text, a finish reason, a request id and counted tokens."""
    whole = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], max_tokens=16, temperature=0
    )
    assert whole.choices[0].message.content, f"{model}: an empty answer"
    assert whole.choices[0].finish_reason in ("stop", "length"), whole.choices[0].finish_reason
    assert whole.usage is not None and whole.usage.completion_tokens > 0, f"{model}: no usage"
    assert whole._request_id, f"{model}: no x-request-id"

    text, finish, counted = "", None, 0
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": QUESTION}],
        max_tokens=16,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ):
        if chunk.usage is not None:
            counted = chunk.usage.completion_tokens
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert text, f"{model}: an empty stream"
    assert finish in ("stop", "length"), f"{model}: a stream that ended with {finish}"
    assert counted > 0, f"{model}: a stream without usage"
    print(f"smoke: {model}: {whole.choices[0].message.content!r}, streamed: {text!r}")


def make_mistakes(client: OpenAI, model: str) -> None:
    try:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": QUESTION}])
    except NotFoundError as error:
        assert error.code == "model_not_found", error.code
        assert error.request_id, "an error without a request id"
    else:
        raise AssertionError("an unknown model was answered")
    for body in (b'{"model": ', b"[]", b'{"messages": []}', b'{"model": 7, "messages": []}'):
        reply = httpx.post(
            f"{client.base_url}chat/completions", content=body, headers={"content-type": "application/json"}
        )
        assert 400 <= reply.status_code < 500, f"{body!r}: {reply.status_code}"
        assert reply.json()["error"]["message"], reply.text
    try:
        client.chat.completions.create(model=model, messages="hello")  # type: ignore[arg-type]
    except BadRequestError as error:
        print(f"smoke: a newcomer's mistake reads: {error.message}")
    else:
        raise AssertionError("messages that are text were answered")


def stop_in_mid_stream(client: OpenAI, model: str, pid: int) -> None:
    finish = None
    stream = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], max_tokens=64, stream=True
    )
    signalled = False
    for chunk in stream:
        if not signalled:
            os.kill(pid, signal.SIGTERM)
            signalled = True
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
    assert finish in ("stop", "length"), f"SIGTERM cut a stream: it ended with {finish}"
    took = wait_until(lambda: not is_open(str(client.base_url)), DRAIN, "SIGTERM closes the port")
    try:
        client.models.list()
    except APIConnectionError:
        print(f"smoke: SIGTERM in mid-stream: the stream ended with {finish!r}, the port closed {took:.1f} s later")
    else:
        raise AssertionError("a stopped gateway answers")


def main(base_url: str, pid: int) -> None:
    wait_for_start(base_url, pid)
    client = OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=60)
    models = sorted(model.id for model in client.models.list())
    assert models, "the starter system names no model"
    for model in models:
        ask(client, model)
    make_mistakes(client, models[0])
    stop_in_mid_stream(client, models[0], pid)
    print("smoke: passed")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python tools/smoke.py BASE_URL PID")
    main(sys.argv[1], int(sys.argv[2]))
