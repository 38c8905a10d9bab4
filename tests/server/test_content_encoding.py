"""Compressed bodies: decoded within the body's limit, or refused with what is taken."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from headworks.core.errors import Malformed, TooLarge, UnknownCoding
from headworks.providers.scripted import Scripted
from headworks.server.content_encoding import STEP, TAKEN, Decompressor, plain
from headworks.testing import virtual
from tests.server.test_app import KEYED, Facing, chat

BEARER = {"authorization": "Bearer web-secret-0123456789"}


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " x-gzip "])
def test_a_gzip_body_is_read_as_what_it_was(coding: str) -> None:
    @virtual
    async def run() -> None:
        leaf = Scripted(["hello"])
        body = chat()
        answered = await Facing(leaf).ask(
            "POST", "/v1/chat/completions", gzip.compress(body, mtime=0), content_encoding=coding
        )
        assert (answered.status, leaf.calls[0].body) == (200, body)

    run()


@virtual
async def test_identity_is_no_coding() -> None:
    leaf = Scripted(["hello"])
    answered = await Facing(leaf).ask("POST", "/v1/chat/completions", chat(), content_encoding="identity")
    assert (answered.status, leaf.calls[0].body) == (200, chat())


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "x" * 10_000])
def test_another_coding_is_415_with_what_is_taken(coding: str) -> None:
    @virtual
    async def run() -> None:
        facing = Facing(Scripted([]))
        answered = await facing.ask("POST", "/v1/embeddings", b"x", content_encoding=coding)
        assert (answered.status, answered.headers[b"accept-encoding"]) == (415, b"gzip")
        assert answered.json["error"]["code"] == "unsupported_content_encoding"
        assert len(answered.body) < 500
        assert [record.outcome for record in facing.journal.records] == ["refused"]

    run()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no gzip", 400),
        (b"", 400),
        (gzip.compress(chat(), mtime=0)[:-3], 400),
        (gzip.compress(chat(), mtime=0) + b"more", 400),
        (zlib.compress(chat()), 400),
        (gzip.compress(b" " * 2_000_000, mtime=0), 413),
    ],
)
def test_what_is_no_gzip_or_too_long_is_the_callers_fault(body: bytes, status: int) -> None:
    @virtual
    async def run() -> None:
        facing = Facing(Scripted([]))
        facing.max_body = 200_000
        answered = await facing.ask("POST", "/v1/chat/completions", body, content_encoding="gzip")
        assert answered.status == status
        assert [record.outcome for record in facing.journal.records] == ["refused"]

    run()


@virtual
async def test_nothing_is_decoded_for_a_stranger() -> None:
    facing = Facing(Scripted([]), KEYED)
    bomb = gzip.compress(b" " * 5_000_000, mtime=0)
    answered = await facing.ask(
        "POST", "/v1/chat/completions", bomb, content_encoding="gzip", authorization="Bearer no"
    )
    assert answered.status == 401
    known = await facing.ask(
        "POST", "/v1/chat/completions", gzip.compress(b"{}", mtime=0), content_encoding="gzip", **BEARER
    )
    assert known.status == 400


def test_a_bomb_is_given_up_one_step_beyond_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000, mtime=0)
    assert len(bomb) < 20_000
    unzipping = Decompressor(bomb, 1_000_000)
    with pytest.raises(TooLarge, match="1000000"):
        unzipping.rest()
    assert sum(map(len, unzipping.pieces)) <= 1_000_000 + STEP


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP])
def test_every_length_comes_out_whole(size: int) -> None:
    assert asyncio.run(plain(gzip.compress(b"a" * size, mtime=0), "gzip", size)) == b"a" * size
    with pytest.raises(Malformed):
        asyncio.run(plain(gzip.compress(b"a" * size, mtime=0)[:-1], "gzip", size))
    if size:
        with pytest.raises(TooLarge):
            asyncio.run(plain(gzip.compress(b"a" * size, mtime=0), "gzip", size - 1))
    with pytest.raises(UnknownCoding):
        asyncio.run(plain(b"", "br", size))


@pytest.mark.parametrize("block", [b"\0\0\0\xff\xff", b"\2\x08\x20\x80\0"])
def test_a_body_of_empty_blocks_is_decoded_in_small_steps_though_nothing_comes_out(block: bytes) -> None:
    unzipping = Decompressor(b"\x1f\x8b\x08" + b"\0" * 7 + block * 100_000, 1_000_000)
    assert not unzipping.step()
    assert (unzipping.at, unzipping.pieces) == (TAKEN, [])
    with pytest.raises(Malformed):
        unzipping.rest()
    assert unzipping.pieces == []
