"""What a caller's Cache-Control asks for, and how old an answer may be."""

import msgspec
import pytest

from headworks.policy.freshness import (
    ANY,
    NO_CACHE,
    NO_STORE,
    OVERHEAD,
    CacheControl,
    CachedAnswer,
    is_fresh,
    parse_cache_control,
)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("", ANY),
        ("no-cache", NO_CACHE),
        ("No-Cache", NO_CACHE),
        ("no-store", NO_STORE),
        ("no-cache, no-store", NO_STORE),
        ("max-age=60", CacheControl(max_age=60.0)),
        (' MAX-AGE="60" ', CacheControl(max_age=60.0)),
        ("max-age=0", NO_CACHE),
        ("max-age=soon", NO_CACHE),
        ("max-age", NO_CACHE),
        ("max-age=-1", NO_CACHE),
        ("max-age=999999999999999999", NO_CACHE),
        ("no-cache, max-age=60", NO_CACHE),
        ("max-age=60, no-cache", NO_CACHE),
        ("max-stale=60, only-if-cached, private", ANY),
        (",,", ANY),
    ],
)
def test_the_words_of_http_are_read_strictly(said: str, asked: CacheControl) -> None:
    assert parse_cache_control(said) == asked


@pytest.mark.parametrize(
    ("age", "asked", "fresh"),
    [
        (0, ANY, True),
        (99.9, ANY, True),
        (100, ANY, False),
        (60, CacheControl(max_age=60), True),
        (61, CacheControl(max_age=60), False),
        (150, CacheControl(max_age=200), False),  # never staler than the system file allows
        (-5, CacheControl(max_age=1), True),  # the calendar was set back
    ],
)
def test_an_answer_is_fresh_within_both_bounds(age: float, asked: CacheControl, fresh: bool) -> None:
    kept = CachedAnswer(streamed=False, body=b"", made_at=1000.0)
    assert is_fresh(kept, asked, 100.0, 1000.0 + age) is fresh


def test_the_size_counts_what_text_may_take() -> None:
    plain = CachedAnswer(streamed=True, body=b"12345", counts=b"678", text="ab", made_at=0.0)
    assert plain.size() == 5 + 3 + 2 + OVERHEAD
    wide = CachedAnswer(streamed=True, body=b"12345", text="a\N{SNOWMAN}", made_at=0.0)
    assert wide.size() == 5 + 8 + OVERHEAD


def test_an_answer_that_an_earlier_version_kept_does_not_say_whose_it_was() -> None:
    old = msgspec.msgpack.encode({"streamed": False, "body": b"{}", "made_at": 12.5})
    assert msgspec.msgpack.decode(old, type=CachedAnswer).user is None
