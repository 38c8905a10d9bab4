"""`headworks connect`: settings that name this system, and one call of each API."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headworks.cli.client_settings import CHAT, CLIENTS, GENERATE, MESSAGES, RESPONSES
from headworks.cli.connect import command
from headworks.cli.connect_check import ask
from headworks.http.client import Client
from headworks.http.dial import Origin
from tests.http.peers import Caller, peer

SYSTEM = """
version: 1
providers: {sim: {dialect: simulated}}
models: {org/large: sim/a, small: sim/b, 'claude-*': {same_as: small}}
server: {listen: "0.0.0.0:9099"}
keys: {web: {key: web-secret-0123456789}}
"""
ANSWER = b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\nok"


def connect(folder: Path, *arguments: str, text: str = SYSTEM) -> Result:
    file = folder / "headworks.yaml"
    file.write_text(text)
    return CliRunner().invoke(command, [*arguments, str(file)], standalone_mode=False)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_is_told_the_address_the_model_and_no_secret(name: str, tmp_path: Path) -> None:
    told = json.loads(connect(tmp_path, "--json", "--small", "claude-x", name).output)
    settings = "\n".join(one["text"] for one in told["settings"])
    assert "http://127.0.0.1:9099" in settings
    assert "org/large" in settings or name in ("openai", "anthropic")
    assert "web-secret" not in settings
    assert "HEADWORKS_KEY" in settings
    assert not re.search(r"@[A-Z]+@", settings)


def test_what_is_json_for_a_client_is_json(tmp_path: Path) -> None:
    for name in ("opencode", "gemini-cli"):
        settings = json.loads(connect(tmp_path, "--json", name).output)["settings"]
        [made] = [json.loads(one["text"]) for one in settings if one["where"].endswith(".json")]
        assert made


def test_without_a_client_they_are_listed_and_an_unknown_one_is_told_the_nearest(tmp_path: Path) -> None:
    listed = CliRunner().invoke(command, [])
    assert all(name in listed.output for name in CLIENTS)
    for arguments, said in (
        (["codx"], "did you mean `codex`?"),
        (["codex", "--model", "smal"], "did you mean `small`?"),
    ):
        refused = connect(tmp_path, *arguments)
        assert said in str(refused.exception)


def test_a_system_with_keys_says_where_one_is_wanted_and_one_without_that_none_is(tmp_path: Path) -> None:
    assert "This system needs a key" in connect(tmp_path, "codex").output
    assert "none-needed" in connect(tmp_path, "codex", text=SYSTEM.partition("server:")[0]).output
    assert "$WEB_KEY" in connect(tmp_path, "--key", "WEB_KEY", "codex").output


@pytest.mark.parametrize(
    ("path", "asked", "header"),
    [
        (CHAT, b"POST /v1/chat/completions ", b"authorization: Bearer k"),
        (RESPONSES, b"POST /v1/responses ", b"authorization: Bearer k"),
        (MESSAGES, b"POST /v1/messages ", b"x-api-key: k"),
        (GENERATE, b"POST /v1beta/models/org%2Flarge:generateContent ", b"x-goog-api-key: k"),
    ],
)
@pytest.mark.parametrize("status", [200, 402])
def test_a_check_asks_as_the_clients_of_that_api_do(path: str, asked: bytes, header: bytes, status: int) -> None:
    heads: list[bytes] = []

    async def script(caller: Caller) -> None:
        heads.append(await caller.request())
        await caller.say(ANSWER % status)

    async def run() -> None:
        async with peer(script) as here:
            found = await ask(Client(Origin(host="127.0.0.1", port=here.port)), path, "org/large", "k")
        assert (found.is_answered, found.status) == (status == 200, status)
        assert found.said == ("" if status == 200 else "ok")
        [head] = heads
        assert head.startswith(asked)
        assert header in head

    asyncio.run(run())


def test_nobody_there_is_said_so() -> None:
    found = asyncio.run(ask(Client(Origin(host="127.0.0.1", port=1)), CHAT, "m", None))
    assert not found.is_answered
    assert "refused" in found.said
