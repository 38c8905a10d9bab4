"""The nouns keep their promises: sums, what is printed, what is remembered."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import NEVER, Call
from headworks.core.digest import digest
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.trail import Attempt, Trail
from headworks.wire.openai.caller import CHAT

COUNTS = st.integers(0, 10**9)


@given(st.tuples(*[COUNTS] * 8))
def test_the_classes_of_tokens_are_disjoint_and_sum_to_all(counts: tuple[int, ...]) -> None:
    names = ["input", "cached_input", "cache_write", "cache_write_1h"]
    names += ["audio_input", "output", "reasoning", "audio_output"]
    usage = Usage(**dict(zip(names, counts, strict=True)))
    assert usage.input_tokens + usage.output_tokens == sum(counts)


def test_a_whole_reply_is_read_once_and_knows_its_end_before_it_is_read() -> None:
    usage = Usage(input=1, output=2)
    chunks = [Chunk(data=b"a", text="a"), Chunk(data=b"", finish="stop"), Chunk(data=b"", usage=usage, last=True)]
    reply = CompleteReply(list(chunks), streamed=True, headers=((b"x", b"y"),))
    assert (reply.finish, reply.usage, reply.streamed, reply.headers) == ("stop", usage, True, ((b"x", b"y"),))
    assert asyncio.run(reply.read()) == chunks
    assert asyncio.run(reply.read()) == []


def test_a_reply_that_nobody_filled_is_over() -> None:
    assert asyncio.run(Reply(streamed=False).read()) == []


def test_a_call_prints_neither_its_credential_nor_its_words() -> None:
    call = Call(id="1", alias="a", body=b"my words", dialect=CHAT, credential="sk-secret", user="me")
    for shown in (repr(call), str(call), f"{call}"):
        assert "secret" not in shown
        assert "words" not in shown
        assert "'a'" in shown


def test_a_call_is_frozen_and_its_trail_is_its_own() -> None:
    call = Call(id="1", alias="a", body=b"", dialect=CHAT)
    with pytest.raises(AttributeError):
        call.alias = "b"  # type: ignore[misc]
    assert call.deadline_at == NEVER
    assert Call(id="2", alias="a", body=b"", dialect=CHAT).trail is not call.trail
    assert msgspec.structs.replace(call, tenant="web").trail is call.trail


def test_a_trail_keeps_the_attempts_in_the_order_in_which_they_began() -> None:
    trail = Trail()
    first = trail.begin("a/x", "first", 1.0)
    second = trail.begin("b/y", "fallback", 2.0)
    assert trail.attempts == [first, second]
    assert (second.target, second.why, second.started_at) == ("b/y", "fallback", 2.0)
    assert (second.connect_by, second.head_by, second.gap, second.ended_at) == (0.0, 0.0, 0.0, 0.0)


def test_an_attempt_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        Attempt("a", "first", 0.0).cost = 1  # type: ignore[attr-defined]


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_digest_stands_for_its_bytes(one: bytes, other: bytes) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert len(digest(one)) == 32
    assert digest(bytes(one)) == digest(one)
