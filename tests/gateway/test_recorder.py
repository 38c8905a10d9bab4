"""`headworks record`: calls to one target over loopback, what is kept of them, and what is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from headworks.cli.exit_codes import CANNOT_SAY, HOLDS
from headworks.cli.record import recorded
from headworks.gateway.recorder import Recorder
from headworks.system.load import Loaded, read
from headworks.wire.capture import Capture

KEY = "sk-secret-0123456789abcdef"
SAID = "Ana Meier lives in Lisbon"
WHOLE = {
    "id": "chatcmpl-77",
    "object": "chat.completion",
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
}
EVENTS: list[dict[str, Any]] = [
    {"id": "chatcmpl-77", "choices": [{"index": 0, "delta": {"role": "assistant", "content": SAID}}]},
    {"id": "chatcmpl-77", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "chatcmpl-77", "choices": [], "usage": WHOLE["usage"]},
]
STREAM = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in EVENTS) + b"data: [DONE]\n\n"
REFUSAL = {"error": {"message": f"no such model for {KEY}", "type": "invalid_request_error", "code": "model_not_found"}}


def answer(asked: dict[str, Any]) -> tuple[int, bytes, bytes]:
    if asked["model"] == "no-such-model":
        return 404, b"application/json", json.dumps(REFUSAL).encode()
    if asked.get("stream"):
        return 200, b"text/event-stream", STREAM
    return 200, b"application/json", json.dumps(WHOLE).encode()


def spoiled(asked: dict[str, Any]) -> tuple[int, bytes, bytes]:
    """As `answer`, but that a tool is refused."""
    return (400, b"application/json", json.dumps(REFUSAL).encode()) if "tools" in asked else answer(asked)


@asynccontextmanager
async def vendor(answering: Callable[[dict[str, Any]], tuple[int, bytes, bytes]]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        status, kind, body = answering(json.loads(await reader.readexactly(length)))
        said = (
            b"HTTP/1.1 %d x\r\ncontent-type: %b\r\nopenai-organization: ana-inc\r\nx-ratelimit-limit-requests: 60\r\n"
        )
        said += b"connection: close\r\ncontent-length: %d\r\n\r\n%b"
        writer.write(said % (status, kind, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def loaded(url: str) -> Loaded:
    text = (
        f'version: 1\nproviders:\n  v: {{dialect: vllm, base_url: "{url}", api_key: "{KEY}"}}\n'
        "  s: {dialect: simulated}\nmodels:\n  a: {targets: v/m, price: {input: $1/M, output: $2/M}}\n  b: s\n"
    )
    return read(text.encode(), file="test.yaml", folder=Path(), env={})


def run(work: Callable[[str], Coroutine[Any, Any, Any]], answering: Any = answer) -> Any:
    async def main() -> Any:
        async with vendor(answering) as url:
            return await work(url)

    return asyncio.run(main())


def test_every_call_is_kept_with_filler_and_without_anything_of_the_account(tmp_path: Path) -> None:
    code = run(lambda url: recorded(loaded(url), "v/m", tmp_path, is_agreed=True, is_json=False))
    files = sorted(tmp_path.glob("vllm/*.json"))
    assert code == HOLDS
    assert [path.stem for path in files] == [
        "error",
        "error_streamed",
        "text",
        "text_streamed",
        "tool",
        "tool_streamed",
    ]
    for path in files:
        found = path.read_text()
        assert not any(word in found for word in ("Ana", "Lisbon", "ana-inc", KEY, "secret", "77", "127.0.0.1"))
        one = msgspec.json.decode(found, type=Capture)
        assert one.response.headers["x-ratelimit-limit-requests"] == "60"
        assert one.request.path == "/chat/completions"
        assert one.response.status == (404 if one.call.startswith("error") else 200)
    whole = msgspec.json.decode((tmp_path / "vllm/text.json").read_bytes(), type=Capture)
    filled = json.loads(whole.response.body)
    assert filled["choices"][0]["message"]["content"] == "Xxx Xxxxx xxxxx xx Xxxxxx"
    assert filled["usage"] == WHOLE["usage"]
    assert len(whole.response.body) == len(json.dumps(WHOLE))


def test_a_call_that_is_not_answered_is_told_and_the_others_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(lambda url: recorded(loaded(url), "a", tmp_path, is_agreed=True, is_json=True), spoiled)
    report = json.loads(capsys.readouterr().out)
    assert code == CANNOT_SAY
    assert list(report["files"]) == ["text", "text_streamed", "error", "error_streamed"]
    assert list(report["not_kept"]) == ["tool", "tool_streamed"]
    assert KEY not in json.dumps(report)


def test_what_it_costs_at_most_is_known_before_anything_is_sent() -> None:
    async def work(url: str) -> int | None:
        async with Recorder(loaded(url).system, Path(), "a") as asking:
            return asking.cost

    assert run(work) == 4 * (120 * 1_000 + 400 * 2_000)


@pytest.mark.parametrize("said", ["n\n", ""])
def test_nothing_is_sent_without_a_yes(tmp_path: Path, said: str) -> None:
    asked: list[Any] = []

    def noted(body: dict[str, Any]) -> tuple[int, bytes, bytes]:
        asked.append(body)
        return answer(body)

    with CliRunner().isolation(input=said):
        code = run(lambda url: recorded(loaded(url), "a", tmp_path, is_agreed=False, is_json=False), noted)
    assert (code, asked, list(tmp_path.iterdir())) == (CANNOT_SAY, [], [])


@pytest.mark.parametrize(
    ("target", "says"), [("v/other", "there is no target v/other"), ("b", "b is not asked over HTTP")]
)
def test_a_target_that_cannot_be_asked_is_said_so(target: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=says):
        run(lambda url: recorded(loaded(url), target, tmp_path, is_agreed=True, is_json=False))


def test_a_target_that_does_not_meet_the_constraints_is_not_asked() -> None:
    text = (
        "version: 1\nproviders:\n  v: {dialect: openai, base_url: 'https://v.example/v1', region: us}\n"
        "  w: {dialect: openai, base_url: 'https://w.example/v1', region: eu}\n"
        "models: {a: [v/m, w/m]}\nrequirements: {constraints: [{region: eu}]}\n"
    )
    system = read(text.encode(), file="test.yaml", folder=Path(), env={}).system
    with pytest.raises(KeyError):
        Recorder(system, Path(), "v/m")
    assert str(Recorder(system, Path(), "a").target) == "w/m"


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "vllm").write_text("a file stands there")
    with pytest.raises(click.ClickException, match="cannot be written"):
        run(lambda url: recorded(loaded(url), "a", tmp_path, is_agreed=True, is_json=False))
