"""The gateway in somebody else's server: uvicorn, alone and mounted under a Starlette application, by the official SDK."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import httpx
import msgspec
import openai
import pytest

from tests.e2e.running import free_port

pytestmark = pytest.mark.e2e

SYSTEM = """
version: 1
providers:
  sim: {dialect: simulated, first_token: {p50: 2ms, p99: 4ms}, per_token: {p50: 2ms, p99: 4ms}}
  slow: {dialect: simulated, first_token: {p50: 2ms, p99: 4ms}, per_token: {p50: 300ms, p99: 400ms}, concurrency: 1}
models: {assistant: sim, org/other: sim, slow: slow}
server: {max_body: 20kB}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""

OUTER = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from headworks.asgi import create

llm = create("system.yaml")
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("outer")), Mount("/llm", llm)])
tied = Starlette(routes=[Mount("/llm", llm)], lifespan=llm.lifespan)
"""
HELLO = [{"role": "user", "content": "Hello!"}]


@contextlib.contextmanager
def uvicorn(folder: Path, app: str, ready: str) -> Iterator[str]:
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "outer.py").write_text(OUTER)
    port = free_port()
    log = folder / "log.txt"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"],
            stdout=out,
            stderr=out,
            cwd=folder,
            env={**os.environ, "HEADWORKS_FILE": "system.yaml"},
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(URLError, ConnectionError):
                with urlopen(f"http://127.0.0.1:{port}{ready}", timeout=20) as answer:
                    assert answer.status == 200
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module", params=["alone", "mounted", "tied"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("asgi")
    app = {"alone": "headworks.asgi:app", "mounted": "outer:app", "tied": "outer:tied"}[request.param]
    root = "" if request.param == "alone" else "/llm"
    ready = "/" if request.param == "mounted" else f"{root}/readyz"
    with uvicorn(folder, app, ready) as url:
        yield f"{url}{root}", folder


@pytest.fixture(scope="module")
def client(base: tuple[str, Path]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base[0]}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_whole_answers_streams_and_lists(client: openai.OpenAI, base: tuple[str, Path]) -> None:
    whole = client.chat.completions.create(model="assistant", messages=HELLO, seed=5)  # type: ignore[call-overload]
    events = list(client.chat.completions.create(model="assistant", messages=HELLO, seed=5, stream=True))  # type: ignore[call-overload]
    assert "".join(event.choices[0].delta.content or "" for event in events) == whole.choices[0].message.content
    assert whole._request_id.startswith("req_")
    assert [model.id for model in client.models.list()] == ["assistant", "org/other", "slow"]
    assert client.models.retrieve("org/other").id == "org/other"
    lines = [line for file in (base[1] / "journal").glob("*.jsonl") for line in file.read_bytes().splitlines()]
    assert whole._request_id in [msgspec.json.decode(line)["request_id"] for line in lines]


def test_errors_keep_their_shape(client: openai.OpenAI, base: tuple[str, Path]) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=HELLO)  # type: ignore[arg-type]
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.with_options(base_url=f"{base[0]}/v2").models.list()
    assert httpx.head(f"{base[0]}/healthz").status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_the_bound_is_413(base: tuple[str, Path], is_chunked: bool) -> None:
    content = b"x" * 30_000
    sent = httpx.post(f"{base[0]}/v1/chat/completions", content=iter([content]) if is_chunked else content)
    assert sent.status_code == 413
    assert sent.json()["error"]["message"]
    assert sent.headers["x-request-id"].startswith("req_")


def test_a_caller_that_hangs_up_gives_its_slot_back(client: openai.OpenAI) -> None:
    """The vendor has one slot; unless hanging up leaves at once, the second stream finds none for half a minute."""
    for _ in range(2):
        deadline = time.monotonic() + 20
        while True:
            try:
                stream = client.chat.completions.create(model="slow", messages=HELLO, stream=True)  # type: ignore[call-overload]
                break
            except openai.InternalServerError:
                assert time.monotonic() < deadline, "the slot did not come back"
                time.sleep(0.02)
        next(iter(stream))
        stream.close()


def test_a_file_that_is_wrong_fails_the_start_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "headworks.yaml").write_text("version: 1\nproviders: {sim: {dialect: simulatd}}\n")
    command = [sys.executable, "-m", "uvicorn", "headworks.asgi:app", "--port", str(free_port())]
    env = {name: value for name, value in os.environ.items() if name != "HEADWORKS_FILE"}
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert "headworks.yaml:1:1" not in ran.stdout
    assert "did you mean `simulated`?" in ran.stdout + ran.stderr
