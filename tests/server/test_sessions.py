"""Which session a call belongs to, as clients say it in headers and bodies, and as its record has it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.record import MOST_TEXT
from headworks.providers.scripted import Scripted
from tests.server.test_app import OPEN, Facing, virtual

CLAUDE = {"model": "assistant", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
CHAT = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}
RESPONSES = {"model": "assistant", "input": "Hi"}


async def recorded(
    path: str, body: dict[str, Any], headers: dict[str, str] | None = None, file: str = OPEN
) -> tuple[str, str, str, str]:
    facing = Facing(Scripted(["hello"]), file)
    await facing.ask("POST", path, msgspec.json.encode(body), **(headers or {}))
    (record,) = facing.journal.records
    return record.session, record.agent, record.parent_agent, record.user


@pytest.mark.parametrize(
    "name",
    ["x-claude-code-session-id", "session-id", "x-session-id", "x-session-affinity", "thread-id"],
)
@virtual
async def test_a_header_of_a_client_names_the_session(name: str) -> None:
    assert (await recorded("/v1/chat/completions", CHAT, {name: "s-1"}))[0] == "s-1"


@virtual
async def test_the_header_counts_before_the_body_and_an_empty_one_does_not() -> None:
    body = {**CHAT, "prompt_cache_key": "of-body"}
    assert (await recorded("/v1/chat/completions", body, {"x-session-id": "of-header"}))[0] == "of-header"
    assert (await recorded("/v1/chat/completions", body, {"x-session-id": " "}))[0] == "of-body"


@virtual
async def test_the_agents_of_a_session_are_on_the_record() -> None:
    headers = {"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a", "x-claude-code-parent-agent-id": "p"}
    assert await recorded("/v1/messages", CLAUDE, headers) == ("s", "a", "p", "")


@pytest.mark.parametrize(
    ("path", "body", "session"),
    [
        ("/v1/chat/completions", {**CHAT, "prompt_cache_key": "k"}, "k"),
        ("/v1/chat/completions", {**CHAT, "prompt_cache_key": 5}, ""),
        ("/v1/chat/completions", {**CHAT, "conversation": {"id": "c"}}, "c"),
        ("/v1/chat/completions", CHAT, ""),
        ("/v1/responses", {**RESPONSES, "prompt_cache_key": "k"}, "k"),
        ("/v1/responses", {**RESPONSES, "prompt_cache_key": None, "conversation": None}, ""),
    ],
)
@virtual
async def test_a_body_of_openai_names_the_session(path: str, body: dict[str, Any], session: str) -> None:
    assert (await recorded(path, body))[0] == session


@pytest.mark.parametrize(
    ("said", "user", "session"),
    [
        ("user_ab_account_cd_session_ef", "user_ab_account_cd", "ef"),
        ('{"device_id":"d","account_uuid":"","session_id":"s"}', "d", "s"),
        ('{"device_id":"d","account_uuid":"u","session_id":"s"}', "u", "s"),
        ("{no json", "{no json", "{no json"),
        ("someone", "someone", "someone"),
        ("_session_", "_session_", "_session_"),
        ("", "", ""),
        (7, "", ""),
    ],
)
@virtual
async def test_claude_code_says_user_and_session_in_one_field(said: object, user: str, session: str) -> None:
    found = await recorded("/v1/messages", {**CLAUDE, "metadata": {"user_id": said}})
    assert (found[3], found[0]) == (user, session)


@virtual
async def test_a_long_name_is_cut() -> None:
    assert len((await recorded("/v1/chat/completions", {**CHAT, "prompt_cache_key": "k" * 999}))[0]) == MOST_TEXT
    assert len((await recorded("/v1/chat/completions", CHAT, {"x-session-id": "k" * 999}))[0]) == MOST_TEXT


def named(source: str) -> str:
    return OPEN.replace("assistant: {", f"assistant: {{session: '{source}', ")


@pytest.mark.parametrize(
    ("source", "headers", "more", "session"),
    [
        ("header:X-Thread", {"x-thread": "a", "x-session-id": "b"}, {}, "a"),
        ("header:X-Thread", {"x-session-id": "b"}, {}, "b"),
        ("body:thread", {"x-session-id": "b"}, {"thread": "c", "prompt_cache_key": "d"}, "c"),
        ("body:metadata.thread.id", {}, {"metadata": {"thread": {"id": 7}}, "thread": "c"}, "7"),
        ("body:metadata.thread", {}, {"metadata": "none", "prompt_cache_key": "d"}, "d"),
        ("body:thread", {"x-session-id": "b"}, {"thread": ""}, "b"),
        ("body:thread", {}, {"thread": []}, ""),
    ],
)
@virtual
async def test_the_file_says_where_the_sessions_of_an_alias_are_named(
    source: str, headers: dict[str, str], more: dict[str, Any], session: str
) -> None:
    assert (await recorded("/v1/chat/completions", {**CHAT, **more}, headers, named(source)))[0] == session


@virtual
async def test_a_body_that_is_no_json_names_no_session_and_gets_its_error() -> None:
    facing = Facing(Scripted([]), named("body:thread"))
    assert (await facing.ask("POST", "/v1/chat/completions", b'{"thread')).status == 400
    assert facing.journal.records[0].session == ""
