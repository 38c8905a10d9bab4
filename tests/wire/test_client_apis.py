"""What a client of ours sends in each API is what that API's callers may send."""

from __future__ import annotations

import pytest

from headworks.server.app import CALLERS
from headworks.wire.client_apis import CLIENT_APIS
from tests.wire.answering import WORDS, called


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("word", WORDS)
def test_a_call_is_read_as_it_is_meant(word: str, streamed: bool) -> None:
    api = CLIENT_APIS[word]
    call = called(api, streamed=streamed, text='Say "a\\b"\n', model="org/other")
    assert (call.alias, call.streamed, call.max_output) == ("org/other", streamed, 64)
    assert call.include_usage or not streamed


@pytest.mark.parametrize("word", WORDS)
def test_it_is_posted_where_the_public_port_takes_this_api(word: str) -> None:
    api = CLIENT_APIS[word]
    assert CALLERS[api.path] is api.caller
    assert not api.streamed_path or CALLERS[api.streamed_path.partition("?")[0]] is api.caller


@pytest.mark.parametrize(
    ("word", "header"),
    [
        ("chat", (b"authorization", b"Bearer s")),
        ("completions", (b"authorization", b"Bearer s")),
        ("responses", (b"authorization", b"Bearer s")),
        ("messages", (b"x-api-key", b"s")),
        ("gemini", (b"x-goog-api-key", b"s")),
    ],
)
def test_a_key_is_sent_as_the_sdks_of_this_api_send_it(word: str, header: tuple[bytes, bytes]) -> None:
    assert header in CLIENT_APIS[word].sent_headers("s")
    assert header[0] not in dict(CLIENT_APIS[word].sent_headers(None))


def test_a_bound_that_responses_would_refuse_is_not_sent() -> None:
    assert b'"max_output_tokens":16' in CLIENT_APIS["responses"].written("m", "Hi", 1, streamed=False)
