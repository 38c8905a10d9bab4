"""The answers kept in this process: bounded in bytes, honest about what goes."""

import asyncio
from random import Random

from headworks.policy.freshness import CachedAnswer
from headworks.state.answers import Answers
from headworks.testing import virtual


def answer(size: int) -> CachedAnswer:
    return CachedAnswer(streamed=False, body=b"x" * size, made_at=0.0)


ONE = answer(1000).size()


@virtual
async def test_what_is_kept_is_found_until_it_is_too_old() -> None:
    answers = Answers(10 * ONE, ttl=60.0)
    kept = answer(1000)
    await answers.keep(b"a", kept)
    await asyncio.sleep(59.9)
    assert await answers.find(b"a") is kept
    assert await answers.find(b"b") is None
    await asyncio.sleep(0.1)
    assert await answers.find(b"a") is None
    assert (len(answers), answers.bytes, answers.evicted) == (0, 0, 0)


@virtual
async def test_the_longest_unused_goes_first_and_is_counted() -> None:
    answers = Answers(3 * ONE, ttl=60.0)
    for name in (b"a", b"b", b"c"):
        await answers.keep(name, answer(1000))
    assert await answers.find(b"a")
    await answers.keep(b"d", answer(1000))
    assert await answers.find(b"b") is None
    assert all([await answers.find(name) for name in (b"a", b"c", b"d")])
    assert (answers.bytes, answers.evicted) == (3 * ONE, 1)


@virtual
async def test_what_is_too_old_makes_room_before_anything_that_is_not() -> None:
    answers = Answers(2 * ONE, ttl=60.0)
    await answers.keep(b"old", answer(1000))
    await asyncio.sleep(40)
    await answers.keep(b"young", answer(1000))
    assert await answers.find(b"old")  # used last, and yet the first to go
    await asyncio.sleep(20)
    await answers.keep(b"new", answer(1000))
    assert await answers.find(b"young")
    assert answers.evicted == 0


@virtual
async def test_what_is_larger_than_all_the_room_is_not_kept_and_drives_nothing_out() -> None:
    answers = Answers(2 * ONE, ttl=60.0)
    await answers.keep(b"a", answer(1000))
    await answers.keep(b"large", answer(5000))
    assert await answers.find(b"large") is None
    assert await answers.find(b"a")


@virtual
async def test_a_newer_answer_takes_the_place_and_the_time_of_an_earlier_one() -> None:
    answers = Answers(10 * ONE, ttl=60.0)
    await answers.keep(b"a", answer(1000))
    await asyncio.sleep(50)
    await answers.keep(b"a", answer(10))
    await asyncio.sleep(20)
    await answers.keep(b"b", answer(10))  # looks at what expired: the first of the two
    assert await answers.find(b"a")
    assert answers.bytes == 2 * answer(10).size()


@virtual
async def test_the_bytes_are_always_the_sum_and_never_above_the_bound() -> None:
    rng = Random(5)
    answers = Answers(20_000, ttl=30.0)
    sizes: dict[bytes, int] = {}
    for _ in range(2000):
        name = b"%d" % rng.randrange(40)
        if rng.random() < 0.5:
            kept = answer(rng.randrange(4000))
            sizes[name] = kept.size()
            await answers.keep(name, kept)
        elif (found := await answers.find(name)) is not None:
            assert found.size() == sizes[name]
        assert 0 <= answers.bytes <= 20_000
        await asyncio.sleep(rng.random())
    assert answers.evicted > 100
    alive = [found for name in sizes if (found := await answers.find(name)) is not None]
    assert answers.bytes == sum(found.size() for found in alive)
    assert len(answers) == len(alive) > 0
